# title: %timeit, %matplotlib inline, %%time, %%capture, !echo, ?help

# %% [magics]
%matplotlib inline
%config InlineBackend.figure_format = "retina"
%load_ext autoreload
%autoreload 2

# %% double
%%time
def double(x):
    return 2 * x

# %% [times]
%timeit -n 2 -r 1 double(3)
double?
files = !echo hello
print(files)

# %% [captured]
%%capture out
print("captured")

# %% mean
def mean(values):
    return sum(values) / len(values)

%time mean([1, 2])
