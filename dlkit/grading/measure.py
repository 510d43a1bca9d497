"""``dlkit measure``: exercises as classifiers, run on the bank's answers and on mutants of the reference solution.

Every run is a job like those of a class, in the same sandbox, and its result is kept by content: what has not changed
is not run again. The class's gradebook is not touched.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TypeVar

from nbformat.notebooknode import NotebookNode
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from dlkit.errors import CourseError
from dlkit.grading.bank import Answer, read_answer
from dlkit.grading.course import Course
from dlkit.grading.dispatch import Dispatch
from dlkit.grading.execute import execute
from dlkit.grading.jobs import InfrastructureError, Job, Result
from dlkit.grading.measure_exercise import Exercise, Verdict
from dlkit.grading.measure_figures import (
    Banked,
    Figures,
    Killed,
    as_entry,
    figures_of,
    problems,
    read_equivalents,
    survivors,
)
from dlkit.grading.measure_mutants import Mutant, mutants_of
from dlkit.grading.measure_seeds import SEEDS, Reseeded, at_each_seed, at_other_seeds, seeds_chosen
from dlkit.grading.measure_validate import differences, failing, in_her_notebook
from dlkit.grading.pool import open_executor
from dlkit.grading.results import Results

_Read = TypeVar("_Read")
KINDS = ("right", "wrong", "broken")
MUTANT_SECONDS = 3  # of processor time that a cell has in a mutant, which may never end
UNTOUCHED = Answer("untouched", "release", "as it was released", ("all",), "", True, "last", ())
_COLUMNS = (
    "right",
    "wrong",
    "mutants",
    "killed",
    "rate",
    "equivalent",
    "false failures",
    "hints shown",
    "seeds differ",
    "seconds",
)
_PRELOAD = ("dlkit.grading.execute",)


@dataclass(frozen=True)
class Measured:
    """What was found out about one assignment."""

    name: str
    figures: list[Figures]
    problems: list[str]
    notes: list[str]
    survivors: list[Mutant]


def measure(
    root: Path,
    names: list[str],
    *,
    workers: int | None = None,
    most: int | None = None,
    seeds: int = SEEDS,
    results: Path | None = None,
) -> int:
    """Measure assignments, and print the figures and what to do where one is missed.

    Parameters
    ----------
    root
        The course folder.
    names
        Assignments; by default all that have a source.
    workers
        How many notebooks run at a time; by default as many as there are cores.
    most
        So many mutants of each answer cell, spread evenly over it; by default all.
    seeds
        So many other seeds of the data of each test.
    results
        Where results are kept; ``build/measure`` in the course folder by default.

    Returns
    -------
    int
        0, or 1 if a figure is missed.
    """
    course = Course(root)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    missed = 0
    started = monotonic()
    with open_executor(workers, preload=_PRELOAD) as executor:
        dispatch = Dispatch(executor, Results(results or course.root / "build" / "measure"), execute)
        for name in course.choose(names):
            measured = measure_exercise(Exercise(course, name), dispatch, most, seeds)
            show(console, measured)
            missed += len(measured.problems)
        console.print(
            f"{dispatch.executed} runs, {dispatch.known} known from before, {monotonic() - started:.0f} s. "
            + (f"{missed} to do." if missed else "Every figure is as it must be.")
        )
    return 1 if missed else 0


def measure_exercise(exercise: Exercise, dispatch: Dispatch, most: int | None = None, seeds: int = SEEDS) -> Measured:
    """Run an assignment's bank and mutants, and count.

    Parameters
    ----------
    exercise
        The assignment.
    dispatch
        Where its jobs run, and where their results are.
    most, seeds
        See `measure`.

    Raises
    ------
    CourseError
        If the bank is empty, or the machinery failed: nothing is said about figures of which a part is not known.
    """
    equivalents = read_equivalents(exercise.bank / "equivalent.toml")
    answers = [UNTOUCHED, *read_bank(exercise.bank)]
    expected, handed_in = {}, {}
    jobs: dict[Answer | Mutant, Job] = {}
    for answer in answers:
        handed_in[answer], expected[answer] = exercise.handed_in(answer)
        jobs[answer] = exercise.job(handed_in[answer])
    every = {item.name: mutants_of(item.name, exercise.answers[item.name]) for item in exercise.items}
    if most is not None:  # what is listed as equivalent stays, or it would seem not to occur
        every = {cell: _spread(mutants, most) for cell, mutants in every.items()}
        kept = {mutant.key for mutants in every.values() for mutant in mutants}
        equivalents = {key: reason for key, reason in equivalents.items() if key in kept}
    for cell, mutants in every.items():
        tests = exercise.reach(cell)
        for mutant in mutants:
            jobs[mutant] = exercise.job(exercise.with_cell(cell, mutant.text, tests), MUTANT_SECONDS)
    verdicts = _run(exercise, jobs, dispatch, exercise.verdict)
    hers: dict[Answer | Mutant, Job] = {  # a broken one ends its process, and with it the tests
        a: exercise.job(in_her_notebook(handed_in[a])) for a in answers if a.kind != "broken"
    }
    validated = _run(exercise, hers, dispatch, failing)
    at_seeds = _at_other_seeds(exercise, handed_in, verdicts, dispatch, seeds)
    bank = [Banked(a, expected[a], verdicts[a]) for a in answers]
    killed = [Killed(m, verdicts[m]) for mutants in every.values() for m in mutants]
    rows = figures_of(exercise, bank, killed, equivalents, at_seeds)
    found = problems(exercise, rows, bank, killed, equivalents, at_seeds)
    disagreeing = [
        text
        for b in bank
        if b.answer in validated
        for text in differences(handed_in[b.answer], b.name, b.verdict, validated[b.answer])
    ]
    compared, differing = sum(row.reseeded for row in rows), sum(row.differing for row in rows)
    notes = [
        f"The bank's answers took {sum(b.verdict.seconds for b in bank):.1f} s.",
        f"{len(validated)} of them ran as under Validate, too: {len(disagreeing)} tests said something else.",
        f"At {seeds} other seeds, [s, 1] … [s, {seeds}] for s, {differing} of {compared} verdicts differ, in "
        f"{sum(r.seconds for r in at_seeds):.1f} s. Seeds chosen on purpose: {seeds_chosen(exercise.source)}.",
    ]
    return Measured(exercise.name, rows, found + disagreeing, notes, survivors(killed, equivalents))


def _at_other_seeds(
    exercise: Exercise,
    handed_in: Mapping[Answer, NotebookNode],
    verdicts: Mapping[Answer | Mutant, Verdict],
    dispatch: Dispatch,
    seeds: int,
) -> list[Reseeded]:
    """Run the right and wrong answers at other seeds of the data; a broken one ends the process of the copies."""
    jobs: dict[Answer | Mutant, Job] = {}
    for answer, notebook in handed_in.items():
        copied = at_other_seeds(notebook, seeds) if answer.kind in ("right", "wrong") else None
        if copied is not None:
            jobs[answer] = exercise.job(copied)
    others = _run(exercise, jobs, dispatch, partial(at_each_seed, exercise))
    return [
        Reseeded(f"{a.kind}/{a.name}", a.kind == "right", verdicts[a], *others[a]) for a in handed_in if a in others
    ]


def read_bank(folder: Path) -> list[Answer]:
    """Read the answers of an assignment's bank, the right ones first."""
    found = [read_answer(path) for kind in KINDS for path in sorted((folder / kind).glob("*.py"))]
    if not found:
        raise CourseError(f"{folder} holds no answers: expected right/*.py and wrong/*.py.")
    return found


def show(console: Console, measured: Measured) -> None:
    """Print the figures of an assignment, the mutants that no test notices, and what is to be done."""
    table = Table(title=measured.name, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("item", no_wrap=True)
    for title in _COLUMNS:
        table.add_column(title, justify="right")
    for row in measured.figures:
        hints = f"{row.hints} of {row.wrong}"
        counts = (row.right, row.wrong, row.mutants, row.killed, f"{row.kill_rate:.1%}", row.equivalent)
        at_seeds = f"{row.differing} of {row.reseeded}"
        table.add_row(row.item, *map(str, (*counts, row.false_failures, hints, at_seeds, f"{row.seconds:.1f}")))
    console.print(table)
    for note in measured.notes:
        console.print(note, markup=False, soft_wrap=True)
    if measured.survivors:
        console.print("\nMutants that get full marks, as entries of equivalent.toml in case they are right:\n")
        for mutant in measured.survivors:
            console.print(as_entry(mutant) + "\n", markup=False, soft_wrap=True)
    for problem in measured.problems:
        console.print(f"- {problem}", markup=False, soft_wrap=True)
    console.print()


def _run(
    exercise: Exercise, jobs: dict[Answer | Mutant, Job], dispatch: Dispatch, read: Callable[[Job, Result], _Read]
) -> dict[Answer | Mutant, _Read]:
    """Run jobs, and read what came of each."""
    futures = {what: dispatch(job) for what, job in jobs.items()}
    found, lost = {}, []
    for what, future in _watched(exercise.name, futures):
        try:
            future.result()
        except InfrastructureError as error:
            lost.append(f"{what.cell}, {what.after}" if isinstance(what, Mutant) else f"{what.kind}/{what.name}")
            lost[-1] += f": {error}"
            continue
        result = dispatch.results.get(jobs[what].key)
        assert result is not None
        found[what] = read(jobs[what], result)
    if lost:
        raise CourseError(f"{exercise.name}: {len(lost)} of {len(jobs)} runs failed, so nothing is measured. {lost[0]}")
    return found


def _watched(
    title: str, futures: dict[Answer | Mutant, Future[None]]
) -> Iterable[tuple[Answer | Mutant, Future[None]]]:
    """Go through the futures with a bar that shows how many are done, if someone is looking."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        yield from progress.track(futures.items(), total=len(futures), description=title)


def _spread(mutants: list[Mutant], most: int) -> list[Mutant]:
    """Take so many of a list, at even distances."""
    if len(mutants) <= most:
        return mutants
    return [mutants[i * len(mutants) // most] for i in range(most)]
