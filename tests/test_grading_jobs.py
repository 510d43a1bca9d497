"""Jobs, the pool that runs them, the folder of results: whatever is killed, the gradebook comes out the same."""

import contextlib
import functools
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path

import nbformat
import nbgrader.api
import pytest
from grading_course import HW, cell, find, hand_in_five, make_course, put, sandbox_here, source_notebook, submission
from grading_runs import COUNT, PRELOAD, loses_worker_once, misbehaves, quick, result_of, waits
from nbgrader.apps.api import NbGraderAPI
from sqlalchemy import text

from dlkit.__main__ import main
from dlkit.grading import jobs, recall, session
from dlkit.grading.course import Course
from dlkit.grading.dispatch import Dispatch
from dlkit.grading.gradebook import make_gradebook
from dlkit.grading.jobs import InfrastructureError, Job, Result
from dlkit.grading.pool import InThisProcess, LocalPool, WorkerLost, cores, open_executor
from dlkit.grading.prepare import jobs_of
from dlkit.grading.release import release
from dlkit.grading.results import Results
from dlkit.grading.session import grade_class

KILLS_PARENT = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\ndef double(x): return 2 * x"
LEAVES_PROCESS = """
import subprocess
subprocess.Popen("setsid sleep 4242 & setsid sleep 4242", shell=True, start_new_session=True)
def double(x):
    return 2 * x
"""


@pytest.fixture(autouse=True)
def counted(tmp_path, monkeypatch):
    """Give a function that returns the lines that executions have written since it was called last."""
    path = tmp_path / "count"
    monkeypatch.setenv(COUNT, str(path))
    own = LocalPool(1)  # started in this test, so that it knows the variable, whatever ran before
    monkeypatch.setattr(recall, "own_worker", lambda: own)

    def lines():
        found = path.read_text().split("\n")[:-1] if path.exists() else []
        path.unlink(missing_ok=True)
        return found

    yield lines
    own.shutdown()


@pytest.fixture(scope="session")
def master(tmp_path_factory):
    """A course with five students, to be copied."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nbgrader.api, "get_alembic_version", functools.cache(nbgrader.api.get_alembic_version))
        root = make_course(tmp_path_factory.mktemp("jobs") / "master")
        release([HW], root)
        hand_in_five(root)
        yield root


@pytest.fixture
def course(master, tmp_path, monkeypatch, quick_engine):
    """A copy of the course, graded by the quick engine; nothing may run where marks are written."""
    monkeypatch.setattr(nbgrader.api, "get_alembic_version", functools.cache(nbgrader.api.get_alembic_version))
    return Path(shutil.copytree(master, tmp_path / "course"))


def dump(root):
    """Everything in a gradebook, row by row in the order of its making, random ids replaced by numbers."""
    seen, tables = {}, {}
    with contextlib.closing(sqlite3.connect(root / "gradebook.db")) as database:
        for (table,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        ).fetchall():
            found = database.execute(f"SELECT * FROM {table} ORDER BY rowid")
            ids = [name == "id" or name.endswith("_id") for name, *_ in found.description]
            tables[table] = [
                [
                    seen.setdefault(v, f"id {len(seen)}") if is_id and re.fullmatch("[0-9a-f]{32}", str(v)) else v
                    for v, is_id in zip(row, ids, strict=True)
                ]
                for row in found
            ]
    return tables


def texts(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def job(code="pass", **data):
    return Job.of(nbformat.v4.new_notebook(cells=[cell("code", code, id="only")]), data, {"timeout": 5})


def outcomes(results):
    return {r.student: (r.total, r.trouble) for r in results}


EXPECTED = {
    "ada": ((10, 14), None),
    "bea": ((10, 14), None),
    "cyd": ((5, 14), None),
    "dan": ((0, 14), None),
    "eve": ((5, 14), None),
}

# --- jobs ------------------------------------------------------------------------------------------------------------


def test_a_key_depends_on_what_can_change_the_outcome_and_on_nothing_else(monkeypatch):
    notebook = source_notebook()
    key = Job.of(notebook, {"a.txt": b"1"}, {"timeout": 5}).key

    def other(data=None, limits=None, **cells):
        changed = nbformat.from_dict(notebook)
        for name, source in cells.items():
            find(changed, name).source = source
        return Job.of(changed, data or {"a.txt": b"1"}, limits or {"timeout": 5}).key

    assert other() == key
    assert other(essay="another essay") == key
    different = [
        other(double="def double(x): return x"),
        other(double_hidden="pass"),
        other(data={"a.txt": b"2"}),
        other(data={"b.txt": b"1"}),
        other(data={"a.txt": b"1", "b.txt": b""}),
        other(limits={"timeout": 6}),
    ]
    monkeypatch.setattr(jobs, "environment", lambda: "another")
    different.append(other())
    assert len({key, *different}) == 8


def test_jobs_and_results_travel_and_a_result_fits_its_notebook_only():
    notebook = source_notebook()
    made = Job.of(notebook, {}, {})
    result = quick(made)
    assert Result.from_json(result.to_json()) == result
    result.fill(notebook)
    assert find(notebook, "double_visible").outputs == []
    notebook.cells.pop()
    with pytest.raises(ValueError, match="the result of another notebook: its cells are"):
        result.fill(notebook)


def test_a_submission_gives_the_job_that_nbgrader_runs(course, counted):
    with (course / "nbgrader_config.py").open("a") as config:
        config.write("c.RunNotebook.timeout = 7\nc.Autograde.exclude_overwriting = {'mini': ['numbers.txt']}\n")
    (course / "submitted" / "ada" / HW / "sub").mkdir()
    (course / "submitted" / "ada" / HW / "sub" / "own.txt").write_text("own")
    (course / "submitted" / "ada" / HW / "other.ipynb").write_text("{}")
    assert outcomes(grade_class(Course(course), [HW])) == EXPECTED
    assert "in the main process" not in counted()  # they were found under the same keys
    (made,) = jobs_of(Course(course), HW, "ada")
    assert dict(made.data) == {"sub/own.txt": b"own"}
    assert '"timeout":7,' in made.limits
    assert "secret_number" in made.notebook  # with its hidden tests


# --- executors -------------------------------------------------------------------------------------------------------


def test_each_job_has_a_process_group_of_its_own_and_nothing_of_it_is_left(counted):
    with LocalPool(2, preload=PRELOAD) as pool:
        plain = [pool.submit(misbehaves, job(f"job {i}")).result().resources for i in range(3)]
        pool.submit(misbehaves, job("leave processes")).result()
        left = [int(line) for line in counted()]
    assert len({p["pid"] for p in plain}) == 3
    assert all(p["group"] == p["pid"] != p["worker"] for p in plain)
    assert len(left) == 2
    assert not any(map(alive, left))


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("kill worker", "the worker was killed by SIGKILL"),
        ("kill self", "its process was killed by SIGKILL"),
        ("exit", "its process ended with exit code 7"),
        ("stop", "it was not done after 2 s"),
        ("raise", "no space left"),
    ],
)
def test_what_a_job_does_to_its_processes_is_a_failure_of_that_job_only(what, words, tmp_path):
    good = [job(f"job {i}") for i in range(3)]
    with LocalPool(2, 2 if what == "stop" else None, PRELOAD) as pool:
        with pytest.raises(InfrastructureError if what != "raise" else OSError, match=words):
            pool.submit(misbehaves, job(what)).result()
        dispatch = Dispatch(pool, Results(tmp_path), misbehaves)
        done = [dispatch(j) for j in [good[0], job(what), *good[1:]]]
        with pytest.raises(InfrastructureError, match=rf"attempt 1: .*{words}; attempt 2: .*; attempt 3: .*{words}"):
            done.pop(1).result()
        assert [d.result() for d in done] == [None] * 3
    stored = [Results(tmp_path).get(j.key) for j in good]
    assert [r.events for r in stored] == [()] * 3
    assert Results(tmp_path).get(job(what).key) is None


def test_a_lost_worker_is_retried(tmp_path):
    (tmp_path / "marks").mkdir()
    with LocalPool(2, preload=PRELOAD) as pool:
        dispatch = Dispatch(pool, Results(tmp_path), functools.partial(loses_worker_once, str(tmp_path / "marks")))
        for done in [dispatch(job(f"job {i}")) for i in range(3)]:
            done.result()
    found = [Results(tmp_path).get(job(f"job {i}").key).events for i in range(3)]
    assert found == [("attempt 1: the worker was killed by SIGKILL",)] * 3


def test_a_job_that_is_waiting_or_running_is_not_run_a_second_time(tmp_path):
    class Slow(Executor):
        def __init__(self):
            self.futures = []

        def submit(self, fn, /, *args, **kwargs):
            self.futures.append((Future(), fn, args))
            return self.futures[-1][0]

    executor = Slow()
    dispatch = Dispatch(executor, Results(tmp_path), quick)
    first, second = dispatch(job()), dispatch(job())
    assert len(executor.futures) == 1
    future, run, args = executor.futures[0]
    future.set_result(run(*args))
    assert first.done() and second.done()
    assert dispatch(job()).result(10) is None
    assert (dispatch.executed, dispatch.known, len(executor.futures)) == (1, 1, 1)


def test_an_interrupted_pool_ends_at_once(counted):
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt), LocalPool(1, preload=PRELOAD) as pool:
        running, waiting = pool.submit(waits, job()), pool.submit(waits, job())
        pids = until(lambda: (found := pids_in(os.environ[COUNT])) and len(found) >= 3 and found)
        raise KeyboardInterrupt
    assert time.monotonic() - start < 30
    assert waiting.cancelled()
    with pytest.raises(WorkerLost):
        running.result()
    assert until(lambda: not any(map(alive, pids)))
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(waits, job())


def test_if_the_run_is_killed_its_workers_and_what_they_run_end(tmp_path):
    program = (
        "import grading_runs, test_grading_jobs\n"
        "from dlkit.grading.pool import LocalPool\n"
        "if __name__ == '__main__':\n"
        "    LocalPool(1).submit(grading_runs.waits, test_grading_jobs.job()).result()\n"
    )
    run = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parent)
    pids = until(lambda: (found := pids_in(os.environ[COUNT])) and len(found) >= 3 and found)
    run.kill()
    run.wait()
    assert until(lambda: not any(map(alive, pids)))


def test_how_many_workers():
    with open_executor(1) as pool:
        assert len(pool._threads) == 1
    with open_executor() as pool:
        assert len(pool._threads) == cores()
    with pytest.raises(ValueError, match="at least one worker; got 0"):
        open_executor(0)
    error = InThisProcess().submit(int, "x").exception()
    assert isinstance(error, ValueError)


def pids_in(path):
    return [int(line) for line in Path(path).read_text().split()] if Path(path).exists() else []


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(condition, seconds=30):
    """Wait for something to come true, and return it."""
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


# --- results ---------------------------------------------------------------------------------------------------------


def test_results_that_were_tampered_with_or_cut_short_are_run_again(tmp_path, counted):
    results, made = Results(tmp_path), [job(f"x = {i}") for i in range(6)]

    def run():
        dispatch = Dispatch(InThisProcess(), results, quick)
        for j in made:
            dispatch(j).result()
        return len(counted())

    assert run() == 6
    assert run() == 0
    whole = [results.path(j.key).read_bytes() for j in made]
    results.path(made[0].key).write_bytes(whole[0][:-20])
    results.path(made[1].key).write_bytes(b"")
    results.path(made[2].key).write_bytes(whole[2].replace(b'"outputs":[]', b'"outputs":[1]'))
    results.path(made[3].key).write_bytes(whole[4])  # another's
    results.path(made[5].key).write_bytes(b"\xff" + whole[5])
    assert run() == 5
    assert [results.path(j.key).read_bytes() for j in made] == whole
    forged = replace(results.get(made[0].key), key="0" * 64)
    results.put(forged)
    assert results.get("1" * 64) is None
    results.path(made[0].key).write_bytes(whole[0].split(b"\n")[0] + b"\n{}")
    assert results.get(made[0].key) is None


def test_a_result_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    results = Results(tmp_path)
    made = result_of(job())
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", interrupted)
        results.put(made)
    assert results.get(made.key) is None
    (part,) = tmp_path.rglob("*.part")
    results.tidy()
    assert part.exists()  # it may be another run's that is at it
    os.utime(part, (0, 0))
    results.tidy()
    assert not part.exists()
    results.put(made)
    assert results.get(made.key) == made


def interrupted(*_):
    raise KeyboardInterrupt


def test_the_results_lie_beside_the_gradebook(course):
    dirs = Course(course).dirs
    assert Results.of_course(dirs).folder == course / "gradebook.results"
    dirs.db_url = "postgresql://localhost/marks"
    assert Results.of_course(dirs).folder == course / "gradebook.results"
    dirs.db_url = f"sqlite:///{course}/elsewhere/marks.db"
    assert Results.of_course(dirs).folder == course / "elsewhere" / "marks.results"


# --- a class ---------------------------------------------------------------------------------------------------------


def test_the_gradebook_is_the_same_for_any_number_of_workers(course, tmp_path, counted):
    roots = {n: Path(shutil.copytree(course, tmp_path / f"workers {n}")) for n in (1, 2, 8)}
    for workers, root in roots.items():
        assert outcomes(grade_class(Course(root), [HW], workers=workers)) == EXPECTED
        assert len(counted()) == 4  # ada's and bea's notebooks differ in their essays only
    one = roots.pop(1)
    for root in roots.values():
        assert dump(root) == dump(one)
        assert texts(root / "autograded") == texts(one / "autograded")
        assert texts(root / "gradebook.results") == texts(one / "gradebook.results")
        assert (root / "grades.csv").read_text() == (one / "grades.csv").read_text()


def test_nothing_runs_a_second_time_and_a_changed_test_runs_its_assignment_only(course, counted):
    shutil.copytree(course / "solutions" / HW, course / "solutions" / "other")
    (course / "solutions" / "other" / f"{HW}.ipynb").rename(course / "solutions" / "other" / "other.ipynb")
    release(["other"], course)
    for name in ("ada", "cyd"):
        path = shutil.copytree(course / "submitted" / name / HW, course / "submitted" / name / "other")
        (path / f"{HW}.ipynb").rename(path / "other.ipynb")
        shutil.rmtree(course / "submitted" / name / HW)
    for name in ("bea", "dan"):
        shutil.rmtree(course / "submitted" / name)

    def grade():
        results = grade_class(Course(course), [HW, "other"])
        lines = counted()
        assert sum(r.executed for r in results) == len(lines)
        return {(r.assignment, r.student): r.total[0] for r in results}, len(lines)

    marks = {(HW, "eve"): 5, ("other", "ada"): 10, ("other", "cyd"): 5}
    assert grade() == (marks, 3)
    before = dump(course)
    assert grade() == (marks, 0)
    assert dump(course) == before
    path = course / "solutions" / "other" / "other.ipynb"
    source = nbformat.read(path, as_version=4)
    find(source, "double_hidden").source += "\n# says nothing"
    nbformat.write(source, path)
    release(["other"], course)
    assert grade() == (marks, 2)
    out = nbformat.read(course / "assignments" / HW / f"{HW}.ipynb", as_version=4)
    put(submission(out, double="double = lambda x: 2 * x"), course / "submitted" / "fay" / HW)
    assert grade() == ({**marks, (HW, "fay"): 10}, 1)


def test_formgraders_button_uses_the_same_results(course, counted):
    grade_class(Course(course), [HW])
    before = dump(course)
    assert len(counted()) == 4
    found = Course(course)
    assert NbGraderAPI(found.dirs, config=found.config).autograde(HW, "cyd")["success"]
    assert counted() == []
    assert dump(course) == before
    shutil.rmtree(course / "gradebook.results")
    reply = NbGraderAPI(found.dirs, config=found.config).autograde(HW, "cyd")
    assert counted() == ["in the main process"] * 3  # with the real engine it would have succeeded the first time
    assert not reply["success"] and "attempt 3" in reply["log"]
    assert not (course / "autograded" / "cyd" / HW).exists()  # not graded; no zero was given
    assert [row for row in dump(course)["grade"] if row not in before["grade"]] == []


def test_what_the_machinery_cannot_run_is_not_graded_and_no_zero(course, monkeypatch):
    monkeypatch.setattr(session, "execute", fails_for_squares)
    results = outcomes(grade_class(Course(course), [HW]))
    trouble = results.pop("cyd")[1]
    assert trouble == (
        "it could not be run: attempt 1: the kernel did not start; attempt 2: the kernel did not start; "
        "attempt 3: the kernel did not start. Grade it again, or by hand."
    )
    assert results == {name: out for name, out in EXPECTED.items() if name != "cyd"}
    assert "cyd" not in (course / "grades.csv").read_text()
    monkeypatch.setattr(session, "execute", quick)
    assert outcomes(grade_class(Course(course), [HW])) == EXPECTED


def fails_for_squares(job):
    if "x ** 2" in job.notebook:
        raise InfrastructureError("the kernel did not start")
    return quick(job)


def test_a_gradebook_whose_making_was_cut_short_is_completed(tmp_path, monkeypatch):
    monkeypatch.setattr(nbgrader.api, "get_alembic_version", interrupted)
    for trouble in ("tables only", "no line"):
        root = tmp_path / trouble
        root.mkdir()
        url = f"sqlite:///{root}/gradebook.db"
        with pytest.raises(KeyboardInterrupt):
            make_gradebook(url, "a course")
        if trouble == "no line":
            with contextlib.closing(sqlite3.connect(root / "gradebook.db")) as database:
                database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        with monkeypatch.context() as patch:
            patch.setattr(nbgrader.api, "get_alembic_version", lambda: "the version")
            make_gradebook(url, "a course")
        make_gradebook(url, "a course")
        with nbgrader.api.Gradebook(url, "a course") as gradebook:
            rows = gradebook.db.execute(text("SELECT * FROM alembic_version")).fetchall()
        assert rows == [("the version",)]


@pytest.fixture
def runs():
    """Give a function that grades a course, to the end or to a moment: how long it took, None if it was killed."""
    program = Path(__file__).with_name("grading_runs.py")
    server = subprocess.Popen(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert server.stdout.readline() == "ready\n"

    def run(root, workers, moment=0):
        server.stdin.write(f"{root} {workers} {moment}\n")
        line = server.stdout.readline()
        if line == f"ended with {-signal.SIGKILL}\n":
            return None
        assert server.stdout.readline() == "ended with 0\n"
        return int(line)

    yield run
    server.stdin.close()
    server.wait(60)


def test_a_run_that_is_killed_and_started_again_ends_like_one_that_is_not(course, runs, tmp_path, counted):
    for name in ("bea", "dan"):
        shutil.rmtree(course / "submitted" / name)
    undisturbed = Path(shutil.copytree(course, tmp_path / "undisturbed"))
    whole = runs(undisturbed, 2)
    assert len(counted()) == 3
    for group in range(4):  # three kills on the way to each whole run
        root = Path(shutil.copytree(course, tmp_path / f"killed-{group}"))
        seeds = range(3 * group, 3 * group + 3)
        moments = [random.Random(seed).randrange(whole) for seed in seeds]
        killed = [runs(root, 2 if seed % 2 else 1, moment) is None for seed, moment in zip(seeds, moments, strict=True)]
        assert runs(root, 2 - group % 2)
        assert dump(root) == dump(undisturbed), f"killed with seeds {seeds} at {moments} of {whole}"
        for folder in ("autograded", "gradebook.results"):
            assert texts(root / folder) == texts(undisturbed / folder)
        assert (root / "grades.csv").read_text() == (undisturbed / "grades.csv").read_text()
        assert any(killed)  # what is done need not be done again: later runs may end before their moment
    counted()
    assert runs(root, 2)
    assert counted() == []
    assert dump(root) == dump(undisturbed)


# --- with the real engine --------------------------------------------------------------------------------------------


def test_real_notebooks_in_workers(master, tmp_path, monkeypatch):
    monkeypatch.setattr(nbgrader.api, "get_alembic_version", functools.cache(nbgrader.api.get_alembic_version))
    root = Path(shutil.copytree(master, tmp_path / "course"))
    for name in ("bea", "dan", "eve"):
        shutil.rmtree(root / "submitted" / name)
    out = nbformat.read(root / "assignments" / HW / f"{HW}.ipynb", as_version=4)
    put(submission(out, double=KILLS_PARENT), root / "submitted" / "kim" / HW)
    put(submission(out, double=LEAVES_PROCESS), root / "submitted" / "lee" / HW)
    results = grade_class(Course(root), [HW], workers=2)
    found = outcomes(results)
    kim = found.pop("kim")
    if sandbox_here() == "bubblewrap":  # nothing happens to what is out of her reach
        assert kim == EXPECTED["ada"]
    else:
        assert re.match("it could not be run: attempt 1: The sandbox of a submission was lost.*attempt 3", kim[1])
    assert found == {"ada": EXPECTED["ada"], "cyd": EXPECTED["cyd"], "lee": EXPECTED["ada"]}
    commands = [p.read_bytes() for p in Path("/proc").glob("[0-9]*/cmdline") if readable(p)]
    assert not any(b"4242" in command for command in commands)
    (stored,) = [Results.of_course(Course(root).dirs).get(j.key) for j in jobs_of(Course(root), HW, "cyd")]
    assert stored.status == jobs.FINISHED
    assert 0 < stored.resources["cpu_seconds"] < 60


def readable(path):
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


def test_the_number_of_workers_on_the_command_line(course, capsys):
    assert main(["grade", HW, "--workers", "1", "--course", str(course)]) == 0
    assert "4 notebooks run" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["grade", "--workers", "0"])
    assert "expected a number from 1, got '0'" in capsys.readouterr().err
