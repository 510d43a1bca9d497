"""The course of the conformance suite, and submissions whose notebook or folder is itself out of the ordinary.

The course is the one of `grading_course`, with answers that take arrays, functions and objects besides.
"""

import json
import os
import shutil
import socket
import sqlite3
from contextlib import suppress

import nbformat
from grading_course import CONFIG, HW, cell, find, insert, position, put, sandbox_here, source_notebook

EXTRA = """
c.RunNotebook.timeout = 2
c.RunNotebook.total_timeout = 30
c.RunNotebook.memory = 256
c.RunNotebook.scratch = 16
"""
#: What stands in hidden tests only, or is seen only by what they call; with two numbers that tell it in another way.
SECRETS = (
    "4171", "8342", "41.75", "31.625", "77.125", "90.375", "180.75", "4172", "42.75", "secret_number", "secret_table",
    "secret_factor", "secret values", "hidden_double()", "HIDDEN TESTS",
)  # fmt: skip

_MORE = [
    cell("markdown", "Arrays, functions, objects.", id="more"),
    cell(
        "code",
        "def shift(x):\n    ### BEGIN SOLUTION\n    return x - x.mean(axis=0)\n    ### END SOLUTION",
        "shift",
        solution=True,
    ),
    cell(
        "code",
        "x = np.array([[1.0, 2.0, 3.0], [5.0, 2.0, 1.0]])\nkept = x.copy()\n"
        'expect("shift(x)", shift(x), kept - kept.mean(axis=0), rtol=1e-6, atol=1e-6)\n'
        'expect_unchanged("x", kept, x)\n'
        "### BEGIN HIDDEN TESTS\n# title: a larger table\nimport colorsys\n\n"
        "secret_table = np.array([[31.625, 77.125], [90.375, 0.0], [1.0, 1.0]])\nkept = secret_table.copy()\n"
        'expect("shift(secret_table)", shift(secret_table), kept - kept.mean(axis=0), rtol=1e-6, atol=1e-6)\n'
        'expect_unchanged("secret_table", kept, secret_table)\nassert colorsys.rgb_to_yiq(0, 0, 0)[0] == 0\n'
        "### END HIDDEN TESTS",
        "shift_test",
        grade=True,
        locked=True,
        points=4,
    ),
    cell(
        "code",
        "def twice(f, x):\n    ### BEGIN SOLUTION\n    return f(f(x))\n    ### END SOLUTION",
        "twice",
        solution=True,
    ),
    cell(
        "code",
        'expect("twice(f, 1) for f(x) = 3 x + 1", twice(lambda x: 3 * x + 1, 1), 13, rtol=1e-12)\n'
        "### BEGIN HIDDEN TESTS\n# title: another function\nsecret_factor = 90.375\n"
        'expect("secret", twice(lambda x: secret_factor * x, 2), 2 * secret_factor**2, rtol=1e-12)\n'
        "### END HIDDEN TESTS",
        "twice_test",
        grade=True,
        locked=True,
        points=3,
    ),
    cell(
        "code",
        "class Total:\n    ### BEGIN SOLUTION\n    value = 0\n\n    def add(self, x):\n"
        "        self.value = self.value + x\n    ### END SOLUTION",
        "total",
        solution=True,
    ),
    cell(
        "code",
        'total = Total()\ntotal.add(2)\ntotal.add(5)\nexpect("total.value", total.value, 7, rtol=0)\n'
        "### BEGIN HIDDEN TESTS\n# title: two at a time\none, other = Total(), Total()\none.add(31.625)\n"
        'other.add(1)\nexpect("secret", one.value, 31.625, rtol=0)\n### END HIDDEN TESTS',
        "total_test",
        grade=True,
        locked=True,
        points=2,
    ),
    cell("code", 'print("the course shows", double(4))', "shown", locked=True, tags=["only-shows"]),
]
FULL = {"double_visible": 2, "double_hidden": 3, "mean_test": 5, "shift_test": 4, "twice_test": 3, "total_test": 2}


def conformance_course(root):
    """Write the course's configuration and source; return its root."""
    source = source_notebook()
    source.cells[-1:-1] = [nbformat.from_dict(c) for c in _MORE]
    find(source, "setup").source = "import numpy as np\n\nfrom dlkit.grading import expect, expect_unchanged"
    find(source, "mean_test").source = "a_name_of_the_test = 3\n" + find(source, "mean_test").source
    folder = root / "solutions" / HW
    folder.mkdir(parents=True)
    shutil.copyfile(CONFIG, root / "nbgrader_config.py")
    with (root / "nbgrader_config.py").open("a") as config:
        config.write(f'c.RunNotebook.sandbox = "{sandbox_here()}"\n{EXTRA}')
    nbformat.write(source, folder / f"{HW}.ipynb")
    (folder / "numbers.txt").write_text("1 2 3\n")
    return root


def right_answers(release):
    """The release with right answers in it, as an honest student writes them."""
    notebook = nbformat.from_dict(release)
    for name, text in {
        "double": "def double(x):\n    return x + x",
        "mean": "def mean(values):\n    return sum(values) / len(values)",
        "shift": "def shift(x):\n    return x - np.mean(x, axis=0, keepdims=True)",
        "twice": "def twice(f, x):\n    y = f(x)\n    return f(y)",
        "total": "class Total:\n    def __init__(self):\n        self.value = 0\n\n"
        "    def add(self, x):\n        self.value += x",
        "essay": "Because the sum is linear.",
    }.items():
        find(notebook, name).source = text
    return notebook


def honest(release):
    """Notebooks of honest students, right and wrong, by name."""
    class_ = {f"n{i}": right_answers(release) for i in range(1, 7)}
    find(class_["n2"], "double").source = "def double(x):\n    return x**2"
    find(class_["n3"], "mean").source = "def mean(values):\n    return values.total"
    find(class_["n4"], "shift").source = "def shift(x):\n    x -= x.mean(axis=0)\n    return x"
    class_["n5"] = nbformat.from_dict(release)
    insert(class_["n6"], position(class_["n6"], "mean"), "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nprint(3)")
    return class_


# ---- submissions that no answer file can describe: each a function of the folder, course and release ----------------

ODD, HOSTILE = {}, {}


def _case(cases, title, loses=(), trouble=None, hint="", needs=""):
    def keep(build):
        cases[build.__name__] = (build, title, set(loses), trouble, hint, needs)
        return build

    return keep


def odd(title, **more):
    return _case(ODD, title, **more)


def hostile(title, **more):
    return _case(HOSTILE, title, **more)


def write(folder, content, name=f"{HW}.ipynb"):
    """Write a notebook's JSON, or whatever else it is, past nbformat's care."""
    folder.mkdir(parents=True, exist_ok=True)
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    (folder / name).write_bytes(data)
    (folder / "timestamp.txt").write_text("2026-03-01 12:00:00 UTC")


def seen(notebook, *names):
    """Add a cell that says if it finds what it must not."""
    text = f"import os\n\nfor name in {names!r}:\n    if os.path.lexists(name):\n        print('FOUND', name)"
    return insert(notebook, 2, text)


@hostile("the notebook is a link to the course's own, with the solutions", trouble="mini.ipynb is a link")
def link_to_the_solution(folder, course, release):
    folder.mkdir(parents=True)
    (folder / f"{HW}.ipynb").symlink_to(course / "solutions" / HW / f"{HW}.ipynb")


@hostile("the notebook is a link to another student's", trouble="mini.ipynb is a link")
def link_to_a_neighbour(folder, course, release):
    folder.mkdir(parents=True)
    (folder / f"{HW}.ipynb").symlink_to(f"../../n1/{HW}/{HW}.ipynb")


@hostile("the folder is a link to another student's", trouble="The folder is a link")
def folder_that_is_a_link(folder, course, release):
    folder.parent.mkdir(parents=True)
    folder.symlink_to(f"../n1/{HW}")


@hostile("links to solutions, gradebook and system files beside the notebook")
def links_beside_the_notebook(folder, course, release):
    put(seen(right_answers(release), "notes.txt", "marks", "passwd", "all/mini.ipynb"), folder)
    (folder / "notes.txt").symlink_to(course / "solutions" / HW / f"{HW}.ipynb")
    (folder / "marks").symlink_to(course / "gradebook.db")
    (folder / "passwd").symlink_to("/etc/passwd")
    (folder / "all").symlink_to(course)
    (folder / "round").symlink_to(folder)
    (folder / "nowhere").symlink_to("/no/such/file")


@hostile("a pipe, a socket, a device and links to endless ones beside the notebook")
def devices(folder, course, release):
    put(right_answers(release), folder)
    os.mkfifo(folder / "pipe")
    (folder / "endless").symlink_to("/dev/zero")
    (folder / "log").symlink_to("/dev/full")
    with suppress(OSError), socket.socket(socket.AF_UNIX) as sock:  # its path may be too long
        sock.bind(str(folder / "sock"))
    with suppress(OSError):  # only root can make one
        os.mknod(folder / "null", 0o20666, os.makedev(1, 3))


@hostile("a pipe in the place of the notebook", trouble="mini.ipynb is missing.")
def pipe_for_a_notebook(folder, course, release):
    folder.mkdir(parents=True)
    os.mkfifo(folder / f"{HW}.ipynb")


@hostile("a folder in the place of the notebook", trouble="mini.ipynb is missing.")
def folder_for_a_notebook(folder, course, release):
    (folder / f"{HW}.ipynb" / "deep").mkdir(parents=True)


@hostile("file names that are no UTF-8, hold line ends, dots, markup and options")
def strange_file_names(folder, course, release):
    put(right_answers(release), folder)
    names = (b"\xff\xfe\xb4\xf0.txt", b"a\nb.txt", b"...", b"..\\..\\x", b"-rf", b"<script>PWNED()<", b"x" * 250)
    for name in names:
        with suppress(OSError):
            (folder / os.fsdecode(name)).write_bytes(b"1")


@hostile("a folder with the name of the course's data file")
def folder_in_the_way(folder, course, release):
    put(right_answers(release), folder)
    (folder / "numbers.txt").mkdir()
    (folder / "numbers.txt" / "evil").write_text("1")


@hostile("the course's data file replaced by one of her own")
def other_data(folder, course, release):
    notebook = right_answers(release)
    insert(notebook, 2, "if open('numbers.txt').read() != '1 2 3\\n':\n    print('FOUND')")
    put(notebook, folder)
    (folder / "numbers.txt").write_text("6 6 6\n")


@hostile("modules beside the notebook with the names of libraries, nothing answered", loses=FULL)
def modules_beside_the_notebook(folder, course, release):
    put(nbformat.from_dict(release), folder)
    text = "print('FOUND')\nraise SystemExit\n"
    for name in ("numpy.py", "dlkit/__init__.py", "dlkit/grading.py", "colorsys.py", "sitecustomize.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "matplotlibrc").write_text("backend: FOUND\n")


@hostile("more data than there is room for", trouble="it could not be run: ")
def too_many_bytes(folder, course, release):
    put(right_answers(release), folder)
    (folder / "data.bin").write_bytes(bytes(10 * 2**20))


@hostile("a notebook of some megabytes and thousands of cells")
def huge_notebook(folder, course, release):
    notebook = right_answers(release)
    insert(notebook, 1, "long " * 500_000, "markdown")
    find(notebook, "essay").source = "<b>" * 300_000
    filler = [nbformat.v4.new_markdown_cell("filler", id=f"filler-{i}") for i in range(2000)]
    notebook.cells[1:1] = [*filler, *(nbformat.v4.new_code_cell(f"x = {i}", id=f"code-{i}") for i in range(100))]
    put(notebook, folder)


@hostile("a cell with thousands of lines and hundreds of magics, which IPython reads again for each of them")
def slow_to_parse(folder, course, release):
    put(insert(right_answers(release), 2, "x = 1\n" * 20_000 + "!true\n" * 300), folder)


@hostile("a cell nested so deeply that Python cannot parse it")
def too_deep_to_parse(folder, course, release):
    notebook = right_answers(release)
    for i, text in enumerate(("-" * 100_000 + "1", "a" + ".b" * 100_000, "(" * 100_000, "not " * 100_000 + "1")):
        insert(notebook, 2 + i, text)
    put(notebook, folder)


@hostile("a version of the notebook format that is not made yet", trouble="mini.ipynb is a damaged notebook")
def future_format(folder, course, release):
    write(folder, {**right_answers(release), "nbformat": 6})


@hostile("no notebook format that there ever was", trouble="mini.ipynb is a damaged notebook")
def no_format(folder, course, release):
    write(folder, {**right_answers(release), "nbformat": "four"})


@hostile("bytes that are no UTF-8 in the middle", trouble="mini.ipynb is not text")
def no_utf_8(folder, course, release):
    write(folder, json.dumps(right_answers(release)).encode().replace(b"linear", b"lin\xff\xfeear"))


@hostile("an integer with more digits than Python reads", trouble="mini.ipynb is not valid JSON")
def endless_integer(folder, course, release):
    text = json.dumps({**right_answers(release), "metadata": {"n": 7}})
    write(folder, text.replace('"n": 7', '"n": ' + "7" * 10_000).encode())


@hostile("texts with characters that no file can hold", loses=())
def no_characters(folder, course, release):
    notebook = right_answers(release)
    insert(notebook, 2, "text = '\ud800'\nprint(len(text))\n# \0", "code")
    insert(notebook, 2, "\ud800 \udfff \0", "markdown")
    find(notebook, "essay").source = "Because \ud800."
    write(folder, notebook)


@hostile("scripts, floods and nonsense among the outputs of a cell of the course's", hint="the picture below is kept")
def outputs_handed_in(folder, course, release):
    notebook = right_answers(release)
    text = "<img src=x onerror=alert(1)><script>PWNED()</script><p>the picture below is kept</p>"
    forms = {
        "text/html": text,
        "text/plain": "the picture below is kept",
        "application/javascript": "PWNED()",
        "image/png": "UFdORUQ=",
    }
    find(notebook, "shown").outputs = [
        {
            "output_type": "display_data",
            "data": forms,
            "metadata": {"image/png": {"alt": "'><script>PWNED()</script>"}},
        },
        {"output_type": "display_data", "data": {"image/svg+xml": f"<svg onload=PWNED()>{text}</svg>"}, "metadata": {}},
        {"output_type": "error", "ename": "<b>x", "evalue": "PWNED", "traceback": ["<script>PWNED()</script>"]},
        {"output_type": "stream", "name": "stdout", "text": "flood " * 500_000},
    ]
    write(folder, notebook)


@hostile("metadata of the wrong kinds everywhere", trouble="mini.ipynb is a damaged notebook")
def wrong_kinds(folder, course, release):
    notebook = json.loads(json.dumps(right_answers(release)))
    for one in notebook["cells"]:
        one["metadata"] = [1]
        one["source"] = {"a": 1}
    write(folder, notebook)


@hostile("nbgrader's metadata of the wrong kinds")
def wrong_metadata(folder, course, release):
    notebook = json.loads(json.dumps(right_answers(release)))
    for one in notebook["cells"]:
        if "nbgrader" in one["metadata"]:
            one["metadata"]["nbgrader"].update(points=[1], grade="yes", locked=None, schema_version=99)
        one["metadata"].update(tags=["skip-execution", "raises-exception"], dlkit={"course": True})
    kernel = {"name": "bash", "display_name": "x", "language": "R"}
    notebook["metadata"] = {"kernelspec": kernel, "dlkit": {"names": []}}
    write(folder, notebook)


@hostile("tests emptied, given more marks, taken out, and copied; nothing answered", loses=FULL)
def rewritten_tests(folder, course, release):
    notebook = nbformat.from_dict(release)
    for name in FULL:
        test = find(notebook, name)
        test.source = "pass"
        test.metadata.nbgrader.update(points=1000, solution=True, locked=False)
        test.metadata["tags"] = ["skip-execution"]
    notebook.cells.remove(find(notebook, "mean_test"))
    notebook.cells.append(cell("code", "1000", "mean_test", grade=True, locked=True, points=1000, id="again"))
    put(notebook, folder)


@hostile("added cells that say they are the course's own tests; nothing answered", loses=FULL)
def forged_course_cells(folder, course, release):
    notebook = nbformat.from_dict(release)
    forged = cell("code", "expect = print\ndouble = mean = print", "forged", locked=True, dlkit={"course": True})
    notebook.cells.insert(2, forged)
    notebook.cells.append(cell("code", "1", "forged_test", grade=True, locked=True, points=50, dlkit={"course": True}))
    put(notebook, folder)


@hostile("triggers and tables written into the gradebook; nothing answered", loses=FULL, needs="sandbox")
def sql_trigger(folder, course, release):
    text = f"""
import glob
import os
import sqlite3

places = [{str(course / "gradebook.db")!r}, *glob.glob("/*/gradebook.db"), "gradebook.db", "../gradebook.db"]
for place in places:
    try:
        with sqlite3.connect(place) as db:
            db.execute("create table if not exists pwned (x)")
            db.execute("create trigger pwn after insert on grade begin update grade set manual_score = 1000; end")
    except sqlite3.Error as error:
        print(error)
for folder in ({str(course)!r}, {str(course / "solutions")!r}, {str(course / "submitted")!r}):
    if os.path.exists(folder):
        print("FOUND", folder)
"""
    put(insert(nbformat.from_dict(release), 2, text), folder)


@odd("Windows line ends, and tabs")
def windows_line_ends(folder, course, release):
    notebook = right_answers(release)
    for one in notebook.cells:
        one.source = one.source.replace("\n", "\r\n").replace("    ", "\t")
    write(folder, json.dumps(notebook, indent=1).replace("\n", "\r\n").encode())


@odd("a byte order mark, as Windows' Notepad writes it")
def byte_order_mark(folder, course, release):
    write(folder, b"\xef\xbb\xbf" + json.dumps(right_answers(release), ensure_ascii=False).encode())


@odd("saved by VS Code")
def saved_by_vs_code(folder, course, release):
    notebook = right_answers(release)
    for one in notebook.cells:
        one.metadata["vscode"] = {"languageId": "python"}
        one["id"] = f"{abs(hash(one.id)):08x}"[:8]
    notebook.metadata = {"kernelspec": {"display_name": ".venv", "language": "python", "name": "python3"}}
    put(notebook, folder)


@odd("saved by Google Colab, with its cells in front")
def saved_by_colab(folder, course, release):
    notebook = right_answers(release)
    for i, one in enumerate(notebook.cells):
        one.metadata.update(id=f"colab{i}", colab={"base_uri": "https://localhost:8080/"}, outputId="x")
        del one["id"]
    notebook.metadata = {"colab": {"provenance": [], "toc_visible": True}, "accelerator": "GPU"}
    notebook.nbformat_minor = 0
    mount = "from google.colab import drive\ndrive.mount('/content/drive')"
    first = {"cell_type": "code", "metadata": {"id": "mount"}, "source": mount, "outputs": [], "execution_count": 1}
    notebook.cells.insert(0, nbformat.from_dict(first))
    write(folder, notebook)


@odd("no metadata of the kernel, none of nbgrader's in answer cells")
def lost_metadata(folder, course, release):
    notebook = right_answers(release)
    notebook.metadata = {}
    for name in ("double", "mean", "total"):
        del find(notebook, name).metadata["nbgrader"]
    put(notebook, folder)


@odd("an answer cell split in two, the parts with the same metadata")
def split_cells(folder, course, release):
    notebook = right_answers(release)
    second = nbformat.from_dict(find(notebook, "mean"))
    find(notebook, "mean").source = "def helper(values):\n    return sum(values)"
    second.update(source="def mean(values):\n    return helper(values) / len(values)", id="second-half")
    notebook.cells.insert(position(notebook, "mean") + 1, second)
    put(notebook, folder)


@odd("two answers merged into one cell, the other cell taken out")
def merged_cells(folder, course, release):
    notebook = right_answers(release)
    mean = notebook.cells.pop(position(notebook, "mean"))
    find(notebook, "double").source += "\n\n\n" + mean.source
    put(notebook, folder)


@odd("cells in another order, and cell ids that come twice")
def other_order(folder, course, release):
    notebook = right_answers(release)
    notebook.cells.reverse()
    for one in notebook.cells[:3]:
        one["id"] = "the-same"
    write(folder, notebook)


@odd("an answer turned into a text cell by a slip of the key")
def recast(folder, course, release):
    notebook = right_answers(release)
    wrong = find(notebook, "double")
    wrong.cell_type = "markdown"
    del wrong["outputs"], wrong["execution_count"]
    put(notebook, folder)


@odd("saved in nbformat 4.2, without cell ids, all outputs kept, a picture attached")
def old_minor_format(folder, course, release):
    notebook = right_answers(release)
    for one in notebook.cells:
        one.pop("id")
        if one.cell_type == "code":
            one.execution_count = 3
            one.outputs = [nbformat.v4.new_output("stream", name="stderr", text="Traceback: an old error\n")]
    find(notebook, "essay")["attachments"] = {"a.png": {"image/png": "iVBORw0KGgo="}}
    notebook.nbformat_minor = 2
    write(folder, notebook)


@odd("tests run again in cells of her own, and plain copies of them")
def copies_of_tests(folder, course, release):
    notebook = right_answers(release)
    text = find(notebook, "double_visible").source
    insert(notebook, position(notebook, "mean"), text)
    insert(notebook, position(notebook, "double"), text)  # before the answer: it fails there
    put(notebook, folder)


def dump(path):
    """What a gradebook holds but for times and ids, table by table, and its triggers."""
    with sqlite3.connect(path) as db:
        triggers = db.execute("select name from sqlite_master where type in ('trigger', 'view')").fetchall()
        tables = sorted(name for (name,) in db.execute("select name from sqlite_master where type = 'table'"))
        assert db.execute("pragma integrity_check").fetchall() == [("ok",)]
    return triggers, tables
