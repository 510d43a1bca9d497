"""Where random numbers come from: a tree of seeds, with fresh entropy at its root unless a seed was planted.

A model's seed gives one to each of its layers, in the order in which they are added, and one to the shuffling of
batches. So a layer's weights do not depend on what was drawn elsewhere.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from dlkit import arrays
from dlkit._checks import count

__all__ = ["Masks", "branch", "generator", "set_random_seed"]

_root: np.random.SeedSequence = np.random.SeedSequence()


def set_random_seed(seed: int) -> None:
    """Plant a seed for all models and layers made from now on; those of Python and numpy are set as well, as in Keras.

    Parameters
    ----------
    seed : int ≥ 0
        The same seed, followed by the same program, gives the same numbers.
    """
    global _root
    count(seed, "seed", 0)
    _root = np.random.SeedSequence(int(seed))
    random.seed(int(seed))
    np.random.seed(int(seed) % 2**32)  # noqa: NPY002  (programs of Keras's time draw from it)


def branch(seed: int | None = None, parent: np.random.SeedSequence | None = None) -> np.random.SeedSequence:
    """Return the root of a tree of seeds: that of `seed`, or a branch of its own of the parent's, or of all."""
    if seed is not None:
        return np.random.SeedSequence(count(seed, "seed", 0))
    return (_root if parent is None else parent).spawn(1)[0]


def generator(seed: np.random.SeedSequence | int | None) -> np.random.Generator:
    """Return a generator of numpy."""
    return np.random.default_rng(branch() if seed is None else seed)


class Masks:
    """Which units dropout lets through, step after step.

    On a CPU a unit takes 16 random bits, four times as fast as a float32 of numpy's: they are compared with a rate that
    is rounded to 1/65536, and what passes is scaled by exactly the inverse of its probability. On a GPU the GPU draws.
    """

    def __init__(self, seed: np.random.SeedSequence) -> None:
        self._seed = seed
        self._bits = np.random.PCG64(seed)  # its state is plain integers, which JSON can say
        self._on_gpu: dict[str, Any] = {}
        self.share: tuple[int, slice] | None = None  # of how many rows these are drawn, where processes share a batch

    def draw(self, rate: float, like: Any, shape: tuple[int, ...], for_all: bool = False) -> Any:
        """Return an array on the device of `like`: 1/(1 − rate) with probability 1 − rate, else 0.

        Parameters
        ----------
        rate : float in [0, 1]
            The probability of 0.
        like : array
            One of float32, on the device.
        shape : tuple of int
            That of the array.
        for_all : bool, default False
            Whether the first axis is something else than the rows of a batch, of which processes have shares.
        """
        if self.share is None or for_all:
            return self._drawn(rate, like, shape)
        rows, part = self.share
        return self._drawn(rate, like, (rows, *shape[1:]))[part]

    def _drawn(self, rate: float, like: Any, shape: tuple[int, ...]) -> Any:
        device = arrays.device_of(like)
        if device in ("numpy", "cpu"):
            size = int(np.prod(shape))
            dropped = round(rate * 65536)
            bits = self._bits.random_raw(-(-size // 4)).view(np.uint16)[:size]
            mask = (bits >= dropped).astype(np.float32)
            mask *= 65536 / (65536 - dropped) if dropped < 65536 else 0.0
            return arrays.array(mask.reshape(shape), device=device)
        if device not in self._on_gpu:
            self._on_gpu[device] = arrays.random_generator(int(self._seed.generate_state(1)[0]), device)
        mask = like.new_empty(shape).bernoulli_(1 - rate, generator=self._on_gpu[device])
        mask *= 1 / (1 - rate)
        return mask

    def state(self) -> dict[str, Any]:
        """Return what `restore` goes on from, as JSON can say it."""
        on_gpu = {device: drawn.get_state().tolist() for device, drawn in self._on_gpu.items()}
        return {"bits": self._bits.state, "on_gpu": on_gpu}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._bits.state = state["bits"]
        for device, kept in state["on_gpu"].items():
            try:
                drawn = arrays.random_generator(0, device)
            except ValueError:  # not on this machine: what is drawn elsewhere is other numbers anyway
                continue
            drawn.set_state(arrays.array(kept, "uint8", "cpu"))
            self._on_gpu[device] = drawn
