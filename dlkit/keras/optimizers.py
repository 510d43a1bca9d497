"""Keras's optimizers: the update rules of `dlkit.optim`, in Keras's convention and by Keras's names.

Each holds its rule as `rule`. ``lr`` for the learning rate, and ``decay`` for one that falls as
learning_rate/(1 + decay·step), are understood as Keras 2 had them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dlkit import optim
from dlkit._checks import number
from dlkit.arrays import namespace
from dlkit.keras._names import described, find, made_from, misspelt
from dlkit.optim.schedules import Constant

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "serialize",
]


class Optimizer:
    """An update rule, with what Keras does to gradients before it.

    Parameters
    ----------
    rule : dlkit.optim.UpdateRule
        The rule.
    clipnorm : float > 0, optional
        Each gradient that is longer is shortened to this.
    clipvalue : float > 0, optional
        Each entry of a gradient is brought into ± this.
    global_clipnorm : float > 0, optional
        All gradients together, as one vector, are shortened to this.
    name : str, optional
        A name.
    """

    settings: tuple[str, ...] = ()  # the arguments beside the learning rate

    def __init__(
        self,
        rule: optim.UpdateRule,
        *,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
    ) -> None:
        if not isinstance(rule, optim.UpdateRule):
            raise TypeError(f"rule must be an UpdateRule of dlkit.optim; got {rule!r}")
        clips = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        self._clips = {key: number(value, key, above=0) for key, value in clips.items() if value is not None}
        if len(self._clips) > 1:
            raise ValueError(f"only one of clipnorm, clipvalue and global_clipnorm may be given; got {self._clips}")
        self.rule = rule
        self.name = name or type(self).__name__
        self._arguments: dict[str, Any] = {}

    @property
    def learning_rate(self) -> float:
        """The rate of the next step. A number, or a function of the step, may be assigned."""
        return self.rule.rate.rate if isinstance(self.rule.rate, Constant) else float(self.rule.rate(self.rule.t + 1))

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        self.rule.rate = optim.as_schedule(rate)

    lr = learning_rate

    @property
    def scheduled(self) -> bool:
        """Whether the rate is a function of the step."""
        return not isinstance(self.rule.rate, Constant)

    @property
    def iterations(self) -> int:
        """How many steps have been made."""
        return self.rule.t

    def apply(self, gradients: Sequence[Any], parameters: Sequence[Any]) -> None:
        """Change the parameters by one step.

        Parameters
        ----------
        gradients : list of arrays or None
            One per parameter.
        parameters : list of Tensor or array
            The same at every call.
        """
        self.rule.update(parameters, self._clipped(list(gradients)) if self._clips else gradients)

    def _clipped(self, gradients: list[Any]) -> list[Any]:
        there = [g for g in gradients if g is not None]
        if "clipvalue" in self._clips:
            most = self._clips["clipvalue"]
            xp = namespace(there[0])
            return [None if g is None else xp.minimum(xp.maximum(g, -most), most) for g in gradients]
        if "clipnorm" in self._clips:
            most = self._clips["clipnorm"]
            return [None if g is None else g * min(1.0, most / max(_norm([g]), 1e-30)) for g in gradients]
        most = self._clips["global_clipnorm"]
        factor = min(1.0, most / max(_norm(there), 1e-30))
        return [None if g is None else g * factor for g in gradients]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, the learning rate as it is now.

        Raises
        ------
        ValueError
            If the learning rate is a function of one's own.
        """
        config = {**self._arguments, **self._clips, "name": self.name}
        if not self.scheduled:
            return config | {"learning_rate": self.learning_rate}
        if isinstance(self.rule.rate, optim.InverseTime):
            return config | {"learning_rate": self.rule.rate.rate, "decay": 1 / self.rule.rate.delay}
        raise ValueError(
            f"learning_rate must be a number for the optimizer to be written to a file; got {self.rule.rate!r}"
        )


def _norm(gradients: list[Any]) -> float:
    return sum(float((g * g).sum()) for g in gradients) ** 0.5


def _rate(optimizer: Any, learning_rate: Any, old: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the rate, Keras 2's `lr` and `decay` taken in, and the arguments of `Optimizer`."""
    rate, decay = old.pop("lr", learning_rate), old.pop("decay", 0.0)
    own: dict[str, Any] = {
        key: old.pop(key) for key in ("clipnorm", "clipvalue", "global_clipnorm", "name") if key in old
    }
    for key in [key for key, value in old.items() if value in _AS_IF_NOT_GIVEN.get(key, ())]:
        del old[key]
    for key in old:
        if key in _AS_IF_NOT_GIVEN:
            raise ValueError(f"{type(optimizer).__name__}: {key} is not offered; leave it out, got {old[key]!r}")
        known = ["learning_rate", "lr", "decay", "clipnorm", "clipvalue", "global_clipnorm", "name"]
        raise misspelt(type(optimizer).__name__, key, [*known, *type(optimizer).settings])
    if number(decay, "decay", 0):
        rate = optim.InverseTime(number(rate, "learning_rate", 0), 1 / decay)
    return rate, own


# Arguments of Keras's that dlkit's rules do not have: their defaults may be written, and change nothing.
_AS_IF_NOT_GIVEN: dict[str, tuple[Any, ...]] = {
    "amsgrad": (False,),
    "ema_momentum": (0.99,),
    "ema_overwrite_frequency": (None,),
    "gradient_accumulation_steps": (None,),
    "loss_scale_factor": (None,),
    "use_ema": (False,),
    "weight_decay": (None, 0.0),
}


class SGD(Optimizer):
    """Gradient descent on batches, with momentum: v ← μ v − η g, x ← x + v (Nesterov: x + μ v − η g).

    Parameters
    ----------
    learning_rate : float or callable, default 0.01
        η.
    momentum : float in [0, 1), default 0.0
        μ.
    nesterov : bool, default False
        Whether to take Nesterov's step.
    **kwargs
        See `Optimizer`; ``lr`` and ``decay`` as in Keras 2.
    """

    settings = ("momentum", "nesterov")

    def __init__(self, learning_rate: Any = 0.01, momentum: float = 0.0, nesterov: bool = False, **kwargs: Any) -> None:
        rate, own = _rate(self, learning_rate, kwargs)
        rule: optim.UpdateRule
        if momentum:
            rule = optim.Momentum(rate, momentum, nesterov=nesterov, convention="keras")
        else:
            rule = optim.GradientDescent(rate, convention="keras")
        super().__init__(rule, **own)
        self._arguments = {"momentum": float(momentum), "nesterov": bool(nesterov)}


class RMSprop(Optimizer):
    """RMSprop: v ← ρ v + (1 − ρ) g², d ← μ d + η g/√(v + ε), x ← x − d; see `dlkit.optim.RMSProp`.

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
        η.
    rho : float in [0, 1), default 0.9
        ρ.
    momentum : float in [0, 1), default 0.0
        μ.
    epsilon : float > 0, default 1e-7
        ε.
    centered : bool, default False
        Whether to subtract m² from v below the root, with m ← ρ m + (1 − ρ) g.
    **kwargs
        See `Optimizer`; ``lr`` and ``decay`` as in Keras 2.
    """

    settings = ("rho", "momentum", "epsilon", "centered")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float | None = 1e-7,
        centered: bool = False,
        **kwargs: Any,
    ) -> None:
        rate, own = _rate(self, learning_rate, kwargs)
        rule = optim.RMSProp(rate, rho, epsilon, momentum, centered=centered, convention="keras")
        super().__init__(rule, **own)
        self._arguments = {"rho": rule.rho, "momentum": rule.momentum, "epsilon": rule.epsilon}
        self._arguments["centered"] = rule.centered


class Adagrad(Optimizer):
    """Adagrad: G ← G + g², x ← x − η g/√(G + ε).

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
        η; Keras 2 had 0.01.
    initial_accumulator_value : float ≥ 0, default 0.1
        What G starts with.
    epsilon : float > 0, default 1e-7
        ε.
    **kwargs
        See `Optimizer`; ``lr`` and ``decay`` as in Keras 2.
    """

    settings = ("initial_accumulator_value", "epsilon")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float | None = 1e-7,
        **kwargs: Any,
    ) -> None:
        rate, own = _rate(self, learning_rate, kwargs)
        rule = optim.Adagrad(rate, epsilon, initial_accumulator_value, convention="keras")
        super().__init__(rule, **own)
        self._arguments = {"initial_accumulator_value": rule.initial_accumulator, "epsilon": rule.epsilon}


class Adam(Optimizer):
    """Adam: m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², x ← x − η √(1 − β₂ᵗ)/(1 − β₁ᵗ) · m/(√v + ε).

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
        η.
    beta_1, beta_2 : float in [0, 1), default 0.9 and 0.999
        β₁ and β₂.
    epsilon : float > 0, default 1e-7
        ε.
    **kwargs
        See `Optimizer`; ``lr`` and ``decay`` as in Keras 2.
    """

    settings = ("beta_1", "beta_2", "epsilon")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = 1e-7,
        **kwargs: Any,
    ) -> None:
        rate, own = _rate(self, learning_rate, kwargs)
        rule = optim.Adam(rate, beta_1, beta_2, epsilon, convention="keras")
        super().__init__(rule, **own)
        self._arguments = {"beta_1": rule.beta1, "beta_2": rule.beta2, "epsilon": rule.epsilon}


class AdamW(Optimizer):
    """Adam with the decay x ← (1 − η λ) x before its step.

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
        η.
    weight_decay : float ≥ 0, default 0.004
        λ.
    beta_1, beta_2, epsilon
        As for `Adam`.
    **kwargs
        See `Optimizer`; ``lr`` and ``decay`` as in Keras 2.
    """

    settings = ("weight_decay", "beta_1", "beta_2", "epsilon")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float | None = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = 1e-7,
        **kwargs: Any,
    ) -> None:
        rate, own = _rate(self, learning_rate, kwargs)
        rule = optim.AdamW(rate, beta_1, beta_2, epsilon, weight_decay, convention="keras")
        super().__init__(rule, **own)
        self._arguments = {"weight_decay": rule.weight_decay, "beta_1": rule.beta1, "beta_2": rule.beta2}
        self._arguments["epsilon"] = rule.epsilon


class Adadelta(Optimizer):
    """Adadelta: d = g √(u + ε)/√(v + ε), x ← x − η d, with averages v of g² and u of d².

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
        η; the paper has none, which is 1 (as in early Keras).
    rho : float in [0, 1), default 0.95
        The decay of both averages.
    epsilon : float > 0, default 1e-7
        ε.
    **kwargs
        See `Optimizer`; ``lr`` and ``decay`` as in Keras 2.
    """

    settings = ("rho", "epsilon")

    def __init__(
        self, learning_rate: Any = 0.001, rho: float = 0.95, epsilon: float | None = 1e-7, **kwargs: Any
    ) -> None:
        rate, own = _rate(self, learning_rate, kwargs)
        rule = optim.Adadelta(rate, rho, epsilon, convention="keras")
        super().__init__(rule, **own)
        self._arguments = {"rho": rule.rho, "epsilon": rule.epsilon}


class Adamax(Optimizer):
    """Adam with the largest gradient so far, slowly forgotten, in place of √v; see `dlkit.optim.Adamax`.

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
        η.
    beta_1, beta_2 : float in [0, 1), default 0.9 and 0.999
        β₁ and β₂.
    epsilon : float > 0, default 1e-7
        ε.
    **kwargs
        See `Optimizer`; ``lr`` and ``decay`` as in Keras 2.
    """

    settings = ("beta_1", "beta_2", "epsilon")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = 1e-7,
        **kwargs: Any,
    ) -> None:
        rate, own = _rate(self, learning_rate, kwargs)
        rule = optim.Adamax(rate, beta_1, beta_2, epsilon, convention="keras")
        super().__init__(rule, **own)
        self._arguments = {"beta_1": rule.beta1, "beta_2": rule.beta2, "epsilon": rule.epsilon}


class Nadam(Optimizer):
    """Adam with Nesterov's momentum; see `dlkit.optim.Nadam`.

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
        η.
    beta_1, beta_2 : float in [0, 1), default 0.9 and 0.999
        β₁ and β₂.
    epsilon : float > 0, default 1e-7
        ε.
    **kwargs
        See `Optimizer`; ``lr`` and ``decay`` as in Keras 2.
    """

    settings = ("beta_1", "beta_2", "epsilon")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = 1e-7,
        **kwargs: Any,
    ) -> None:
        rate, own = _rate(self, learning_rate, kwargs)
        rule = optim.Nadam(rate, beta_1, beta_2, epsilon, convention="keras")
        super().__init__(rule, **own)
        self._arguments = {"beta_1": rule.beta1, "beta_2": rule.beta2, "epsilon": rule.epsilon}


class Ftrl(Optimizer):
    """FTRL-Proximal, with exact zeros; see `dlkit.optim.Ftrl`.

    Parameters
    ----------
    learning_rate : float or callable, default 0.001
        η.
    learning_rate_power : float ≤ 0, default −0.5
        How the steps fall.
    initial_accumulator_value : float ≥ 0, default 0.1
        What the sum of squared gradients starts with.
    l1_regularization_strength, l2_regularization_strength, l2_shrinkage_regularization_strength, beta : float ≥ 0
        The penalties, 0 by default, and β.
    **kwargs
        See `Optimizer`; ``lr`` as in Keras 2.
    """

    settings = (
        "learning_rate_power",
        "initial_accumulator_value",
        "l1_regularization_strength",
        "l2_regularization_strength",
        "l2_shrinkage_regularization_strength",
        "beta",
    )

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **kwargs: Any,
    ) -> None:
        rate, own = _rate(self, learning_rate, kwargs)
        rule = optim.Ftrl(
            rate,
            l1_regularization_strength,
            l2_regularization_strength,
            l2_shrinkage_regularization_strength,
            beta,
            learning_rate_power,
            initial_accumulator_value,
            convention="keras",
        )
        super().__init__(rule, **own)
        self._arguments = {
            "learning_rate_power": rule.rate_power,
            "initial_accumulator_value": rule.initial_accumulator,
            "l1_regularization_strength": rule.l1,
            "l2_regularization_strength": rule.l2,
            "l2_shrinkage_regularization_strength": rule.l2_shrinkage,
            "beta": rule.beta,
        }


KNOWN: dict[str, Callable[..., Optimizer]] = {
    kind.__name__: kind for kind in (SGD, RMSprop, Adagrad, Adadelta, Adam, AdamW, Adamax, Nadam, Ftrl)
}


def get(identifier: Any) -> Optimizer:
    """Return an optimizer by its name or class; an object is itself, and a rule of `dlkit.optim` is put into one.

    Raises
    ------
    ValueError
        If the name is not known; the message has the nearest ones.
    TypeError
        If it is none of these.
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, optim.UpdateRule):
        return Optimizer(identifier, name=type(identifier).__name__)
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        return find(identifier, KNOWN, "optimizer")()
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return identifier()  # type: ignore[call-arg]
    raise TypeError(f"optimizer must be a name, an Optimizer or an UpdateRule of dlkit.optim; got {identifier!r}")


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """Return the name and the arguments, as JSON can say them.

    Raises
    ------
    ValueError
        If it is not one of Keras's, or its learning rate is a function of one's own.
    """
    return described(optimizer, KNOWN.values(), "optimizer")


def deserialize(config: dict[str, Any]) -> Optimizer:
    """Return what `serialize` was given, its state not included."""
    return made_from(config, KNOWN, "optimizer")
