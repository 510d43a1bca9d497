"""A computational graph: operations that have not been carried out yet.

Every operation of the package, given a `Tensor` of a graph, adds itself to the graph in place of computing: the same
table of operations serves here as for arrays and for `dlkit.autograd`. A `Session` carries out what is asked for.

Operations are numbered as they are made, and one can only be given what is there already. So the numbers are an order
in which they can be carried out, and nothing ever needs to be sorted.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from dlkit.autograd import Operation as Formula
from dlkit.tf.dtypes import DType, as_dtype
from dlkit.tf.operators import Operators
from dlkit.tf.shapes import Shape, TensorShape, as_shape, written

__all__ = [
    "Constant",
    "Graph",
    "Operation",
    "Tensor",
    "control_dependencies",
    "device",
    "get_default_graph",
    "name_scope",
    "reset_default_graph",
]


class Graph:
    """Operations in the order in which they were made, and the names they have taken.

    Attributes
    ----------
    operations : list of Operation
        All of them.
    variables : list of Variable
        All that were made, trainable or not.
    collections : dict of {str: list}
        What was put aside under a name, such as the summaries.
    seed : int or None
        That of `set_random_seed`.
    """

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.variables: list[Any] = []
        self.collections: dict[str, list[Any]] = {}
        self.seed: int | None = None
        self._taken: dict[str, int] = {}
        self._by_name: dict[str, Operation] = {}
        self.scope = ""
        self.device: str | None = None
        self.waits_for: tuple[Operation, ...] = ()

    @contextmanager
    def as_default(self) -> Iterator[Graph]:
        """Within it operations are added to this graph."""
        _default.graphs.append(self)
        try:
            yield self
        finally:
            innermost = next(k for k in reversed(range(len(_default.graphs))) if _default.graphs[k] is self)
            del _default.graphs[innermost]

    def get_operations(self) -> list[Operation]:
        """Return all operations, oldest first."""
        return list(self.operations)

    def unique_name(self, name: str) -> str:
        """Return the name, within the scope, with a number behind it if it is taken."""
        if not re.fullmatch(r"[\w.\-/>]+", name):
            raise ValueError(f"name must consist of letters, digits and . _ - /; got {name!r}")
        full = f"{self.scope}{name}"
        count = self._taken.get(full.lower(), 0)
        self._taken[full.lower()] = count + 1
        if not count:
            return full
        while f"{full}_{count}".lower() in self._taken:
            count += 1
        self._taken[full.lower()] = count + 1
        self._taken[f"{full}_{count}".lower()] = 1
        return f"{full}_{count}"

    def add(self, operation: Operation) -> int:
        """Take an operation in; return its number."""
        self.operations.append(operation)
        self._by_name[operation.name] = operation
        return len(self.operations)

    def get_operation_by_name(self, name: str) -> Operation:
        """Return the operation of that name."""
        try:
            return self._by_name[name]
        except KeyError:
            from difflib import get_close_matches

            near = get_close_matches(name, self._by_name, 3)
            hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
            raise KeyError(f"the graph has no operation named {name!r}{hint}") from None

    def get_tensor_by_name(self, name: str) -> Tensor:
        """Return the result of an operation, by a name such as ``"Add:0"``."""
        operation = self.get_operation_by_name(name.removesuffix(":0"))
        if operation.output is None or ":" not in name:
            raise ValueError(f"name must be that of a tensor, as 'Add:0'; got {name!r}")
        return operation.output

    def get_collection(self, name: str) -> list[Any]:
        """Return what was put aside under a name."""
        return list(self.collections.get(name, []))


class Operation:
    """A node of the graph.

    Attributes
    ----------
    name : str
        Unique in its graph.
    type : str
        What it does: ``"MatMul"``.
    inputs : tuple of Tensor
        What it is given.
    control_inputs : tuple of Operation
        What must have been carried out before.
    outputs : list of Tensor
        Its result, if it has one.
    number : int
        The place in its graph.
    formula : dlkit.autograd.Operation or None
        What it computes, with its derivatives; None for those that do something instead.
    options : dict
        Those of the formula.
    device : str or None
        Where it is to be carried out; None for wherever the session runs.
    reads : Variable or None
        The variable that it gives the value of.
    changes : sequence of Variable
        Those that it changes.
    """

    reads: Any = None
    changes: Sequence[Any] = ()

    def __init__(
        self,
        kind: str,
        inputs: Sequence[Tensor] = (),
        name: str | None = None,
        *,
        graph: Graph | None = None,
        formula: Formula | None = None,
        options: dict[str, Any] | None = None,
        control_inputs: Sequence[Operation] = (),
    ) -> None:
        self.graph = graph or common_graph(kind, inputs)
        self.name = self.graph.unique_name(name or kind)
        self.type = kind
        self.inputs = tuple(inputs)
        self.control_inputs = (*self.graph.waits_for, *control_inputs)
        self.formula = formula
        self.options = options or {}
        self.device = self.graph.device
        self.output: Tensor | None = None
        self.number = self.graph.add(self)

    @property
    def outputs(self) -> list[Tensor]:
        """The result, in a list; empty if there is none."""
        return [] if self.output is None else [self.output]

    def gives(self, shape: Shape, dtype: DType) -> Tensor:
        """Let the operation have a result of this shape and type, and return it."""
        return Tensor(self, shape, dtype)

    def kernel(self, session: Any) -> Callable[..., Any]:
        """Return what carries the operation out: a function of the values of its inputs."""
        if self.formula is None:
            raise NotImplementedError(f"{self.type} has no kernel")
        return partial(self.formula.forward, **self.options) if self.options else self.formula.forward

    def run(self, feed_dict: Any = None, session: Any = None) -> None:
        """Carry the operation out in the default session, or the one given."""
        from dlkit.tf.session import the_session

        the_session(session, "run").run(self, feed_dict)

    def __repr__(self) -> str:
        return f"<tf.Operation '{self.name}' type={self.type}>"


class Constant(Operation):
    """A value that is part of the graph."""

    def __init__(self, value: np.ndarray[Any, Any], graph: Graph | None = None, name: str | None = None) -> None:
        super().__init__("Const", (), name, graph=graph)
        value.flags.writeable = False
        self.value = value
        self.gives(value.shape, as_dtype(value.dtype))


class Tensor(Operators):
    """What an operation will compute. It has no value: a `Session` computes one.

    Attributes
    ----------
    op : Operation
        The operation.
    dtype : DType
        The type of its entries.
    """

    def __init__(self, op: Operation, shape: Shape, dtype: DType) -> None:
        self.op = op
        self.dtype = dtype
        self._shape = shape
        op.output = self

    @property
    def name(self) -> str:
        """That of the operation, and which of its results this is: ``"Add:0"``."""
        return f"{self.op.name}:0"

    @property
    def graph(self) -> Graph:
        """The graph that the tensor belongs to."""
        return self.op.graph

    @property
    def device(self) -> str | None:
        """Where it is to be computed; None for wherever the session runs."""
        return self.op.device

    @property
    def shape(self) -> TensorShape:
        """What is known of the shape."""
        return TensorShape(self._shape)

    def get_shape(self) -> TensorShape:
        """Return what is known of the shape."""
        return self.shape

    def set_shape(self, shape: Any) -> None:
        """Say what you know of the shape that the graph does not.

        Raises
        ------
        ValueError
            If it contradicts what is known.
        """
        wanted = as_shape(shape)
        if self._shape is None or wanted is None:
            self._shape = self._shape if wanted is None else wanted
            return
        pairs = list(zip(self._shape, wanted, strict=False))
        if len(self._shape) != len(wanted) or any(None is not n != m is not None for n, m in pairs):
            raise ValueError(f"shape must agree with {written(self._shape)} of {self.name}; got {written(wanted)}")
        self._shape = tuple(m if n is None else n for n, m in pairs)

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        """Compute the value in the default session, or the one given."""
        from dlkit.tf.session import the_session

        return the_session(session, "eval").run(self, feed_dict)

    def __bool__(self) -> bool:
        raise TypeError(
            f"{self.name} has no value yet, so Python's if, and, or, not cannot ask for it; tf.where chooses within "
            f"the graph"
        )

    def __iter__(self) -> Iterator[Tensor]:
        if not self._shape or self._shape[0] is None:
            raise TypeError(f"{self.name} can only be iterated over with a known number of rows; it is {self!r}")
        return (self[k] for k in range(self._shape[0]))

    def __len__(self) -> int:
        raise TypeError(f"{self.name} has no length before the graph is run; use tf.shape(x)[0]")

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError(
            f"{self.name} has no value yet, so numpy cannot use it: compute it with session.run, or use dlkit.tf's "
            f"functions in place of numpy's"
        )

    def __repr__(self) -> str:
        return f"<tf.Tensor '{self.name}' shape={written(self._shape)} dtype={self.dtype.name}>"

    def __str__(self) -> str:
        shape = "" if self._shape is None else f", shape={written(self._shape)}"
        return f'Tensor("{self.name}"{shape}, dtype={self.dtype.name})'


class _Default(threading.local):
    def __init__(self) -> None:
        self.graphs = [Graph()]


_default = _Default()


def get_default_graph() -> Graph:
    """Return the graph that operations are added to."""
    return _default.graphs[-1]


def reset_default_graph() -> None:
    """Begin anew with an empty graph.

    Raises
    ------
    RuntimeError
        Within ``with graph.as_default()``.
    """
    if len(_default.graphs) > 1:
        raise RuntimeError("reset_default_graph must not be called within 'with graph.as_default()'")
    _default.graphs[-1] = Graph()


@contextmanager
def _set(graph: Graph, **values: Any) -> Iterator[None]:
    before = {name: getattr(graph, name) for name in values}
    for name, value in values.items():
        setattr(graph, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(graph, name, value)


@contextmanager
def name_scope(name: str | None, default_name: str | None = None, values: Any = None) -> Iterator[str]:
    """Within it the names of operations begin with this one: ``layer1/MatMul``.

    Parameters
    ----------
    name : str or None
        A name that is taken gets a number. One that ends with ``/`` is used as it is, to enter a scope again.
    default_name : str, optional
        For `name` None.
    values : object
        Not used; TensorFlow took the tensors here.
    """
    graph = get_default_graph()
    name = name or default_name
    scope = name or ""
    if scope and not scope.endswith("/"):
        scope = graph.unique_name(scope) + "/"
    with _set(graph, scope=scope):
        yield scope


@contextmanager
def control_dependencies(operations: Sequence[Any] | None) -> Iterator[None]:
    """Let the operations made within it wait for these, tensors or operations; None lets them wait for nothing."""
    graph = get_default_graph()
    if operations is None:
        with _set(graph, waits_for=()):
            yield
        return
    waits_for = tuple(getattr(o, "op", o) for o in operations)
    for operation in waits_for:
        if not isinstance(operation, Operation):
            raise TypeError(f"control_dependencies takes operations and tensors; got {operation!r}")
    with _set(graph, waits_for=(*graph.waits_for, *waits_for)):
        yield


@contextmanager
def device(name: str | None) -> Iterator[None]:
    """Say where the operations made within it are carried out: ``"/gpu:0"``, ``"/cpu:0"``, or None for no matter where.

    ``/cpu`` is numpy, unless the session runs on torch; ``/gpu`` is torch's CUDA device of that number. Whether it is
    there is asked when the session runs.
    """
    with _set(get_default_graph(), device=None if name is None else _device(name)):
        yield


def _device(name: str) -> str:
    found = re.fullmatch(
        r"(?:/job:\w+)?(?:/replica:\d+)?(?:/task:\d+)?/?(?:device:)?(cpu|gpu|cuda)(?::(\d+))?", name.lower()
    )
    if not found:
        raise ValueError(f"device must be of the form '/gpu:0' or '/cpu:0'; got {name!r}")
    kind, number = found.groups()
    return "cpu" if kind == "cpu" else f"cuda:{number or 0}"


def common_graph(kind: str, inputs: Sequence[Tensor]) -> Graph:
    """Return the graph that all of these belong to; the default one if there is none."""
    if not inputs:
        return get_default_graph()
    for x in inputs:
        if x.graph is not inputs[0].graph:
            raise ValueError(
                f"{kind}: {inputs[0].name} and {x.name} belong to different graphs, so nothing can be computed from "
                f"both (was reset_default_graph called between them?)"
            )
    return inputs[0].graph
