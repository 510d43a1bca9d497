"""Stochastic descent on several processes: in step with each other, or not at all.

`synchronous` cuts every batch into shards, one per process, waits for all the gradients and makes one step: it computes
what one process would, only sooner. The slowest process sets the pace, and each step costs a round of messages, which a
batch must be large enough to be worth.

`hogwild` lets every process step on the shared parameters as soon as it has a gradient, with no lock. Two that write
the same coordinate at once may lose one of the two changes; one that the system puts to sleep between reading and
writing a coordinate sets it back to what it was, so there should be a free core for each. On sparse data a sample
touches few coordinates, so this is rare, and costs little (Niu, Recht, Ré and Wright, 2011, *HOGWILD!: a lock-free
approach to parallelizing stochastic gradient descent*).

Both start real processes, not threads, and see them gone at the end, after an error or ctrl-C too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from dlkit._checks import number
from dlkit.arrays import is_torch
from dlkit.descent._problem import Problem, whole
from dlkit.descent._progress import Bar
from dlkit.descent._recorder import Recorder
from dlkit.descent._workers import Array, Job, SharedArrays, Start, WorkerError, Workers
from dlkit.descent.history import History
from dlkit.descent.stochastic import Indices, generator, is_sparse, samples, walk

__all__ = ["WorkerError", "hogwild", "synchronous"]

_HAND = 64  # samples dealt to a process at a time, at least: some milliseconds of steps against 0.1 for the message


def synchronous(
    f: Callable[..., Any],
    x0: Any,
    data: Sequence[Any],
    rule: Any,
    *,
    epochs: int,
    rng: int | np.random.Generator,
    batch_size: int,
    workers: int = 2,
    replace: bool = False,
    gradient: Callable[..., Any] | None = None,
    every: int | None = None,
    average_from: int | None = None,
    target: float | None = None,
    iterates: bool = False,
    progress: bool | None = None,
    start: Start = "spawn",
    timeout: float | None = None,
) -> History:
    """Run `sgd` with the gradient on each batch computed by several processes, each on its shard.

    The mean of the shards' gradients, weighted by their sizes, is the gradient on the batch: given the same seed the
    steps are those of ``sgd(…, batch_size=batch_size)``, whatever the number of processes, but for rounding.

    Parameters
    ----------
    f, x0, data, rule, epochs, rng, replace, gradient, every, average_from, target, iterates, progress
        As in `sgd`, for numpy arrays and scipy's sparse matrices. `f` and `gradient` run in other processes: what they
        refer to is sent there once, and what they change there is not seen here.
    batch_size : int
        Samples in a batch, over all processes: at least `workers` for all of them to have work.
    workers : int, default 2
        How many processes.
    start : {"spawn", "fork"}, default "spawn"
        "spawn" starts fresh Pythons and is right everywhere, in a script as in a notebook. "fork" is quicker to
        start, and unsafe in a process that has used threads, on macOS in any: refused where torch has them.
    timeout : float, optional
        Seconds to wait while no process answers before giving up.

    Returns
    -------
    History
        ``seconds`` begins when the processes are up; ``startup`` is what that took.

    Raises
    ------
    WorkerError
        If a worker raises an error, dies, or is not done in time: it is named, with its error or its exit code.
    NonFiniteError
        If a value or a gradient is NaN or infinite.
    TypeError, ValueError
        If an argument is not as described.
    """
    workers = whole(workers, "workers", 1)
    problem, data = Problem(f, x0, gradient), samples(data)
    if any(is_torch(a) for a in [*problem.x, *data]):
        raise TypeError("x0 and data must be numpy arrays to be shared by processes; got torch tensors")
    count = len(problem.x)
    batch_size = whole(batch_size, "batch_size", 1)
    arrays = {f"x{i}": x for i, x in enumerate(problem.x)} | _packed(data)
    for k in range(workers):
        arrays |= {f"g{k}.{i}": np.zeros_like(x) for i, x in enumerate(problem.x)}
    arrays["batch"] = np.zeros(batch_size, dtype=np.intp)
    forms = [(type(a), a.shape) if is_sparse(a) else None for a in data]
    remote = _Shards(f, gradient, count, problem.single, forms)
    record = Recorder("synchronous SGD", problem, data=data, average_from=average_from, iterates=iterates)
    memory = SharedArrays(arrays)
    with memory as shared, Workers(remote, memory, workers, start, timeout) as pool:
        record.start_clock()

        def on_batch(batch: Indices) -> tuple[float | None, list[Any]]:
            for i, x in enumerate(problem.x):
                shared[f"x{i}"][...] = x
            shared["batch"][: len(batch)] = batch
            cuts = [len(batch) * k // workers for k in range(workers + 1)]
            shards = list(pairwise(cuts))
            values = pool.deal([(k, *shard) for k, shard in enumerate(shards)], f"in step {record.step + 1}")
            weights = [(stop - begin) / len(batch) for begin, stop in shards]
            gradients = [
                sum((w * shared[f"g{k}.{i}"] for k, w in enumerate(weights) if w), np.zeros_like(problem.x[i]))
                for i in range(count)
            ]
            if any(v is None for v, w in zip(values, weights, strict=True) if w):
                return None, gradients
            return sum(w * v for v, w in zip(values, weights, strict=True) if w), gradients

        return walk(
            record.method, problem, data, rule, on_batch, epochs=epochs, rng=rng, batch_size=batch_size,
            replace=replace, every=every, average_from=average_from, target=target, iterates=iterates,
            progress=progress, record=record,
        )  # fmt: skip


class _Shards:
    """What a worker of `synchronous` does: the gradient on a part of the batch, into the arrays for that part."""

    def __init__(
        self,
        f: Callable[..., Any],
        gradient: Callable[..., Any] | None,
        count: int,
        single: bool,
        forms: list[Any],
    ):
        self.f, self.gradient, self.count, self.single, self.forms = f, gradient, count, single, forms

    def __call__(self, arrays: dict[str, Array]) -> Job:
        _protect(arrays)
        x = [arrays[f"x{i}"] for i in range(self.count)]
        problem = Problem(self.f, x[0] if self.single else x, self.gradient)
        data, batch = _unpacked(arrays, self.forms), arrays["batch"]

        def job(shard: tuple[int, int, int]) -> float | None:
            number, begin, end = shard
            part = batch[begin:end]
            if not len(part):
                return None
            value, gradients = problem.gradients(x, [a[part] for a in data])
            for i, g in enumerate(gradients):
                arrays[f"g{number}.{i}"][...] = g
            return value

        return job


def hogwild(
    f: Callable[..., Any],
    x0: Any,
    data: Sequence[Any],
    rate: float | Callable[[int], float],
    *,
    epochs: int,
    rng: int | np.random.Generator,
    workers: int = 2,
    gradient: Callable[..., Any] | None = None,
    l2: float = 0.0,
    target: float | None = None,
    iterates: bool = False,
    progress: bool | None = None,
    start: Start = "spawn",
    timeout: float | None = None,
) -> History:
    """Minimise a mean over samples by processes that step on shared parameters without a lock (Niu et al., 2011).

    Each process takes a sample, reads the coordinates of x that it needs, computes the gradient there, and subtracts
    η times that from x, whoever else is writing. The order of the steps is not reproducible, and the result only about
    so, except with one process: that is `sgd` with batches of one, sample by sample.

    If one array of `data` is a sparse matrix (of scipy), with a column per coordinate of x, the loss of a sample must
    depend on its row only through the row's entries times x, as in a linear model. A step then sees the sample as if
    it had no other coordinates: ``f(w, X, y)`` and the gradient are called with the k entries of the row as a dense
    X of shape (1, k) and with the k matching coordinates as w, and only those k are written.

    Parameters
    ----------
    f : callable
        As in `sgd`: the mean loss on a batch. With sparse data it has to be one that does not care where a sample
        ends, as above; f on all the data gets the sparse matrix itself.
    x0 : array_like
        Where to start: one parameter. With sparse data its first axis is as long as the matrix is wide.
    data : tuple of arrays
        As in `sgd`; at most one is sparse.
    rate : float or callable
        The rate η. A schedule gets the number 1, 2, … of the epoch (not of the step, which no process knows): the
        paper's own has ηₑ = η βᵉ (section 4).
    epochs : int
        Passes over the data. Each epoch shuffles the samples, deals them out to the processes, some to each and more
        to whoever is done, and waits for all.
    rng : int or numpy.random.Generator
        A seed, or the generator to shuffle with.
    workers : int, default 2
        How many processes.
    gradient : callable, optional
        ``gradient(w, *batch)``. By default ``dlkit.autograd`` derives it.
    l2 : float, default 0
        Add ½ · `l2` · ‖x‖² to f. Not to be written into f where data are sparse: there a sample pays
        for the coordinates it has, each n/dⱼ times if it occurs in dⱼ of the n samples, so that over an epoch the
        whole penalty is paid once per sample (section 2 of the paper). Coordinates that no sample has stay.
    target : float, optional
        Stop when the value after an epoch is at most this.
    iterates, progress
        As in `gradient_descent`.
    start, timeout
        As in `synchronous`; the time is for the samples dealt at a time.

    Returns
    -------
    History
        A record per epoch. ``seconds`` counts the epochs only: neither ``startup``, which is apart, nor the values.

    Raises
    ------
    WorkerError
        If a worker raises an error, dies, or is not done in time: it is named, with its error or its exit code.
    NonFiniteError
        If f is NaN or infinite after an epoch.
    TypeError, ValueError
        If an argument is not as described.
    """
    workers, epochs = whole(workers, "workers", 1), whole(epochs, "epochs", 0)
    l2 = number(l2, "l2", 0, expected="a number >= 0")
    data, rng = samples(data), generator(rng)
    problem = Problem(_Penalised(f, l2) if l2 else f, x0, gradient)
    if not problem.single or any(is_torch(a) for a in [*problem.x, *data]):
        raise TypeError("x0 and data must be numpy arrays, x0 one array, to be shared by processes")
    n, sparse = data[0].shape[0], [i for i, a in enumerate(data) if is_sparse(a)]
    if len(sparse) > 1:
        raise ValueError(f"data must hold at most one sparse matrix; got {len(sparse)}")
    arrays = {"x": problem.x[0], "order": np.zeros(n, dtype=np.intp)} | _packed(data)
    if sparse:
        matrix = data[sparse[0]]
        if problem.x[0].shape[:1] != matrix.shape[1:]:
            raise ValueError(
                f"x0 must have a first axis of {matrix.shape[1]}, a coordinate per column of the sparse matrix; "
                f"got the shape {problem.x[0].shape}"
            )
        arrays["share"] = n / np.maximum(np.bincount(matrix.indices, minlength=matrix.shape[1]), 1)
    remote = _Hog(f, gradient, float(l2), sparse[0] if sparse else None, len(data))
    # Each process gets some samples, and the next when it is done: few enough for all to be done at the same time, but
    # enough to be worth a message.
    hand = min(-(-n // workers), max(_HAND, -(-n // (16 * workers))))
    record = Recorder("Hogwild!", problem, data=data, iterates=iterates)
    memory = SharedArrays(arrays)
    with (
        memory as shared,
        Workers(remote, memory, workers, start, timeout) as pool,
        Bar(record.method, epochs, progress) as bar,
    ):
        record.start_clock()
        for epoch in range(1, epochs + 2):
            with record.paused():
                problem.x[0][...] = shared["x"]
                value = record.value()
            record.see(value)
            record.record(value)
            if target is not None and value <= target:
                return record.history(f"f is at most the target {target:.6g} after epoch {epoch - 1}")
            if epoch > epochs:
                break
            shared["order"][:] = rng.permutation(n)
            eta = float(rate(epoch) if callable(rate) else rate)
            pool.deal([(begin, begin + hand, eta) for begin in range(0, n, hand)], f"in epoch {epoch}")
            record.step += n
            record.gradients += n
            bar.at(epoch, f"f = {value:.6g}")
    return record.history(f"made all {epochs} epochs")


class _Penalised:
    """The mean loss and ½ l2 ‖w‖²."""

    def __init__(self, f: Callable[..., Any], l2: float):
        self.f, self.l2 = f, l2

    def __call__(self, w: Any, *batch: Any) -> Any:
        return self.f(w, *batch) + 0.5 * self.l2 * (w * w).sum()


class _Hog:
    """What a worker of `hogwild` does: a step on each of the samples that it is dealt."""

    def __init__(
        self,
        f: Callable[..., Any],
        gradient: Callable[..., Any] | None,
        l2: float,
        sparse: int | None,
        count: int,
    ):
        self.f, self.gradient, self.l2, self.sparse, self.count = f, gradient, l2, sparse, count

    def __call__(self, arrays: dict[str, Array]) -> Job:
        _protect(arrays)
        gradient = self.gradient or _derived(self.f)
        x, order = arrays["x"], arrays["order"]
        walk = self._dense if self.sparse is None else self._sparse

        def job(hand: tuple[int, int, float]) -> None:
            begin, end, rate = hand
            walk(gradient, x, order[begin:end], rate, arrays)

        return job

    def _dense(
        self, gradient: Callable[..., Any], x: Array, order: Indices, rate: float, arrays: dict[str, Array]
    ) -> None:
        data = [arrays[f"data{i}"] for i in range(self.count)]
        for i in order.tolist():
            g = gradient(x, *[a[i : i + 1] for a in data])
            if self.l2:
                g = g + self.l2 * x
            x -= rate * g

    def _sparse(
        self, gradient: Callable[..., Any], x: Array, order: Indices, rate: float, arrays: dict[str, Array]
    ) -> None:
        place = self.sparse or 0
        entries, columns = arrays[f"data{place}"], arrays[f"data{place}.columns"]
        begins, share, l2 = arrays[f"data{place}.begins"], arrays["share"], self.l2
        before = [arrays[f"data{i}"] for i in range(place)]
        after = [arrays[f"data{i}"] for i in range(place + 1, self.count)]
        rows = zip(order.tolist(), begins[order].tolist(), begins[order + 1].tolist(), strict=True)
        for i, begin, end in rows:
            where = columns[begin:end]
            w = x[where]
            g = gradient(w, *[a[i : i + 1] for a in before], entries[None, begin:end], *[a[i : i + 1] for a in after])
            if l2:
                g = g + (l2 * share[where] * w.T).T
            # Read, subtract, write: a change that another process makes to one of these k numbers in between is lost.
            x[where] -= rate * g


def _derived(f: Callable[..., Any]) -> Callable[..., Any]:
    from dlkit.autograd import value_and_grad

    both = value_and_grad(f)
    return lambda *arguments: both(*arguments)[1]


def _packed(data: Sequence[Any]) -> dict[str, Array]:
    """Return data as plain arrays by name; a sparse matrix is three: its entries, their columns, where rows begin."""
    packed: dict[str, Array] = {}
    for i, a in enumerate(data):
        if a.dtype.hasobject:
            raise TypeError(f"data must hold numbers to be shared by processes; data[{i}] is of dtype {a.dtype}")
        if is_sparse(a):
            if not a.has_canonical_format:
                a = a.copy()
                a.sum_duplicates()
            # As indices these are what numpy uses at once, without a conversion for every sample.
            packed[f"data{i}"] = a.data
            packed[f"data{i}.columns"], packed[f"data{i}.begins"] = a.indices.astype(np.intp), a.indptr.astype(np.intp)
        else:
            packed[f"data{i}"] = a
    return packed


def _unpacked(arrays: dict[str, Array], forms: list[Any]) -> list[Any]:
    """Return the data from `_packed`, those in a form (matrix type, shape) as such matrices."""
    data: list[Any] = []
    for i, form in enumerate(forms):
        entries = arrays[f"data{i}"]
        if form is not None:
            kind, shape = form
            entries = kind((entries, arrays[f"data{i}.columns"], arrays[f"data{i}.begins"]), shape=shape)
        data.append(entries)
    return data


def _protect(arrays: dict[str, Array]) -> None:
    """Make the data read-only: a loss that changes them in place would change them for all."""
    for name, array in arrays.items():
        array.flags.writeable = not name.startswith("data")
