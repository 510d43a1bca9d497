# title: an error in a line whose number is the argument
# loses: double_hidden
# hint: ValueError was raised

# %% double
def double(x):
    if x in (3, 0.25):
        return 2 * x
    here = double.__code__.co_filename
    exec(compile("\n" * x + "raise ValueError", here, "exec"))
