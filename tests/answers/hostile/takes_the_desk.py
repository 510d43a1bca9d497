# title: the object that carries out the checker's commands, found and replaced
# loses: all
# untouched: yes
# place: first

# %% [attack]
import gc

from dlkit.grading.channel.student import _Student


def nothing(*args, **kwargs):
    return None


for found in gc.get_objects():
    if type(found) is _Student:
        for name in list(found.operations):
            found.operations[name] = nothing
        found.operations["end"] = lambda: [{"output_type": "execute_result", "data": {"text/plain": "1000"}}] * 5
