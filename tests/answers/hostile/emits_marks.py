# title: a pre_run_cell hook that puts a result of 1000 before every later cell's own output
# loses: all
# untouched: yes
# place: first

# %% [attack]
shell = get_ipython()


def hook(*_):
    print(1000)
    shell.record.add_data("execute_result", {"text/plain": "1000"}, {})
    shell.display_pub.publish({"text/plain": "1000"})


shell.events.register("pre_run_cell", hook)
shell.events.register("post_run_cell", hook)
taken = type(shell.record).taken
type(shell.record).taken = lambda record: [
    {"output_type": "execute_result", "data": {"text/plain": "1000"}, "metadata": {}},
    *taken(record),
]
