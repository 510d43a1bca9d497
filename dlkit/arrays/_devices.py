"""Where arrays live, and how they get there."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray


def is_torch(x: Any) -> bool:
    """Tell whether `x` is a torch tensor, without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def is_array(x: Any) -> bool:
    """Tell whether `x` is a numpy array, a numpy scalar or a torch tensor."""
    return isinstance(x, (np.ndarray, np.generic)) or is_torch(x)


def device_of(x: Any) -> str:
    """Return where an array lives, in the form that `array` takes: "numpy", "cpu", "cuda:0"."""
    return str(x.device) if is_torch(x) else "numpy"


def array(data: Any, dtype: Any = None, device: str | None = None) -> Any:
    """Return `data` as an array on a device; a copy only where one is needed.

    Parameters
    ----------
    data : array_like or torch.Tensor
        What to hold.
    dtype : str or dtype, optional
        ``"float32"``, ``numpy.float32`` and ``torch.float32`` all say the same. That of `data` by default.
    device : {"numpy", "cpu", "cuda", "cuda:N"}, optional
        See the head of `dlkit.arrays`. Where `data` lives by default; numpy for lists and numbers.

    Returns
    -------
    ndarray or torch.Tensor
        Without torch's own gradient tracking.

    Raises
    ------
    ValueError
        If there is no such device.
    """
    name = None if dtype is None else _dtype_name(dtype)
    if device is None:
        device = device_of(data)
    if device == "numpy":
        return np.asarray(to_numpy(data) if is_torch(data) else data, dtype=name)
    torch = _torch_for(device)
    wanted = None if name is None else getattr(torch, name)
    if not is_torch(data):
        data = np.asarray(data, order="C")
        # torch warns of arrays that must not be written to: it could not keep the promise.
        data = torch.from_numpy(data if data.flags.writeable else data.copy())
    return data.detach().to(device=device, dtype=wanted)


def to_numpy(x: Any) -> NDArray[Any]:
    """Return an array of any library as a numpy array, from a GPU too; a copy only where one is needed."""
    return x.detach().cpu().numpy() if is_torch(x) else np.asarray(x)


def random_generator(seed: int, device: str = "numpy") -> Any:
    """Return a generator of random numbers for a device: numpy's, or torch's.

    Parameters
    ----------
    seed : int
        The same seed gives the same numbers on the same kind of device; other devices give others.
    device : {"numpy", "cpu", "cuda", "cuda:N"}
        Where the numbers are wanted.
    """
    if device == "numpy":
        return np.random.default_rng(seed)
    return _torch_for(device).Generator(device=device).manual_seed(seed)


def _dtype_name(dtype: Any) -> str:
    if isinstance(dtype, (type, np.dtype)):
        return np.dtype(dtype).name
    name = str(dtype).removeprefix("torch.")
    return name if name == "bfloat16" else np.dtype(name).name  # "float" is float64 for every library


def _torch_for(device: str) -> Any:
    """Return torch, having made sure that it knows the device."""
    if not isinstance(device, str):
        device = str(device)
    try:
        import torch
    except ModuleNotFoundError:
        raise ValueError(f"device {device!r} needs torch, which is not installed; use device='numpy'") from None
    kind, _, number = device.partition(":")
    if kind not in ("cpu", "cuda") or not (number or "0").isdigit():
        raise ValueError(f"device must be 'numpy', 'cpu', 'cuda' or 'cuda:N'; got {device!r}")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device {device!r} is not there: torch sees {torch.cuda.device_count()} CUDA devices on this machine; "
            f"use device='numpy' or 'cpu'"
        )
    return torch
