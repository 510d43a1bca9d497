"""`dlkit lab`: what is released before the server starts, and the real server with nbgrader's extensions."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.api import Gradebook

import dlkit.grading.release
from dlkit import lab
from dlkit.errors import CourseError
from dlkit.notebooks import METADATA

ROOT = Path(__file__).resolve().parents[1]


SOLUTION = "def double(x):\n    ### BEGIN SOLUTION\n    return x + x\n    ### END SOLUTION"
TEST = "assert double(2) == 4\n### BEGIN HIDDEN TESTS\nassert double(-3) == -6\n### END HIDDEN TESTS"


def graded(source, grade_id, *, points=0, solution=False):
    nbgrader = {"grade_id": grade_id, "schema_version": 3, "grade": bool(points), "locked": not solution}
    nbgrader |= {"solution": solution, "task": False, **({"points": points} if points else {})}
    return new_code_cell(source, metadata={"nbgrader": nbgrader})


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> Path:
    """A course with one assignment, a function to write, as `dlkit release` leaves it."""
    course = tmp_path_factory.mktemp("released") / "course"
    source = course / "solutions/hw0_double"
    source.mkdir(parents=True)
    shutil.copy(ROOT / "nbgrader_config.py", course)
    nb = new_notebook(cells=[graded(SOLUTION, "double", solution=True), graded(TEST, "test_double", points=1)])
    nb.metadata = nbformat.from_dict(METADATA)
    nbformat.write(nb, source / "hw0_double.ipynb")
    (source / "data.txt").write_text("1\n")
    dlkit.grading.release.release([], course)
    return course


@pytest.fixture
def course(released: Path, tmp_path: Path) -> Path:
    return shutil.copytree(released, tmp_path / "course")


def in_gradebook(course: Path) -> list[str]:
    with Gradebook(f"sqlite:///{course}/gradebook.db", "dl_basics") as gradebook:
        return [assignment.name for assignment in gradebook.assignments]


def test_release_puts_each_new_version_into_the_exchange_once(course):
    outbound = course / "exchange/dl_basics/outbound/hw0_double"
    assert lab.release(course) == ["hw0_double"]
    assert (outbound / "hw0_double.ipynb").is_file()
    assert (course / "exchange").stat().st_mode & 0o777 == 0o777
    assert (course / "my_work").is_dir()

    (course / "gradebook.db").unlink()
    assert lab.release(course) == []
    assert in_gradebook(course) == ["hw0_double"], "entered although nothing was released"

    data = course / "assignments/hw0_double/data.txt"
    before = data.stat()
    data.write_text("2\n")
    os.utime(data, ns=(before.st_atime_ns, before.st_mtime_ns))  # only the content tells
    assert lab.release(course) == ["hw0_double"]
    assert (outbound / "data.txt").read_text() == "2\n"

    data.unlink()
    assert lab.release(course) == ["hw0_double"]
    assert not (outbound / "data.txt").exists()


def test_release_leaves_the_exchange_of_another_person_alone(course, monkeypatch):
    (course / "exchange/dl_basics").mkdir(parents=True)
    monkeypatch.setattr("nbgrader.utils.self_owned", lambda path: False)
    assert lab.release(course) == []
    assert list((course / "exchange/dl_basics").iterdir()) == []


def test_new_version_comes_into_the_gradebook(course):
    lab.release(course)
    path = course / "solutions/hw0_double/hw0_double.ipynb"
    path.write_text(path.read_text().replace('"points": 1', '"points": 3'))
    dlkit.grading.release.release([], course)
    assert lab.release(course) == ["hw0_double"]
    with Gradebook(f"sqlite:///{course}/gradebook.db", "dl_basics") as gradebook:
        assert gradebook.find_assignment("hw0_double").max_score == 3


def test_course_without_assignments_gets_its_exchange(course):
    shutil.rmtree(course / "assignments")
    shutil.rmtree(course / "solutions")
    assert lab.release(course) == []
    assert (course / "exchange").stat().st_mode & 0o777 == 0o777


def test_students_copy_without_solutions_is_released_too(course):
    shutil.rmtree(course / "solutions")
    assert lab.release(course) == ["hw0_double"]
    assert not (course / "gradebook.db").exists()


def test_trouble_with_the_course_is_said(course, tmp_path):
    with pytest.raises(CourseError, match=r"has no nbgrader_config\.py.*--course"):
        lab.release(tmp_path)
    (course / "exchange").write_text("a file where the folder should be")
    with pytest.raises(CourseError, match=r"cannot make .*exchange"):
        lab.release(course)
    (course / "nbgrader_config.py").write_text("c = get_config(\n")
    with pytest.raises(CourseError, match=r"nbgrader_config\.py cannot be used: SyntaxError"):
        lab.release(course)


def test_name_that_nbgrader_refuses(course):
    (course / "assignments/hw0_double").rename(course / "assignments/hw0+double")
    with pytest.raises(CourseError, match=r"hw0\+double could not be released: .*characters"):
        lab.release(course)


@pytest.mark.parametrize("text", ["0", "65536", "eight", "-1", "", "8888.0"])
def test_port_must_be_a_number(text):
    with pytest.raises(CourseError, match="expected a number from 1 to 65535"):
        lab.check_port(text)


def test_port_in_use_is_named_with_the_ways_out(course):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = subprocess.run(
            [sys.executable, "-m", "dlkit", "lab", "--course", course, "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert result.returncode == 2
    assert f"error: port {port} cannot be used" in result.stderr
    assert "PORT=" in result.stderr
    assert "Traceback" not in result.stderr
    assert lab.check_port(str(port)) == port  # now that it is free


class Server:
    """JupyterLab as `make lab` starts it, with files of its own in place of the user's."""

    def __init__(self, course: Path, home: Path):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.log = home / "log.txt"
        places = {name: str(home / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
        for place in places.values():
            Path(place).mkdir()
        # What a user has set for other work must not move the course.
        (home / "JUPYTER_CONFIG_DIR/jupyter_server_config.json").write_text(
            f'{{"ServerApp": {{"root_dir": "{home}"}}}}'
        )
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "dlkit", "lab", "--course", course, "--port", str(self.port)),
                *("--", "--no-browser", "--IdentityProvider.token=secret"),
            ],
            cwd=home,
            env={**os.environ, **places, "HOME": str(home)},
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
        )

    def ask(self, address: str, /, **data: str) -> bytes:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{address}",
            data=urllib.parse.urlencode(data).encode() if data else None,
            headers={"Authorization": "token secret"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.read()

    def wait(self) -> None:
        for _ in range(1200):  # two minutes, for a machine with much else to do
            assert self.process.poll() is None, self.log.read_text()
            try:
                self.ask("/api/status")
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(self.log.read_text())


@pytest.fixture
def server(course: Path, tmp_path: Path):
    home = tmp_path / "home"
    home.mkdir()
    server = Server(course, home)
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.wait(timeout=10)


def test_a_student_fetches_validates_and_hands_in_on_the_real_server(server, course):
    server.wait()

    def listed(answer: bytes) -> list[tuple[str, str]]:
        reply = json.loads(answer)
        assert reply["success"], reply
        return [(assignment["assignment_id"], assignment["status"]) for assignment in reply["value"]]

    name = {"course_id": "dl_basics", "assignment_id": "hw0_double"}
    assert listed(server.ask("/assignments?course_id=dl_basics")) == [("hw0_double", "released")]
    assert listed(server.ask("/assignments/fetch", **name)) == [("hw0_double", "fetched")]

    work = course / "my_work/hw0_double/hw0_double.ipynb"
    unwritten = json.loads(server.ask("/assignments/validate", path="my_work/hw0_double/hw0_double.ipynb"))
    (failed,) = unwritten["value"]["failed"]
    assert failed["source"] == "assert double(2) == 4"
    assert "NotImplementedError" in failed["error"]
    nb = nbformat.read(work, as_version=4)
    nb.cells[0].source = "def double(x):\n    return 2 * x"
    nbformat.write(nb, work)
    written = json.loads(server.ask("/assignments/validate", path="my_work/hw0_double/hw0_double.ipynb"))
    assert written == {"success": True, "value": {}}

    assert listed(server.ask("/assignments/submit", **name)) == [("hw0_double", "fetched"), ("hw0_double", "submitted")]
    (submitted,) = (course / "exchange/dl_basics/inbound").glob("*+hw0_double+*/hw0_double.ipynb")
    assert "return 2 * x" in submitted.read_text()

    assert b"Manage Assignments" in server.ask("/formgrader")
    (assignment,) = json.loads(server.ask("/formgrader/api/assignments"))
    expected = {"name": "hw0_double", "status": "released", "source_path": "solutions/hw0_double"}
    assert {key: assignment[key] for key in expected} == expected
    assert json.loads(server.ask("/formgrader/api/assignment/hw0_double/collect", any="thing"))["success"]
    ((student,),) = [[path.name for path in (course / "submitted").iterdir()]]
    graded = json.loads(server.ask(f"/formgrader/api/submission/hw0_double/{student}/autograde", any="thing"))
    assert graded["success"], graded
    (marks,) = json.loads(server.ask("/formgrader/api/submissions/hw0_double"))
    assert (marks["student"], marks["score"], marks["max_score"]) == (student, 1.0, 1.0)

    page = server.ask("/lab").decode()
    configuration = json.loads(
        page.split('<script id="jupyter-config-data" type="application/json">')[1].split("</script>")[0]
    )
    assert "@jupyterlab/apputils-extension:announcements" in configuration["disabledExtensions"]
    assert "@jupyter/nbgrader" in [extension["name"] for extension in configuration["federated_extensions"]]
    assert configuration["news"] == {"disabled": True}
    assert "Extension Manager is 'readonly'" in server.log.read_text()
    assert "Traceback" not in server.log.read_text()
