"""One submission inside the sandbox: its scratch folder, the student's process, its limits, the report.

The keeper is a fork of the zygote in namespaces of its own: the first process of its PID namespace, so that no
signal of the student's process reaches it, and with it ends whatever she left running. Its memory is closed to her.
It talks to the owner over the reins, a socket that the student's process does not have (see ``wire``).

Without a sandbox the same happens without namespaces, quota and filter, as well as that goes.
"""

from __future__ import annotations

import fcntl
import importlib
import json
import math
import os
import resource
import select
import shutil
import signal
import socket
import stat
import sys
import tempfile
import traceback
import types
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, NoReturn

from dlkit.grading.sandbox import system
from dlkit.grading.sandbox.bubblewrap import HOME, USER_ID
from dlkit.grading.sandbox.limits import Limits
from dlkit.grading.sandbox.watch import Watch
from dlkit.grading.sandbox.wire import BEGIN_CELL, CHANNEL, END_CELL, INTERRUPT, KILL, Job, send_block

_GRACE = 2.0  # seconds that an interrupted cell has to end


def keep(reins: socket.socket, channel: int | None, outside: tuple[int, int] | None, places: list[str]) -> None:
    """Run one submission to its end and report.

    Parameters
    ----------
    reins
        The socket to the owner.
    channel
        The file descriptor that the student's process gets, as number 3.
    outside
        This process's user and group outside its new namespaces; ``None`` without a sandbox.
    places
        What is to be seen in the sandbox besides the system, should it lie where the scratch folders are mounted.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        report, output = _keep(reins, channel, outside, places)
    except EOFError:
        return  # the owner has gone: nobody wants to know
    except Exception as error:
        report_trouble(reins, error)
        return
    with suppress(OSError):
        send_block(reins, json.dumps(report).encode())
        send_block(reins, output)


def report_trouble(reins: socket.socket, error: Exception) -> None:
    """Tell the owner why a submission could not be run."""
    with suppress(OSError):
        send_block(reins, json.dumps({"trouble": f"{type(error).__name__}: {error}"}).encode())


def _keep(
    reins: socket.socket, channel: int | None, outside: tuple[int, int] | None, places: list[str]
) -> tuple[dict[str, Any], bytes]:
    alone = outside is not None
    if outside is not None:
        system.map_user(USER_ID, outside)
        system.set_dumpable(False)
    elif sys.platform == "linux":
        system.adopt_orphans()
    job = Job.receive(reins)
    scratch = _mount_scratch(job.limits, places) if alone else tempfile.mkdtemp(prefix="submission-")
    try:
        _put(job.files, scratch)
        if alone:
            system.mount("proc", "proc", "/proc", system.MS_NOSUID | system.MS_NODEV | system.MS_NOEXEC)
        watch = Watch(job.limits, alone=alone)
        if alone:
            flags = system.MS_NOSUID | system.MS_NODEV | system.MS_NOEXEC
            system.mount("proc", "proc", "/proc", flags, "hidepid=2")
        out, into = os.pipe()
        watch.student = os.fork()
        if watch.student == 0:
            be_student(job, scratch, channel, into, isolated=alone)
        os.close(into)
        if channel is not None:
            os.close(channel)
        report, output = supervise(watch, reins, out)
        report["scratch_bytes"] = _used(scratch, alone)
        return report, output
    finally:
        if not alone:
            shutil.rmtree(scratch, ignore_errors=True)


def _mount_scratch(limits: Limits, places: list[str]) -> str:
    """Give this submission a home, a ``/tmp`` and a ``/dev/shm`` of its own, with one quota for all."""
    covered = [place for place in map(Path, places) if any(map(place.is_relative_to, ("/tmp", HOME, "/dev/shm")))]
    held = {p: os.open(p, os.O_PATH) for p in covered if not any(map(p.is_relative_to, set(covered) - {p}))}
    inodes = max(64, min(20_000, limits.scratch // 8192))
    system.mount("tmpfs", "tmpfs", "/tmp", options=f"size={limits.scratch},nr_inodes={inodes},mode=0700")
    for name, target in (("home", HOME), ("shm", "/dev/shm"), ("tmp", "/tmp")):  # /tmp last: it covers the others
        Path("/tmp", name).mkdir(0o700)
        system.mount(None, f"/tmp/{name}", target, system.MS_BIND)
    for place, descriptor in held.items():  # an environment, or data, under /tmp
        folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        (place if folder else place.parent).mkdir(parents=True, exist_ok=True)
        if not folder:
            place.touch()
        system.mount(None, f"/proc/self/fd/{descriptor}", str(place), system.MS_BIND | system.MS_REC)
        os.close(descriptor)
    return HOME


def _put(files: dict[str, bytes], scratch: str) -> None:
    for name, data in files.items():
        path = Path(scratch, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _used(scratch: str, quota: bool) -> int:
    if quota:
        state = os.statvfs(scratch)
        return (state.f_blocks - state.f_bfree) * state.f_frsize
    return sum(path.lstat().st_size for path in Path(scratch).rglob("*") if not path.is_dir())


# ---- its limits -----------------------------------------------------------------------------------------------------


def supervise(watch: Watch, reins: socket.socket, out: int) -> tuple[dict[str, Any], bytes]:
    """Wait until the student's process ends or must be ended; then end all others.

    Returns
    -------
    tuple
        The report, as in `dlkit.grading.sandbox.Report`, and what was written to the pipe `out`.

    Raises
    ------
    EOFError
        If the owner has closed its end of the reins.
    """
    limits, output = watch.limits, bytearray()
    limit: str | None = None
    killed = interrupted = False
    cell_ends = math.inf
    pause = 0.05 if watch.alone else 0.2  # without a PID namespace all processes of the machine are looked through
    look = monotonic() + pause
    poll = select.poll()
    poll.register(reins, select.POLLIN)
    poll.register(out, select.POLLIN)
    if hasattr(os, "pidfd_open"):
        poll.register(os.pidfd_open(watch.student), select.POLLIN)
    while limit is None and not killed:
        ready = {number for number, _ in poll.poll(1000 * pause)}
        if reins.fileno() in ready:
            orders = reins.recv(64)
            if not orders:
                watch.kill_all()
                raise EOFError("the owner has gone")
            for order in orders:
                if order == BEGIN_CELL:
                    cell_ends, interrupted = monotonic() + limits.cell_seconds, False
                elif order == END_CELL:
                    cell_ends = math.inf
                elif order == INTERRUPT:
                    os.kill(watch.student, signal.SIGINT)
                elif order == KILL:
                    killed = True
        if out in ready:
            part = os.read(out, 1 << 16)
            output += part
            if not part:  # closed by all of them
                poll.unregister(out)
            if len(output) > limits.output_bytes:
                limit = "output_bytes"
        watch.reap()
        if watch.status is not None:
            break
        now = monotonic()
        if now > cell_ends and not interrupted:
            os.kill(watch.student, signal.SIGINT)
            cell_ends, interrupted = now + _GRACE, True
        elif now > cell_ends:
            limit = "cell_seconds"
        if now > look:
            limit, look = limit or watch.exceeded(), now + pause
    leftover = watch.kill_all()
    wall_seconds = monotonic() - watch.started
    os.set_blocking(out, False)
    with suppress(BlockingIOError):
        while len(output) <= limits.output_bytes and (part := os.read(out, 1 << 16)):
            output += part
    if len(output) > limits.output_bytes:
        limit = limit or "output_bytes"
        del output[limits.output_bytes :]
    status = watch.status if watch.status is not None else 0
    code = number = None
    if limit is None and not killed:
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        # the kernel counts in ticks for SIGXCPU, and so a little more
        share = 0.5 if number == signal.SIGXCPU else 0.9 if number == signal.SIGKILL else None
        if share is not None and watch.cpu_seconds > share * limits.cpu_seconds:
            number, limit = None, "cpu_seconds"
    report = {
        "exit_code": code, "signal": number, "limit": limit, "killed": killed, "leftover": leftover,
        "cpu_seconds": watch.cpu_seconds, "wall_seconds": wall_seconds, "peak_memory": watch.peak_memory,
    }  # fmt: skip
    return report, bytes(output)


# ---- the student's process ------------------------------------------------------------------------------------------


def be_student(job: Job, scratch: str, channel: int | None, out: int, *, isolated: bool) -> NoReturn:
    """Become the student's process, run the program of the job, and end."""
    code = 1
    try:
        _close_all_but(channel, out)
        os.setsid()
        os.chdir(scratch)
        os.umask(0o077)
        if not isolated:
            os.environ["HOME"] = scratch
            if sys.platform == "linux":
                system.die_with_parent()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
        sys.stdout = open(1, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
        sys.argv, sys.orig_argv = [""], [sys.executable]
        sys.path.insert(0, scratch)
        _limit(job.limits, keeper=int(isolated))
        if isolated:
            with suppress(OSError):
                Path("/proc/self/oom_score_adj").write_text("1000")
            system.set_dumpable(True)
            system.give_up_privileges()
            if system.can_filter():
                system.filter_calls()
        code = _run(job.program, None if channel is None else CHANNEL, job.argument)
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _close_all_but(channel: int | None, out: int) -> None:
    """Leave the descriptors 0 (empty), 1 and 2 (the pipe to the keeper) and 3 (the channel)."""
    keep = [os.open(os.devnull, os.O_RDONLY), out, out, *([] if channel is None else [channel])]
    for number, descriptor in enumerate([fcntl.fcntl(d, fcntl.F_DUPFD, 16) for d in keep]):
        os.dup2(descriptor, number, inheritable=number < CHANNEL)
    os.closerange(len(keep), resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _limit(limits: Limits, keeper: int) -> None:
    size = 0
    with suppress(FileNotFoundError):
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    cpu = math.ceil(limits.cpu_seconds)
    bounds = {
        "AS": size + limits.memory if size else resource.RLIM_INFINITY,
        "CPU": cpu,
        "FSIZE": limits.file_size,
        "NOFILE": limits.open_files,
        "CORE": 0,
        "MEMLOCK": 64 * 1024,
        "MSGQUEUE": 0,
    }
    if keeper:  # without a namespace of its own a user's other processes would be counted too
        bounds["NPROC"] = limits.processes + keeper
    for name, value in bounds.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is not None:
            most = resource.getrlimit(kind)[1]
            hard = value + 2 if name == "CPU" else value
            known = most == resource.RLIM_INFINITY
            resource.setrlimit(kind, (value if known else min(value, most), hard if known else min(hard, most)))


def _run(program: str, channel: int | None, argument: str) -> int:
    module, _, name = program.partition(":")
    try:
        code = getattr(importlib.import_module(module), name)(channel, argument)
    except SystemExit as leave:
        code = leave.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
            return 1
    return code & 0xFF if isinstance(code, int) else 0


def run_source(channel: int | None, source: str) -> None:
    """Run Python source as the main module, with the file descriptor ``channel``: a program for a job."""
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    main.__dict__["channel"] = channel
    exec(compile(source, "<submission>", "exec"), main.__dict__)
