"""MNIST from its four IDX files, which are looked for in a folder and, only if asked, downloaded into it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike

from dlkit._arguments import floating
from dlkit.datasets.bundled import _pixels
from dlkit.datasets.dataset import Dataset
from dlkit.datasets.download import fetch
from dlkit.datasets.idx import read_idx
from dlkit.errors import CourseError

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)

# SHA-256 and bytes of the .gz files as first published, from TensorFlow Datasets
# (tensorflow_datasets/url_checksums/mnist.txt), which measured them at the first mirror. torchvision
# (torchvision/datasets/mnist.py) takes the same files, by their MD5, from the second.
FILES = {
    "train-images-idx3-ubyte": ("440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9912422),
    "train-labels-idx1-ubyte": ("3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28881),
    "t10k-images-idx3-ubyte": ("8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1648877),
    "t10k-labels-idx1-ubyte": ("f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4542),
}


def mnist(
    part: Literal["train", "test"],
    folder: str | os.PathLike[str] | None = None,
    *,
    download: bool = False,
    mirrors: Sequence[str] = MIRRORS,
    dtype: DTypeLike = np.float32,
) -> Dataset:
    """MNIST: handwritten digits, 60000 to train and 10000 to test, grey images of 28×28 scaled to [0, 1].

    LeCun, Bottou, Bengio and Haffner (1998), *Gradient-based learning applied to document recognition*. Without the
    files, `digits_28x28` has the same number of inputs and classes, and needs no network.

    Parameters
    ----------
    part : {"train", "test"}
        Which half.
    folder : path, optional
        Where the IDX files are, under their usual names with or without ``.gz``, the latter first. By default the
        folder that the environment variable ``DLKIT_DATA`` names or, without one, ``~/.cache/dlkit``; in it
        ``mnist``. What is found there is read as it is: its form is checked, its content is not.
    download : bool, default False
        Fetch a file that is missing, once, and keep it in `folder`. Its SHA-256 must be the published one.
    mirrors : sequence of str
        Addresses of folders that have the files, tried in turn; for a class, perhaps one of its own.
    dtype : floating-point dtype, default float32
        The type of `X`. The training set takes 188 MB in float32.

    Returns
    -------
    Dataset
        X of shape (n, 784), classes 0 … 9, images of (28, 28); 0 is paper and 1 is ink.

    Raises
    ------
    FileNotFoundError
        If a file is missing and `download` is False. The message says what to do.
    CourseError
        If the download failed at every mirror.
    ValueError
        If `part` is neither of the two, or a file is damaged or does not hold such images or labels.
    TypeError
        If `dtype` is not a floating-point type.
    """
    if part not in ("train", "test"):
        raise ValueError(f"part must be 'train' or 'test'; got {part!r}")
    asked = floating(dtype)
    place = Path(folder) if folder is not None else Path(os.environ.get("DLKIT_DATA") or "~/.cache/dlkit") / "mnist"
    place = place.expanduser()
    prefix = "train" if part == "train" else "t10k"
    names = f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"
    images_file, labels_file = (_find(place, name, download, mirrors) for name in names)
    images, labels = read_idx(images_file), read_idx(labels_file)
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (28, 28):
        raise ValueError(f"{images_file} must hold bytes of the shape (n, 28, 28); got {images.dtype} {images.shape}")
    if labels.dtype != np.uint8 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"{labels_file} must hold a byte per image of {images_file.name}, shape {images.shape[:1]}; "
            f"got {labels.dtype} {labels.shape}"
        )
    if labels.size and labels.max() > 9:
        raise ValueError(f"{labels_file} must hold digits 0..9; got {labels.max()}")
    X = images.reshape(len(images), 784).astype(asked)
    X /= 255
    return Dataset(
        X,
        labels.astype(np.int64),
        f"MNIST {part}",
        _pixels(28, 28),
        class_names=tuple("0123456789"),
        image_shape=(28, 28),
    )


def _find(folder: Path, name: str, download: bool, mirrors: Sequence[str]) -> Path:
    """Return where the file is, plain or compressed, after fetching it if need be and asked for."""
    compressed = folder / f"{name}.gz"
    for path in (folder / name, compressed):
        if path.is_file():
            return path
    if not download:
        raise FileNotFoundError(
            f"MNIST's file {name} (or {compressed.name}) is not in {folder}. Put it there, name the folder that has "
            "it, or call mnist(…, download=True) with a network; digits_28x28() has 784 inputs too and needs neither."
        )
    sha256, size = FILES[name]
    urls = [f"{mirror.rstrip('/')}/{compressed.name}" for mirror in mirrors]
    try:
        fetch(urls, compressed, sha256=sha256, size=size)
    except CourseError as error:
        raise CourseError(
            f"{error}\nWithout a network, put the file into {folder} by hand, or use digits_28x28(), which has 784 "
            "inputs too and needs no download."
        ) from error
    return compressed
