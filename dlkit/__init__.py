"""dlkit: what the notebooks of the course draw on.

A differentiable operation is a function with its derivative written beside it; everything else only arranges
such operations. The floors, from the ground up:

``activations``, ``losses``
    The functions a model ends with, stable for every finite input.
``linear``
    Linear models as scikit-learn estimators.
``plotting``
    One style for every figure of the course, each figure with a text that says what it shows.
``grading``
    Notebooks, submissions and marks; it knows nothing of the mathematics.

Importing this package imports none of them, so ``import dlkit`` stays quick.
"""

__version__ = "0.1.0"
