"""Notebooks, submissions and marks: the course's frame around nbgrader.

Importing this package imports numpy and nothing else, so that a test cell in a student's own notebook may begin
with ``from dlkit.grading import expect``. The rest loads when it is used:

``expect``, ``marks``
    What the author of a test cell writes instead of ``assert``, and to give a part of the points.
``self_check``
    The same for an exercise inside a lecture, where a wrong answer must not stop the notebook.
``canonical``, ``screen``, ``execute``, ``feedback``
    What happens to a submission inside nbgrader, in this order: the course's own notebook with the student's
    answers, a look at what the answers reach for, the run, the page that the student reads.
``release``, ``leaks``, ``bank``
    Building ``assignments/`` from ``solutions/``, looking for answers in it, and answers as plain Python files.
``plan``, ``run``, ``student``, ``checks``, ``outputs``, ``retell``, and the packages ``channel`` and ``sandbox``
    The run: which cell runs in which of the two processes, the student's process, the checker's, what the one says
    that it has put out, and what of it may be told after a hidden test; what passes between them, and what keeps her
    process where it is.
``jobs``, ``pool``, ``worker``, ``results``, ``recall``
    A run as plain data, the processes in which it happens, the folder where its result is kept, and how nbgrader
    finds it there; ``prepare`` and ``dispatch`` see to it that it is there, several runs at a time.
``intake``, ``gradebook``, ``session``, ``report``, ``sample``, ``cli``
    A whole class from the folder of submissions to the table of marks.
``course``, ``cells``
    What all of them need to know of a course folder and of a notebook's cells.
"""

from dlkit.grading.channel.remote import ask, student_side
from dlkit.grading.expect import expect, expect_raises, expect_unchanged
from dlkit.grading.marks import award
from dlkit.grading.self_check import self_check

__all__ = ["ask", "award", "expect", "expect_raises", "expect_unchanged", "self_check", "student_side"]
