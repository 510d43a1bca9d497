"""dlkit: what the notebooks of the course draw on.

A differentiable operation is a function with its derivative written beside it; everything else only arranges
such operations. The floors, from the ground up:

``arrays``
    numpy arrays, or torch tensors on a CPU or GPU, behind one namespace.
``autograd``
    The table of operations with their derivatives; tensors, gradients, the graph drawn.
``activations``, ``losses``, ``preprocessing``, ``augmentation``
    The functions of the field, stable for every finite input, and what is done to data before.
``optim``, ``descent``
    Update rules with their schedules, and the loops that use them.
``nn``, ``linear``
    What networks are made of; linear models as scikit-learn estimators.
``keras``
    Stacks of layers, trained: Keras's names around the floors below. ``checkpoint`` keeps arrays in files.
``datasets``, ``plotting``
    Data that need no network; one style for every figure, each with a text that says what it shows.
``grading``
    Notebooks, submissions and marks; it knows nothing of the mathematics.

``README.md`` beside this file is the page for engineers.

Importing this package imports none of them, so ``import dlkit`` stays quick.
"""

__version__ = "0.1.0"
