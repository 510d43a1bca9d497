# title: torch tensors where an array is expected
# needs: torch

# %% [imports]
import torch

# %% mean
def mean(values):
    return torch.tensor(values, dtype=torch.float64).mean()


# %% shift


def shift(x):
    t = torch.tensor(x, requires_grad=True)
    return t - t.mean(dim=0)
