"""Peak memory of one MLP training step: what the step adds at most to what its arrays hold, each in its own process."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path


def peaks(names: tuple[str, ...] = ("dlkit", "dlkit_on_torch", "torch_default", "torch_fused")) -> dict[str, float]:
    """Return megabytes for each competitor of `benchmarks.mlp` with a batch of 4096, in a process each."""
    found = {}
    for name in names:
        command = [sys.executable, "-m", "benchmarks.memory", name]
        result = subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=Path(__file__).resolve().parents[1]
        )
        found[name] = json.loads(result.stdout)
    return found


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def _measure(name: str, batch: int = 4096) -> float:
    """Return the highest resident memory over five steps, less what there was before parameters and data were made."""
    from benchmarks import mlp

    if "torch" in name:
        import torch

        torch.set_num_threads(1)
    # A first, tiny step loads all code and its buffers, so that they count for nobody.
    kinds = {
        "dlkit": lambda n: mlp.dlkit(batch=n),
        "dlkit_on_torch": lambda n: mlp.dlkit(device="cpu", batch=n),
        "torch_default": lambda n: mlp.torch_default(batch=n),
        "torch_fused": lambda n: mlp.torch_default(fused=True, batch=n),
    }
    kinds[name](8)()
    before = _resident()
    highest = before
    done = False

    def watch() -> None:
        nonlocal highest
        while not done:
            highest = max(highest, _resident())
            time.sleep(2e-4)

    watcher = threading.Thread(target=watch)
    watcher.start()
    run = kinds[name](batch)
    for _ in range(5):
        run()
    done = True
    watcher.join()
    return highest - before


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1])))
