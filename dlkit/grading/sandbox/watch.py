"""What the processes of one submission use, and their end; for its keeper."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

from dlkit.grading.sandbox.limits import Limits

_TICKS = os.sysconf("SC_CLK_TCK")


class Watch:
    """Looks after the processes that descend from this one.

    Parameters
    ----------
    limits
        What they may use.
    alone
        This process is the first of its PID namespace, so that all others in it are the submission's.
    """

    def __init__(self, limits: Limits, *, alone: bool):
        self.limits, self.alone = limits, alone
        self.started = monotonic()
        self.student = 0
        self.status: int | None = None  # of the student's process, as from waitpid, when it has ended
        self.cpu_seconds = 0.0  # of the processes that have ended
        self.peak_memory = 0
        # Opened before /proc hides from this process what a student's process does not want to show.
        self._proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY) if Path("/proc/self").is_dir() else None
        self._base = self._bytes(os.getpid(), "status", ("VmRSS:",))  # what a fork of this process begins with

    def reap(self) -> bool:
        """Take note of the processes that have ended; return whether any is left."""
        try:
            while True:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    return True
                self.cpu_seconds += usage.ru_utime + usage.ru_stime
                self.peak_memory = max(self.peak_memory, usage.ru_maxrss * 1024 - self._base)
                if pid == self.student:
                    self.status = status
        except ChildProcessError:
            return False

    def exceeded(self) -> str | None:
        """Return the limit that is exceeded, if one is: the whole time, or the CPU time or memory of all together."""
        if monotonic() - self.started > self.limits.notebook_seconds:
            return "notebook_seconds"
        living = self.living()
        if self.cpu_seconds + sum(map(self._cpu_seconds, living)) > self.limits.cpu_seconds:
            return "cpu_seconds"
        most = self.limits.memory + self._base
        if sum(self._bytes(pid, "status", ("RssAnon:", "RssShmem:")) for pid in living) > most:
            # Forks share memory; who has how much of it is asked only now, since the answer takes its time.
            shares = (self._bytes(pid, "smaps_rollup", ("Pss_Anon:", "Pss_Shmem:")) for pid in living)
            if sum(shares) > most:
                return "memory"
        return None

    def living(self) -> list[int]:
        """Return the submission's processes, those that have ended but are not reaped left out."""
        if self._proc is None:
            return [self.student] if self.status is None else []
        parents = {}
        for pid in [int(name) for name in os.listdir(self._proc) if name.isdecimal()]:  # noqa: PTH208  (a descriptor)
            fields = self._stat(pid)
            if fields and fields[0] not in "ZX":
                parents[pid] = int(fields[1])
        if self.alone:
            return [pid for pid in parents if pid != os.getpid()]
        found, todo = [], [os.getpid()]
        while todo:
            parent = todo.pop()
            children = [pid for pid, its in parents.items() if its == parent]
            found += children
            todo += children
        return found

    def kill_all(self) -> int:
        """Kill every process of the submission; return how many there were besides the student's own."""
        left = [pid for pid in self.living() if pid != self.student]
        give_up = monotonic() + 5
        while self.reap() and monotonic() < give_up:
            for pid in [-1] if self.alone else self.living():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            sleep(0.0005)
        return len(left)

    def _stat(self, pid: int) -> list[str]:
        """Return the fields of ``/proc/PID/stat`` from the state on."""
        return self._read(f"{pid}/stat").rpartition(")")[2].split()

    def _cpu_seconds(self, pid: int) -> float:
        fields = self._stat(pid)
        return sum(map(int, fields[11:15])) / _TICKS  # its own, and of the children that it has reaped

    def _bytes(self, pid: int, file: str, names: tuple[str, ...]) -> int:
        lines = self._read(f"{pid}/{file}").splitlines()
        return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(names))

    def _read(self, path: str) -> str:
        try:
            descriptor = os.open(path, os.O_RDONLY, dir_fd=self._proc)
        except OSError:  # it has ended meanwhile
            return ""
        with suppress(OSError), os.fdopen(descriptor, errors="replace") as file:
            return file.read()
        return ""
