"""Data for the examples: what comes with scikit-learn, and MNIST where its files are there.

Keras downloads its data sets. Here nothing is downloaded: ``digits`` has MNIST's shape and needs no files, ``mnist``
reads files that you have.
"""

from dlkit.keras.datasets import digits, mnist

__all__ = ["digits", "mnist"]
