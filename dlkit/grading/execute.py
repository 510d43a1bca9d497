"""Running a canonical notebook so that every student ends with a grade.

A timeout, a kernel that ends, a flood of output or a call of ``input()`` is an error in the cell where it happened,
said in a sentence; what was earned before is kept, and tests that could not run any more name the cell that
stopped the rest. What lands on stderr is no failure, and the value of a test cell's last line is no mark.

**What this does not do.** Answers and tests run in one process, the student's own kernel, so the verdict still
comes from a process that the answers share: a determined cheat can change her own grade, and can read the hidden
tests of her own run. ``screen`` flags the plain attempts for a person to read. A checker in a second process, and a
sandbox around the first, are to take the place of two methods here: `RunNotebook.run_test` (run a test cell) and
`RunNotebook.start_new_kernel` (start the student's process).
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import Any

import nbformat
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbclient.util import run_sync
from nbformat.notebooknode import NotebookNode
from nbgrader.preprocessors import Execute
from traitlets import Integer, default

from dlkit.grading.cells import grade_id, is_test
from dlkit.grading.jobs import FINISHED, STOPPED, InfrastructureError, Job, Result

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class RunNotebook(Execute):
    """In ``Autograde.autograde_preprocessors`` in the place of nbgrader's ``Execute``, whose options it takes."""

    total_timeout = Integer(600, help="Seconds that one notebook may run, all its cells together.").tag(config=True)
    max_output = Integer(500_000, help="Characters of output that are kept of one cell.").tag(config=True)

    @default("shutdown_kernel")
    def _shutdown_at_once(self) -> str:
        return "immediate"  # what an answer registered for the end of its process has no say any more

    def __call__(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Run the notebook; refuse to be switched off, since unrun tests would all pass."""
        if not self.enabled:
            raise ValueError("--no-execute would give full marks to every answer: tests that do not run do not fail.")
        return super().__call__(nb, resources)

    def preprocess(self, nb: NotebookNode, resources: Any = None, km: Any = None) -> tuple[NotebookNode, Any]:
        """Run every code cell of `nb` in a fresh kernel."""
        self.deadline = monotonic() + self.total_timeout
        self.stopped_by: tuple[str, str] | None = None  # the cell that ended the run, and what happened in it
        self.cell_names = {i: _describe(cell, i) for i, cell in enumerate(nb.cells)}
        return super().preprocess(nb, resources, km)

    def start_new_kernel(self, **kwargs: Any) -> None:
        """Start the student's process: one thread for mathematics, and no sign that this is the grading."""
        environment = {k: v for k, v in os.environ.items() if k not in ("NBGRADER_EXECUTION", "MPLBACKEND")}
        environment.update(dict.fromkeys(_THREADS, "1"))
        quiet = subprocess.DEVNULL  # what it prints past its own channels is not for the instructor's screen
        super().start_new_kernel(env=environment, stdout=quiet, stderr=quiet, **kwargs)

    def start_new_kernel_client(self, **kwargs: Any) -> Any:
        """Wait until the student's process answers; that it never does is no fault of hers."""
        try:
            return super().start_new_kernel_client(**kwargs)
        except Exception as error:
            raise InfrastructureError(f"the kernel did not start: {error}") from error

    def preprocess_cell(self, cell: NotebookNode, resources: Any, index: int) -> tuple[NotebookNode, Any]:
        """Run one cell; whatever happens, the cell says so and the notebook goes on."""
        if cell.cell_type != "code" or not cell.source.strip():
            return cell, resources
        cell.outputs, cell.execution_count = [], None
        if self.stopped_by is not None:
            if is_test(cell):
                where, what = self.stopped_by
                cell.outputs = [_error("NotRun", f"This test could not run: in {where}, {what}.")]
            return cell, resources
        if is_test(cell):
            self.run_test(cell, resources, index)
        else:
            self.run_answer(cell, resources, index)
        if self.stopped_by is None and monotonic() > self.deadline - 1:
            used_up = f"the last of the notebook's {self.total_timeout} s were used up"
            self.stopped_by = self.cell_names[index], used_up
        return cell, resources

    def run_answer(self, cell: NotebookNode, resources: Any, index: int) -> None:
        """Run a cell that is no test in the student's process."""
        self._run(cell, resources, index)

    def run_test(self, cell: NotebookNode, resources: Any, index: int) -> None:
        """Run a test cell; nbgrader takes an ``error`` among its outputs for a failure and nothing else."""
        self._run(cell, resources, index)
        kept = [o for o in cell.outputs if o.output_type != "execute_result"]  # or it would be partial credit
        for output in kept:
            if output.output_type == "stream":
                output.name = "stdout"  # nbgrader takes stderr for a failure
        cell.outputs = kept

    def _run(self, cell: NotebookNode, resources: Any, index: int) -> None:
        self.room, self.leaving = self.max_output, False
        seconds = self._get_timeout(cell)
        late = f"still running after {seconds} s; it was stopped" if seconds else "it was stopped"
        self.error_on_timeout = {
            "ename": "CellTimeoutError",
            "evalue": f"This cell was {late}. Is there a loop that does not end?",
            "traceback": [f"CellTimeoutError: This cell was {late}. Is there a loop that does not end?"],
        }
        try:
            super().preprocess_cell(cell, resources, index)
        except DeadKernelError:
            self._stop(cell, index, f"the kernel stopped while this cell ran: {self._exit()}")
        except (CellTimeoutError, Empty):  # asked to stop, the kernel did not answer
            self._stop(cell, index, f"the cell was {late}, and the kernel had to be ended with it")
            run_sync(self.km.shutdown_kernel)(now=True)
        if self.leaving and self.stopped_by is None:
            self._stop(cell, index, "the kernel stopped: this cell calls exit() or quit()")
        for output in cell.outputs:
            if output.output_type == "error":
                _shorten(output)
        cell.outputs.sort(key=_timeout_first)

    def _stop(self, cell: NotebookNode, index: int, what: str) -> None:
        self.stopped_by = self.cell_names[index], what
        cell.outputs.append(_error("KernelStopped", f"{what[0].upper()}{what[1:]}."))

    def _exit(self) -> str:
        code = run_sync(self.km.provisioner.poll)() if self.km and self.km.provisioner else None
        if code is None:
            return "its process is gone"
        if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            return f"killed by {name}" + (" (often: out of memory)" if name == "SIGKILL" else "")
        return f"its process ended with exit code {code}"

    def _get_timeout(self, cell: NotebookNode | None) -> int | None:
        left = max(1, int(self.deadline - monotonic()))
        timeout = super()._get_timeout(cell)
        return left if timeout is None else min(timeout, left)

    def on_cell_executed(self, **kwargs: Any) -> None:
        """Notice a cell that asked its kernel to leave, which it does only after the cell has ended."""
        super().on_cell_executed(**kwargs)
        payload = kwargs["execute_reply"]["content"].get("payload", [])
        self.leaving = any(isinstance(p, dict) and p.get("source") == "ask_exit" for p in payload)

    def output(self, outs: Any, msg: Any, display_id: Any, cell_index: int) -> NotebookNode | None:
        """Keep an output while there is room for it, so that a flood fills neither memory nor the notebook."""
        if msg["msg_type"] != "error":
            size = len(str(msg["content"]))
            if size > self.room:
                if self.room > 0:
                    text = f"\n... more than {self.max_output} characters of output: the rest was left out ...\n"
                    outs.append(nbformat.v4.new_output("stream", name="stdout", text=text))
                self.room = 0
                return None
            self.room -= size
        return super().output(outs, msg, display_id, cell_index)


def execute(job: Job) -> Result:
    """Run a job here, in a kernel and a folder of its own, of which nothing is left.

    Raises
    ------
    InfrastructureError
        If it was not the notebook that failed: the kernel did not start, or cannot be talked to.
    """
    notebook, start, before = job.read(), monotonic(), _children()
    known = dict(notebook.metadata)
    runner = RunNotebook(**json.loads(job.limits))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for name, data in job.data:
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        try:
            runner.preprocess(notebook, {"metadata": {"path": folder}})
        except InfrastructureError:
            raise
        except Exception as error:  # what happens in a cell is that cell's output; this is something else
            raise InfrastructureError(f"the notebook could not be run: {type(error).__name__}: {error}") from error
    after = _children()
    return Result(
        key=job.key,
        cells=tuple(
            {"execution_count": cell.execution_count, "outputs": json.loads(json.dumps(cell.outputs))}
            if cell.cell_type == "code"
            else None
            for cell in notebook.cells
        ),
        metadata=json.loads(json.dumps({k: v for k, v in notebook.metadata.items() if known.get(k) != v})),
        status=STOPPED if runner.stopped_by else FINISHED,
        stopped_by=": ".join(runner.stopped_by or ()),
        resources={
            "seconds": round(monotonic() - start, 3),
            "cpu_seconds": round(after[0] - before[0], 3),
            "memory": after[1],
        },
    )


def _children() -> tuple[float, int]:
    """Processor time of the processes that this one has started and seen the end of, and the most memory of one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime, used.ru_maxrss * (1024 if sys.platform == "linux" else 1)


def _describe(cell: NotebookNode, index: int) -> str:
    return f"cell `{grade_id(cell)}`" if grade_id(cell) else f"cell {index + 1} (no name)"


def _error(name: str, message: str) -> NotebookNode:
    return nbformat.v4.new_output("error", ename=name, evalue=message, traceback=[f"{name}: {message}"])


def _timeout_first(output: NotebookNode) -> bool:
    return bool(output.output_type != "error" or output.ename != "CellTimeoutError")


def _shorten(error: NotebookNode, most: int = 20_000) -> None:
    """Bound an error's text and say what ``input()`` means where nobody types."""
    if error.ename == "StdinNotImplementedError":
        error.evalue = (
            "input() waits for someone to type; nobody does when a notebook is graded. Give the value in code."
        )
        error.traceback = [*error.traceback[:-1], f"{error.ename}: {error.evalue}"]
    error.evalue = error.evalue[:most]
    error.traceback = [line[:most] for line in error.traceback[:100]]
