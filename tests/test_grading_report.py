"""The instructor's report: what is counted, what is suspected, and the page, which must be safe to open."""

import base64
import csv
import io
import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from itertools import pairwise

import matplotlib as mpl
import nbformat
import numpy as np
import pytest
from grading_course import HW, make_course, put, submission
from nbgrader.api import Gradebook
from rich.console import Console
from scipy import stats

from dlkit.grading.analysis import _at_least, analyse_items, bins, causes
from dlkit.grading.charts import _cut, _letters, histogram, item_bars
from dlkit.grading.expect import HINT
from dlkit.grading.feedback import Failure
from dlkit.grading.release import Course, release
from dlkit.grading.report import Result, show_marks
from dlkit.grading.report_page import write_report
from dlkit.grading.session import grade_class

pytestmark = pytest.mark.usefixtures("ask_alembic_once")


def student(number, shares, points=2.0, hw="hw1", **fields):
    """A result with these shares of the points of items q0, q1, …"""
    marks = {f"q{i}": (share * points, points) for i, share in enumerate(shares)}
    return Result(hw, f"s{number:04d}", marks=marks, **fields)


def class_of(n, k, seed=0, ability=lambda random: random.normal(), **fields):
    """A class whose items are passed by ability, by the logistic model."""
    random = np.random.default_rng(seed)
    hard = np.linspace(-2, 0, k)
    return [
        student(i, (random.random(k) < 1 / (1 + np.exp(-3 * (ability(random) - hard)))).astype(float), **fields)
        for i in range(n)
    ]


def test_an_item_is_described_by_its_shares():
    (first, second) = analyse_items([student(i, shares) for i, shares in enumerate([(1, 0), (0.5, 1), (0, 0), (1, 1)])])
    assert (first.full, first.part, first.none, first.marked, first.share) == (2, 1, 1, 4, 0.625)
    assert (second.full, second.part, second.none, second.share, second.points) == (2, 0, 2, 0.5, 2)


def test_answers_that_wait_for_a_hand_and_submissions_that_were_not_graded_do_not_count():
    waits = student(0, (1, 0), by_hand=["q1"])
    failed = student(1, (1, 1), trouble="a PDF document")
    (first, second) = analyse_items([waits, failed, student(2, (1, 1))])
    assert (first.marked, second.marked, second.waiting, second.share) == (2, 1, 1, 1.0)


def test_an_item_without_points_and_a_class_without_marks_are_no_trouble():
    (bonus,) = analyse_items([student(0, (0,), points=0.0)])
    assert math.isnan(bonus.share) and not bonus.suspicious
    assert analyse_items([]) == analyse_items([Result("hw1", "s", trouble="empty")]) == []


def test_the_correlation_is_with_the_other_items_only():
    results = class_of(60, 6)
    share = np.array([[got / most for got, most in r.marks.values()] for r in results])
    for i, item in enumerate(analyse_items(results)):
        rest = np.delete(share, i, axis=1).sum(axis=1)
        assert item.correlation == pytest.approx(stats.pearsonr(share[:, i], rest)[0])
    assert math.isnan(analyse_items(results[:9])[0].correlation)


@pytest.mark.parametrize(("k", "n"), [(0, 5), (3, 5), (5, 5), (7, 12), (300, 900), (0, 0)])
def test_the_chance_of_many_failures_is_the_binomial_tail(k, n):
    assert _at_least(k, n, 0.25) == pytest.approx(stats.binom.sf(k - 1, n, 0.25), rel=1e-9, abs=1e-300)


def broken(results, item, failing):
    """Let `item` be failed by the first so many of those who have everything else."""
    well = [r for r in results if sum(got for name, (got, _) in r.marks.items() if name != item) >= 8]
    for r in results:
        r.marks[item] = (2.0, 2.0)
    for r in well[:failing]:
        r.marks[item] = (0.0, 2.0)
    return len(well)


def test_an_item_that_the_strong_fail_is_suspicious_and_the_others_are_not():
    results = [student(i, (1, 1, 1, 1, 0)) for i in range(10)] + [student(10 + i, (0, 0, 0, 1, 1)) for i in range(20)]
    found = {item.name: item for item in analyse_items(results)}
    assert [name for name, item in found.items() if item.suspicious] == ["q4"]
    assert (found["q4"].strong, found["q4"].strong_failed) == (10, 10)
    assert found["q4"].correlation == pytest.approx(-1)


def test_more_than_half_of_the_strong_is_not_enough_if_chance_explains_it():
    found = {}
    for failing in range(11):
        results = [student(i, (1, 1, 1, 1, 1)) for i in range(10)] + [student(10 + i, (0,) * 5) for i in range(20)]
        assert broken(results, "q4", failing) == 10
        item = analyse_items(results)[4]
        assert (item.strong, item.strong_failed) == (10, failing)
        found[failing] = item.suspicious
    # five items: the tail must be below 1 %, and P(7 or more of 10) is 0.35 %, P(6 or more) 2 %
    assert [failing for failing, suspicious in found.items() if suspicious] == [7, 8, 9, 10]


def test_the_best_of_a_class_that_did_badly_and_a_handful_are_no_strong_group():
    weak = [student(i, (1, 0, 0, 0, 0)) for i in range(30)]
    assert not any(item.suspicious for item in analyse_items(weak))
    few = [student(i, (1, 1, 1, 1, 0)) for i in range(4)]
    (*_, last) = analyse_items(few)
    assert (last.strong, last.strong_failed, last.suspicious) == (4, 4, False)


def test_the_strong_are_the_best_27_percent_and_their_equals():
    distinct = [student(i, (1 - i / 250, 1)) for i in range(100)]  # all have more than 60 % of the rest of q1
    assert analyse_items(distinct)[1].strong == 27
    equals = [student(i, (1 if i < 40 else 0.7, 1)) for i in range(100)]
    assert analyse_items(equals)[1].strong == 40


def test_several_broken_items_do_not_hide_each_other():
    results = [student(i, (1, 1, 1, 1, 1, 1, 1, 0, 0, 0)) for i in range(15)]
    results += [student(15 + i, (1, 1, 0, 0, 0, 0, 0, 0, 0, 0)) for i in range(15)]
    assert [item.name for item in analyse_items(results) if item.suspicious] == ["q7", "q8", "q9"]


def test_sound_assignments_have_an_item_named_in_at_most_one_of_twenty():
    """Items at the limit of what is called hard: each of the strong fails each with probability 1/4."""
    random = np.random.default_rng(1)
    named = 0
    for _ in range(200):
        strong = [student(i, (random.random(12) > 0.25).astype(float)) for i in range(30)]
        named += any(item.suspicious for item in analyse_items(strong))
    assert named <= 10


def test_causes_are_hints_or_first_lines_and_a_student_counts_once():
    squared = Failure("a_test", None, f"double(3)\nExpected 6, got 9.\n{HINT} squared")
    hidden = Failure("b_test", "other numbers", f"Hidden test: other numbers\n{HINT} squared")
    other = Failure("a_test", None, "double(3)\nExpected 6, got 7.")
    silent = Failure("c_test", None, "\n")
    one, two, three = (Result("hw1", name) for name in "abc")
    one.lost, two.lost, three.lost = [hidden, squared, silent], [squared], [other]
    found = [(c.text, c.known, c.items, [r.student for r in c.students]) for c in causes([one, two, three], ["a_test"])]
    assert found == [
        ("squared", True, ["a_test", "b_test"], ["a", "b"]),
        ("(no message)", False, ["c_test"], ["a"]),
        ("double(3)", False, ["a_test"], ["c"]),
    ]


@pytest.mark.parametrize(
    ("totals", "most"),
    [([3.0], 10.0), ([0.0, 10.0], 10.0), ([0.1 * 3, 9.9], 10.0), ([float(i) for i in range(80)], 80.0), ([0.0], 0.0),
     ([12.0], 10.0), ([i / 7 for i in range(70)], 10.0)],
)  # fmt: skip
def test_every_total_falls_into_one_bar(totals, most):
    counts, edges = bins(totals, most)
    assert sum(counts) == len(totals) and len(edges) == len(counts) + 1
    assert np.allclose(np.diff(edges), edges[1] - edges[0])
    assert edges[-1] >= max(totals) and len(counts) <= 27


def test_whole_marks_have_bars_of_whole_marks():
    counts, edges = bins([0.0, 1.0, 1.0, 14.0], 14.0)
    assert counts == [1, 2, *[0] * 12, 1] and edges[0] == -0.5 and edges[-1] == 14.5
    counts, edges = bins([62.0, 60.0], 62.0)  # three marks a bar
    assert [(left, right) for count, left, right in zip(counts, edges, edges[1:], strict=False) if count] == [
        (59.5, 62.5)
    ]


def svg_of(picture):
    kind, data = picture.source.split(",")
    assert kind == "data:image/svg+xml;base64"
    return base64.b64decode(data).decode()


def test_the_pictures_say_in_words_what_they_show():
    totals = histogram([3.0, 3.0, 5.0], 5.0)
    assert totals.alt == "Histogram of 3 totals out of 5 marks, median 3. Students: 2 with 3, 1 with 5."
    bars = item_bars(analyse_items([student(0, (1, 0)), student(1, (1, 1))]))
    assert bars.alt.endswith("1 q0: 2 of 2 all, 100% on average; 2 q1: 1 of 2 all, 50% on average.")
    assert "q0  1</text>" in svg_of(bars) and "中位数" in svg_of(totals)


def test_labels_of_thirty_long_names_do_not_meet_nor_leave_the_picture():
    results = [
        Result("hw1", "s", marks={f"第{i}题_多类逻辑回归的梯度推导_$x_{i}$_<{i}>": (1.0, 1.0) for i in range(30)})
    ]
    root = ET.fromstring(svg_of(item_bars(analyse_items(results))))
    texts = [t for t in root.iter("{http://www.w3.org/2000/svg}text") if "…" in (t.text or "")]
    assert len(texts) == 30
    places = [(float(text.get("x")), float(text.get("y"))) for text in texts]
    size = 9
    assert all(lower - upper > size for (_, upper), (_, lower) in pairwise(sorted(places, key=lambda place: place[1])))
    # a letter is at most 0.6 of the size wide, a Chinese one as wide as high; the text ends at x
    widths = [sum(size if ord(c) > 0x2FFF else 0.6 * size for c in text.text) for text in texts]
    assert all(x - width > 0 for (x, _), width in zip(places, widths, strict=True))


def test_a_name_keeps_its_beginning_and_its_end():
    assert _cut("short", 24) == "short"
    assert _cut("part3_gradient_of_the_loss_hidden", 20) == "part3_grad…ss_hidden"
    assert _letters(_cut("多类逻辑回归的梯度推导与数值验证_隐藏", 24)) <= 24


def test_drawing_leaves_matplotlib_as_it_was_and_does_not_ask_it():
    with mpl.rc_context({"axes.facecolor": "pink", "xtick.direction": "in", "svg.fonttype": "path"}):
        before = dict(mpl.rcParams)
        odd = histogram([1.0], 2.0)
        assert dict(mpl.rcParams) == before
    assert odd == histogram([1.0], 2.0)


HOSTILE = '</td><script>alert(1)</script><img src=x onerror=alert(2)> "quoted" \x00\x1b[31m {{ 7 * 7 }}'


class Reader(HTMLParser):
    """Collects the page's elements, its text, and what it would fetch."""

    VOID = ("meta", "img", "br", "wbr")

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.links, self.sources, self.alts, self.text, self.ids = [], [], [], [], [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        known = dict(attrs)
        assert not [name for name in known if name.startswith("on")]
        self.links += [known["href"]] if "href" in known else []
        self.ids += [known["id"]] if "id" in known else []
        if tag == "img":
            self.sources.append(known["src"])
            self.alts.append(known["alt"])
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self.text.append(" " if tag in ("td", "th", "dt", "dd", "p", "li") else "")

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text.append(data)

    @property
    def words(self):
        return re.sub(r"\s+", " ", "".join(self.text))


def page_of(tmp_path, results, title="dl_basics"):
    write_report(tmp_path / "report.html", results, title)
    return (tmp_path / "report.html").read_text(encoding="utf-8")


def a_class():
    results = class_of(40, 8, hw="hw2_topic")
    for r in results:
        r.pages = [f"feedback/{r.student}/hw2_topic/hw2_topic.html"]
        r.run_seconds = 1 + int(r.student[1:]) / 10
        r.cpu_seconds = r.run_seconds / 2
        r.lost = [
            Failure(name, None, f"f(x)\n{HINT} the axis is missing") for name, (got, _) in r.marks.items() if not got
        ]
    results[3].trouble, results[3].marks = "hw2_topic.ipynb is empty. Ask for it again.", {}
    results[4].events = ["the worker was lost; tried again"]
    results[5].warnings = ["`softmax`: redefines expect"]
    results[6].hours_late, results[6].penalty = 30.25, 2.0
    return results


def test_the_page_tells_what_happened(tmp_path):
    results = a_class()
    reader = Reader(page_of(tmp_path, results))
    words = reader.words
    for expected in (
        "dl_basics: report on what was handed in · 批改报告",
        "s0003 hw2_topic.ipynb is empty. Ask for it again.",
        "s0004 the worker was lost; tried again",
        "s0005 `softmax`: redefines expect",
        f"s0006 30.2 2 {max(0, sum(got for got, _ in results[6].marks.values()) - 2):g}",
        "s0039 4.9 2.5",
        "39 graded",
        "Pass rate · 通过率",
    ):
        assert expected in words, expected
    assert "s0030" in words and "s0029 3.9" not in words  # the ten slowest, no more
    students = sum(bool(r.lost) for r in results if not r.trouble)
    assert re.search(rf"{students} {100 * students / 39:.0f} % the axis is missing", words)
    assert "feedback/s0000/hw2_topic/hw2_topic.html" in reader.links
    assert all(link.startswith("feedback/") or link[1:] in reader.ids for link in reader.links)
    assert len(reader.sources) == 2 and all(reader.alts)


def test_the_page_names_the_suspicious_and_those_that_everybody_passes(tmp_path):
    results = [student(i, (1, 1, 1, 1, 0)) for i in range(10)] + [student(10 + i, (1, 0, 0, 0, 1)) for i in range(20)]
    words = Reader(page_of(tmp_path, results)).words
    assert "Items that fail suspiciously often · 可疑题目 q4: 10 of the 10 students who did well" in words
    assert "Everybody passes · 人人通过: q0." in words
    sound = Reader(page_of(tmp_path, class_of(40, 8))).words
    assert "No item fails suspiciously often" in sound and "可疑题目 q" not in sound
    assert "the upper 27 % of the class" in sound and "below 5 % divided by the number of items" in sound


def test_nothing_that_a_student_wrote_becomes_part_of_the_page(tmp_path):
    result = Result(HOSTILE, HOSTILE, HOSTILE, {HOSTILE: (0.0, 1.0), "fine": (1.0, 1.0)}, hours_late=1.0, penalty=0.5)
    result.lost = [Failure(HOSTILE, None, HOSTILE), Failure("fine", None, f"f\n{HINT} {HOSTILE}")]
    result.notes = result.warnings = result.events = [HOSTILE]
    result.run_seconds = 1.0
    result.pages = ["javascript:alert(1)", HOSTILE]
    lost = Result("hw2", "\udcff\udcfe", trouble=HOSTILE)  # a folder whose name is no text
    page = page_of(tmp_path, [result, lost], HOSTILE)
    reader = Reader(page)
    assert {"script", "form", "iframe", "link", "object"} & set(reader.tags) == set()
    assert all(source.startswith("data:image/svg+xml;base64,") for source in reader.sources)
    assert "javascript%3Aalert%281%29" in reader.links and not [x for x in reader.links if "javascript:" in x]
    assert "{{ 7 * 7 }}" in reader.words and "alert(1)" in reader.words
    assert "\x00" not in page and "\x1b" not in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


def test_the_page_fetches_nothing_and_runs_nothing(tmp_path):
    page = page_of(tmp_path, a_class())
    assert re.findall(r"https?://|@import|url\(|<script|<link", page) == []
    for picture in Reader(page).sources:
        svg = base64.b64decode(picture.split(",")[1]).decode()
        assert not re.findall(r"<script|<image|href=\"http|<dc:date", svg)


def test_the_same_results_in_any_order_give_the_same_bytes(tmp_path):
    first = page_of(tmp_path, a_class())
    assert page_of(tmp_path, a_class()[::-1]) == first
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "from test_grading_report import a_class; from dlkit.grading.report_page import write_report\n"
        "write_report(Path(sys.argv[2]), a_class(), 'dl_basics')"
    )
    other = tmp_path / "other.html"
    subprocess.run([sys.executable, "-c", code, __file__.rpartition("/")[0], other], check=True)
    assert other.read_text(encoding="utf-8") == first


@pytest.mark.parametrize("results", [[], [Result("hw1", "a", trouble="empty")], [Result("hw1", "a")], class_of(1, 3)])
def test_hardly_anything_handed_in_is_a_page_all_the_same(tmp_path, results):
    words = Reader(page_of(tmp_path, results, "")).words
    assert ("Nothing has been handed in" in words) == (not results)
    assert "nan" not in words and "suspiciously often · " not in words.replace(
        "No item fails suspiciously often. · ", ""
    )


def test_long_lists_fold_and_a_large_class_stays_a_small_page(tmp_path):
    results = class_of(600, 12)
    for r in results[:100]:
        r.warnings = ["`f`: redefines expect"]
        r.lost = [Failure("q1", None, f"{r.student} said something of its own {'x' * 5000}")]
    results[99].lost = [Failure("q1", None, f"f(x)\n{HINT} the axis is missing")]
    page = page_of(tmp_path, results)
    assert "<details><summary>100 submissions</summary>" in page
    words = Reader(page).words
    assert "94 rarer reasons are left out" in words and "the axis is missing" in words
    assert len(page) < 200_000


def test_several_assignments_stand_in_one_page(tmp_path):
    results = class_of(6, 3, hw="hw3") + class_of(6, 3, hw="hw2")
    reader = Reader(page_of(tmp_path, results))
    assert reader.ids == ["a1", "a2", "rules"] and reader.links == ["#a1", "#a2"]
    assert len(reader.sources) == 4


def test_the_total_is_less_the_penalty_and_never_less_than_nothing():
    late = Result("hw1", "s", marks={"a": (3.0, 4.0), "b": (2.0, 4.0)}, penalty=1.5, hours_late=2.0)
    assert late.total == (3.5, 8)
    late.penalty = 9.0
    assert late.total == (0, 8)
    console = Console(width=120, file=io.StringIO())
    show_marks(console, "hw1", [late])
    assert "2.0 −9 marks" in console.file.getvalue() and "0 / 8" in console.file.getvalue()


def test_what_waits_for_a_hand_is_said_beside_the_total(tmp_path):
    waits = Result("hw1", "s", marks={"a": (3.0, 4.0), "essay": (0.0, 20.0)}, by_hand=["essay"])
    done = Result("hw1", "t", marks={"a": (3.0, 4.0), "essay": (8.0, 20.0)})
    assert (waits.waiting, done.waiting) == (20, 0)
    console = Console(width=120, file=io.StringIO())
    show_marks(console, "hw1", [waits, done])
    told = console.file.getvalue()
    assert "3 / 24, 20 by hand" in told and "11 / 24 │" in told
    assert "to be marked by hand · 待人工批改: essay (20 of 24 points)" in told
    assert "an answer of 1 of them, up to 20 points." in Reader(page_of(tmp_path, [waits, done])).words
    assert "by hand · 待人工批改, and" not in Reader(page_of(tmp_path, [done])).words


@pytest.fixture(scope="module")
def late_class(tmp_path_factory):
    """A course whose configuration has nbgrader's own penalty: who is late gets nothing."""
    root = make_course(tmp_path_factory.mktemp("late"))
    with (root / "nbgrader_config.py").open("a") as config:
        config.write('c.LateSubmissionPlugin.penalty_method = "zero"\n')
    release([HW], root)
    handed_out = nbformat.read(root / "assignments" / HW / f"{HW}.ipynb", as_version=4)
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "dl_basics") as book:
        book.update_or_create_assignment(HW, duedate="2026-03-01 18:30:00 UTC")
    for name, when in {"early": "2026-03-01 12:00:00 UTC", "late": "2026-03-02 18:30:00 UTC"}.items():
        put(submission(handed_out), root / "submitted" / name / HW, submitted=when)
    return root, {result.student: result for result in grade_class(Course(root), [HW])}


def test_nbgraders_own_late_penalty_acts_on_a_class_graded_here(late_class):
    root, results = late_class
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        found = {name: book.find_submission(HW, name) for name in results}
        assert {name: (s.score, s.late_submission_penalty) for name, s in found.items()} == {
            "early": (10, 0), "late": (10, 10),
        }  # fmt: skip
    with (root / "grades.csv").open() as file:
        assert {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)} == {"early": 10, "late": 0}
    assert {name: result.hours_late for name, result in results.items()} == {"early": 0, "late": 24}
    page = (root / "feedback" / "late" / HW / f"{HW}.html").read_text(encoding="utf-8")
    assert "Taken off for handing in late · 迟交扣分: 10 points." in page


def test_the_report_takes_the_late_penalty_off(late_class, tmp_path):
    _, results = late_class
    assert {name: result.total for name, result in results.items()} == {"early": (10, 14), "late": (0, 14)}
    assert "late 24.0 10 0" in Reader(page_of(tmp_path, results.values())).words
