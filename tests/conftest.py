"""What several modules of tests share.

nbgrader runs `alembic` by name; the tests have it run the one beside this Python, as the command line does.
"""

import functools
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


@pytest.fixture
def no_warnings():
    """A warning is an error in the test, and so are numpy's floating-point conditions.

    Not underflow: numpy never warns of it, and the tests' own comparisons underflow.
    """
    with warnings.catch_warnings(), np.errstate(divide="raise", over="raise", invalid="raise"):
        warnings.simplefilter("error")
        yield


@pytest.fixture(scope="session")
def ask_alembic_once():
    """A new gradebook asks `alembic` for its version, a process of two seconds with the same answer each time."""
    import nbgrader.api

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nbgrader.api, "get_alembic_version", functools.cache(nbgrader.api.get_alembic_version))
        yield


@pytest.fixture
def quick_engine(tmp_path, monkeypatch):
    """Classes are graded by the quick engine of `grading_runs`, and nothing may run where marks are written."""
    from grading_runs import COUNT, PRELOAD, never, quick

    from dlkit.grading import recall, session

    monkeypatch.setenv(COUNT, str(tmp_path / "count"))
    monkeypatch.setattr(session, "execute", quick)
    monkeypatch.setattr(session, "PRELOAD", PRELOAD)
    monkeypatch.setattr(recall, "execute", never)


@pytest.fixture(params=["numpy", "cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    """Where the arrays of the test live, as `dlkit.arrays.array` takes it."""
    if request.param == "cuda" and not pytest.importorskip("torch").cuda.is_available():
        pytest.skip("no CUDA device")
    return request.param


@pytest.fixture
def no_figures_left_over():
    """Figures of the test are drawn without a screen and are gone after it."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture
def ax(no_figures_left_over):
    """Empty axes of a new figure."""
    import matplotlib.pyplot as plt

    return plt.subplots()[1]
