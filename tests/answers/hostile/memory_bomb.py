# title: all the memory that there is, at once
# loses: double_visible, double_hidden
# hint: MemoryError
# needs: sandbox

# %% double
def double(x):
    return len(bytearray(10**11)) + 2 * x
