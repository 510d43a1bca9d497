"""A file from the network: whole and as published, or not at all."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from dlkit.errors import CourseError


def fetch(urls: Sequence[str], path: Path, *, sha256: str, size: int, timeout: float = 30.0) -> None:
    """Put the file that one of `urls` has at `path`, unless there is one already.

    The bytes are compared with the checksum before anything is written, and the file gets its name only when it is
    complete: a run that breaks off, or several at once, leave nothing half-done behind, and the next goes on from
    there.

    Parameters
    ----------
    urls : sequence of str
        Where the file can be had; tried in this order.
    path : Path
        Where it goes. Its folder is made.
    sha256 : str
        The checksum, in hexadecimal digits.
    size : int
        The length in bytes; no more is read from the network. The file is held in memory while it is checked.
    timeout : float, default 30
        Seconds without an answer after which the next address is tried.

    Raises
    ------
    CourseError
        If no address gave the file; the message says what happened at each.
    OSError
        If the file cannot be written.
    """
    if path.exists():
        return
    from http.client import HTTPException  # here, as few runs need them and they take longer than the rest of dlkit
    from urllib.request import urlopen

    failures = []
    for url in urls:
        try:
            with urlopen(url, timeout=timeout) as answer:
                content = answer.read(size + 1)
        except (OSError, HTTPException) as error:  # of which URLError, HTTPError and the time-out are OSErrors
            failures.append(f"{url}: {str(error) or type(error).__name__}")
            continue
        got = hashlib.sha256(content).hexdigest()
        if got == sha256:
            _write(path, content)
            return
        length = f"more than {size}" if len(content) > size else str(len(content))
        failures.append(f"{url}: not the file: {length} bytes of {size}, SHA-256 {got[:12]}… for {sha256[:12]}…")
    raise CourseError(f"{path.name} could not be downloaded:\n" + "\n".join(f"  {failure}" for failure in failures))


def _write(path: Path, content: bytes) -> None:
    """Write under another name in the same folder, then rename, which happens at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
