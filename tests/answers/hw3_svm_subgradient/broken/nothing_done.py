# title: handed in as it was released
# untouched: yes
# loses: derivation, large_and_small_c, objective_visible, objective_hidden, subgradient_visible, subgradient_hidden, step_sizes_visible, step_sizes_hidden, subgradient_descent_visible, subgradient_descent_hidden, plot_svm_visible, plot_svm_hidden
# hint: not written yet
