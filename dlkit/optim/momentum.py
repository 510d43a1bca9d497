"""Steps along the gradient, and along the gradients of the past."""

from __future__ import annotations

from typing import Any, ClassVar

from dlkit._checks import number
from dlkit.optim._checks import chosen
from dlkit.optim.schedules import Rate
from dlkit.optim.update import Project, UpdateRule

__all__ = ["GradientDescent", "Momentum"]


class GradientDescent(UpdateRule):
    """Gradient descent: x ← x − η g (Cauchy, 1847).

    With ``project`` it is projected gradient descent, x ← Π(x − η g).

    Parameters
    ----------
    rate : float or callable, optional
        η, a number or a schedule. By convention: torch 0.001, Keras 0.01, TensorFlow none.
    convention : {"torch", "keras", "tensorflow"}
        The formula is the same for all.
    project : Projection or callable, optional
        See `UpdateRule`. The projection is Euclidean.
    """

    conventions: ClassVar = {"torch": {"rate": 0.001}, "keras": {"rate": 0.01}, "tensorflow": {}}
    elementwise = True

    def __init__(self, rate: Rate | None = None, *, convention: str = "torch", project: Project = None) -> None:
        (rate,) = chosen(self, convention, rate=rate)
        self.convention = convention
        super().__init__(rate, project=project)

    def step(self, x: Any, g: Any) -> None:
        """Change `x` by one step."""
        x -= self.eta * g


class Momentum(UpdateRule):
    """Heavy-ball momentum: v ← μ v + g,  x ← x − η v (Polyak, 1964).

    With ``nesterov=True`` the step is x ← x − η (g + μ v), with the new v: Nesterov's accelerated gradient, written for
    the point at which the gradient is taken (Sutskever, Martens, Dahl and Hinton, 2013, section 2; Bengio, Boulanger-
    Lewandowski and Pascanu, 2013, section 3.5).

    ===========  =====================================================  ================================
    convention   formula                                                default η, μ
    ===========  =====================================================  ================================
    torch        the above                                              0.001, none
    tensorflow   the above                                              none, none
    keras        v ← μ v − η g,  x ← x + v  (Nesterov: x + μ v − η g)   0.01, none
    ===========  =====================================================  ================================

    While η stays the same, the three make the same steps, and v is −η times the other. When η changes, Keras keeps the
    steps of the past as they were made, as Polyak's μ (x_t − x_{t−1}) does; the others rescale them.

    Parameters
    ----------
    rate : float or callable, optional
        η, a number or a schedule.
    momentum : float
        μ in [0, 1). The libraries' own default, 0, is gradient descent; so it must be given.
    nesterov : bool, default False
        Whether to take Nesterov's step.
    convention : {"torch", "keras", "tensorflow"}
        Whose formula and defaults.
    project : Projection or callable, optional
        See `UpdateRule`. The projection is Euclidean, and leaves v as it is.
    """

    conventions: ClassVar = GradientDescent.conventions
    slots = ("v",)
    elementwise = True

    def __init__(
        self,
        rate: Rate | None = None,
        momentum: float | None = None,
        *,
        nesterov: bool = False,
        convention: str = "torch",
        project: Project = None,
    ) -> None:
        rate, momentum = chosen(self, convention, rate=rate, momentum=momentum)
        self.momentum = number(momentum, "momentum", 0, below=1)
        self.nesterov = bool(nesterov)
        self.convention = convention
        super().__init__(rate, project=project)

    def step(self, x: Any, g: Any, v: Any) -> None:
        """Change `x` and `v` by one step."""
        v *= self.momentum
        if self.convention == "keras":
            v -= self.eta * g
            x += self.momentum * v - self.eta * g if self.nesterov else v
        else:
            v += g
            x -= self.eta * (g + self.momentum * v if self.nesterov else v)
