"""The few calls to the Linux kernel that Python's own modules lack, through ctypes.

Everything here concerns the calling process, and raises `OSError` with the call's name when the kernel refuses.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
import sys
from pathlib import Path

NEW_MOUNTS, NEW_IPC, NEW_USER, NEW_PIDS, NEW_NETWORK = 0x00020000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
_ANY_NAMESPACE = NEW_MOUNTS | NEW_IPC | NEW_USER | NEW_PIDS | NEW_NETWORK | 0x02000000 | 0x04000000

MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC = 2, 4, 8, 4096, 16384

_PDEATHSIG, _DUMPABLE, _SECCOMP, _CAPBSET_DROP, _SUBREAPER, _NO_NEW_PRIVS = 1, 4, 22, 24, 36, 38

# Numbers of system calls. A submission needs none of them, and each has been a way out of a sandbox or past a limit
# (memory that belongs to no process, in particular); most are refused to an ordinary user anyway.
_X86_64 = {
    "clone": 56, "clone3": 435, "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312,
    "pidfd_getfd": 438, "unshare": 272, "setns": 308, "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161,
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
    "mount_setattr": 442, "name_to_handle_at": 303, "open_by_handle_at": 304, "add_key": 248, "request_key": 249,
    "keyctl": 250, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "io_uring_setup": 425,
    "io_uring_enter": 426, "io_uring_register": 427, "memfd_create": 319, "memfd_secret": 447, "shmget": 29,
    "semget": 64, "msgget": 68, "syslog": 103, "acct": 163, "quotactl": 179, "swapon": 167, "swapoff": 168,
    "reboot": 169, "init_module": 175, "finit_module": 313, "delete_module": 176, "kexec_load": 246,
    "kexec_file_load": 320,
}  # fmt: skip
_AARCH64 = _X86_64 | {
    "clone": 220, "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "unshare": 97,
    "setns": 268, "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "name_to_handle_at": 264,
    "open_by_handle_at": 265, "add_key": 217, "request_key": 218, "keyctl": 219, "bpf": 280, "perf_event_open": 241,
    "userfaultfd": 282, "memfd_create": 279, "shmget": 194, "semget": 190, "msgget": 186, "syslog": 116, "acct": 89,
    "quotactl": 60, "swapon": 224, "swapoff": 225, "reboot": 142, "init_module": 105, "finit_module": 273,
    "delete_module": 106, "kexec_load": 104, "kexec_file_load": 294,
}  # fmt: skip
_MACHINES = {"x86_64": (0xC000003E, _X86_64), "aarch64": (0xC00000B7, _AARCH64)}


def _call(name: str, *arguments: int | bytes | None) -> int:
    libc = ctypes.PyDLL(None, use_errno=True)  # PyDLL: no other thread may run between a clone and its child
    function = getattr(libc, name)
    function.restype = ctypes.c_long if name == "syscall" else ctypes.c_int
    result = function(*(ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments))
    if result == -1:
        number = ctypes.get_errno()
        what = "clone into new namespaces" if name == "syscall" else name
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return int(result)


def fork(namespaces: int) -> int:
    """Fork like `os.fork`, with the child in new namespaces; this process must have one thread."""
    _, numbers = _MACHINES[platform.machine()]
    ctypes.pythonapi.PyOS_BeforeFork()
    pid = -1
    try:
        pid = _call("syscall", numbers["clone"], namespaces | signal.SIGCHLD, 0, 0, 0, 0)
    finally:
        if pid == 0:
            ctypes.pythonapi.PyOS_AfterFork_Child()
        else:
            ctypes.pythonapi.PyOS_AfterFork_Parent()
    return pid


def map_user(inside: int, outside: tuple[int, int]) -> None:
    """In a new user namespace: be user and group `inside`; `outside` are this process's ids in the parent one."""
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{inside} {outside[0]} 1")
    Path("/proc/self/gid_map").write_text(f"{inside} {outside[1]} 1")


def mount(kind: str | None, source: str, target: str, flags: int = MS_NOSUID | MS_NODEV, options: str = "") -> None:
    """Mount a file system of a kind, or with ``flags=MS_BIND`` a folder, on `target`."""
    _call("mount", source.encode(), target.encode(), kind.encode() if kind else None, flags, options.encode())


def unmount(target: str) -> None:
    """Take away the uppermost mount on `target`."""
    _call("umount2", target.encode(), 0)


def set_dumpable(on: bool) -> None:
    """Let, or do not let, processes of the same user look into this one."""
    _call("prctl", _DUMPABLE, int(on), 0, 0, 0)


def hide_arguments() -> None:
    """Overwrite the command line that others, and children, see of this process."""
    start, end = map(int, Path("/proc/self/stat").read_text().rpartition(")")[2].split()[45:47])
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, b"python", min(6, end - start - 1))


def adopt_orphans() -> None:
    """Become the parent of what children of this process leave behind."""
    _call("prctl", _SUBREAPER, 1, 0, 0, 0)


def die_with_parent() -> None:
    """Be killed when the parent ends."""
    _call("prctl", _PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def give_up_privileges() -> None:
    """Drop every capability for good; no program that is started later gains any."""
    _call("prctl", _NO_NEW_PRIVS, 1, 0, 0, 0)
    for capability in range(64):
        try:
            _call("prctl", _CAPBSET_DROP, capability, 0, 0, 0)
        except OSError:  # past the last one that the kernel knows, or dropped by who has none to drop
            break
    _call("capset", struct.pack("=Ii", 0x20080522, 0), bytes(24))


def no_new_privileges() -> None:
    """No program that is started from now on gains privileges."""
    _call("prctl", _NO_NEW_PRIVS, 1, 0, 0, 0)


def can_filter() -> bool:
    """Tell whether `filter_calls` knows this machine's system calls."""
    return sys.platform == "linux" and platform.machine() in _MACHINES


def filter_calls() -> None:
    """Refuse, from now on and for all children, the system calls that a submission has no honest use for."""
    architecture, numbers = _MACHINES[platform.machine()]
    load, equal, at_least, any_bit, give = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, refuse, unknown, kill = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000  # EPERM, ENOSYS
    code = [(load, 0, 0, 4), (equal, 1, 0, architecture), (give, 0, 0, kill), (load, 0, 0, 0)]
    code += [(at_least, 0, 1, 0x40000000), (give, 0, 0, refuse)]  # the other numbering of x86
    for name, number in numbers.items():
        if name != "clone":
            code += [(equal, 0, 1, number), (give, 0, 0, unknown if name == "clone3" else refuse)]
    code += [(equal, 0, 3, numbers["clone"]), (load, 0, 0, 16), (any_bit, 0, 1, _ANY_NAMESPACE), (give, 0, 0, refuse)]
    code += [(give, 0, 0, allow)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in code))
    _call("prctl", _SECCOMP, 2, struct.pack("HL", len(code), ctypes.addressof(program)), 0, 0)
