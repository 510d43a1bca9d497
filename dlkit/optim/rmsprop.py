"""Steps scaled by a running average of the squared gradients.

In the formulas products, quotients and roots of vectors are taken entry by entry.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

from dlkit._checks import number
from dlkit.optim._arrays import average, average_square, fused_adam, library, subtract_ratio
from dlkit.optim._checks import chosen
from dlkit.optim.projections import Projection
from dlkit.optim.schedules import Rate
from dlkit.optim.update import UpdateRule

__all__ = ["RMSProp"]


class RMSProp(UpdateRule):
    """RMSProp: v ← ρ v + (1 − ρ) g²,  x ← x − η g / √v (Tieleman and Hinton, 2012, lecture 6e).

    Adagrad that forgets: the average over the last 1/(1 − ρ) steps or so in place of the sum over all.

    Centered, it divides by what varies of the gradient: m ← ρ m + (1 − ρ) g, and v − m², an estimate of the variance,
    takes the place of v. With momentum it steps along a sum of its steps, d (Graves, 2013, *Generating sequences with
    recurrent neural networks*, equations 38 to 41, which have both).

    ===========  ===================  =========  =========  =========  =========
    convention   step                 v starts   default ε  default ρ  default η
    ===========  ===================  =========  =========  =========  =========
    torch        x − η g / (√v + ε)   at 0       1e-8       0.99       0.01
    keras        x − η g / √(v + ε)   at 0       1e-7       0.9        0.001
    tensorflow   x − η g / √(v + ε)   at 1       1e-10      0.9        none
    ===========  ===================  =========  =========  =========  =========

    Where v starts at 0 the first step has the length η/√(1 − ρ), 10 η for torch; where it starts at 1 a small gradient
    makes small steps at first.

    ===========  =============================================================
    convention   with momentum, s being what g is divided by above
    ===========  =============================================================
    torch        d ← μ d + g/s,  x ← x − η d: a new η rescales the past's steps
    keras        d ← μ d + η g/s,  x ← x − d
    tensorflow   d ← μ d + η g/s,  x ← x − d
    ===========  =============================================================

    Parameters
    ----------
    rate : float or callable, optional
        η, a number or a schedule.
    rho : float, optional
        The decay rate ρ in [0, 1); torch calls it alpha, TensorFlow decay.
    epsilon : float, optional
        ε > 0.
    momentum : float, default 0.0
        μ in [0, 1).
    centered : bool, default False
        Whether to divide by √(v − m²). Rounding may leave v − m² just below 0, of which a root would be no number (as
        it is in the libraries); it counts as 0.
    convention : {"torch", "keras", "tensorflow"}
        Whose formula and defaults.
    project : Projection, optional
        See `UpdateRule`. The projection is in the norm of the denominators, as for `Adagrad`.
    """

    conventions: ClassVar = {
        "torch": {"rate": 0.01, "rho": 0.99, "epsilon": 1e-8},
        "keras": {"rate": 0.001, "rho": 0.9, "epsilon": 1e-7},
        "tensorflow": {"rho": 0.9, "epsilon": 1e-10},
    }
    slots = ("v",)
    elementwise = True

    def __init__(
        self,
        rate: Rate | None = None,
        rho: float | None = None,
        epsilon: float | None = None,
        momentum: float = 0.0,
        *,
        centered: bool = False,
        convention: str = "torch",
        project: Projection | None = None,
    ) -> None:
        rate, rho, epsilon = chosen(self, convention, rate=rate, rho=rho, epsilon=epsilon)
        self.rho = number(rho, "rho", 0, below=1)
        self.epsilon = number(epsilon, "epsilon", above=0)
        self.momentum = number(momentum, "momentum", 0, below=1)
        self.centered = bool(centered)
        self.convention = convention
        self.slots = ("v", *(("m",) if self.centered else ()), *(("d",) if self.momentum else ()))
        super().__init__(rate, project=project)

    def start(self, slot: str, x: Any) -> Any:
        """Return what to start with: zeros, but for TensorFlow's v, which starts with ones."""
        return library(x).full_like(x, 1.0 if slot == "v" and self.convention == "tensorflow" else 0.0)

    def step(self, x: Any, g: Any, v: Any, *more: Any) -> None:
        """Change `x`, `v` and, where they are kept, m and d by one step."""
        average_square(v, g, 1 - self.rho)
        if self.centered:
            average(more[0], g, 1 - self.rho)
        s = self.metric(v, *more)
        if not self.momentum:
            subtract_ratio(x, self.eta, g, s)
            return
        d = more[-1]
        d *= self.momentum
        if self.convention == "torch":
            subtract_ratio(d, -1.0, g, s)
            x -= self.eta * d
        else:
            subtract_ratio(d, -self.eta, g, s)
            x -= d

    def metric(self, v: Any, *more: Any) -> Any:
        """Return √v, or √(v − m²), with the ε of the convention: what g is divided by."""
        s = (v - more[0] * more[0]).clip(0) if self.centered else v
        if self.convention == "torch":
            s = s**0.5
            s += self.epsilon
        else:
            s = s + self.epsilon
            s **= 0.5
        return s

    def step_all(self, xs: list[Any], gs: list[Any], *states: list[Any]) -> bool:
        """Make all steps by torch's fused Adam, where that has the formula.

        Adam with β₁ = 0 has m = g, and after infinitely many steps nothing is left of its start at 0: this is RMSProp,
        with torch's place for ε.
        """
        if self.convention != "torch" or len(states) > 1:
            return False
        (vs,) = states
        ms = [library(x).zeros_like(x) for x in xs]
        settings = {"beta1": 0.0, "beta2": self.rho, "eps": self.epsilon, "weight_decay": 0.0}
        return fused_adam("_fused_adam_", xs, gs, ms, vs, math.inf, lr=self.eta, **settings)
