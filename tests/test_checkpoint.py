"""Arrays in files: what comes back, and what happens when writing or reading goes wrong."""

import os

import numpy as np
import pytest

from dlkit import arrays, checkpoint

ARRAYS = {
    "float32": np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3),
    "float64": np.array([np.pi, np.inf, np.nan]),
    "integers": np.arange(4, dtype=np.int64),
    "booleans": np.array([True, False]),
    "a number": np.float64(2.5),
    "nothing": np.zeros((0, 3), np.float32),
    "columns first": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "a part": np.arange(10.0)[::3],
}
METADATA = {"name": "Käse", "layers": [1, 2.5, None, True], "inner": {"β": 0.1}}


def test_what_is_saved_comes_back(tmp_path):
    path = tmp_path / "model.safetensors"
    checkpoint.save(path, ARRAYS, METADATA)
    held, metadata = checkpoint.load(path)
    assert metadata == METADATA
    assert held.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert held[name].dtype == array.dtype and held[name].shape == array.shape, name
        np.testing.assert_array_equal(held[name], array)


def test_arrays_of_any_device(tmp_path, device):
    given = arrays.array(ARRAYS["float32"], device=device)
    checkpoint.save(tmp_path / "x", {"x": given}, {})
    np.testing.assert_array_equal(checkpoint.load(tmp_path / "x")[0]["x"], ARRAYS["float32"])


def test_other_programs_can_read_it(tmp_path):
    from safetensors.numpy import load_file

    checkpoint.save(tmp_path / "x", ARRAYS, METADATA)
    np.testing.assert_array_equal(load_file(tmp_path / "x")["float32"], ARRAYS["float32"])


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "x"
    checkpoint.save(path, {"x": np.zeros(3)}, {"step": 1})

    def fails(_):
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="the disk is full"):
        checkpoint.save(path, {"x": np.ones(3)}, {"step": 2})
    assert checkpoint.load(path)[1] == {"step": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["x"]  # nothing is left over


def test_others_may_read_the_file(tmp_path):
    """As they may any file that this user writes: the way by a temporary one would make it private."""
    path, usual = tmp_path / "x", tmp_path / "usual"
    usual.touch()
    checkpoint.save(path, {}, {})
    assert path.stat().st_mode == usual.stat().st_mode


@pytest.mark.parametrize(
    ("held", "metadata", "error", "message"),
    [
        ({3: np.zeros(2)}, {}, TypeError, "arrays_by_name must have strings as keys; got 3"),
        ({"x": [1, 2]}, {}, TypeError, r"arrays_by_name\['x'\] must be a numpy array or torch tensor .*; got list"),
        ({"x": np.array([None])}, {}, TypeError, r"arrays_by_name\['x'\] must be"),
        ({}, {"f": len}, TypeError, "metadata must be what JSON can say"),
    ],
)
def test_what_cannot_be_saved(tmp_path, held, metadata, error, message):
    with pytest.raises(error, match=message):
        checkpoint.save(tmp_path / "x", held, metadata)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="path must be in a folder that is there"):
        checkpoint.save(tmp_path / "none" / "x", {}, {})


def test_files_that_are_missing_foreign_or_broken(tmp_path):
    from safetensors.numpy import save_file

    with pytest.raises(FileNotFoundError, match="there is no file"):
        checkpoint.load(tmp_path / "none")
    foreign = tmp_path / "foreign"
    save_file({"x": np.zeros(3)}, foreign)
    with pytest.raises(ValueError, match=r"was not written by dlkit\.checkpoint\.save"):
        checkpoint.load(foreign)
    whole = tmp_path / "whole"
    checkpoint.save(whole, {"x": np.zeros(1000)}, {})
    for name, content in (("text", b"not a model"), ("cut", whole.read_bytes()[:-100]), ("empty", b"")):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"{name} is no safetensors file, or broken"):
            checkpoint.load(path)
