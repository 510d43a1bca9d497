"""Steps that measure themselves: as long as the earlier ones were, in the units of the parameter.

In the formulas products, quotients and roots of vectors are taken entry by entry.
"""

from __future__ import annotations

from typing import Any, ClassVar

from dlkit._checks import number
from dlkit.optim._arrays import average
from dlkit.optim._checks import chosen
from dlkit.optim._places import Place, copied
from dlkit.optim.projections import Projection
from dlkit.optim.schedules import Rate
from dlkit.optim.update import UpdateRule

__all__ = ["Adadelta"]


class Adadelta(UpdateRule):
    """Adadelta: d = g √(u + ε) / √(v + ε),  x ← x − η d (Zeiler, 2012, algorithm 1).

    v and u are running averages of the squares of the gradients and of the steps (without the η)::

        v ← ρ v + (1 − ρ) g²,   then d,   then u ← ρ u + (1 − ρ) d²

    As √v has the units of g, the step has those of x, whatever the units of the loss: the paper has no rate, η = 1.
    With u = 0 at first, it is ε that sets out: the first step has the length η √(ε/(1 − ρ)), 0.003 for torch.

    ===========  ==========  ==========  ==========
    convention   default ε   default ρ   default η
    ===========  ==========  ==========  ==========
    torch        1e-6        0.9         1
    keras        1e-7        0.95        0.001
    tensorflow   1e-8        0.95        0.001
    ===========  ==========  ==========  ==========

    The formula is the same for all, ε under both roots. With their default rate Keras and TensorFlow make a thousandth
    of the paper's steps, the first of 1e-6; ``rate=1`` is the paper's.

    Parameters
    ----------
    rate : float or callable, optional
        η, a number or a schedule.
    rho : float, optional
        The decay rate ρ in [0, 1) of both averages.
    epsilon : float, optional
        ε > 0.
    convention : {"torch", "keras", "tensorflow"}
        Whose defaults.
    project : Projection, optional
        See `UpdateRule`. The projection is in the norm of the denominators √(v + ε) / √(u + ε), with the u of the step,
        and leaves u as it is.
    """

    conventions: ClassVar = {
        "torch": {"rate": 1.0, "rho": 0.9, "epsilon": 1e-6},
        "keras": {"rate": 0.001, "rho": 0.95, "epsilon": 1e-7},
        "tensorflow": {"rate": 0.001, "rho": 0.95, "epsilon": 1e-8},
    }
    slots = ("v", "u")
    elementwise = True

    def __init__(
        self,
        rate: Rate | None = None,
        rho: float | None = None,
        epsilon: float | None = None,
        *,
        convention: str = "torch",
        project: Projection | None = None,
    ) -> None:
        rate, rho, epsilon = chosen(self, convention, rate=rate, rho=rho, epsilon=epsilon)
        self.rho = number(rho, "rho", 0, below=1)
        self.epsilon = number(epsilon, "epsilon", above=0)
        self.convention = convention
        self._u: Any = None
        super().__init__(rate, project=project)

    def step(self, x: Any, g: Any, v: Any, u: Any) -> None:
        """Change `x`, `v` and `u` by one step."""
        average(v, g * g, 1 - self.rho)
        d = g / self.metric(v, u)
        average(u, d * d, 1 - self.rho)
        x -= self.eta * d

    def metric(self, v: Any, u: Any) -> Any:
        """Return √(v + ε) / √(u + ε): what g is divided by, given the new v and the old u."""
        return (v + self.epsilon) ** 0.5 / (u + self.epsilon) ** 0.5

    def _move(self, place: Place, x: Any, g: Any) -> None:
        self._u = None if self.project is None else copied(place.state[1])  # which the step overwrites
        super()._move(place, x, g)
        self._u = None

    def _project(self, x: Any, v: Any, u: Any) -> None:
        super()._project(x, v, self._u)
