"""The database that holds the gradebook, if it is another one than the course's configuration names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from dlkit.errors import CourseError

if TYPE_CHECKING:
    from dlkit.grading.course import Course

_SUCH_AS = "an address such as postgresql+psycopg://user@host/database or sqlite:////folder/gradebook.db"
_TIMEOUT = 10  # seconds in which a server must answer
_MAY_MAKE_TABLES = "SELECT has_schema_privilege(current_schema(), 'CREATE')"
_PACKAGES = {"MySQLdb": "mysqlclient"}  # that have another name than what they bring
_HINTS = {  # by what PostgreSQL says in English, or the driver does
    "password authentication failed": "Is the password right? It can stand in PGPASSWORD or in ~/.pgpass.",
    "no password supplied": "Give the password in PGPASSWORD or in ~/.pgpass, where others do not see it.",
    "does not exist": "Make it first, with createdb or createuser.",
    "onnection refused": "Is the server running, and does it listen at this address?",
    "timeout": "Is the server running, and may this machine connect to it?",
    "unable to open database file": "Is there such a folder, and may you write in it?",
}


def use_database(course: Course, url: str) -> None:
    """Have a course keep its gradebook in this database, for as long as `course` lives.

    The database must be there; the tables are made by `dlkit.grading.gradebook.make_gradebook`.

    Parameters
    ----------
    course
        Its ``config`` and its ``dirs`` are changed.
    url
        As SQLAlchemy writes it, ``postgresql+psycopg://user@host/database`` for example.

    Raises
    ------
    CourseError
        If it cannot be used, with the reason, and without the password.
    """
    found = _parsed(url)
    _try(found)
    course.config.CourseDirectory.db_url = course.dirs.db_url = found.render_as_string(hide_password=False)


def _parsed(url: str) -> URL:
    try:
        found = make_url(url)
    except (ArgumentError, ValueError) as error:  # it is not shown: a password may be in it
        raise CourseError(f"What --db names is no database. Expected {_SUCH_AS}.") from error
    if found.get_backend_name() != "sqlite":
        return found
    if found.database in (None, "", ":memory:"):
        raise CourseError(f"--db {found}: marks in memory would be gone at the end. Expected {_SUCH_AS}.")
    return found.set(database=str(Path(str(found.database)).resolve()))  # for nbgrader it would be in another folder


def _try(url: URL) -> None:
    """Connect once, so that what is wrong with the database is said before anything is done."""
    name = without_secrets(url)
    is_postgresql = url.get_backend_name() == "postgresql"
    try:
        engine = create_engine(url, connect_args={"connect_timeout": _TIMEOUT} if is_postgresql else {})
    except NoSuchModuleError as error:
        raise CourseError(f"--db {name}: {url.drivername!r} is no kind of database. Expected {_SUCH_AS}.") from error
    except ImportError as error:
        ours = url.drivername in ("postgresql", "postgresql+psycopg")
        package = "-c constraints.txt -e '.[postgresql]'" if ours else _PACKAGES.get(str(error.name), error.name)
        raise CourseError(f"--db {name} needs a driver that is missing: {error}. Run pip install {package}.") from error
    try:
        with engine.connect() as connection:
            if is_postgresql and not connection.scalar(text(_MAY_MAKE_TABLES)):
                raise CourseError(
                    f"--db {name}: this user may make no tables there. Have the database's owner run "
                    f"GRANT CREATE ON SCHEMA public TO {url.username or 'the user'}."
                )
            inspect(connection).get_table_names()  # a file may be no database
    except DBAPIError as error:
        reason = _reason(error, url)
        hint = next((hint for words, hint in _HINTS.items() if words in reason), "")
        raise CourseError(
            f"--db {name} cannot be used: {reason}. {hint}".rstrip()
        ) from None  # it may hold the password
    finally:
        engine.dispose()


def _reason(error: DBAPIError, url: URL) -> str:
    """Return what the driver says, on one line and without the password."""
    reason = " ".join(str(error.orig).split()).rstrip(".") or type(error.orig).__name__
    return reason.replace(str(url.password), "***") if url.password else reason


def without_secrets(url: str | URL) -> str:
    """Return a database's URL as it may be shown: with stars for the password."""
    url = make_url(url)
    query: dict[str, Any] = {k: "***" if "pass" in k.lower() else v for k, v in url.query.items()}
    return url.set(query=query).render_as_string(hide_password=True)
