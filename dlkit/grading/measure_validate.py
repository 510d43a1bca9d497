"""Whether a test in plain view says the same under *Validate* as when a class is graded.

Under Validate it runs in the student's own notebook, where there is one process and no channel. So here all cells, the
tests without their hidden parts, run in her process.
"""

from __future__ import annotations

import nbformat
from nbformat.notebooknode import NotebookNode

from dlkit.grading.cells import HIDDEN, grade_id, is_test, regions
from dlkit.grading.jobs import Job, Result
from dlkit.grading.measure_exercise import Verdict

_TEST = "measured_test"  # in cell.metadata: the name of the test that it was


def in_her_notebook(graded: NotebookNode) -> NotebookNode:
    """Return a notebook that is to be graded as she has it before: all of it runs in her process.

    Parameters
    ----------
    graded
        A canonical notebook; it is not changed.
    """
    notebook = nbformat.from_dict(graded)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({_TEST: grade_id(cell)} if is_test(cell) else {})
        if _TEST in cell.metadata:
            cell.source = "\n".join(regions(cell.source, HIDDEN)[0])
    return notebook


def failing(job: Job, result: Result) -> frozenset[str]:
    """List the tests that Validate would report."""
    notebook = job.read()
    result.fill(notebook)
    return frozenset(
        cell.metadata[_TEST]
        for cell in notebook.cells
        if _TEST in cell.metadata and any(output.output_type == "error" for output in cell.outputs)
    )


def differences(graded: NotebookNode, name: str, verdict: Verdict, failing: frozenset[str]) -> list[str]:
    """List the tests about which the two disagree, each with what to do.

    Parameters
    ----------
    graded
        The notebook that was graded.
    name
        Of the answer.
    verdict, failing
        What came of grading it, and of `in_her_notebook`.
    """
    advice = "Give her code plain values, and look at what it returned by value; see channel/README.md."
    found = []
    for cell in filter(is_test, graded.cells):
        test = str(grade_id(cell))
        hidden = bool(regions(cell.source, HIDDEN)[1])
        if test in failing and test not in verdict.lost:
            found.append(f"{name}: {test} fails under Validate and passes when it is graded. {advice}")
        elif test in verdict.lost and test not in failing and not hidden:
            found.append(f"{name}: {test} passes under Validate and fails when it is graded. {advice}")
    return found
