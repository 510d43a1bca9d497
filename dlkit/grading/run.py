"""One run of a canonical notebook: its cells one after the other, each in the process where it belongs."""

from __future__ import annotations

import json
import signal
import socket
from contextlib import suppress
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode

from dlkit.grading import outputs
from dlkit.grading.cells import grade_id
from dlkit.grading.channel import errors
from dlkit.grading.channel.checker import Connection
from dlkit.grading.checks import Checker
from dlkit.grading.jobs import InfrastructureError, Job
from dlkit.grading.plan import Part, bound, definitions, names_of, used
from dlkit.grading.retell import first_hidden
from dlkit.grading.sandbox import Child, Report

_FATAL = (errors.StudentGone, errors.StudentTimeout, errors.ProtocolError)  # her process answers no more
PATIENCE = 4  # times the processor time that a cell or a notebook has, is the time on the clock that it may take


class _Peer:
    """The student's process, as the channel asks about it."""

    def __init__(self, child: Child) -> None:
        self.child = child

    def poll(self) -> int | None:
        report = self.child.wait(5)
        return report.exit_code if report.exit_code is not None else -(report.signal or 9)

    def kill(self) -> None:
        self.child.kill()


class Run:
    """A run of a notebook.

    Parameters
    ----------
    job
        What is known before it.
    notebook
        The notebook, whose cells get their outputs.
    parts
        Its cells as they are to run.
    leave_out
        The places of cells that do not run; of tests among them what they define in plain view is defined.
    mine, child
        This end of the channel, and the student's process.

    Attributes
    ----------
    stopped_by : tuple of (str, str) or None
        The cell that ended the run early, and what happened in it.
    stopped_at : int or None
        The place of that cell.
    needless : set of int
        The places of cells whose outputs were known before.
    """

    def __init__(
        self,
        job: Job,
        notebook: NotebookNode,
        parts: list[Part],
        leave_out: frozenset[int],
        mine: socket.socket,
        child: Child,
    ) -> None:
        self.child, self.notebook, self.parts, self.leave_out = child, notebook, parts, leave_out
        self.options = json.loads(job.limits)
        self.known = {int(i): [nbformat.from_dict(o) for o in made] for i, made in json.loads(job.known).items()}
        self.timeout, self.max_output = self.options["timeout"], self.options["max_output"]
        self.names = names_of(notebook)
        self.patience = self.timeout * PATIENCE + 10  # a little more than the sandbox has
        self.connection = Connection(mine, seconds=self.patience, peer=_Peer(child))
        self.checker = Checker(self.connection, self.names, self.timeout, self.patience)
        self.first_hidden = first_hidden(notebook, parts)
        self.stopped_by: tuple[str, str] | None = None
        self.stopped_at: int | None = None
        self.needless: set[int] = set()
        self.report: Report | None = None

    def run(self) -> Report:
        """Run all cells; return what the student's process used."""
        self.needless = self._needless()
        for part in self.parts:
            cell = self.notebook.cells[part.index]
            cell.outputs, cell.execution_count = [], None
            if part.index in self.leave_out:
                if part.kind == "test" and self.stopped_by is None:
                    self._define(cell, part)
            elif self.stopped_by is None:
                cell.execution_count = part.number
                if part.index in self.needless:
                    cell.outputs = self.known[part.index]
                    if part.kind == "test":
                        self._define(cell, part)
                else:
                    self._run(cell, part)
        self.connection.close()
        self.child.kill()
        return self.report or self.child.wait()

    def say_what_stopped(self, stopped_by: tuple[str, str]) -> None:
        """Put into the tests that could not run any more why they could not."""
        where, what = self.stopped_by = stopped_by
        for part in self.parts:
            if part.kind == "test" and self.stopped_at is not None and part.index > self.stopped_at:
                told = outputs.ours("NotRun", f"This test could not run: in {where}, {what}.")
                self.notebook.cells[part.index].outputs = [told]

    def _needless(self) -> set[int]:
        """Tell which cells need not run: their outputs are known, and no cell that runs needs their names."""
        found, needed = set[int](), set[str]()
        for part in reversed(self.parts):
            source = self.notebook.cells[part.index].source
            may = part.index in self.known and (part.kind == "test" or part.idle)
            if part.index in self.leave_out:
                continue
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
        if part.kind == "test":  # only what her code prints: an error among outputs would be a verdict
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
        self.stopped_by, self.stopped_at = (f"cell `{name}`" if name else f"cell {index + 1} (no name)", what), index
        told = f"{what[0].upper()}{what[1:]}."
        cell.outputs = [o for o in cell.outputs if o.output_type != "error"]
        cell.outputs.append(outputs.ours("KernelStopped", told))

    def _fate(self, trouble: BaseException, part: Part) -> str:
        """Say how the student's process ended, from what the sandbox has to say."""
        if isinstance(trouble, errors.ProtocolError):
            return "it gave an answer that is none"
        self.report = self.child.wait()
        if self.report.limit is None and isinstance(trouble, errors.StudentTimeout):
            return "it did not answer in time"
        if self.report.limit is None:
            if self.report.signal == signal.SIGKILL:
                return "killed by SIGKILL (often: out of memory)"
            # the code, or the signal, is of her choice, and may be what a hidden test gave her
            free = part.index < self.first_hidden and (part.kind != "test" or self.report.exit_code is None)
            return str(self.report) if free else "its process ended"
        return {
            "cell_seconds": f"still running after {self.timeout} s; it could not be interrupted and was ended",
            "cpu_seconds": f"the last of the notebook's {self.options['total_timeout']} s were used up",
            "notebook_seconds": f"the last of the notebook's {self.options['total_timeout']} s were used up, waiting",
            "memory": f"it needed more than {self.options['memory']} MB of memory",
            "output_bytes": "it wrote too much to the standard output of its process",
        }.get(self.report.limit, str(self.report))
