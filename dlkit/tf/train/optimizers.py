"""Optimizers: operations that move variables along gradients, by the update rules of `dlkit.optim`.

``minimize`` adds two things to the graph: the gradients, operation by operation (see `dlkit.tf.gradients`), and one
operation that hands them to the rule. Formulas, places of ε and starting values are those of ``tf.train``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dlkit import optim
from dlkit.tf.building import convert_to_tensor
from dlkit.tf.gradients import gradients
from dlkit.tf.graph import Operation, Tensor, control_dependencies
from dlkit.tf.shapes import written
from dlkit.tf.variables import Variable, assign_add, group

__all__ = [
    "AdadeltaOptimizer",
    "AdagradOptimizer",
    "AdamOptimizer",
    "FtrlOptimizer",
    "GradientDescentOptimizer",
    "MomentumOptimizer",
    "Optimizer",
    "RMSPropOptimizer",
]

GradientAndVariable = tuple[Tensor | None, Variable]


class Apply(Operation):
    """Lets an update rule change variables. The rule's state belongs to the session.

    Attributes
    ----------
    variables : list of Variable
        What it changes.
    make_rule : callable
        From a rate, a number or a function of the step, to a new rule.
    """

    def __init__(
        self,
        kind: str,
        pairs: Sequence[tuple[Tensor, Variable]],
        rate: float | Tensor,
        make_rule: Callable[[Any], optim.UpdateRule],
        name: str,
    ) -> None:
        moving = (rate,) if isinstance(rate, Tensor) else ()
        super().__init__(kind, (*moving, *(g for g, _ in pairs)), name)
        self.variables = self.changes = [v for _, v in pairs]
        self.rate, self.make_rule = rate, make_rule

    def rule_in(self, session: Any) -> optim.UpdateRule:
        """Return the rule, with its state, of a session."""
        if self not in session.rules:
            session.rules[self] = self.make_rule(_Rate() if isinstance(self.rate, Tensor) else self.rate)
        return session.rules[self]

    def kernel(self, session: Any) -> Callable[..., Any]:
        """Return the function of the gradients, behind the rate if that is a tensor, that makes the step."""
        rule, values, variables = self.rule_in(session), session.values, self.variables
        reads = [v.op.kernel(session) for v in variables]

        def step(*gradients: Any) -> None:
            if moving:
                rule.rate.value = float(gradients[0])
                gradients = gradients[1:]
            try:
                held = [values[v] for v in variables]
            except KeyError:
                held = [read() for read in reads]  # which says what is missing
            rule.update(held, list(gradients))

        moving = isinstance(self.rate, Tensor)
        return step


class _Rate:
    """A schedule that says what it was last told."""

    value = 0.0

    def __call__(self, t: int) -> float:
        return self.value


class Optimizer:
    """What all optimizers share.

    Parameters
    ----------
    learning_rate : float or Tensor
        The rate η; a tensor is computed anew in each step, as `exponential_decay` of a global step is.
    use_locking : bool
        Not used.
    name : str
        That of the operation.
    """

    def __init__(self, learning_rate: float | Tensor, use_locking: bool = False, name: str | None = None) -> None:
        self.learning_rate = learning_rate
        self.name = name or type(self).__name__.removesuffix("Optimizer")
        self._applied: list[Apply] = []
        if not isinstance(learning_rate, Tensor):
            self._rule(learning_rate)  # a setting that is wrong is noticed now

    def get_name(self) -> str:
        """Return the name."""
        return self.name

    def _rule(self, rate: Any) -> optim.UpdateRule:
        raise NotImplementedError

    def minimize(
        self,
        loss: Tensor,
        global_step: Variable | None = None,
        var_list: Sequence[Variable] | None = None,
        name: str | None = None,
        grad_loss: Tensor | None = None,
        **_: Any,
    ) -> Operation:
        """Return the operation that makes one step; it adds the gradients of `loss` to the graph.

        Parameters
        ----------
        loss : Tensor
            What to make smaller; all entries are summed.
        global_step : Variable, optional
            Counts the steps.
        var_list : list of Variable, optional
            What to change; all trainable variables by default.
        name : str, optional
            That of the operation.
        grad_loss : Tensor, optional
            The gradient of something later by `loss`.

        Raises
        ------
        ValueError
            If `loss` depends on none of the variables.
        """
        pairs = self.compute_gradients(loss, var_list, grad_loss=grad_loss)
        if all(g is None for g, _ in pairs):
            raise ValueError(
                f"No gradients provided for any variable: {loss.name} depends on none of {[v.name for _, v in pairs]} "
                f"by operations that have a derivative"
            )
        return self.apply_gradients(pairs, global_step, name)

    def compute_gradients(
        self,
        loss: Tensor,
        var_list: Sequence[Variable] | None = None,
        grad_loss: Tensor | None = None,
        **_: Any,
    ) -> list[GradientAndVariable]:
        """Return pairs of gradient and variable; the gradient is None where `loss` does not depend on the variable."""
        if not isinstance(loss, Tensor) or not loss.dtype.is_floating:
            raise TypeError(f"loss must be a tensor of floats; got {loss!r}")
        variables = list(var_list) if var_list is not None else [v for v in loss.graph.variables if v.trainable]
        if not variables:
            raise ValueError("No variables to optimize.")
        for v in variables:
            if not isinstance(v, Variable):
                raise TypeError(f"var_list must hold variables; got {v!r}")
        found = gradients(loss, variables, None if grad_loss is None else [grad_loss])
        return list(zip(found, variables, strict=True))

    def apply_gradients(
        self,
        grads_and_vars: Sequence[GradientAndVariable],
        global_step: Variable | None = None,
        name: str | None = None,
    ) -> Operation:
        """Return the operation that changes the variables along these gradients.

        Parameters
        ----------
        grads_and_vars : list of (Tensor or None, Variable)
            What `compute_gradients` returns, changed if one likes.
        global_step : Variable, optional
            Counts the steps.
        name : str, optional
            That of the operation.
        """
        pairs = [(convert_to_tensor(g, like=v), v) for g, v in grads_and_vars if g is not None]
        if not pairs:
            raise ValueError(f"No gradients provided for any variable: {[v.name for _, v in grads_and_vars]}")
        for g, v in pairs:
            if g.dtype is not v.dtype:
                raise TypeError(f"the gradient of {v.name} must be {v.dtype.name}; got {g!r}")
            if None not in (g._shape or [None]) and v._shape is not None and g._shape != v._shape:
                raise ValueError(f"the gradient of {v.name} must have the shape {written(v._shape)}; got {g!r}")
        with pairs[0][1].graph.as_default():
            label = name or self.name
            step = Apply(
                f"Apply{type(self).__name__.removesuffix('Optimizer')}", pairs, self.learning_rate, self._rule, label
            )
            self._applied.append(step)
            if global_step is None:
                return step
            with control_dependencies([step]):
                counted = assign_add(global_step, 1, name=f"{step.name.rsplit('/', 1)[-1]}/count")
            return group(step, counted, name=f"{step.name.rsplit('/', 1)[-1]}/all")


class GradientDescentOptimizer(Optimizer):
    """x ← x − η g; see `dlkit.optim.GradientDescent`."""

    def _rule(self, rate: Any) -> optim.UpdateRule:
        return optim.GradientDescent(rate, convention="tensorflow")


class MomentumOptimizer(Optimizer):
    """v ← μ v + g, x ← x − η v; see `dlkit.optim.Momentum`.

    Parameters
    ----------
    learning_rate : float or Tensor
        η.
    momentum : float
        μ.
    use_nesterov : bool
        Step along g + μ v instead.
    """

    def __init__(
        self, learning_rate: Any, momentum: float, use_locking: bool = False, name: str | None = None,
        use_nesterov: bool = False,
    ) -> None:  # fmt: skip
        self.momentum, self.nesterov = momentum, use_nesterov
        super().__init__(learning_rate, use_locking, name)

    def _rule(self, rate: Any) -> optim.UpdateRule:
        return optim.Momentum(rate, self.momentum, nesterov=self.nesterov, convention="tensorflow")


class AdagradOptimizer(Optimizer):
    """G ← G + g², x ← x − η g/√G; see `dlkit.optim.Adagrad`.

    Parameters
    ----------
    learning_rate : float or Tensor
        η.
    initial_accumulator_value : float
        What G starts with.
    """

    def __init__(
        self, learning_rate: Any, initial_accumulator_value: float = 0.1, use_locking: bool = False,
        name: str | None = None,
    ) -> None:  # fmt: skip
        self.initial = initial_accumulator_value
        super().__init__(learning_rate, use_locking, name)

    def _rule(self, rate: Any) -> optim.UpdateRule:
        return optim.Adagrad(rate, initial_accumulator=self.initial, convention="tensorflow")


class AdadeltaOptimizer(Optimizer):
    """Steps in the units of the parameters; see `dlkit.optim.Adadelta`.

    Parameters
    ----------
    learning_rate, rho, epsilon : float
        η (or a tensor), ρ and ε.
    """

    def __init__(
        self, learning_rate: Any = 0.001, rho: float = 0.95, epsilon: float = 1e-8, use_locking: bool = False,
        name: str | None = None,
    ) -> None:  # fmt: skip
        self.rho, self.epsilon = rho, epsilon
        super().__init__(learning_rate, use_locking, name)

    def _rule(self, rate: Any) -> optim.UpdateRule:
        return optim.Adadelta(rate, self.rho, self.epsilon, convention="tensorflow")


class RMSPropOptimizer(Optimizer):
    """v ← ρ v + (1 − ρ) g², d ← μ d + η g/√(v + ε), x ← x − d, v starting with 1; see `dlkit.optim.RMSProp`.

    Parameters
    ----------
    learning_rate : float or Tensor
        η.
    decay, epsilon : float
        ρ and ε.
    momentum : float
        μ in [0, 1).
    centered : bool
        Whether to subtract m² from v below the root, with m ← ρ m + (1 − ρ) g.
    """

    def __init__(
        self, learning_rate: Any, decay: float = 0.9, momentum: float = 0.0, epsilon: float = 1e-10,
        use_locking: bool = False, centered: bool = False, name: str | None = None,
    ) -> None:  # fmt: skip
        self.decay, self.momentum, self.epsilon, self.centered = decay, momentum, epsilon, centered
        super().__init__(learning_rate, use_locking, name)

    def _rule(self, rate: Any) -> optim.UpdateRule:
        return optim.RMSProp(
            rate, self.decay, self.epsilon, self.momentum, centered=self.centered, convention="tensorflow"
        )


class AdamOptimizer(Optimizer):
    """Adam, with TensorFlow's place for ε; see `dlkit.optim.Adam`.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon : float
        η (or a tensor), β₁, β₂ and ε.
    """

    def __init__(
        self, learning_rate: Any = 0.001, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8,
        use_locking: bool = False, name: str | None = None,
    ) -> None:  # fmt: skip
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        super().__init__(learning_rate, use_locking, name)

    def _rule(self, rate: Any) -> optim.UpdateRule:
        return optim.Adam(rate, self.beta1, self.beta2, self.epsilon, convention="tensorflow")


class FtrlOptimizer(Optimizer):
    """Follow the regularised leader; see `dlkit.optim.Ftrl`.

    Parameters
    ----------
    learning_rate : float or Tensor
        η.
    learning_rate_power : float
        How the rate falls with the sum of squared gradients; −0.5 is its root.
    initial_accumulator_value : float
        What that sum starts with.
    l1_regularization_strength, l2_regularization_strength : float
        The penalties.
    """

    def __init__(
        self, learning_rate: Any, learning_rate_power: float = -0.5, initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0, l2_regularization_strength: float = 0.0, use_locking: bool = False,
        name: str | None = None, l2_shrinkage_regularization_strength: float = 0.0,
    ) -> None:  # fmt: skip
        self.power, self.initial = learning_rate_power, initial_accumulator_value
        self.l1, self.l2 = l1_regularization_strength, l2_regularization_strength
        self.shrinkage = l2_shrinkage_regularization_strength
        super().__init__(learning_rate, use_locking, name)

    def _rule(self, rate: Any) -> optim.UpdateRule:
        return optim.Ftrl(
            rate,
            self.l1,
            self.l2,
            self.shrinkage,
            rate_power=self.power,
            initial_accumulator=self.initial,
            convention="tensorflow",
        )
