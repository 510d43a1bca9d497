"""What the owner of a zygote and the keeper of a submission say to each other, over the reins."""

from __future__ import annotations

import json
import socket
from dataclasses import asdict, dataclass

from dlkit.grading.sandbox.limits import Limits

BEGIN_CELL, END_CELL, INTERRUPT, KILL = b"ceik"  # single bytes from the owner, after the job
CHANNEL = 3  # the number of the channel's file descriptor in the student's process


@dataclass(frozen=True)
class Job:
    """What the owner tells the keeper: the program ``module:function``, its argument, the limits, files by name."""

    program: str
    argument: str
    limits: Limits
    files: dict[str, bytes]

    def send(self, reins: socket.socket) -> None:
        """Write the job."""
        sizes = {name: len(data) for name, data in self.files.items()}
        head = {"program": self.program, "argument": self.argument, "limits": asdict(self.limits), "files": sizes}
        send_block(reins, json.dumps(head).encode())
        for data in self.files.values():
            reins.sendall(data)

    @classmethod
    def receive(cls, reins: socket.socket) -> Job:
        """Read a job."""
        head = json.loads(receive_block(reins))
        files = {name: receive(reins, size) for name, size in head["files"].items()}
        return cls(head["program"], head["argument"], Limits(**head["limits"]), files)


def send_block(to: socket.socket, data: bytes) -> None:
    """Write bytes with their length before them."""
    to.sendall(len(data).to_bytes(8, "big") + data)


def receive_block(source: socket.socket) -> bytes:
    """Read what `send_block` wrote; `EOFError` if the other end is closed."""
    return receive(source, int.from_bytes(receive(source, 8), "big"))


def receive(source: socket.socket, size: int) -> bytes:
    """Read so many bytes; `EOFError` if the other end is closed before."""
    parts = []
    while size:
        part = source.recv(min(size, 1 << 20))
        if not part:
            raise EOFError("the other end of the socket is closed")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
