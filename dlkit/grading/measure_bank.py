"""``dlkit bank``: an answer of the bank, made of a notebook that was handed in.

Of the notebook only the text of answers is taken that are neither the course's own nor as they were released, with the
added cells that they use; the others get the reference solution, so that one mistake is seen by itself. What could say
who wrote it goes: metadata and outputs, comments and docstrings (a name or a number often stands there, and no test
looks at them), paths and mail addresses in strings, the name of the student's folder.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import replace
from pathlib import Path

import jupytext
import nbformat
from nbformat.notebooknode import NotebookNode

from dlkit.errors import CourseError
from dlkit.grading.bank import Answer, without_markers
from dlkit.grading.canonical import canonical
from dlkit.grading.cells import grade_id, is_test
from dlkit.grading.course import Course
from dlkit.grading.dispatch import Dispatch
from dlkit.grading.execute import execute
from dlkit.grading.expect import HINT
from dlkit.grading.measure_exercise import Exercise, Verdict
from dlkit.grading.plan import bound, used
from dlkit.grading.pool import own_worker
from dlkit.grading.results import Results

_PATH = re.compile(r"(?<![\w.])(?:[A-Za-z]:[\\/]+|~[\\/]|/)(?:[\w.\- ]+[\\/]+)+[\w.\-]*")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_GONE = "\0"  # stands for a line that goes, until all line numbers have been used
_STRINGS = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


def bank(root: Path, name: str, notebook: Path, *, kind: str, answer: str) -> int:
    """Write a file of the bank from a notebook that was handed in, with what the grader finds in its header.

    Parameters
    ----------
    root
        The course folder.
    name
        The assignment.
    notebook
        What was handed in.
    kind
        ``right``, ``wrong`` or ``broken``.
    answer
        What the file is to be called.

    Returns
    -------
    int
        0, or 1 if the tests find a wrong answer right or a right one wrong; the file is written all the same.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", answer):
        raise CourseError(f"--name must be small letters, digits and underscores, got {answer!r}.")
    course = Course(root)
    exercise = Exercise(course, course.choose([name])[0])
    target = exercise.bank / kind / f"{answer}.py"
    if target.exists():
        raise CourseError(f"{target} is there already. Give another --name.")
    taken = replace(taken_from(exercise, notebook), kind=kind, name=answer)
    verdict = _graded(exercise, taken)
    if kind != "right":
        lost = [test for item in exercise.items for test in item.tests if test in verdict.lost]
        taken = replace(taken, loses=tuple(lost), hint=_hint(verdict))
    text = as_text(taken)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    print(f"{target}:\n\n{text}")
    print("Read it through: a name inside the code is not recognised. Write its title, and give it to a student in")
    print(f'class.toml: answer = "{kind}/{answer}".')
    if (kind == "right") == bool(verdict.lost):
        what = "loses " + ", ".join(sorted(verdict.lost)) if verdict.lost else "gets full marks"
        print(f"It {what}: either it is not {kind}, or a test is to be mended.")
        return 1
    if kind == "wrong" and not taken.hint:
        print("Its feedback holds no hint: name the mistake in the `mistakes` of a test, and in the header as `hint`.")
    return 0


def taken_from(exercise: Exercise, path: Path) -> Answer:
    """Take from a notebook that was handed in what its author wrote, without what could say who she is.

    Raises
    ------
    CourseError
        If it cannot be read, or holds no answer of its own.
    """
    try:
        submission = nbformat.read(path, as_version=4)
    except Exception as error:  # whatever it is, it is no notebook
        raise CourseError(f"{path} cannot be read as a notebook: {type(error).__name__}: {error}") from error
    notebook, _ = canonical(exercise.release, submission)
    student = path.resolve().parent.parent.name if path.resolve().parent.name == exercise.name else ""
    cells = [(title, anonymous(text, student)) for title, text in _own_cells(exercise, notebook)]
    if not cells:
        raise CourseError(f"{path} holds no answer of its own: each one is as released, or the reference solution.")
    return Answer("", "", "", (), "", False, "last", tuple(cells))


def _own_cells(exercise: Exercise, notebook: NotebookNode) -> list[tuple[str, str]]:
    """List the answers that differ from the course's and the release's, after the added cells that each may use."""
    stubs = {grade_id(c): c.source for c in exercise.release.cells}
    found: list[tuple[str, str]] = []
    home = 0  # where a cell goes that was added below an answer: before it, if no test stands between
    for cell in notebook.cells:
        name = grade_id(cell)
        if cell.cell_type != "code":
            continue
        if name in exercise.answers:
            known = (without_markers(exercise.answers[name]), stubs[name])
            if _meaning(cell.source) not in map(_meaning, known):
                home = len(found)
                found.append((name, cell.source))
        elif name is None:
            found.insert(home, ("added", cell.source))
            home += 1
        elif is_test(cell):
            home = len(found)
    wanted: set[str] = set()
    kept = []
    for title, text in reversed(found):
        if title != "added" or not wanted.isdisjoint(bound(text)):
            wanted |= used(text)
            kept.append((title, text))
    return kept[::-1] if any(title != "added" for title, _ in kept) else []


def anonymous(text: str, student: str = "") -> str:
    """Take out of a cell's text what could say who wrote it; what the code does stays the same.

    Parameters
    ----------
    text
        The cell. Of one that does not parse the part that Python can split into words is treated like any other; of
        the rest only whole lines of comments go.
    student
        A name that must not stand in it, of three letters or more.
    """
    if not _parses(text):
        text = "\n".join(line for line in text.split("\n") if not re.match(r"\s*[!%]", line))  # magics, mostly
    plain = _parses(text)
    lines = _without_docstrings(text).split("\n")
    for kind, (row, column), (last, end) in reversed(_words("\n".join(lines))):
        if kind == tokenize.COMMENT:
            lines[row - 1] = lines[row - 1][:column].rstrip() or _GONE
        elif kind in _STRINGS:
            for at in range(row - 1, last):
                begin = column if at == row - 1 else 0
                stop = end if at == last - 1 else len(lines[at])
                inner = _MAIL.sub("ADDRESS", _PATH.sub("PATH", lines[at][begin:stop]))
                lines[at] = lines[at][:begin] + inner + lines[at][stop:]
    text = "\n".join(line for line in lines if line != _GONE and (plain or not re.match(r"\s*#", line)))
    if len(student) >= 3:
        text = re.sub(re.escape(student), "student", text, flags=re.IGNORECASE)
    return text.strip("\n")


def as_text(answer: Answer) -> str:
    """Write an answer in percent format, its title left to be written.

    Raises
    ------
    CourseError
        If it would be read as something else, since quotes that are left open run on into the next cell.
    """
    header = ["# title: "]
    header += [f"# loses: {', '.join(answer.loses)}"] if answer.loses else []
    header += [f"# hint: {answer.hint}"] if answer.hint else []
    cells = [f"# %% {title}\n{text}\n" for title, text in answer.cells]
    text = "\n".join(header) + "\n\n" + "\n\n".join(cells)
    again = [(c.metadata.get("title"), c.source) for c in jupytext.reads(text, "py:percent").cells]
    if [cell for cell in again if cell[0]] != list(answer.cells):
        raise CourseError("The answers cannot be written in percent format: in one of them quotes are left open.")
    return text


def _graded(exercise: Exercise, answer: Answer) -> Verdict:
    job = exercise.job(exercise.handed_in(answer)[0])
    results = Results(exercise.course.root / "build" / "measure")
    Dispatch(own_worker(), results, execute)(job).result()
    result = results.get(job.key)
    assert result is not None
    return exercise.verdict(job, result)


def _hint(verdict: Verdict) -> str:
    lines = [line for failure in verdict.failures for line in failure.text.splitlines() if line.startswith(HINT)]
    return lines[0].removeprefix(HINT).strip() if lines else ""


def _meaning(text: str) -> str:
    try:
        return ast.dump(ast.parse(text))
    except (SyntaxError, ValueError):
        return text.strip()


def _words(text: str) -> list[tuple[int, tuple[int, int], tuple[int, int]]]:
    """Split a text into words as Python does, as far as it goes: kind, start and end of each."""
    found = []
    try:
        for word in tokenize.generate_tokens(io.StringIO(text).readline):
            found.append((word.type, word.start, word.end))
    except (tokenize.TokenError, SyntaxError):
        pass
    return found


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


def _without_docstrings(text: str) -> str:
    if not _parses(text):
        return text
    lines = text.split("\n")
    kinds = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, kinds) or ast.get_docstring(node) is None:
            continue
        first = node.body[0]
        begin, end = first.lineno - 1, first.end_lineno or first.lineno
        # the columns of the tree count bytes
        before = lines[begin].encode()[: first.col_offset].decode()
        after = lines[end - 1].encode()[first.end_col_offset :].decode()
        alone = len(node.body) > 1 and not before.strip() and not after.strip(" \t;")
        lines[begin:end] = [_GONE if alone else f"{before}pass{after}"] + [_GONE] * (end - begin - 1)
    return "\n".join(line for line in lines if line != _GONE)
