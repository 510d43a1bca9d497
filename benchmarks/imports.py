"""Seconds that an import takes, in a fresh Python each time, less what Python itself takes to start."""

from __future__ import annotations

import os
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
        "dlkit.tf": "import dlkit.tf",
        "dlkit.keras": "import dlkit.keras",
        "tensorflow": "import tensorflow",
        "keras": "import keras",
    }
    environment = {**os.environ, "KERAS_BACKEND": "torch", "TF_CPP_MIN_LOG_LEVEL": "3"}
    spent: dict[str, list[float]] = {name: [] for name in statements}
    slow = {"tensorflow", "keras"}  # seconds each, so three rounds will do
    for k in range(rounds):
        for name, statement in statements.items():
            if name in slow and k >= 3:
                continue
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", statement], check=True, env=environment, stderr=subprocess.DEVNULL)
            spent[name].append(time.perf_counter() - start)
    bare = median(spent.pop("nothing"))
    return {name: median(times) - bare for name, times in spent.items()}
