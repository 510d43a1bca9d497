"""nbgrader's gradebook, whole even if the one who made it was killed, and quick however many are in it."""

from __future__ import annotations

from nbgrader import api
from sqlalchemy import inspect, text

_VERSION = "alembic_version"
# nbgrader looks these up by one column, and its own indices begin with another: it would read the whole table
_INDICES = {"submitted_notebook": "assignment_id", "grade": "notebook_id", "comment": "notebook_id"}


def make_gradebook(db_url: str, course_id: str) -> None:
    """Make the gradebook if there is none, and complete one whose making was cut short.

    nbgrader makes its tables first and then, seconds later, writes down which version of them it made; a gradebook
    without that line works until the day it is to be upgraded. Three indices are added, so that the time for one
    submission does not depend on how many there are; they change nothing that is stored.
    """
    with api.Gradebook(db_url, course_id) as gradebook:
        _add_version(gradebook)
        _add_indices(gradebook)


def _add_version(gradebook: api.Gradebook) -> None:
    found = inspect(gradebook.engine).has_table(_VERSION)
    if found and gradebook.db.execute(text(f"SELECT * FROM {_VERSION}")).first() is not None:
        return
    version = api.get_alembic_version()
    if not found:
        gradebook.db.execute(text(f"CREATE TABLE {_VERSION} (version_num VARCHAR(32) NOT NULL)"))
    gradebook.db.execute(text(f"INSERT INTO {_VERSION} (version_num) VALUES (:version)"), {"version": version})
    gradebook.db.commit()


def _add_indices(gradebook: api.Gradebook) -> None:
    known = inspect(gradebook.engine)
    for table, column in _INDICES.items():
        name = f"dlkit_{table}_{column}"
        if name not in {index["name"] for index in known.get_indexes(table)}:
            gradebook.db.execute(text(f"CREATE INDEX {name} ON {table} ({column})"))
    gradebook.db.commit()
