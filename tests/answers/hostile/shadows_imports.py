# title: files beside the notebook with the names of the libraries
# loses: double_visible, double_hidden

# %% [writes]
from pathlib import Path

Path("dlkit").mkdir(exist_ok=True)
for name in ("numpy.py", "dlkit/__init__.py", "dlkit/grading.py", "json.py", "colorsys.py", "sitecustomize.py", "msgpack.py"):
    Path(name).write_text("print('FOUND')\n\n\ndef expect(*args, **kwargs):\n    return None\n")

# %% double
def double(x):
    return 0
