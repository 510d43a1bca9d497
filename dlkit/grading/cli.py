"""``dlkit release`` and ``dlkit grade``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

COURSE = Path(__file__).resolve().parents[2]


def register(subparsers: Any) -> None:
    """Add the commands ``release`` and ``grade`` to the command line."""
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
    for parser in (release, grade):
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


def _workers(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, got {text!r}")
    return int(text)
