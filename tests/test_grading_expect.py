import subprocess
import sys

import numpy as np
import pytest

from dlkit.grading import expect, expect_raises, expect_unchanged


def complaint(*args, **kwargs):
    with pytest.raises(AssertionError) as caught:
        expect(*args, **{"rtol": 1e-12, **kwargs})
    return str(caught.value)


@pytest.mark.parametrize(
    "got",
    [6, 6.0, np.float32(6), np.array(6), np.int64(6), True + 5],
)
def test_a_number_of_any_plain_type_passes(got):
    assert expect("f()", got, 6, rtol=0) is None


@pytest.mark.parametrize("got", [[[1, 2], [3, 4]], ((1, 2), [3.0, 4]), np.array([[1, 2], [3, 4]], np.float32)])
def test_an_array_a_list_and_a_tuple_pass(got):
    assert expect("f()", got, np.array([[1.0, 2], [3, 4]]), rtol=0) is None


def test_the_tolerance_is_relative_and_absolute():
    expect("f()", 100.9, 100.0, rtol=0.01)
    expect("f()", 0.5, 0.0, rtol=0.01, atol=0.5)
    assert complaint("f()", 101.1, 100.0, rtol=0.01) == "f()\nExpected 100, got 101.1."
    assert complaint("f()", 0.6, 0.0, rtol=0.01, atol=0.5) == "f()\nExpected 0, got 0.6."


def test_what_was_called_leads_and_none_asks_for_return():
    assert complaint("softmax(Z)", None, 1.0) == "softmax(Z)\nGot None: did you forget `return`?"


def test_wrong_types_are_named():
    assert complaint("f()", "6", 6).endswith("Expected a number or an array, got a value of type str.")
    assert complaint("f()", 1j, 1).endswith("Expected real numbers, got complex ones.")
    assert complaint("f()", np.array([1, None]), [1, 2]).endswith("got an array of dtype object.")
    assert complaint("f()", [1, "a"], [1, 2]).endswith(
        "Entry 1 of the list: Expected a number or an array, got a value of type str."
    )
    assert complaint("f()", [1, [2]], [1, 2]).endswith("Got a list whose entries have different shapes.")


def test_wrong_shapes_are_explained():
    want = np.arange(6.0).reshape(2, 3)
    assert complaint("f()", want.T, want).endswith(
        "Expected shape (2, 3), got shape (3, 2). The transpose would have the right shape."
    )
    assert "see keepdims=True" in complaint("f()", np.zeros(3), np.zeros((3, 1)))
    assert "too many" in complaint("f()", np.zeros((3, 1)), np.zeros(3))
    assert complaint("f()", np.zeros(3), 1.0).endswith("Expected a single number, got shape (3,).")
    assert complaint("f()", np.zeros(3), np.zeros(4)).endswith("Expected shape (4,), got shape (3,).")


def test_nan_and_inf_are_shown_where_they_are():
    got = np.ones((2, 3))
    got[1, 0] = np.nan
    assert complaint("f()", got, np.ones((2, 3))).endswith("Got nan at [1, 0], expected 1, a finite number.")
    assert complaint("f()", np.inf, 1.0).endswith("Got inf, expected 1, a finite number.")
    expect("f()", [np.inf, np.nan], [np.inf, np.nan], rtol=0)
    assert "expected -inf" in complaint("f()", np.full(20, np.inf), np.full(20, -np.inf)).replace(
        "Expected", "expected"
    )


def test_small_arrays_are_shown_whole_and_large_ones_by_their_first_differences():
    small = complaint("f()", [1.0, 2.5], [1.0, 2.0])
    assert small == "f()\n1 of 2 entries differs.\nExpected:\n[1., 2.]\nGot:\n[1. , 2.5]"
    got = np.zeros((4, 5))
    got[1, 2:] = 7
    got[3, 4] = 8
    large = complaint("f()", got, np.zeros((4, 5)))
    assert large.splitlines()[1] == "4 of 20 entries differ; the first 3:"
    assert large.splitlines()[2] == "  [1, 2]: expected 0, got 7"
    assert len(large.splitlines()) == 5


def test_a_difference_that_six_digits_hide_is_shown():
    text = complaint("f()", 1 / 3 + 1e-9, 1 / 3)
    assert text.endswith("Expected 0.333333, got 0.333333.\nThe largest difference is 1e-09: close, and still too far.")


def test_the_first_mistake_with_this_value_gives_its_hint():
    called = []

    def slow():
        called.append(1)
        return 9

    mistakes = {"it is halved": 1.5, "it cannot be computed": lambda: 1 / 0, "it is squared": slow, "never": slow}
    expect("f(3)", 6, 6, rtol=0, mistakes=mistakes)
    assert called == []  # evaluated only when the check has failed
    text = complaint("f(3)", 9, 6, mistakes=mistakes)
    assert text == "f(3)\nExpected 6, got 9.\nLikely cause: it is squared"
    assert called == [1]
    assert "Likely cause" not in complaint("f(3)", 8, 6, mistakes=mistakes)
    assert complaint("f(3)", np.nan, 6, mistakes={"0/0": np.nan}).endswith("Likely cause: 0/0")


class Agreeable(np.ndarray):
    def __eq__(self, other):
        return True

    def __array_ufunc__(self, *args, **kwargs):
        return True

    def __array_function__(self, *args, **kwargs):
        return True


class Liar:
    shape, dtype, ndim = (), np.dtype(float), 0
    __class__ = property(lambda self: np.ndarray)
    __array__ = __float__ = lambda self, *a, **k: (_ for _ in ()).throw(AssertionError("was asked"))

    def __eq__(self, other):
        return True


def test_an_object_that_agrees_with_everything_is_judged_by_its_numbers_or_refused():
    assert "1 of 2 entries differs" in complaint("f()", np.array([1.0, 3.0]).view(Agreeable), [1.0, 2.0])
    assert complaint("f()", Liar(), 1.0).endswith("got a value of type Liar.")
    number = type("Number", (float,), {"__sub__": lambda self, other: 0.0})(3.0)
    assert complaint("f()", number, 1.0).endswith("got a value of type Number.")


def test_nothing_given_is_modified():
    got, want = np.array([3, 1], np.int16), np.array([3.0, 2.0])
    copies = got.copy(), want.copy()
    complaint("f()", got, want)
    assert (got == copies[0]).all() and got.dtype == np.int16 and (want == copies[1]).all()


def test_an_expected_value_that_is_no_number_is_the_authors_error():
    with pytest.raises(TypeError, match="the expected value must be numbers"):
        expect("f()", 1, "one", rtol=0)


def raiser(error):
    def function(*args):
        raise error

    return function


def test_expect_raises():
    error = expect_raises("f(-1)", ValueError, raiser(ValueError("x must be positive; got -1")), -1)
    assert "positive" in str(error)
    for function, exception, end in [
        (lambda: 3, ValueError, "Should raise ValueError, but raised nothing and returned a value of type int."),
        (lambda: None, ValueError, "Should raise ValueError, but raised nothing and returned None."),
        (raiser(TypeError("no")), ValueError, "Should raise ValueError, but raised TypeError: no"),
        (raiser(NotImplementedError()), RuntimeError, "There is no answer here yet (NotImplementedError)."),
    ]:
        with pytest.raises(AssertionError) as caught:
            expect_raises("f()", exception, function)
        assert str(caught.value) == f"f()\n{end}"


def test_expect_unchanged():
    before = np.array([[1.0, 2.0], [np.nan, 4.0]])
    expect_unchanged("X", before, before.copy())
    for after, words in [
        (np.array([[1.0, 2.0], [np.nan, 5.0]]), "X[1, 1] was 4 and is now 5."),
        (before.astype(np.float32), "It was float64 of shape (2, 2) and is now float32 of shape (2, 2)."),
        (before.ravel(), "is now float64 of shape (4,)."),
        (None, "Got None"),
    ]:
        with pytest.raises(AssertionError) as caught:
            expect_unchanged("X", before, after)
        assert str(caught.value).startswith("X was changed in place.\n") and words in str(caught.value)


def test_importing_the_checks_imports_numpy_and_nothing_else_of_the_course():
    code = "import sys, dlkit.grading; print(sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'numpy'" in loaded
    for name in ("nbformat", "nbgrader", "IPython", "torch", "scipy", "matplotlib", "rich", "traitlets"):
        assert f"'{name}'" not in loaded


@pytest.mark.parametrize("got", [7.125, np.nan, np.inf, [3.25, 7.0], [np.nan, 5.75], np.full(40, 3.25)])
def test_an_exercise_does_not_print_its_answer(got):
    want = 5.75 if np.ndim(got) == 0 else np.full(np.shape(got), 5.75)
    message = complaint("f()", got, want, reveal=False, mistakes={"the sign": -want})
    assert message.startswith("f(): this is not it.\n")
    assert "5.75" not in message
    assert ("not a finite number" in message) == (not np.isfinite(got).all())
    assert ("hint above the cell" in message) == np.isfinite(got).all()
    assert complaint("f()", -want, want, reveal=False, mistakes={"the sign": -want}) == (
        "f(): this is not it.\nLikely cause: the sign"
    )
    assert expect("f()", want, want, rtol=0, reveal=False) is None


def test_an_exercise_says_what_is_wrong_with_kind_and_shape():
    assert complaint("f()", None, 5.75, reveal=False) == "f()\nGot None: did you forget `return`?"
    assert complaint("f()", [1, 2, 3], [5.75, 1], reveal=False) == "f()\nExpected shape (2,), got shape (3,)."
