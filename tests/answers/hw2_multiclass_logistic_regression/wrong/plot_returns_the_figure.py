# title: the figure is returned instead of the axes
# loses: plot_loss_visible, plot_loss_hidden
# hint: should return matplotlib Axes, got the figure

# %% plot_loss
def plot_loss(history):
    fig, ax = plt.subplots()
    ax.plot(history)
    ax.set(xlabel="step", ylabel="loss")
    return fig
