# title: only one of the two axes has a label
# loses: plot_loss_visible, plot_loss_hidden
# hint: both axes need a label

# %% plot_loss
def plot_loss(history):
    _, ax = plt.subplots()
    ax.plot(history)
    ax.set_ylabel("loss")
    ax.set_title("loss against step")
    return ax
