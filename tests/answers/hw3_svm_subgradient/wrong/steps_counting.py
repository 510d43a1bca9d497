# title: a schedule that counts its own calls
# loses: step_sizes_visible, step_sizes_hidden
# hint: counts its calls

# %% step_sizes
class Counter:
    def __init__(self, eta):
        self.eta, self.calls = eta, 0

    def __call__(self, t):
        self.calls += 1
        return self.eta / self.calls


def constant(eta):
    return lambda t: eta


def inverse_sqrt(eta):
    return lambda t: eta / np.sqrt(t)


inverse = Counter
