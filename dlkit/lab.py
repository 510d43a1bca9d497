"""``dlkit lab``: JupyterLab on the course, with its assignments ready to be fetched, worked on and handed in.

Before the server starts, each assignment in the release directory is put into nbgrader's exchange, unless just this
version is there already; the Assignment List then offers it. All names and places come from ``nbgrader_config.py``.
"""

import argparse
import os
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dlkit.errors import CourseError

COURSE = Path(__file__).resolve().parents[1]
OFFLINE = (
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
)


def register(subparsers: Any) -> None:
    """Add the command ``lab`` to the command line."""
    parser = subparsers.add_parser("lab", help="open the course in JupyterLab")
    parser.add_argument("--port", help="the port to use; by default the first free one from 8888 on")
    parser.add_argument("--course", type=Path, default=COURSE, help="the folder with nbgrader_config.py")
    parser.add_argument("jupyter", nargs="*", help="arguments for JupyterLab, after --")
    parser.set_defaults(command=_command)


def _command(arguments: argparse.Namespace) -> None:
    course = arguments.course.resolve()
    port = None if arguments.port is None else check_port(arguments.port)
    for name in release(course):
        print(f"Released {name}: students find it in the Assignment List.", flush=True)
    print("Starting JupyterLab; to stop it, press Ctrl-C twice.", flush=True)
    start(course, port, arguments.jupyter)


def check_port(text: str) -> int:
    """Return the port that a text names, if a server can have it.

    Raises
    ------
    CourseError
        If it is no port number, or the port is in use or not ours to use.
    """
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise CourseError(f"PORT is {text!r}; expected a number from 1 to 65535, for example PORT=8899")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind(("127.0.0.1", int(text)))
        except OSError as error:
            raise CourseError(
                f"port {text} cannot be used: {error.strerror}.\n"
                "Take another one (make lab PORT=8899), let Jupyter choose (make lab),\n"
                f"or stop the server that has it (jupyter lab stop {text})."
            ) from error
    return int(text)


def release(folder: Path) -> list[str]:
    """Put the assignments of a course into its exchange and its gradebook.

    Parameters
    ----------
    folder : Path
        The folder with ``nbgrader_config.py``.

    Returns
    -------
    list of str
        The assignments that were not in the exchange in their present version, and now are.

    Raises
    ------
    CourseError
        If the folder holds no course, or nbgrader cannot release an assignment.
    """
    from nbgrader.auth import Authenticator
    from nbgrader.exchange import ExchangeError, ExchangeFactory
    from nbgrader.utils import self_owned
    from traitlets import TraitError

    from dlkit.grading.course import Course

    course = Course(folder)
    exchange = ExchangeFactory(config=course.config).ReleaseAssignment(
        coursedir=course.dirs, authenticator=Authenticator(config=course.config), config=course.config, force=True
    )
    _make_folders(Path(exchange.root), Path(exchange.assignment_dir))
    ours = Path(exchange.root, course.dirs.course_id)
    if ours.exists() and not self_owned(ours):
        return []  # a class that shares one exchange: only its owner, the instructor, releases into it
    done = []
    for assignment in sorted(course.release("x").parent.glob("*/")):
        if _same_files(assignment, ours / "outbound" / assignment.name, course.dirs.ignore):
            continue
        try:
            course.dirs.assignment_id = assignment.name
            exchange.start()
        except (ExchangeError, TraitError) as error:
            raise CourseError(f"{assignment.name} could not be released: {error}") from error
        done.append(assignment.name)
    _enter_into_gradebook(course, done)
    return done


def _enter_into_gradebook(course: Any, changed: Sequence[str]) -> None:
    """Make the assignments known to Formgrader, which grades only what is in the gradebook."""
    from nbgrader.api import Gradebook

    from dlkit.grading.release import build

    names = course.names()
    if not names:
        return  # a student's copy of the course, without solutions
    with Gradebook(course.dirs.db_url, course.dirs.course_id) as gradebook:
        known = {assignment.name for assignment in gradebook.assignments}
    for name in names:
        if name in changed or name not in known:
            with tempfile.TemporaryDirectory() as scratch:
                build(course, name, Path(scratch), course.dirs.db_url)


def start(course: Path, port: int | None, extra: Sequence[str]) -> None:
    """Become the JupyterLab server of a course; the call does not return.

    Parameters
    ----------
    course : Path
        The folder that the server shows.
    port : int or None
        The port, or `None` for the first free one.
    extra : sequence of str
        Further arguments for JupyterLab.
    """
    # nbgrader looks for its configuration while in the students' folder, so it has to be told of the course's;
    # .jupyter/ takes away Lab's question whether it may fetch news.
    paths = [str(course), str(COURSE / ".jupyter"), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, paths))
    os.chdir(course)
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={course}", *OFFLINE]
    if os.geteuid() == 0:
        command.append("--allow-root")
    if port is not None:
        command += [f"--port={port}", "--port-retries=0"]
    os.execv(sys.executable, [*command, *extra])


def _make_folders(exchange: Path, work: Path) -> None:
    try:
        work.mkdir(parents=True, exist_ok=True)  # the Assignment List works in it
        if not exchange.is_dir():
            exchange.mkdir(parents=True)
            exchange.chmod(0o777)  # nbgrader asks for it: students hand in here
    except OSError as error:
        raise CourseError(
            f"cannot make {error.filename}: {error.strerror}.\n"
            "Make it by hand, or name another place in nbgrader_config.py (Exchange.root, Exchange.assignment_dir)."
        ) from error


def _same_files(a: Path, b: Path, ignore: Sequence[str]) -> bool:
    from nbgrader.utils import find_all_files

    files = [sorted(Path(path).relative_to(folder) for path in find_all_files(folder, ignore)) for folder in (a, b)]
    return files[0] == files[1] and all((a / name).read_bytes() == (b / name).read_bytes() for name in files[0])
