# title: plot_loss returns nothing and labels nothing
# loses: plot_loss_visible, plot_loss_hidden
# hint: did you forget `return`

# %% plot_loss
def plot_loss(history):
    plt.plot(history)
    plt.show()
