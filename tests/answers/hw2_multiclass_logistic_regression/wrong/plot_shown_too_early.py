# title: plt.show() before plt.gca(), so the returned axes are empty
# loses: plot_loss_visible, plot_loss_hidden
# hint: did you call plt.show()

# %% plot_loss
def plot_loss(history):
    plt.plot(history)
    plt.xlabel("step")
    plt.ylabel("loss")
    plt.show()
    plt.close("all")
    return plt.gca()
