"""The instructor's report: one HTML page of what a class handed in, which fetches nothing and needs no script.

It is for the instructor only: it quotes hidden tests' hints, names of students and what a person should read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import jinja2
import numpy as np
from markupsafe import Markup, escape

from dlkit.grading import analysis
from dlkit.grading.charts import histogram, item_bars
from dlkit.grading.report import Result

_TEMPLATE = "report.html.jinja"
_SLOWEST = 10  # submissions
_CAUSES = 15  # reasons why marks were lost
_RARE = 5  # of them, though they happened to one student only and no check recognised them
_EXAMPLES = 3  # students whose feedback shows such a reason
_NAMES = 4  # items named beside it
_LONG = 160  # letters of a message
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def write_report(path: Path, results: Sequence[Result], title: str = "") -> None:
    """Write the instructor's report.

    The same results give the same bytes, in whatever order they come. Every word that a student could have written is
    escaped, and the page forbids the browser to run or fetch anything.

    Parameters
    ----------
    path
        The file, in the course folder: the links to students' feedback begin there.
    results
        What `dlkit.grading.session.grade_class` returned.
    title
        The course's name.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_readable,
    )
    environment.filters.update(number=_number, percent=_percent, address=_address, cut=_cut, breaks=_breaks)
    ordered = sorted(results, key=lambda r: (r.assignment, r.student))
    page = environment.get_template(_TEMPLATE).render(
        title=title,
        assignments=[_assignment(name, list(own)) for name, own in groupby(ordered, key=lambda r: r.assignment)],
        rule=analysis,
        examples=_EXAMPLES,
        names=_NAMES,
    )
    # the name of a folder need not be text
    path.write_bytes(page.encode("utf-8", errors="replace"))


def _assignment(name: str, results: list[Result]) -> SimpleNamespace:
    """Collect what the page says of one assignment."""
    graded = [r for r in results if not r.trouble]
    items = analysis.analyse_items(results)
    found = analysis.causes(graded, [item.name for item in items])
    telling = [c for i, c in enumerate(found) if i < _RARE or c.known or len(c.students) > 1]
    shown = telling[:_CAUSES]
    totals = [r.total[0] for r in graded]
    most = max((r.total[1] for r in graded), default=0.0)
    judged = [item for item in items if item.marked >= analysis.STRONG]
    return SimpleNamespace(
        name=name,
        results=results,
        graded=graded,
        not_graded=[r for r in results if r.trouble],
        most=most,
        spread=_spread(totals),
        histogram=histogram(totals, most) if totals else None,
        items=items,
        item_bars=item_bars(items) if items else None,
        suspicious=[item for item in items if item.suspicious],
        judged=[item for item in items if item.strong >= analysis.STRONG],
        easy=[item for item in judged if item.full == item.marked],
        hopeless=[item for item in judged if item.none == item.marked],
        causes=shown,
        rarer=len(found) - len(shown),
        slowest=analysis.slowest(results, lambda r: r.run_seconds or r.seconds, _SLOWEST),
        events=[r for r in results if r.events],
        warnings=[r for r in results if r.warnings],
        by_hand=[r for r in graded if r.by_hand],
        waiting=max((r.waiting for r in graded), default=0.0),
        late=sorted((r for r in results if r.hours_late), key=lambda r: (-r.hours_late, r.student)),
    )


def _spread(totals: list[float]) -> dict[str, float]:
    """Summarise totals in the words of the page."""
    if not totals:
        return {}
    spread = {"mean · 平均": float(np.mean(totals)), "lowest · 最低": min(totals), "highest · 最高": max(totals)}
    if len(totals) >= analysis.STRONG:
        quarters = map(float, np.percentile(totals, [25, 50, 75]))
        names = ("lower quarter · 下四分位", "median · 中位数", "upper quarter · 上四分位")
        spread.update(zip(names, quarters, strict=True))
        spread["standard deviation · 标准差"] = float(np.std(totals, ddof=1))
    return spread


def _readable(value: Any) -> Any:
    """Show a character that a page may not hold as the sign for one; leave what is marked as safe alone."""
    return _CONTROL.sub("\ufffd", value) if type(value) is str else value


def _number(value: float) -> str:
    """Round to two digits after the point, and show no more than there are."""
    return "–" if np.isnan(value) else f"{round(value, 2) + 0.0:g}".replace("-", "−")


def _percent(value: float) -> str:
    """Round, but never call a few nobody or almost all everybody."""
    if np.isnan(value):
        return "–"
    return "< 1 %" if 0 < value < 0.005 else "> 99 %" if 0.995 <= value < 1 else f"{100 * value:.0f} %"


def _address(page: str) -> str:
    """Make a relative link of a path; a name in it that looks like a scheme or an option stays a name."""
    return quote(page, safe="/", errors="surrogateescape")


def _cut(text: str) -> str:
    return text if len(text) <= _LONG else text[: _LONG - 1] + "…"


def _breaks(name: str) -> Markup:
    """Let a long name go on in the next line after an underscore."""
    return Markup("_<wbr>").join(escape(_readable(part)) for part in name.split("_"))
