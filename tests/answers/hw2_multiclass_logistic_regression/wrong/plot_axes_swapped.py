# title: the loss below and the step at the side
# loses: plot_loss_visible, plot_loss_hidden
# hint: the axes are swapped

# %% plot_loss
def plot_loss(history):
    _, ax = plt.subplots()
    ax.plot(history, range(len(history)))
    ax.set(xlabel="loss", ylabel="step")
    return ax
