"""The sandbox around a process: what of the machine it sees, by way of the program bubblewrap (``bwrap``).

Inside are the system's programs and libraries and the Python environment, read-only; an empty ``/tmp`` and home on
a tmpfs; a minimal ``/dev``; a ``/proc`` of its own. Not inside: the network, the course folder, the gradebook, other
people's processes, environment variables, open files other than those that are named.

Started by root, bubblewrap builds the sandbox as root, since the Python environment may lie where only root can
look, and the process gives root up before it does anything else (see ``inside``); started by anyone else, it needs
a kernel that lets ordinary users make user namespaces. Either way what runs inside is no root outside.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

from dlkit.errors import CourseError

HOME, USER_ID, NOBODY = "/home/student", 1000, 65534
MODES = ("bubblewrap", "none")

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SETTINGS = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "fonts", "localtime", "mime.types")
_PASSWD = f"student:x:{USER_ID}:{USER_ID}::{HOME}:/bin/sh\nnobody:x:{NOBODY}:{NOBODY}::/:/bin/false\n"
_INSTALL = (
    "Debian, Ubuntu:  sudo apt-get install bubblewrap\n"
    "  Fedora:          sudo dnf install bubblewrap\n"
    "Or choose the mode none, which runs submissions unprotected: only for answers that you trust."
)


class SandboxMissing(CourseError):  # noqa: N818  (a state, like Python's StopIteration)
    """The machine cannot make the sandbox; the message says what is missing and how to get it."""


class UnsafeSandboxWarning(UserWarning):
    """Submissions run without a sandbox."""


def find_bubblewrap() -> tuple[str, tuple[int, ...]]:
    """Return the path and the version of ``bwrap``.

    Raises
    ------
    SandboxMissing
        If this is not Linux, or ``bwrap`` is not on ``PATH`` or does not run.
    """
    if sys.platform != "linux":
        raise SandboxMissing(
            f"The sandbox needs Linux, but this is {sys.platform}: grade on a Linux machine or in a container."
        )
    path = shutil.which("bwrap")
    if path is None:
        raise SandboxMissing(f"Submissions run in a sandbox, and its program bwrap is not on PATH.\n  {_INSTALL}")
    run = subprocess.run([path, "--version"], capture_output=True, text=True)
    version = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", run.stdout)
    if run.returncode or not version:
        raise SandboxMissing(f"{path} --version does not run: {run.stderr.strip() or run.stdout.strip()}\n  {_INSTALL}")
    return path, tuple(int(part) for part in version.groups() if part)


def environment() -> dict[str, str]:
    """Return all the environment variables that a process in the sandbox has."""
    path = [str(Path(sys.prefix, "bin")), "/usr/local/bin", "/usr/bin", "/bin"]
    return {"PATH": ":".join(path), "HOME": HOME, "USER": "student", "LOGNAME": "student", "LANG": "C.UTF-8"}


def python_environment() -> list[Path]:
    """Return the folders of this Python and its packages, and of the package dlkit, that are not the system's."""
    interpreter = Path(sys.executable)
    places = [Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[2]]
    while interpreter.is_symlink():  # a virtual environment's python may lead from one folder to the next
        interpreter = interpreter.parent / interpreter.readlink()
        if interpreter.parent.name == "bin":
            places.append(interpreter.parent.parent)
    places = [Path(os.path.normpath(place)) for place in places]
    return [place for place in dict.fromkeys(places) if not place.is_relative_to("/usr") and place != Path("/")]


def visible(readable: Iterable[Path | str]) -> list[Path]:
    """Return what is seen inside besides the system: the Python environment, and what is named in `readable`.

    Raises
    ------
    ValueError
        If something in `readable` is not there, or would open the whole machine.
    """
    return sorted({*python_environment(), *(_readable(place) for place in readable)})


def command(
    arguments: Sequence[str], *, readable: Iterable[Path | str] = (), passwd: int | None = None, root: bool = False
) -> list[str]:
    """Return the command that runs a program in the sandbox.

    Parameters
    ----------
    arguments
        The program, as an absolute path, and its arguments.
    readable
        Files and folders that it may read besides the system and this Python environment, at their own paths.
    passwd
        A file descriptor with the text of the sandbox's ``/etc/passwd``.
    root
        The command is for root: made without a user namespace, and with what the program needs to give root up.

    Raises
    ------
    SandboxMissing
        If there is no bubblewrap here.
    ValueError
        If something in `readable` is not there, or would open the whole machine.
    """
    path, version = find_bubblewrap()
    line = [path, "--die-with-parent", "--new-session", "--hostname", "localhost"]
    line += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    if root:
        line += ["--cap-drop", "ALL"]
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SYS_ADMIN"):
            line += ["--cap-add", capability]
    else:
        line += ["--unshare-user", "--uid", str(USER_ID), "--gid", str(USER_ID)]
    for folder in _SYSTEM:
        if Path(folder).is_symlink():
            line += ["--symlink", str(Path(folder).readlink()), folder]
        else:
            line += ["--ro-bind-try", folder, folder]
    line += ["--perms", "0755", "--dir", "/etc"]
    for name in _SETTINGS:
        line += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    if passwd is not None:
        line += ["--perms", "0444", "--ro-bind-data", str(passwd), "/etc/passwd"]
    size = ["--size", str(64 * 1024**2)] if version >= (0, 7) else []  # what a submission writes has its own quota
    line += [*size, "--perms", "1777", "--tmpfs", "/tmp", "--perms", "0755", "--dir", "/home"]
    line += [*size, "--perms", "0777", "--tmpfs", HOME, "--proc", "/proc", "--dev", "/dev"]
    places = visible(readable)
    for parent in sorted({parent for place in places for parent in list(place.parents)[:-1]}):
        if not any(parent.is_relative_to(above) for above in (*_SYSTEM, *map(str, places))):
            line += ["--perms", "0755", "--dir", str(parent)]  # an empty one, whatever it is outside
    for place in places:
        line += ["--ro-bind", str(place), str(place)]
    return [*line, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME, "--", *arguments]


def _readable(place: Path | str) -> Path:
    path = Path(os.path.normpath(Path(place).absolute()))
    if not path.exists():
        raise ValueError(f"readable: {place} is not there.")
    if len(path.parts) < 2 or any(path.is_relative_to(p) for p in ("/proc", "/sys", "/dev", "/etc", "/run")):
        raise ValueError(f"readable: {place} would open the machine itself; name the folder of the data.")
    return path


def start(
    arguments: Sequence[str],
    *,
    keep: Sequence[int] = (),
    readable: Iterable[Path | str] = (),
    mode: str = "bubblewrap",
    errors: IO[Any] | int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a program in the sandbox, or with ``mode="none"`` without one.

    It lives no longer than the thread that started it. Limits on what it may use are set by the program itself, on
    the processes that it forks for submissions (see ``inside``).

    Parameters
    ----------
    arguments
        The program, as an absolute path, and its arguments.
    keep
        The only file descriptors, besides the three standard ones, that it has.
    readable
        Files and folders that it may read besides the system and the Python environment.
    mode
        ``"bubblewrap"``, or ``"none"``, which warns.
    errors
        Where its standard error goes.

    Raises
    ------
    SandboxMissing
        If there is no bubblewrap here.
    ValueError
        If the mode is another, or something in `readable` cannot be given.
    """
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}, but {mode!r} was given.")
    variables = environment()
    if mode == "none":
        warnings.warn(
            "Submissions run WITHOUT A SANDBOX: they can read and change whatever you can, the gradebook and other "
            "students' answers too, and use the network. Only for answers that you trust.",
            UnsafeSandboxWarning,
            stacklevel=2,
        )
        return _start(arguments, keep, variables, errors)
    passwd = os.memfd_create("passwd")
    try:
        os.write(passwd, _PASSWD.encode())
        os.lseek(passwd, 0, os.SEEK_SET)
        line = command(arguments, readable=readable, passwd=passwd, root=_is_root())
        return _start(line, [*keep, passwd], variables, errors)
    finally:
        os.close(passwd)


def _is_root() -> bool:
    """Tell whether this is root with other users beside it, not an ordinary user who is called root in a namespace."""
    if os.geteuid() != 0:
        return False
    ranges = [list(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    return any(first <= NOBODY < first + count for first, _, count in ranges)


def _start(line: Sequence[str], keep: Sequence[int], variables: dict[str, str], errors: Any) -> subprocess.Popen[bytes]:
    quiet = subprocess.DEVNULL
    return subprocess.Popen(
        line, stdin=quiet, stdout=quiet, stderr=errors, pass_fds=keep, env=variables, start_new_session=True
    )


def explain(errors: str) -> str:
    """Say what to do about what ``bwrap`` wrote before it gave up."""
    text = errors.strip() or "it ended without a word"
    if re.search(r"namespace|Operation not permitted|Permission denied|uid map|user ns", text):
        return (
            f"The sandbox could not be made: {text}\n"
            "  An ordinary user needs user namespaces:  sudo sysctl kernel.unprivileged_userns_clone=1 (Debian), or\n"
            "  sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu); a Python that is not in another\n"
            "  user's private folder; in a container, start it with the rights to make namespaces\n"
            "  (docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined, or --privileged).\n"
            "Or choose the mode none, which runs submissions unprotected: only for answers that you trust."
        )
    return f"The process in the sandbox did not start: {text}"
