"""Notebooks with their marks as pages: quick to make, and with nothing in them that a student's text could run.

What students write, as markdown or as HTML that their code displays, is shown in the browser of the instructor, who is
logged in to Formgrader, and in their own. Markdown and HTML keep headings, lists, tables, links and pictures, but no
scripts, handlers, forms, frames, styles that leave their place, or pictures from elsewhere. The filters here stand
in ``nbgrader_config.py`` and so serve Formgrader too.
"""

from __future__ import annotations

import functools
import re
from html import escape
from pathlib import Path
from typing import Any

from bleach.css_sanitizer import ALLOWED_CSS_PROPERTIES, CSSSanitizer  # type: ignore[import-untyped]
from bleach.sanitizer import Cleaner  # type: ignore[import-untyped]
from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbconvert.filters import Highlight2HTML, get_metadata
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from nbformat.notebooknode import NotebookNode
from traitlets.config import Config, LoggingConfigurable

TEMPLATE = "student_page"
TEMPLATES = Path(__file__).with_name("templates")
_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "code", "col", "colgroup", "dd", "del", "details", "div", "dl",
    "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li",
    "mark", "ol", "p", "pre", "q", "s", "samp", "small", "span", "strong", "sub", "summary", "sup", "table",
    "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var",
}  # fmt: skip
_ATTRIBUTES = {
    "*": {"align", "class", "dir", "lang", "style", "title", "valign"},
    "a": {"href"},
    "img": {"alt", "height", "src", "width"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    **{f"h{n}": {"id"} for n in range(1, 7)},  # for the links beside headings
}
# of pygments (`kn`, `s1`), of nbconvert's markdown, of pandas; not those that would look like a part of the page
_CLASS = re.compile(r"[a-z]{1,3}\d?|highlight|hl-[\w-]+|anchor-link|dataframe|math")
_STYLES = sorted(ALLOWED_CSS_PROPERTIES - {"cursor", "display", "float"})
_SCHEMES = ("http", "https", "mailto")
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml)[;,]|(?![/\\]{2})[^:\\]*$", re.IGNORECASE)
_DATA = re.compile(r"data:image/[\w+.-]+;base64,[\w+/=]*")
_IMAGE = re.compile(r"""<img\b((?:[^>"']|"[^"]*"|'[^']*')*)>""")
_LIVE = ("application/javascript", "application/vnd.jupyter.widget-view+json")
_NO_ALT = "No description has been provided for this image"
_LONGEST = 50_000  # characters of HTML or markdown; some of what can be written takes time as their square
_REMEMBERED = 1000  # cells, most of them the course's own, which come again on each page


def _may_stay(tag: str, name: str, value: str) -> bool:
    if name not in _ATTRIBUTES["*"] and name not in _ATTRIBUTES.get(tag, ()):
        return False
    address = re.sub(r"[\x00-\x20\x7f-\xa0]", "", value)  # as browsers read it
    if name == "src":
        return _PICTURE.match(address) is not None
    if name == "href":
        scheme, colon, _ = re.split(r"[/?#]", address, maxsplit=1)[0].partition(":")
        return not colon or scheme.lower() in _SCHEMES
    return name != "class" or all(map(_CLASS.fullmatch, value.split()))


@functools.cache
def _cleaner() -> Cleaner:
    return Cleaner(
        tags=_TAGS,
        attributes=_may_stay,
        protocols=[*_SCHEMES, "data"],
        strip=True,
        css_sanitizer=CSSSanitizer(allowed_css_properties=_STYLES),
    )


@functools.lru_cache(maxsize=_REMEMBERED)
def clean_html(html: Any) -> str:
    """Take out of HTML what could run in a browser or pretend to be a part of the page.

    In the place of nbconvert's filter of this name, which knows neither headings nor pictures.
    """
    text = html.decode() if isinstance(html, bytes) else str(html)
    if _is_long(text):
        return _as_it_is(text)
    return _cleaner().clean(re.sub(r"<(script|style)\b.*?(</\1\s*>|\Z)", "", text, flags=re.DOTALL | re.IGNORECASE))


def _is_long(text: str) -> bool:
    """Tell whether a text is so long that to read it as HTML or markdown may take minutes; pictures do not count."""
    return len(text) > _LONGEST and len(_DATA.sub("", text)) > _LONGEST


def _as_it_is(text: str) -> str:
    return f"<pre>{escape(text)}</pre>"


@pass_context
class SafeMarkdown(LoggingConfigurable):
    """nbconvert's filter ``markdown2html``, and what it gives gone through `clean_html`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.exporter: Any = self.parent
        self._remembered = functools.lru_cache(maxsize=_REMEMBERED)(functools.partial(self._render, {}))

    def __call__(self, context: Any, source: str) -> str:
        """Turn markdown into HTML."""
        if (context.get("cell") or {}).get("attachments") or self.exporter.embed_images:
            return self._render(context, source)
        return self._remembered(source)

    def _render(self, context: Any, source: str) -> str:
        if _is_long(source):
            return _as_it_is(source)
        return clean_html(self.exporter.markdown2html(context, source))


def safe_metadata(output: Any, key: str, mimetype: str | None = None) -> Any:
    """Look up metadata of an output, of a size only if it is a number: nbconvert puts it into the page unquoted."""
    value = get_metadata(output, key, mimetype)
    if key in ("width", "height") and not re.fullmatch(r"\d+(\.\d+)?(px|%)?", str(value)):
        return None
    return value


class _Highlight(Highlight2HTML):
    """nbconvert's colours for code, remembered for the cells that are on every page."""

    def __call__(self, source: str, language: str | None = None, metadata: Any = None) -> str:
        magics = (metadata or {}).get("magics_language")
        if magics or self.extra_formatter_options:
            return str(super().__call__(source, language, metadata))
        return _highlighted(self.pygments_lexer, source, language)


@functools.lru_cache(maxsize=_REMEMBERED)
def _highlighted(lexer: str, source: str, language: str | None) -> str:
    return str(Highlight2HTML(pygments_lexer=lexer)(source, language))


class _Types(WidgetsDataTypeFilter):
    """nbconvert's choice among the forms of an output, without those that need a script."""

    def __call__(self, output: Any) -> list[str]:
        still = {form: data for form, data in output.items() if form not in _LIVE}
        return list(super().__call__(still)) if still else []


class FeedbackExporter(HTMLExporter):
    """nbconvert's ``HTMLExporter`` with the course's own page, which names what waits to be marked by hand.

    Another page is set by ``c.FeedbackExporter.template_name``. nbconvert's second reading of the whole page, which
    takes longer than the first, is left out. In that it adds a text to pictures that have none, and so does this.
    """

    @property
    def default_config(self) -> Config:
        """Of the class itself, so that the template stands above nbgrader's, and below what an instructor sets."""
        ours = Config(FeedbackExporter={"template_name": TEMPLATE, "extra_template_basedirs": [str(TEMPLATES)]})
        config = Config(super().default_config)
        config.merge(ours)
        return config

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: Any = None, **kw: Any
    ) -> tuple[str, Any]:
        """Turn a notebook into a page."""
        language = nb.metadata.get("language_info", {})
        lexer = language.get("pygments_lexer", language.get("name", None))
        highlight = self.filters.get("highlight_code") or _Highlight(pygments_lexer=lexer, parent=self)
        self.register_filter("highlight_code", highlight)
        types = _Types(notebook_metadata=self._nb_metadata, parent=self, resources=resources)
        self.register_filter("filter_data_type", types)
        page, resources = TemplateExporter.from_notebook_node(self, nb, resources, **kw)
        return _IMAGE.sub(_with_alt, page), resources


def _with_alt(tag: re.Match[str]) -> str:
    if re.search(r"\salt\s*=", tag[1]):
        return tag[0]
    return f'<img{tag[1].rstrip().removesuffix("/")} alt="{escape(_NO_ALT)}">'
