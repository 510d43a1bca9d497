"""Several processes compute what one does: what they exchange, and both recipes."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from dlkit import checkpoint, keras
from dlkit.descent.distributed import Group, join
from dlkit.optim import Adam, GradientDescent
from dlkit.recipes import mlp_graph, mlp_keras

TESTS = Path(__file__).parent
PATIENCE = 120  # seconds: only a hang takes so long
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def started(*command, size=2, **environment):
    """Start a program in several processes, without torchrun, and return them; they meet at a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {
        **ENVIRONMENT,
        **environment,
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    return [
        subprocess.Popen(
            [sys.executable, *map(str, command)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(size)
    ]  # fmt: skip


def ended(processes):
    """Return (exit code, stdout, stderr) of each process."""
    try:
        said = [process.communicate(timeout=PATIENCE) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, *texts) for process, texts in zip(processes, said, strict=True)]


def torchrun(*command):
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *map(str, command)],
        capture_output=True, text=True, env=ENVIRONMENT, timeout=PATIENCE,
    )  # fmt: skip


# ---- a process by itself ---------------------------------------------------------------------------------------------


def test_a_process_by_itself_is_a_group(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    rule = Adam(0.1)
    with join() as group:
        assert (group.rank, group.size, group.device) == (0, 1, "numpy")
        assert group.share(5) == slice(0, 5) and group.weight == 1
        assert group.averaging(rule) is rule
        g = np.ones(3)
        one, none = group.average([g, None])
        assert one is g and none is None
        assert group.means([2.0, 3.0]) == [2.0, 3.0]
        assert group.everywhere(True) and not group.everywhere(False)


def test_it_needs_no_torch():
    code = "import sys; from dlkit.descent.distributed import join; join().share(3); assert 'torch' not in sys.modules"
    subprocess.run(
        [sys.executable, "-c", code], check=True, env={k: v for k, v in ENVIRONMENT.items() if k != "WORLD_SIZE"}
    )


@pytest.mark.parametrize("n", range(1, 12))
@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_shares_make_up_the_batch(n, size):
    groups = [Group(rank, size) for rank in range(size)]
    batch = np.arange(n) + 10.0
    shares = [batch[group.share(n)] for group in groups]
    counted = [share for share, group in zip(shares, groups, strict=True) if group.weight]
    np.testing.assert_array_equal(np.concatenate(counted), batch)
    assert all(len(share) >= 1 for share in shares)
    assert max(map(len, counted)) - min(len(s) if g.weight else 0 for s, g in zip(shares, groups, strict=True)) <= 1
    assert sum(group.weight for group in groups) == pytest.approx(1, rel=1e-15)
    mean = sum(group.weight * share.mean() for share, group in zip(shares, groups, strict=True))
    assert mean == pytest.approx(batch.mean(), rel=1e-15)


def test_a_batch_of_none_is_refused():
    with pytest.raises(ValueError, match="n must be an integer >= 1; got 0"):
        Group(0, 2).share(0)


def test_a_device_that_is_not_there(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "99")
    pytest.importorskip("torch")
    with pytest.raises(ValueError, match="device 'cuda:99' is not there"):
        join("cuda")


# ---- several ---------------------------------------------------------------------------------------------------------

EXCHANGES = """
    import numpy as np
    from dlkit.arrays import array, to_numpy
    from dlkit.descent.distributed import Group, join
    from dlkit.optim import Adam

    def check(group, device):
        rng = np.random.default_rng(0)  # the same numbers in every process
        X, y, w = rng.standard_normal((7, 4)), rng.standard_normal(7), rng.standard_normal(4)

        def gradients(rows, w, dtype="float64"):
            X_, y_, w_ = (array(a, dtype, device) for a in (X[rows], y[rows], w))
            residual = X_ @ w_ - y_
            return [X_.T @ residual / len(residual), None, residual.mean()[None]]

        # Averages are those of the whole batch, for shares of 2, 2 and 3 rows, and for 0, 0 and 1.
        for n in (7, 1):
            whole, (a, none, b) = gradients(slice(n), w), group.average(gradients(group.share(n), w))
            assert none is None
            np.testing.assert_allclose(to_numpy(a), to_numpy(whole[0]), rtol=1e-13)
            np.testing.assert_allclose(to_numpy(b), to_numpy(whole[2]), rtol=1e-13)
            assert str(a.dtype).endswith("float64") and a.shape == (4,) and b.shape == (1,)

        # Two types of numbers in one message come back as they were.
        x32, x64 = array([1.5], "float32", device), array([2.5], "float64", device)
        group.share(3)
        a, b = group.average([x32, x64])
        assert (a.dtype, b.dtype) == (x32.dtype, x64.dtype)
        np.testing.assert_allclose([a.item(), b.item()], [1.5, 2.5], rtol=1e-6)

        # A rule that averages makes the steps of one that sees the whole batch, also from a state.
        one, w_one, w_all = Adam(0.1), array(w.copy(), device=device), array(w.copy(), device=device)
        all_ = group.averaging(Adam(0.1))
        for t in range(6):
            if t == 3:
                assert type(all_).__name__ == "Adam" and all_.state_dict()["t"] == 3
                fresh = Adam(0.1)
                fresh.load_state_dict(all_.state_dict())
                all_ = group.averaging(fresh)
            one.update([w_one], [gradients(slice(None), to_numpy(w_one))[0]])
            all_.update([w_all], [gradients(group.share(7), to_numpy(w_all))[0]])
            np.testing.assert_allclose(to_numpy(w_all), to_numpy(w_one), rtol=1e-9)

        # Numbers, and what all begin with.
        rows = np.arange(7.0)[group.share(7)]
        assert abs(group.means([rows.mean()])[0] - 3) < 1e-15
        assert abs(group.means([rows.mean()], weight=2 * len(rows))[0] - 3) < 1e-15
        assert group.everywhere(True) and not group.everywhere(group.rank != 1)
        own = [np.full((2, 2), group.rank + 1.0, np.float32), np.array(group.rank)]
        first = group.from_first(own)
        np.testing.assert_array_equal(first[0], np.ones((2, 2)))
        assert first[0].dtype == np.float32 and first[1] == 0
        assert own[0][0, 0] == group.rank + 1

    with join("numpy") as group:
        assert (group.size, group.device) == (3, "numpy")
        check(group, "numpy")
        check(Group(group.rank, 3, "cpu"), "cpu")
    print("done")
"""


def test_what_three_processes_exchange(tmp_path):
    pytest.importorskip("torch")
    script = tmp_path / "exchanges.py"
    script.write_text(textwrap.dedent(EXCHANGES), encoding="utf-8")
    for code, out, err in ended(started(script, size=3)):
        assert (code, out) == (0, "done\n"), err


def test_averaging_leaves_the_rule_as_it_is():
    rule = GradientDescent(0.5)
    averaging = Group(1, 2).averaging(rule)
    assert averaging is not rule
    assert isinstance(averaging, GradientDescent)
    assert repr(averaging) == repr(rule)
    x = np.ones(2)
    rule.update([x], [np.ones(2)])  # asks nobody
    np.testing.assert_array_equal(x, [0.5, 0.5])


# ---- models of dlkit.keras -------------------------------------------------------------------------------------------

RNG = np.random.default_rng(5)
X = RNG.standard_normal((46, 6)).astype(np.float32)
CLASSES = (X @ RNG.standard_normal((6, 3))).argmax(1)
WEIGHTS = RNG.uniform(0, 2, 46).astype(np.float32)


def network(seed, device="numpy", normalized=False):
    """Return a model with all that looks at a batch as a whole: dropout, penalties, clipped gradients."""
    layers = keras.layers
    model = keras.Sequential(seed=seed, device=device)
    model.add(layers.Dense(16, "relu", input_shape=(6,), kernel_regularizer="l2"))
    if normalized:
        model.add(layers.BatchNormalization())
    model.add(layers.Dropout(0.3))
    model.add(layers.Dropout(0.2, noise_shape=(1, 16)))  # one decision for all rows of a batch
    model.add(layers.Dense(3, "softmax"))
    sgd = keras.optimizers.SGD(0.1, momentum=0.5, global_clipnorm=0.3)
    model.compile(sgd, "sparse_categorical_crossentropy", ["accuracy"], ["sparse_categorical_accuracy"])
    return model


def fit(model, epochs, **settings):
    """Train on the first 37 samples, in batches of 9, 9, 9, 9 and 1; return the history."""
    return model.fit(
        X[:37], CLASSES[:37], batch_size=9, epochs=epochs, sample_weight=WEIGHTS[:37],
        validation_data=(X[37:], CLASSES[37:]), **settings,
    ).history  # fmt: skip


TOGETHER = """
    import json, sys
    from pathlib import Path
    import numpy as np
    from dlkit.descent.distributed import join
    from dlkit.keras.callbacks import LambdaCallback
    from test_distributed import fit, network

    folder, device = Path(sys.argv[1]), sys.argv[2]
    with join(device) as group:
        for name in ("plain", "normalized"):
            model = network(seed=3 + group.rank, device=group.device, normalized=name == "normalized")

            def stop(epoch, logs):
                model.stop_training = group.rank == 1 and epoch == 2  # one process decides, early

            stopping = LambdaCallback(on_epoch_end=stop, on_train_batch_end=lambda batch, logs: stop(batch - 1, logs))
            history = fit(model, 6, callbacks=[stopping], group=group, verbose=2)
            np.savez(folder / f"{name}-{group.rank}.npz", *model.get_weights())
            (folder / f"{name}-{group.rank}.json").write_text(json.dumps(history))
"""


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Return what each of two processes had: weights and history by model and rank, and what was printed."""
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("together")
    (folder / "together.py").write_text(textwrap.dedent(TOGETHER), encoding="utf-8")
    found = {}
    for device in ("numpy", "cpu"):
        processes = started(folder / "together.py", folder, device, PYTHONPATH=f"{TESTS.parent}{os.pathsep}{TESTS}")
        for rank, (code, out, err) in enumerate(ended(processes)):
            assert code == 0, err
            found[device, "printed", rank] = out
            for name in ("plain", "normalized"):
                with np.load(folder / f"{name}-{rank}.npz") as kept:
                    weights = [kept[key] for key in kept.files]
                found[device, name, rank] = weights, json.loads((folder / f"{name}-{rank}.json").read_text())
    return found


@pytest.mark.parametrize("device", ["numpy", "cpu"])
def test_two_processes_fit_as_one(two, device):
    """Process 1 has another seed, and takes what process 0 has; it stops the training after three epochs."""
    model = network(seed=3)
    history = fit(model, 3, verbose=0)
    weights, theirs = two[device, "plain", 0]
    assert theirs.keys() == history.keys()
    for name in history:
        assert theirs[name] == pytest.approx(history[name], rel=1e-5), name
    for mine, other in zip(model.get_weights(), weights, strict=True):
        # 15 steps along gradients of at most 0.3, each with a few dozen roundings in sums of another order
        np.testing.assert_allclose(other, mine, rtol=0, atol=1e-6)
    assert history["loss"][2] < history["loss"][0]
    assert history["sparse_categorical_accuracy"] != history["accuracy"]  # it is weighted


@pytest.mark.parametrize("name", ["plain", "normalized"])
@pytest.mark.parametrize("device", ["numpy", "cpu"])
def test_all_processes_have_the_same_model_and_history(two, device, name):
    """To the bit, the moving averages of batch normalization included."""
    (weights, history), (others, theirs) = (two[device, name, rank] for rank in range(2))
    assert history == theirs
    assert len(weights) == (8 if name == "normalized" else 4)
    for mine, other in zip(weights, others, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_one_process_prints(two):
    assert two["numpy", "printed", 0].count("Epoch 3/6") == 2 and two["numpy", "printed", 1] == ""


def test_a_group_of_one_changes_nothing():
    alone, together = network(1, normalized=True), network(1, normalized=True)
    assert fit(alone, 2, verbose=0) == fit(together, 2, verbose=0, group=Group())
    for mine, other in zip(alone.get_weights(), together.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize(
    ("group", "error", "message"),
    [
        (2, TypeError, r"group must be what dlkit.descent.distributed.join\(\) returns; got 2"),
        (Group(0, 2, "cuda:0"), ValueError, "group is of processes on 'cuda:0', the model is on 'numpy'; Sequential"),
    ],
)
def test_groups_that_do_not_fit_a_model(group, error, message):
    with pytest.raises(error, match=message):
        fit(network(0), 1, group=group)


# ---- the recipes -----------------------------------------------------------------------------------------------------

RECIPES = {"mlp_graph": mlp_graph, "mlp_keras": mlp_keras}


def assert_close(one, other, rate):
    """Assert that two models are the same, but for the rounding of sums that were taken in another order.

    A step of Adam or RMSprop has about the length of the rate whatever the gradient's: it divides the gradient by its
    own size. So a parameter's error is the rate, times the relative error of its gradient. That is some 1e-7 (ε of
    float32) for most, and more for the few whose gradient is a sum that cancels. Shares weighed wrongly, or lost,
    would be wrong by about the rate itself.
    """
    (a, a_known), (b, b_known) = (checkpoint.load(folder / "model.safetensors") for folder in (one, other))
    assert a.keys() == b.keys()
    names = [name for name in a if name.startswith(("variable", "dense"))]
    assert len(names) >= 6
    for name in names:
        error = abs(a[name] - b[name])
        assert error.max() <= 0.02 * rate, name
        assert np.median(error) <= 2 * np.finfo(np.float32).eps * abs(a[name]).max(), name
    assert a_known.get("random") == b_known.get("random")


@pytest.mark.parametrize("recipe", RECIPES)
def test_two_processes_train_as_one(recipe, tmp_path, capfd):
    pytest.importorskip("torch")
    # 101 images are shared unevenly, and the last batch of Keras's epoch is smaller. Its dropout is on: both draw the
    # masks of the whole batch.
    options = ["--hidden", 64, 32, "--batch-size", 101, "--epochs", 2, "--seed", 7]
    done = torchrun("-m", f"dlkit.recipes.{recipe}", *options, "--output", tmp_path / "two")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Epoch 2/2") == 1  # one prints
    assert done.stdout.count("2 processes share each batch") == 1
    assert "--batch-size 100 or 102 is" in done.stdout
    assert RECIPES[recipe].main([*map(str, options), "--output", str(tmp_path / "one")]) == 0
    assert_close(tmp_path / "one", tmp_path / "two", rate=0.001)
    one, two = (json.loads((tmp_path / name / "history.json").read_text())["history"] for name in ("one", "two"))
    for name in one.keys() - {"seconds"}:
        assert one[name] == pytest.approx(two[name], rel=2e-4), name

    def numbers(text):
        return [
            float(x)
            for line in text.splitlines()
            if line[:5] in ("train", "test ")
            for x in re.findall(r"[\d.]+", line)
        ]

    assert len(numbers(done.stdout)) == 4
    assert numbers(done.stdout) == pytest.approx(numbers(capfd.readouterr().out), rel=2e-4)


def test_two_are_stopped_and_one_goes_on(tmp_path, capfd):
    pytest.importorskip("torch")
    options = ["-m", "dlkit.recipes.mlp_keras", "--hidden", 32, "--output", tmp_path / "two"]
    processes = started(*options, "--epochs", 1000)
    deadline = time.monotonic() + PATIENCE
    while not (tmp_path / "two" / "model.safetensors").exists() and time.monotonic() < deadline:
        assert all(process.poll() is None for process in processes)
        time.sleep(0.05)
    processes[0].send_signal(signal.SIGINT)
    (code, _, err), other = ended(processes)
    assert code == 130
    epochs = int(err.split("The model after ")[1].split()[0])
    assert other[0] == 2 and other[2] == "error in process 1: another process has stopped, or cannot be reached\n"
    assert "Traceback" not in err + other[2]

    # What two have left, one goes on with.
    options = ["--hidden", "32", "--epochs", str(epochs + 1), "--output"]
    assert mlp_keras.main([*options, str(tmp_path / "two"), "--resume"]) == 0
    assert mlp_keras.main([*options, str(tmp_path / "one")]) == 0
    assert_close(tmp_path / "one", tmp_path / "two", rate=0.001 * (epochs + 1))


@pytest.mark.gpu
@pytest.mark.parametrize("recipe", RECIPES)
def test_two_gpus_train_as_one(recipe, tmp_path):
    if pytest.importorskip("torch").cuda.device_count() < 2:
        pytest.skip("fewer than two CUDA devices")
    options = ["--hidden", 64, "--batch-size", 101, "--epochs", 2, "--device", "cuda"]
    done = torchrun("-m", f"dlkit.recipes.{recipe}", *options, "--output", tmp_path / "two")
    assert done.returncode == 0, done.stderr
    assert RECIPES[recipe].main([*map(str, options), "--output", str(tmp_path / "one")]) == 0
    assert_close(tmp_path / "one", tmp_path / "two", rate=0.001)
