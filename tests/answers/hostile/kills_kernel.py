# title: right answers, and in the middle a cell that ends the kernel
# loses: after
# hint: the kernel stopped
# place: middle

# %% [ends the kernel]
import os

os._exit(3)
