"""Print the tables of the benchmarks: all, or those that are named, as in ``python -m benchmarks small chain``."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import chain, imports, memory
from benchmarks.harness import compare

console = Console(width=110)


def mlp() -> None:
    """Compare a training step of the MLP."""
    names = ["products", "dlkit_gradient", "dlkit", "dlkit_on_torch", "torch_default", "torch_fused", "jax_jit"]
    targets = {
        ("dlkit_gradient", "products"): {1: 1.25, 2: 1.25},
        ("dlkit", "torch_default"): {1: 0.90, 2: 1.00},
        ("dlkit", "torch_fused"): {1: 1.15, 2: 1.15},
        ("dlkit", "jax_jit"): {1: 1.40, 2: 1.40},
        ("dlkit_on_torch", "torch_fused"): {1: 1.00, 2: 1.00},
    }
    for threads in (1, 2):
        if threads > (os.cpu_count() or 1):
            console.print(f"MLP step on {threads} threads: not measured, this machine has fewer cores")
            continue
        _comparison(
            f"MLP step 784-512-512-10, batch 128, float32, Adam; {threads} thread{'s' * (threads > 1)}",
            "benchmarks.mlp",
            [*names, "hips_autograd", "keras_on_torch"],
            {pair: target[threads] for pair, target in targets.items()},
            threads,
        )


def keras() -> None:
    """Compare an epoch of the deck's Keras program."""
    for threads in (1, 2):
        if threads > (os.cpu_count() or 1):
            console.print(f"Keras's fit on {threads} threads: not measured, this machine has fewer cores")
            continue
        for rule in ("adam", "rmsprop"):
            ours = [f"dlkit_{rule}", f"dlkit_on_torch_{rule}"]
            peers = {f"keras_{rule}": 0.7, f"torch_loop_{rule}": 1.1}
            targets = {(name, peer): target for name in ours for peer, target in peers.items()}
            _comparison(
                f"An epoch of fit, 784-512-512-10 with dropout, 30 batches of 128, {rule}; "
                f"{threads} thread{'s' * (threads > 1)}",
                "benchmarks.keras_fit",
                [*ours, *peers],
                targets,
                threads,
            )


def small() -> None:
    """Compare a small graph of numbers."""
    names = ["dlkit", "dlkit_numpy_scalars", "micrograd", "micrograd_own_sigmoid", "torch_eager", "hips_autograd"]
    targets = {
        ("dlkit", "micrograd"): 0.7,
        ("dlkit_numpy_scalars", "micrograd"): 0.7,
        ("dlkit", "torch_eager"): 0.2,
        ("dlkit_numpy_scalars", "torch_eager"): 0.2,
    }
    _comparison("(x+σ(y))/(σ(x)+(x+y)²), forward and backward, 1 thread", "benchmarks.small", names, targets, 1)


def graph() -> None:
    """Compare a run of a graph, as TensorFlow 1 and the deck do it."""
    for work, title in (
        ("regression", "Session.run(train) of the deck's linear regression, fed lists"),
        ("mlp256", "Session.run([train, cost]), MLP 784-256-256-10, batch 100, Adam"),
        ("mlp512", "Session.run([train, cost]), MLP 784-512-512-10, batch 128, Adam"),
    ):
        names = [f"{work}_{who}" for who in ("dlkit", "dlkit_on_torch", "tensorflow", "torch")]
        ours, on_torch, tensorflow, torch = names
        small = work == "regression"
        names += ["regression_tensorflow_one_thread"] * small
        targets = {(ours, tensorflow): 0.15, (ours, torch): 0.6, (on_torch, torch): 1.15}
        if not small:
            targets = {(ours, tensorflow): 0.8, (ours, torch): 1.0, (on_torch, tensorflow): 0.8, (on_torch, torch): 1.0}
        for threads in (1, 2):
            if threads > (os.cpu_count() or 1):
                console.print(f"{title}, {threads} threads: not measured, this machine has fewer cores")
                continue
            _comparison(f"{title}; {threads} thread{'s' * (threads > 1)}", "benchmarks.graph", names, targets, threads)


def gpu() -> None:
    """Compare the step on a GPU, where there is one."""
    import torch

    if not torch.cuda.is_available():
        console.print("GPU: not measured, torch sees none on this machine")
        return
    names = ["dlkit_cuda", "torch_cuda", "torch_cuda_fused"]
    targets = {("dlkit_cuda", "torch_cuda"): 1.0}
    _comparison(f"MLP step, batch 128, {torch.cuda.get_device_name()}", "benchmarks.on_gpu", names, targets, 1)


def chains() -> None:
    """Measure chains of growing length."""
    table = Table("nodes", "µs a node", "bytes a node", title="A chain of n nodes: linear in n, no recursion")
    for n in (10**3, 10**4, 10**5, 10**6):
        time_each, bytes_each = chain.measure(n)
        table.add_row(f"{n:,}", f"{time_each:.2f}", f"{bytes_each:.0f}")
    console.print(table)


def peak_memory() -> None:
    """Measure the peak memory of a step."""
    peaks = memory.peaks()
    table = Table("", "MB", "ratio to torch", "target", title="Peak memory of the MLP step, batch 4096, 1 thread")
    for name, megabytes in peaks.items():
        target = "≤ 1.10" if name.startswith("dlkit") else ""
        table.add_row(name, f"{megabytes:.1f}", f"{megabytes / peaks['torch_default']:.2f}", target)
    console.print(table)


def import_times() -> None:
    """Measure imports."""
    spent = imports.seconds()
    table = Table(
        "import", "seconds", "ratio to numpy", "to its peer", "target", title="Imports, less Python's own start"
    )
    targets = {"dlkit": "≤ 1.20 × numpy", "dlkit.tf": "≤ 0.10 × its peer"}
    peers = {"dlkit.tf": "tensorflow", "dlkit.keras": "keras"}
    for name, seconds in spent.items():
        to_peer = f"{seconds / spent[peers[name]]:.3f}" if name in peers else ""
        table.add_row(name, f"{seconds:.3f}", f"{seconds / spent['numpy']:.2f}", to_peer, targets.get(name, ""))
    console.print(table)


def hogwild() -> None:
    """Compare Hogwild! on one and on two processes."""
    from benchmarks.hogwild import measure

    table = Table("", "", title="Hogwild! on sparse data")
    for name, value in measure().items():
        table.add_row(name, f"{value:.3g}" if isinstance(value, float) else str(value))
    console.print(table)


def svm() -> None:
    """Compare linear support vector machines on the way to the same objective.

    dlkit's ratio is that of the row "dlkit", which proves its accuracy; the next one that of "dlkit, loosest", which,
    like the others, only has it.
    """
    from benchmarks.reach import ratio
    from benchmarks.svm import PROBLEMS, in_a_process

    for name in PROBLEMS:
        for alpha in (1e-4, None):
            strength = "C = 1" if alpha is None else f"C = 1/({alpha:g} n)"
            for accuracy in (1e-3, 1e-6):
                reached, _, _ = in_a_process(name, alpha, accuracy)
                title = f"Linear SVM, {name}, {strength}: to {accuracy:g} above the minimum, 1 thread"
                columns = "dlkit's ratio", "without the proof", "above the minimum", "setting"
                table = Table("", "ms", *columns, title=title)
                for one in reached:
                    timed = f"{1e3 * median(one.seconds):.4g}" if one.seconds else ""
                    ratios = (f"{ratio(us, one):.2f}" if us.seconds and one.seconds else "" for us in reached[:2])
                    table.add_row(one.name, timed, *ratios, f"{one.gap:.1e}", one.setting)
                console.print(table)


def logistic() -> None:
    """Compare multinomial logistic regression."""
    from benchmarks.logistic import GAPS, measure

    for threads in (1, 2):
        if threads > (os.cpu_count() or 1):
            console.print(f"logistic regression on {threads} threads: not measured, this machine has fewer cores")
            continue
        table = Table("λ", "gap", "dlkit s", "lbfgs s", "ratio", "target", title=_LOGISTIC.format(threads))
        for strength in (1e-2, 1e-3):
            got = measure(threads, strength)
            for k, gap in enumerate(GAPS):
                times = f"{got['dlkit'][k][0]:.2f}", f"{got['lbfgs'][k][0]:.2f}"
                table.add_row(f"{strength:g}", f"{gap:g}", *times, f"{got['ratio'][k]:.2f}", "≤ 1.0")
        console.print(table)


def ranking() -> None:
    """Measure the ranking SVM."""
    from benchmarks.ranking import exponent, in_a_process

    got = in_a_process()
    table = Table("documents", "5 levels, ms", "all distinct, ms", title="A look at all pairs of one query, 1 thread")
    for n, spent in got["looks"].items():
        table.add_row(f"{int(n):,}", *(f"{1e3 * seconds:.4g}" for seconds in spent.values()))
    kinds = next(iter(got["looks"].values()))
    fitted = (exponent({n: spent[kind] for n, spent in got["looks"].items()}) for kind in kinds)
    table.add_row("grows as n to the", *(f"{p:.2f}" for p in fitted))
    console.print(table)
    table = Table("", "s", "τ", title="A fit on 100,000 documents, and LinearSVC on 100,000 sampled pairs, 1 thread")
    for name, seconds in got["fits"]["seconds"].items():
        table.add_row(name, f"{seconds:.3f}", f"{got['fits']['tau'][name]:.4f}")
    console.print(table)
    console.print(
        f"ratio to the faster {got['fits']['ratio']:.2f}, target ≤ 1.0; dlkit's gap is {got['fits']['gap']:.1e} of "
        f"the objective"
    )


def grading() -> None:
    """Compare the grading of a class with nbgrader's own."""
    console.print(f"sandbox and second process, a notebook: {1e3 * _measured('cost'):.0f} ms (target 60)")
    columns = ("", "submissions", "s", "s each", "again", "one test changed", "nbgrader", "ratio (target 20)", "MB")
    table = Table(*columns, title="A class, 2 workers; seconds for each submission")
    for assignment, students, few in (("hw2", 100, 7), ("hw3", 100, 7), ("hw2", 1000, 0)):
        told = _measured("class", assignment, str(students), "2", str(few))
        mine = told["seconds"] / students
        stock = f"{told['stock'] / few:.2f}" if few else ""
        ratio = f"{told['stock'] / few / mine:.1f}" if few else ""
        times = [f"{told[what] / students:.3f}" for what in ("seconds", "again", "regrade")]
        whole, memory = f"{told['seconds']:.0f}", f"{told['memory'] / 1e6:.0f}"
        table.add_row(assignment, str(students), whole, *times, stock, ratio, memory)
        for student, (ours, theirs) in told.get("differ", {}).items():
            console.print(f"{assignment}, {student}: {ours:g} points here, {theirs:g} by nbgrader alone")
    console.print(table)


def _measured(*case: str) -> Any:
    """Measure in a process of its own, where nothing is warm."""
    command = [sys.executable, "-m", "benchmarks.grading", *case]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def _comparison(title: str, module: str, names: list[str], targets: dict[tuple[str, str], float], threads: int) -> None:
    timings = compare(module, names, threads)
    times = Table("", "ms", title=title)
    for name, timing in timings.items():
        times.add_row(name, f"{1e3 * timing.seconds:.4g}" if timing.rounds else f"not measured: {timing.trouble}")
    console.print(times)
    ratios = Table("", "ratio", "target", "")
    for (name, other), target in targets.items():
        if timings[name].rounds and timings[other].rounds:
            ratio = timings[name].ratio(timings[other])
            ratios.add_row(f"{name} / {other}", f"{ratio:.2f}", f"≤ {target}", "" if ratio <= target else "missed")
    console.print(ratios)


_LOGISTIC = "Multinomial logistic regression, n = 60,000, d = 784, 10 classes; {} thread(s)"

SECTIONS: dict[str, Callable[[], None]] = {
    "imports": import_times,
    "small": small,
    "chain": chains,
    "mlp": mlp,
    "keras": keras,
    "graph": graph,
    "memory": peak_memory,
    "hogwild": hogwild,
    "svm": svm,
    "logistic": logistic,
    "ranking": ranking,
    "grading": grading,
    "gpu": gpu,
}


def main() -> None:
    """Run the sections named on the command line; all by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], metavar="section", help=", ".join(SECTIONS))
    for name in parser.parse_args().sections or SECTIONS:
        SECTIONS[name]()


if __name__ == "__main__":
    main()
