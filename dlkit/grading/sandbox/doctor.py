"""``dlkit doctor``: what this machine can do for the grader, and what to do about what it cannot."""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

from dlkit.errors import CourseError
from dlkit.grading.sandbox import bubblewrap, system
from dlkit.grading.sandbox.limits import Limits
from dlkit.grading.sandbox.zygote import RUN_SOURCE, Zygote

_PROBE = """
import os, socket
found = []
try:
    socket.create_connection(("192.0.2.1", 9), 0.2)
except TimeoutError:
    found.append("the network can be reached")
except OSError:
    pass
for place in ("/usr/probe", "/etc/probe", "/probe", "/dev/probe", "/home/probe"):
    try:
        open(place, "w")
        found.append(f"{place} can be written")
    except OSError:
        pass
if os.getuid() == 0:
    found.append("it runs as root")
if "1" in os.listdir("/proc"):
    found.append("other processes can be seen")
print("; ".join(found))
"""


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, whether it is well (``None``: better, but not needed), what it is, what to do."""

    subject: str
    well: bool | None
    found: str
    advice: str = ""


def examine(*, start: bool = True) -> list[Finding]:
    """Look at this machine.

    Parameters
    ----------
    start
        Also start the sandbox with the libraries loaded, which takes a few seconds, and try it.

    Returns
    -------
    list of Finding
    """
    findings = [_linux(), _bubblewrap(), _user_namespaces(), _filter(), _cgroups(), _memory()]
    if start:
        findings += _zygote() if findings[1].well else [Finding("sandbox", False, "not tried", "see bubblewrap, above")]
    return findings


def _linux() -> Finding:
    found = f"{platform.system()} {platform.release()}, {platform.machine()}"
    return Finding("system", sys.platform == "linux", found, "grade on Linux, or in a container on it")


def _bubblewrap() -> Finding:
    try:
        path, version = bubblewrap.find_bubblewrap()
    except bubblewrap.SandboxMissing as error:
        return Finding("bubblewrap", False, "not here", str(error))
    return Finding("bubblewrap", True, f"{path}, version {'.'.join(map(str, version))}")


def _user_namespaces() -> Finding:
    wanted: dict[str, Callable[[int], bool]] = {
        "user/max_user_namespaces": lambda value: value > 0,
        "kernel/unprivileged_userns_clone": lambda value: value == 1,
        "kernel/apparmor_restrict_unprivileged_userns": lambda value: value == 0,
    }
    found, advice = [], []
    for name, good in wanted.items():
        value = _number(Path("/proc/sys", name))
        if value is not None:
            found.append(f"{Path(name).name} {value}")
            if not good(value):
                better = 10000 if name.startswith("user") else int(good(1))
                advice.append(f"sudo sysctl {name.replace('/', '.')}={better}")
    return Finding("user namespaces", not advice, ", ".join(found) or "no restriction", "; ".join(advice))


def _filter() -> Finding:
    state = _status("Seccomp:")
    if state is None:
        return Finding("seccomp", None, "the kernel has none", "use a kernel with CONFIG_SECCOMP_FILTER")
    if not system.can_filter():
        found = f"its call numbers on {platform.machine()} are not known here"
        return Finding("seccomp", None, found, "the sandbox works without it, with a wall less: use x86_64 or aarch64")
    return Finding("seccomp", True, "there" + (", and in force already on this process" if state != "0" else ""))


def _cgroups() -> Finding:
    controllers = Path("/sys/fs/cgroup/cgroup.controllers")
    if controllers.exists():
        return Finding("cgroups", True, f"version 2: {controllers.read_text().strip() or 'no controllers'}; not needed")
    found = "version 1" if Path("/sys/fs/cgroup/memory").is_dir() else "none"
    return Finding("cgroups", True, f"{found}; not needed: rlimits and the keeper's watch do without")


def _memory() -> Finding:
    limits = Limits()
    need = (limits.memory + limits.scratch) / 2**20
    here = [line for line in _lines("/proc/meminfo") if line.startswith("MemAvailable:")]
    free = int(here[0].split()[1]) / 1024 if here else 0.0
    shares = Path("/proc/self/smaps_rollup").exists()
    found = f"{free:.0f} MiB available, {need:.0f} MiB at most for a submission" + ("" if shares else "; no shares")
    advice = f"not more than {max(1, int(free // need))} workers, or smaller limits"
    if not shares:
        advice += "; a kernel from 4.14 on tells apart what processes share"
    return Finding("memory", shares and free > need, found, advice)


def _zygote() -> list[Finding]:
    findings = []
    begin = monotonic()
    try:
        with Zygote() as zygote:
            seconds = monotonic() - begin
            ready = zygote.ready
            text = f"starts in {seconds:.1f} s with {', '.join(ready['loaded'])}; {ready['memory'] / 2**20:.0f} MiB"
            findings.append(Finding("sandbox", True, text))
            missing = "torch" in ready["missing"]
            text = "not installed" if missing else f"{ready['threads']} thread before the fork"
            findings.append(Finding("torch", None if missing else True, text, "pip install torch, if answers use it"))
            with zygote.fork(RUN_SOURCE, _PROBE) as child:
                report = child.wait()
            holes = report.output.decode(errors="replace").strip() or ("" if report.exit_code == 0 else str(report))
            found = holes or "no network, no writing outside, no root, no sight of other processes"
            findings.append(Finding("walls", not holes, found, "do not grade here; please report this"))
            times = []
            for _ in range(7):
                begin = monotonic()
                with zygote.fork(RUN_SOURCE) as child:
                    child.wait()
                times.append(1000 * (monotonic() - begin))
            advice = "fewer workers than cores are busy otherwise"
            findings.append(
                Finding("cost", median(times) <= 60 or None, f"{median(times):.0f} ms a submission", advice)
            )
    except CourseError as error:
        findings.append(Finding("sandbox", False, "does not start", str(error)))
    return findings


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _status(name: str) -> str | None:
    return next((line.split()[1] for line in _lines("/proc/self/status") if line.startswith(name)), None)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def register(subparsers: Any) -> None:
    """Add the command ``doctor`` to the command line."""
    parser = subparsers.add_parser("doctor", help="what this machine can do for the grader, and what to do about it")
    parser.set_defaults(command=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    findings = examine()
    for finding in findings:
        mark = {True: "ok", None: "--", False: "NO"}[finding.well]
        print(f"{mark}  {finding.subject:16} {finding.found}"[: width or None])
        if not finding.well and finding.advice:
            print("    " + finding.advice.replace("\n", "\n    "))
    return int(any(finding.well is False for finding in findings))
