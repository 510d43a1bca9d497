# title: signals ignored, every exception caught, and a loop without end
# loses: mean_test, shift_test, twice_test, total_test
# hint: it could not be interrupted and was ended
# needs: sandbox

# %% double
def double(x):
    return 2 * x

# %% mean
import signal

for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)


def mean(values):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
