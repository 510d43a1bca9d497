"""What a submission may use: time, memory, processes, files and output."""

from __future__ import annotations

from dataclasses import dataclass, fields

_KIB, _MIB = 1024, 1024**2


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one submission may use; a run that goes beyond one of them ends, and its report names the field.

    Attributes
    ----------
    memory
        Bytes that one submission may hold beyond what the zygote had loaded, all its processes together.
    cpu_seconds
        Seconds of CPU time of all its processes together.
    cell_seconds
        Seconds that one cell may take; then it is interrupted, and killed if that does not end it.
    notebook_seconds
        Seconds from the fork to the end.
    processes
        Processes and threads at one time.
    file_size
        Bytes of one file.
    scratch
        Bytes of all files in its scratch folder, ``/tmp`` and ``/dev/shm``, which share one quota.
    output_bytes
        Bytes written to standard output and standard error.
    open_files
        Open files at one time.

    Raises
    ------
    ValueError
        If a limit is not a number, is too small to start a Python process, or contradicts another one.

    Examples
    --------
    >>> Limits(cpu_seconds=20).cpu_seconds
    20
    >>> Limits(cell_seconds=100, notebook_seconds=60)
    Traceback (most recent call last):
    ...
    ValueError: cell_seconds is 100, but the whole notebook has notebook_seconds=60: give a cell no more than that.
    """

    memory: int = 2048 * _MIB
    cpu_seconds: float = 300
    cell_seconds: float = 60
    notebook_seconds: float = 600
    processes: int = 64
    file_size: int = 128 * _MIB
    scratch: int = 256 * _MIB
    output_bytes: int = 2 * _MIB
    open_files: int = 256

    def __post_init__(self) -> None:
        for field in fields(self):
            value, least = getattr(self, field.name), _LEAST[field.name]
            kind, numbers = ("an integer", int) if field.type == "int" else ("a number", (int, float))
            if isinstance(value, bool) or not isinstance(value, numbers):
                raise ValueError(f"{field.name} must be {kind}, but {value!r} was given.")
            if not least <= value <= _MOST:
                raise ValueError(f"{field.name} must be from {least} to {_MOST}, but {value} was given.")
        if self.cell_seconds > self.notebook_seconds:
            raise ValueError(
                f"cell_seconds is {self.cell_seconds}, but the whole notebook has "
                f"notebook_seconds={self.notebook_seconds}: give a cell no more than that."
            )


_LEAST = {
    "memory": 16 * _MIB,
    "cpu_seconds": 0.1,
    "cell_seconds": 0.1,
    "notebook_seconds": 0.1,
    "processes": 1,
    "file_size": 4 * _KIB,
    "scratch": 64 * _KIB,
    "output_bytes": 0,
    "open_files": 16,
}
_MOST = 2**50  # what fits into every field of the kernel
