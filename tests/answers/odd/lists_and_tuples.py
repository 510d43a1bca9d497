# title: lists of lists and tuples where an array is expected

# %% shift
def shift(x):
    means = [sum(column) / len(column) for column in zip(*x)]
    return [tuple(a - m for a, m in zip(row, means)) for row in x]


# %% double
def double(x):
    return [[x], [x]].__len__() * x
