"""Stochastic descent: f is a mean over n samples, and a step looks at a few of them.

The gradient of the mean loss on a batch B that is drawn uniformly, with or without replacement, is an unbiased estimate
of the full gradient: at any fixed w, E[∇f_B(w)] = ∇f(w). Its variance is σ²/|B| for a batch drawn with replacement,
where σ² is the variance over single samples, and (n − |B|)/(n − 1) times that without. So a batch of one costs n times
less than a full gradient and is right on average; near the minimum its noise, which does not vanish there, is what
remains. SGD with a constant rate therefore stalls at a floor; a falling rate or SVRG gets below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dlkit.arrays import is_torch
from dlkit.descent._problem import Problem, as_rule, whole
from dlkit.descent._progress import Bar
from dlkit.descent._recorder import Recorder
from dlkit.descent.history import History

__all__ = ["sgd", "svrg"]

Indices = NDArray[np.intp]


def sgd(
    f: Callable[..., Any],
    x0: Any,
    data: Sequence[Any],
    rule: Any,
    *,
    epochs: int,
    rng: int | np.random.Generator,
    batch_size: int = 1,
    replace: bool = False,
    gradient: Callable[..., Any] | None = None,
    every: int | None = None,
    average_from: int | None = None,
    target: float | None = None,
    iterates: bool = False,
    progress: bool | None = None,
) -> History:
    """Minimise a mean over samples by steps against the gradient on a batch (Robbins and Monro, 1951).

    Parameters
    ----------
    f : callable
        ``f(w, *batch)`` is the mean loss on a batch: the rows of each array of `data` that belong to it. With several
        parameters it is ``f(w, b, …, *batch)``.
    x0 : array_like, or list of arrays
        Where to start. It is not changed.
    data : tuple of arrays
        Their first axes run over the samples and are of one length n. scipy's sparse matrices will do.
    rule : rule of dlkit.optim, float or callable
        As in `gradient_descent`; t counts steps, not epochs.
    epochs : int
        Passes over the data. An epoch has ⌈n / `batch_size`⌉ steps.
    rng : int or numpy.random.Generator
        A seed, or the generator to draw the batches from.
    batch_size : int, default 1
        Samples in a batch.
    replace : bool, default False
        False shuffles the samples anew for each epoch and walks through them; the last batch of an epoch is smaller if
        `batch_size` does not divide n. True draws every batch afresh, each sample independently. Given w, a batch is an
        unbiased estimate with either; but only with True is it so given the batches before it: without replacement,
        what is left of an epoch depends on what was used of it.
    gradient : callable, optional
        ``gradient(w, *batch)`` is the gradient of `f` with respect to its parameters. By default ``dlkit.autograd``
        derives it.
    every : int, optional
        Record each so many steps, besides the start and the end; by default after each epoch. A value is f on all
        the data, and is not in ``seconds``.
    average_from : int, optional
        Keep the mean of the iterates from this step on (Polyak and Juditsky, 1992).
    target : float, optional
        Stop when a recorded value is at most this.
    iterates, progress
        As in `gradient_descent`.

    Returns
    -------
    History
        ``gradients`` counts gradients of single samples.

    Raises
    ------
    NonFiniteError
        If a value or a gradient is NaN or infinite.
    TypeError, ValueError
        If an argument is not as described.
    """
    problem, data = Problem(f, x0, gradient), samples(data)

    def on_batch(batch: Indices) -> tuple[float | None, list[Any]]:
        return problem.gradients(batch=rows(data, batch))

    return walk(
        "SGD", problem, data, rule, on_batch, epochs=epochs, rng=rng, batch_size=batch_size, replace=replace,
        every=every, average_from=average_from, target=target, iterates=iterates, progress=progress,
    )  # fmt: skip


def svrg(
    f: Callable[..., Any],
    x0: Any,
    data: Sequence[Any],
    rule: Any,
    *,
    rounds: int,
    rng: int | np.random.Generator,
    inner: int | None = None,
    option: Literal["I", "II"] = "I",
    batch_size: int = 1,
    gradient: Callable[..., Any] | None = None,
    target: float | None = None,
    iterates: bool = False,
    progress: bool | None = None,
) -> History:
    """Stochastic variance reduced gradient: SGD whose noise vanishes at the minimum (Johnson and Zhang, 2013).

    A round takes a snapshot w̃ and its full gradient μ = ∇f(w̃), then makes m steps from it ::

        w ← w − η (∇f_B(w) − ∇f_B(w̃) + μ)

    The bracket is unbiased, as E ∇f_B(w̃) = μ, and its variance goes to zero with w, w̃ → w*. So a constant rate will
    do, and for a strongly convex f the gap shrinks by a constant factor a round: linear convergence, at the price of
    n + 2m|B| sample gradients a round (section 2 of the paper; its theorem 1 is for option II, its experiments use I).

    Parameters
    ----------
    f, x0, data, gradient
        As in `sgd`.
    rule : rule of dlkit.optim, float or callable
        As in `sgd`; the paper has a constant rate, of the order 0.1/L with L the smoothness of a single sample's loss.
    rounds : int
        How many snapshots to take.
    rng : int or numpy.random.Generator
        A seed, or the generator to draw the batches from, with replacement.
    inner : int, optional
        The steps m of a round; by default 2n / `batch_size`, what the paper recommends for convex problems.
    option : {"I", "II"}, default "I"
        The next snapshot: the last inner iterate, or one of w₀ … wₘ₋₁ at random. With II the choice is made first and
        the inner steps that would be thrown away are not made.
    batch_size : int, default 1
        Samples in a batch.
    target : float, optional
        Stop when f at a snapshot is at most this.
    iterates, progress
        As in `gradient_descent`.

    Returns
    -------
    History
        One record per snapshot; ``gradients`` counts gradients of single samples, both that a step takes.

    Raises
    ------
    NonFiniteError
        If a value or a gradient is NaN or infinite.
    TypeError, ValueError
        If an argument is not as described.
    """
    rounds, batch_size = whole(rounds, "rounds", 0), whole(batch_size, "batch_size", 1)
    if option not in ("I", "II"):
        raise ValueError(f"option must be 'I' or 'II'; got {option!r}")
    problem, data, rng, rule = Problem(f, x0, gradient), samples(data), generator(rng), as_rule(rule)
    n = data[0].shape[0]
    inner = max(1, 2 * n // batch_size) if inner is None else whole(inner, "inner", 1)
    record = Recorder("SVRG", problem, data=data, iterates=iterates)
    with Bar("SVRG", rounds, progress) as bar:
        for round_ in range(rounds + 1):
            with record.paused():
                value = record.value()
            record.see(value)
            record.record(value)
            bar.at(round_, f"f = {value:.6g}")
            if target is not None and value <= target:
                return record.history(f"f is at most the target {target:.6g} after round {round_}")
            if round_ == rounds:
                break
            snapshot = problem.copies()
            _, full = problem.gradients(snapshot, data)
            record.gradients += n
            record.check_gradients(full)
            made = inner if option == "I" else int(rng.integers(inner))
            for batch in rng.integers(n, size=(made, batch_size)):
                here = rows(data, batch)
                value_here, now = problem.gradients(batch=here)
                record.check_value(value_here)
                _, then = problem.gradients(snapshot, here)
                step = [g - h + mu for g, h, mu in zip(now, then, full, strict=True)]
                record.check_gradients(step)
                rule.update(problem.x, step)
                record.step += 1
                record.gradients += 2 * batch_size
                bar.at(round_, f"f = {value:.6g}")
    return record.history(f"made all {rounds} rounds")


def walk(
    method: str,
    problem: Problem,
    data: Sequence[Any],
    rule: Any,
    on_batch: Callable[[Indices], tuple[float | None, list[Any]]],
    *,
    epochs: int,
    rng: int | np.random.Generator,
    batch_size: int,
    replace: bool,
    every: int | None,
    average_from: int | None,
    target: float | None,
    iterates: bool,
    progress: bool | None,
    record: Recorder | None = None,
) -> History:
    """Run the loop of `sgd` with a given way to get the gradient on a batch."""
    epochs, batch_size = whole(epochs, "epochs", 0), whole(batch_size, "batch_size", 1)
    n = data[0].shape[0]
    if batch_size > n:
        raise ValueError(f"batch_size must be at most the number of samples, {n}; got {batch_size}")
    per_epoch = -(-n // batch_size)
    every = per_epoch if every is None else whole(every, "every", 1)
    average_from = None if average_from is None else whole(average_from, "average_from", 0)
    rng, rule, steps = generator(rng), as_rule(rule), epochs * per_epoch
    record = record or Recorder(method, problem, data=data, average_from=average_from, iterates=iterates)

    def look() -> bool:
        with record.paused():
            value = record.value()
        record.see(value)
        record.record(value)
        return target is not None and value <= target

    record.average()
    if look():
        return record.history(f"f is at most the target {target:.6g} at the start")
    with Bar(method, steps, progress) as bar:
        for _ in range(epochs):
            for batch in batches(n, batch_size, rng, replace):
                value, gradients = on_batch(batch)
                record.gradients += len(batch)
                record.check_value(value)
                record.check_gradients(gradients)
                rule.update(problem.x, gradients)
                record.step += 1
                record.average()
                if (record.step % every == 0 or record.step == steps) and look():
                    return record.history(f"f is at most the target {target:.6g} after step {record.step}")
                bar.at(record.step, "" if record.last_finite is None else f"f = {record.last_finite[0]:.6g}")
    return record.history(f"made all {epochs} epochs")


def batches(n: int, batch_size: int, rng: np.random.Generator, replace: bool) -> Iterator[Indices]:
    """Yield the batches of one epoch, as indices of samples."""
    order = rng.integers(n, size=-(-n // batch_size) * batch_size) if replace else rng.permutation(n)
    for begin in range(0, len(order), batch_size):
        yield order[begin : begin + batch_size]


def rows(data: Sequence[Any], batch: Indices) -> list[Any]:
    """Return the rows of a batch, of every array."""
    return [array[batch] for array in data]


def samples(data: Sequence[Any]) -> list[Any]:
    """Return the data as a list of arrays, sparse matrices or tensors with equally many rows."""
    if not isinstance(data, (list, tuple)):
        raise TypeError(
            f"data must be a tuple of arrays, such as (X, y); got {type(data).__name__} (a single one is (X,))"
        )
    if not data:
        raise ValueError("data must hold at least one array; got none")
    arrays = [array.tocsr() if is_sparse(array) else array if is_torch(array) else np.asarray(array) for array in data]
    lengths = [array.shape[0] if array.ndim else 0 for array in arrays]
    if len(set(lengths)) > 1 or lengths[0] == 0:
        raise ValueError(f"data must hold arrays with the same number of rows, at least one; got {lengths}")
    return arrays


def is_sparse(array: Any) -> bool:
    """Tell whether `array` is one of scipy's sparse matrices, without importing scipy."""
    return hasattr(array, "tocsr") and type(array).__module__.startswith("scipy.sparse")


def generator(rng: int | np.random.Generator) -> np.random.Generator:
    """Return a generator for a seed, or the one given."""
    return rng if isinstance(rng, np.random.Generator) else np.random.default_rng(whole(rng, "rng", 0))
