"""Gradients made shorter, one by one or all together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from dlkit.tf.building import convert_to_tensor
from dlkit.tf.graph import Tensor, name_scope
from dlkit.tf.mathematics import add_n, less, maximum, multiply, reduce_sum, sqrt, square, where
from dlkit.tf.shaping import identity

__all__ = ["clip_by_global_norm", "clip_by_norm", "global_norm"]


def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: str = "clip_by_norm") -> Tensor:
    """Return t · c / max(‖t‖, c): the tensor, shortened to the norm c if it is longer.

    Parameters
    ----------
    t : Tensor
        What to shorten.
    clip_norm : float or Tensor
        c > 0.
    axes : int or list of int, optional
        Over which the norm is taken; all by default.
    name : str
        The scope of the operations.
    """
    _positive(clip_norm)
    t = convert_to_tensor(t)
    with name_scope(name):
        total = reduce_sum(square(t), axes, True)
        # The root has no derivative at 0, where it is not needed.
        norm = sqrt(where(total > 0.0, total, 1.0))
        return identity(t * clip_norm / maximum(norm * where(total > 0.0, 1.0, 0.0), clip_norm))


def global_norm(t_list: Sequence[Any], name: str = "global_norm") -> Tensor:
    """Return √(Σ ‖t‖²) over several tensors; None among them counts nothing.

    Parameters
    ----------
    t_list : list of Tensor or None
        Such as gradients.
    name : str
        The scope of the operations.

    Raises
    ------
    TypeError
        If it is no list.
    ValueError
        If all of them are None.
    """
    found = [convert_to_tensor(t) for t in _listed(t_list) if t is not None]
    if not found:
        raise ValueError(f"t_list must hold at least one tensor; got {list(t_list)}")
    with name_scope(name):
        return sqrt(add_n([reduce_sum(square(t)) for t in found]))


def clip_by_global_norm(
    t_list: Sequence[Any], clip_norm: Any, use_norm: Tensor | None = None, name: str = "clip_by_global_norm"
) -> tuple[list[Tensor | None], Tensor]:
    """Return t · c / max(‖all‖, c) for each t of several tensors, and ‖all‖, the norm of all together.

    Parameters
    ----------
    t_list : list of Tensor or None
        Such as gradients; None stays None.
    clip_norm : float or Tensor
        c > 0.
    use_norm : Tensor, optional
        ‖all‖, if it is known already.
    name : str
        The scope of the operations.

    Returns
    -------
    clipped : list of Tensor or None
        All are nan if ‖all‖ is infinite or nan.
    norm : Tensor
        Before the clipping.
    """
    _positive(clip_norm)
    norm = global_norm(t_list) if use_norm is None else use_norm
    with name_scope(name):
        finite = less(norm, math.inf)
        scale = where(finite, clip_norm / maximum(norm, clip_norm), math.nan)
        return [None if t is None else multiply(t, scale) for t in t_list], norm


def _positive(clip_norm: Any) -> None:
    if isinstance(clip_norm, int | float) and not clip_norm > 0:
        raise ValueError(f"clip_norm must be > 0; got {clip_norm}")


def _listed(t_list: Any) -> list[Any]:
    if isinstance(t_list, Tensor) or not isinstance(t_list, Sequence):
        raise TypeError(f"t_list should be a sequence of tensors; got {t_list!r}")
    return list(t_list)
