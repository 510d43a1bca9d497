# title: from __future__ in a cell, types, unicode names

# %% double
from __future__ import annotations

from typing import TypeVar

数 = TypeVar("数", int, float)
ζωή = 2


def double(x: 数 | NotThere) -> 数:
    """Return 二倍."""
    return ζωή * x


# %% mean
def mean(values: list[float]) -> float:
    总和, 个数 = sum(values), len(values)
    return 总和 / 个数


# %% [markdown] essay
因为求和是线性的。$\\sum_i x_i$ and **so** on. ![a picture](data:image/png;base64,iVBORw0KGgo=)
