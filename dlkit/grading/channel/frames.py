"""Messages over a socket: four bytes of length, then that many bytes, all within a time limit."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress

from dlkit.grading.channel.errors import Limits, TooLarge

_LENGTH = struct.Struct("!I")
_PIECE = 1 << 18


class Frames:
    """Sends and receives messages.

    Parameters
    ----------
    sock
        A connected stream socket without a time limit; it belongs to this object from now on.
    limits
        How large a message may be.
    """

    def __init__(self, sock: socket.socket, limits: Limits) -> None:
        self.sock, self.limits = sock, limits
        self._rest = b""  # what came together with the message before

    def send(self, message: bytes | memoryview, deadline: float | None = None) -> None:
        """Send a message.

        Raises
        ------
        TimeoutError
            If the other side has not taken it by the deadline, a reading of ``time.monotonic``.
        OSError
            If the other side is gone.
        """
        self._wait_until(deadline)
        first = _PIECE - _LENGTH.size
        self.sock.sendall(b"".join((_LENGTH.pack(len(message)), message[:first])))
        for at in range(first, len(message), _PIECE):
            self._wait_until(deadline)
            self.sock.sendall(message[at : at + _PIECE])

    def receive(self, deadline: float | None = None) -> bytearray:
        """Wait for a message. Memory grows with what has come, not with the length that was announced.

        Raises
        ------
        TooLarge
            If it is larger than it may be; it has been read and thrown away.
        TimeoutError
            If it has not come by the deadline.
        EOFError, OSError
            If the other side is gone.
        """
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size, deadline))
        if length > self.limits.message:
            self._skip(length, deadline)
            raise TooLarge(f"a message may have {self.limits.message:,} bytes, got one of {length:,}")
        return self._exactly(length, deadline)

    def close(self) -> None:
        """Close the connection, for every process that holds this end of it."""
        with suppress(OSError):  # it is closed from the other side already
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def _exactly(self, length: int, deadline: float | None) -> bytearray:
        data = bytearray()
        while len(data) < length:
            data += self._some(length - len(data), deadline)
        return data

    def _skip(self, length: int, deadline: float | None) -> None:
        while length:
            length -= len(self._some(length, deadline))

    def _some(self, most: int, deadline: float | None) -> bytes:
        self._wait_until(deadline)
        data = self._rest or self.sock.recv(_PIECE)
        if not data:
            raise EOFError("the other side has closed the connection")
        data, self._rest = data[:most], data[most:]
        return data

    def _wait_until(self, deadline: float | None) -> None:
        if deadline is None:
            return
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time is up")
        self.sock.settimeout(left)
