"""What came out of grading, and how it is shown: a table of marks, and for each student what was lost and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dlkit.grading.course import LOG, Course
from dlkit.grading.database import without_secrets
from dlkit.grading.feedback import Failure

REPORT = "report.html"  # in the course folder: see `dlkit.grading.report_page`


@dataclass
class Result:
    """What came out for one submission; `trouble` says why it was not graded, if it was not.

    Attributes
    ----------
    marks : dict
        For each item the marks, and the most that there are.
    penalty : float
        What was taken off the sum of the marks for lateness, as the gradebook has it.
    seconds, executed
        What it added to the time of the whole run, and how many of its notebooks had to run for it.
    run_seconds, cpu_seconds : float
        What the runs of its notebooks took, today or whenever they ran: `dlkit.grading.jobs.Result.resources`.
    events : list of str
        What went wrong with the machinery before its notebooks had run: `dlkit.grading.jobs.Result.events`.
    pages : list of str
        Its feedback: HTML files, relative to the course folder, with ``/`` between their parts.
    """

    assignment: str
    student: str
    name: str = ""
    marks: dict[str, tuple[float, float]] = field(default_factory=dict)
    by_hand: list[str] = field(default_factory=list)
    hours_late: float = 0.0
    lost: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    trouble: str | None = None
    seconds: float = 0.0
    executed: int = 0
    penalty: float = 0.0
    run_seconds: float = 0.0
    cpu_seconds: float = 0.0
    events: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)

    @property
    def total(self) -> tuple[float, float]:
        """Marks less the penalty, and the most that there are; as in nbgrader's table, never less than nothing."""
        earned = sum(got for got, _ in self.marks.values())
        return max(0.0, earned - self.penalty), sum(most for _, most in self.marks.values())

    @property
    def waiting(self) -> float:
        """The points of the answers that wait to be marked by hand, which count as nothing so far."""
        return sum(self.marks[item][1] for item in self.by_hand)


def show_marks(console: Console, assignment: str, results: list[Result]) -> None:
    """Print the marks of one assignment, and for each student what was lost and why."""
    items = list(dict.fromkeys(item for r in results for item in r.marks))
    table = Table(title=f"{assignment}: marks", caption="  ".join(f"{i} {name}" for i, name in enumerate(items, 1)))
    for title in ("student", "name", *map(str, range(1, len(items) + 1)), "total", "late (h)"):
        table.add_column(title, justify="left" if title in ("student", "name") else "right")
    why = Table(title=f"{assignment}: what was lost, and what to look at", show_lines=True)
    why.add_column("student")
    why.add_column("", overflow="fold")
    for r in results:
        cells = ["hand" if i in r.by_hand else f"{r.marks[i][0]:g}" if i in r.marks else "–" for i in items]
        total = "–" if r.trouble else f"{r.total[0]:g} / {r.total[1]:g}"
        total += f", {r.waiting:g} by hand" if r.waiting else ""
        late = f"{r.hours_late:.1f}" if r.hours_late else ""
        late += f" −{r.penalty:g} marks" if r.penalty else ""
        table.add_row(*map(Text, [r.student, r.name, *cells, total, late]))
        lines = [("not graded: " + r.trouble, "bold red")] if r.trouble else []
        reasons = list(dict.fromkeys(f.short for f in r.lost))
        lines += [(f"{', '.join(f.item for f in r.lost if f.short == reason)}: {reason}", "") for reason in reasons]
        lines += [(f"noticed: {note}", "cyan") for note in r.notes]
        waiting = f"to be marked by hand · 待人工批改: {', '.join(r.by_hand)} ({r.waiting:g} of {r.total[1]:g} points)"
        lines += [(waiting, "yellow")] if r.by_hand else []
        lines += [(f"read by hand: {warning}", "bold magenta") for warning in r.warnings]
        if lines:
            why.add_row(Text(r.student), Text("\n").join(Text(line, style) for line, style in lines))
    console.print(table)
    if why.row_count:
        console.print(why)


def show_places(console: Console, course: Course, results: list[Result]) -> None:
    """Print where everything is, how long it took, and what is still to be done."""
    submitted, feedback = (
        Path(course.dirs.format_path(step, "STUDENT", "HW"))
        for step in (course.dirs.submitted_directory, course.dirs.feedback_directory)
    )
    places = {
        "feedback": feedback,
        "marks": course.root / "grades.csv",
        "report": course.root / REPORT,
        "gradebook": without_secrets(course.dirs.db_url),
        "log": course.root / LOG,
        "Formgrader": f"dlkit lab --course {course.root}, then Nbgrader, Formgrader in the menu",
    }
    for name, place in places.items():
        console.print(Text(f"{name:>10}  {place}"), soft_wrap=True)
    graded = [r.seconds for r in results if not r.trouble]
    if graded:
        console.print(f"{len(graded)} submissions graded, {sum(graded) / len(graded):.1f} s each with their feedback.")
        console.print(f"{sum(r.executed for r in results)} notebooks run; the others had been run before, unchanged.")
    skipped = ", ".join(r.student for r in results if r.trouble)
    if skipped:
        console.print(Text(f"Not graded: {skipped}. The table says why."))
    if not results:
        console.print(Text(f"Nothing has been handed in: expected {submitted} (see nbgrader collect)."))
