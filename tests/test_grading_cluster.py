"""Notebooks on a Dask cluster: they come out as they do here, and whatever is lost on the way is run again."""

import functools
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from cluster_runs import loses_dask_worker_once, loses_dask_workers, meets, places, until
from grading_course import cell
from grading_runs import COUNT, misbehaves, quick, waits

from dlkit.errors import CourseError
from dlkit.grading import cluster
from dlkit.grading.cluster import open_cluster
from dlkit.grading.dispatch import Dispatch
from dlkit.grading.jobs import InfrastructureError, Job
from dlkit.grading.pool import InThisProcess, WorkerLost
from dlkit.grading.results import Results

distributed = pytest.importorskip("distributed", reason="distributed is not installed: the extra `cluster` brings it")

PRELOAD = ("cluster_runs", "dlkit.grading.jobs")
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def count(tmp_path_factory):
    """The file to which each execution adds a line; workers know it from when they are started."""
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("count") / "count"
        patch.setenv(COUNT, str(path))
        yield path


@pytest.fixture(scope="module")
def two(tmp_path_factory, count):
    """A cluster of two workers on this machine."""
    with local_cluster(tmp_path_factory.mktemp("two"), 2, 1) as cluster:
        yield cluster


def local_cluster(folder, workers, threads):
    return distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=threads,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",  # there is none without bokeh, but a server, which would take one fixed port
        memory_limit=0,
        local_directory=str(folder),
    )


@pytest.fixture
def executor(two):
    with open_cluster(two.scheduler_address, preload=PRELOAD) as executor:
        yield executor


@pytest.fixture
def programs(tmp_path, count):
    """Give a function that starts a scheduler and a worker as one does by hand: the address, and the two processes."""
    started = []

    def start():
        environment = {**os.environ, "PYTHONPATH": str(HERE)}
        options = ["--no-dashboard", "--dashboard-address", "127.0.0.1:0", "--host", "127.0.0.1"]
        address = f"tcp://127.0.0.1:{free_port()}"
        for command in (
            ["scheduler", "--port", address.rpartition(":")[2], *options],
            ["worker", address, "--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path), *options],
        ):
            program = [sys.executable, "-m", "dask", *command]
            started.append(subprocess.Popen(program, env=environment, stderr=subprocess.DEVNULL))
        return address, *started

    yield start
    for process in started:
        process.kill()
        process.wait()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def job(code="pass"):
    return Job.of(nbformat.v4.new_notebook(cells=[cell("code", code, id="only")]), {"data.txt": b"1 2"}, {"timeout": 5})


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def stored(folder, jobs, executor, run):
    """Have jobs run; return the files of their results."""
    dispatch = Dispatch(executor, Results(folder), run)
    for done in [dispatch(j) for j in jobs]:
        done.result(120)
    assert dispatch.executed == len(jobs)
    return {p.name: p.read_bytes() for p in folder.rglob("*.json")}


# --- what runs there -------------------------------------------------------------------------------------------------


def test_a_cluster_gives_the_results_that_this_process_gives(executor, tmp_path, count):
    jobs = [job(f"x = {i}\nassert x != 3") for i in range(8)]
    there = stored(tmp_path / "there", jobs, executor, quick)
    assert len(set(count.read_text().split())) == 8  # a process each
    here = stored(tmp_path / "here", jobs, InThisProcess(), quick)
    assert len(here) == 8
    assert there == here
    assert b"AssertionError" in there[f"{jobs[3].key}.json"]


def test_a_worker_keeps_its_pool_from_run_to_run(two):
    found = []
    for _ in range(2):
        with open_cluster(two.scheduler_address, preload=PRELOAD) as executor:
            found.append([executor.submit(places, job()).result() for _ in range(6)])
    tasks, pools, workers = (set(column) for column in zip(*found[0], *found[1], strict=True))
    assert len(tasks) == 12
    assert len(pools) == len(workers) <= 2
    with open_cluster(two.scheduler_address, limit=50, preload=PRELOAD) as executor:  # another pool is needed
        assert executor.submit(places, job()).result()[1] not in pools
    assert until(lambda: sum(map(alive, pools)) < len(pools))


def test_a_worker_of_two_threads_has_a_pool_of_two(tmp_path, count):
    (tmp_path / "marks").mkdir()
    with (
        local_cluster(tmp_path, 1, 2) as cluster,
        open_cluster(cluster.scheduler_address, preload=PRELOAD) as executor,
    ):
        both = [executor.submit(meets, str(tmp_path / "marks"), job(f"{i}")) for i in range(2)]
        assert [future.result(60).status for future in both] == ["finished"] * 2


def test_programs_started_by_hand_run_jobs(programs):
    address, _, worker = programs()
    with open_cluster(address, preload=PRELOAD, timeout=30) as executor:
        assert executor.submit(places, job()).result(60)[2] == worker.pid


# --- what is lost ----------------------------------------------------------------------------------------------------


def test_when_a_worker_is_killed_every_job_still_gets_its_result(executor, tmp_path):
    marks = tmp_path / "marks"
    marks.mkdir()
    jobs = [job(f"{'kill' if i == 1 else 'x'} = {i}") for i in range(8)]
    run = functools.partial(loses_dask_worker_once, str(marks))
    there = stored(tmp_path / "there", jobs, executor, run)
    (mark,) = marks.iterdir()
    assert mark.name == jobs[1].key
    task, pool, worker = map(int, mark.read_text().split())
    assert not alive(worker)
    assert until(lambda: not alive(task) and not alive(pool))
    assert there == stored(tmp_path / "here", jobs, InThisProcess(), quick)


def test_what_dask_gives_up_is_tried_again(two, executor, tmp_path, monkeypatch):
    monkeypatch.setattr(two.scheduler, "allowed_failures", 0)
    words = r"each worker of the cluster that ran it was lost \(1 in all, the last tcp://127.0.0.1:\d+\)"
    with pytest.raises(WorkerLost, match=words):
        executor.submit(loses_dask_workers, job()).result(60)
    (tmp_path / "marks").mkdir()
    stored(tmp_path, [job("kill = 1")], executor, functools.partial(loses_dask_worker_once, str(tmp_path / "marks")))
    (event,) = Results(tmp_path).get(job("kill = 1").key).events
    assert re.fullmatch(f"attempt 1: {words}", event)


@pytest.mark.parametrize(
    ("what", "error", "words"),
    [
        ("kill worker", WorkerLost, "the worker was killed by SIGKILL"),
        ("kill self", WorkerLost, "its process was killed by SIGKILL"),
        ("raise", OSError, "no space left"),
    ],
)
def test_what_a_job_does_to_its_processes_arrives_as_it_does_from_a_pool(executor, what, error, words):
    with pytest.raises(error, match=words):
        executor.submit(misbehaves, job(what)).result(60)
    assert executor.submit(quick, job()).result(60) == quick(job())


def test_a_job_that_takes_too_long_is_lost(two):
    with (
        open_cluster(two.scheduler_address, limit=1, preload=PRELOAD) as executor,
        pytest.raises(WorkerLost, match="it was not done after 1 s"),
    ):
        executor.submit(waits, job()).result(60)


def test_an_interrupted_run_ends_what_it_has_on_the_cluster(two, count, tmp_path):
    count.unlink(missing_ok=True)
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt), open_cluster(two.scheduler_address, preload=PRELOAD) as executor:
        dispatch = Dispatch(executor, Results(tmp_path), waits)
        done = [dispatch(job(f"{i}")) for i in range(6)]
        pids = until(lambda: count.exists() and len(found := count.read_text().split()) >= 6 and list(map(int, found)))
        raise KeyboardInterrupt
    assert time.monotonic() - start < 30
    assert all(d.cancelled() for d in done)
    assert until(lambda: not any(map(alive, pids)))
    with pytest.raises(RuntimeError, match="shut down"):
        executor.submit(quick, job())
    with open_cluster(two.scheduler_address, preload=PRELOAD) as another:
        assert another.submit(quick, job()).result(60) == quick(job())
    assert len(count.read_text().split()) == 6 + 2  # none of those that waited has started


def test_what_dask_starts_before_it_hears_of_the_end_does_not_run():
    here = cluster._Here()
    here.stop("a run")
    with pytest.raises(WorkerLost, match="its run was ended"):
        here.submit(cluster._Run("a run", None, (), {}), b"")


def test_while_the_scheduler_is_looked_for_nothing_is_submitted(executor):
    class CutOff:
        def __init__(self, client):
            self.client, self.looks = client, 0

        @property
        def status(self):
            self.looks += 1
            return "connecting" if self.looks < 4 else "running"

        def __getattr__(self, name):
            assert name != "submit" or self.looks >= 4
            return getattr(self.client, name)

    executor.client = CutOff(executor.client)
    assert executor.submit(quick, job()).result(60) == quick(job())


def test_when_the_scheduler_is_lost_the_run_says_so(programs, tmp_path):
    address, scheduler, _ = programs()
    with open_cluster(address, preload=PRELOAD, timeout=30) as executor:
        executor.client._timeout = 1  # in which it tries to find the scheduler again
        executor.submit(quick, job()).result(60)
        done = Dispatch(executor, Results(tmp_path), waits)(job())
        scheduler.kill()
        with pytest.raises(CourseError, match=rf"cluster at {address} was lost: its scheduler is gone\. What has"):
            done.result(60)


def test_when_no_worker_is_left_the_run_says_so(programs, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    monkeypatch.setattr(cluster, "_PULSE", 0.1)
    address, _, worker = programs()
    with open_cluster(address, preload=PRELOAD, timeout=30) as executor:
        executor.submit(quick, job()).result(60)
        done = Dispatch(executor, Results(tmp_path), waits)(job())
        worker.kill()
        with pytest.raises(CourseError, match=rf"cluster at {address} was lost: it has had no worker for 1 s\."):
            done.result(60)


# --- what is refused -------------------------------------------------------------------------------------------------


def test_a_scheduler_that_is_not_there():
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(
        CourseError, match=rf"cannot be reached at '{address}': no answer in 0\.5 s .*such as tcp://host"
    ):
        open_cluster(address, timeout=0.5)
    with pytest.raises(CourseError, match=r"cannot be reached at 'http://here': it is not a Dask scheduler's"):
        open_cluster("http://here", timeout=0.5)


def test_something_else_that_listens_there(monkeypatch):
    monkeypatch.setattr(cluster, "_GRACE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        start = time.monotonic()
        with pytest.raises(CourseError, match=r"no answer in 0\.5 s"):
            open_cluster(address, timeout=0.5)
        assert time.monotonic() - start < 30


def test_a_cluster_without_workers(tmp_path):
    with local_cluster(tmp_path, 0, 1) as cluster:
        address = cluster.scheduler_address
        with pytest.raises(CourseError, match=rf"{address} has no worker\. .* dask worker {address} --nthreads 1"):
            open_cluster(address, timeout=0.5)


def test_workers_that_would_run_something_else(two, monkeypatch):
    def refusal():
        with pytest.raises(CourseError) as error:
            open_cluster(two.scheduler_address)
        head, first, _, tail = str(error.value).split("\n")
        assert head.startswith(f"Workers of the cluster at {two.scheduler_address} do not have what this machine has")
        assert tail.endswith("start them again.")
        return re.sub(r"^  tcp://127.0.0.1:\d+: ", "", first)

    real = cluster._describe()
    with monkeypatch.context() as patch:
        patch.setattr(cluster, "_describe", PickledAs({**real, "dlkit": "another"}))
        assert refusal() == "the source of dlkit is another"
    packages = {**real["packages"], "numpy": "0.1", "ours": "1"}
    changed = {**real, "the system": "Plan 9", "packages": packages}
    numpy = real["packages"]["numpy"]
    with monkeypatch.context() as patch:
        patch.setattr(cluster, "_describe", PickledAs(changed))
        assert refusal() == (
            f"the system is {real['the system']}, here Plan 9; "
            f"packages: numpy {numpy} (here 0.1), ours missing (here 1)"
        )
    with monkeypatch.context() as patch:
        patch.setattr(cluster, "_describe", PickledAs(real, "no_such_module"))
        assert refusal() == "dlkit cannot be used there: ModuleNotFoundError(\"No module named 'no_such_module'\")"
    python = {"packages": {"python": "3.1.4.final.0"}}
    with monkeypatch.context() as patch:
        patch.setattr(
            distributed.Client,
            "get_versions",
            lambda self: {"workers": dict.fromkeys(self.scheduler_info()["workers"], python)},
        )
        assert refusal() == f"Python 3.1.4.final.0, here {'.'.join(map(str, sys.version_info))}"


class PickledAs:
    """`_describe` with another answer in this process; on a worker it is the real one, or cannot be imported."""

    def __init__(self, here, module="dlkit.grading.cluster"):
        self.here, self.module = here, module

    def __call__(self):
        return self.here

    def __reduce__(self):
        return described_by, (self.module,)


def described_by(module):
    return __import__(module, fromlist=["_describe"])._describe


def test_a_worker_that_comes_later_and_has_something_else(two, executor):
    changed = {**executor.run.environment, "Python": "another"}
    executor.run = executor.run._replace(environment=changed)
    with pytest.raises(InfrastructureError, match="a worker that joined the cluster later does not fit: Python is 3"):
        executor.submit(quick, job()).result(60)


def test_distributed_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CourseError, match=re.escape("Run pip install -c constraints.txt -e '.[course,cluster]'.")):
        open_cluster("tcp://127.0.0.1:8786")
