"""nbgrader runs `alembic` by name; the tests have it run the one beside this Python, as the command line does."""

import os
import sys
from pathlib import Path

os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
