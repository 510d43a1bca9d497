# title: pictures drawn and shown in answers, rcParams changed, another backend asked for

# %% [style]
import matplotlib
import matplotlib.pyplot as plt

matplotlib.use("Agg")
plt.rcParams.update({"figure.figsize": (3, 2), "font.size": 7, "axes.grid": True})
plt.style.use("ggplot")

# %% shift
def shift(x):
    result = x - x.mean(axis=0)
    plt.figure()
    plt.plot(result)
    plt.title("shifted")
    plt.show()
    return result

# %% [shows]
import numpy as np

shift(np.eye(3));
