# title: a function that prints for ever
# loses: double_visible, double_hidden
# hint: Your code was still running after 2 s

# %% double
def double(x):
    while True:
        print('endless ' * 100)
