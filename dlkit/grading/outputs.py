"""What a student's cells have put out, as it came from her process: looked at before it is believed to be outputs.

It goes into notebooks that the instructor and the student open in a browser. So only the forms that are listed here
pass, HTML without anything that runs, and pictures only as data of pictures.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Any

import bleach  # type: ignore[import-untyped]
import nbformat
from bleach.css_sanitizer import CSSSanitizer  # type: ignore[import-untyped]
from nbformat.notebooknode import NotebookNode

MOST = 1000  # outputs of one cell
#: The names of errors whose message is the grader's own: nothing in it comes from the student's process.
OUR_WORDS = (
    "CellTimeoutError", "CodeStopped", "FailedLater", "KernelStopped", "NoValue", "NotCopiedBack", "NotRun", "TooLarge",
)  # fmt: skip

_LONGEST_HTML, _MOST_WORK = 200_000, 100_000
_FORMATS = re.compile(r"<(?:a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)\b", re.IGNORECASE)
_TEXTS = ("text/plain", "text/latex", "text/markdown")
_PICTURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "image/gif": b"GIF8"}
_TAGS = {
    *bleach.ALLOWED_TAGS, "br", "caption", "col", "colgroup", "dd", "div", "dl", "dt", "h1", "h2", "h3", "h4", "h5",
    "h6", "hr", "p", "pre", "s", "small", "span", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr",
    "u", "var",
}  # fmt: skip
_ATTRIBUTES = {**bleach.ALLOWED_ATTRIBUTES, "*": ["class", "style", "title", "colspan", "rowspan", "align"]}
_STYLES = CSSSanitizer(allowed_css_properties=["color", "background-color", "font-weight", "text-align", "width"])


def outputs_of(claimed: Any, most: int) -> list[NotebookNode]:
    """Return what is an output among what a student's process says its outputs are.

    Parameters
    ----------
    claimed
        A value of plain built-in types, whatever they hold.
    most
        Characters that are kept of all the cell's outputs together; a text longer than that is cut, and what comes
        after it is left out.
    """
    found: list[NotebookNode] = []
    room = most + 1000  # for what says that something was cut
    for claim in claimed[:MOST] if isinstance(claimed, list) else ():
        output = _output(claim, room)
        if output is None:
            continue
        room -= _size(output)
        if room < 0 and output.output_type == "error":  # that there was one is said in any case
            output.traceback = []
        elif room < 0:
            break
        found.append(output)
        if room < 0:
            break
    return found


def _output(claim: Any, room: int) -> NotebookNode | None:
    if not isinstance(claim, dict):
        return None
    kind: Any = claim.get("output_type")
    text: Any = claim.get("text")
    if kind == "stream" and isinstance(text, str):
        stream = "stderr" if claim.get("name") == "stderr" else "stdout"
        return made("stream", name=stream, text=_clean(text[: max(room, 0)]))
    if kind == "error":
        name: Any = claim.get("ename")
        message: Any = claim.get("evalue")
        lines: Any = claim.get("traceback")
        if isinstance(name, str) and isinstance(message, str):
            kept = (
                [_clean(line)[:20_000] for line in lines[:100] if isinstance(line, str)] if type(lines) is list else []
            )
            return error(_clean(name)[:200], _clean(message)[:20_000], kept)
    if kind in ("display_data", "execute_result") and isinstance(claim.get("data"), dict):
        data = dict(_data(claim["data"].items()))
        if data:
            count = {"execution_count": None} if kind == "execute_result" else {}
            return made(kind, data=data, metadata=_metadata(claim.get("metadata")), **count)
    return None


def _data(items: Iterable[tuple[Any, Any]]) -> Iterable[tuple[str, str]]:
    """Take the forms of one thing that are known to be harmless, or can be made so."""
    for mime, value in items:
        if not isinstance(mime, str) or not isinstance(value, str):
            continue
        if mime in _TEXTS:
            yield mime, _clean(value)
        elif mime == "text/html":
            if _is_quick(value):
                yield mime, harmless(value)
        elif mime in _PICTURES and (data := _bytes(value)).startswith(_PICTURES[mime]):
            yield mime, base64.b64encode(data).decode()  # again, since what is no base64 was passed over
        elif mime == "image/svg+xml":  # inside an <img> nothing of it runs or is fetched
            encoded = base64.b64encode(_clean(value).encode()).decode()
            yield "text/html", f'<img alt="" src="data:image/svg+xml;base64,{encoded}">'


def _is_quick(html: str) -> bool:
    """Tell whether HTML can be cleaned in a moment: each open mark of format is repeated in all elements after it."""
    formats = len(_FORMATS.findall(html))
    return len(html) <= _LONGEST_HTML and formats * html.count("<") <= _MOST_WORK


def harmless(html: str) -> str:
    """Return HTML without scripts, frames, forms, handlers of events and addresses that run something."""
    return str(bleach.clean(_clean(html), tags=_TAGS, attributes=_ATTRIBUTES, css_sanitizer=_STYLES, strip=True))


def made(kind: str, **content: Any) -> NotebookNode:
    """Make an output as nbformat does, but for its check against the schema, which costs more than the rest."""
    return nbformat.from_dict({"output_type": kind, **content})


def error(name: str, message: str, traceback: list[str]) -> NotebookNode:
    """Make an output that says what went wrong."""
    return made("error", ename=name, evalue=message, traceback=traceback)


def ours(name: str, message: str) -> NotebookNode:
    """Make an output that says what went wrong in words of the grader's own; `name` is one of `OUR_WORDS`."""
    return error(name, message, [f"{name}: {message}"])


def _metadata(claim: Any) -> dict[str, Any]:
    """Keep the text that describes a picture to those who cannot see it."""
    kept = {}
    for mime, of_it in claim.items() if isinstance(claim, dict) else ():
        alt = of_it.get("alt") if isinstance(of_it, dict) else None
        if mime in _PICTURES and isinstance(alt, str):
            kept[mime] = {"alt": _clean(alt)[:5000]}
    return kept


def _bytes(value: str) -> bytes:
    try:
        return base64.b64decode(value)
    except (binascii.Error, ValueError):
        return b""


def _clean(text: str) -> str:
    """Replace what no UTF-8 file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def _size(output: NotebookNode) -> int:
    if output.output_type == "stream":
        return len(output.text)
    if output.output_type == "error":
        return sum(map(len, (output.ename, output.evalue, *output.traceback)))
    return sum(map(len, output.data.values()))
