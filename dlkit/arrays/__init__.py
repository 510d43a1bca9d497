"""The ground: numpy arrays, or torch tensors on a CPU or a GPU, behind one namespace.

A formula of this package is written once, against the functions that the Python array API standard names
(https://data-apis.org/array-api/), and runs on whatever array it is given::

    def softplus(x):
        xp = namespace(x)
        return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))

numpy 2 is such a namespace itself; torch becomes one through ``array_api_compat.torch``. Which one an array belongs to
is looked up by its type, in a dictionary. Where arrays live is chosen by one argument, `device`:

==============  ===============================================================
``"numpy"``     numpy arrays; the default
``"cpu"``       torch tensors on the CPU, with torch's threads
``"cuda"``      torch tensors on the GPU (``"cuda:1"``: on the second one)
==============  ===============================================================

Importing this module imports numpy only; torch is loaded once a torch array is asked for or met.
"""

from dlkit.arrays._agreement import check_agreement
from dlkit.arrays._devices import array, device_of, is_array, is_torch, random_generator, to_numpy
from dlkit.arrays._namespaces import namespace

__all__ = [
    "array",
    "check_agreement",
    "device_of",
    "is_array",
    "is_torch",
    "namespace",
    "random_generator",
    "to_numpy",
]
