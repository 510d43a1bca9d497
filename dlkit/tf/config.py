"""Settings that programs hand to ``tf.Session(config=...)``. They are taken, so that the programs run, and do nothing.

What can be chosen here is the device, ``tf.Session(device="cuda")`` or `tf.device`, and the number of threads, by the
environment: OMP_NUM_THREADS.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

__all__ = ["ConfigProto", "GPUOptions"]


class _Settings:
    _fields: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self, **settings: Any) -> None:
        for name, default in self._fields.items():
            object.__setattr__(self, name, default() if isinstance(default, type) else default)
        for name, value in settings.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._fields:
            near = get_close_matches(name, self._fields, 3) or self._fields
            raise AttributeError(f"{type(self).__name__} has no field {name!r}; it has {', '.join(near)}")
        object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self._fields)})"


class GPUOptions(_Settings):
    """How TensorFlow shared a GPU's memory; without effect.

    Parameters
    ----------
    per_process_gpu_memory_fraction : float
        What part of the memory to take.
    allow_growth : bool
        Whether to take it as it is needed, which torch does.
    visible_device_list : str
        The numbers of the GPUs; CUDA_VISIBLE_DEVICES in the environment says it here.
    """

    _fields = {"per_process_gpu_memory_fraction": 0.0, "allow_growth": False, "visible_device_list": ""}  # noqa: RUF012


class ConfigProto(_Settings):
    """The settings of a TensorFlow session; without effect.

    Parameters
    ----------
    log_device_placement : bool
        Whether to write where each operation is carried out.
    allow_soft_placement : bool
        Whether to take another device where one is not there. Here one that is not there is an error.
    inter_op_parallelism_threads, intra_op_parallelism_threads : int
        How many threads.
    device_count : dict
        How many devices of each kind.
    gpu_options : GPUOptions
        How a GPU's memory is shared.
    """

    _fields = {  # noqa: RUF012
        "log_device_placement": False,
        "allow_soft_placement": False,
        "inter_op_parallelism_threads": 0,
        "intra_op_parallelism_threads": 0,
        "device_count": dict,
        "gpu_options": GPUOptions,
    }
