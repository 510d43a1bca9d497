"""The few functions of Keras's backend that programs for stacks of layers call; for arithmetic see `dlkit.autograd`."""

from __future__ import annotations

from dlkit.keras.losses import EPSILON

__all__ = ["clear_session", "epsilon", "floatx", "image_data_format"]


def clear_session() -> None:
    """Do nothing: there is no session, and a model that nothing refers to is gone."""


def epsilon() -> float:
    """Return the ε that logarithms and quotients are kept from 0 with."""
    return EPSILON


def floatx() -> str:
    """Return what weights and data are held as, float32 always."""
    return "float32"


def image_data_format() -> str:
    """Return where an image's colours are: in its last axis."""
    return "channels_last"
