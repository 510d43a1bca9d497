"""What a lecture says to answers to its exercises: it is run once, with a cell for each answer at its end."""

import nbformat
from nbclient import NotebookClient


def replies_of(lecture, answers, *more):
    """Return what is printed for each answer: {what is tried: text}.

    `lecture` is the path of a notebook, or a list of cells' code in its place; `answers` are {what is tried: (code,
    what must be printed)}; `more` is code to run between the two.
    """
    made = nbformat.v4.new_code_cell
    cells = (
        [made(code) for code in lecture] if isinstance(lecture, list) else nbformat.read(lecture, as_version=4).cells
    )
    cells += [made(code) for code in more]
    first = len(cells)
    cells += [made(code) for code, _ in answers.values()]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    texts = ("".join(o.get("text", "") for o in cell.outputs) for cell in notebook.cells[first:])
    return dict(zip(answers, texts, strict=True))
