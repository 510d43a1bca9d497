"""Running a canonical notebook so that every student ends with the marks that her answers deserve.

Two processes do it. One, in a sandbox and forked from a warm zygote, is the student's: her answers run there, with
whatever they do to it (see `dlkit.grading.student`). The other is this one, the checker: tests run here and ask the
first one over a narrow channel. The cells are taken in the notebook's order, each in the process where it belongs
(see `dlkit.grading.plan`).

A cell that takes too long, a process that ends, a flood of output or a call of ``input()`` is an error in the cell
where it happened, said in a sentence; what was earned before is kept, and tests that could not run any more name the
cell that stopped the rest. If the machinery fails, that is an `InfrastructureError` and no mark.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

from nbformat.notebooknode import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Enum, Integer

from dlkit.errors import CourseError
from dlkit.grading.jobs import FINISHED, STOPPED, InfrastructureError, Job, Result
from dlkit.grading.plan import Part, code_of, definitions, imports, names_of, parts_of
from dlkit.grading.retell import first_hidden, in_doubt, join, second
from dlkit.grading.run import PATIENCE, Run
from dlkit.grading.sandbox import Limits, Report, SandboxLost, Zygote
from dlkit.grading.sandbox.bubblewrap import MODES
from dlkit.grading.worker import warmed_by

STUDENT = "dlkit.grading.student"
_LIBRARIES = ("numpy", "matplotlib.pyplot", "dlkit.grading", f"{STUDENT}:warm")
HANDED_IN, RUN, NOTHING = "handed in", "run", "nothing"


class RunNotebook(NbGraderPreprocessor):
    """The options of a run; `dlkit.grading.recall.RunJob` is what nbgrader runs."""

    timeout = Integer(20, help="Seconds of processor time of a cell; on the clock four times as many.").tag(config=True)
    total_timeout = Integer(600, help="The same for one notebook, all its cells together.").tag(config=True)
    max_output = Integer(500_000, help="Characters of output that are kept of one cell.").tag(config=True)
    memory = Integer(2048, help="Megabytes (1024 × 1024 bytes) that the student's processes may use.").tag(config=True)
    processes = Integer(64, help="Processes and threads that she may have at a time.").tag(config=True)
    scratch = Integer(256, help="Megabytes of files that she may write.").tag(config=True)
    show = Enum(
        (HANDED_IN, RUN, NOTHING),
        HANDED_IN,
        help="What a page shows under the course's cells that are tagged only-shows, on which no mark depends: the "
        "outputs that were handed in, those of a run, or nothing.",
    ).tag(config=True)
    retell = Bool(
        True,
        help="Show of what her code puts out after a hidden test only what a second run without hidden tests repeats.",
    ).tag(config=True)
    sandbox = Enum(MODES, "bubblewrap", help="The sandbox of her process; none is for answers that you trust.").tag(
        config=True
    )

    def __call__(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Run the notebook; refuse to be switched off, since unrun tests would all pass."""
        if not self.enabled or self.config.Execute.get("enabled") is False:
            raise ValueError("--no-execute would give full marks to every answer: tests that do not run do not fail.")
        return super().__call__(nb, resources)

    def longest(self) -> int:
        """Return the seconds on the clock after which the sandbox ends a notebook, whatever it does."""
        return PATIENCE * self.total_timeout * (2 if self.retell else 1)  # there may be two runs


def limits_of(options: dict[str, Any]) -> Limits:
    """Turn the options of `RunNotebook` into the limits of the sandbox."""
    megabyte = 1024**2
    return Limits(
        memory=options["memory"] * megabyte,
        cpu_seconds=options["total_timeout"],
        cell_seconds=PATIENCE * min(options["timeout"], options["total_timeout"]),
        notebook_seconds=PATIENCE * options["total_timeout"],
        processes=options["processes"],
        file_size=options["scratch"] * megabyte,
        scratch=options["scratch"] * megabyte,
    )


# ---- the zygote of this process -------------------------------------------------------------------------------------

_zygote: Zygote | None = None
_asked: frozenset[str] = frozenset()  # the modules that it was to load, if it could


def warm_up(job: Job) -> None:
    """See to it that this process has a living zygote with everything that the job's own cells import.

    It also reads the course's cells, so that the forks need not do so again for every student.

    Called in the worker, which forks the process in which `execute` runs.

    Raises
    ------
    dlkit.grading.sandbox.SandboxMissing
        If this machine cannot make the sandbox that the job asks for.
    """
    global _zygote, _asked
    notebook, options = job.read(), json.loads(job.limits)
    parts: list[Part] = []
    with suppress(ValueError):  # what is wrong with it will be said when it runs
        parts = parts_of(notebook, names_of(notebook))
    left_out = {part.index for part in parts if part.idle and options["show"] != RUN}
    mode, wanted = options["sandbox"], [*_LIBRARIES, *imports(notebook, left_out, hidden=False)]
    # torch takes seconds to load, and makes each fork slower: it is there as soon as somebody's code names it
    if any(cell.cell_type == "code" and "torch" in cell.source for cell in notebook.cells):
        wanted.append("torch")
    if _zygote is not None and (_zygote.mode != mode or not _asked.issuperset(wanted)):
        wanted = list(dict.fromkeys([*_zygote.preload, *wanted]))
        _zygote.close()
        _zygote = None
    if _zygote is None:
        _zygote, _asked = _started(mode, wanted), _asked.union(wanted)
    else:
        _zygote.__enter__()  # again, if it has died
    _load_here([*_LIBRARIES, *imports(notebook, left_out)])
    for part in parts:
        if part.checked:
            with suppress(ValueError, SyntaxError):
                source = notebook.cells[part.index].source
                code_of(source, part.number)
                definitions(source, names_of(notebook))


def _started(mode: str, wanted: list[str]) -> Zygote:
    try:
        return Zygote(mode=mode, preload=wanted).__enter__()
    except CourseError:
        if set(wanted) == set(_LIBRARIES):
            raise
        # one of the course's modules cannot be loaded before the fork: it is loaded after it, each time
        return Zygote(mode=mode, preload=_LIBRARIES).__enter__()


def _load_here(modules: list[str]) -> None:
    """Import what the checker will need, so that its forks find it."""
    import importlib

    import matplotlib

    matplotlib.use("Agg")
    for name in modules:
        if ":" not in name:
            with suppress(ImportError):
                importlib.import_module(name)


# ---- the run --------------------------------------------------------------------------------------------------------


@warmed_by(warm_up)
def execute(job: Job) -> Result:
    """Run a job: the student's cells in a process of their own, the tests in this one.

    The tests may leave this process as they like; so it should be one that ends afterwards.

    Raises
    ------
    InfrastructureError
        If it was not the notebook that failed: the sandbox was lost, or a cell of the course's own.
    """
    if _zygote is None:
        raise InfrastructureError("execute(job) must run where warm_up(job) was called, as a worker of the pool does.")
    started, options, notebook = monotonic(), json.loads(job.limits), job.read()
    try:
        parts = parts_of(notebook, names_of(notebook))
        idle = frozenset(p.index for p in parts if p.idle)
        hers = frozenset[int]() if options["show"] == RUN else idle
        late = frozenset[int]()
        if options["retell"]:  # marks do not depend on what is idle: it need not run twice
            start = first_hidden(notebook, parts)
            late = frozenset(i for i in idle - hers if i >= start and str(i) not in json.loads(job.known))
        first, report = _once(job, notebook, parts, hers | late)
    except (SandboxLost, ValueError) as error:
        raise InfrastructureError(str(error)) from error
    seconds, why = report.cpu_seconds, first.stopped_by
    doubted = late | (in_doubt(notebook, parts) - first.needless if options["retell"] else frozenset())
    if doubted:
        again, needless = second(notebook, parts, doubted)
        # whatever becomes of it, the marks of the first run stand: then there is less to show
        with suppress(SandboxLost, ValueError, InfrastructureError):
            repeat, more = _once(job, again, parts, needless | hers)
            seconds += more.cpu_seconds
            if repeat.stopped_at == first.stopped_at:
                why = repeat.stopped_by
        join(notebook, parts, doubted, again, first.stopped_at)
    if why is not None:
        first.say_what_stopped(why)
    return Result(
        key=job.key,
        cells=tuple(_made(cell, i in hers and options["show"] == HANDED_IN) for i, cell in enumerate(notebook.cells)),
        metadata={},
        base=job.base,
        items=job.items,
        status=STOPPED if first.stopped_by else FINISHED,
        stopped_by=": ".join(first.stopped_by or ()),
        resources={
            "seconds": round(monotonic() - started, 3),
            "cpu_seconds": round(seconds + sum(os.times()[:2]), 3),
            "memory": report.peak_memory,
        },
    )


def _once(job: Job, notebook: NotebookNode, parts: list[Part], leave_out: frozenset[int]) -> tuple[Run, Report]:
    """Run a notebook once, in a student's process and beside data files of its own."""
    options = json.loads(job.limits)
    assert _zygote is not None
    mine, theirs = socket.socketpair()
    with mine, theirs, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        _lay_out(job, Path(folder))
        argument = json.dumps({"max_output": options["max_output"]})
        limits = limits_of(options)
        program, files = f"{STUDENT}:main", dict(job.data)
        with _zygote.fork(program, argument, channel=theirs, files=files, limits=limits) as child:
            theirs.close()
            run = Run(job, notebook, parts, leave_out, mine, child)
            return run, run.run()


def _made(cell: NotebookNode, handed_in: bool) -> dict[str, Any] | None:
    """Return what a cell has put out; None for the outputs of one that is shown as it was handed in."""
    if cell.cell_type != "code":
        return None
    return {"execution_count": cell.execution_count, "outputs": None if handed_in else _plain(cell.outputs)}


def _plain(made: list[NotebookNode]) -> Any:
    """Return outputs as plain data, without halves of characters: no file, and so no gradebook, can hold them."""
    return json.loads(json.dumps(made, ensure_ascii=False).encode("utf-8", "replace"))


def _lay_out(job: Job, folder: Path) -> None:
    """Put the data where the checker finds them too, in a folder from which it imports nothing."""
    for name, data in job.data:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    os.chdir(folder)
