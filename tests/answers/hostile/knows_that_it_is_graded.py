# title: answers that look whether they are graded, and then are wrong
# loses: double_visible, double_hidden

# %% double
import os
import sys
import time

graded = (
    "ipykernel" not in sys.modules
    or "JPY_PARENT_PID" not in os.environ
    or get_ipython().kernel is None
    or os.getcwd().startswith("/home/student")
)


def double(x):
    return 2 * x + graded
