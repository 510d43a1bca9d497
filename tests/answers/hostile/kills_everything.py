# title: a shell command that kills every process there is, her own among them
# loses: mean_test, shift_test, twice_test, total_test
# needs: sandbox
# hint: killed by SIGKILL

# %% double
def double(x):
    return 2 * x


# %% [bash]
%%bash
kill -9 -1

# %% mean
def mean(values):
    return sum(values) / len(values)
