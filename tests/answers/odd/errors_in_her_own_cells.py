# title: cells of her own that fail, beside right answers

# %% [fails]
1 / 0

# %% [does not parse]
def f(:

# %% double
def double(x):
    return 2 * x

double()

# %% [leaves]
raise SystemExit
