"""nbgrader's gradebook kept open for a whole class: one session, one commit a submission, few questions.

nbgrader opens its gradebook anew for each small thing and commits each mark by itself, a write to the disk every
time. Here its own code works on a `Ledger` that is lent to it: what it commits is kept until the submission is done,
and what it looks up one by one was read in one go.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from nbgrader import api
from sqlalchemy.orm import Session, scoped_session, sessionmaker, undefer


class _Session(Session):
    """A session whose commits wait while it is held."""

    held = False

    def commit(self) -> None:
        if not self.held:
            super().commit()


class Ledger(api.Gradebook):
    """nbgrader's ``Gradebook`` for one who grades submission after submission.

    Parameters
    ----------
    db_url, course_id
        As for nbgrader's.
    """

    db: Any

    def __init__(self, db_url: str, course_id: str) -> None:
        super().__init__(db_url, course_id)
        self.db_url = db_url
        self.db.remove()
        self.db = scoped_session(sessionmaker(class_=_Session, bind=self.engine))
        self._found: dict[tuple[Any, ...], Any] = {}  # rows of the session, until the next commit
        self._course_rows: dict[tuple[str, ...], dict[str, Any]] = {}
        self._courses = {course_id}

    @contextlib.contextmanager
    def entry(self) -> Iterator[None]:
        """Do everything inside in one transaction, in a session that holds nothing of the entries before.

        If it fails, what came before the failure is kept, as it is when nbgrader commits each step.
        """
        self.db.expunge_all()
        self._found.clear()
        self.db().held = True
        try:
            yield
        except BaseException as error:
            try:
                self.settle()
            except Exception as another:  # the failure was the database's
                self.db.rollback()
                error.add_note(f"What came before it could not be kept: {another}")
            raise
        else:
            self.settle()
        finally:
            self.db().held = False

    def settle(self) -> None:
        """Commit, for those who look with a connection of their own; what is asked for next is read anew."""
        session = self.db()
        held, session.held = session.held, False
        try:
            session.commit()
        finally:
            session.held = held
            self._found.clear()

    def lent(self, modules: list[Any]) -> contextlib.AbstractContextManager[None]:
        """Have these modules find this ledger when they open the same gradebook; see `borrowers`."""
        return _lend(self, modules)

    def opened(self, db_url: str, course_id: str = "default_course", authenticator: Any = None) -> Any:
        """Stand in for nbgrader's ``Gradebook``: give this ledger to one who would open it."""
        if db_url != self.db_url or authenticator is not None:
            return api.Gradebook(db_url, course_id, authenticator)
        if course_id not in self._courses:
            self.check_course(course_id)
            self._courses.add(course_id)
        return _Loan(self)

    # What nbgrader asks for again and again within a submission

    def find_assignment(self, name: str) -> api.Assignment:
        """Find an assignment."""
        return self._once(super().find_assignment, name)

    def find_student(self, student_id: str) -> api.Student:
        """Find a student."""
        return self._once(super().find_student, student_id)

    def find_notebook(self, name: str, assignment: str) -> api.Notebook:
        """Find a notebook of an assignment."""
        return self._once(super().find_notebook, name, assignment)

    def find_submission(self, assignment: str, student: str) -> api.SubmittedAssignment:
        """Find a submission."""
        return self._once(super().find_submission, assignment, student)

    def find_submission_notebook(self, notebook: str, assignment: str, student: str) -> api.SubmittedNotebook:
        """Find a notebook of a submission."""
        return self._once(super().find_submission_notebook, notebook, assignment, student)

    def find_source_cell(self, name: str, notebook: str, assignment: str) -> api.SourceCell:
        """Find a cell of the source."""
        return self._of_course(self._source_cells, name, notebook, assignment) or super().find_source_cell(
            name, notebook, assignment
        )

    def find_graded_cell(self, name: str, notebook: str, assignment: str) -> api.GradeCell | api.TaskCell:
        """Find a cell of the source that gives marks."""
        return self._of_course(self._graded_cells, name, notebook, assignment) or super().find_graded_cell(
            name, notebook, assignment
        )

    def find_grade(self, grade_cell: str, notebook: str, assignment: str, student: str) -> api.Grade:
        """Find a student's grade for one cell."""
        return self._pick(self._grades, grade_cell, notebook, assignment, student) or super().find_grade(
            grade_cell, notebook, assignment, student
        )

    def find_comment(self, solution_cell: str, notebook: str, assignment: str, student: str) -> api.Comment:
        """Find the comment on one of a student's cells."""
        return self._pick(self._comments, solution_cell, notebook, assignment, student) or super().find_comment(
            solution_cell, notebook, assignment, student
        )

    def grades(self, notebook: str, assignment: str, student: str) -> dict[str, api.Grade]:
        """Find a student's grades in one notebook, by cell."""
        return dict(self._once(self._grades, notebook, assignment, student))

    def _once(self, find: Any, *names: str) -> Any:
        if not self.db().held:
            return find(*names)
        key = (find.__name__, *names)
        if key not in self._found:
            self._found[key] = find(*names)
        return self._found[key]

    def _pick(self, read: Any, name: str, *where: str) -> Any:
        return self._once(read, *where).get(name)

    def _of_course(self, read: Any, name: str, *where: str) -> Any:
        """Find what all submissions have in common, read for the first and kept apart from the session."""
        key = (read.__name__, *where)
        if key not in self._course_rows:
            self._course_rows[key] = read(*where)
            for row in self._course_rows[key].values():
                self.db.expunge(row)
        return self._course_rows[key].get(name)

    def _source_cells(self, notebook: str, assignment: str) -> dict[str, api.SourceCell]:
        return self._cells_of(self.find_notebook(notebook, assignment), api.SourceCell)

    def _graded_cells(self, notebook: str, assignment: str) -> dict[str, api.GradeCell | api.TaskCell]:
        return self._cells_of(self.find_notebook(notebook, assignment), api.TaskCell, api.GradeCell)

    def _cells_of(self, notebook: api.Notebook, *kinds: Any) -> dict[str, Any]:
        rows = (row for kind in kinds for row in self.db.query(kind).filter(kind.notebook_id == notebook.id))
        return {row.name: row for row in rows}

    def _grades(self, notebook: str, assignment: str, student: str) -> dict[str, api.Grade]:
        return self._rows(api.Grade, notebook, assignment, student)

    def _comments(self, notebook: str, assignment: str, student: str) -> dict[str, api.Comment]:
        return self._rows(api.Comment, notebook, assignment, student)

    def _rows(self, kind: Any, notebook: str, assignment: str, student: str) -> dict[str, Any]:
        owner = self.find_submission_notebook(notebook, assignment, student)
        rows = (
            self.db.query(kind, api.BaseCell.name, api.BaseCell.type)
            .join(api.BaseCell, api.BaseCell.id == kind.cell_id)
            .filter(kind.notebook_id == owner.id)
        )
        if kind is api.Grade:
            rows = rows.options(undefer(api.Grade.max_score))
        # if a task has the name of another cell, nbgrader means the other
        return {name: row for row, name, _ in sorted(rows, key=lambda found: found[2] != "TaskCell")}


def borrowers(*classes: type) -> list[Any]:
    """List the modules of these classes, and of those that they are made of, that know nbgrader's ``Gradebook``."""
    names = {c.__module__ for of in classes for c in of.__mro__}
    modules = [sys.modules[name] for name in sorted(names) if name in sys.modules]
    return [m for m in modules if m is not api and getattr(m, "Gradebook", None) is api.Gradebook]


class _Loan:
    """A ledger in the hands of one who believes to have opened it, and closes it when done."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def __enter__(self) -> _Loan:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        pass


@contextlib.contextmanager
def _lend(ledger: Ledger, modules: list[Any]) -> Iterator[None]:
    for module in modules:
        module.Gradebook = ledger.opened
    try:
        yield
    finally:
        for module in modules:
            module.Gradebook = api.Gradebook
