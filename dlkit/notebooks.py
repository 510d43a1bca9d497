"""The normal form of committed notebooks: what it is, what breaks it, and how to get there.

A notebook is committed with its outputs, so a change of a notebook should show nothing but what its author meant:

- nbformat 4.5, stable unique cell ids, keys and indentation as nbformat writes them;
- metadata: the kernel ``python3``, and on cells only tags, nbgrader, slideshow, deletable and editable;
- every code cell executed, in order from 1, in a fresh kernel: nbval compares no cell that has no count;
- outputs that are the same on every machine: no live widget (its static picture stays), no split streams, nothing on
  stderr unless tagged ``nbval-ignore-output``, no error unless tagged ``raises-exception``, no absolute path, host
  name or memory address;
- text beside every picture, and Chinese beside the English: in every heading, and in lectures beside all prose;
- under 1.5 MB, and in lectures nothing that is fetched from the network.

``dlkit notebooks run`` executes notebooks and writes them in this form.
"""

import argparse
import copy
import hashlib
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dlkit.errors import CourseError

COURSE = Path(__file__).resolve().parents[1]
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
CELL_METADATA = ("tags", "nbgrader", "slideshow", "deletable", "editable")
WIDGET = "application/vnd.jupyter.widget-view+json"
MOST_BYTES = 1_500_000
MOST_WORDS = 40  # a cell with more English words than this is prose, and has its Chinese beside it
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_ZH_BLOCK = re.compile(r'<div lang="zh">\n\s*\n(.*?)\n\s*\n</div>', re.DOTALL)
_NOT_PROSE = re.compile(r"`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|<[^>]*>|^(?:\||#).*?$", re.DOTALL | re.MULTILINE)
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_PATH = re.compile(r"(?<![\w.~/:<-])/(?:[\w.+-]+/)+[\w.+-]+|\b[A-Z]:\\\w+")
_NOT_TEXT = re.compile(r"\x1b\[[\d;]*m|data:[\w/+-]+;base64,[\w+/=\s\\]*")  # colours, and pictures within HTML
_LIBRARY = re.compile(r"[~/][^\s:,'\"\x1b]*/(?=(?:site-packages|python3\.\d+|dlkit)/)")
_LIVE = re.compile(r"(?:interactive|Output|Tab|Accordion|\w*Box|\w*Slider|\w*Text|\w*Button)\(\w+=")
_FETCHES = re.compile(
    r"urlopen|urlretrieve|\brequests\.|\bhttpx\.|\bfetch_\w+\(|\bload_dataset\(|download=True|\bwget\b|\bcurl\b"
    r"|\bpip install\b|src=.https?:|!\[[^\]]*\]\(https?:|read_\w+\(.https?:"
)


_MARK = re.compile(r"^(# )?%%( \[|$)", re.MULTILINE)


def normalise(nb: Any) -> Any:
    """Return a copy of a notebook in normal form, as far as that can be had without executing it.

    Parameters
    ----------
    nb : nbformat.NotebookNode
        A notebook of format 4, of any minor version.

    Returns
    -------
    nbformat.NotebookNode
        The notebook in format 4.5; texts, execution counts and the pictures are as they were.
    """
    from nbformat import from_dict

    nb = from_dict(nb)  # a copy, and far quicker than deepcopy
    nb.nbformat_minor = 5
    nb.metadata = from_dict(METADATA)
    used: set[str] = set()
    for position, cell in enumerate(nb.cells):
        if not re.fullmatch(r"[\w-]{1,64}", cell.get("id", ""), re.ASCII) or cell.id in used:
            content = f"{position} {cell.cell_type} {cell.source}"
            cell.id = hashlib.sha256(content.encode()).hexdigest()[:12]
        used.add(cell.id)
        cell.metadata = from_dict(
            {key: cell.metadata[key] for key in CELL_METADATA if cell.metadata.get(key) not in (None, [])}
        )
        if cell.cell_type == "code":
            cell.outputs = list(_normal_outputs(cell))
    return nb


def _normal_outputs(cell: Any) -> Iterator[Any]:
    stream = None
    for output in cell.outputs:
        if output.output_type == "stream":
            if stream is not None and stream.name == output.name:
                stream.text += output.text
                continue
            stream = output
        else:
            stream = None
        if output.output_type == "error":
            output.traceback = [_LIBRARY.sub("", line) for line in output.traceback]
        if "data" in output:
            if WIDGET in output.data:
                output.data = {key: output.data[key] for key in ("image/png", "text/plain") if key in output.data}
            output.metadata = {key: value for key, value in output.metadata.items() if key in output.data}
            if not output.data:
                continue
        if output.output_type == "execute_result":
            output.execution_count = cell.execution_count
        yield output


def problems(path: Path) -> list[str]:
    """Say what keeps a notebook from being committed, one sentence for each trouble; none for a good one.

    Parameters
    ----------
    path : Path
        The notebook. The rules on language and network hold for one in ``lectures/`` or ``solutions/HW/``.

    Raises
    ------
    CourseError
        If there is no such file.
    """
    try:
        text = _read_text(path)
        nb = _parse(text)
        normal = normalise(nb)
        normal_text = _write_text(normal)
    except ValueError as error:
        return [f"not a notebook of format 4: {error}"]
    found = []
    if len(text.encode()) > MOST_BYTES:
        found.append(f"{len(text.encode()) / 1e6:.1f} MB, expected less than {MOST_BYTES / 1e6} MB")
    differences = list(_differences(nb, normal))
    if not differences and text != normal_text:
        differences = ["keys, indentation or last line are not as nbformat writes them"]
    found += differences
    count = 0
    lecture = path.resolve().parent.name == "lectures"
    course_text = lecture or path.resolve().parent.parent.name == "solutions"
    for number, cell in enumerate(nb.cells, start=1):
        rules: list[Iterator[str]] = []
        if cell.cell_type == "code":
            count += 1
            rules.append(_execution_problems(cell, count))
            rules.extend(_output_problems(cell, output) for output in cell.outputs)
        if course_text and cell.cell_type == "markdown":
            rules.append(_language_problems(cell.source, lecture))
        if lecture:
            rules.append(f"fetches from the network: {match[0]!r}" for match in _FETCHES.finditer(cell.source))
        if _MARK.search(cell.source):
            rules.append(
                iter(["holds a mark of the text format, '%%', that divides cells: the text was read as another"])
            )
        found += [f"cell {number}: {problem}" for rule in rules for problem in rule]
    return found


def _differences(nb: Any, normal: Any) -> Iterator[str]:
    if nb.nbformat_minor != normal.nbformat_minor:
        yield f"nbformat 4.{nb.nbformat_minor}, expected 4.{normal.nbformat_minor}"
    if nb.metadata != normal.metadata:
        wrong = sorted(key for key in {*nb.metadata, *METADATA} if nb.metadata.get(key) != METADATA.get(key))
        yield f"metadata of the notebook: {wrong}; expected only the kernelspec and language_info of Python 3"
    extra: dict[str, list[int]] = {}
    for number, (cell, good) in enumerate(zip(nb.cells, normal.cells, strict=True), start=1):
        if cell.get("id") != good.id:
            yield f"cell {number}: its id {cell.get('id')!r} is missing, used twice or malformed"
        if cell.get("outputs") != good.get("outputs"):
            yield f"cell {number}: its outputs hold a live widget, split streams, or metadata of no use"
        for key in cell.metadata.keys() - good.metadata.keys():
            extra.setdefault(key, []).append(number)
    for key, numbers in sorted(extra.items()):
        yield f"metadata {key!r} of cells {numbers}: empty, or none of {', '.join(CELL_METADATA)}"


def _execution_problems(cell: Any, count: int) -> Iterator[str]:
    tags = cell.metadata.get("tags", [])
    errors = any(output.output_type == "error" for output in cell.outputs)
    if not cell.source.strip():
        yield "empty; delete it"
    elif cell.execution_count is None:
        yield "never executed, so nothing compares it"
    elif cell.execution_count != count:
        yield f"execution count {cell.execution_count}, expected {count}: run all cells in a fresh kernel"
    if errors and "raises-exception" not in tags:
        yield "stores an error, and is not tagged raises-exception"
    if "raises-exception" in tags and not errors:
        yield "tagged raises-exception, but raised nothing"


def _output_problems(cell: Any, output: Any) -> Iterator[str]:
    if output.get("name") == "stderr" and "nbval-ignore-output" not in cell.metadata.get("tags", []):
        yield f"writes to stderr, and is not tagged nbval-ignore-output: {output.text.strip()[:80]!r}"
    data = output.get("data", {})
    if "image/png" in data and not output.metadata.get("image/png", {}).get("alt", "").strip():
        yield "a picture without alt text; end it with dlkit.plotting.show(alt)"
    if _LIVE.match(data.get("text/plain", "")):
        yield "a live widget without its picture; show it with dlkit.plotting.control(...) and end the line with ;"
    texts = [output.get("text", ""), output.get("evalue", ""), *output.get("traceback", [])]
    texts += [value for kind, value in data.items() if kind.startswith("text/") and isinstance(value, str)]
    text = _NOT_TEXT.sub("", "\n".join(texts))
    host = socket.gethostname()
    # A host called `digits` says nothing; one called lab-7 stands out from the course's own words.
    hosts = re.compile(rf"\b{re.escape(host)}\b") if re.search(r"[\d.-]", host) else None
    for what, pattern in (("a memory address", _ADDRESS), ("an absolute path", _PATH), ("a host name", hosts)):
        if pattern is not None and (match := pattern.search(text)):
            yield f"its output holds {what}: {match[0]!r}"


def _language_problems(source: str, lecture: bool) -> Iterator[str]:
    source = _FENCE.sub("", source)
    headings = re.findall(r"^#{1,6} (?!BEGIN |END ).*$", source, re.MULTILINE)  # those two are nbgrader's marks
    for heading in headings:
        if not _CHINESE.search(heading):
            yield f"a heading without Chinese: {heading!r}"
    blocks = _ZH_BLOCK.findall(source)
    if len(blocks) != source.count('<div lang="zh"') or not all(map(_CHINESE.search, blocks)):
        yield 'a <div lang="zh"> needs a blank line, Chinese text, a blank line and </div>'
    english = re.findall(r"[A-Za-z]{2,}", _NOT_PROSE.sub(" ", source))
    references = any("参考" in heading for heading in headings)
    if lecture and not blocks and not references and len(english) > MOST_WORDS:
        yield f'{len(english)} words of English and no <div lang="zh"> block'


def run(path: Path, timeout: float = 120.0) -> None:
    """Execute a notebook in place, in a fresh kernel and its own folder, and bring it into normal form.

    Parameters
    ----------
    path : Path
        The notebook; it stays as it was if a cell fails.
    timeout : float
        Seconds that one cell may take.

    Raises
    ------
    CourseError
        If there is no such notebook, or a cell fails, takes too long or ends the kernel; it names the cell.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    try:
        nb = normalise(_parse(_read_text(path)))
    except ValueError as error:
        raise CourseError(f"{path} is not a notebook of format 4: {error}") from error
    running = 0

    def note(cell: Any, cell_index: int) -> None:
        nonlocal running
        running = cell_index + 1

    client = NotebookClient(
        nb,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(path.resolve().parent)}},
        on_cell_start=note,
    )
    try:
        client.execute(env={**os.environ, **ONE_THREAD}, stderr=subprocess.DEVNULL)
    except CellExecutionError as error:
        trouble = f"{error.ename}: {error.evalue}"
    except CellTimeoutError:
        trouble = f"it took more than {timeout:g} s"
    except DeadKernelError:
        trouble = "the kernel died (out of memory, or the cell ended it)"
    except RuntimeError as error:
        trouble = f"the kernel did not start: {error}"
    else:
        _replace(path, _write_text(normalise(nb)))
        return
    raise CourseError(f"{path}: cell {running} failed: {trouble}\nThe file is as it was.")


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise CourseError(f"{path}: cannot be read: {error.strerror}") from error


def _parse(text: str) -> Any:
    import nbformat

    found = json.loads(text)
    if not isinstance(found, dict) or found.get("nbformat") != 4:
        raise ValueError("expected JSON with nbformat 4")
    try:
        # As 4.4, the last format without ids: nbformat would give a cell that lacks one a random one.
        nbformat.validate(copy.deepcopy(found), version=4, version_minor=4, relax_add_props=True)
    except nbformat.ValidationError as error:
        raise ValueError(str(error).splitlines()[0]) from None
    return nbformat.v4.reads_json(text)


def _write_text(nb: Any) -> str:
    import nbformat

    return nbformat.writes(nb) + "\n"


def _replace(path: Path, text: str) -> None:
    new = path.with_name(path.name + ".new")
    new.write_bytes(text.encode())
    new.replace(path)


def course_notebooks() -> list[Path]:
    """Return the notebooks of the course that are committed with their outputs, in order."""
    found = [*COURSE.glob("lectures/*.ipynb"), *COURSE.glob("solutions/*/*.ipynb")]
    return sorted(path for path in found if ".ipynb_checkpoints" not in path.parts)


def register(subparsers: Any) -> None:
    """Add the command ``notebooks`` to the command line."""
    parser = subparsers.add_parser("notebooks", help="run notebooks, bring them into normal form, or check it")
    parser.add_argument("what", choices=["run", "normalise", "check"])
    parser.add_argument("files", nargs="*", type=Path, help="notebooks; all of lectures/ and solutions/ by default")
    parser.add_argument("--timeout", type=float, default=120.0, help="run: seconds that one cell may take")
    parser.set_defaults(command=_command)


def _command(arguments: argparse.Namespace) -> int:
    files: Sequence[Path] = arguments.files or course_notebooks()
    if not files:
        raise CourseError(f"no notebooks in lectures/ and solutions/ of {COURSE}; name the files")
    bad = 0
    for path in files:
        if arguments.what == "run":
            start = time.monotonic()
            run(path, arguments.timeout)
            print(f"{_short(path)}: {time.monotonic() - start:.1f} s")
        elif arguments.what == "normalise":
            _normalise_file(path)
        found = problems(path)
        bad += bool(found)
        for problem in found:
            print(f"{_short(path)}: {problem}")
    print(f"{len(files)} notebooks, {bad} with problems")
    if bad and arguments.what == "check":
        print("`dlkit notebooks normalise` mends the form; what a notebook says and shows is its author's to mend")
    return 1 if bad else 0


def _normalise_file(path: Path) -> None:
    before = _read_text(path)
    try:
        after = _write_text(normalise(_parse(before)))
    except ValueError as error:
        raise CourseError(f"{path} is not a notebook of format 4: {error}") from error
    if after != before:
        _replace(path, after)
        print(f"{_short(path)}: brought into normal form")


def _short(path: Path) -> Path:
    path = path.resolve()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
