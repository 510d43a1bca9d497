# title: the smallest loss so far instead of the present one
# loses: plot_loss_visible, plot_loss_hidden
# hint: the smallest loss so far is drawn

# %% plot_loss
def plot_loss(history):
    _, ax = plt.subplots()
    ax.plot(np.minimum.accumulate(history))
    ax.set(xlabel="step", ylabel="loss")
    return ax
