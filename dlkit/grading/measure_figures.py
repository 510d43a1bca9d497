"""What the runs of an assignment's answers and mutants say about its tests: figures, and what to do about them.

What the figures must be is the same for every assignment: a test that lets a wrong answer pass, or fails a right one,
is not ready for a class.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dlkit.errors import CourseError
from dlkit.grading.bank import Answer
from dlkit.grading.expect import HINT
from dlkit.grading.measure_exercise import Exercise, Item, Verdict
from dlkit.grading.measure_mutants import Mutant
from dlkit.grading.measure_seeds import Reseeded, problems_at_seeds

RIGHT, WRONG = 5, 8  # answers of each kind that an item has at least
HINTS = 0.8  # the share of wrong answers whose feedback carries their hint, at least
SURVIVORS = 0.05  # the share of mutants, equivalent ones apart, that get full marks, at most


@dataclass(frozen=True)
class Banked:
    """An answer of the bank, the tests it may lose as its header has it, and what came of it."""

    answer: Answer
    loses: frozenset[str]
    verdict: Verdict

    @property
    def name(self) -> str:
        """Kind and name, as in ``class.toml``."""
        return f"{self.answer.kind}/{self.answer.name}"

    @property
    def shows_hint(self) -> bool:
        """Whether the student reads the answer's hint."""
        told = _squeezed("\n".join(failure.text for failure in self.verdict.failures))
        return bool(self.answer.hint) and _squeezed(self.answer.hint) in told


@dataclass(frozen=True)
class Killed:
    """A mutant and what came of it."""

    mutant: Mutant
    verdict: Verdict


@dataclass(frozen=True)
class Figures:
    """What was counted for one item."""

    item: str
    right: int
    wrong: int
    mutants: int
    killed: int
    equivalent: int
    false_failures: int
    hints: int
    reseeded: int  # verdicts at other seeds of the data
    differing: int  # those that are another than at the tests' own seeds
    seconds: float

    @property
    def kill_rate(self) -> float:
        """The share of mutants that lose a mark, equivalent ones apart; 1 if there is none."""
        return self.killed / self.mutants if self.mutants else 1.0


def read_equivalents(path: Path) -> dict[tuple[str, str, str], str]:
    """Read the equivalent mutants of an assignment: what each is known by, and the reason why it is right.

    Parameters
    ----------
    path
        A file of tables ``[[equivalent]]`` with the answer cell, the line before, one line or a list of lines after,
        and the reason. If it is missing there are none.

    Raises
    ------
    CourseError
        If it is something else, or a reason is missing.
    """
    if not path.is_file():
        return {}
    found = {}
    try:
        for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("equivalent", []):
            lines = entry["after"] if isinstance(entry["after"], list) else [entry["after"]]
            if set(entry) != {"cell", "before", "after", "reason"} or not entry["reason"].strip():
                raise KeyError("reason")
            for line in lines:
                found[entry["cell"], entry["before"].strip(), line.strip()] = entry["reason"]
    except (tomllib.TOMLDecodeError, KeyError, AttributeError, TypeError) as error:
        wanted = "[[equivalent]] tables with cell, before, after and a reason"
        raise CourseError(f"{path}: expected {wanted}. ({type(error).__name__}: {error})") from error
    return found


def figures_of(
    exercise: Exercise,
    bank: Sequence[Banked],
    killed: Sequence[Killed],
    equivalents: Mapping[tuple[str, str, str], str],
    reseeded: Sequence[Reseeded],
) -> list[Figures]:
    """Count, for each item."""
    rows = []
    for item in exercise.items:
        wrong = _wrong(bank, item)
        mine = [k for k in killed if k.mutant.cell == item.name]
        real = [k for k in mine if k.mutant.key not in equivalents]
        rows.append(
            Figures(
                item=item.name,
                right=len(_kinds(exercise, bank, item)),
                wrong=len(wrong),
                mutants=len(real),
                killed=sum(bool(k.verdict.lost) for k in real),
                equivalent=len(mine) - len(real),
                false_failures=sum(bool(b.verdict.lost & set(item.tests)) for b in bank if b.answer.kind == "right"),
                hints=sum(b.shows_hint for b in wrong),
                reseeded=sum(test in item.tests for r in reseeded for test, _ in r.others),
                differing=sum(len(r.differing(test)) for r in reseeded for test in item.tests),
                seconds=sum(k.verdict.seconds for k in mine),
            )
        )
    return rows


def problems(
    exercise: Exercise,
    rows: Sequence[Figures],
    bank: Sequence[Banked],
    killed: Sequence[Killed],
    equivalents: Mapping[tuple[str, str, str], str],
    reseeded: Sequence[Reseeded],
) -> list[str]:
    """List the figures that are missed, each with what to do."""
    folder = f"tests/answers/{exercise.name}"
    found = []
    for row, item in zip(rows, exercise.items, strict=True):
        if row.right < RIGHT:
            found.append(
                f"{item.name}: {row.right} right answers that differ, {RIGHT} are needed. Write others into "
                f"{folder}/right: a loop, another algorithm, a lambda, a helper."
            )
        if row.wrong < WRONG:
            found.append(
                f"{item.name}: {row.wrong} wrong answers, {WRONG} are needed. Write the mistakes that students make "
                f"into {folder}/wrong, or take one that was handed in: dlkit bank {exercise.name} NOTEBOOK."
            )
        if row.wrong and row.hints < HINTS * row.wrong:
            without = ", ".join(b.name for b in _wrong(bank, item) if not b.shows_hint)
            found.append(
                f"{item.name}: {row.hints} of {row.wrong} wrong answers show their hint, {HINTS:.0%} are needed. Name "
                f"the mistake in the test's `mistakes`, and in the answer's header as `hint`. Without: {without}."
            )
        if row.mutants - row.killed > SURVIVORS * row.mutants:
            found.append(
                f"{item.name}: {row.mutants - row.killed} of {row.mutants} mutants get full marks, at most "
                f"{SURVIVORS:.0%} may. Make a test that notices them; one that is right after all goes, with the "
                f"reason, into {folder}/equivalent.toml."
            )
    for banked in bank:
        found += _of_answer(exercise, banked)
    return found + problems_at_seeds(reseeded) + _of_equivalents(folder, killed, equivalents)


def survivors(killed: Sequence[Killed], equivalents: Mapping[tuple[str, str, str], str]) -> list[Mutant]:
    """List the mutants that get full marks and are not known to be equivalent."""
    return [k.mutant for k in killed if not k.verdict.lost and k.mutant.key not in equivalents]


def as_entry(mutant: Mutant) -> str:
    """Write a mutant as an entry of ``equivalent.toml``, the reason to be filled in."""
    lines = [f"{key} = {_toml(value)}" for key, value in zip(("cell", "before", "after"), mutant.key, strict=True)]
    return "\n".join(["[[equivalent]]", *lines, 'reason = ""'])


def _of_answer(exercise: Exercise, banked: Banked) -> list[str]:
    answer, verdict = banked.answer, banked.verdict
    found = []
    if answer.kind == "right" and verdict.lost:
        first = verdict.failures[0].short if verdict.failures else "no message"
        found.append(
            f"{banked.name} is right and loses {_listed(verdict.lost)}: {first}. The test asks for more than the text "
            "does, or its tolerance is too narrow; or the answer is not right."
        )
    elif answer.kind != "right" and not verdict.lost:
        found.append(f"{banked.name} gets full marks ({answer.title}). Make a test that notices it.")
    elif answer.kind != "right" and "after" not in answer.loses and verdict.lost != banked.loses:
        found.append(
            f"{banked.name} loses {_listed(verdict.lost)}; its header says {_listed(banked.loses)}. Correct the header "
            "if that is as it should be."
        )
    own = "\n".join(_squeezed(text) for _, text in answer.cells)
    told = _squeezed("\n".join(failure.text for failure in verdict.failures))
    given = sorted(s for s in exercise.secrets if _squeezed(s) in told and _squeezed(s) not in own)
    if given:
        found.append(
            f"{banked.name}: its feedback gives the solution away ({given[0]}). A hint says what is wrong, not what "
            "to write."
        )
    return found


def _of_equivalents(
    folder: str, killed: Sequence[Killed], equivalents: Mapping[tuple[str, str, str], str]
) -> list[str]:
    made = {k.mutant.key: k.verdict for k in killed}
    found = []
    for key in equivalents:
        cell, before, after = key
        where = f"{folder}/equivalent.toml: in `{cell}`, {before!r} → {after!r}"
        if key not in made:
            found.append(f"{where} does not occur any more. Take the entry out, or bring it up to date.")
        elif made[key].lost:
            found.append(f"{where} loses {_listed(made[key].lost)}: it is not equivalent. Take the entry out.")
    return found


def _wrong(bank: Sequence[Banked], item: Item) -> list[Banked]:
    """List the wrong answers that are about an item: they write its cell and, their header says, lose a test of it."""
    return [
        b
        for b in bank
        if b.answer.kind == "wrong"
        and any(title == item.name for title, _ in b.answer.cells)
        and b.loses & set(item.tests)
    ]


def _kinds(exercise: Exercise, bank: Sequence[Banked], item: Item) -> set[str]:
    """Tell right answers to an item apart: by what Python reads, not by comments and spaces."""
    found = {_read(exercise.answers[item.name])}
    for banked in bank:
        if banked.answer.kind == "right":
            found |= {_read(text) for title, text in banked.answer.cells if title == item.name}
    return found


def _read(text: str) -> str:
    try:
        return ast.dump(ast.parse(text))
    except SyntaxError:
        return text


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace(HINT, "")


def _toml(text: str) -> str:
    if "\n" in text:
        return f"'''\n{text}'''"
    return f"'{text}'" if "'" not in text else f"'''{text}'''"
