# title: the kernel's do_execute and the shell's run_cell replaced by ones that do nothing
# loses: all
# untouched: yes
# place: first

# %% [attack]
shell = get_ipython()


async def do_execute(*args, **kwargs):
    return {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}}


if shell.kernel is not None:
    shell.kernel.do_execute = do_execute
type(shell).run_cell = lambda self, *args, **kwargs: None
shell.run_cell = type(shell).run_code = lambda *args, **kwargs: None
