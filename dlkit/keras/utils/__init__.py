"""Small helpers: seeds, one-hot rows."""

from dlkit.keras._random import set_random_seed
from dlkit.keras.utils.np_utils import normalize, to_categorical

__all__ = ["normalize", "set_random_seed", "to_categorical"]
