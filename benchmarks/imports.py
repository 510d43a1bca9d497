"""Seconds that an import takes, in a fresh Python each time, less what Python itself takes to start."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median


def seconds(rounds: int = 15) -> dict[str, float]:
    """Return the median seconds for a few imports, taken in turns."""
    statements = {
        "nothing": "pass",
        "numpy": "import numpy",
        "dlkit": "import dlkit",
        "autograd": "import dlkit.autograd",
    }
    spent: dict[str, list[float]] = {name: [] for name in statements}
    for _ in range(rounds):
        for name, statement in statements.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", statement], check=True)
            spent[name].append(time.perf_counter() - start)
    bare = median(spent.pop("nothing"))
    return {name: median(times) - bare for name, times in spent.items()}
