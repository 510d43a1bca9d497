"""The gradebook in another database: PostgreSQL, by a server that the tests start themselves on this machine."""

import contextlib
import functools
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import nbgrader.api
import pytest
from grading_course import HW, make_course, put, submission
from grading_runs import COUNT, never, quick
from sqlalchemy import create_engine, inspect, select, text

from dlkit.errors import CourseError
from dlkit.grading import recall, session
from dlkit.grading.course import Course
from dlkit.grading.database import use_database, without_secrets
from dlkit.grading.gradebook import make_gradebook
from dlkit.grading.release import release
from dlkit.grading.results import Results
from dlkit.grading.session import grade_class

PASSWORD = "not/to be shown"
USER = "marks"


@pytest.fixture(scope="module")
def server():
    """A server of PostgreSQL: the port on which it listens, with the user `USER`, who has a password."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: the extra `postgresql` brings it")
    found = [shutil.which("initdb"), *sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))]  # Debian: not on PATH
    if not any(found):
        pytest.skip("no PostgreSQL server is installed: apt-get install postgresql")
    program = Path(next(filter(None, reversed(found)))).parent
    # root may not run it, and the folder of its socket must have a short name
    runs_as = {}
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        (folder / "password").write_text(PASSWORD)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            runs_as = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            for path in (folder, folder / "password"):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        common = {"cwd": folder, "env": {"PATH": os.defpath, "LC_ALL": "C"}, **runs_as}
        options = ["--pwfile=password", "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8", "--no-locale"]
        initdb = [program / "initdb", "-D", "data", "-U", USER, *options]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, **common)
        port = free_port()
        settings = [f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", "fsync=off"]
        command = [program / "postgres", "-D", "data", *(word for setting in settings for word in ("-c", setting))]
        # the shell ends the server when its input is closed: at the end, and if this process is killed
        shell = ["sh", "-c", '"$@" & server=$!; read _; kill -QUIT $server; wait $server', "sh", *command]
        log = stack.enter_context((folder / "log").open("w"))
        process = subprocess.Popen(shell, stdin=subprocess.PIPE, stderr=log, **common)
        stack.callback(process.wait, 60)
        stack.callback(process.stdin.close)
        until_it_answers(port, folder / "log")
        yield port


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def until_it_answers(port, log, seconds=60):
    end = time.monotonic() + seconds
    while True:
        try:
            with create_engine(url_of(port)).connect():
                return
        except Exception:
            if time.monotonic() > end:
                pytest.fail(f"PostgreSQL did not start: {log.read_text()}")
            time.sleep(0.05)


def url_of(port, database="postgres", user=USER, password=PASSWORD):
    return f"postgresql+psycopg://{user}:{password.replace('/', '%2F').replace(' ', '%20')}@127.0.0.1:{port}/{database}"


@pytest.fixture
def empty(server):
    """The URL of a new database."""
    administrator = create_engine(url_of(server), isolation_level="AUTOCOMMIT")
    with administrator.connect() as connection:
        connection.execute(text("CREATE DATABASE course"))
    yield url_of(server, "course")
    with administrator.connect() as connection:
        connection.execute(text("DROP DATABASE course WITH (FORCE)"))
    administrator.dispose()


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course with three students, graded by a quick engine; nothing may run where marks are written."""
    monkeypatch.setattr(session, "execute", quick)
    monkeypatch.setattr(recall, "execute", never)
    monkeypatch.setattr(nbgrader.api, "get_alembic_version", functools.cache(nbgrader.api.get_alembic_version))
    monkeypatch.setenv(COUNT, str(tmp_path / "count"))
    root = make_course(tmp_path / "course")
    release([HW], root)
    out = nbformat.read(root / "assignments" / HW / f"{HW}.ipynb", as_version=4)
    put(submission(out), root / "submitted" / "ada" / HW)
    put(submission(out, double="def double(x):\n    return x ** 2"), root / "submitted" / "bea" / HW)
    put(submission(out, essay="因为和是线性的。"), root / "submitted" / "李雷" / HW, "2026-03-04 12:00:00 UTC")
    return root


def dump(url):
    """Every row of a gradebook, by table; in the place of an id stands the row that it is the id of."""
    engine = create_engine(url)
    tables = nbgrader.api.Base.metadata.tables
    with engine.connect() as connection:
        found = {name: [row._asdict() for row in connection.execute(select(table))] for name, table in tables.items()}
        version = connection.execute(text("SELECT * FROM alembic_version")).fetchall()
    engine.dispose()

    def told(name, row):
        """A row, ids of its own apart."""
        return (name, *(known(column, row[column.name]) for column in tables[name].columns))

    def known(column, value):
        if value is None:
            return None
        if column.foreign_keys:
            (key,) = column.foreign_keys
            (row,) = [row for row in found[key.column.table.name] if row[key.column.name] == value]
            return told(key.column.table.name, row)
        return "an id" if column.primary_key and len(str(value)) == 32 else value

    rows = {name: sorted(map(repr, (told(name, row) for row in rows))) for name, rows in found.items()}
    return {**rows, "alembic_version": [tuple(row) for row in version]}


def files(folder, pattern):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob(pattern)}


def with_database(root, url):
    found = Course(root)
    use_database(found, url)
    return found


# --- a class ---------------------------------------------------------------------------------------------------------


def test_a_class_is_graded_on_postgresql_as_it_is_on_sqlite(course, empty, tmp_path):
    other = Path(shutil.copytree(course, tmp_path / "other"))
    here = grade_class(Course(course), [HW])
    there = grade_class(with_database(other, empty), [HW])
    assert [(r.student, r.total, r.trouble) for r in here] == [
        ("ada", (10, 14), None),
        ("bea", (5, 14), None),
        ("李雷", (10, 14), None),
    ]
    assert [(r.student, r.total, r.trouble, r.marks, r.lost) for r in there] == [
        (r.student, r.total, r.trouble, r.marks, r.lost) for r in here
    ]
    rows = dump(empty)
    assert rows == dump(f"sqlite:///{course}/gradebook.db")
    assert {name: len(rows[name]) for name in ("student", "submitted_assignment", "grade", "alembic_version")} == {
        "student": 3,
        "submitted_assignment": 3,
        "grade": 12,
        "alembic_version": 1,
    }
    assert (other / "grades.csv").read_text() == (course / "grades.csv").read_text()
    feedback = files(other / "feedback", "*.html")
    assert sorted(feedback) == [f"{name}/{HW}/{HW}.html" for name in ("ada", "bea", "李雷")]
    assert feedback == files(course / "feedback", "*.html")
    assert not (other / "gradebook.db").exists()
    assert len(files(other / "gradebook.results", "*.json")) == 2  # ada's and 李雷's differ in an essay only
    count = Path(os.environ[COUNT]).read_text()
    assert [r.total for r in grade_class(with_database(other, empty), [HW])] == [r.total for r in here]
    assert dump(empty) == rows
    assert Path(os.environ[COUNT]).read_text() == count  # nothing ran again


def test_marks_by_hand_stay(course, empty):
    found = with_database(course, empty)
    grade_class(found, [HW])
    with nbgrader.api.Gradebook(empty, found.dirs.course_id) as gradebook:
        mark = gradebook.find_grade("essay", HW, HW, "李雷")
        mark.manual_score, mark.needs_manual_grade = 3.5, False
        gradebook.find_comment("essay", HW, HW, "李雷").manual_comment = "写得好"
        gradebook.db.commit()
    assert [r.total[0] for r in grade_class(with_database(course, empty), [HW])] == [10, 5, 13.5]
    assert "写得好" in (course / "feedback" / "李雷" / HW / f"{HW}.html").read_text()


def test_a_gradebook_whose_making_was_cut_short_is_completed(empty, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(nbgrader.api, "get_alembic_version", interrupted)
        make_gradebook(empty, "a course")
    engine = create_engine(empty)
    assert not inspect(engine).has_table("alembic_version")
    monkeypatch.setattr(nbgrader.api, "get_alembic_version", lambda: "the version")
    for _ in range(2):
        make_gradebook(empty, "a course")
        with engine.connect() as connection:
            assert connection.execute(text("SELECT * FROM alembic_version")).fetchall() == [("the version",)]
            assert connection.execute(text("SELECT id FROM course")).fetchall() == [("a course",)]
    engine.dispose()


def interrupted():
    raise KeyboardInterrupt


def test_another_file_may_hold_the_gradebook(course, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = with_database(course, "sqlite:///marks.db")
    assert found.dirs.db_url == found.config.CourseDirectory.db_url == f"sqlite:///{tmp_path}/marks.db"
    assert Results.of_course(found.dirs).folder == tmp_path / "marks.results"
    assert len(grade_class(found, [HW])) == 3
    assert len(dump(f"sqlite:///{tmp_path}/marks.db")["grade"]) == 12
    assert not (course / "gradebook.db").exists()


# --- what is refused -------------------------------------------------------------------------------------------------


def refusal(root, url):
    found = Course(root)
    before = found.dirs.db_url
    with pytest.raises(CourseError) as error:
        use_database(found, url)
    assert found.dirs.db_url == before
    assert "db_url" not in found.config.CourseDirectory
    seen = str(error.value) + repr(error.value.__cause__)
    assert not any(secret in seen for secret in (PASSWORD, "not%2Fto", "s3cret"))
    return str(error.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense s3cret", "What --db names is no database. Expected an address such as postgresql+psycopg://user@"),
        ("postgresql://u:s3cret@h:port/d", "What --db names is no database. Expected"),
        (
            "postgres://u:s3cret@h/d",
            "--db postgres://u:***@h/d: 'postgres' is no kind of database. Expected an address",
        ),
        (
            "mysql://u:s3cret@h/d",
            "needs a driver that is missing: No module named 'MySQLdb'. Run pip install mysqlclient",
        ),
        ("sqlite://", "--db sqlite://: marks in memory would be gone at the end. Expected"),
        ("sqlite:////no/such/folder/x.db", "cannot be used: unable to open database file. Is there such a folder"),
        ("sqlite:///{here}", "cannot be used: file is not a database."),
    ],
)
def test_what_is_no_database(url, words, tmp_path):
    assert words in refusal(make_course(tmp_path / "course"), url.format(here=__file__))


def test_a_url_is_shown_without_its_password():
    assert (
        without_secrets("postgresql://u:s3cret@h/d?password=s3cret&a=b")
        == "postgresql://u:***@h/d?a=b&password=%2A%2A%2A"
    )
    assert without_secrets("sqlite:////folder/gradebook.db") == "sqlite:////folder/gradebook.db"


def test_the_driver_is_not_installed(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "psycopg"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    told = refusal(make_course(tmp_path / "course"), "postgresql+psycopg://u:s3cret@h/d")
    assert told.startswith("--db postgresql+psycopg://u:***@h/d needs a driver that is missing: ")
    assert told.endswith("Run pip install -c constraints.txt -e '.[postgresql]'.")


def test_a_server_that_is_not_there(tmp_path):
    pytest.importorskip("psycopg")
    url = f"{url_of(port := free_port())}?passfile=s3cret"
    told = refusal(make_course(tmp_path / "course"), url)
    assert told.startswith(
        f"--db postgresql+psycopg://{USER}:***@127.0.0.1:{port}/postgres?passfile=%2A%2A%2A cannot be used: "
    )
    assert "Connection refused" in told
    assert told.endswith("Is the server running, and does it listen at this address?")


def test_what_the_server_refuses(server, empty, tmp_path, monkeypatch):
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    root = make_course(tmp_path / "course")
    told = refusal(root, url_of(server, password="s3cret"))
    assert f'password authentication failed for user "{USER}"' in told
    assert told.endswith("Is the password right? It can stand in PGPASSWORD or in ~/.pgpass.")
    assert refusal(root, f"postgresql+psycopg://{USER}@127.0.0.1:{server}/postgres").endswith(
        "Give the password in PGPASSWORD or in ~/.pgpass, where others do not see it."
    )
    told = refusal(root, url_of(server, "nowhere"))
    assert 'database "nowhere" does not exist. Make it first, with createdb' in told
    engine = create_engine(empty)
    with engine.begin() as connection:
        connection.execute(text("CREATE ROLE guest LOGIN PASSWORD 's3cret'"))
        connection.execute(text("REVOKE CREATE ON SCHEMA public FROM public"))
    told = refusal(root, url_of(server, "course", "guest", "s3cret"))
    assert told.endswith(
        "may make no tables there. Have the database's owner run GRANT CREATE ON SCHEMA public TO guest."
    )
    with engine.begin() as connection:
        connection.execute(text("DROP ROLE guest"))
    engine.dispose()
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    use_database(Course(root), f"postgresql+psycopg://{USER}@127.0.0.1:{server}/course")
