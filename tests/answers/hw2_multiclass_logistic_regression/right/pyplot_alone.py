# title: the picture by the functions of pyplot, and a scan over the classes for the maximum

# %% softmax
def softmax(S):
    largest = S[:, 0]
    for k in range(1, S.shape[1]):
        largest = np.where(S[:, k] > largest, S[:, k], largest)
    weights = np.exp(S.T - largest)
    return (weights / sum(weights)).T


# %% plot_loss
def plot_loss(history):
    plt.figure()
    plt.plot(*zip(*enumerate(history)), "o-")
    plt.xlabel("step $t$")
    plt.ylabel("loss")
    return plt.gca()
