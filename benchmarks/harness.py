"""Time several programs side by side, so that a noisy machine disturbs them alike.

Each competitor lives in a process of its own, pinned to as many cores as it may use threads: some libraries honour no
other limit. After a warm-up they take turns, a batch of runs each, round after round; a ratio is the median over the
rounds of the ratio within a round.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Timing:
    """Seconds a run of one competitor, a number for each round; or why there are none."""

    name: str
    rounds: list[float]
    trouble: str = ""

    @property
    def seconds(self) -> float:
        """The median over the rounds."""
        return median(self.rounds)

    def ratio(self, other: Timing) -> float:
        """Return how many times as long as the other it takes."""
        return median(a / b for a, b in zip(self.rounds, other.rounds, strict=True))


def compare(
    module: str, names: Sequence[str], threads: int = 1, rounds: int = 15, batch: float = 0.15
) -> dict[str, Timing]:
    """Time competitors against each other.

    Parameters
    ----------
    module : str
        Where they are: ``benchmarks.mlp``. Each is a function without arguments that sets up and returns the function
        to time.
    names : sequence of str
        The functions' names. One whose library is not installed is reported, not timed.
    threads : int
        Cores and threads for each.
    rounds : int
        How often each has its turn.
    batch : float
        Seconds of one turn.

    Returns
    -------
    dict of str to Timing
    """
    workers = {name: _start(module, name, threads, batch) for name in names}
    timings = {name: Timing(name, []) for name in names}
    try:
        for name, worker in workers.items():
            timings[name].trouble = _ask(worker)["trouble"]
        for _ in range(rounds):
            for name, worker in workers.items():
                if not timings[name].trouble:
                    timings[name].rounds.append(_ask(worker, "go")["seconds"])
    finally:
        for worker in workers.values():
            worker.kill()
            worker.wait()
    return timings


def _start(module: str, name: str, threads: int, batch: float) -> subprocess.Popen[str]:
    environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads))}
    command = [sys.executable, "-m", "benchmarks.harness", module, name, str(threads), str(batch)]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, cwd=ROOT, env=environment
    )


def _ask(worker: subprocess.Popen[str], question: str | None = None) -> dict:
    assert worker.stdin is not None and worker.stdout is not None
    if question is not None:
        print(question, file=worker.stdin, flush=True)
    answer = worker.stdout.readline()
    if not answer:
        raise RuntimeError(f"{' '.join(map(str, worker.args[2:]))} ended without an answer")  # type: ignore[index]
    return json.loads(answer)


def _per_run(run: Callable[[], object], seconds: float) -> float:
    """Return the median seconds of single runs, or of groups of runs if one is too short to time."""
    size = 1
    while True:
        start = time.perf_counter()
        for _ in range(size):
            run()
        if time.perf_counter() - start > 2e-4:
            break
        size *= 2
    spent: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(spent) < 3:
        start = time.perf_counter()
        for _ in range(size):
            run()
        spent.append((time.perf_counter() - start) / size)
    return median(spent)


def work(module: str, name: str, threads: int, batch: float) -> None:
    """Be one competitor: set up, warm up, then time a batch whenever asked."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    try:
        if "torch" in name or "keras" in name:
            import torch

            torch.set_num_threads(threads)
        run = getattr(importlib.import_module(module), name)()
        _per_run(run, 3 * batch)
    except ImportError as error:
        print(json.dumps({"trouble": str(error)}), flush=True)
        return
    print(json.dumps({"trouble": ""}), flush=True)
    for _ in sys.stdin:
        print(json.dumps({"seconds": _per_run(run, batch)}), flush=True)


if __name__ == "__main__":
    work(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
