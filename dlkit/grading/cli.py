"""``dlkit release``, ``dlkit grade``, ``dlkit measure`` and ``dlkit bank``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

COURSE = Path(__file__).resolve().parents[2]


def register(subparsers: Any) -> None:
    """Add the commands to the command line."""
    release = subparsers.add_parser("release", help="make the students' versions of assignments from solutions/")
    release.add_argument("--check", action="store_true", help="compare only; exit code 1 if they differ")
    release.set_defaults(command=_release)
    grade = subparsers.add_parser("grade", help="grade what was handed in, and write feedback and marks")
    grade.add_argument("--sample-class", action="store_true", help="grade a made-up class in build/sample_class")
    where = grade.add_mutually_exclusive_group()
    where.add_argument(
        "--workers", type=_workers, metavar="N", help="notebooks run at a time; as many as there are cores by default"
    )
    grade.add_argument(
        "--scheduler", metavar="ADDRESS", help="run the notebooks on the Dask cluster at tcp://HOST:PORT"
    )
    grade.add_argument(
        "--db", metavar="URL", help="the gradebook's database, postgresql+psycopg://user@host/name for example"
    )
    grade.add_argument(
        "--sandbox", choices=("bubblewrap", "none"), help="none runs answers unprotected: only those that you trust"
    )
    grade.set_defaults(command=_grade)
    measure = subparsers.add_parser("measure", help="say how well the tests tell right answers from wrong ones")
    measure.add_argument("--workers", type=_workers, metavar="N", help="notebooks run at a time; by default all cores")
    measure.add_argument("--most", type=_workers, metavar="N", help="mutants of each answer; by default all there are")
    measure.add_argument(
        "--seeds", type=_workers, default=20, metavar="N", help="other seeds of the tests' data; 20 by default"
    )
    measure.set_defaults(command=_measure)
    bank = subparsers.add_parser("bank", help="make an answer of the bank of a notebook that was handed in")
    bank.add_argument("name", metavar="HW", help="the assignment")
    bank.add_argument("notebook", type=Path, help="the notebook that was handed in")
    bank.add_argument("--kind", choices=("right", "wrong", "broken"), default="wrong", help="wrong by default")
    bank.add_argument("--name", dest="answer", required=True, help="what the answer's file is to be called")
    bank.add_argument("--course", type=Path, default=COURSE, help="the folder with nbgrader_config.py")
    bank.set_defaults(command=_bank)
    for parser in (release, grade, measure):
        parser.add_argument("names", nargs="*", metavar="HW", help="assignments; all of them by default")
        parser.add_argument("--course", type=Path, default=COURSE, help="the folder with nbgrader_config.py")


def _release(arguments: argparse.Namespace) -> int:
    from dlkit.grading.release import release

    changes = release(arguments.names, arguments.course, check=arguments.check)
    for name, differences in changes.items():
        state = ("differs from its source" if arguments.check else "made anew") if differences else "up to date"
        print(f"{name}: {state}")
        for difference in differences:
            print(f"  {difference}")
    return 1 if arguments.check and any(changes.values()) else 0


def _grade(arguments: argparse.Namespace) -> int:
    from dlkit.grading.session import grade

    return grade(
        arguments.course,
        arguments.names,
        sample_class=arguments.sample_class,
        workers=arguments.workers,
        scheduler=arguments.scheduler,
        db=arguments.db,
        sandbox=arguments.sandbox,
    )


def _measure(arguments: argparse.Namespace) -> int:
    from dlkit.grading.measure import measure

    return measure(
        arguments.course, arguments.names, workers=arguments.workers, most=arguments.most, seeds=arguments.seeds
    )


def _bank(arguments: argparse.Namespace) -> int:
    from dlkit.grading.measure_bank import bank

    return bank(arguments.course, arguments.name, arguments.notebook, kind=arguments.kind, answer=arguments.answer)


def _workers(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, got {text!r}")
    return int(text)
