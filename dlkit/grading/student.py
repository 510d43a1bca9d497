"""The student's process: it runs the cells of her notebook, and between them answers the checker's questions.

It is forked from the zygote (see `dlkit.grading.sandbox`), where `warm` has made an IPython shell ready. All that
happens here is hers to change, so nothing here is a safeguard: limits and verdicts are kept outside. What an honest
notebook needs is the behaviour of a Jupyter kernel, and that is what this module gives: magics, figures, tracebacks,
an interrupt after too long a time.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import json
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class
from traitlets import Type
from traitlets.config import Config

from dlkit.grading.channel.errors import OutOfTime
from dlkit.grading.channel.student import serve

_REMINDER = 2.0  # seconds of processor time after which code that caught the interrupt is interrupted again


def main(channel: int, argument: str) -> None:
    """Serve the checker; the program of a submission's process.

    Parameters
    ----------
    channel
        File descriptor of the socket to the checker.
    argument
        JSON: ``max_output``, the characters of output that are kept of a cell.
    """
    import random

    import numpy as np

    random.seed(0)
    np.random.seed(0)  # noqa: NPY002  (for answers that use it)
    desk = Desk(warm(), json.loads(argument)["max_output"])
    signal.signal(signal.SIGPROF, desk.interrupt)
    signal.signal(signal.SIGINT, desk.interrupt)
    commands: dict[str, Callable[..., Any]] = {
        "run_cell": desk.run_cell, "define": desk.define, "begin": desk.begin, "end": desk.end,
    }  # fmt: skip
    serve(socket.socket(fileno=channel), desk.shell.user_ns, commands=commands, around=desk.working)


# ---- the shell ------------------------------------------------------------------------------------------------------


class _Compiler(CachingCompiler):
    """Names the code of a cell as tracebacks show it."""

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        """Return the file name of a cell's code, which is none of a file."""
        return f"<Cell In[{number}]>"


class _Hook(DisplayHook):
    """Keeps the value of a cell's last line as an ``execute_result``."""

    shell: Any

    def write_output_prompt(self) -> None:
        """Write none: the notebook shows a number of its own."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        """Keep it."""
        self.shell.record.add_data("execute_result", format_dict, md_dict or {})

    def finish_displayhook(self) -> None:
        """Print no line end."""
        self._is_active = False


class _Publisher(DisplayPublisher):
    """Keeps what is displayed."""

    shell: Any

    def publish(self, data: dict[str, Any], metadata: Any = None, *_: Any, **more: Any) -> None:
        """Keep it; what replaces an earlier output is kept beside it."""
        name = (more.get("transient") or {}).get("display_id")
        self.shell.record.add_data("display_data", data, metadata or {}, name)

    def clear_output(self, wait: bool = False) -> None:
        """Forget what the cell has printed and displayed so far."""
        self.shell.record.clear()


class _Stream:
    """What `sys.stdout` and `sys.stderr` are while the notebook runs."""

    encoding, errors, newlines, closed, line_buffering = "utf-8", "backslashreplace", None, False, True

    def __init__(self, name: str, number: int, record: Record) -> None:
        self.name, self._number, self._record = f"<{name}>", number, record
        self._stream = name

    def write(self, text: str) -> int:
        """Keep the text."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._record.add_text(self._stream, text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Keep the texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Do nothing: it is kept already."""

    def fileno(self) -> int:
        """Return the descriptor to which what is written does not show in the notebook."""
        return self._number

    def isatty(self) -> bool:
        """Return that nobody sits there."""
        return False

    def readable(self) -> bool:
        """Return that it cannot be read."""
        return False

    def writable(self) -> bool:
        """Return that it can be written."""
        return True


class Record:
    """The outputs of the cell that runs, as the notebook format has them, up to a number of characters."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.outputs: list[dict[str, Any]] = []
        self._texts: list[str] = []  # of the stream that is written last
        self._room, self._full = self.most, False
        self._displays: dict[str, dict[str, Any]] = {}

    def add_text(self, stream: str, text: str) -> None:
        """Add to a stream."""
        if self._full:
            return
        if len(text) > self._room:
            text = text[: self._room] + self._note()
        else:
            self._room -= len(text)
        if not text:
            return
        last = self.outputs[-1] if self.outputs else {}
        if last.get("output_type") != "stream" or last["name"] != stream:
            self._texts = []
            self.outputs.append({"output_type": "stream", "name": stream, "text": self._texts})
        self._texts.append(text)

    def add_data(self, kind: str, data: dict[str, Any], metadata: dict[str, Any], display: str | None = None) -> None:
        """Add, or replace by its display id, something that was displayed."""
        plain = {str(mime): _as_text(value) for mime, value in data.items()}
        size = sum(map(len, plain.values()))
        if self._full:
            return
        if size > self._room:
            self._room = 0
            self.add_text("stdout", " ")
            return
        self._room -= size
        output = {"output_type": kind, "data": plain, "metadata": json.loads(json.dumps(metadata, default=str))}
        if display is not None and display in self._displays:
            self._displays[display].update(output)
            return
        if display is not None:
            self._displays[display] = output
        self.outputs.append(output)

    def add_error(self, name: str, message: str, traceback: list[str]) -> None:
        """Add an error."""
        self.outputs.append({"output_type": "error", "ename": name, "evalue": message, "traceback": traceback})

    def taken(self) -> list[dict[str, Any]]:
        """Return the outputs as plain data."""
        return [{**o, "text": "".join(o["text"])} if o["output_type"] == "stream" else o for o in self.outputs]

    def _note(self) -> str:
        self._full = True
        return f"\n... more than {self.most} characters of output: the rest was left out ...\n"


def _as_text(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value if isinstance(value, str) else json.dumps(value, default=str)


@magics_class
class _Quiet(Magics):
    """Magics that mean nothing where a notebook is graded."""

    @line_cell_magic
    def pip(self, line: str, cell: str | None = None) -> None:
        """Say that nothing can be installed here."""
        print("Nothing can be installed while a notebook is graded.")

    conda = mamba = uv = pip


class Shell(InteractiveShell):
    """IPython as a kernel has it, with its outputs kept."""

    displayhook_class = Type(_Hook)
    display_pub_class = Type(_Publisher)
    compiler_class = Type(_Compiler)
    record = Record(0)
    kernel = None  # some code looks whether there is one, to know that it runs in a notebook
    leaving = False

    def enable_gui(self, gui: str | None = None) -> None:
        """Do nothing: there is no screen."""

    def ask_exit(self) -> None:
        """Note that the cell called ``exit()``: then the notebook ends after this cell."""
        self.leaving = True

    def system(self, cmd: str) -> None:
        """Run a command of the operating system and show what it prints."""
        print(self.getoutput(cmd, split=False))

    def _showtraceback(self, etype: type, evalue: BaseException, stb: Any) -> None:
        self.record.add_error(etype.__name__, str(evalue), stb if isinstance(stb, list) else [stb])


_shell: Shell | None = None


def warm() -> Shell:
    """Return the shell, made ready: the zygote does so once, and its forks find it."""
    global _shell
    if _shell is not None:
        return _shell
    import matplotlib

    matplotlib.use("module://matplotlib_inline.backend_inline")
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.enable_html_pager = False
    shell = Shell.instance(config=config)
    shell.register_magics(_Quiet)
    from matplotlib_inline.backend_inline import configure_inline_support

    configure_inline_support(shell, "inline")
    record, shell.record = shell.record, Record(10_000)
    for source in _REHEARSAL:
        shell.run_cell(source, store_history=True)
    shell.record = record
    shell.reset(new_session=True)
    shell.execution_count = 1
    _shell = shell
    return shell


# What most notebooks do, done once before the forks, so that each need not load it anew.
_REHEARSAL = (
    "import matplotlib.pyplot as plt\n_, ax = plt.subplots()\nax.plot([1, 2], label='a')\nax.legend()",
    "def f():\n    raise ValueError('x')\nf()",
    "1 +",
    "%matplotlib inline\n1",
)


# ---- what the checker asks for --------------------------------------------------------------------------------------


class CellTimeoutError(BaseException):
    """Raised in code that has used up its time; no ``Exception``, since those are caught in many a loop."""


class Desk:
    """The commands of the checker, beside those of the channel itself.

    Parameters
    ----------
    shell
        Runs the cells.
    max_output
        Characters of output that are kept of a cell.
    """

    def __init__(self, shell: Shell, max_output: int) -> None:
        self.shell = shell
        self.record = Record(max_output)
        self.seconds = 0.0
        self._depth = 0  # of requests that are carried out; an interrupt between them comes too late
        shell.record = self.record
        sys.stdout = _Stream("stdout", 1, self.record)
        sys.stderr = _Stream("stderr", 2, self.record)
        shell.user_ns["input"] = _no_input

    def begin(self, seconds: float) -> None:
        """Start the clock of a cell: after so much processor time, what runs is interrupted."""
        self.seconds = seconds
        self.record.clear()
        signal.setitimer(signal.ITIMER_PROF, seconds, _REMINDER)

    def end(self) -> list[dict[str, Any]]:
        """Stop the clock, close the figures that were drawn, and return what the cell has put out."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")
        outputs = self.record.taken()
        self.record.clear()
        return outputs

    def run_cell(self, source: str, number: int) -> bool:
        """Run a cell; return whether it asked for the notebook to end."""
        self.shell.execution_count = number
        self.shell.leaving = False
        try:
            self.shell.run_cell(source, store_history=True)
        except Exception as error:  # IPython's own, of a cell nested too deeply to be read, for example
            self.record.add_error(type(error).__name__, str(error), [])
        return bool(self.shell.leaving)

    def define(self, source: str, number: int) -> None:
        """Run definitions of a test's visible part: her own notebook has them as well."""
        name = f"<Cell In[{number}]>"
        with contextlib.suppress(Exception):
            for statement in ast.parse(source).body:
                with contextlib.suppress(Exception):
                    exec(compile(ast.Module([statement], []), name, "exec"), self.shell.user_ns)

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Let interrupts reach what runs in this context, and none after it."""
        self._depth += 1
        try:
            yield
        except CellTimeoutError as error:
            raise OutOfTime(str(error)) from error
        finally:
            self._depth -= 1

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """Interrupt what runs: a signal handler."""
        if self._depth:
            what = f"after {self.seconds:g} s" if number == signal.SIGPROF else "after a long wait"
            raise CellTimeoutError(
                f"Your code was still running {what}; it was stopped. Is there a loop that does not end?"
            )


def _no_input(*_: Any, **__: Any) -> str:
    raise StdinNotImplementedError(
        "input() waits for someone to type; nobody does when a notebook is graded. Give the value in code."
    )
