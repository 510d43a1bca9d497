"""Averages of the gradients, scaled by averages of their squares, or by a running maximum of their sizes.

In the formulas products, quotients and roots of vectors are taken entry by entry.
"""

from __future__ import annotations

from typing import Any, ClassVar

from dlkit._checks import number
from dlkit.optim._arrays import average, average_square, fused_adam, library, subtract_ratio
from dlkit.optim._checks import chosen
from dlkit.optim.projections import Projection
from dlkit.optim.schedules import Rate
from dlkit.optim.update import UpdateRule

__all__ = ["Adam", "AdamW", "Adamax", "Nadam"]


class Adam(UpdateRule):
    """Adam: m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,  x ← x − η m̂ / (√v̂ + ε) (Kingma and Ba, 2015).

    m̂ = m/(1 − β₁ᵗ) and v̂ = v/(1 − β₂ᵗ) make up for the start at 0: the averages of t equal gradients are then what they
    are averages of. Both divisions move into the rate (the paper, end of section 2)::

        x ← x − η_t m / (√v + ε_t),   η_t = η √(1 − β₂ᵗ) / (1 − β₁ᵗ),   ε_t = ε √(1 − β₂ᵗ)

    ===========  ==============================  ==========  ==========
    convention   ε_t                             default ε   default η
    ===========  ==============================  ==========  ==========
    torch        ε √(1 − β₂ᵗ): the paper's       1e-8        0.001
    keras        ε: the paper's "ε̂"             1e-7        0.001
    tensorflow   ε: the paper's "ε̂"             1e-8        0.001
    ===========  ==============================  ==========  ==========

    In the first steps 1 − β₂ᵗ is small, so the same ε counts for more in Keras and TensorFlow: 32 times in the very
    first. It shows where gradients are of its size.

    Parameters
    ----------
    rate : float or callable, optional
        η, a number or a schedule.
    beta1, beta2 : float, default 0.9 and 0.999
        β₁ and β₂ in [0, 1).
    epsilon : float, optional
        ε > 0.
    convention : {"torch", "keras", "tensorflow"}
        Whose formula and defaults.
    project : Projection, optional
        See `UpdateRule`. The projection is in the norm of the denominators √v + ε_t (Reddi, Kale and Kumar, 2018,
        algorithm 1).
    """

    conventions: ClassVar[dict[str, dict[str, float]]] = {
        "torch": {"rate": 0.001, "epsilon": 1e-8},
        "keras": {"rate": 0.001, "epsilon": 1e-7},
        "tensorflow": {"rate": 0.001, "epsilon": 1e-8},
    }
    slots = ("m", "v")
    elementwise = True

    def __init__(
        self,
        rate: Rate | None = None,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float | None = None,
        *,
        convention: str = "torch",
        project: Projection | None = None,
    ) -> None:
        rate, epsilon = chosen(self, convention, rate=rate, epsilon=epsilon)
        self.beta1 = number(beta1, "beta1", 0, below=1)
        self.beta2 = number(beta2, "beta2", 0, below=1)
        self.epsilon = number(epsilon, "epsilon", above=0)
        self.convention = convention
        super().__init__(rate, project=project)

    def step(self, x: Any, g: Any, m: Any, v: Any) -> None:
        """Change `x`, `m` and `v` by one step."""
        self._remember(g, m, v)
        self._advance(x, m, v)

    def _remember(self, g: Any, m: Any, v: Any) -> None:
        average(m, g, 1 - self.beta1)
        average_square(v, g, 1 - self.beta2)

    def _advance(self, x: Any, m: Any, v: Any) -> None:
        eta_t = self.eta * (1 - self.beta2**self.t) ** 0.5 / (1 - self.beta1**self.t)
        subtract_ratio(x, eta_t, m, self.metric(m, v))

    def step_all(self, xs: list[Any], gs: list[Any], *states: list[Any]) -> bool:
        """Make all steps by torch's fused Adam."""
        return self._fused("_fused_adam_", 0.0, xs, gs, *states)

    def _fused(self, name: str, decay: float, xs: list[Any], gs: list[Any], ms: list[Any], vs: list[Any]) -> bool:
        # torch's denominator is √v̂ + ε; divided by √(1 − β₂ᵗ), it is ours.
        epsilon = self.epsilon / (1 if self.convention == "torch" else (1 - self.beta2**self.t) ** 0.5)
        settings = {"beta1": self.beta1, "beta2": self.beta2, "eps": epsilon, "weight_decay": decay}
        return fused_adam(name, xs, gs, ms, vs, self.t, lr=self.eta, **settings)

    def metric(self, m: Any, v: Any) -> Any:
        """Return √v + ε_t: what m is divided by."""
        return v**0.5 + self.epsilon * ((1 - self.beta2**self.t) ** 0.5 if self.convention == "torch" else 1)


class AdamW(Adam):
    """Adam with decoupled weight decay: x ← (1 − η λ) x before Adam's step (Loshchilov and Hutter, 2019, algorithm 2).

    The gradient of a penalty λ‖x‖²/2 would be divided by √v̂ with the rest, so that weights with large gradients were
    hardly decayed; here all decay alike.

    ===========  ===========  =============================
    convention   decay        default λ
    ===========  ===========  =============================
    torch        (1 − η λ) x  0.01
    keras        (1 − η λ) x  0.004
    tensorflow   (1 − λ) x    none (``tf.contrib.opt``)
    ===========  ===========  =============================

    Parameters
    ----------
    rate, beta1, beta2, epsilon, convention, project
        As for `Adam`. A schedule of the rate is one of the decay too, but for TensorFlow.
    weight_decay : float, optional
        λ ≥ 0.
    """

    conventions: ClassVar = {
        "torch": {**Adam.conventions["torch"], "weight_decay": 0.01},
        "keras": {**Adam.conventions["keras"], "weight_decay": 0.004},
        "tensorflow": Adam.conventions["tensorflow"],
    }
    elementwise = True

    def __init__(
        self,
        rate: Rate | None = None,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float | None = None,
        weight_decay: float | None = None,
        *,
        convention: str = "torch",
        project: Projection | None = None,
    ) -> None:
        (weight_decay,) = chosen(self, convention, weight_decay=weight_decay)
        self.weight_decay = number(weight_decay, "weight_decay", 0, expected="finite and >= 0")
        super().__init__(rate, beta1, beta2, epsilon, convention=convention, project=project)

    def step_all(self, xs: list[Any], gs: list[Any], *states: list[Any]) -> bool:
        """Make all steps by torch's fused AdamW, whose decay is (1 − η λ)."""
        return self.convention != "tensorflow" and self._fused("_fused_adamw_", self.weight_decay, xs, gs, *states)

    def step(self, x: Any, g: Any, m: Any, v: Any) -> None:
        """Change `x`, `m` and `v` by one step."""
        self._remember(g, m, v)  # before x is changed: g may be x itself
        x *= 1 - (1 if self.convention == "tensorflow" else self.eta) * self.weight_decay
        self._advance(x, m, v)


class Nadam(Adam):
    """Adam with Nesterov's momentum: x ← x − η m̂ / (√v̂ + ε), with a look ahead in m̂ (Dozat, 2016, algorithm 2).

    m, v and v̂ are those of `Adam`. The momentum of the next step already counts in this one, and grows from β₁/2 or so
    to β₁ as the paper suggests::

        m̂ = μ_{t+1} m / (1 − μ₁ ⋯ μ_{t+1}) + (1 − μ_t) g / (1 − μ₁ ⋯ μ_t),   μ_t = β₁ (1 − ½ · 0.96^{ψt})

    ===========  ==========  ==========  ==========
    convention   default ψ   default ε   default η
    ===========  ==========  ==========  ==========
    torch        0.004       1e-8        0.002
    keras        1           1e-7        0.001
    ===========  ==========  ==========  ==========

    The formula is the same for both, and unlike in their Adams ε is the paper's in Keras too. With ψ = 0.004, the
    paper's, μ_t is 0.9 β₁ after 10 000 steps; with Keras's, which has no ψ, after 40. In the paper m is an average with
    μ_t as well; both libraries take β₁ there. TensorFlow 1 has no such rule in ``tf.train``.

    Parameters
    ----------
    rate, beta1, beta2, epsilon, project
        As for `Adam`.
    momentum_decay : float, optional
        ψ ≥ 0.
    convention : {"torch", "keras"}
        Whose defaults.
    """

    conventions: ClassVar = {
        "torch": {"rate": 0.002, "epsilon": 1e-8, "momentum_decay": 0.004},
        "keras": {"rate": 0.001, "epsilon": 1e-7, "momentum_decay": 1.0},
    }
    elementwise = True

    def __init__(
        self,
        rate: Rate | None = None,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float | None = None,
        momentum_decay: float | None = None,
        *,
        convention: str = "torch",
        project: Projection | None = None,
    ) -> None:
        (momentum_decay,) = chosen(self, convention, momentum_decay=momentum_decay)
        self.momentum_decay = number(momentum_decay, "momentum_decay", 0, expected="finite and >= 0")
        self._known = (0, 1.0)
        super().__init__(rate, beta1, beta2, epsilon, convention=convention, project=project)

    def step(self, x: Any, g: Any, m: Any, v: Any) -> None:
        """Change `x`, `m` and `v` by one step."""
        self._remember(g, m, v)
        subtract_ratio(x, self.eta, self._ahead(g, m), self.metric(m, v))

    def _ahead(self, g: Any, m: Any) -> Any:
        now, following, product = self._mu(self.t), self._mu(self.t + 1), self._product()
        return following / (1 - product * following) * m + (1 - now) / (1 - product) * g

    def _mu(self, t: int) -> float:
        return self.beta1 * (1 - 0.5 * 0.96 ** (self.momentum_decay * t))

    def _product(self) -> float:
        """Return μ₁ ⋯ μ_t, from the last known one if that was of an earlier step."""
        t, product = self._known if self._known[0] <= self.t else (0, 1.0)
        for i in range(t + 1, self.t + 1):
            product *= self._mu(i)
        self._known = self.t, product
        return product

    def metric(self, m: Any, v: Any) -> Any:
        """Return √v̂ + ε: what m̂ is divided by."""
        return (v / (1 - self.beta2**self.t)) ** 0.5 + self.epsilon


class Adamax(UpdateRule):
    """Adamax: m ← β₁ m + (1 − β₁) g,  u ← max(β₂ u, |g|),  x ← x − η/(1 − β₁ᵗ) m/u (Kingma and Ba, 2015, section 7).

    Adam with the maximum norm in place of the Euclidean one: v ← β₂ᵖ v + (1 − β₂ᵖ) |g|ᵖ and v^{1/p}, for p → ∞. As m
    is an average of gradients of which u is about the largest, no step is longer than η by more than 1 %. u, a maximum,
    does not start too low, so it needs no correction.

    ===========  ====================  ==================  ==========  ==========
    convention   u                     divided by          default ε   default η
    ===========  ====================  ==================  ==========  ==========
    torch        max(β₂ u, |g| + ε)    u                   1e-8        0.002
    keras        max(β₂ u, |g|)        u + ε               1e-7        0.001
    ===========  ====================  ==================  ==========  ==========

    The paper has no ε, and 0/0 where all gradients have been 0. TensorFlow 1 has no such rule in ``tf.train``.

    Parameters
    ----------
    rate : float or callable, optional
        η, a number or a schedule.
    beta1, beta2 : float, default 0.9 and 0.999
        β₁ and β₂ in [0, 1).
    epsilon : float, optional
        ε > 0.
    convention : {"torch", "keras"}
        Whose formula and defaults.
    project : Projection, optional
        See `UpdateRule`. The projection is in the norm of the denominators.
    """

    conventions: ClassVar = {
        "torch": {"rate": 0.002, "epsilon": 1e-8},
        "keras": {"rate": 0.001, "epsilon": 1e-7},
    }
    slots = ("m", "u")
    elementwise = True

    def __init__(
        self,
        rate: Rate | None = None,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float | None = None,
        *,
        convention: str = "torch",
        project: Projection | None = None,
    ) -> None:
        rate, epsilon = chosen(self, convention, rate=rate, epsilon=epsilon)
        self.beta1 = number(beta1, "beta1", 0, below=1)
        self.beta2 = number(beta2, "beta2", 0, below=1)
        self.epsilon = number(epsilon, "epsilon", above=0)
        self.convention = convention
        super().__init__(rate, project=project)

    def step(self, x: Any, g: Any, m: Any, u: Any) -> None:
        """Change `x`, `m` and `u` by one step."""
        average(m, g, 1 - self.beta1)
        u *= self.beta2
        library(x).maximum(u, abs(g) + self.epsilon if self.convention == "torch" else abs(g), out=u)
        subtract_ratio(x, self.eta / (1 - self.beta1**self.t), m, self.metric(m, u))

    def metric(self, m: Any, u: Any) -> Any:
        """Return u, with the ε of the convention: what m is divided by."""
        return u if self.convention == "torch" else u + self.epsilon
