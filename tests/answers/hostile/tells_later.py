# title: what tests gave to a function is kept, and printed by a later cell

# %% double
seen = []


def double(x):
    seen.append(x)
    return 2 * x


# %% mean
print("seen:", seen)


def mean(values):
    seen.append(values)
    return sum(values) / len(values)


# %% [tells]
print("seen:", seen)
seen
