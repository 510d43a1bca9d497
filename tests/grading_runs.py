"""What the tests of jobs need in other processes: a quick engine, functions that misbehave, runs that can be killed.

Started as a program it reads, one a line, the folder of a course, a number of workers, and the moment at which the
run is to be killed (0 for never), and grades it in a process of its own; so one start pays for all imports. It prints
how long the run was, in the units of the moment, if it lived to its end, and then how it ended.
"""

import os
import signal
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path

PRELOAD = ("grading_runs", "dlkit.grading.jobs")
COUNT = "DLKIT_TEST_COUNT"  # names a file to which each execution adds a line


def result_of(job, cells=None, seconds=0.0):
    from dlkit.grading.jobs import FINISHED, Result

    empty = [None if c.cell_type != "code" else {"execution_count": None, "outputs": []} for c in job.read().cells]
    return Result(job.key, tuple(cells or empty), {}, FINISHED, "", {"seconds": seconds})


def add_line(text):
    with Path(os.environ[COUNT]).open("a") as file:
        file.write(text + "\n")


def quick(job):
    """Run a notebook's cells here, in microseconds, as well as the made-up course needs it."""
    add_line(f"{os.getpid()}")
    names, cells = {}, []
    for number, cell in enumerate(job.read().cells, 1):
        if cell.cell_type != "code":
            cells.append(None)
            continue
        outputs = []
        try:
            exec(cell.source, names)
        except Exception as error:
            what = {"ename": type(error).__name__, "evalue": str(error), "traceback": [str(error)]}
            outputs = [{"output_type": "error", **what}]
        cells.append({"execution_count": number, "outputs": outputs})
    return result_of(job, cells)


def slow(job):
    time.sleep(0.15)
    return quick(job)


def never(job):
    add_line("in the main process")
    raise AssertionError("a notebook was run in the process that writes")


def loses_worker_once(folder, job):
    mark = Path(folder, job.key)
    if not mark.exists():
        mark.touch()
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    return result_of(job)


def misbehaves(job):
    """Do what the notebook's only code cell says, to the processes that run it."""
    what = next(c.source for c in job.read().cells if c.cell_type == "code")
    if what == "kill worker":
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    elif what == "kill self":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "exit":
        os._exit(7)
    elif what == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif what == "raise":
        raise OSError("no space left")
    elif what == "leave processes":
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:  # an orphan in another group
                os.setsid()
            add_line(str(os.getpid()))
            time.sleep(600)
        time.sleep(0.3)
    return replace(result_of(job), resources={"pid": os.getpid(), "group": os.getpgrp(), "worker": os.getppid()})


def waits(job):
    add_line(f"{os.getpid()}\n{os.getppid()}")
    if os.fork() == 0:
        os.setsid()
        add_line(str(os.getpid()))
    time.sleep(600)


def use(engine):
    """Put an engine in the place of the real one, and forbid to run anything where the marks are written."""
    import functools

    import nbgrader.api

    from dlkit.grading import recall, session

    session.execute, session.PRELOAD, recall.execute = engine, PRELOAD, never
    nbgrader.api.get_alembic_version = functools.cache(nbgrader.api.get_alembic_version)


def main():
    from dlkit.grading.course import Course
    from dlkit.grading.jobs import environment
    from dlkit.grading.session import grade_class

    use(slow)
    from nbgrader.api import get_alembic_version

    get_alembic_version()
    environment()  # once for all, should someone edit the package while this runs
    print("ready", flush=True)
    for line in sys.stdin:
        root, workers, moment = line.split()
        child = os.fork()
        if child == 0:
            try:
                clock = Clock(int(moment))
                sys.setprofile(clock)
                grade_class(Course(Path(root)), ["mini"], workers=int(workers))
                sys.setprofile(None)
                print(clock.now, flush=True)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(f"ended with {status}", flush=True)


class Clock:
    """Count calls and returns in this process, and kill it at one of them; the load of the machine moves no moment."""

    def __init__(self, last):
        self.now, self.last = 0, last

    def __call__(self, *_):
        self.now += 1
        if self.now == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
