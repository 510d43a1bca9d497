"""Mutants: the reference solution with one place changed, as a slip of the hand would change it.

The places are found and changed by mutmut's operators, functions that take a node of a libcst tree and give others for
it: a number one larger, an argument left out, ``<`` for ``<=``. Formulas have more to get wrong than that, so a few
operators of the same form stand beside them here: every other arithmetic sign, each operand alone.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

from dlkit.errors import CourseError
from dlkit.grading.bank import without_markers
from dlkit.grading.cells import SOLUTION

_ARITHMETIC = (cst.Add, cst.Subtract, cst.Multiply, cst.Divide, cst.MatrixMultiply, cst.Power)
_COMPARISONS = (cst.LessThan, cst.LessThanEqual, cst.GreaterThan, cst.GreaterThanEqual, cst.Equal, cst.NotEqual)


@dataclass(frozen=True)
class Mutant:
    """A reference solution with one place changed.

    Attributes
    ----------
    cell
        The ``grade_id`` of the answer cell.
    before, after
        The lines that differ, without the white space around them.
    text
        The whole cell.
    """

    cell: str
    before: str
    after: str
    text: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What the mutant is known by, whatever else changes in its cell."""
        return self.cell, self.before, self.after


def mutants_of(cell: str, source: str) -> list[Mutant]:
    """Make all mutants of an answer cell.

    Parameters
    ----------
    cell
        Its ``grade_id``.
    source
        Its text in the course's own notebook; only what stands in its solution regions is changed.

    Returns
    -------
    list of Mutant
        In the order of the text. What does not compile is left out, and so is what Python reads as the same program as
        the solution or as a mutant before it.

    Raises
    ------
    CourseError
        If the text is no plain Python.
    """
    try:
        module = cst.parse_module(source)
    except cst.ParserSyntaxError as error:
        raise CourseError(f"The solution of `{cell}` must be plain Python to be mutated: {error.message}") from error
    solved = without_markers(source)
    seen, found = {_meaning(solved)}, []
    for node, other in _changes(module, _lines_inside(source)):
        text = without_markers(_with(module, node, other))
        meaning = _meaning(text)
        if meaning is not None and meaning not in seen:
            seen.add(meaning)
            found.append(Mutant(cell, *_difference(solved, text), text))
    return found


def _lines_inside(source: str) -> set[int]:
    """List the numbers of the lines in solution regions, from 1."""
    begin, end = SOLUTION
    inside, found = False, set()
    for number, line in enumerate(source.split("\n"), start=1):
        inside = (inside or begin in line) and end not in line
        if inside:
            found.add(number)
    return found


def _changes(module: cst.Module, lines: set[int]) -> Iterator[tuple[cst.CSTNode, Any]]:
    """List the nodes that begin in these lines with what an operator puts in their place."""
    places = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    todo: list[cst.CSTNode] = [module]
    while todo:
        node = todo.pop()
        todo += reversed(node.children)
        place: Any = places.get(node)
        if place is not None and place.start.line in lines:
            for kind, operator in (*mutation_operators, *_OPERATORS):
                if isinstance(node, kind):
                    for other in operator(node):
                        yield node, other


def _with(module: cst.Module, node: cst.CSTNode, other: Any) -> str:
    changed = module.deep_replace(node, other)
    return changed.code if isinstance(changed, cst.Module) else ""


def _meaning(text: str) -> str | None:
    """Return the program as Python reads it; None if it does not."""
    try:
        compile(text, "<mutant>", "exec")
    except (SyntaxError, ValueError):
        return None
    return ast.dump(ast.parse(text)) if text.strip() else None


def _difference(old: str, new: str) -> tuple[str, str]:
    """Return the lines in which two texts differ, of each."""
    a, b = old.split("\n"), new.split("\n")
    while a and b and a[0] == b[0]:
        del a[0], b[0]
    while a and b and a[-1] == b[-1]:
        del a[-1], b[-1]
    return "\n".join(line.strip() for line in a), "\n".join(line.strip() for line in b)


# ---- what formulas have besides -------------------------------------------------------------------------------------


def _other_arithmetic(node: cst.BinaryOperation) -> Iterable[cst.CSTNode]:
    if isinstance(node.operator, _ARITHMETIC):
        for kind in _ARITHMETIC:
            if not isinstance(node.operator, kind):
                yield node.with_changes(operator=kind())


def _one_operand(node: cst.BinaryOperation) -> Iterable[cst.CSTNode]:
    yield node.left
    yield node.right


def _other_comparison(node: cst.ComparisonTarget) -> Iterable[cst.CSTNode]:
    if isinstance(node.operator, _COMPARISONS):
        for kind in _COMPARISONS:
            if not isinstance(node.operator, kind):
                yield node.with_changes(operator=kind())


def _one_less(node: cst.Integer | cst.Float) -> Iterable[cst.CSTNode]:
    value = repr(node.evaluated_value - 1)
    yield cst.parse_expression(f"({value})" if value.startswith("-") else value)


def _without_minus(node: cst.UnaryOperation) -> Iterable[cst.CSTNode]:
    if isinstance(node.operator, cst.Minus):
        yield node.expression


_OPERATORS: tuple[tuple[Any, Callable[[Any], Iterable[Any]]], ...] = (
    (cst.BinaryOperation, _other_arithmetic),
    (cst.BinaryOperation, _one_operand),
    (cst.ComparisonTarget, _other_comparison),
    ((cst.Integer, cst.Float), _one_less),
    (cst.UnaryOperation, _without_minus),
)
