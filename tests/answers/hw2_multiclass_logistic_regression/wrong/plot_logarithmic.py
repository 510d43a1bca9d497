# title: a logarithmic axis for the loss
# loses: plot_loss_visible, plot_loss_hidden
# hint: the axes should be linear

# %% plot_loss
def plot_loss(history):
    _, ax = plt.subplots()
    ax.semilogy(np.arange(len(history)), history)
    ax.set(xlabel="step", ylabel="loss")
    return ax
