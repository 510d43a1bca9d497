# title: what tests give is printed and displayed at once

# %% double
import sys

from IPython.display import HTML, display


def double(x):
    print("seen:", x)
    print("seen:", x, file=sys.stderr)
    display(x)
    display(HTML(f"<b>{x}</b>"))
    return 2 * x
