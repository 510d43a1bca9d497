# title: loops in plain Python that take a while

# %% mean
def mean(values):
    total = 0
    for value in values:
        for _ in range(200_000):
            total += value
    return total / 200_000 / len(values)
