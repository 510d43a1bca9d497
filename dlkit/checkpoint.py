"""Arrays with names in one file, and what is to be known about them: safetensors, with the rest as JSON in its header.

A file of this kind holds numbers and text and nothing that runs, unlike a pickle; other programs read it, too. It is
written beside its place first and then moved there, so that whoever stops the program in between, or reads the file
meanwhile, finds the old one or the new one, whole.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dlkit import arrays

__all__ = ["load", "save"]

_KEY = "dlkit"  # of the header's entry with our JSON


def save(path: str | os.PathLike[str], arrays_by_name: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    """Write arrays and metadata to a file, which is replaced if it is there.

    Parameters
    ----------
    path : str or path
        The file; its folder must be there.
    arrays_by_name : mapping of str to numpy array or torch tensor
        From any device; they come back as numpy arrays of their shape and dtype.
    metadata : mapping
        What JSON can say: numbers, strings, None, lists, and dicts with strings as keys.

    Raises
    ------
    TypeError
        If a name is no string, a value no array of numbers, or `metadata` holds what JSON cannot say.
    FileNotFoundError
        If the folder is not there.
    """
    from safetensors.numpy import save as as_bytes

    path = Path(path)
    try:
        text = json.dumps(metadata, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"metadata must be what JSON can say: numbers, strings, None, lists, dicts; {error}") from None
    content = as_bytes(
        {_name(name): _plain(name, array) for name, array in arrays_by_name.items()}, metadata={_KEY: text}
    )
    if not path.parent.is_dir():
        raise FileNotFoundError(f"path must be in a folder that is there; got {path}: {path.parent} is none")
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).chmod(0o666 & ~_umask())  # mkstemp's files are for their owner alone
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def load(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a file that `save` has written.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    arrays_by_name : dict of str to ndarray
        `dlkit.arrays.array` takes them to other devices.
    metadata : dict
        As it was given, but for tuples, which are lists now.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not one of these, or broken.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path must be a file that dlkit.checkpoint.save has written; there is no file {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            if _KEY not in header:
                raise ValueError(f"{path} was not written by dlkit.checkpoint.save: its header has no entry {_KEY!r}")
            return {name: file.get_tensor(name) for name in file.keys()}, json.loads(header[_KEY])  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path} is no safetensors file, or broken: {error}") from None


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"arrays_by_name must have strings as keys; got {name!r}")
    return name


def _plain(name: str, array: Any) -> Any:
    if not arrays.is_array(array) or str(getattr(array, "dtype", "object")) == "object":
        raise TypeError(
            f"arrays_by_name[{name!r}] must be a numpy array or torch tensor of numbers; got {type(array).__name__}"
        )
    return np.ascontiguousarray(arrays.to_numpy(array)).reshape(array.shape)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
