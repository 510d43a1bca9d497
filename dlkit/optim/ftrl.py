"""Each iterate the minimum of all that was seen: the losses so far, by their gradients, and penalties.

In the formulas products, quotients and roots of vectors are taken entry by entry.
"""

from __future__ import annotations

from typing import Any, ClassVar

from dlkit._checks import number
from dlkit.optim._arrays import library
from dlkit.optim._checks import chosen
from dlkit.optim.projections import Projection, Simplex
from dlkit.optim.schedules import Rate
from dlkit.optim.update import UpdateRule

__all__ = ["Ftrl"]


class Ftrl(UpdateRule):
    """FTRL-Proximal: follow the regularised leader, with exact zeros (McMahan et al., 2013, algorithm 1).

    With all gradients so far, the next iterate is the minimum of::

        Σ (g + 2 s x_t) x + ½ Σ σ (x − x_t)² + λ₁ |x| + λ₂ x² + ½ (n₀ᵖ + β)/η x²

    n₀ is what n starts with; all that is needed of the past is in n and z::

        σ = ((n + g²)ᵖ − nᵖ) / η,   n ← n + g²,   z ← z + g + 2 s x − σ x
        x ← (clip(z, −λ₁, λ₁) − z) / q,   q = (nᵖ + β) / η + 2 λ₂

    So an entry with |z| ≤ λ₁ is exactly 0, which the steps along a subgradient of λ₁ |x| hardly ever make. Without
    penalties and from x = 0 the steps are those of Adagrad, x ← x − η g / √n.

    ===========  ==========  ==========
    convention   n starts    default η
    ===========  ==========  ==========
    keras        at 0.1      0.001
    tensorflow   at 0.1      none
    ===========  ==========  ==========

    The formula is the same for both; torch has no such rule, so that the convention is Keras's unless said otherwise.
    In the paper n starts at 0, and its λ₂ is twice this one.

    Parameters
    ----------
    rate : float or callable, optional
        η > 0. Leave it constant, as in the paper (its α): nᵖ lets the steps fall already, and a schedule that falls
        makes q grow under the same z, which draws all entries to 0.
    l1, l2 : float, default 0
        λ₁ ≥ 0 and λ₂ ≥ 0. They count once, against the sum of all losses so far; not once a step.
    l2_shrinkage : float, default 0
        s ≥ 0: the penalty s x² in each loss. Its gradient counts in z, not in n.
    beta : float, default 0
        The paper's β ≥ 0; the paper suggests 1.
    rate_power : float, default -0.5
        −p ≤ 0, the libraries' learning_rate_power; 0 keeps the steps from falling.
    initial_accumulator : float, optional
        What n starts with, ≥ 0. z starts at 0, as if x did: of another start the first step leaves, for p = ½ and
        without penalties, but 1 − √(n₀/n₁), 5 % after a gradient of 0.1. So begin at 0.
    convention : {"keras", "tensorflow"}
        Whose defaults.
    project : Projection, optional
        See `UpdateRule`. The projection is in the norm of the curvatures q. Then for a box and the balls, and with
        λ₁ = 0 for any set, x is the minimum over the set. On a `Simplex` λ₁ says nothing, ‖x‖₁ being 1: it must be 0.
    """

    conventions: ClassVar = {
        "keras": {"rate": 0.001, "initial_accumulator": 0.1},
        "tensorflow": {"initial_accumulator": 0.1},
    }
    slots = ("n", "z")
    elementwise = True

    def __init__(
        self,
        rate: Rate | None = None,
        l1: float = 0.0,
        l2: float = 0.0,
        l2_shrinkage: float = 0.0,
        beta: float = 0.0,
        rate_power: float = -0.5,
        initial_accumulator: float | None = None,
        *,
        convention: str = "keras",
        project: Projection | None = None,
    ) -> None:
        rate, initial = chosen(self, convention, rate=rate, initial_accumulator=initial_accumulator)
        self.l1 = number(l1, "l1", 0, expected="finite and >= 0")
        self.l2 = number(l2, "l2", 0, expected="finite and >= 0")
        self.l2_shrinkage = number(l2_shrinkage, "l2_shrinkage", 0, expected="finite and >= 0")
        self.beta = number(beta, "beta", 0, expected="finite and >= 0")
        self.rate_power = number(rate_power, "rate_power", most=0, expected="finite and <= 0")
        self.initial_accumulator = number(initial, "initial_accumulator", 0, expected="finite and >= 0")
        if self.rate_power and not (self.initial_accumulator or self.beta or self.l2):
            raise ValueError("initial_accumulator, beta and l2 must not all be 0: a gradient of 0 would be 0/0")
        if self.l1 and isinstance(project, Simplex):
            raise ValueError(f"l1 must be 0 on a Simplex, where the sum of |x| is the same everywhere; got {l1}")
        self.convention = convention
        super().__init__(rate, project=project)

    def start(self, slot: str, x: Any) -> Any:
        """Return the n or z to start with."""
        return library(x).full_like(x, self.initial_accumulator if slot == "n" else 0.0)

    def step(self, x: Any, g: Any, n: Any, z: Any) -> None:
        """Change `x`, `n` and `z` by one step."""
        p = -self.rate_power
        before = n**p
        n += g * g
        sigma = (n**p - before) / self.eta
        z += g + (2 * self.l2_shrinkage - sigma) * x
        x[...] = (z.clip(-self.l1, self.l1) - z) / self.metric(n, z)

    def metric(self, n: Any, z: Any) -> Any:
        """Return the curvature q: what z is divided by."""
        return (n**-self.rate_power + self.beta) / self.eta + 2 * self.l2

    def _evaluated(self, t: int) -> float:
        eta = super()._evaluated(t)
        if not eta:
            raise ValueError(f"rate must be greater than 0 for Ftrl, which divides by it; got {eta} at t = {t}")
        return eta
