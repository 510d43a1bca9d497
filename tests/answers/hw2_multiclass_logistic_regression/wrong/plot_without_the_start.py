# title: the loss at the start left out
# loses: plot_loss_visible, plot_loss_hidden
# hint: the first loss is missing

# %% plot_loss
def plot_loss(history):
    _, ax = plt.subplots()
    ax.plot(range(1, len(history)), history[1:])
    ax.set(xlabel="step", ylabel="loss")
    return ax
