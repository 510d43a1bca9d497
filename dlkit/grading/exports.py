"""Marks as Canvas and Moodle import them: ``nbgrader export --exporter=dlkit.grading.exports.CanvasCsv`` (`MoodleCsv`).

Options stand in ``nbgrader_config.py`` as ``c.CanvasCsv.section = "Monday"``. ``--to``, ``--assignment`` and
``--student`` are nbgrader's own. A total is what nbgrader's own table has: marks less the late penalty, never below 0.

The file is often opened in a spreadsheet before it is imported, and a spreadsheet takes a cell that begins with
``=``, ``+``, ``-`` or ``@`` for a formula, whoever wrote it (CWE-1236). So a *name* that begins so gets an apostrophe
before it: both imports find students by their ids, and read no names. An *id* cannot be changed without being lost;
one that begins so is refused with a message, unless the instructor says that the file goes nowhere else.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbgrader.api import Assignment, Gradebook, Student, SubmittedAssignment
from nbgrader.plugins import ExportPlugin
from sqlalchemy.orm import undefer
from traitlets import Bool, Dict, Enum, Unicode

from dlkit.errors import CourseError

# The full-width forms are typed, and understood, in Chinese and Japanese spreadsheets. A spreadsheet that splits at
# semicolons begins a new cell in the midst of one of ours.
_FORMULA = re.compile(r"((?:^|[;,])[\s\"']*)(?=[=+\-@＝＋－＠])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


class _MarksCsv(ExportPlugin):
    """What both formats share: which marks go into the file, and what keeps a spreadsheet from computing with it."""

    columns = Dict(
        value_trait=Unicode(),
        key_trait=Unicode(),
        help="What the column of an assignment is called, by the assignment's name, if not like the assignment.",
    ).tag(config=True)
    missing = Unicode(help="What stands where nothing was handed in.").tag(config=True)
    unfinished = Bool(
        False,
        help="Whether totals are exported while an answer still waits to be marked by hand; if not, as if missing.",
    ).tag(config=True)
    spreadsheet = Bool(
        True,
        help="Whether the file may be opened in a spreadsheet: then names cannot become formulas, and ids that "
        "would are refused. If not, everything is written as it is.",
    ).tag(config=True)
    byte_order_mark = Bool(
        False,
        help="Whether the file begins with a mark by which Excel sees that it is UTF-8, so that it shows Chinese "
        "names; the import takes it either way.",
    ).tag(config=True)
    default_name = "grades.csv"

    def export(self, gradebook: Gradebook) -> None:
        """Write the marks of a gradebook.

        Parameters
        ----------
        gradebook
            nbgrader's, open.

        Raises
        ------
        CourseError
            If a student or an assignment asked for is unknown, or an id would become a formula in a spreadsheet; no
            file is written.
        """
        assignments = _chosen("assignment", self.assignment, {a.name: a for a in gradebook.assignments})
        students = _chosen("student", self.student, {s.id: s for s in gradebook.students})
        marks = {a.name: self._marks(gradebook, a) for a in assignments}
        rows = list(self.rows(students, assignments, marks))
        path = Path(self.to or self.default_name)
        with path.open("w", encoding="utf-8-sig" if self.byte_order_mark else "utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
        self.log.info("%d students and %d assignments exported to %s", len(students), len(assignments), path)

    def rows(
        self, students: list[Student], assignments: list[Assignment], marks: dict[str, dict[str, str]]
    ) -> Iterator[list[str]]:
        """Make the rows of the file.

        Parameters
        ----------
        students, assignments
            Those to be exported, in the order of the gradebook.
        marks
            For each assignment its cells, by the student's id.
        """
        raise NotImplementedError

    def _marks(self, gradebook: Gradebook, assignment: Assignment) -> dict[str, str]:
        """Return the cells of an assignment by student; who handed in nothing is left out."""
        # by one query: each of these would otherwise be asked for student by student
        asked = [
            getattr(SubmittedAssignment, name) for name in ("score", "late_submission_penalty", "needs_manual_grade")
        ]
        submissions = (
            gradebook.db.query(SubmittedAssignment)
            .filter(SubmittedAssignment.assignment_id == assignment.id)
            .options(*map(undefer, asked))
        )
        cells, waiting = {}, 0
        for submission in submissions:
            if submission.needs_manual_grade and not self.unfinished:
                waiting += 1
            else:
                cells[submission.student.id] = self.mark(
                    max(0.0, submission.score - submission.late_submission_penalty), assignment.max_score
                )
        if waiting:
            self.log.warning(
                "%s: %d submissions still have an answer to be marked by hand and are exported as if nothing had been "
                "handed in. Mark them in Formgrader, or set %s.unfinished to export what they have so far.",
                assignment.name, waiting, type(self).__name__,
            )  # fmt: skip
        return cells

    def mark(self, total: float, most: float) -> str:
        """Write one total."""
        return f"{total:.10g}"

    def heading(self, assignment: Assignment) -> str:
        """Return the name of an assignment's column."""
        return self.name(self.columns.get(assignment.name, assignment.name))

    def name(self, text: str | None) -> str:
        """Write what the import does not look anyone up by."""
        text = text or ""
        return _FORMULA.sub(r"\1'", _CONTROL.sub(" ", text).strip()) if self.spreadsheet else text

    def id(self, text: str | None) -> str:
        """Write what the import finds the student by."""
        text = text or ""
        if self.spreadsheet and self.name(text) != text:
            raise CourseError(
                f"The id {text!r} would be a formula in a spreadsheet, and the import needs it unchanged. Expected an "
                "id that begins with a letter or a digit. If the file is to be imported without being opened in a "
                f"spreadsheet, set c.{type(self).__name__}.spreadsheet = False, or leave the student out."
            )
        return text


class CanvasCsv(_MarksCsv):
    """The file that Canvas's gradebook imports.

    The columns are *Student*, *ID*, *SIS User ID*, *SIS Login ID*, *Section*, then one for each assignment; below the
    header is the row *Points Possible*, then a row for each student. Canvas finds a student by *ID* (its own number:
    nbgrader's ``lms_user_id``), else by one of the SIS columns, and only then by the name. An assignment is found by
    the number in parentheses at the end of its heading, ``Homework 2 (4711)``, else by its title; anything else is
    offered as a new assignment, worth the points possible. So take the headings over from a file exported by Canvas::

        c.CanvasCsv.columns = {"hw2_topic": "Homework 2 (4711)"}

    An empty cell removes a mark that Canvas has; ``EX`` excuses the student.

    Source of the format: Canvas itself, ``lib/gradebook_importer.rb`` in github.com/instructure/canvas-lms
    (``row_has_student_headers?``, ``update_column_count``, ``parse_assignments``, ``process_student``), read at commit
    00b222d; and the Canvas Instructor Guide, "How do I import grades in the Gradebook?".
    """

    section = Unicode("", help="What stands in the column Section, which Canvas wants to be there.").tag(config=True)
    sis_login_id = Enum(
        ("id", "email", ""),
        "id",
        help="What of a student stands in the column SIS Login ID: nbgrader's id, or the email.",
    ).tag(config=True)
    sis_user_id = Enum(("", "id", "email"), "", help="The same for the column SIS User ID; empty by default.").tag(
        config=True
    )
    default_name = "canvas.csv"

    def rows(
        self, students: list[Student], assignments: list[Assignment], marks: dict[str, dict[str, str]]
    ) -> Iterator[list[str]]:
        """Make the header, the row of points possible, and a row for each student."""
        known = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
        yield [*known, *map(self.heading, assignments)]
        yield ["    Points Possible", "", "", "", "", *(f"{a.max_score:.10g}" for a in assignments)]
        for s in students:
            ids = [
                s.lms_user_id,
                *(getattr(s, field) if field else "" for field in (self.sis_user_id, self.sis_login_id)),
            ]
            if not any(ids):
                self.log.warning("%s has no id that Canvas could know; it will look for the name.", s.id)
            name = self.name(", ".join(part for part in (s.last_name, s.first_name) if part) or s.id)
            name = name.replace("Points Possible", "Points possible")  # else it is no student, and sets the points
            cells = [marks[a.name].get(s.id, self.missing) for a in assignments]
            yield [name, *map(self.id, ids), self.name(self.section), *cells]


class MoodleCsv(_MarksCsv):
    """The file that Moodle's gradebook imports: *Grades, Import, CSV file*.

    The columns are *Username*, *ID number*, *Email address*, *First name*, *Last name*, then one for each assignment,
    and every row below the header is a student: Moodle has no row of points, and gives up the whole import at a row
    whose student it does not find. It asks for the meaning of the columns: map *Username* to "Username" (or one of
    the other two to its like), the assignments to grade items, and leave the rest at "Ignore". A grade item that is
    made by the import is out of 100 points: use `percent` for one, or make the item before.

    Moodle gives the marks of a row whose id is empty to the student of the row above. So a column is written only if
    every student has what stands in it.

    Source of the format: Moodle itself, ``grade/import/csv/classes/load_data.php`` in github.com/moodle/moodle
    (``map_user_data_with_value``, ``prepare_import_grade_data``, ``update_grade_item``), read at commit 0289d8c; and
    docs.moodle.org, "Grade import".
    """

    missing = Unicode("-", help="What stands where nothing was handed in; - is what Moodle writes itself.").tag(
        config=True
    )
    username = Enum(
        ("id", "email", ""), "id", help="What of a student stands in the column Username: nbgrader's id, or the email."
    ).tag(config=True)
    id_number = Enum(
        ("", "id", "lms_user_id"), "", help="What of a student stands in the column ID number; none by default."
    ).tag(config=True)
    percent = Bool(False, help="Whether totals are written out of 100.").tag(config=True)
    default_name = "moodle.csv"

    def rows(
        self, students: list[Student], assignments: list[Assignment], marks: dict[str, dict[str, str]]
    ) -> Iterator[list[str]]:
        """Make the header, and a row for each student."""
        wanted = {"Username": self.username, "ID number": self.id_number, "Email address": "email"}
        ids = {title: field for title, field in wanted.items() if field and all(getattr(s, field) for s in students)}
        if not ids:
            raise CourseError(
                "Moodle could find no student: expected a username, an id number or an email that every student has; "
                f"got username={self.username!r} and id_number={self.id_number!r}. See c.MoodleCsv.username."
            )
        lacking = [title for title, field in wanted.items() if field and title not in ids]
        if lacking:
            self.log.warning("Left out, because not every student has one: the column %s", ", ".join(lacking))
        yield [*ids, "First name", "Last name", *map(self.heading, assignments)]
        for s in students:
            cells = [marks[a.name].get(s.id, self.missing) for a in assignments]
            found = [self.id(getattr(s, field)) for field in ids.values()]
            yield [*found, self.name(s.first_name), self.name(s.last_name), *cells]

    def mark(self, total: float, most: float) -> str:
        """Write one total, out of 100 if `percent` is set."""
        return f"{100 * total / most if self.percent and most else total:.10g}"


def _chosen(kind: str, names: list[Any], known: dict[str, Any]) -> list[Any]:
    """Return those named, or all if none is."""
    asked = list(map(str, names))
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise CourseError(f"The gradebook has no {kind} {unknown[0]!r}. It has: {', '.join(known) or 'none'}.")
    return [value for name, value in known.items() if name in asked or not asked]
