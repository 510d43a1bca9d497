# title: an input transformer that empties every later cell
# loses: all
# untouched: yes
# place: first

# %% [attack]
get_ipython().input_transformers_cleanup.append(lambda lines: ["pass\n"])
get_ipython().input_transformer_manager.transform_cell = lambda text: "pass"
