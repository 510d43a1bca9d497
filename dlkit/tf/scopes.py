"""Variables by name: `get_variable` makes one, or finds it again, within the scopes that are open.

A ``variable_scope`` is a `name_scope` that variables heed as well, and it says what holds for those made within it:
whether they are found again, what they start with, how they are penalised.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from dlkit.tf import random
from dlkit.tf.dtypes import as_dtype, float32
from dlkit.tf.graph import Graph, Tensor, _set, get_default_graph, name_scope
from dlkit.tf.shapes import as_shape, written
from dlkit.tf.variables import Variable

__all__ = ["AUTO_REUSE", "VariableScope", "get_variable", "get_variable_scope", "variable_scope"]


class _AutoReuse:
    """For ``reuse=``: use a variable again where it is there, make it where it is not."""

    def __repr__(self) -> str:
        return "tf.AUTO_REUSE"


AUTO_REUSE = _AutoReuse()


class VariableScope:
    """A scope of variables, as ``with tf.variable_scope("layer") as scope`` gives it.

    Attributes
    ----------
    name : str
        The whole name, without a slash at the end; empty for the outermost.
    reuse : None, True or AUTO_REUSE
        Whether variables are made, found again, or either.
    initializer, regularizer : callable or None
        For the variables that have none of their own.
    dtype : DType
        That of variables, unless said otherwise.
    """

    def __init__(
        self, name: str = "", reuse: Any = None, initializer: Any = None, regularizer: Any = None, dtype: Any = float32
    ) -> None:
        self.name, self.reuse = name, reuse
        self.initializer, self.regularizer, self.dtype = initializer, regularizer, dtype
        self.original_name_scope = ""

    def reuse_variables(self) -> None:
        """From now on find the variables of this scope again, in place of making new ones."""
        self.reuse = True


class _Store:
    """The variables of a graph that `get_variable` has made, and the scopes: those open, and how often each was."""

    def __init__(self) -> None:
        self.variables: dict[str, Variable] = {}
        self.scopes = [VariableScope()]
        self.opened: dict[str, int] = {}

    def free_name(self, name: str) -> str:
        """Return the name, with a number behind it if a scope of that name has been opened within this one."""
        prefix = _prefix(self.scopes[-1])
        number, free = 0, name
        while self.opened.get(prefix + free):
            number += 1
            free = f"{name}_{number}"
        return free


def _store(graph: Graph) -> _Store:
    return graph.collections.setdefault("_variable_store", [_Store()])[0]


def _prefix(scope: VariableScope) -> str:
    return f"{scope.name}/" if scope.name else ""


def get_variable_scope() -> VariableScope:
    """Return the scope of variables that is open in the default graph."""
    return _store(get_default_graph()).scopes[-1]


@contextmanager
def variable_scope(
    name_or_scope: Any,
    default_name: str | None = None,
    values: Any = None,
    initializer: Any = None,
    regularizer: Any = None,
    caching_device: Any = None,
    partitioner: Any = None,
    custom_getter: Any = None,
    reuse: Any = None,
    dtype: Any = None,
    **_: Any,
) -> Iterator[VariableScope]:
    """Within it names, those of `get_variable` too, begin with this one.

    Parameters
    ----------
    name_or_scope : str, VariableScope or None
        The name, or a scope to enter again; None takes `default_name`.
    default_name : str, optional
        For `name_or_scope` None; with a number behind it if that scope has been opened already.
    values, caching_device, partitioner, custom_getter : object
        Not used.
    initializer : callable, optional
        What variables start with that do not say so themselves.
    regularizer : callable, optional
        The penalty for variables that have none of their own: from a variable to a tensor.
    reuse : bool or AUTO_REUSE, optional
        True finds variables again in place of making them; AUTO_REUSE does the one or the other. It holds for scopes
        within this one as well.
    dtype : DType, optional
        That of variables, unless said otherwise.
    """
    graph = get_default_graph()
    store = _store(graph)
    outer = store.scopes[-1]
    if isinstance(name_or_scope, VariableScope):
        given, full = name_or_scope, name_or_scope.name
        within = full.rsplit("/", 1)[-1]
        reuse = reuse or given.reuse
    else:
        if name_or_scope is None and default_name is None:
            raise TypeError("name_or_scope must be a name or a scope; got None, and no default_name either")
        name = name_or_scope if name_or_scope is not None else store.free_name(str(default_name))
        if not isinstance(name, str) or not name:
            raise TypeError(f"name_or_scope must be a name or a scope; got {name_or_scope!r}")
        given, full, within = outer, f"{_prefix(outer)}{name}", name
        reuse = reuse or outer.reuse
    scope = VariableScope(
        full,
        reuse or None,
        given.initializer if initializer is None else initializer,
        given.regularizer if regularizer is None else regularizer,
        given.dtype if dtype is None else as_dtype(dtype),
    )
    store.opened[full] = store.opened.get(full, 0) + 1
    store.scopes.append(scope)
    try:
        with name_scope(within) as scope.original_name_scope:
            yield scope
    finally:
        store.scopes.remove(scope)
        # Opened again, the scope numbers those within it from the start, so that they are found again.
        store.opened = {n: count for n, count in store.opened.items() if not n.startswith(f"{full}/")}


def get_variable(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    collections: Any = None,
    **_: Any,
) -> Variable:
    """Return a new variable of this name, or in a scope with `reuse` the one that has it.

    Parameters
    ----------
    name : str
        The name within the variable scopes.
    shape : sequence of int, optional
        Not needed if `initializer` is a tensor, an array or a number.
    dtype : DType, optional
        The type of the entries; float32 unless the scope or such an initializer says otherwise.
    initializer : callable or array_like, optional
        ``initializer(shape, dtype)`` gives the initial value; that of the scope by default, or else Glorot's uniform
        one, as in TensorFlow.
    regularizer : callable, optional
        From the variable to a tensor, which is put aside under ``GraphKeys.REGULARIZATION_LOSSES``; that of the scope
        by default.
    trainable : bool, default True
        Whether optimizers change it.
    collections : list of str, optional
        Where it is put aside; see `Variable`.

    Raises
    ------
    ValueError
        If there is such a variable and `reuse` does not hold, or there is none and it does; if the shape is not known,
        or not that of the variable found.
    TypeError
        If the dtype is not that of the variable found.
    """
    if not isinstance(name, str) or not name:
        raise TypeError(f"name must be a string that is not empty; got {name!r}")
    store = _store(get_default_graph())
    scope = store.scopes[-1]
    full = _prefix(scope) + name
    found = store.variables.get(full)
    if found is not None and scope.reuse:
        return _same(found, full, shape, dtype)
    if found is not None:
        raise ValueError(
            f"Variable {full} already exists, disallowed. Did you mean to set reuse=True or reuse=tf.AUTO_REUSE in "
            f"variable_scope? (Or was the cell run twice? Then tf.reset_default_graph() comes first.)"
        )
    if scope.reuse is True:
        raise ValueError(
            f"Variable {full} does not exist, so it cannot be reused; there are {sorted(store.variables)}. "
            f"reuse=tf.AUTO_REUSE makes what is not there"
        )
    value = _initial(full, shape, dtype, initializer, scope)
    with _set(get_default_graph(), scope=_prefix(scope)):
        variable = Variable(value, trainable, name, None if isinstance(value, Tensor) else dtype, True, collections)
    store.variables[full] = variable
    regularizer = regularizer if regularizer is not None else scope.regularizer
    if regularizer is not None:
        with name_scope(f"{full}/Regularizer/"):
            penalty = regularizer(variable)
        if penalty is not None:
            variable.graph.collections.setdefault("regularization_losses", []).append(penalty)
    return variable


def _initial(name: str, shape: Any, dtype: Any, initializer: Any, scope: VariableScope) -> Any:
    if initializer is None:
        initializer = scope.initializer
    if initializer in (random.zeros_initializer, random.ones_initializer) if callable(initializer) else False:
        initializer = initializer()  # the function was given in place of what it makes
    if initializer is not None and not callable(initializer):
        value = initializer if isinstance(initializer, Tensor) else np.asarray(initializer)
        lengths = as_shape(shape)
        if lengths is not None and as_shape(value.shape) != lengths:
            raise ValueError(f"shape of {name} must be that of its initializer, {value.shape}; got {written(lengths)}")
        return value if isinstance(value, Tensor) else initializer
    known = as_shape(shape)
    if known is None or None in known:
        raise ValueError(f"Shape of a new variable ({name}) must be fully defined, but instead was {written(known)}.")
    wanted = scope.dtype if dtype is None else as_dtype(dtype)
    if initializer is None:
        initializer = random.glorot_uniform_initializer() if wanted.is_floating and known else None
        initializer = initializer or random.zeros_initializer()
    return initializer(known, dtype=wanted)


def _same(found: Variable, name: str, shape: Any, dtype: Any) -> Variable:
    wanted = as_shape(shape)
    if wanted is not None and found._shape != wanted:
        raise ValueError(
            f"Trying to share variable {name}, but specified shape {written(wanted)} and found shape "
            f"{written(found._shape)}."
        )
    if dtype is not None and found.dtype is not as_dtype(dtype):
        raise TypeError(
            f"Trying to share variable {name}, but specified dtype {as_dtype(dtype).name} and found dtype "
            f"{found.dtype.name}."
        )
    return found
