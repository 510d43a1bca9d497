"""`Tensor`: an array that remembers how it was computed: what it holds, how it may change, its way back."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from dlkit import arrays
from dlkit.autograd.engine import is_recording, next_number, record, reverse
from dlkit.autograd.operation import register_face
from dlkit.autograd.operators import Operators, plain

__all__ = ["Tensor"]


class Tensor(Operators):
    """An array of floats through which gradients flow.

    Parameters
    ----------
    data : float, array_like of floats, ndarray, torch.Tensor or Tensor
        The values; they are copied. A number is held as numpy.float64.
    dtype : str or dtype, optional
        ``"float32"`` or ``"float64"``; that of `data` by default.
    device : {"numpy", "cpu", "cuda", "cuda:N"}, optional
        Where it lives (see `dlkit.arrays`); where `data` lives by default.
    requires_grad : bool, default True
        Whether `backward` is to find the gradient with respect to this tensor.

    Attributes
    ----------
    value : ndarray, numpy scalar or torch.Tensor
        The numbers. numpy arrays are read-only, since rules of derivatives will read them; assign a new array
        (``w.value = w.value - step``), or update in place under `no_grad` (``w -= step``).
    grad : array or None
        The gradient that `backward` has added up here, in the shape of the value; None before the first time.

    Raises
    ------
    TypeError
        If `data` does not hold floats: there is no gradient with respect to an integer.

    Examples
    --------
    >>> x = Tensor(3.0)
    >>> y = x**2 + 2 * x
    >>> y.backward()
    >>> print(y.value, x.grad)
    15.0 8.0
    """

    __slots__ = ("_first_number",)  # set once the value was changed: the number it had before

    def __init__(self, data: Any, *, dtype: Any = None, device: str | None = None, requires_grad: bool = True):
        self._value = _floats(data, dtype, device)
        self._number = next_number()
        self._origin = None
        self.requires_grad = requires_grad
        self.grad = None

    # What it holds

    @property
    def value(self) -> Any:
        """The numbers themselves."""
        return self._value

    @value.setter
    def value(self, new: Any) -> None:
        self._check_leaf("assigning its value")
        new = _floats(new.value if isinstance(new, Tensor) else new, None, None)
        if new.shape != self._value.shape:
            raise ValueError(f"value must keep its shape {self.shape}; got {tuple(new.shape)}")
        arrays.check_agreement("value", [self._value, new], ("the tensor", "the new value"))
        self._value = new
        self._renumber()

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """Lend the array to be changed in place, as optimizers do; a number is lent as an array without axes.

        A backward pass through what was computed from the old values raises an error.
        """
        self._check_leaf("writing into it")
        value = np.array(self._value) if isinstance(self._value, np.generic) else self._value
        if isinstance(value, np.ndarray):
            value.flags.writeable = True
        try:
            yield value
        finally:
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
            self._value = value[()] if isinstance(self._value, np.generic) else value
            self._renumber()

    def _renumber(self) -> None:
        """Become younger than anything computed from the old value: `reverse` will notice."""
        if not hasattr(self, "_first_number"):
            self._first_number = self._number
        self._number = next_number()

    def _check_leaf(self, what: str) -> None:
        if self._origin is not None:
            raise RuntimeError(
                f"{what}: this tensor is the result of an operation; only tensors that were given can change"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes."""
        return tuple(self._value.shape)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._value.shape)

    @property
    def size(self) -> int:
        """The number of entries."""
        return math.prod(self._value.shape)

    @property
    def dtype(self) -> Any:
        """The dtype, one of the array's library."""
        return self._value.dtype

    @property
    def device(self) -> str:
        """Where it lives: "numpy", "cpu", "cuda:0" and so on."""
        return arrays.device_of(self._value)

    def numpy(self) -> np.ndarray:
        """Return the values as a numpy array of their own."""
        return np.array(arrays.to_numpy(self._value))

    def item(self) -> float:
        """Return the value of a tensor with one entry as a Python float."""
        return float(self._value.item())

    def detach(self) -> Tensor:
        """Return a tensor of the same values that is a constant: no gradient flows through it."""
        return Tensor(self._value, requires_grad=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Let copies and pickles be leaves of their own."""
        if self._origin is not None:
            raise TypeError(
                "the result of an operation cannot be copied or pickled with its graph (to plot it is to copy it): use "
                "tensor.value for the numbers, or detach() it first"
            )
        return _restored, (type(self), self._value, self.requires_grad, self.grad)

    def __repr__(self) -> str:
        text = f"{self._value}" if not self.shape else np.array2string(self.numpy(), separator=", ", prefix="Tensor(")
        name = str(self.dtype).removeprefix("torch.")
        more = "" if name == "float64" else f", dtype={name}"
        more += "" if self.device == "numpy" else f", device={self.device!r}"
        return f"Tensor({text}{more})"

    def __float__(self) -> float:
        if self.requires_grad and is_recording():
            raise TypeError(
                "float() and the functions of math would drop the derivative: use the functions of dlkit.autograd, or "
                "tensor.item() for the number"
            )
        return self.item()

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and self.size == 1 else format(str(self), spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a tensor without axes has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[k] for k in range(len(self)))

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("numpy would drop the derivative: use tensor.value for the numbers")

    # Gradients

    def backward(self, gradient: Any = None, *, retain_graph: bool = False) -> None:
        """Add the gradient of this tensor to ``grad`` of every leaf that it depends on.

        Parameters
        ----------
        gradient : array, optional
            The gradient of a later quantity with respect to this tensor, in its shape; 1 by default, which is for
            a tensor with one entry.
        retain_graph : bool, default False
            Keep what was recorded, for a second pass. By default it is released on the way, with its memory.

        Raises
        ------
        ValueError
            If the tensor has several entries and `gradient` is not given, or that has another shape.
        RuntimeError
            If the tensor does not depend on any that requires a gradient, what was recorded is released already, or
            a tensor was changed since it was used.
        """
        if not self.requires_grad:
            raise RuntimeError(
                "backward: this tensor depends on no tensor that requires a gradient"
                + ("" if is_recording() else " (within no_grad() nothing is recorded)")
            )
        given: set[int] = set()
        for tensor, g in reverse(self, seed(self, gradient), release=not retain_graph):
            if tensor.grad is not None:
                g = tensor.grad + g
            if type(g) is not np.float64:
                if g.dtype != tensor._value.dtype:
                    raise TypeError(f"a rule made a gradient of {g.dtype} for a tensor of {tensor._value.dtype}")
                if type(g) is np.ndarray:
                    g.flags.writeable = False  # another tensor may hold the same array
                    g = g[()] if not g.shape else g
                elif id(g) in given or getattr(g, "_base", None) is not None:
                    g = g.clone()  # torch has no read-only arrays
                given.add(id(g))
            tensor.grad = g

    # In place: x -= step updates a leaf under no_grad; elsewhere it means x = x - step, which makes a new node.

    def __iadd__(self, other: Any) -> Tensor:
        return self if self._in_place(other) else self + other

    def __isub__(self, other: Any) -> Tensor:
        return self if self._in_place(other, operator.isub) else self - other

    def __imul__(self, other: Any) -> Tensor:
        return self if self._in_place(other, operator.imul) else self * other

    def __itruediv__(self, other: Any) -> Tensor:
        return self if self._in_place(other, operator.itruediv) else self / other

    def _in_place(self, step: Any, change: Any = operator.iadd) -> bool:
        """Update a leaf that requires a gradient, and tell whether it is one."""
        if self._origin is not None or not self.requires_grad:
            return False
        if is_recording():
            raise RuntimeError("in-place change of a tensor that requires a gradient: do it within no_grad()")
        step = plain(step)
        arrays.check_agreement("in-place change", [self._value, step], ("the tensor", "the other"))
        with self.writing() as array:
            change(array, step)
        return True


_ONE = np.float64(1)
register_face(Tensor, record)


def seed(root: Tensor, gradient: Any, name: str = "backward") -> Any:
    """Return the gradient to begin with at `root`, checked; 1 by default."""
    value = root._value
    if gradient is None and type(value) is np.float64:
        return _ONE
    if gradient is None:
        if root.size != 1:
            raise ValueError(
                f"{name}: expected a tensor with one entry, such as a loss; got shape {root.shape}. Sum or average it, "
                f"or pass gradient=, the gradient with respect to it"
            )
        return arrays.namespace(value).ones_like(value)
    gradient = plain(gradient)
    if not arrays.is_array(gradient):
        gradient = arrays.array(gradient, value.dtype, root.device)
    gradient = gradient.clone() if arrays.is_torch(gradient) else np.array(gradient)[()]  # ours, to keep as it is
    if tuple(gradient.shape) != root.shape:
        raise ValueError(f"{name}: gradient must have the tensor's shape {root.shape}; got {tuple(gradient.shape)}")
    arrays.check_agreement(name, [value, gradient], ("the tensor", "gradient"))
    return gradient


def _restored(kind: type[Tensor], value: Any, requires_grad: bool, grad: Any) -> Tensor:
    tensor = kind(value, requires_grad=requires_grad)
    tensor.grad = grad
    return tensor


def _floats(data: Any, dtype: Any, device: str | None) -> Any:
    """Return a private copy of data as an array of floats that cannot be written to; a number as a numpy scalar."""
    if isinstance(data, float) and dtype is None and device is None:  # numpy.float64 is one, too
        return np.float64(data)
    given_as = data
    if isinstance(data, Tensor):
        data = data._value
    if not arrays.is_torch(data):
        if isinstance(data, (list, tuple)) and any(isinstance(x, Tensor) for x in data):
            raise TypeError("data holds tensors, whose derivatives would be lost: join them with dlkit.autograd.stack")
        data = np.asarray(data)
        if data.dtype.kind not in "fiubc":
            raise TypeError(f"data must hold numbers; got {type(given_as).__name__}, as numpy {data.dtype}")
    given = str(data.dtype)
    value = arrays.array(data, dtype, device)
    if "float" not in given or "float" not in str(value.dtype):
        wrong = given if "float" not in given else value.dtype
        raise TypeError(
            f"data must be floats, since there is no gradient with respect to {wrong}; write 3.0 for 3, or convert: "
            f"x.astype(float)"
        )
    if arrays.is_torch(value):
        return value.clone()
    value = np.array(value)[()]
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    return value
