"""Marks and pages written quickly are those that nbgrader writes, and pages run nothing that a student wrote."""

import base64
import json
import re
import shutil
from collections import Counter
from concurrent.futures import Future
from copy import deepcopy
from pathlib import Path

import nbformat
import nbgrader.api
import pytest
from bs4 import BeautifulSoup
from grading_course import CONFIG, HW, cell, find, hand_in_five, make_course, put, submission
from grading_extras import CONFIG as EXTRAS
from nbconvert.exporters import HTMLExporter
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.plugins import CsvExportPlugin
from nbgrader.server_extensions.formgrader import handlers
from sqlalchemy import event
from sqlalchemy.engine import Engine
from test_grading_jobs import dump, texts
from traitlets.config.loader import PyFileConfigLoader

from dlkit.grading import session
from dlkit.grading.course import Course, run_nbgrader
from dlkit.grading.feedback import ABOUT_HIDDEN, HideTests
from dlkit.grading.jobs import InfrastructureError
from dlkit.grading.ledger import Ledger
from dlkit.grading.pages import TEMPLATE, TEMPLATES, FeedbackExporter, clean_html
from dlkit.grading.pool import InThisProcess
from dlkit.grading.press import Press, Sheet
from dlkit.grading.release import release
from dlkit.grading.session import grade_class

pytestmark = pytest.mark.usefixtures("ask_alembic_once")

FLAGGED = "import subprocess\ndef double(x): return x + x"


@pytest.fixture
def course(tmp_path, quick_engine):
    """A course with six students, graded by the quick engine; nothing may run where marks are written."""
    root = make_course(tmp_path / "course")
    release([HW], root)
    out = nbformat.read(root / "assignments" / HW / f"{HW}.ipynb", as_version=4)
    hand_in_five(root)
    put(submission(out, double=FLAGGED), root / "submitted" / "fay" / HW)
    return root


def set_up(root):
    """Know a due date, and one student's name."""
    found = Course(root)
    with nbgrader.api.Gradebook(found.dirs.db_url, found.dirs.course_id) as gradebook:
        gradebook.update_or_create_assignment(HW, duedate="2026-03-01 18:00:00 UTC")
        gradebook.update_or_create_student("ada", first_name="Ada", last_name="Lovelace")


def by_hand(root):
    """Do what an instructor does in Formgrader."""
    found = Course(root)
    with nbgrader.api.Gradebook(found.dirs.db_url, found.dirs.course_id) as gradebook:
        grade = gradebook.find_grade("essay", HW, HW, "ada")
        grade.manual_score, grade.needs_manual_grade = 3.5, False
        gradebook.find_grade("mean_test", HW, HW, "cyd").extra_credit = 1
        gradebook.find_comment("essay", HW, HW, "dan").manual_comment = "**Write** something."
        gradebook.db.commit()


def grade_with_nbgrader(root):
    """Grade a class by nbgrader's own means; the notebooks' results are known."""
    found = Course(root)
    session._enter(found, HW)
    found.dirs.assignment_id = HW
    config = deepcopy(found.config)
    for converter in (Autograde, GenerateFeedback):
        run_nbgrader(converter(coursedir=found.dirs, config=deepcopy(config), log=found.log, force=True))
    with nbgrader.api.Gradebook(found.dirs.db_url, found.dirs.course_id) as gradebook:
        export = CsvExportPlugin(log=found.log)
        export.to = str(root / "grades.csv")
        export.export(gradebook)


def words(page):
    """Read a page as its reader does."""
    return " ".join(BeautifulSoup(page.read_text(), "html.parser").find("body").get_text().split())


def modes(folder):
    return {p.relative_to(folder).as_posix(): oct(p.stat().st_mode) for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("extras", ["", EXTRAS], ids=["as it is", "with what an instructor added"])
def test_everything_is_as_nbgrader_writes_it(course, tmp_path, extras):
    with (course / "nbgrader_config.py").open("a") as config:
        config.write(extras)
    theirs = Path(shutil.copytree(course, tmp_path / "theirs"))
    set_up(course)
    set_up(theirs)
    pages = []
    for _ in range(2):  # the second time there are marks by hand
        assert [r.trouble for r in grade_class(Course(course), [HW], workers=2)] == [None] * 6
        shutil.copytree(course / "gradebook.results", theirs / "gradebook.results", dirs_exist_ok=True)
        grade_with_nbgrader(theirs)
        ours = dump(course)
        assert len(ours["grade"]) == 24
        assert ours == dump(theirs)
        for folder in ("autograded", "feedback"):
            assert texts(course / folder) == texts(theirs / folder)
            assert modes(course / folder) == modes(theirs / folder)
        assert (course / "grades.csv").read_text() == (theirs / "grades.csv").read_text()
        pages.append({r: words(course / "feedback" / r / HW / f"{HW}.html") for r in ("ada", "bea", "dan", "fay")})
        by_hand(course)
        by_hand(theirs)
    first, second = pages
    assert "<strong>Write</strong> something." in (course / "feedback" / "dan" / HW / f"{HW}.html").read_text()
    assert ("Taken off for handing in late · 迟交扣分: 2 points." in second["bea"]) == bool(extras)
    assert ("In all 0.0, signed." in second["dan"]) == bool(extras)
    # what waits for a hand is no zero, until there is one; who wrote nothing, or was flagged, waits for nothing
    got, much = ("10.5", "14") if extras else ("10", "13.5")
    assert f"{got} so far, of 14 points" in first["ada"] and "4 points are still to be marked by hand." in first["ada"]
    assert first["ada"].count("to be marked by hand · 待人工批改 (4 points)") == 2
    assert " 0 of 4" not in first["ada"]
    assert f"{much} of 14 points" in second["ada"] and "by hand" not in second["ada"]
    assert second["ada"].count("3.5 of 4 points") == 2
    assert "0 of 14 points" in first["dan"] and "by hand" not in first["dan"]
    assert first["dan"].count("0 of 4 points") == 2
    assert first["fay"].count("to be marked by hand · 待人工批改") == 2


def test_the_results_say_what_the_gradebook_has(course):
    set_up(course)
    (course / "submitted" / "gus" / HW).mkdir(parents=True)
    with (course / "nbgrader_config.py").open("a") as config:
        config.write(EXTRAS)
    found = {r.student: r for r in grade_class(Course(course), [HW])}
    ada, bea, gus = found["ada"], found["bea"], found["gus"]
    assert (ada.name, ada.total, ada.by_hand) == ("Ada Lovelace", (10.5, 14), ["essay"])
    assert (bea.hours_late, bea.penalty, bea.total[0]) == (66, 2, 8.5)
    assert list(ada.marks) == ["double_visible", "double_hidden", "mean_test", "essay"]
    assert [f.item for f in found["cyd"].lost] == ["double_visible", "double_hidden"]
    assert found["fay"].warnings == ["`double`: imports subprocess"]
    assert (gus.total, gus.pages) == ((0, 0), [])
    assert "missing" in gus.trouble
    assert ada.pages == [f"feedback/ada/{HW}/{HW}.html"]
    assert all((course / page).is_file() for r in found.values() for page in r.pages)


def test_a_submission_costs_one_commit_and_as_many_questions_however_many_there_are(course):
    def count(students):
        for i in range(students):
            target = course / "submitted" / f"s{i:03}" / HW
            if not target.exists():
                shutil.copytree(course / "submitted" / "ada" / HW, target)
        (course / "gradebook.db").unlink(missing_ok=True)
        asked, written = Counter(), Counter()

        def ask(conn, cursor, statement, *_):
            kind = statement.split()[0]
            asked[kind] += 1
            if kind != "SELECT":
                conn.info["wrote"] = True

        def commit(conn):
            written["all"] += bool(conn.info.pop("wrote", False))

        event.listen(Engine, "before_cursor_execute", ask)
        event.listen(Engine, "commit", commit)
        try:
            grade_class(Course(course), [HW])
        finally:
            event.remove(Engine, "before_cursor_execute", ask)
            event.remove(Engine, "commit", commit)
        return Counter({"questions": asked["SELECT"], "commits": written["all"]})

    count(2)
    few, more, most = count(2), count(6), count(14)
    each = {kind: (more[kind] - few[kind]) / 4 for kind in few}
    assert each == {kind: (most[kind] - more[kind]) / 8 for kind in few}
    assert each["commits"] == 1
    assert each["questions"] < 40


def test_no_table_is_read_through_for_one_submission(course):
    grade_class(Course(course), [HW])
    found = Course(course)
    with nbgrader.api.Gradebook(found.dirs.db_url) as gradebook:
        for table, column in [("grade", "notebook_id"), ("comment", "notebook_id")]:
            question = f"EXPLAIN QUERY PLAN SELECT * FROM {table} WHERE {column} = 'x'"
            (plan,) = gradebook.db.connection().exec_driver_sql(question)
            assert plan[-1].startswith("SEARCH")


@pytest.mark.parametrize("stage", ["Autograde", "GenerateFeedback"])
def test_one_that_cannot_be_graded_stops_no_other(course, stage):
    trait = {"Autograde": "autograde_preprocessors", "GenerateFeedback": "preprocessors"}[stage]
    with (course / "nbgrader_config.py").open("a") as config:
        config.write(f"c.{stage}.{trait}.append('grading_extras.Spoils')\n")
    trouble = {r.student: r.trouble for r in grade_class(Course(course), [HW])}
    assert re.match(f"nbgrader's {stage} failed: .*no page for cyd", trouble.pop("cyd"))
    assert set(trouble.values()) == {None}
    assert not (course / "feedback" / "cyd" / HW).exists()
    assert (course / "autograded" / "cyd" / HW).exists() == (stage == "GenerateFeedback")
    assert len(list((course / "feedback").rglob("*.html"))) == 5


def test_what_came_before_a_failure_is_kept_as_nbgrader_keeps_it(course):
    found = Course(course)
    session._enter(found, HW)
    with Ledger(found.dirs.db_url, found.dirs.course_id) as ledger:
        with pytest.raises(ZeroDivisionError), ledger.entry():
            ledger.update_or_create_student("ada", first_name="Ada")
            with nbgrader.api.Gradebook(found.dirs.db_url) as another:
                assert [s.id for s in another.students] == []
            _ = 1 / 0
        with nbgrader.api.Gradebook(found.dirs.db_url) as another:
            assert [s.id for s in another.students] == ["ada"]


# --- pages -----------------------------------------------------------------------------------------------------------


def sheets(count=3):
    notebook = nbformat.v4.new_notebook(cells=[cell("markdown", "# Title", id="only")])
    return [
        Sheet(
            json.dumps(notebook),
            {
                "unique_key": HW,
                "inlining": {"css": []},
                "nbgrader": {"notebook": f"number {i}", "score": i, "max_score": 20, "late_penalty": 0},
            },
            99,
        )
        for i in range(count)
    ]


def page_config():
    return PyFileConfigLoader(str(CONFIG)).load_config()


class Loses(InThisProcess):
    """One that loses whatever has a page named in it."""

    def submit(self, fn, /, config, sheets):
        if any("number 3" in str(sheet.resources) for sheet in sheets):
            future = Future()
            future.set_exception(InfrastructureError("the worker is gone"))
            return future
        return super().submit(fn, config, sheets)


@pytest.mark.parametrize("where", ["anywhere", "here", "where one is lost"])
def test_pages_are_handed_over_in_order_and_one_that_is_lost_takes_no_other_with_it(where):
    config, pages = page_config(), []
    if where == "here":
        config.Whatever.hook = lambda: None  # a function that cannot be pickled
    press = Press(Loses() if where == "where one is lost" else InThisProcess(), config)
    for sheet in sheets(20):
        press.order(sheet, pages.append)
    assert pages == []
    press.deliver()
    assert len(pages) == 16
    press.finish()
    if where == "where one is lost":
        assert pages.pop(3).trouble == "the page could not be printed: the worker is gone"
    assert {page.trouble for page in pages} == {""}
    numbers = [int(re.search("number ([0-9]+)", page.html)[1]) for page in pages]
    assert numbers == [i for i in range(20) if i != 3 or where != "where one is lost"]


def test_where_the_gradebook_is_does_not_travel(course):
    with (course / "nbgrader_config.py").open("a") as config:
        config.write("c.CourseDirectory.db_url = 'sqlite:///' + str(course / 'secret-place.db')\n")
    seen = []

    class Looks(InThisProcess):
        def submit(self, fn, /, *args, **kwargs):
            seen.append(repr((args, kwargs)))
            return super().submit(fn, *args, **kwargs)

    found = Course(course)
    assert "secret-place" in found.dirs.db_url
    session.open_executor, before = (lambda *_: Looks()), session.open_executor
    try:
        grade_class(found, [HW])
    finally:
        session.open_executor = before
    assert len(seen) == 6  # five notebooks that differ, and all pages
    assert not any("secret-place" in text for text in seen)


def exporter(kind, template):
    config = page_config()
    config.HTMLExporter.template_name = template
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path, str(TEMPLATES)]
    css = Path(handlers.static_path, "node_modules", "bootstrap", "dist", "css")
    config.HTMLExporter.extra_template_paths = [str(css)]
    return kind(config=config)


def shown(notebook, template=TEMPLATE, kind=None):
    made = exporter(kind or (FeedbackExporter if template == TEMPLATE else HTMLExporter), template)
    resources = {"nbgrader": {"notebook": HW, "score": 1, "max_score": 2, "late_penalty": 0}, "index": 0, "total": 1}
    return made.from_notebook_node(notebook, resources)[0]


PICTURE = "data:image/png;base64,iVBORw0KGgo="
HARMLESS = f"""# A heading

Some *text* with $a < b$ and $$\\begin{{matrix}} a & b \\\\ c & d \\end{{matrix}}$$, `x < y & z`, a
[link](https://example.org/?a=1&b=2), and ![a picture]({PICTURE})

| a | b |
|---|---|
| 1 | 2 |

<div lang="zh">

一段中文 H<sub>2</sub>O

</div>

```python
def double(x): return "<b>" + x
```
"""
HOSTILE = f"""# Title <script>alert(1)</script>

<script>alert(2)</script> <img src=x onerror=alert(3)> <img src="{PICTURE}" onload="alert(4)"/>
<svg onload=alert(5)><script>alert(6)</script></svg> <iframe srcdoc="<script>alert(7)</script>"></iframe>
[one](javascript:alert(8)) <a href="javascript:alert(9)">two</a> <a href="jAva&#115;cript&#58;alert(10)">three</a>
<a href=" java\tscript:alert(11)">four</a> <a href="data:text/html,<script>alert(12)</script>">five</a>
<form action="https://evil.example"><input name=q><button formaction="javascript:alert(13)">go</button></form>
<div style="position:fixed;top:0;background:url(javascript:alert(14))" onclick="alert(15)">six</div>
<math><mtext><table><mglyph><style><img src=x onerror=alert(16)></style></mglyph></table></mtext></math>
<base href="https://evil.example/"> <link rel=stylesheet href="https://evil.example/x.css">
<meta http-equiv=refresh content="0;url=javascript:alert(17)"> <object data="javascript:alert(18)"></object>
<embed src="javascript:alert(19)"> <details open ontoggle=alert(20)>seven</details>
<p class="panel panel-primary nbgrader_cell" id="submission_id">Score: 100</p>
<img src="https://evil.example/track.png"> <img src="//evil.example/track.png">
<scr<script>ipt>alert(21)</scr</script>ipt>
<style>body {{ display: none }}</style> <noscript><p title="</noscript><img src=x onerror=alert(22)>"></noscript>
"""


def hostile_notebook():
    made = nbformat.v4.new_output
    outputs = [
        made("display_data", {"text/html": HOSTILE}),
        made("display_data", {"text/markdown": HOSTILE}),
        made("display_data", {"application/javascript": "alert(30)"}),
        made("display_data", {"image/svg+xml": "<svg><script>alert(31)</script></svg>"}),
        made("display_data", {"text/latex": "$<img src=x onerror=alert(32)>$"}),
        made("display_data", {"text/html": HOSTILE}, metadata={"text/html": {"isolated": True}}),
        made(
            "display_data",
            {"image/png": 'iVBORw0KGgo="onerror="alert(33)'},
            metadata={
                "image/png": {
                    "width": "1 onload=alert(34)",
                    "height": "1\tonload=alert(35)",
                    "alt": '" onload="alert(36)',
                }
            },
        ),
        made("stream", name="stdout", text="<script>alert(37)</script>"),
        made("error", ename="<script>", evalue="<script>", traceback=["<script>alert(38)</script>"]),
        made("execute_result", {"text/plain": "<script>alert(39)</script>"}),
        made(
            "display_data",
            {"application/vnd.jupyter.widget-view+json": {"model_id": "</script><script>alert(40)</script>"}},
        ),
    ]
    answer = cell("markdown", HOSTILE, "essay", grade=True, solution=True, points=4)
    answer.metadata.nbgrader.update(score=1.0, comment=HOSTILE)
    code = cell("code", "'</pre><script>alert(41)</script>'", "double", solution=True)
    code.outputs = outputs
    raw = nbformat.v4.new_raw_cell(HOSTILE)
    return nbformat.v4.new_notebook(cells=[cell("markdown", HOSTILE, id="text"), answer, code, raw])


@pytest.mark.parametrize("template", [TEMPLATE, "feedback", "formgrade"])
def test_nothing_that_a_student_wrote_runs(template):
    empty = nbformat.v4.new_notebook(cells=[])
    before = BeautifulSoup(shown(empty, template), "html.parser")
    page = shown(hostile_notebook(), template)
    soup = BeautifulSoup(page, "html.parser")
    assert [str(s) for s in soup.find_all("script")] == [str(s) for s in before.find_all("script")]
    assert soup.find_all(["object", "embed", "base", "svg", "math", "form"]) == []
    body = soup.find(id="notebook")
    assert body.find_all(["style", "link", "meta"]) == body.find_all(attrs={"formaction": True}) == []
    for tag in body.find_all(True):
        assert not [name for name in tag.attrs if name.startswith("on")], tag
        address = re.sub(r"[\x00-\x20]", "", str(tag.get("href") or tag.get("src") or ""))
        assert re.match(r"#|https://example|data:image/|x$|data:text/html;base64,|$", address), tag
        assert "evil" not in str(tag.get("src"))
        assert "position" not in str(tag.get("style"))
    for frame in body.find_all("iframe"):
        inside = BeautifulSoup(base64.b64decode(frame["src"].partition(",")[2]), "html.parser")
        assert inside.find_all(["script", "iframe", "style"]) == []
        assert not [name for tag in inside.find_all(True) for name in tag.attrs if name.startswith("on")]
    assert body.find_all(id="submission_id") == []
    assert "panel" not in " ".join(str(p.get("class")) for p in body.find_all("p"))


@pytest.mark.parametrize("template", [TEMPLATE, "feedback", "formgrade"])
def test_what_honest_students_write_is_shown(template):
    notebook = nbformat.v4.new_notebook(cells=[cell("markdown", HARMLESS, id="text")])
    table = '<table border="1" class="dataframe"><thead><tr style="text-align: right;"><th>a</th></tr></thead></table>'
    code = cell("code", "x", id="code")
    code.outputs = [
        nbformat.v4.new_output("execute_result", {"text/html": table}),
        nbformat.v4.new_output("display_data", {"image/png": "iVBORw0KGgo="}, metadata={"image/png": {"width": 300}}),
    ]
    notebook.cells.append(code)
    page = shown(notebook, template)
    soup = BeautifulSoup(page, "html.parser").find(id="notebook")
    assert soup.find("h1", id="A-heading").a["href"] == "#A-heading"
    text = soup.get_text()
    assert "$a < b$" in text and "\\begin{matrix} a & b \\\\ c & d \\end{matrix}" in text and "x < y & z" in text
    assert soup.find("a", string="link")["href"] == "https://example.org/?a=1&b=2"
    assert soup.find("img", alt="a picture")["src"] == PICTURE
    assert soup.find("div", lang="zh").p.sub.get_text() == "2"
    assert soup.find("div", class_="highlight").find("span", class_="k").get_text() == "def"
    assert "1" in [td.get_text() for td in soup.find_all("td")]
    assert soup.find("table", class_="dataframe").tr["style"] == "text-align: right;"
    assert soup.find("img", width="300")["src"] == PICTURE
    assert page.count("MathJax.Hub.Config") == 1


def test_a_page_says_what_nbconverts_own_says(course):
    grade_class(Course(course), [HW])
    notebook = nbformat.read(course / "autograded" / "cyd" / HW / f"{HW}.ipynb", as_version=4)
    find(notebook, "double").outputs.append(nbformat.v4.new_output("display_data", {"image/png": "iVBORw0KGgo="}))
    for each in notebook.cells:
        each.metadata.get("nbgrader", {}).update(score=1, points=2)
    ours, theirs = shown(notebook), shown(notebook, kind=HTMLExporter)
    assert str(BeautifulSoup(ours, "html.parser")) == theirs
    assert 'alt="No description has been provided for this image"' in ours


def test_an_instructors_own_template_is_taken():
    config = page_config()
    config.FeedbackExporter.template_name = "classic"
    assert FeedbackExporter(config=config).template_name == "classic"
    assert Press(InThisProcess(), page_config()).now(sheets(1)[0]).html.count('<main id="notebook">') == 1


def test_the_steps_of_a_page_know_the_options_that_they_are_given(caplog):
    made = FeedbackExporter(config=page_config())
    for step in page_config().GenerateFeedback.preprocessors:
        made.register_preprocessor(step)
    assert [type(step).__name__ for step in made._preprocessors[-3:-1]] == ["GetMarks", "HideTests"]
    assert "not recognized" not in caplog.text


@pytest.mark.parametrize("hidden", [True, False])
def test_what_a_hidden_test_is_is_said_where_one_failed_and_the_summary_leads_to_the_item(hidden):
    source = "check()\n### BEGIN HIDDEN TESTS\n# title: large numbers\nmore()\n### END HIDDEN TESTS"
    test = cell("code", source, "double_test", grade=True, locked=True, points=2)
    test.execution_count = 1
    line = f"Cell In[1], line {4 if hidden else 1}"
    test.outputs = [nbformat.v4.new_output("error", ename="AssertionError", evalue="wrong", traceback=[line])]
    seen, _ = HideTests().preprocess(nbformat.v4.new_notebook(cells=[test]), {})
    summary = seen.cells[0].source
    assert "- [`double_test`](#double_test): 0 of 2" in summary
    assert ("Hidden test: large numbers" in summary) == (ABOUT_HIDDEN in summary) == hidden


def item_notebook(**marks):
    test = cell("code", "assert double(2) == 4", "double_test", grade=True, locked=True, points=2)
    test.metadata.nbgrader.update(marks)
    return nbformat.v4.new_notebook(cells=[cell("code", "x", "double", solution=True), test])


@pytest.mark.parametrize(
    ("marks", "state", "says"),
    [
        ({"score": 2.0}, "full", "2 of 2 points"),
        ({"score": 1.255}, "part", "1.25 of 2 points"),
        ({"score": 0.0}, "none", "0 of 2 points"),
        ({"score": 0.0, "points": 1.0}, "none", "0 of 1 point "),
        ({"score": 0.0, "waits": True}, "waits", "to be marked by hand · 待人工批改 (2 points)"),
        ({"score": 2.5}, "full", "2.5 of 2 points"),
    ],
)
def test_an_item_shows_how_it_did_and_only_a_test_that_was_passed_is_folded(marks, state, says):
    soup = BeautifulSoup(shown(item_notebook(**marks)), "html.parser")
    item = soup.find(id="double_test")
    assert item["class"] == ["item", state]
    assert says in " ".join(item.get_text().split()) + " "
    assert (item.find("details") is not None) == (state == "full")
    assert "assert double(2) == 4" in item.get_text()
    assert soup.find(id="double")["class"] == ["item"] and soup.find(id="double").find("details") is None
    row = soup.find("header").find("a", href="#double_test").find_parent("tr")
    assert row.find("td", class_=state).get_text().strip() == says.strip()


@pytest.mark.parametrize(
    ("marks", "says"),
    [
        ({"score": 3.0, "max_score": 4.0, "late_penalty": 0}, ["3 of 4 points"]),
        ({"score": -1.5, "max_score": 4.0, "late_penalty": 2.0}, ["0 of 4 points", "迟交扣分: 2 points."]),
        ({"score": 3.0, "max_score": 4.0, "late_penalty": 0, "waiting": 1.0}, ["3 so far, of 4 points", "1 point is"]),
    ],
)
def test_the_total_says_what_is_still_to_come_and_is_never_below_nothing(marks, says):
    sheet = Sheet(
        json.dumps(item_notebook(score=1.0)), {**sheets(1)[0].resources, "nbgrader": {"notebook": HW, **marks}}, 99
    )
    text = BeautifulSoup(Press(InThisProcess(), page_config()).now(sheet).html, "html.parser").find("header").get_text()
    for each in says:
        assert each in text
    assert ("still to be marked by hand" in text) == ("waiting" in marks)


def test_what_is_too_long_to_be_cleaned_is_shown_as_it_was_written():
    deep = "<div>" * 20_000
    notebook = nbformat.v4.new_notebook(cells=[cell("markdown", deep, id="text"), cell("code", "x", id="code")])
    picture = f'<img alt="large" src="{PICTURE.rstrip("=")}{"A" * 200_000}">'
    notebook.cells[1].outputs = [
        nbformat.v4.new_output("display_data", {"text/html": deep + "<script>alert(1)</script>"}),
        nbformat.v4.new_output("display_data", {"text/html": picture}),
    ]
    soup = BeautifulSoup(shown(notebook), "html.parser").find(id="notebook")
    assert soup.get_text().count(deep) == 2
    assert soup.find_all("script") == []
    assert soup.find("img", alt="large")["src"].endswith("AAAA")


def test_clean_html_of_what_is_harmless_changes_nothing():
    for html in (
        "<p>a &amp; b &lt; c</p>",
        '<ol start="2"><li>1</li></ol>',
        f'<img alt="x" src="{PICTURE}">',
        "<h2>t</h2>",
    ):
        assert clean_html(html) == html
    assert clean_html(b"<b>1</b>") == "<b>1</b>"
