"""Gradient and sub-gradient descent: every step looks at the whole function.

What a lecture writes in three lines ::

    for k in range(steps):
        value, g = value_and_grad(f)(x)
        x = x - rate * g

with what a longer life asks for: a record, reasons to stop, and a word when numbers cease to be finite.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlkit._checks import number
from dlkit.descent._problem import Problem, as_rule, whole
from dlkit.descent._progress import Bar
from dlkit.descent._recorder import Recorder
from dlkit.descent.history import History

__all__ = ["gradient_descent", "subgradient_descent"]


def gradient_descent(
    f: Callable[..., Any],
    x0: Any,
    rule: Any,
    steps: int,
    *,
    gradient: Callable[..., Any] | None = None,
    tol: float | None = None,
    change_tol: float | None = None,
    target: float | None = None,
    every: int = 1,
    iterates: bool = False,
    progress: bool | None = None,
) -> History:
    """Minimise a differentiable function by steps against its gradient: x ← x − η ∇f(x), or as the rule has it.

    With a constant rate η < 2/L, where L is a Lipschitz constant of the gradient, every step of the plain rule
    descends and the gradient goes to zero: at a saddle or at a local minimum as well, unless f is convex (Nesterov,
    2004, *Introductory Lectures on Convex Optimization*, section 1.2.3). Where f has kinks, a constant rate reaches a
    neighbourhood of the minimum only: see `subgradient_descent`.

    Parameters
    ----------
    f : callable
        Takes the parameters, each an array, and returns one number.
    x0 : array_like, or list of arrays
        Where to start: one parameter, for ``f(x)``, or a list of several, for ``f(x, y, …)``. It is not changed.
    rule : rule of dlkit.optim, float or callable
        How a gradient becomes a step; a rate η, or a schedule t ↦ η with t = 1, 2, …, stands for the plain step. A
        copy of the rule is used: its momentum and its step count do not leak from one descent into the next.
    steps : int
        How many steps to make at most.
    gradient : callable, optional
        Takes what `f` takes and returns its gradient: an array, or one for each of several parameters. By default
        ``dlkit.autograd`` derives it, for which `f` has to be written in its operations.
    tol : float, optional
        Stop at a gradient of Euclidean length ≤ `tol`. Near a point where the gradient vanishes this is evidence;
        how far the value is from the minimum it says only for a strongly convex f (gap ≤ ‖∇f‖²/2μ).
    change_tol : float, optional
        Stop when a step changes f by at most this much. **This proves nothing**: a small rate alone makes it true
        anywhere, and so does a plateau. It is offered because it is widely used, and to see it fail.
    target : float, optional
        Stop when f is at most this.
    every : int, default 1
        Record each so many steps; the start and the end are always recorded. The best point is taken over all steps.
    iterates : bool, default False
        Whether to keep the recorded points themselves, for a trajectory on a contour plot.
    progress : bool, optional
        A progress bar on stderr: by default for runs over two seconds, in a terminal or a notebook; True for those
        elsewhere too, False never.

    Returns
    -------
    History
        One gradient counts as one pass over the data.

    Raises
    ------
    NonFiniteError
        If a value or a gradient is NaN or infinite, as happens with too large a rate. It names the step and the
        parameter, and holds the record so far.
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> history = gradient_descent(lambda x: x**2, 1.0, rule=0.25, steps=3, gradient=lambda x: 2 * x)
    >>> history.values
    array([1.      , 0.25    , 0.0625  , 0.015625])
    """
    return _descend(
        "gradient descent", f, x0, rule, steps, gradient, tol, change_tol, target, every, None, iterates, progress
    )


def subgradient_descent(
    f: Callable[..., Any],
    x0: Any,
    rule: Any,
    steps: int,
    *,
    gradient: Callable[..., Any] | None = None,
    change_tol: float | None = None,
    target: float | None = None,
    every: int = 1,
    average_from: int = 0,
    iterates: bool = False,
    progress: bool | None = None,
) -> History:
    """Minimise a convex function that may have kinks: x ← x − ηₖ g with any g of the sub-differential ∂f(x).

    A step need not descend, so the record keeps the best iterate and the mean of the iterates beside the last one.
    For a convex f with sub-gradients no longer than G, started within R of a minimum, the plain rule guarantees after
    steps 1 … k ::

        best value − minimum  ≤  (R² + G² Σ ηᵢ²) / (2 Σ ηᵢ)

    (Boyd, Xiao and Mutapcic, 2003, *Subgradient methods*, section 2, lecture notes of Stanford's EE392o). Hence

    * a constant rate η leads to within G²η/2 of the minimum, and no further;
    * ηₖ = η/√k converges, with a bound of the order log k/√k, as does any schedule with ηₖ → 0 and Σ ηₖ = ∞;
    * among these ηₖ = η/k is slow, with a bound of the order 1/log k, unless f is strongly convex and η fits it;
    * the mean of the iterates has the same bound with a constant rate, as f(mean) ≤ mean of f(xᵢ).

    For a function that is not convex none of this holds.

    Parameters
    ----------
    f, x0, rule, steps, gradient, change_tol, target, every, iterates, progress
        As in `gradient_descent`; `gradient` returns any one sub-gradient. That the value hardly changes is even less
        of a proof here, and there is no test of the gradient's length: at a kink it need not become small.
    average_from : int, default 0
        The mean is over the iterates from this step on (step 0 is the start); before it, the mean is the iterate.

    Returns
    -------
    History
        With ``best_x``, ``average_x`` and ``average_values``; evaluating f at the mean is not in ``seconds``.

    Raises
    ------
    NonFiniteError
        If a value or a sub-gradient is NaN or infinite.
    TypeError, ValueError
        If an argument is not as described.
    """
    average_from = whole(average_from, "average_from", 0)
    return _descend(
        "sub-gradient descent",
        f, x0, rule, steps, gradient, None, change_tol, target, every, average_from, iterates, progress,
    )  # fmt: skip


def _descend(
    method: str,
    f: Callable[..., Any],
    x0: Any,
    rule: Any,
    steps: int,
    gradient: Callable[..., Any] | None,
    tol: float | None,
    change_tol: float | None,
    target: float | None,
    every: int,
    average_from: int | None,
    iterates: bool,
    progress: bool | None,
) -> History:
    steps, every = whole(steps, "steps", 0), whole(every, "every", 1)
    for name, tolerance in (("tol", tol), ("change_tol", change_tol)):
        if tolerance is not None:
            number(tolerance, name, 0, expected="None or a number >= 0")
    problem, rule = Problem(f, x0, gradient), as_rule(rule)
    record = Recorder(method, problem, average_from=average_from, iterates=iterates)
    before: float | None = None
    with Bar(method, steps, progress) as bar:
        while True:
            last = record.step == steps  # a step is made from every point but the last
            value, gradients = (record.value(), []) if last else problem.value_and_gradients()
            record.see(value)
            if not last:
                record.check_gradients(gradients)
            record.average()
            reason = _reason(record.step, value, before, gradients, tol, change_tol, target)
            if last and not reason:
                reason = f"made all {steps} steps"
            if reason or record.step % every == 0:
                record.record(value)
            if reason:
                return record.history(reason)
            rule.update(problem.x, gradients)
            record.step += 1
            record.gradients += 1
            before = value
            bar.at(record.step, f"f = {value:.6g}")


def _reason(
    step: int,
    value: float,
    before: float | None,
    gradients: list[Any],
    tol: float | None,
    change_tol: float | None,
    target: float | None,
) -> str:
    """Return why to stop here, or nothing."""
    if target is not None and value <= target:
        return f"f is at most the target {target:.6g} after step {step}"
    if tol is not None and gradients:
        length = sum(float((g * g).sum()) for g in gradients) ** 0.5
        if length <= tol:
            return f"the gradient's length {length:.3g} is within tol {tol:.3g} after step {step}"
    if change_tol is not None and before is not None and abs(value - before) <= change_tol:
        return (
            f"step {step} changed f by {abs(value - before):.3g}, within change_tol {change_tol:.3g}, "
            f"which proves no convergence"
        )
    return ""
