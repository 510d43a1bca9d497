"""Data sets in one form, `Dataset`: rows of features X, answers y, and the names of both.

``digits``, ``breast_cancer``, ``iris``, ``diabetes``, ``photo_patches``, ``digits_28x28``
    What comes with scikit-learn, so that a class needs no network. `digits_28x28` has the 784 inputs of MNIST.
``blobs``, ``moons``, ``circles``, ``spiral``, ``xor``, ``separable``
    Two-dimensional toy sets, drawn from an explicit generator or seed.
``mnist``, ``read_idx``
    The handwritten digits of LeCun, Cortes and Burges, from files that are there or, if asked, by a download.

Importing this package imports neither scikit-learn nor anything else but numpy; a function imports what it needs.
"""

from dlkit.datasets.bundled import breast_cancer, diabetes, digits, digits_28x28, iris, photo_patches
from dlkit.datasets.dataset import Dataset, split
from dlkit.datasets.idx import read_idx
from dlkit.datasets.mnist_files import mnist
from dlkit.datasets.toy import blobs, circles, moons, separable, spiral, xor

__all__ = [
    "Dataset",
    "blobs",
    "breast_cancer",
    "circles",
    "diabetes",
    "digits",
    "digits_28x28",
    "iris",
    "mnist",
    "moons",
    "photo_patches",
    "read_idx",
    "separable",
    "spiral",
    "split",
    "xor",
]
