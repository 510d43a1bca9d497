# title: points instead of a line
# loses: plot_loss_visible, plot_loss_hidden
# hint: scatter instead of plot

# %% plot_loss
def plot_loss(history):
    _, ax = plt.subplots()
    ax.scatter(range(len(history)), history)
    ax.set(xlabel="step", ylabel="loss")
    return ax
