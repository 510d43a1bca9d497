"""Programs to read and to run: the deck's multilayer perceptron, in its two styles.

``python -m dlkit.recipes.mlp_graph``
    Define a graph, then run it, in the manner of TensorFlow 1 (`dlkit.tf`).
``python -m dlkit.recipes.mlp_keras``
    Stack layers, in the manner of Keras (`dlkit.keras`).

Both explain their options with ``--help``, take scikit-learn's digits if they are not told otherwise, and go on after
an interruption as if there had been none (``--output FOLDER``, then ``--resume``). On several GPUs, or cores::

    torchrun --nproc-per-node 2 -m dlkit.recipes.mlp_keras --device cuda

The functions that a lecture shows are in the programs; what both need is beside them:

``data``
    Digits, dealt in batches as TensorFlow's tutorial did.
``arguments``, ``program``
    What the command line says, and what may go wrong.
``keeping``
    The folder that a program leaves, and how the next one goes on from it.
``report``
    Progress, the table at the end, the learning curve.
"""
