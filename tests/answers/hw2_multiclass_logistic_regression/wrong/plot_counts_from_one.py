# title: the steps on the axis counted from 1
# loses: plot_loss_visible, plot_loss_hidden
# hint: counted from 1

# %% plot_loss
def plot_loss(history):
    _, ax = plt.subplots()
    ax.plot(range(1, len(history) + 1), history)
    ax.set(xlabel="step", ylabel="loss")
    return ax
