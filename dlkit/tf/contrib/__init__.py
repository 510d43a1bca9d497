"""What tutorials used of TensorFlow 1's ``tf.contrib``: initialisers and penalties, in ``tf.contrib.layers``."""

from dlkit.tf.contrib import layers

__all__ = ["layers"]
