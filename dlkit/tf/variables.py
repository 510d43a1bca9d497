"""Variables: tensors whose value outlives a run, and changes only when it is told to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dlkit.tf.building import convert_to_tensor
from dlkit.tf.errors import FailedPreconditionError
from dlkit.tf.graph import Operation, Tensor, _set, get_default_graph, name_scope
from dlkit.tf.shapes import compatible, written
from dlkit.tf.shaping import identity

__all__ = [
    "Assign",
    "Variable",
    "assign",
    "assign_add",
    "assign_sub",
    "global_variables",
    "global_variables_initializer",
    "group",
    "no_op",
    "trainable_variables",
    "variables_initializer",
]


class _Read(Operation):
    """Gives the value that a variable has when this is carried out; later changes show in it."""

    reads: Variable

    def kernel(self, session: Any) -> Callable[..., Any]:
        """Return what carries the operation out in a session."""
        values, variable = session.values, self.reads

        def read() -> Any:
            try:
                return values[variable]
            except KeyError:
                raise FailedPreconditionError(
                    f"Attempting to use uninitialized value {variable.op.name}: run tf.global_variables_initializer() "
                    f"in this session first"
                ) from None

        return read


class Variable(Tensor):
    """A tensor with a value of its own in each session, which `assign` and the optimizers change.

    Parameters
    ----------
    initial_value : Tensor, array_like or callable
        What it starts with, once its `initializer` has been run. A callable without arguments is called.
    trainable : bool, default True
        Whether optimizers change it unless told otherwise.
    name : str
        Its name in the graph.
    dtype : DType, optional
        That of its entries; that of the initial value by default.
    validate_shape : bool, default True
        False lets later values have other shapes.
    collections : list of str, optional
        Where the graph puts it aside, ``[tf.GraphKeys.GLOBAL_VARIABLES]`` by default. One that is not there is not
        initialised, saved or trained with the others.

    Attributes
    ----------
    initializer : Operation
        Gives it its initial value.
    initial_value : Tensor
        What it starts with.
    trainable : bool
        Whether optimizers change it.
    """

    def __init__(
        self,
        initial_value: Any = None,
        trainable: bool = True,
        name: str | None = None,
        dtype: Any = None,
        validate_shape: bool = True,
        collections: Sequence[str] | None = None,
        **ignored: Any,
    ) -> None:
        unknown = set(ignored) - {"caching_device", "expected_shape", "use_resource"}
        if unknown:
            raise TypeError(f"Variable has no argument {sorted(unknown)[0]!r}")
        if initial_value is None:
            raise ValueError(
                "initial_value must be given: an array, a number, or a tensor such as tf.random_normal(...)"
            )
        label = name or "Variable"
        graph = get_default_graph()
        with _set(graph, waits_for=()):
            op = _Read("VariableV2", (), label)
            op.reads = self
            value = initial_value() if callable(initial_value) else initial_value
            with name_scope(op.name + "/"):
                self.initial_value = convert_to_tensor(value, dtype, "initial_value")
            shape = self.initial_value._shape if validate_shape else None
            super().__init__(op, shape, self.initial_value.dtype)
            self.trainable = trainable
            with name_scope(op.name + "/"):
                self.initializer = Assign("Assign", self, self.initial_value, starts=True)
        for key in ["variables"] if collections is None else collections:
            (graph.variables if key == "variables" else graph.collections.setdefault(key, [])).append(self)

    def assign(self, value: Any, **_: Any) -> Tensor:
        """Return the operation that gives the variable another value; its result is the new value."""
        return assign(self, value)

    def assign_add(self, delta: Any, **_: Any) -> Tensor:
        """Return the operation that adds to the variable."""
        return assign_add(self, delta)

    def assign_sub(self, delta: Any, **_: Any) -> Tensor:
        """Return the operation that subtracts from the variable."""
        return assign_sub(self, delta)

    def value(self) -> Tensor:
        """Return the variable as a plain tensor."""
        return identity(self, "read")

    read_value = value

    def initialized_value(self) -> Tensor:
        """Return what the variable starts with, to be used in another variable's initial value."""
        return self.initial_value

    def load(self, value: Any, session: Any = None) -> None:
        """Give the variable a value in a session at once."""
        from dlkit.tf.session import the_session

        the_session(session, "load").load({self: value})

    def __repr__(self) -> str:
        return f"<tf.Variable '{self.name}' shape={written(self._shape)} dtype={self.dtype.name}_ref>"

    __str__ = __repr__


class Assign(Operation):
    """Changes a variable."""

    def __init__(
        self, kind: str, variable: Variable, value: Tensor, name: str | None = None, *, starts: bool = False
    ) -> None:
        if not isinstance(variable, Variable):
            raise TypeError(f"{kind} changes a variable; got {variable!r}")
        if value.dtype is not variable.dtype:
            raise TypeError(f"{kind}: {variable.name} is {variable.dtype.name}; got {value!r}, which tf.cast converts")
        if variable._shape is not None and value._shape is not None and None not in value._shape:
            broadcast = kind != "Assign" and value._shape == ()
            if not broadcast and not compatible(value._shape, variable._shape):  # type: ignore[arg-type]
                raise ValueError(
                    f"{kind}: {variable.name} has the shape {written(variable._shape)}, the value "
                    f"{written(value._shape)}"
                )
        super().__init__(kind, (value,), name)
        self.variable, self.starts = variable, starts
        self.changes = (variable,)
        self.gives(variable._shape, variable.dtype)

    def kernel(self, session: Any) -> Callable[..., Any]:
        """Return what carries the operation out in a session."""
        variable, kind, read = self.variable, self.type, self.variable.op.kernel(session)

        def change(value: Any) -> Any:
            if kind == "Assign":
                session.store(variable, value)
                if self.starts:
                    session.forget_state_of(variable)
            else:
                array = read()
                if value.shape and tuple(value.shape) != tuple(array.shape):
                    raise ValueError(f"{variable.name} has the shape {written(tuple(array.shape))}")
                if kind == "AssignAdd":
                    array += value
                else:
                    array -= value
            return session.values[variable]

        return change


def assign(ref: Variable, value: Any, name: str | None = None, **_: Any) -> Tensor:
    """Return the operation that gives a variable another value; its result is the new value."""
    return _assign("Assign", ref, value, name)


def assign_add(ref: Variable, value: Any, name: str | None = None, **_: Any) -> Tensor:
    """Return the operation that adds to a variable; its result is the new value."""
    return _assign("AssignAdd", ref, value, name)


def assign_sub(ref: Variable, value: Any, name: str | None = None, **_: Any) -> Tensor:
    """Return the operation that subtracts from a variable; its result is the new value."""
    return _assign("AssignSub", ref, value, name)


def _assign(kind: str, ref: Variable, value: Any, name: str | None) -> Tensor:
    if not isinstance(ref, Variable):
        raise TypeError(f"ref must be a tf.Variable; got {ref!r}")
    operation = Assign(kind, ref, convert_to_tensor(value, None if isinstance(value, Tensor) else ref.dtype), name)
    assert operation.output is not None
    return operation.output


class NoOp(Operation):
    """Does nothing, but waits for its control inputs."""

    def kernel(self, session: Any) -> Callable[..., Any]:
        """Return what carries the operation out in a session."""
        return lambda: None


def group(*inputs: Any, name: str = "group_deps", **_: Any) -> Operation:
    """Return an operation that carries out all of these."""
    flat = [x for part in inputs for x in (part if isinstance(part, list | tuple) else [part])]
    for x in flat:
        if not isinstance(x, Tensor | Operation):
            raise TypeError(f"group takes operations and tensors; got {x!r}")
    return NoOp("NoOp", (), name, control_inputs=[getattr(x, "op", x) for x in flat])


def no_op(name: str = "NoOp") -> Operation:
    """Return an operation that does nothing."""
    return NoOp("NoOp", (), name)


def global_variables() -> list[Variable]:
    """Return all variables of the default graph, oldest first."""
    return list(get_default_graph().variables)


def trainable_variables(scope: str | None = None) -> list[Variable]:
    """Return the variables that optimizers change; with `scope`, those whose names begin with it."""
    return [v for v in global_variables() if v.trainable and v.name.startswith(scope or "")]


def variables_initializer(var_list: Sequence[Variable], name: str = "init") -> Operation:
    """Return the operation that gives these variables their initial values."""
    return group(*(v.initializer for v in var_list), name=name)


def global_variables_initializer() -> Operation:
    """Return the operation that gives all variables made so far their initial values."""
    return variables_initializer(global_variables())
