"""A chain of n nodes, forward and backward: time and memory a node."""

from __future__ import annotations

import time
import tracemalloc

from dlkit.autograd import Tensor


def measure(n: int) -> tuple[float, float]:
    """Return microseconds and bytes a node for y = x + 1 + 1 + … (n times)."""

    def build() -> Tensor:
        y = x
        for _ in range(n):
            y = y + 1.0
        return y

    x = Tensor(0.0)
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        build().backward()
        best = min(best, time.perf_counter() - start)
    tracemalloc.start()
    y = build()
    y.backward(retain_graph=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return best / n * 1e6, peak / n
