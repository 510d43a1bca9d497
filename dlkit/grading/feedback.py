"""The page a student gets back: what failed, said by the failed check; no hidden test, no foreign traceback.

A hidden test is shown by its title and by the hint of its message only. Its title is what a line ``# title: …``
above the check in the hidden region says, or else the first comment of the cell in plain view. What the instructor
sees in Formgrader is not touched.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbformat.notebooknode import NotebookNode
from nbgrader.api import Grade
from nbgrader.preprocessors import ClearHiddenTests, GetGrades
from nbgrader.utils import is_solution
from traitlets import List, Unicode

from dlkit.grading.cells import HIDDEN, grade_id, is_test, note_cell, plain_text
from dlkit.grading.expect import HINT
from dlkit.grading.outputs import OUR_WORDS

SUMMARY_TITLE = "Where marks were lost · 失分之处"
ABOUT_HIDDEN = (
    "A hidden test calls the same functions with other inputs, which are not shown; its title says of what kind. · "
    "隐藏测试用未公开的其他输入调用同样的函数，标题说明是哪一类输入。"
)
_FRAME = re.compile(r"\s*Cell In\s?\[(\d+)\], line (\d+)")
_OURS = (*OUR_WORDS, "StdinNotImplementedError")


@dataclass(frozen=True)
class Failure:
    """Why a cell failed, in words that may be shown to the student."""

    item: str
    hidden: str | None  # the title, if the check that failed is a hidden one
    text: str

    @property
    def short(self) -> str:
        """One line: what was called, and the hint where there is one, else the first line of what came instead."""
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        hints = [line for line in lines[1:] if line.startswith(HINT)]
        return " — ".join(lines[:1] + (hints or lines[1:])[:1])


def failures(notebook: NotebookNode) -> list[Failure]:
    """List the student's cells of an autograded notebook that ended in an error, and the failed tests, in order."""
    ran = cells_by_count(notebook)
    found = []
    for cell in notebook.cells:
        if is_test(cell):
            found.append(failure_of(cell, ran))
        elif cell.cell_type == "code" and (is_solution(cell) or not grade_id(cell)):
            errors = [o for o in cell.outputs if o.output_type == "error"]
            name = f"the cell `{grade_id(cell)}`" if grade_id(cell) else "a cell that was added"
            message = re.sub(r"\(\d+\.py, line", "(line", plain_text(errors[0].evalue)) if errors else ""
            found += [Failure(name, None, f"{e.ename}: {message}") for e in errors[:1]]
    return [failure for failure in found if failure is not None]


def cells_by_count(notebook: NotebookNode) -> dict[int, NotebookNode]:
    """Map ``n`` of ``In [n]`` to its cell."""
    return {c.execution_count: c for c in notebook.cells if c.cell_type == "code" and c.execution_count}


def failure_of(cell: NotebookNode, ran: Mapping[int, NotebookNode]) -> Failure | None:
    """Say why a test cell failed; None if it passed.

    Parameters
    ----------
    cell
        A test cell with its outputs, hidden tests included.
    ran
        The notebook's cells by execution count, to name the place in the student's cells.
    """
    errors = [o for o in cell.outputs if o.output_type == "error"]
    if not errors:
        return None
    error = errors[0]
    frames = [m for e in errors for line in e.traceback if (m := _FRAME.match(plain_text(line)))]
    here = [int(m[2]) for m in frames if int(m[1]) == cell.execution_count]
    hidden = _hidden_title(cell.source, here)
    message = plain_text(error.evalue).strip()
    if error.ename in _OURS:
        text = message
    elif error.ename == "AssertionError":
        text = message or "A check in this cell failed."
        if hidden is not None:
            text = "\n".join(line for line in text.splitlines() if line.startswith(HINT))
    else:
        place = _place(frames, ran, line=hidden is None)
        text = f"{error.ename} was raised{place}."
        if hidden is None and message:
            text = f"{error.ename}: {message}" + (f"\nRaised{place}." if place else "")
        if error.ename == "NotImplementedError":
            text += "\nThe answer is not written yet."
    if hidden is not None and error.ename not in _OURS:
        text = f"{'' if 'hidden' in hidden.lower() else 'Hidden test: '}{hidden}\n{text}".strip()
    return Failure(grade_id(cell) or "", hidden, text)


def _hidden_title(source: str, failed_lines: list[int]) -> str | None:
    """Return the title of the hidden test at one of these lines, or None if all of them are in plain view."""
    begin, end = HIDDEN
    inside, title, found = False, "", None
    for number, line in enumerate(source.split("\n"), start=1):
        inside = (inside or begin in line) and end not in line
        comment = re.match(r"\s*#(?!##)\s*(.+)", line)
        if comment and inside and comment[1].startswith("title:"):
            title = comment[1].removeprefix("title:").strip()
        elif comment and not inside and not title:
            title = comment[1].strip()
        # an error without a line (the cell does not parse, the kernel ended) may be anywhere: take the careful view
        if inside and (number in failed_lines or not failed_lines):
            found = title or "one that is not in your notebook"
    return found


def _place(frames: list[re.Match[str]], ran: Mapping[int, NotebookNode], *, line: bool) -> str:
    """Say where in her cells an error was raised; without the line, only if it is a cell of the course's.

    Which line raises, and in which cell she has added, is hers to choose: it may be what a hidden test gave her.
    """
    for frame in reversed(frames):
        cell = ran.get(int(frame[1]))
        # a place that is none may be a message: the number of the line would be what it says
        if cell is not None and not is_test(cell) and int(frame[2]) <= len(cell.source.splitlines()):
            if not line:
                return f" in your cell `{grade_id(cell)}`" if grade_id(cell) else ""
            name = f"your cell `{grade_id(cell)}`" if grade_id(cell) else "a cell you added"
            return f" in {name}, line {frame[2]}"
    return ""


def waits(grade: Grade) -> bool:
    """Tell whether an answer waits for a person's mark: what nbgrader counts as nothing until then.

    Its ``needs_manual_grade`` says more: it is set too where a person should look once more at marks that stand.
    """
    return grade.auto_score is None and grade.manual_score is None


class GetMarks(GetGrades):
    """First of ``GenerateFeedback.preprocessors``: the marks of the gradebook, and which answers wait for theirs.

    A cell that waits has ``waits`` in its metadata; ``resources["nbgrader"]["waiting"]`` are the points of all of them.
    """

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Put the marks into the notebook."""
        nb, resources = super().preprocess(nb, resources)
        marks = [cell.metadata.get("nbgrader", {}) for cell in nb.cells]
        resources["nbgrader"]["waiting"] = sum(mark.points for mark in marks if mark.get("waits"))
        return nb, resources

    def _get_score(self, cell: NotebookNode, resources: Any) -> None:
        super()._get_score(cell, resources)
        grade = self.gradebook.find_grade(grade_id(cell), self.notebook_id, self.assignment_id, self.student_id)
        cell.metadata.nbgrader["waits"] = waits(grade)


class HideTests(ClearHiddenTests):
    """Second of ``GenerateFeedback.preprocessors``: the student's view of an autograded notebook."""

    # an option that nbconvert's HTMLExporter sets for every step, and of whose absence Formgrader's log would warn
    display_data_priority = List(Unicode()).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Take out what is not for the student and put what was lost at the top."""
        ran, lost = cells_by_count(nb), failures(nb)
        shown = {failure.item: failure.text for failure in lost}
        marks = {}
        for cell in nb.cells:
            if is_test(cell):
                name, meta = grade_id(cell) or "", cell.metadata.nbgrader
                # What answers print while a test runs may be the test's data: nothing but the verdict is shown.
                cell.outputs = [o for o in cell.outputs if o.output_type == "error"][:1]
                for output in cell.outputs:
                    output.update(evalue=shown[name], traceback=[shown[name]])
                self._remove_hidden_test_region(cell)
                marks[name] = f"[`{name}`](#{name}): {meta.get('score') or 0:g} of {meta.points:g}"
            elif cell.cell_type == "code":
                for output in cell.outputs:
                    if output.output_type == "error":
                        output.traceback = own_frames(output.traceback, ran)
        if lost:
            points = [f"{marks.get(f.item, f.item)}\n\n{_block(f.text)}" for f in lost]
            points += [ABOUT_HIDDEN] if any(failure.hidden for failure in lost) else []
            nb.cells.insert(0, note_cell(SUMMARY_TITLE, points, "what-was-lost"))
        return nb, resources


def _block(text: str) -> str:
    """Set a message as it stands in a markdown point, whatever it contains."""
    lines = []
    for line in text.replace("~~~", "~ ~ ~").splitlines():
        # a block does not wrap in the browser; a Chinese character takes two columns
        width = 88 if line.isascii() else 60
        lines += textwrap.wrap(line, width, subsequent_indent="  ", tabsize=4) if len(line) > width else [line]
    return "\n".join("  " + line for line in ["~~~text", *lines, "~~~", ""])


def own_frames(traceback: list[str], ran: Mapping[int, NotebookNode]) -> list[str]:
    """Keep of a traceback its title, the frames in the student's and the course's cells, and its message."""
    kept = []
    for i, part in enumerate(traceback):
        frame = _FRAME.match(plain_text(part))
        cell = ran.get(int(frame[1])) if frame else None
        library = re.match(r"\s*File ", plain_text(part))
        if i == len(traceback) - 1 or (not library and not (cell is not None and is_test(cell))):
            kept.append(part)
    return kept
