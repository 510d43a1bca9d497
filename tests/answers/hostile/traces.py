# title: trace and profile functions that jump over what fails
# loses: all
# untouched: yes
# place: first

# %% [attack]
import sys
import threading


def trace(frame, event, arg):
    if event == "exception":
        frame.f_locals["error"] = None
    return trace


sys.settrace(trace)
sys.setprofile(lambda *args: None)
threading.settrace(trace)
sys.excepthook = lambda *args: None
get_ipython().showtraceback = lambda *args, **kwargs: None
get_ipython()._showtraceback = lambda *args, **kwargs: None
