"""The zygote, which runs inside the sandbox: it has imported the libraries, and forks.

It reads nothing of any submission, so nothing of one is left in the memory that the next one inherits. Each fork
goes into namespaces of its own and becomes the keeper of a submission (see ``keeper``).
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import socket
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from dlkit.grading.sandbox import system
from dlkit.grading.sandbox.bubblewrap import NOBODY
from dlkit.grading.sandbox.keeper import keep, report_trouble

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_NAMESPACES = system.NEW_USER | system.NEW_MOUNTS | system.NEW_PIDS | system.NEW_NETWORK | system.NEW_IPC

# Given to `python -c` with the socket's number: threads are counted when a library is first imported.
START = f"""
import os, sys
os.environ.update(dict.fromkeys({_THREADS!r}, "1"), MPLBACKEND="Agg")
sys.path.append(sys.argv[2])
from dlkit.grading.sandbox.inside import main
main(int(sys.argv[1]))
"""


def main(number: int) -> None:
    """Be the zygote: load what the owner names, say so, and fork once for every request."""
    control = socket.socket(fileno=number)
    settings = json.loads(control.recv(1 << 16))
    isolated = settings["isolated"]
    if isolated:
        give_up_root()
        system.no_new_privileges()
        system.hide_arguments()
    ready = load(settings["preload"])
    control.send(json.dumps(ready).encode())
    outside = (os.geteuid(), os.getegid()) if isolated else None
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 16, 2)
        if not descriptors:
            return  # the owner has gone
        _reap()
        try:
            pid = system.fork(_NAMESPACES) if isolated else os.fork()
        except OSError as error:
            with suppress(OSError), socket.socket(fileno=descriptors.pop(0)) as reins:
                report_trouble(reins, error)
            pid = -1
        if pid == 0:
            try:
                control.close()
                channel = descriptors[1] if len(descriptors) > 1 else None
                keep(socket.socket(fileno=descriptors[0]), channel, outside, settings["places"])
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)


def load(names: list[str]) -> dict[str, Any]:
    """Import modules, with one thread for mathematics, and make ready for forking.

    Parameters
    ----------
    names
        Modules, or ``"module:function"``: then the function is called.

    Returns
    -------
    dict
        ``loaded`` and ``missing`` modules by name, the ``threads`` of this process, its ``memory`` in bytes, its
        ``user`` id.
    """
    loaded, missing = [], []
    for name in names:
        module_name, _, function = name.partition(":")
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError:
            missing.append(name)
            continue
        if function:
            getattr(module, function)()
        loaded.append(name)
        if name == "torch":
            module.set_num_threads(1)
            module.set_num_interop_threads(1)
    for name in (*_THREADS, "MPLBACKEND"):  # they have done their work; a student's own kernel has none of them
        os.environ.pop(name, None)
    gc.collect()
    gc.freeze()
    try:
        threads = len(list(Path("/proc/self/task").iterdir()))
        memory = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except FileNotFoundError:  # no Linux
        threads, memory = 1, 0
    return {"loaded": loaded, "missing": missing, "threads": threads, "memory": memory, "user": os.getuid()}


def give_up_root() -> None:
    """Become nobody, where bubblewrap was started by root."""
    if os.getuid() != 0:
        return
    for line in Path("/proc/self/mounts").read_text().splitlines():
        place = line.split()[1]
        if place.startswith("/proc/"):
            system.unmount(place)  # it kept root from writing there, and would keep nobody from a /proc of her own
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    system.set_dumpable(True)  # or its own entry in /proc would still be root's


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
