"""Descent on several processes: the same numbers, real processes, and nothing left behind whatever happens.

The losses are made by functions, since a function that is not found by name in a module is sent to a worker as it is:
the workers need not import this file and all that it imports.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from multiprocessing import shared_memory
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse import csr_array, csr_matrix, random_array

from dlkit.descent import NonFiniteError, WorkerError, _workers, hogwild, sgd, synchronous
from dlkit.optim import Momentum

EPS = np.finfo(np.float64).eps
PATIENCE = 60.0  # seconds for a round of work: only a hang takes so long


def squares():
    def f(w, X, y):
        return ((X @ w - y) ** 2).mean() / 2

    def gradient(w, X, y):
        return X.T @ (X @ w - y) / len(y)

    return f, gradient


def logistic():
    def f(w, X, y):
        return np.logaddexp(0, -y * (X @ w)).mean()

    def gradient(w, X, y):
        return X.T @ (-y / (1 + np.exp(y * (X @ w)))) / len(y)

    return f, gradient


def derived_logistic():
    from dlkit import autograd as ag

    def f(w, X, y):
        return ag.softplus(-y * (X @ w)).mean()

    return f


def dense(n=60, d=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    return X, X @ rng.standard_normal(d) + rng.standard_normal(n)


def sparse(n=400, d=50, seed=1, density=0.06, kind=csr_array):
    rng = np.random.default_rng(seed)
    X = random_array((n, d), density=density, rng=rng, data_sampler=lambda size: rng.standard_normal(size))
    y = np.where(X @ rng.standard_normal(d) + 0.5 * rng.standard_normal(n) > 0, 1.0, -1.0)
    return kind(X), y


@pytest.fixture(autouse=True)
def nothing_left(monkeypatch):
    """After every test its processes are gone, and so is the memory that they shared."""
    made = []
    original = shared_memory.SharedMemory

    def remember(*args, **kwargs):
        memory = original(*args, **kwargs)
        made.append(memory.name)
        return memory

    monkeypatch.setattr(_workers.shared_memory, "SharedMemory", remember)
    threads = {name: os.environ.get(name) for name in _workers._THREADS}
    yield made
    monkeypatch.undo()
    assert multiprocessing.active_children() == []
    for name in made:
        with pytest.raises(FileNotFoundError):
            shared_memory.SharedMemory(name=name)
    assert threads == {name: os.environ.get(name) for name in _workers._THREADS}


# In step


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("replace", [False, True])
def test_synchronous_workers_make_the_steps_of_one(workers, replace):
    f, gradient = squares()
    usual = {"epochs": 4, "rng": 2, "batch_size": 8, "replace": replace, "gradient": gradient, "every": 1}
    usual |= {"iterates": True, "average_from": 3}
    one = sgd(f, np.zeros(4), dense(), Momentum(0.05, momentum=0.9), **usual)
    many = synchronous(
        f, np.zeros(4), dense(), Momentum(0.05, momentum=0.9), workers=workers, timeout=PATIENCE, **usual
    )
    # 32 steps, in each some 20 roundings of numbers below 10; the descent forgets errors rather than adds to them
    close = {"rtol": 0, "atol": 32 * 20 * 10 * EPS}
    np.testing.assert_allclose(many.iterates, one.iterates, **close)
    np.testing.assert_allclose(many.values, one.values, **close)
    np.testing.assert_allclose(many.average_x, one.average_x, **close)
    for column in ("steps", "gradients", "epochs"):
        np.testing.assert_array_equal(getattr(many, column), getattr(one, column))
    assert many.method == "synchronous SGD"
    assert many.startup > 0
    assert many.seconds[0] < many.startup


def test_more_workers_than_samples_in_a_batch():
    f, gradient = squares()
    usual = {"epochs": 1, "rng": 2, "batch_size": 2, "gradient": gradient}
    many = synchronous(f, np.zeros(4), dense(n=5), 0.1, workers=3, timeout=PATIENCE, **usual)
    np.testing.assert_allclose(many.x, sgd(f, np.zeros(4), dense(n=5), 0.1, **usual).x, rtol=1e-12)


def test_synchronous_with_autograd_and_several_parameters():
    def f(w, b, X, y):
        return ((X @ w + b - y) ** 2).mean() / 2

    usual = {"epochs": 2, "rng": 3, "batch_size": 10}
    one = sgd(f, [np.zeros(4), np.array(0.0)], dense(), 0.1, **usual)
    many = synchronous(f, [np.zeros(4), np.array(0.0)], dense(), 0.1, timeout=PATIENCE, **usual)
    for a, b in zip(many.x, one.x, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("kind", [csr_array, csr_matrix])
def test_synchronous_on_sparse_data(kind):
    f, gradient = logistic()
    usual = {"epochs": 2, "rng": 4, "batch_size": 16, "gradient": gradient}
    data = sparse(kind=kind)
    one = sgd(f, np.zeros(50), data, 0.5, **usual)
    many = synchronous(f, np.zeros(50), data, 0.5, timeout=PATIENCE, **usual)
    np.testing.assert_allclose(many.x, one.x, rtol=1e-11, atol=1e-14)


def test_synchronous_on_two_sparse_matrices():
    def f(w, A, B):
        return ((A @ w - B @ w) ** 2).mean() / 2

    def gradient(w, A, B):
        return (A - B).T @ ((A - B) @ w) / A.shape[0]

    data = sparse(seed=5)[0], sparse(seed=6)[0]
    usual = {"epochs": 2, "rng": 4, "batch_size": 16, "gradient": gradient}
    many = synchronous(f, np.ones(50), data, 0.5, timeout=PATIENCE, **usual)
    np.testing.assert_allclose(many.x, sgd(f, np.ones(50), data, 0.5, **usual).x, rtol=1e-11, atol=1e-14)


# Without a lock


def test_one_hogwild_process_is_sgd():
    f, gradient = squares()
    one = sgd(f, np.zeros(4), dense(), 0.02, epochs=5, rng=7, gradient=gradient)
    wild = hogwild(f, np.zeros(4), dense(), 0.02, epochs=5, rng=7, gradient=gradient, workers=1, timeout=PATIENCE)
    np.testing.assert_allclose(wild.values, one.values, rtol=1e-12)
    np.testing.assert_array_equal(wild.gradients, one.gradients)
    np.testing.assert_array_equal(wild.steps, one.steps)
    assert wild.reason == "made all 5 epochs"


@pytest.mark.parametrize("given", [True, False])
def test_one_hogwild_process_on_sparse_data_is_sgd(given):
    """Touching only the coordinates of the sample loses nothing: elsewhere the gradient is zero."""
    (f, gradient), data = logistic(), sparse()
    one = sgd(f, np.zeros(50), data, 0.3, epochs=2, rng=8, gradient=gradient)
    wild = hogwild(
        f if given else derived_logistic(), np.zeros(50), data, 0.3, epochs=2, rng=8, workers=1, timeout=PATIENCE,
        gradient=gradient if given else None,
    )  # fmt: skip
    np.testing.assert_allclose(wild.x, one.x, rtol=1e-11, atol=1e-14)


def test_a_hogwild_step_reads_and_writes_the_samples_coordinates_only():
    X = csr_array(np.array([[1.0, 0, 0, 2.0, 0], [0, 0, 3.0, 0, 0]]))
    x0 = np.array([10.0, np.pi, 20.0, 30.0, -np.e])

    def gradient(w, X, y):
        assert X.shape == (1, len(w))
        assert (w.tolist(), X.tolist()) in [([10.0, 30.0], [[1.0, 2.0]]), ([20.0], [[3.0]])]
        return np.ones(len(w))

    wild = hogwild(
        lambda w, X, y: (X @ w).mean(), x0, (X, np.zeros(2)), 1.0, epochs=1, rng=0, workers=2, gradient=gradient,
        timeout=PATIENCE,
    )  # fmt: skip
    np.testing.assert_array_equal(wild.x, x0 - [1, 0, 1, 1, 0])


def test_matrices_of_parameters_and_duplicate_entries():
    """A softmax has a row of parameters per feature; entries that a sparse matrix lists twice are added up."""
    X, y = sparse()
    twice = csr_array((np.repeat(X.data / 2, 2), np.repeat(X.indices, 2), 2 * X.indptr), shape=X.shape)

    def gradient(w, X, y):
        return X.T @ (X @ w - y[:, None]) / len(y)

    def f(w, X, y):
        return ((X @ w - y[:, None]) ** 2).mean() / 2

    usual = {"epochs": 2, "rng": 8, "gradient": gradient}
    one = sgd(f, np.zeros((50, 3)), (X, y), 0.1, **usual)
    wild = hogwild(f, np.zeros((50, 3)), (twice, y), 0.1, workers=1, timeout=PATIENCE, **usual)
    np.testing.assert_allclose(wild.x, one.x, rtol=1e-11, atol=1e-14)
    assert twice.nnz == 2 * X.nnz


@pytest.mark.parametrize("matrix", [csr_array, np.asarray])
def test_the_penalty_is_paid_once_an_epoch(matrix):
    """At a tiny rate an epoch's steps all see the same x: together −η n ∇F(x), of the whole objective."""
    (f, gradient), (X, y) = logistic(), sparse()
    X = X.toarray()
    X[:, 0] = 0
    X[3, 0] = 1.0  # a rare feature
    x0, rate, l2 = np.random.default_rng(9).standard_normal(50), 1e-9, 0.3
    data = (matrix(X), y)
    wild = hogwild(f, x0, data, rate, epochs=1, rng=0, gradient=gradient, l2=l2, workers=1, timeout=PATIENCE)
    # x − x0 is good to eps·|x| / (η n |∇F|) ~ 1e-16·3 / (1e-9·400·0.3)
    np.testing.assert_allclose((x0 - wild.x) / (rate * 400), gradient(x0, X, y) + l2 * x0, rtol=1e-5, atol=2e-7)
    assert wild.values[0] == pytest.approx(f(x0, X, y) + l2 / 2 * x0 @ x0, rel=1e-14)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_hogwild_finds_the_minimum(workers):
    (f, gradient), (X, y), l2 = logistic(), sparse(), 0.05

    def objective(w):
        return f(w, X, y) + l2 / 2 * w @ w

    reference = minimize(objective, np.zeros(50), jac=lambda w: gradient(w, X, y) + l2 * w, options={"gtol": 1e-10})
    wild = hogwild(
        f, np.zeros(50), (X, y), lambda epoch: 0.5 * 0.8**epoch, epochs=30, rng=10, gradient=gradient, l2=l2,
        workers=workers, timeout=PATIENCE, iterates=True,
    )  # fmt: skip
    # On a busy machine a process put to sleep between reading and writing undoes what the others did meanwhile; the
    # objective would be off by all of its initial gap if that were more than a nuisance.
    assert wild.values[-1] - reference.fun < 0.02 * (wild.values[0] - reference.fun)
    np.testing.assert_array_equal(wild.iterates[-1], wild.x)
    np.testing.assert_allclose(wild.values, [objective(x) for x in wild.iterates], rtol=1e-13)
    np.testing.assert_array_equal(wild.gradients, 400 * np.arange(31))


def test_a_schedule_counts_epochs():
    f, gradient = squares()
    seen = []

    def rate(epoch):
        seen.append(epoch)
        return 0.01

    hogwild(f, np.zeros(4), dense(), rate, epochs=3, rng=0, gradient=gradient, timeout=PATIENCE)
    assert seen == [1, 2, 3]


def test_hogwild_stops_at_the_target():
    f, gradient = squares()
    usual = {"epochs": 20, "rng": 0, "gradient": gradient, "timeout": PATIENCE}
    start = f(np.zeros(4), *dense())
    wild = hogwild(f, np.zeros(4), dense(), 0.02, target=start / 2, **usual)
    assert wild.values[-1] <= start / 2 < wild.values[-2]
    assert "target" in wild.reason


def test_processes_work_at_the_same_time_on_the_same_numbers():
    """Two workers, each of which waits for the other to have written: with turns taken it would wait for ever."""

    def gradient(w, X):
        import time

        mine, other = (0, 1) if X[0, 0] == 0 else (1, 0)
        w[mine] = 1.0  # the shared numbers themselves
        deadline = time.monotonic() + 30
        while w[other] == 0:
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(0.001)
        return np.zeros(2)

    wild = hogwild(
        lambda w, X: w.sum(), np.zeros(2), (np.array([[0.0], [1.0]]),), 0.1, epochs=1, rng=0, gradient=gradient,
        timeout=PATIENCE,
    )  # fmt: skip
    np.testing.assert_array_equal(wild.x, [1, 1])


def test_what_is_given_stays_as_it_is():
    f, gradient = squares()
    start, (X, y) = np.zeros(4), dense()
    before = X.copy()
    hogwild(f, start, (X, y), 0.02, epochs=1, rng=0, gradient=gradient, timeout=PATIENCE)
    synchronous(f, start, (X, y), 0.02, epochs=1, rng=0, batch_size=8, gradient=gradient, timeout=PATIENCE)
    np.testing.assert_array_equal(start, 0)
    np.testing.assert_array_equal(X, before)


def test_float32_stays():
    f, gradient = squares()
    X, y = (a.astype(np.float32) for a in dense())
    usual = {"epochs": 1, "rng": 0, "gradient": gradient, "timeout": PATIENCE}
    assert hogwild(f, np.zeros(4, np.float32), (X, y), 0.02, **usual).x.dtype == np.float32
    assert synchronous(f, np.zeros(4, np.float32), (X, y), 0.02, batch_size=8, **usual).x.dtype == np.float32


def test_a_worker_has_one_numeric_thread():
    def make(arrays):
        import threadpoolctl

        return lambda k: (k, os.environ["OMP_NUM_THREADS"], [p["num_threads"] for p in threadpoolctl.threadpool_info()])

    memory = _workers.SharedArrays({"x": np.zeros(1)})
    with memory, _workers.Workers(make, memory, 2, "spawn", PATIENCE) as pool:
        for number, (k, variable, threads) in enumerate(pool.deal(range(5), "while counting")):
            assert (k, variable) == (number, "1")
            assert set(threads) <= {1}


# When things go wrong


def both(f, gradient, **more):
    """The two descents, as functions of nothing."""
    usual = {"epochs": 3, "rng": 0, "gradient": gradient, "timeout": PATIENCE, **more}
    return [
        lambda: hogwild(f, np.zeros(4), dense(), 0.02, **usual),
        lambda: synchronous(f, np.zeros(4), dense(), 0.02, batch_size=8, **usual),
    ]


def test_an_error_in_a_worker_is_reported():
    def gradient(w, X, y):
        raise ArithmeticError("cannot go on")

    for descend, when in zip(both(squares()[0], gradient), ("in epoch 1", "in step 1"), strict=True):
        with pytest.raises(WorkerError, match=rf"(?s)worker [01] failed {when}; .*ArithmeticError: cannot go on"):
            descend()


@pytest.mark.parametrize(
    ("ending", "fate"),
    [
        (lambda: os._exit(3), r"exit code 3"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), r"exit code -9 \(SIGKILL\)"),
    ],
)
def test_a_worker_that_dies_is_reported(ending, fate):
    def gradient(w, X, y):
        if 1.2 in y:
            ending()
        return squares_gradient(w, X, y)

    squares_gradient = squares()[1]
    X, y = dense()
    y[30] = 1.2
    for method, more in ((hogwild, {}), (synchronous, {"batch_size": 8})):
        with pytest.raises(WorkerError, match=rf"worker [01] died in (epoch 1|step [1-8]) with {fate}$"):
            method(squares()[0], np.zeros(4), (X, y), 0.02, epochs=3, rng=0, gradient=gradient, **more)


def test_a_worker_that_hangs_is_reported():
    def gradient(w, X, y):
        time.sleep(600)

    for descend in both(squares()[0], gradient, timeout=0.5):
        began = time.monotonic()
        with pytest.raises(WorkerError, match=r"worker 0, worker 1 did not answer within 0\.5 s in (epoch|step) 1"):
            descend()
        assert time.monotonic() - began < 30


def test_an_interrupt_leaves_nothing_behind(monkeypatch):
    """As ctrl-C would, wherever it strikes: while the workers start, and while they work."""
    wait = _workers.connection.wait
    for rounds in (0, 1, 4):
        left = [rounds]

        def interrupted(*args, left=left):
            if left[0] == 0:
                raise KeyboardInterrupt
            left[0] -= 1
            return wait(*args)

        monkeypatch.setattr(_workers, "connection", SimpleNamespace(wait=interrupted))
        for descend in both(*squares()):
            left[0] = rounds
            with pytest.raises(KeyboardInterrupt):
                descend()
            assert multiprocessing.active_children() == []


def test_a_rate_too_large_is_reported():
    f, gradient = squares()
    for descend in (
        lambda: hogwild(f, np.zeros(4), dense(), 1e3, epochs=9, rng=0, gradient=gradient, timeout=PATIENCE),
        lambda: synchronous(
            f, np.zeros(4), dense(), 1e60, epochs=9, rng=0, batch_size=8, gradient=gradient, timeout=PATIENCE
        ),
    ):
        with np.errstate(all="ignore"), pytest.raises(NonFiniteError, match="the last finite value was") as caught:
            descend()
        assert len(caught.value.history.values)


def test_data_cannot_be_changed_by_a_worker():
    def gradient(w, X, y):
        X *= 2
        return squares()[1](w, X, y)

    with pytest.raises(WorkerError, match="read-only"):
        both(squares()[0], gradient)[0]()


def test_forking_with_threads_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(get_num_threads=lambda: 2, Tensor=type(None)))
    for descend in both(*squares(), start="fork"):
        with pytest.raises(RuntimeError, match=r"start='fork' would copy torch's threads.*use start='spawn'"):
            descend()


X0, Y0 = dense()
S0, _ = sparse()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"workers": 0}, ValueError, "workers must be at least 1; got 0"),
        ({"start": "thread"}, ValueError, "start must be 'spawn' or 'fork'.*got 'thread'"),
        ({"l2": -1.0}, ValueError, "l2 must be a number >= 0; got -1.0"),
        ({"x0": [np.zeros(4), np.zeros(1)]}, TypeError, "x0 one array"),
        ({"data": (S0, S0), "x0": np.zeros(50)}, ValueError, "data must hold at most one sparse matrix; got 2"),
        ({"data": (S0, np.zeros(400))}, ValueError, r"x0 must have a first axis of 50.*got the shape \(4,\)"),
        ({"data": (X0, Y0.astype(object))}, TypeError, r"data must hold numbers.*data\[1\] is of dtype object"),
        ({"epochs": 1.5}, TypeError, "epochs must be an integer; got 1.5"),
        ({"f": None}, TypeError, "f must be a function; got NoneType"),
    ],
)
def test_hogwild_refuses(arguments, error, message):
    f, gradient = squares()
    usual = {"f": f, "x0": np.zeros(4), "data": (X0, Y0), "rate": 0.1, "epochs": 1, "rng": 0, "gradient": gradient}
    with pytest.raises(error, match=message):
        hogwild(**(usual | arguments))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"workers": 0}, ValueError, "workers must be at least 1; got 0"),
        ({"batch_size": 61}, ValueError, "batch_size must be at most the number of samples, 60; got 61"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1; got 0"),
        ({"start": "forkserver"}, ValueError, "start must be 'spawn' or 'fork'.*got 'forkserver'"),
    ],
)
def test_synchronous_refuses(arguments, error, message):
    f, gradient = squares()
    usual = {"data": (X0, Y0), "rule": 0.1, "epochs": 1, "rng": 0, "batch_size": 8, "gradient": gradient}
    with pytest.raises(error, match=message):
        synchronous(f, np.zeros(4), **(usual | arguments))


# From scripts and notebooks

WORK = """
import numpy as np
from dlkit.descent import hogwild

rng = np.random.default_rng(0)
X = rng.standard_normal((60, 4))
y = X @ np.ones(4)

def f(w, X, y):
    return ((X @ w - y) ** 2).mean() / 2

def gradient(w, X, y):
    return X.T @ (X @ w - y) / len(y)

def run(**more):
    settings = dict(epochs=9, rng=0, gradient=gradient, timeout=60) | more
    history = hogwild(f, np.zeros(4), (X, y), 0.02, **settings)
    print("found", bool(np.abs(history.x - 1).max() < 0.1), flush=True)
"""


def script(tmp_path, ending):
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(WORK) + textwrap.dedent(ending))
    return [sys.executable, str(path)]


def run_script(tmp_path, ending):
    return subprocess.run(script(tmp_path, ending), capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("start", ["spawn", "fork"])
def test_in_a_script_without_a_guard(tmp_path, start):
    """The workers do not run the script again."""
    done = run_script(tmp_path, f"run(start={start!r})\n")
    assert (done.stdout, done.stderr, done.returncode) == ("found True\n", "", 0)


def test_from_standard_input():
    """No file, no module that a worker could import: as in a notebook."""
    done = subprocess.run(
        [sys.executable, "-"], input=textwrap.dedent(WORK) + "run()\n", capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, done.stderr, done.returncode) == ("found True\n", "", 0)


def test_in_a_notebook():
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    cells = [nbformat.v4.new_code_cell(WORK), nbformat.v4.new_code_cell("run()\nrun(progress=True)")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    assert "".join(output["text"] for output in cells[1]["outputs"]) == "found True\n" * 2


LONG = """
    import os, sys

    def slow(w, X, y):
        import time
        time.sleep(0.001)
        return gradient(w, X, y)

    def noisy(w, *batch):
        print("going", flush=True)
        return f(w, *batch)

    if __name__ == "__main__":
        import multiprocessing
        from dlkit.descent import _workers
        begin = _workers.Workers._begin
        def telling(self, k):
            begin(self, k)
            print("pid", self._processes[-1].pid, flush=True)
        _workers.Workers._begin = telling
        hogwild(noisy, np.zeros(4), (X, y), 1e-9, epochs=100000, rng=0, gradient=slow, start=START)
"""


def begun(tmp_path, start):
    """A script in the midst of a long descent, in a process group of its own, and its workers' ids."""
    process = subprocess.Popen(
        script(tmp_path, LONG.replace("START", repr(start))),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    pids, going = [], 0
    while going < 3:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        going += line == "going\n"
        if line.startswith("pid"):
            pids.append(int(line.split()[1]))
    assert len(pids) == 2
    return process, pids


def assert_gone(pids):
    deadline = time.monotonic() + 20
    while any(is_running(pid) for pid in pids):
        assert time.monotonic() < deadline, "workers live on"
        time.sleep(0.05)


def is_running(pid):
    """An orphan that nobody has waited for yet counts as gone."""
    if Path("/proc/self/stat").exists():
        stat = Path(f"/proc/{pid}/stat")
        try:
            return stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("start", ["spawn", "fork"])
@pytest.mark.parametrize("group", [True, False])
def test_ctrl_c(tmp_path, start, group):
    """A terminal interrupts the whole group of processes, a notebook only the one."""
    process, pids = begun(tmp_path, start)
    if group:
        for pid in pids:  # what reaches the workers is not theirs to act on
            os.kill(pid, signal.SIGINT)
        assert [process.stdout.readline() for _ in range(3)] == ["going\n"] * 3
    (os.killpg if group else os.kill)(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert errors.count("Traceback") == 1  # the workers keep silent
    assert "leaked" not in errors
    assert_gone(pids)


@pytest.mark.parametrize("start", ["spawn", "fork"])
def test_workers_leave_when_their_parent_is_killed(tmp_path, start):
    process, pids = begun(tmp_path, start)
    process.kill()
    process.wait(timeout=30)
    assert_gone(pids)
    process.stdout.close()
    process.stderr.close()
