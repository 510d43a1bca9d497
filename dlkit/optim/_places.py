"""What a rule keeps for each of its parameters, and what it asks of parameters and gradients."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any

import numpy as np

from dlkit.arrays import is_torch
from dlkit.optim._arrays import blocks_of, is_floating

HOW_TO_CHANGE = (
    "reset() starts afresh with other parameters; load_state_dict(state_dict()) goes on with copies of the same ones"
)


class Place:
    """One parameter and what the rule keeps for it: its state, and both cut into blocks.

    The first update makes a place for each parameter, and later ones find them by their order. A place is empty until
    its parameter gets a gradient: then `bind` takes hold of the array, makes the state (from `loaded`, if a state waits
    there) and cuts both. From there on `bind` only looks whether all is as it was; it cuts anew when a tensor has
    moved to other memory, and `accept` lets another view of the same memory in.

    Attributes
    ----------
    parameter : numpy array, torch tensor or Tensor
        As it came; kept alive, so that no other can come to lie at its address.
    array : numpy array, torch tensor or None
        What is changed: the memory of the parameter, past all recording. None while the place is empty.
    state : tuple of arrays or None
        One per slot; None while the place is empty.
    blocks : list of (slice, tuple of arrays) or None
        Views of each block of the array and its state, flattened, and the place of it in a flattened gradient; None
        where the whole is stepped at once.
    loaded : tuple of arrays or None
        A state that was loaded, one array per slot, and waits for the first gradient.
    """

    __slots__ = ("_address", "_source", "array", "blocks", "loaded", "name", "parameter", "state")

    def __init__(self, parameter: Any, index: int) -> None:
        self.parameter = parameter
        self.name = f"[{index}]"
        self.array: Any = None
        self.state: Any = None
        self.blocks: list[tuple[slice, tuple[Any, ...]]] | None = None
        self.loaded: tuple[Any, ...] | None = None
        self._source: Any = None  # what `array` was taken from, and where that lay
        self._address = 0

    def bind(self, rule: Any, source: Any) -> Any:
        """Return the array to be changed, taken from `source`: the parameter, or the array that a Tensor lends."""
        if source is not self._source or self._has_moved():
            self._bind(rule, source)
        if isinstance(self.array, np.ndarray) and not self.array.flags.writeable:
            raise ValueError(f"parameters{self.name} must be writeable; got a read-only array")
        return self.array

    def accept(self, p: Any) -> None:
        """Take another object in place of the last call's if it is the same memory, as w[0] and w[0] are."""
        if self.array is not None and (hasattr(p, "writing") or not _same_memory(p, self.array)):
            raise ValueError(
                f"parameters{self.name} must be the array of the last update, whose state this is; got another one. "
                f"{HOW_TO_CHANGE}"
            )
        self.parameter = p

    def checked(self, g: Any) -> Any:
        """Return the gradient as an array that fits the parameter."""
        x = self.array
        if type(g) is np.ndarray and type(x) is np.ndarray and g.shape == x.shape and g.dtype == x.dtype:
            return g  # as nearly always
        if hasattr(g, "writing"):  # a Tensor
            g = g.value
        if isinstance(g, np.generic):  # numpy's own arithmetic makes numbers of arrays without axes
            g = np.asarray(g)
        if kind(g) != kind(x):
            raise TypeError(f"gradients{self.name} must be a {kind(x)}, as its parameter is, or None; got a {kind(g)}")
        if g.shape != x.shape:
            hint = " (as many numbers: reshape it)" if math.prod(g.shape) == math.prod(x.shape) else ""
            raise ValueError(
                f"gradients{self.name} must have the shape of its parameter, {tuple(x.shape)}; "
                f"got {tuple(g.shape)}{hint}"
            )
        if g.dtype != x.dtype:
            raise TypeError(f"gradients{self.name} must have the dtype of its parameter, {x.dtype}; got {g.dtype}")
        if isinstance(g, np.ndarray):
            return g
        if g.device != x.device or g.layout != x.layout:
            raise TypeError(
                f"gradients{self.name} must be where its parameter is, {x.device} ({x.layout}); "
                f"got {g.device} ({g.layout})"
            )
        return g.detach() if g.requires_grad else g

    def _has_moved(self) -> bool:
        """Tell whether a torch tensor was given other memory under the same name, as ``p.data = …`` does."""
        return not isinstance(self.array, np.ndarray) and self._source.data_ptr() != self._address

    def _bind(self, rule: Any, source: Any) -> None:
        x = _checked_parameter(source, f"parameters{self.name}")
        if self.state is None:
            self.state = self._first_state(rule, x)
        elif not _alike(x, self.array):
            raise ValueError(f"parameters{self.name} must stay a {_described(self.array)}; got a {_described(x)}")
        cuts = blocks_of(x) if rule.elementwise else None
        self.blocks = None
        if cuts is not None:
            flat = [a.reshape(-1) for a in (x, *self.state)]
            self.blocks = [(cut, tuple(a[cut] for a in flat)) for cut in cuts]
        self.array, self._source = x, source
        self._address = 0 if isinstance(x, np.ndarray) else x.data_ptr()

    def _first_state(self, rule: Any, x: Any) -> tuple[Any, ...]:
        state = tuple(rule.start(slot, x) for slot in rule.slots)
        if self.loaded is not None:
            for slot, mine, loaded in zip(rule.slots, state, self.loaded, strict=True):
                if kind(mine) != kind(loaded) or not _alike(mine, loaded):
                    raise ValueError(
                        f"parameters{self.name} needs as its {slot} a {_described(mine)}; "
                        f"the loaded one is a {_described(loaded)}"
                    )
            for mine, loaded in zip(state, self.loaded, strict=True):
                mine[...] = loaded
            self.loaded = None
        return state


def listed(values: Any, name: str) -> list[Any]:
    """Return `values` as a list, which a single array is not taken for."""
    if isinstance(values, list):
        return values
    if hasattr(values, "shape"):
        raise TypeError(f"{name} must be a list of arrays; got a single {kind(values)}: write [w] for one parameter w")
    if not isinstance(values, tuple | Iterator):
        raise TypeError(f"{name} must be a list of arrays; got {type(values).__name__}")
    return list(values)


def own_gradients(parameters: list[Any]) -> list[Any]:
    """Return each parameter's ``.grad``."""
    for i, p in enumerate(parameters):
        if not hasattr(p, "grad"):
            raise TypeError(f"gradients must be given, as parameters[{i}] has no .grad: it is a {kind(p)}")
    gradients = [p.grad for p in parameters]
    if all(g is None for g in gradients):
        raise ValueError("gradients must be given, as .grad is None for every parameter; was backward() called?")
    return gradients


def unentangled(moves: list[tuple[Place, Any, Any]]) -> list[tuple[Place, Any, Any]]:
    """Return the moves with a copy of each gradient that is another parameter, as those of f(x, y) = x·y are.

    The parameters are changed one after another, and the gradients belong to the values before.
    """
    owners = {id(place.parameter): i for i, (place, _, _) in enumerate(moves)}
    if not any(id(g) in owners for _, _, g in moves):
        return moves
    return [
        (place, x, copied(g)) if owners.get(id(g), i) != i else (place, x, g) for i, (place, x, g) in enumerate(moves)
    ]


def copied(a: Any) -> Any:
    """Return a copy of an array, None for None."""
    return None if a is None else a.copy() if isinstance(a, np.ndarray) else a.clone()


def copied_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a rule's state, arrays and all."""
    names = {key: state[key] for key in ("rule", "convention") if key in state}
    arrays = {slot: [copied(a) for a in kept] for slot, kept in state.items() if slot not in (*names, "t")}
    return {**names, "t": int(state["t"]), **arrays}


def kind(x: Any) -> str:
    """Return what to call `x` in a message."""
    if isinstance(x, np.ndarray):
        return "numpy array"
    return "torch tensor" if is_torch(x) else type(x).__name__


def _checked_parameter(x: Any, name: str) -> Any:
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{name} must be a plain array; got a masked array, whose mask would be lost")
    if not isinstance(x, np.ndarray) and not is_torch(x):
        hint = "; np.array(x) makes an array, which can be changed" if isinstance(x, Real | list | tuple) else ""
        raise TypeError(f"{name} must be a numpy array, a torch tensor or a dlkit Tensor; got a {kind(x)}{hint}")
    if not is_floating(x):
        raise TypeError(f"{name} must be of dtype float32 or float64; got {x.dtype}")
    return x if isinstance(x, np.ndarray) or not x.requires_grad else x.detach()  # past torch's own recording


def _alike(x: Any, y: Any) -> bool:
    return x.shape == y.shape and x.dtype == y.dtype and getattr(x, "device", None) == getattr(y, "device", None)


def _same_memory(x: Any, y: Any) -> bool:
    if kind(x) != kind(y) or not _alike(x, y):
        return False
    if isinstance(x, np.ndarray):
        return x.strides == y.strides and x.__array_interface__["data"] == y.__array_interface__["data"]
    return x.stride() == y.stride() and x.data_ptr() == y.data_ptr()


def _described(x: Any) -> str:
    on = f" on {x.device}" if is_torch(x) else ""
    return f"{kind(x)} of shape {tuple(x.shape)} and dtype {x.dtype}{on}"
