"""The colours, markers and settings that every figure of the course shares.

Colours are those of Okabe and Ito (2008, *Color Universal Design*), which stay apart for colour-blind readers.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.colors import LinearSegmentedColormap

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "^", "s", "D", "v", "P", "X")
DASHES = ("solid", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))

# Blue below zero, white at zero, orange above, each side darker the farther from zero; as the classes 0 and 1 are.
SIGNED = LinearSegmentedColormap.from_list("signed", ["#002C46", COLOURS[0], "white", COLOURS[1], "#4D2200"])

SMALL = 10  # points: the least size of text that the last row reads

# A legend on a ground of its own, where lines would run through the words.
ON_GROUND: dict[str, Any] = {"frameon": True, "framealpha": 0.9, "edgecolor": "none"}


def use_style() -> None:
    """Set the style of the course for all figures that follow."""
    plt.rcParams.update(
        {
            "axes.grid": True,
            "axes.prop_cycle": cycler(color=COLOURS),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlesize": 13,
            "figure.constrained_layout.use": True,
            "figure.dpi": 100,
            "figure.figsize": (7.0, 4.0),
            "font.size": 12,
            "grid.alpha": 0.25,
            "legend.frameon": False,
            "lines.linewidth": 2.2,
            "lines.markersize": 6,
        }
    )
