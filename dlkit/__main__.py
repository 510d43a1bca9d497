"""The command line: ``dlkit`` or ``python -m dlkit``; `make` calls it too.

Each group of commands has a module with a function ``register(subparsers)``, which adds its parsers and sets
``command``, the function that takes the parsed arguments and returns the exit code (``None`` is 0).
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from dlkit.errors import CourseError

GROUPS = ("dlkit.lab", "dlkit.notebooks", "dlkit.grading.cli", "dlkit.grading.sandbox.doctor")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; foreseeable trouble is one line on stderr and code 2."""
    # nbgrader runs `alembic` and Jupyter runs `jupyter-…` by name: theirs must be the ones beside this Python.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    parser = argparse.ArgumentParser(prog="dlkit", description="The commands of the course.")
    subparsers = parser.add_subparsers(metavar="command", required=True)
    for group in GROUPS:
        import_module(group).register(subparsers)
    arguments = parser.parse_args(argv)
    try:
        return arguments.command(arguments) or 0
    except CourseError as error:
        print(f"error: {error}", file=sys.stderr)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("dlkit"):
            raise
        print(
            f"error: {error.name} is not installed. Run `make setup`, or: "
            "python -m pip install -c constraints.txt -e '.[course]'",
            file=sys.stderr,
        )
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    return 2


if __name__ == "__main__":
    sys.exit(main())
