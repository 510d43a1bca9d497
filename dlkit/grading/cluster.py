"""A Dask cluster in the shape of ``concurrent.futures``, so that notebooks can run on several machines.

A Dask worker runs a call as `dlkit.grading.pool` does on one machine: in a process of its own, forked from one that is
ready, in a pool that the Dask worker keeps.

Whoever reaches the scheduler can run programs on its workers: put it on a network of your own, or use ``tls://``.
"""

from __future__ import annotations

import contextlib
import functools
import platform
import sys
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Executor, Future
from hashlib import sha256
from importlib.metadata import distributions
from multiprocessing import current_process
from pathlib import Path
from pickle import dumps, loads
from time import monotonic, sleep
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from dlkit.errors import CourseError
from dlkit.grading.jobs import InfrastructureError
from dlkit.grading.pool import LocalPool, WorkerLost

if TYPE_CHECKING:
    from distributed import Client

CONNECT = 10.0  # seconds in which the scheduler must answer
PATIENCE = 60.0  # seconds that the cluster may be without any worker
_GRACE = 5.0  # seconds beyond CONNECT for one who takes the connection and says nothing
_PULSE = 2.0  # seconds between two looks at whether there is one
_GONE = ("closing", "closed")  # states of a connection that found the scheduler no more
_INSTALL = "pip install -c constraints.txt -e '.[course,cluster]'"


def open_cluster(
    address: str, limit: float | None = None, preload: Sequence[str] = (), *, timeout: float = CONNECT
) -> Executor:
    """Return an executor that runs calls on the workers of a Dask cluster.

    Parameters
    ----------
    address
        The scheduler's, ``tcp://host:8786`` for example.
    limit, preload
        See `dlkit.grading.pool.LocalPool`.
    timeout
        Seconds in which the scheduler must answer, and a first worker must be there.

    Raises
    ------
    CourseError
        If ``distributed`` is not installed here, the scheduler does not answer or has no worker, or a worker has
        another Python, other packages or another dlkit than this machine.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise CourseError(f"--scheduler needs the package distributed, which is missing. Run {_INSTALL}.") from error
    client = _connect(functools.partial(Client, address, timeout=timeout, set_as_default=False), address, timeout)
    try:
        _check(client, address, timeout)
    except BaseException:
        client.close()
        raise
    return ClusterExecutor(client, address, _Run(uuid4().hex, limit, tuple(preload), _describe()))


# --- the side that submits -------------------------------------------------------------------------------------------


class _Run(NamedTuple):
    """What every call of a run of ``dlkit grade`` brings with it."""

    name: str
    limit: float | None
    preload: tuple[str, ...]
    environment: Mapping[str, Any]


class ClusterExecutor(Executor):
    """The workers of a Dask cluster; made by `open_cluster`.

    A Dask worker that is lost takes nothing with it: Dask runs its calls elsewhere, and if that is of no use either,
    the future raises `dlkit.grading.pool.WorkerLost`, as it does when the scheduler is lost. If the whole cluster stays
    away, whatever is still to be submitted is refused with a `dlkit.errors.CourseError`.
    """

    def __init__(self, client: Client, address: str, run: _Run) -> None:
        self.client, self.address, self.run = client, address, run
        self._change = threading.Condition()
        self._tasks: dict[Future[Any], Any] = {}
        self._closed, self._lost = False, ""
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Queue a call of `fn`, which must pickle with its arguments, for the next free worker."""
        call = dumps((fn, args, kwargs))
        outcome: Future[Any] = Future()
        while self.client.status == "connecting":  # it was cut off and looks for the scheduler, as long as CONNECT
            sleep(0.05)
        if self.client.status in _GONE and not self._closed:
            self._give_up("its scheduler is gone")
        with self._change:
            if self._closed:
                raise RuntimeError("The executor has been shut down: it takes no task.")
            if self._lost:
                raise CourseError(
                    f"The cluster at {self.address} was lost: {self._lost}. What has run is kept: start the cluster "
                    "and this command again, or grade without --scheduler."
                )
            # as bytes, which Dask passes on as they are; into other arguments it looks for work of its own
            task = self.client.submit(run_here, self.run, call, key=f"dlkit-{uuid4().hex}")
            self._tasks[outcome] = task
        outcome.add_done_callback(self._forget)
        task.add_done_callback(functools.partial(self._finish, outcome))
        return outcome

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks; with `cancel_futures`, end those that wait and those that run."""
        with self._change:
            self._closed = True
            waiting = list(self._tasks)
            self._change.notify_all()
        if cancel_futures:
            for outcome in waiting:
                outcome.cancel()
            if not self._lost:
                with contextlib.suppress(Exception):
                    self.client.run(_stop_here, self.run.name)
        if wait:
            self._watcher.join()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what was submitted, unless something went wrong, an interrupt for example: then end it."""
        self.shutdown(cancel_futures=kind is not None)

    def _finish(self, outcome: Future[Any], task: Any) -> None:
        """Hand on what became of a task; Dask calls this in a thread that it has for that."""
        if not self._claim(outcome):
            return
        try:
            if task.cancelled():  # not by us
                raise WorkerLost("the connection to the cluster's scheduler was lost")
            value = task.result()
        except Exception as error:
            outcome.set_exception(_translated(error))
        else:
            outcome.set_result(value)

    def _claim(self, outcome: Future[Any]) -> bool:
        """Return whether it is for the caller to say how this ends."""
        with self._change:
            return not outcome.running() and not outcome.done() and outcome.set_running_or_notify_cancel()

    def _forget(self, outcome: Future[Any]) -> None:
        with self._change:
            task = self._tasks.pop(outcome)
            self._change.notify_all()
        if outcome.cancelled():
            with contextlib.suppress(Exception):
                task.cancel()

    def _watch(self) -> None:
        """Give the cluster up if it stays away (Dask would wait for ever), and disconnect at the end."""
        seen = monotonic()
        while True:
            with self._change:
                if self._closed and not self._tasks:
                    break
                self._change.wait(_PULSE)
                waiting = bool(self._tasks)
            status = self.client.status
            with contextlib.suppress(Exception):
                if not waiting or (status == "running" and self.client.nthreads()):
                    seen = monotonic()
            if status in _GONE:
                self._give_up("its scheduler is gone")
            elif monotonic() - seen > PATIENCE:
                self._give_up(f"it has had no worker for {PATIENCE:g} s")
        with contextlib.suppress(Exception):
            self.client.close()

    def _give_up(self, why: str) -> None:
        with self._change:
            self._lost = why
            waiting = list(self._tasks)
        for outcome in waiting:
            if self._claim(outcome):
                outcome.set_exception(WorkerLost(f"the cluster was lost: {why}"))


def _translated(error: Exception) -> Exception:
    """Say in the words of `dlkit.grading.pool` that Dask gave a task up."""
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        times, last = error.allowed_failures + 1, error.last_worker.address
        return WorkerLost(f"each worker of the cluster that ran it was lost ({times} in all, the last {last})")
    return error


def _connect(make: Callable[[], Client], address: str, timeout: float) -> Client:
    """Connect, in a thread: Dask waits for ever for one that takes a connection and says nothing."""
    client: Future[Client] = Future()

    def connect() -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of other versions there: they are looked at next, and refused
                made = make()
        except Exception as error:
            client.set_exception(error)
        else:
            client.set_result(made)

    threading.Thread(target=connect, daemon=True).start()
    try:
        return client.result(timeout + _GRACE)
    except Exception as error:
        reason = "it is not a Dask scheduler's" if isinstance(error, ValueError) else f"no answer in {timeout:g} s"
        detail = f" ({error})" if str(error) else ""
        raise CourseError(
            f"The scheduler of a Dask cluster cannot be reached at {address!r}: {reason}{detail}. Expected an address "
            "such as tcp://host:8786, which `dask scheduler` prints when it starts. Is it running, and may this "
            "machine connect to it?"
        ) from error


# --- what is compared ------------------------------------------------------------------------------------------------


def _check(client: Client, address: str, timeout: float) -> None:
    """Refuse a cluster that would not run what this machine runs: results are kept under the environment here."""
    try:
        client.wait_for_workers(1, timeout)
    except Exception as error:
        raise CourseError(
            f"The cluster at {address} has no worker. Start some: dask worker {address} --nthreads 1"
        ) from error
    here = _describe()
    python = ".".join(map(str, sys.version_info))  # Dask's own way to tell it, for workers that cannot run `_describe`
    told: Mapping[str, Any] = client.get_versions()["workers"]  # type: ignore[index]
    found = client.run(_describe, on_error="return")
    wrong = []
    for worker in sorted(found):
        there = found[worker]
        packages = (told.get(worker) or {}).get("packages", {})
        if packages.get("python", python) != python:
            wrong.append(f"{worker}: Python {packages['python']}, here {python}")
        elif isinstance(there, Exception):
            wrong.append(f"{worker}: dlkit cannot be used there: {there}")
        elif there != here:
            wrong.append(f"{worker}: {_difference(there, here)}")
    if wrong:
        told_wrong = "\n  ".join(wrong)
        raise CourseError(
            f"Workers of the cluster at {address} do not have what this machine has, so what they run could come out "
            f"otherwise:\n  {told_wrong}\nGive them the same Python and the same checkout of the course ({_INSTALL}), "
            "and start them again."
        )


@functools.cache
def _describe() -> dict[str, Any]:
    """Describe what notebooks are run with in this process.

    It is what `dlkit.grading.jobs.environment` is a digest of, as far as it can change an outcome, part by part: a
    refusal must say what differs, and another build of the same kernel is no reason for one.
    """
    root = Path(__file__).resolve().parents[1]
    source = sha256()
    for path in sorted(root.rglob("*.py")):
        source.update(f"{path.relative_to(root).as_posix()} {sha256(path.read_bytes()).hexdigest()}\n".encode())
    # setuptools, once imported, puts the packages that it brings for itself on the path
    folders = [folder for folder in sys.path if Path(folder).name != "_vendor"]
    return {
        "Python": sys.version,
        "the system": f"{platform.system()} {platform.machine()}",
        "packages": {d.metadata["Name"]: d.version for d in distributions(path=folders)},
        "dlkit": source.hexdigest(),
    }


def _difference(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    found = [f"{w} is {there[w]}, here {here[w]}" for w in ("Python", "the system") if there[w] != here[w]]
    ours, theirs = here["packages"], there["packages"]
    names = sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))
    shown = [f"{n} {theirs.get(n, 'missing')} (here {ours.get(n, 'missing')})" for n in names[:5]]
    if names:
        found.append(f"packages: {', '.join(shown)}{f' and {len(names) - 5} more' if len(names) > 5 else ''}")
    if there["dlkit"] != here["dlkit"]:
        found.append("the source of dlkit is another")
    return "; ".join(found)


# --- the side that runs: in the process of a Dask worker -------------------------------------------------------------


def run_here(run: _Run, call: bytes) -> Any:
    """Run a pickled call in the pool of the Dask worker that this is called on; return or raise what it does.

    The workers were compared when the run began. One that came later is refused here.
    """
    if difference := _difference(_describe(), run.environment):
        raise InfrastructureError(f"a worker that joined the cluster later does not fit: {difference}")
    try:
        return _here.submit(run, call).result()
    except CancelledError:
        raise WorkerLost("the pool it waited in was ended") from None


def _stop_here(run: str) -> None:
    """End what a run still has at work on this Dask worker."""
    _here.stop(run)


class _Here:
    """The pool of this process, and whose calls are in it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # a Dask worker can have several threads
        self._pool: LocalPool | None = None
        self._kind: tuple[Any, ...] = ()
        self._calls: dict[Future[Any], str] = {}
        self._stopped: set[str] = set()

    def submit(self, run: _Run, call: bytes) -> Future[Any]:
        with self._lock:
            if run.name in self._stopped:
                raise WorkerLost("its run was ended")
            kind = (run.limit, run.preload)
            if self._pool is not None and self._kind != kind:
                self._pool.shutdown(wait=False)  # when what it has is done
                self._pool = None
            if self._pool is None:
                self._pool, self._kind = _open_pool(*kind), kind
            function, arguments, keywords = loads(call)
            future = self._pool.submit(function, *arguments, **keywords)
            self._calls[future] = run.name
        future.add_done_callback(self._calls.pop)
        return future

    def stop(self, run: str) -> None:
        with self._lock:
            self._stopped.add(run)  # what Dask starts before it hears of the end
            if self._pool is not None and run in list(self._calls.values()):
                self._pool.shutdown(wait=False, cancel_futures=True)
                self._pool = None


_here = _Here()


def _open_pool(limit: float | None, preload: tuple[str, ...]) -> LocalPool:
    """Open the pool of this Dask worker, with a process for each of its threads."""
    from distributed import get_worker

    # Dask starts its workers as processes that may have no children. Those of the pool end with this process: they
    # notice that the other end of their pipe is gone.
    current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    return LocalPool(get_worker().state.nthreads, limit, preload)
