"""Steps scaled by the sum of the squared gradients so far.

In the formulas products, quotients and roots of vectors are taken entry by entry.
"""

from __future__ import annotations

from typing import Any, ClassVar

from dlkit._checks import number
from dlkit.optim._arrays import library, subtract_ratio
from dlkit.optim._checks import chosen
from dlkit.optim.projections import L2Ball, Projection
from dlkit.optim.schedules import Rate
from dlkit.optim.update import UpdateRule

__all__ = ["Adagrad", "FullAdagrad"]


class Adagrad(UpdateRule):
    """Adagrad with a diagonal: G ← G + g²,  x ← x − η g / √G (Duchi, Hazan and Singer, 2011, figure 1).

    G is the diagonal of Σ g gᵀ; `FullAdagrad` keeps all of it. Without an ε, or a G that starts above 0, an entry whose
    gradient has been 0 so far would be 0/0.

    ===========  ===================  ==========  =========  ==========
    convention   step                 G starts    default ε  default η
    ===========  ===================  ==========  =========  ==========
    torch        x − η g / (√G + ε)   at 0        1e-10      0.01
    keras        x − η g / √(G + ε)   at 0.1      1e-7       0.001
    tensorflow   x − η g / √G         at 0.1      no ε       none
    ===========  ===================  ==========  =========  ==========

    So a first gradient of 0.01 makes a step of η in torch, of 0.03 η in the others.

    Parameters
    ----------
    rate : float or callable, optional
        η, a number or a schedule.
    epsilon : float, optional
        ε ≥ 0; 0 for TensorFlow.
    initial_accumulator : float, optional
        What G starts with, ≥ 0.
    convention : {"torch", "keras", "tensorflow"}
        Whose formula and defaults.
    project : Projection, optional
        See `UpdateRule`. The projection is that of the paper (its equation 1), in the norm √(Σ sᵢ yᵢ²) of the
        denominators s, which for a box is the Euclidean one.
    """

    conventions: ClassVar = {
        "torch": {"rate": 0.01, "epsilon": 1e-10, "initial_accumulator": 0.0},
        "keras": {"rate": 0.001, "epsilon": 1e-7, "initial_accumulator": 0.1},
        "tensorflow": {"epsilon": 0.0, "initial_accumulator": 0.1},
    }
    slots = ("G",)
    elementwise = True

    def __init__(
        self,
        rate: Rate | None = None,
        epsilon: float | None = None,
        initial_accumulator: float | None = None,
        *,
        convention: str = "torch",
        project: Projection | None = None,
    ) -> None:
        rate, epsilon, initial = chosen(
            self, convention, rate=rate, epsilon=epsilon, initial_accumulator=initial_accumulator
        )
        self.epsilon = number(epsilon, "epsilon", 0, expected="finite and >= 0")
        self.initial_accumulator = number(initial, "initial_accumulator", 0, expected="finite and >= 0")
        if convention == "tensorflow" and self.epsilon:
            raise ValueError(f"epsilon must be 0 for tensorflow, whose Adagrad has none; got {epsilon}")
        if not self.epsilon and not self.initial_accumulator:
            raise ValueError("epsilon and initial_accumulator must not both be 0: a gradient of 0 would be 0/0")
        self.convention = convention
        super().__init__(rate, project=project)

    def start(self, slot: str, x: Any) -> Any:
        """Return the G to start with."""
        return library(x).full_like(x, self.initial_accumulator)

    def step(self, x: Any, g: Any, G: Any) -> None:
        """Change `x` and `G` by one step."""
        G += g * g
        subtract_ratio(x, self.eta, g, self.metric(G))

    def metric(self, G: Any) -> Any:
        """Return √G with the ε of the convention: what g is divided by."""
        return (G + self.epsilon) ** 0.5 if self.convention == "keras" else G**0.5 + self.epsilon


class FullAdagrad(UpdateRule):
    """Adagrad with the full matrix: G ← G + g gᵀ,  x ← x − η (G^{1/2} + ε I)⁻¹ g (Duchi, Hazan and Singer, 2011).

    Unlike the diagonal one it sees through a rotation: turn the coordinates, and the steps turn with them. It keeps n²
    numbers for a parameter of n entries and takes O(n³) operations a step: a rule to learn from. No library ships
    it, so there is no convention to choose.

    Parameters
    ----------
    rate : float or callable
        η, a number or a schedule.
    epsilon : float, default 1e-8
        The paper's δ > 0, added to each eigenvalue of G^{1/2}. G has rank t at most, so for the first n steps there is
        nothing to invert without it.
    project : L2Ball, optional
        The projection is in the norm √(yᵀ (G^{1/2} + ε I) y) that the step is steepest in. The ball looks the same from
        every side, so in the eigenvectors' coordinates this is its projection with weights. For other sets it is a
        quadratic program of its own, even for a box (only with a diagonal matrix do its coordinates part): refused
        rather than replaced by the Euclidean projection, which is another point.
    """

    slots = ("G",)
    largest: ClassVar[int] = 4096  # entries of a parameter: G then holds 128 MiB of float64

    def __init__(self, rate: Rate, epsilon: float = 1e-8, *, project: L2Ball | None = None) -> None:
        self.epsilon = number(epsilon, "epsilon", 0, expected="finite and >= 0")
        if not self.epsilon:
            raise ValueError("epsilon must be greater than 0: in the first steps G has no inverse")
        if project is not None and not isinstance(project, L2Ball):
            raise TypeError(
                f"project must be an L2Ball for FullAdagrad: in the norm of G^(1/2) {project!r} has no closed form, "
                f"and the Euclidean projection is another point; Adagrad projects in the norm of its diagonal"
            )
        super().__init__(rate, project=project)

    def start(self, slot: str, x: Any) -> Any:
        """Return G = 0, a row and a column per entry of `x`."""
        n = len(x.reshape(-1))
        if n > self.largest:
            raise ValueError(
                f"parameters of FullAdagrad must have at most {self.largest} entries, for it keeps n² numbers; got {n}"
            )
        return library(x).zeros_like(x.reshape(-1)[:, None] * x.reshape(-1))

    def step(self, x: Any, g: Any, G: Any) -> None:
        """Change `x` and `G` by one step."""
        g = g.reshape(-1)
        G += g[:, None] * g
        s, Q = self._axes(G)
        x -= (Q @ (self.eta * (Q.T @ g) / s)).reshape(x.shape)

    def _project(self, x: Any, G: Any) -> None:
        s, Q = self._axes(G)
        x[...] = (Q @ self.project(Q.T @ x.reshape(-1), s)).reshape(x.shape)

    def _axes(self, G: Any) -> tuple[Any, Any]:
        """Return the eigenvalues of G^{1/2} + ε I and, as columns, its eigenvectors."""
        eigenvalues, Q = library(G).linalg.eigh(G)
        return eigenvalues.clip(0) ** 0.5 + self.epsilon, Q  # rounding leaves some just below 0
