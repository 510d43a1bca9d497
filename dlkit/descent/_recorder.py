"""Taking the record while a descent runs; `history.History` is what remains of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import numpy as np

from dlkit.arrays import is_torch
from dlkit.descent._problem import Problem, first_nonfinite
from dlkit.descent.history import History, NonFiniteError


class Recorder:
    """Keep the values, the best point, the mean of the iterates and the costs of a descent.

    Attributes
    ----------
    step : int
        Steps made so far.
    gradients : int
        Gradients evaluated so far.
    """

    def __init__(
        self,
        method: str,
        problem: Problem,
        *,
        data: Sequence[Any] = (),
        average_from: int | None = None,
        iterates: bool = False,
    ):
        self.method, self.problem, self.data = method, problem, data
        self.samples = data[0].shape[0] if data else 1
        self.step = self.gradients = 0
        self.best_value, self.best_step, self.best_x = math.inf, 0, problem.copy()
        self.last_finite: tuple[float, int] | None = None
        self.startup = 0.0
        self._points: list[tuple[float, int, int, float]] = []
        self._iterates: list[Any] | None = [] if iterates else None
        self._average_from, self._averaged = average_from, 0
        self._average = problem.copies()
        self._average_values: list[float] = []
        self._began, self._pauses = perf_counter(), 0.0

    def value(self, x: list[Any] | None = None) -> float:
        """Return f at `x`, by default at the present iterate: on all the data, if there are any."""
        return self.problem.value(x, self.data)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the clock for what is not the method's own work."""
        began = perf_counter()
        try:
            yield
        finally:
            self._pauses += perf_counter() - began

    def start_clock(self) -> None:
        """Count the seconds from now on, and those before as the time to start."""
        self.startup = perf_counter() - self._began
        self._began, self._pauses = perf_counter(), 0.0

    def average(self) -> None:
        """Take the present iterate into the mean."""
        if self._average_from is None:
            return
        self._averaged = self._averaged + 1 if self.step > self._average_from else 1
        for mean, x in zip(self._average, self.problem.x, strict=True):
            mean += (x - mean) / self._averaged

    def see(self, value: float) -> None:
        """Look at the value of f at the present iterate, and keep the point if it is the best so far."""
        if not math.isfinite(value):
            raise self.trouble(f"f is {value} " + (f"after step {self.step}" if self.step else "at the start"))
        self.last_finite = value, self.step
        if value < self.best_value:
            self.best_value, self.best_step, self.best_x = value, self.step, self.problem.copy()

    def check_value(self, value: float | None) -> None:
        """Raise if the value of f on a batch is not finite."""
        if value is None:
            return
        if not math.isfinite(value):
            raise self.trouble(f"f on the batch of step {self.step + 1} is {value}")
        self.last_finite = value, self.step

    def check_gradients(self, gradients: Sequence[Any]) -> None:
        """Raise if an entry of a gradient is not finite, and say which."""
        for name, g in zip(self.problem.names, gradients, strict=True):
            found = first_nonfinite(g)
            if found is not None:
                where, what = found
                at = f" at index {where}" if where else ""
                raise self.trouble(f"the gradient for step {self.step + 1} is {what} in parameter {name}{at}")

    def trouble(self, what: str) -> NonFiniteError:
        """Return the error for a number that is not finite."""
        for name, x in zip(self.problem.names, self.problem.x, strict=True):
            found = first_nonfinite(x)
            if found is not None:
                where, value = found
                what += f"; parameter {name} itself is {value}" + (f" at index {where}" if where else "")
                break
        last = "there was no finite value before"
        if self.last_finite is not None:
            last = f"the last finite value was {self.last_finite[0]:.6g} after step {self.last_finite[1]}"
        message = (
            f"{self.method}: {what}; {last}. Try a smaller rate, or a starting point where f is finite "
            f"(the record so far is this error's .history)"
        )
        return NonFiniteError(message, self.history(f"stopped by a number that is not finite: {what}"))

    def record(self, value: float) -> None:
        """Write down the present point."""
        seconds = perf_counter() - self._began - self._pauses
        self._points.append((value, self.step, self.gradients, seconds))
        with self.paused():
            if self._iterates is not None:
                self._iterates.append(self.problem.copy())
            if self._average_from is not None:
                self._average_values.append(self.value(self._average))

    def history(self, reason: str) -> History:
        """Return the record."""
        columns = zip(*self._points, strict=True) if self._points else ((), (), (), ())
        values, steps, gradients, seconds = columns
        iterates: Any = self._iterates
        if iterates and self.problem.single and not is_torch(iterates[0]):
            iterates = np.stack(iterates)
        averaged = self._average_from is not None
        return History(
            method=self.method,
            reason=reason,
            x=self.problem.copy(),
            best_x=self.best_x,
            best_value=self.best_value,
            best_step=self.best_step,
            values=np.array(values, dtype=np.float64),
            steps=np.array(steps, dtype=np.int64),
            gradients=np.array(gradients, dtype=np.int64),
            epochs=np.array(gradients, dtype=np.float64) / self.samples,
            seconds=np.array(seconds, dtype=np.float64),
            average_x=self.problem.copy(self._average) if averaged else None,
            average_values=np.array(self._average_values) if averaged else None,
            iterates=iterates,
            startup=self.startup,
        )
