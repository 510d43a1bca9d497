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
import signal
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Enum, Integer

from dlkit.errors import CourseError
from dlkit.grading import outputs
from dlkit.grading.cells import grade_id
from dlkit.grading.channel import errors
from dlkit.grading.channel.checker import Connection
from dlkit.grading.checks import Checker
from dlkit.grading.jobs import FINISHED, STOPPED, InfrastructureError, Job, Result
from dlkit.grading.plan import Part, bound, code_of, definitions, imports, parts_of, used
from dlkit.grading.sandbox import Child, Limits, Report, SandboxLost, Zygote
from dlkit.grading.sandbox.bubblewrap import MODES
from dlkit.grading.worker import warmed_by

STUDENT = "dlkit.grading.student"
_LIBRARIES = ("numpy", "matplotlib.pyplot", "torch", "dlkit.grading", f"{STUDENT}:warm")
_FATAL = (errors.StudentGone, errors.StudentTimeout, errors.ProtocolError)  # her process answers no more
_PATIENCE = 4  # times the processor time that a cell or a notebook has, is the time on the clock that it may take


class RunNotebook(NbGraderPreprocessor):
    """The options of a run; `dlkit.grading.recall.RunJob` is what nbgrader runs."""

    timeout = Integer(20, help="Seconds of processor time of a cell; on the clock four times as many.").tag(config=True)
    total_timeout = Integer(600, help="The same for one notebook, all its cells together.").tag(config=True)
    max_output = Integer(500_000, help="Characters of output that are kept of one cell.").tag(config=True)
    memory = Integer(2048, help="Megabytes (1024 × 1024 bytes) that the student's processes may use.").tag(config=True)
    processes = Integer(64, help="Processes and threads that she may have at a time.").tag(config=True)
    scratch = Integer(256, help="Megabytes of files that she may write.").tag(config=True)
    show = Bool(True, help="Run the course's cells that only show what answers give. Marks do not depend on them.").tag(
        config=True
    )
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
        return _PATIENCE * self.total_timeout


def limits_of(options: dict[str, Any]) -> Limits:
    """Turn the options of `RunNotebook` into the limits of the sandbox."""
    megabyte = 1024**2
    return Limits(
        memory=options["memory"] * megabyte,
        cpu_seconds=options["total_timeout"],
        cell_seconds=_PATIENCE * min(options["timeout"], options["total_timeout"]),
        notebook_seconds=_PATIENCE * options["total_timeout"],
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
    notebook = job.read()
    mode, wanted = json.loads(job.limits)["sandbox"], [*_LIBRARIES, *imports(notebook)]
    if _zygote is not None and (_zygote.mode != mode or not _asked.issuperset(wanted)):
        wanted = list(dict.fromkeys([*_zygote.preload, *wanted]))
        _zygote.close()
        _zygote = None
    if _zygote is None:
        _zygote, _asked = _started(mode, wanted), _asked.union(wanted)
        # torch is large, and every fork has to copy what lists its memory: it comes here only where tests ask for it
        _load_here([name for name in wanted if name != "torch" or name in imports(notebook)])
    else:
        _zygote.__enter__()  # again, if it has died
    with suppress(ValueError, SyntaxError):  # what is wrong with it will be said when it runs
        for part in parts_of(notebook, _names(notebook)):
            if part.checked:
                source = notebook.cells[part.index].source
                code_of(source, part.number)
                definitions(source, _names(notebook))


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


def _names(notebook: NotebookNode) -> frozenset[str]:
    """Return the names that the answers of a canonical notebook are to define."""
    return frozenset(notebook.metadata.get("dlkit", {}).get("names", ()))


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
    options = json.loads(job.limits)
    if _zygote is None:
        raise InfrastructureError("execute(job) must run where warm_up(job) was called, as a worker of the pool does.")
    mine, theirs = socket.socketpair()
    with mine, theirs, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        _lay_out(job, Path(folder))
        argument = json.dumps({"max_output": options["max_output"]})
        limits = limits_of(options)
        try:
            program, files = f"{STUDENT}:main", dict(job.data)
            with _zygote.fork(program, argument, channel=theirs, files=files, limits=limits) as child:
                theirs.close()
                return _Run(job, options, mine, child).result()
        except (SandboxLost, ValueError) as error:
            raise InfrastructureError(str(error)) from error


def _lay_out(job: Job, folder: Path) -> None:
    """Put the data where the checker finds them too, in a folder from which it imports nothing."""
    for name, data in job.data:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    os.chdir(folder)


def _plain(made: list[NotebookNode]) -> Any:
    """Return outputs as plain data, without halves of characters: no file, and so no gradebook, can hold them."""
    return json.loads(json.dumps(made, ensure_ascii=False).encode("utf-8", "replace"))


class _Peer:
    """The student's process, as the channel asks about it."""

    def __init__(self, child: Child) -> None:
        self.child = child

    def poll(self) -> int | None:
        report = self.child.wait(5)
        return report.exit_code if report.exit_code is not None else -(report.signal or 9)

    def kill(self) -> None:
        self.child.kill()


class _Run:
    def __init__(self, job: Job, options: dict[str, Any], mine: socket.socket, child: Child) -> None:
        self.job, self.child, self.started = job, child, monotonic()
        self.notebook = job.read()
        self.options = options
        self.known = {int(i): [nbformat.from_dict(o) for o in made] for i, made in json.loads(job.known).items()}
        self.timeout, self.max_output = options["timeout"], options["max_output"]
        self.names = _names(self.notebook)
        self.patience = self.timeout * _PATIENCE + 10  # a little more than the sandbox has
        self.connection = Connection(mine, seconds=self.patience, peer=_Peer(child))
        self.checker = Checker(self.connection, self.names, self.timeout, self.patience)
        self.stopped_by: tuple[str, str] | None = None  # the cell that ended the run, and what happened in it
        self.report: Report | None = None

    def result(self) -> Result:
        """Run all cells and say what came of them."""
        parts = parts_of(self.notebook, self.names)
        needless = self._needless(parts)
        for part in parts:
            cell = self.notebook.cells[part.index]
            cell.outputs, cell.execution_count = [], None
            if part.idle and not self.options["show"]:
                continue
            if self.stopped_by is None:
                cell.execution_count = part.number
                if part.index in needless:
                    cell.outputs = self.known[part.index]
                    if part.kind == "test":
                        self._define(cell, part)
                else:
                    self._run(cell, part)
            elif part.kind == "test":
                where, what = self.stopped_by
                told = f"This test could not run: in {where}, {what}."
                cell.outputs = [outputs.error("NotRun", told, [f"NotRun: {told}"])]
        self.connection.close()
        self.child.kill()
        report = self.report or self.child.wait()
        return Result(
            key=self.job.key,
            cells=tuple(
                {"execution_count": cell.execution_count, "outputs": _plain(cell.outputs)}
                if cell.cell_type == "code"
                else None
                for cell in self.notebook.cells
            ),
            metadata={},
            base=self.job.base,
            items=self.job.items,
            status=STOPPED if self.stopped_by else FINISHED,
            stopped_by=": ".join(self.stopped_by or ()),
            resources={
                "seconds": round(monotonic() - self.started, 3),
                "cpu_seconds": round(report.cpu_seconds + sum(os.times()[:2]), 3),
                "memory": report.peak_memory,
            },
        )

    def _needless(self, parts: list[Part]) -> set[int]:
        """Tell which cells need not run: their outputs are known, and no cell that runs needs their names."""
        found, needed = set[int](), set[str]()
        for part in reversed(parts):
            source = self.notebook.cells[part.index].source
            may = part.index in self.known and (part.kind == "test" or part.idle)
            if may and needed.isdisjoint(bound(source)):
                found.add(part.index)
            elif part.checked:
                needed |= used(source)
        return found

    def _define(self, cell: NotebookNode, part: Part) -> None:
        """Have her process know what the visible part of a test defines, though it does not run."""
        if visible := definitions(cell.source, self.names):
            with suppress(errors.ChannelError):  # the next cell will meet it
                self.connection.command("define", visible, part.number)

    def _run(self, cell: NotebookNode, part: Part) -> None:
        trouble: BaseException | None = None
        try:
            self.child.begin_cell()
            self.connection.command("begin", self.timeout)
            if part.kind != "test":
                leaving = self.connection.command("run_cell", cell.source, part.number)
                if leaving is True:
                    self._stop(cell, "the kernel stopped: this cell calls exit() or quit()")
            elif visible := definitions(cell.source, self.names):
                self.connection.command("define", visible, part.number)
        except errors.ChannelError as error:
            trouble = error
        except Exception as error:  # her own code raised it where no code of hers should run
            trouble = errors.ProtocolError(f"{type(error).__name__}: {error}")
        if part.kind == "test":
            # Whatever her process says of the clock or of definitions, the test is run: one that is not has not passed.
            if not isinstance(trouble, _FATAL):
                cell.outputs, trouble = self.checker.run(cell.source, part.number)
            if isinstance(trouble, errors.NotSendable):  # which only the test's author can mend
                raise InfrastructureError(f"{self.names_cell(part)}: {trouble}")
        elif part.checked and not isinstance(trouble, _FATAL):
            self._run_beside(cell, part)
        put_out: Any = []
        if not isinstance(trouble, _FATAL):
            try:
                put_out = self.connection.command("end")
            except Exception as error:
                trouble = trouble or error
        self.child.end_cell()
        hers = outputs.outputs_of(put_out, self.max_output)
        if (
            part.kind == "test"
        ):  # of what her code does there, what it prints; an error among outputs would be a verdict
            hers = [o for o in hers if o.output_type == "stream"]
        for output in hers:
            if output.output_type == "execute_result":
                output.execution_count = part.number
            elif output.output_type == "stream" and part.kind == "test":
                output.name = "stdout"  # nbgrader takes stderr for a failure
        cell.outputs = [*hers, *cell.outputs]
        if isinstance(trouble, _FATAL):
            self._stop(cell, f"the kernel stopped while this cell ran: {self._fate(trouble, part)}")

    def _run_beside(self, cell: NotebookNode, part: Part) -> None:
        """Run a cell of the course in the checker as well, where it must not fail unless it uses her answers."""
        _, trouble = self.checker.run(cell.source, part.number)
        if trouble is not None and not part.touches:
            name = self.names_cell(part)
            raise InfrastructureError(
                f"{name} of the course failed in the checker: {type(trouble).__name__}: {trouble}"
            ) from trouble

    def names_cell(self, part: Part) -> str:
        """Name a cell in a sentence."""
        name = grade_id(self.notebook.cells[part.index])
        return f"cell `{name}`" if name else f"cell {part.index + 1} (no name)"

    def _stop(self, cell: NotebookNode, what: str) -> None:
        index = next(i for i, c in enumerate(self.notebook.cells) if c is cell)
        name = grade_id(cell)
        self.stopped_by = f"cell `{name}`" if name else f"cell {index + 1} (no name)", what
        told = f"{what[0].upper()}{what[1:]}."
        cell.outputs = [o for o in cell.outputs if o.output_type != "error"]
        cell.outputs.append(outputs.error("KernelStopped", told, [f"KernelStopped: {told}"]))

    def _fate(self, trouble: BaseException, part: Part) -> str:
        """Say how the student's process ended, from what the sandbox has to say."""
        if isinstance(trouble, errors.ProtocolError):
            return "it gave an answer that is none"
        self.report = self.child.wait()
        if self.report.limit is None and isinstance(trouble, errors.StudentTimeout):
            return "it did not answer in time"
        if self.report.exit_code is not None and part.kind == "test":
            return "its process ended"  # with a code of her choice, which may be what a hidden test gave her
        if self.report.limit is None:
            killed = self.report.signal == signal.SIGKILL
            return "killed by SIGKILL (often: out of memory)" if killed else str(self.report)
        return {
            "cell_seconds": f"still running after {self.timeout} s; it could not be interrupted and was ended",
            "cpu_seconds": f"the last of the notebook's {self.options['total_timeout']} s were used up",
            "notebook_seconds": f"the last of the notebook's {self.options['total_timeout']} s were used up, waiting",
            "memory": f"it needed more than {self.options['memory']} MB of memory",
            "output_bytes": "it wrote too much to the standard output of its process",
        }.get(self.report.limit, str(self.report))
