"""The recipes as programs: what they print and leave, going on after a stop, bad arguments, accuracy."""

import doctest
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise

import numpy as np
import pytest

from dlkit import checkpoint
from dlkit.errors import CourseError
from dlkit.recipes import data as data_module
from dlkit.recipes import mlp_graph, mlp_keras
from dlkit.recipes.data import DataSet, read_data_sets
from dlkit.recipes.report import Progress, clock, table

RECIPES = {"mlp_graph": mlp_graph, "mlp_keras": mlp_keras}
SMALL = ["--hidden", "32", "16", "--epochs", "2"]


@pytest.fixture(params=RECIPES)
def recipe(request):
    return request.param


def program(recipe, *options, **settings):
    command = [sys.executable, "-m", f"dlkit.recipes.{recipe}", *map(str, options)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def run(recipe, *options):
    """Run a recipe in this process, and return its exit code."""
    return RECIPES[recipe].main([*map(str, options)])


def kept(folder):
    """Return the arrays and the metadata of a folder's model."""
    return checkpoint.load(folder / "model.safetensors")


def history(folder):
    found = json.loads((folder / "history.json").read_text(encoding="utf-8"))["history"]
    del found["seconds"]
    return found


def assert_same(one, other):
    """Assert that two folders hold the same, to the bit."""
    assert history(one) == history(other)
    (a, a_known), (b, b_known) = kept(one), kept(other)
    assert a_known == b_known
    assert a.keys() == b.keys()
    assert len(a) > 6  # weights and biases, and the optimizer's state
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


# ---- the programs ----------------------------------------------------------------------------------------------------


def test_as_a_module(recipe, tmp_path):
    process = program(recipe, *SMALL, "--output", tmp_path / "new" / "folder")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    lines = out.splitlines()
    assert sum("Epoch 2/2" in line for line in lines) == 1
    head = next(k for k, line in enumerate(lines) if line.split() == ["loss", "accuracy"])
    for name, line in zip(("train", "test"), lines[head + 1 :], strict=False):
        said, loss, accuracy, percent = line.split()
        assert said == name and percent == "%"
        assert float(loss) > 0 and 10 < float(accuracy) <= 100
    assert lines[head + 3].startswith("2 epochs in ")

    folder = tmp_path / "new" / "folder"
    found = json.loads((folder / "history.json").read_text(encoding="utf-8"))
    assert found["recipe"] == recipe
    assert found["options"]["hidden"] == [32, 16]
    assert {"loss", "val_loss", "val_accuracy", "seconds"} <= found["history"].keys()
    assert all(len(values) == 2 for values in found["history"].values())
    assert found["history"]["loss"][1] < found["history"]["loss"][0]
    # To the digits printed, the table's test line is the history's last one.
    assert float(lines[head + 2].split()[1]) == pytest.approx(found["history"]["val_loss"][-1], rel=1e-3)

    from matplotlib import image

    picture = image.imread(folder / "learning-curve.png")
    assert min(picture.shape[:2]) > 300
    blue, orange = ((abs(picture[..., :3] - colour).max(axis=2) < 0.05).sum() for colour in _COLOURS)
    assert blue > 100 and orange > 100  # pixels of the two curves


_COLOURS = [np.array([0x00, 0x72, 0xB2]) / 255, np.array([0xD5, 0x5E, 0x00]) / 255]


def test_resumed_is_uninterrupted(recipe, tmp_path, capsys):
    options = ["--hidden", 32, "--seed", 3, "--batch-size", 300]
    assert run(recipe, *options, "--epochs", 4, "--output", tmp_path / "whole") == 0
    assert run(recipe, *options, "--epochs", 1, "--output", tmp_path / "parts") == 0
    before = kept(tmp_path / "parts")[0]
    # Later options are those of then; what is said again may be said.
    assert run(recipe, "--epochs", 3, "--output", tmp_path / "parts", "--resume") == 0
    assert run(recipe, "--epochs", 4, "--seed", 3, "--output", tmp_path / "parts", "--resume") == 0
    assert_same(tmp_path / "whole", tmp_path / "parts")
    after = kept(tmp_path / "parts")[0]
    assert any((before[name] != after[name]).any() for name in before)
    capsys.readouterr()

    # A history that is longer than the model, as a power cut may leave it, is cut.
    path = tmp_path / "parts" / "history.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    for values in found["history"].values():
        values.append(values[-1] + 1)
    path.write_text(json.dumps(found), encoding="utf-8")
    assert run(recipe, "--output", tmp_path / "parts", "--resume") == 0
    assert_same(tmp_path / "whole", tmp_path / "parts")
    assert "All 4 epochs are done" in capsys.readouterr().out


def test_stopped_and_resumed(recipe, tmp_path, capsys):
    process = program(recipe, "--hidden", 64, "--epochs", 1000, "--output", tmp_path / "stopped")
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if (tmp_path / "stopped" / "model.safetensors").exists():
            break
        time.sleep(0.02)
    time.sleep(0.1)  # into some epoch
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    told = err.strip().splitlines()[-1]
    assert told.endswith(f"python -m dlkit.recipes.{recipe} --output {tmp_path / 'stopped'} --resume")
    epochs = int(told.split("The model after ")[1].split()[0])
    assert 0 < epochs < 900
    more = ["--epochs", epochs + 1]
    assert run(recipe, "--output", tmp_path / "stopped", "--resume", *more) == 0
    assert run(recipe, "--hidden", 64, *more, "--output", tmp_path / "whole") == 0
    assert_same(tmp_path / "whole", tmp_path / "stopped")


@pytest.mark.parametrize(
    ("recipe", "options"), [("mlp_graph", ["--initial", "calibrated"]), ("mlp_keras", [])], ids=["graph", "keras"]
)
def test_better_than_the_nearest_mean(recipe, options, tmp_path, capsys):
    mnist = read_data_sets()
    means = mnist.train.labels.T @ mnist.train.images / mnist.train.labels.sum(axis=0)[:, None]
    distances = ((mnist.test.images[:, None] - means) ** 2).sum(axis=2)
    bound = (distances.argmin(axis=1) == mnist.test.labels.argmax(axis=1)).mean()
    assert 0.85 < bound < 0.95
    assert run(recipe, *options, "--hidden", 128, "--epochs", 12, "--output", tmp_path) == 0
    assert history(tmp_path)["val_accuracy"][-1] > bound


def test_calibrated_weights_beat_the_deck_s(tmp_path, capsys):
    for how in ("normal", "calibrated"):
        assert run("mlp_graph", "--initial", how, "--epochs", 5, "--output", tmp_path / how) == 0
    normal, calibrated = (history(tmp_path / how) for how in ("normal", "calibrated"))
    # Logits of N(0, 1) weights have the variance |x|²·(256/2)², in the thousands: so is the first loss.
    assert normal["loss"][0] > 100 and calibrated["loss"][0] < 3
    assert calibrated["val_accuracy"][-1] > normal["val_accuracy"][-1]


def check_device(recipe, device, tmp_path):
    """Assert that a device computes what numpy does, from the same weights: one epoch after a model of numpy's."""
    for name in ("numpy", device):
        options = ["--hidden", 32, "--batch-size", 300, "--output", tmp_path / name]
        options += ["--dropout", 0] if recipe == "mlp_keras" else ["--initial", "calibrated"]
        assert run(recipe, "--epochs", 1, *options) == 0
        assert run(recipe, "--epochs", 2, *options, "--resume", "--device", name) == 0
    (a, _), (b, _) = kept(tmp_path / "numpy"), kept(tmp_path / device)
    differ = 0
    for name in a:
        if name.startswith(("variable", "dense")):
            # Steps are of the length of the rate, 0.001, times a quotient in which sums in another order differ.
            np.testing.assert_allclose(a[name], b[name], rtol=0, atol=1e-5, err_msg=name)
            differ += (a[name] != b[name]).sum()
    assert differ  # another library it was
    one, other = history(tmp_path / "numpy"), history(tmp_path / device)
    assert one["loss"] == pytest.approx(other["loss"], rel=1e-5)


def test_torch_on_the_cpu_computes_the_same(recipe, tmp_path, capsys):
    pytest.importorskip("torch")
    check_device(recipe, "cpu", tmp_path)


@pytest.mark.gpu
def test_a_gpu_computes_the_same(recipe, tmp_path, capsys):
    if not pytest.importorskip("torch").cuda.is_available():
        pytest.skip("no CUDA device")
    check_device(recipe, "cuda", tmp_path)


# ---- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """For each recipe, folders by what is the matter with them."""
    found = {}
    for recipe in RECIPES:
        root = tmp_path_factory.mktemp(recipe)
        assert run(recipe, *SMALL, "--output", root / "used") == 0
        for name in ("other", "damaged", "scribbled"):
            shutil.copytree(root / "used", root / name)
        text = (root / "used" / "history.json").read_text(encoding="utf-8")
        (root / "other" / "history.json").write_text(text.replace(recipe, "another"), encoding="utf-8")
        (root / "damaged" / "model.safetensors").write_bytes(b"no arrays")
        (root / "scribbled" / "history.json").write_text("{", encoding="utf-8")
        (root / "empty").mkdir()
        (root / "file").touch()
        found[recipe] = {path.name: path for path in root.iterdir()}
    return found


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--epochs", "0"], "argument --epochs: must be a whole number from 1 on; got '0'"),
        (["--batch-size", "many"], "argument --batch-size: must be a whole number from 1 on; got 'many'"),
        (["--batch-size", "1439"], "--batch-size must be at most 1438, as many images as there are to train on"),
        (["--learning-rate", "nan"], "argument --learning-rate: must be a number above 0; got 'nan'"),
        (["--learning-rate", "1e30"], "; try a smaller --learning-rate"),
        (["--hidden", "1", "2", "3"], "--hidden takes one or two numbers; got 1 2 3"),
        (["--seed", "-1"], "argument --seed: must be a whole number from 0 on; got '-1'"),
        (["--device", "tpu"], "argument --device: invalid choice: 'tpu'"),
        (["--data", "nowhere"], "--data must be digits, mnist or a folder with MNIST's IDX files; there is no folder"),
        (["--data", "{empty}"], "--data digits needs none"),
        (["--resume"], "--resume needs --output FOLDER"),
        (["--resume", "--output", "{empty}"], "--resume: there is no model.safetensors in"),
        (["--output", "{file}"], "cannot be made: File exists"),
        (["--output", "{used}"], "has a model already: --resume goes on with it"),
        (["--output", "{used}", "--resume", "--seed", "5"], "--resume: --seed was 0 and cannot become 5"),
        (["--output", "{other}", "--resume"], "is of dlkit.recipes.another, not of"),
        (["--output", "{damaged}", "--resume"], "model.safetensors cannot be gone on with"),
        (["--output", "{scribbled}", "--resume"], "history.json is damaged"),
    ],
)
def test_bad_arguments_are_one_line(recipe, options, message, folders, no_warnings, capsys):
    assert run(recipe, *[option.format(**folders[recipe]) for option in options]) == 2
    out, err = capsys.readouterr()
    assert err.startswith("error: ") and err.count("\n") == 1
    assert message in err
    assert "accuracy" not in out


def test_a_gpu_that_is_not_there(recipe, capsys):
    if pytest.importorskip("torch").cuda.is_available():
        pytest.skip("there is one")
    assert run(recipe, "--device", "cuda") == 2
    assert "error: --device cuda: " in capsys.readouterr().err


def test_help_names_every_option(recipe, capsys):
    with pytest.raises(SystemExit) as ending:
        run(recipe, "--help")
    assert ending.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    names = ["device", "epochs", "batch-size", "learning-rate", "hidden", "data", "seed", "output", "resume"]
    assert all(f" --{name} " in said for name in names)
    assert "(default: 0.001)" in said and "torchrun" in said


# ---- the parts -------------------------------------------------------------------------------------------------------


def test_the_example():
    failed, tried = doctest.testmod(data_module, extraglobs={"np": np})
    assert (failed, tried) == (0, 2)


def test_next_batch_goes_through_the_data():
    n = 7
    data = DataSet(np.eye(n), 10 * np.eye(n), seed=4)
    assert data.num_examples == n
    dealt = [data.next_batch(3) for _ in range(7)]
    assert all((labels == 10 * images).all() for images, labels in dealt)
    order = np.concatenate([images.argmax(axis=1) for images, _ in dealt])
    passes = order.reshape(3, n)
    assert (np.sort(passes, axis=1) == np.arange(n)).all()  # each image once a pass, across the ends of batches
    assert all((a != b).any() for a, b in pairwise(passes))
    assert (data.drawn, data.epochs_completed) == (21, 3)

    again = DataSet(np.eye(n), np.eye(n), seed=4)
    again.drawn = 6
    np.testing.assert_array_equal(again.next_batch(9)[0].argmax(axis=1), order[6:15])
    other = DataSet(np.eye(n), np.eye(n), seed=5)
    assert (other.next_batch(21)[0].argmax(axis=1) != order).any()
    with pytest.raises(ValueError, match="batch_size must be an integer >= 1"):
        data.next_batch(0)


def test_the_data_are_split_once():
    one, other = read_data_sets("digits", seed=0), read_data_sets("digits", seed=1)
    assert one.train.images.shape[1] == 784 and one.train.images.dtype == np.float32
    assert one.train.num_examples + one.test.num_examples == 1797
    assert (one.train.labels.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(one.test.images, other.test.images)


@pytest.mark.parametrize("halves", [("train", "t10k"), ("train",), ("t10k",)])
def test_a_folder_of_idx_files(halves, tmp_path):
    rng = np.random.default_rng(0)
    for half, n in zip(halves, (50, 20), strict=False):
        images, labels = rng.integers(256, size=(n, 28, 28), dtype=np.uint8), np.arange(n, dtype=np.uint8) % 10
        for name, kind, a in (("images-idx3", 3, images), ("labels-idx1", 1, labels)):
            head = bytes([0, 0, 8, kind]) + np.array(a.shape, dtype=">u4").tobytes()
            (tmp_path / f"{half}-{name}-ubyte").write_bytes(head + a.tobytes())
    found = read_data_sets(str(tmp_path))
    assert (found.train.num_examples, found.test.num_examples) == ((50, 20) if len(halves) == 2 else (40, 10))
    with pytest.raises(CourseError, match="there is no folder"):
        read_data_sets(str(tmp_path / "none"))


def test_a_terminal_shows_rate_and_time_left(monkeypatch, capsys):
    times = iter([0.0, 0.05, 2.0, 4.0])
    monkeypatch.setattr("dlkit.recipes.report.time.perf_counter", lambda: next(times))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    progress = Progress(epochs=3, done=1, steps=10, batch_size=50)
    progress.step(1, 0)  # too soon to look again
    progress.step(1, 3)  # 4 of 20 steps in 2 s
    progress.epoch(1, 4.0, {"cost": 0.5})
    bar, line = capsys.readouterr().out.split("\r\x1b[K")[1:]
    assert bar == "Epoch 2/3 " + "━" * 8 + "─" * 12 + " 100 images/s, 0:08 left"
    assert line == "Epoch 2/3  cost 0.5000  4.0 s  125 images/s\n"


def test_without_a_terminal_there_are_lines_only(capsys):
    progress = Progress(epochs=1, done=0, steps=2, batch_size=50)
    progress.step(0, 1)
    progress.epoch(0, 0.5, {})
    assert capsys.readouterr().out == "Epoch 1/1  0.5 s  200 images/s\n"
    Progress(1, 0, 2, 50, quiet=True).epoch(0, 0.5, {})
    assert capsys.readouterr().out == ""


def test_the_table():
    assert table({"train": (0.01234567, 0.98765), "test": (43.21, 0.5)}, 61.26, 15).splitlines() == [
        "             loss  accuracy",
        "train     0.01235   98.77 %",
        "test        43.21   50.00 %",
        "15 epochs in 61.3 seconds",
    ]
    assert [clock(s) for s in (0.4, 59.6, 3661)] == ["0:00", "1:00", "61:01"]
