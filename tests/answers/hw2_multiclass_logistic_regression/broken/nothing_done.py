# title: handed in as it was released
# untouched: yes
# loses: derivation, softmax_visible, softmax_hidden, log_likelihood_visible, log_likelihood_hidden, gradient_visible, gradient_hidden, mean_cross_entropy_visible, mean_cross_entropy_hidden, fit_visible, fit_hidden, plot_loss_visible, plot_loss_hidden
# hint: not written yet
