"""Sessions: where a graph is carried out, and where its variables have their values."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from dlkit.arrays import array, is_array, is_torch, random_generator, to_numpy
from dlkit.tf.building import exact
from dlkit.tf.graph import Graph, Operation, Tensor, get_default_graph
from dlkit.tf.plan import Plan
from dlkit.tf.shapes import compatible, written
from dlkit.tf.variables import Variable

__all__ = ["InteractiveSession", "Session", "get_default_session", "the_session"]


class Session:
    """Carries out a graph, and holds the values of its variables.

    Parameters
    ----------
    target : str
        Not used; TensorFlow took the address of a server here.
    graph : Graph, optional
        What to carry out; the default graph, as it is now.
    config : object, optional
        Not used.
    device : {"numpy", "cpu", "cuda", "cuda:N"}
        What carries it out: numpy, or torch on a CPU or GPU. Operations made within `tf.device` go where that says.
    check_numerics : bool, default False
        Stop at the first result that is nan or infinite, and name the operation. Slow; for finding a fault.

    Attributes
    ----------
    values : dict of {Variable: array}
        What the variables hold.

    Examples
    --------
    >>> import dlkit.tf as tf
    >>> a = tf.placeholder(tf.float32)
    >>> with tf.Session() as sess:
    ...     print(sess.run(a * 3.0, feed_dict={a: [1, 2]}))
    [3. 6.]
    """

    def __init__(
        self,
        target: str = "",
        graph: Graph | None = None,
        config: Any = None,
        *,
        device: str = "numpy",
        check_numerics: bool = False,
    ) -> None:
        if not isinstance(target, str):
            raise TypeError(f"target must be a string; for a graph write Session(graph=...); got {target!r}")
        self.graph = graph if graph is not None else get_default_graph()
        array(0.0, "float32", device)  # a device that is not there is noticed now
        self.device = device
        self.check_numerics = check_numerics
        self.values: dict[Variable, Any] = {}
        self.rules: dict[Operation, Any] = {}  # the optimizers' state
        self._generators: dict[Operation, Any] = {}
        self._plans: dict[Any, Plan] = {}
        self._closed = False

    # ---- running ----------------------------------------------------------------------------------------------------

    def run(
        self, fetches: Any, feed_dict: Mapping[Any, Any] | None = None, options: Any = None, run_metadata: Any = None
    ) -> Any:
        """Compute what is fetched.

        Operations are carried out in the order in which they were made. A variable that is fetched has the value that
        it has at the end.

        Parameters
        ----------
        fetches : Tensor, Operation, name, or list, tuple or dict of them
            What to compute or carry out; nested as one likes.
        feed_dict : dict, optional
            The value of each placeholder; other tensors can be fed too, and are not computed then.

        Returns
        -------
        numpy array or number, or None for an operation
            In the structure of `fetches`.

        Raises
        ------
        TypeError, ValueError
            If something fetched or fed is not in the graph, or a value does not fit.
        InvalidArgumentError
            If a placeholder is needed and not fed, or values do not fit together.
        FailedPreconditionError
            If a variable has no value yet.
        """
        if self._closed:
            raise RuntimeError("Attempted to use a closed Session.")
        feeds = feed_dict or {}
        single = isinstance(fetches, Tensor | Operation)
        key = (fetches, *feeds) if single else ((*_flat(fetches),), *feeds)
        try:
            plan = self._plans.get(key)
        except TypeError:  # an array, which no plan can be kept for, nor made
            plan = None
        if plan is None:
            wanted = [self._fetch(f) for f in ([fetches] if single else _flat(fetches))]
            plan = self._plans[key] = Plan(self, wanted, [self._to_feed(x) for x in feeds])
        fed = [self._value(x, value) for x, value in zip(plan.fed, feeds.values(), strict=True)]
        found = plan.run_checked(fed) if self.check_numerics else plan.run(fed)
        return found[0] if single else _like(fetches, iter(found))

    def _fetch(self, fetch: Any) -> Tensor | Operation:
        if isinstance(fetch, str):
            fetch = self.graph.get_tensor_by_name(fetch) if ":" in fetch else self.graph.get_operation_by_name(fetch)
        if not isinstance(fetch, Tensor | Operation):
            raise TypeError(
                f"Fetch argument {fetch!r} has invalid type {type(fetch).__name__}: a tensor, an operation or the "
                f"name of one is expected (was a tensor's name given to its value?)"
            )
        if fetch.graph is not self.graph:
            raise ValueError(
                f"{fetch.name} is not an element of this session's graph: make the session after the graph, or pass "
                f"graph= (was reset_default_graph called?)"
            )
        return fetch

    def _to_feed(self, key: Any) -> Tensor:
        found = self.graph.get_tensor_by_name(key) if isinstance(key, str) else key
        if not isinstance(found, Tensor):
            raise TypeError(f"feed_dict must have tensors as keys; got {key!r}")
        if found.graph is not self.graph:
            raise ValueError(f"feed_dict: {found.name} is not an element of this session's graph")
        return found

    def _value(self, tensor: Tensor, value: Any) -> Any:
        """Return what is fed as an array of the tensor's type, on the session's device."""
        if isinstance(value, Tensor):
            raise TypeError(
                f"feed_dict: the value for {tensor.name} must be numbers, not a tensor of the graph; got {value!r}"
            )
        dtype = tensor.dtype.numpy
        if type(value) is not np.ndarray or value.dtype != dtype:
            given = to_numpy(value) if is_array(value) else _rectangular(value, tensor)
            if given.dtype != dtype:
                if given.dtype.kind not in "fiub":
                    raise TypeError(f"feed_dict: the value for {tensor.name} must be numbers; got {given.dtype}")
                given = (
                    given.astype(dtype)
                    if dtype.kind == "f"
                    else exact(given, tensor.dtype, f"the value for {tensor.name}")
                )
            value = given
        shape = tensor._shape
        if shape is not None and value.shape != shape and not compatible(value.shape, shape):
            raise ValueError(
                f"Cannot feed value of shape {written(value.shape)} for Tensor '{tensor.name}', which has shape "
                f"'{written(shape)}'"
            )
        return value if self.device == "numpy" else array(value, device=self.device)

    # ---- what the operations need of it -----------------------------------------------------------------------------

    def device_of(self, op: Operation) -> str:
        """Return where an operation is carried out."""
        if op.device is None or op.device == self.device:
            return self.device
        if op.device == "cpu":
            return "numpy" if self.device == "numpy" else "cpu"
        array(0.0, "float32", op.device)  # an error, if it is not there
        return op.device

    def generator_of(self, op: Any) -> Any:
        """Return the generator of a random operation."""
        if op not in self._generators:
            graph_seed, own = op.graph.seed, op.seed
            if graph_seed is None and own is None:
                seed = int(np.random.SeedSequence().generate_state(1)[0])
            else:
                parts = [0 if graph_seed is None else graph_seed, op.number if own is None else own]
                seed = int(np.random.SeedSequence(parts).generate_state(1)[0])
            self._generators[op] = random_generator(seed, self.device_of(op))
        return self._generators[op]

    def store(self, variable: Variable, value: Any) -> None:
        """Give a variable a value: into its array, or as a copy if it has none."""
        held = self.values.get(variable)
        if held is not None and held.shape == value.shape:
            # torch cannot write an array onto its own transpose
            held[...] = value.clone() if is_torch(value) else value
            return
        if variable._shape is not None and not compatible(value.shape, variable._shape):
            raise ValueError(
                f"{variable.name} has the shape {written(variable._shape)}; got {written(tuple(value.shape))}"
            )
        device = self.device_of(variable.op)
        self.values[variable] = np.array(value) if device == "numpy" else array(value, device=device).clone()

    def load(self, values: Mapping[Variable, Any]) -> None:
        """Give variables values at once, outside of the graph."""
        for variable, value in values.items():
            given = exact(to_numpy(value) if is_array(value) else np.asarray(value), variable.dtype, variable.name)
            self.store(variable, array(given, device=self.device_of(variable.op)))

    def forget_state_of(self, variable: Variable) -> None:
        """Let the optimizers that change this variable begin anew, for it has its initial value again."""
        for op, rule in self.rules.items():
            if variable in op.variables:  # type: ignore[attr-defined]
                rule.reset()

    # ---- as a context -----------------------------------------------------------------------------------------------

    def __enter__(self) -> Session:
        _default.sessions.append(self)
        self._graphs = self.graph.as_default()
        self._graphs.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._graphs.__exit__(*error)
        _forget(self)
        self.close()

    @contextmanager
    def as_default(self) -> Any:
        """Within it ``tensor.eval()`` and ``operation.run()`` use this session, which stays open afterwards."""
        _default.sessions.append(self)
        try:
            with self.graph.as_default():
                yield self
        finally:
            _forget(self)

    def close(self) -> None:
        """Forget all values; the session cannot be used any more."""
        self.values.clear()
        self.rules.clear()
        self._plans.clear()
        self._closed = True


class InteractiveSession(Session):
    """A session that is the default one from the start, for work in a notebook; close it at the end."""

    def __init__(self, target: str = "", graph: Graph | None = None, config: Any = None, **options: Any) -> None:
        super().__init__(target, graph, config, **options)
        _default.sessions.append(self)

    def close(self) -> None:
        """Forget all values; it is no longer the default session."""
        _forget(self)
        super().close()


class _Default(threading.local):
    def __init__(self) -> None:
        self.sessions: list[Session] = []


_default = _Default()


def _forget(session: Session) -> None:
    """Take a session, the innermost time that it was entered, off those that may be the default one."""
    for k in reversed(range(len(_default.sessions))):
        if _default.sessions[k] is session:
            del _default.sessions[k]
            return


def get_default_session() -> Session | None:
    """Return the session that ``with`` has opened last, or the interactive one."""
    return _default.sessions[-1] if _default.sessions else None


def the_session(session: Session | None, what: str) -> Session:
    """Return the session given, or the default one."""
    found = session if session is not None else get_default_session()
    if found is None:
        raise ValueError(f"{what} needs a session: pass one, or use it within 'with tf.Session():'")
    return found


def _flat(fetches: Any) -> list[Any]:
    if isinstance(fetches, Mapping):
        return [x for part in fetches.values() for x in _flat(part)]
    if isinstance(fetches, list | tuple):
        return [x for part in fetches for x in _flat(part)]
    return [fetches]


def _like(fetches: Any, found: Any) -> Any:
    if isinstance(fetches, Mapping):
        return {key: _like(part, found) for key, part in fetches.items()}
    if isinstance(fetches, list | tuple):
        parts = [_like(part, found) for part in fetches]
        return type(fetches)(*parts) if hasattr(fetches, "_fields") else type(fetches)(parts)
    return next(found)


def _rectangular(value: Any, tensor: Tensor) -> np.ndarray[Any, Any]:
    try:
        return np.asarray(value)
    except ValueError:
        raise ValueError(
            f"feed_dict: the value for {tensor.name} must be rectangular; got rows of different lengths"
        ) from None
