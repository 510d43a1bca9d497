# title: plot_loss draws into the current axes, so a second call adds a line to the first picture
# loses: plot_loss_visible, plot_loss_hidden
# hint: new axes

# %% plot_loss
def plot_loss(history):
    ax = plt.gca()
    ax.plot(range(len(history)), history)
    ax.set(xlabel="step", ylabel="loss")
    return ax
