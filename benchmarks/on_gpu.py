"""The competitors of `benchmarks.mlp` on a GPU; each run waits for the GPU to finish."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import mlp


def _waited(run: Callable[[], Any]) -> Callable[[], Any]:
    import torch

    def waited() -> None:
        for _ in range(10):  # several steps in flight, as in training; the wait at the end is shared
            run()
        torch.cuda.synchronize()

    return waited


def dlkit_cuda() -> Callable[[], Any]:
    """Set up dlkit."""
    return _waited(mlp.dlkit(device="cuda"))


def torch_cuda() -> Callable[[], Any]:
    """Set up torch with its default Adam."""
    return _waited(mlp.torch_default(device="cuda"))


def torch_cuda_fused() -> Callable[[], Any]:
    """Set up torch with its fused Adam."""
    return _waited(mlp.torch_default(device="cuda", fused=True))
