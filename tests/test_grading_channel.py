"""The channel between the student's process and the checker: what crosses, what does not, what no liar gets through."""

import ast
import enum
import math
import re
import socket
import struct
import subprocess
import sys
import textwrap
import threading
import time
import tracemalloc
from collections import OrderedDict, namedtuple
from contextlib import suppress
from pathlib import Path

import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dlkit.grading import channel, expect, expect_raises, expect_unchanged
from dlkit.grading.channel import (
    ArrayTooLarge,
    ChannelError,
    LimitError,
    Limits,
    NotAValue,
    NotCopiedBack,
    NotSendable,
    ProtocolError,
    Remote,
    StudentGone,
    StudentStopped,
    StudentTimeout,
    TooDeep,
    TooLarge,
    TooMany,
    arrays,
    ask,
)
from dlkit.grading.channel.checker import Connection, Names
from dlkit.grading.channel.decoder import Decoder
from dlkit.grading.channel.encoder import Encoder
from dlkit.grading.channel.messages import Kind
from dlkit.grading.channel.wire import Tag

ROOT = Path(__file__).parents[1]
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


# ---- the wire -------------------------------------------------------------------------------------------------------


def write(value, limits=None, handle=None):
    return Encoder(limits or Limits(), handle or (lambda x: (Tag.MINE, 7)), []).message(Kind.ANSWER, value)


class Theirs:
    """What a decoder of these tests makes of an object of the sender."""

    def __init__(self, number):
        self.number = number

    def __eq__(self, other):
        return type(other) is Theirs and other.number == self.number

    __hash__ = object.__hash__

    def __index__(self):
        return 1  # as her object might: nothing of it may be called while a message is read


def read(data, limits=None):
    decoder = Decoder(data, limits or Limits(), Theirs, lambda n: f"ours {n}", [])
    decoder.header(2, 2)
    decoder.integer(1, 7)
    value = decoder.value()
    decoder.end()
    return value


def same(a, b):
    """Equal in type and in every bit."""
    if type(a) is not type(b):
        return False
    if type(a) in (list, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if type(a) is dict:
        return same(list(a.items()), list(b.items()))
    if type(a) is set:
        return sorted(map(repr, a)) == sorted(map(repr, b))
    if type(a) is float:
        return struct.pack("d", a) == struct.pack("d", b)
    if type(a) is complex:
        return same([a.real, a.imag], [b.real, b.imag])
    if type(a) is slice:
        return same([a.start, a.stop, a.step], [b.start, b.stop, b.step])
    if type(a) is np.ndarray or isinstance(a, np.generic):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    return bool(a == b)


NUMPY = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?"),
    hnp.complex_number_dtypes(endianness="?"),
    hnp.datetime64_dtypes(),
    hnp.timedelta64_dtypes(),
    hnp.unicode_string_dtypes(max_len=4),
)
ARRAYS = hnp.arrays(NUMPY, hnp.array_shapes(min_dims=0, min_side=0, max_side=3))
TEXT = st.text(st.characters(codec=None), max_size=8)  # lone surrogates, too
KEYS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), TEXT, st.binary(max_size=8), st.tuples(st.integers(), TEXT)
)
LEAVES = st.one_of(
    KEYS,
    st.integers().map(lambda n: n**9),
    st.complex_numbers(),
    st.builds(range, st.integers(-5, 5), st.integers(-1000, 1000), st.sampled_from([-3, 1, 9])),
    st.integers().map(lambda n: range(n**5, n**5 + 7)),
    st.builds(slice, KEYS, KEYS, KEYS),
    st.sampled_from([..., int, float, np.float32, np.dtype("<f4"), np.dtype("M8[ns]"), object]),
    hnp.from_dtype(np.dtype("f4")).map(np.float32),
    ARRAYS,
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
        st.sets(KEYS, max_size=4),
    ),
    max_leaves=12,
)


@QUICK
@given(VALUES)
def test_values_cross_in_type_and_in_every_bit(value):
    assert same(read(write(value)), value)


@QUICK
@given(st.integers(0, 2**64 - 1))
def test_every_pattern_of_bits_of_a_float_crosses(bits):
    pattern = np.array([bits, bits | 0x7FF0 << 48], np.uint64)
    array = pattern.view(np.float64)
    assert read(write(array)).tobytes() == pattern.tobytes()
    number = float(np.uint64(bits | 0x7FF8 << 48).view(np.float64))  # quiet ones: processors quieten the others
    assert struct.pack("d", read(write(number))) == struct.pack("d", number)


@pytest.mark.parametrize("n", [2**63 - 1, 2**63, -(2**63) - 1, 2**64 - 1, 2**64, 3**5000, -(3**5000)])
def test_integers_of_any_size_cross(n):
    assert read(write(n)) == n


def test_text_crosses_even_where_it_is_no_text():
    assert read(write(["\ud800é", "\0", ""])) == ["\ud800é", "\0", ""]


def test_a_message_that_will_be_too_large_is_not_written_to_its_end():
    value = ["x" * 1_000_000] * 50
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            write(value, Limits(message=10_000))
        assert tracemalloc.get_traced_memory()[1] < 3_000_000  # msgpack's buffer has one million bytes at first
    finally:
        tracemalloc.stop()


def test_arrays_keep_their_order_and_are_of_their_own_memory():
    for array in (np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(12.0)[::2], np.array(3.5)):
        copy = read(write(array))
        assert same(copy, array)
        assert copy.flags.owndata and copy.flags.writeable
    assert read(write(np.ones((2, 3), order="F"))).flags.f_contiguous
    array = np.zeros(3)
    array.flags.writeable = False
    assert not read(write(array)).flags.writeable


class Liar:
    __class__ = float
    dtype, shape = np.dtype(float), ()

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0

    def __float__(self):
        return 1.0

    def __array__(self, *args, **kwargs):
        return np.ones(3)


class Fraud(float):
    def __eq__(self, other):
        return True

    __hash__ = float.__hash__


class Matrix(np.ndarray):
    pass


@pytest.mark.parametrize(
    "value",
    [
        Liar(),
        Fraud(2.0),
        enum.IntEnum("Colour", "RED").RED,
        OrderedDict(a=1),
        namedtuple("Point", "x y")(1, 2),
        np.zeros(2).view(Matrix),
        np.ma.masked_array([1.0], [True]),
        np.array([object()]),
        np.array([(1, 2.0)], dtype=[("a", int), ("b", float)]),
        {Liar(): 1},
        {(1, Liar()): 1},
        type("Fraud", (np.float64,), {})(1.0),
        {frozenset([1])},
        np.dtype([("a", int)]),
        math,
        print,
        iter([1]),
        bytearray(b"x"),
        type("float", (), {}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_exactly_a_plain_value_crosses_as_a_number(value):
    assert read(write([value])) == [Theirs(7)]


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


BROKEN = [
    ("x" * 2000, Limits(message=1000), TooLarge),
    ([b"x" * 300] * 4, Limits(message=1000), TooLarge),
    (np.zeros(100), Limits(array=799), ArrayTooLarge),
    (nested(100_000), Limits(), TooDeep),
    (nested(5), Limits(depth=5), TooDeep),
    ([(1, 2)] * 4, Limits(items=12), TooMany),
    ([0] * 20, Limits(items=20), TooMany),
    (1 << 1000, Limits(integer=100), TooLarge),
    (range(10**30), Limits(), TooMany),
    (range(0, -101, -1), Limits(items=100), TooMany),
]


@pytest.mark.parametrize(("value", "limits", "error"), BROKEN)
def test_a_broken_limit_has_a_name_on_the_side_that_writes(value, limits, error):
    with pytest.raises(error):
        write(value, limits)


@pytest.mark.parametrize(("value", "limits", "error"), [b for b in BROKEN if b[1].message > 1000 and b[1] != Limits()])
def test_a_broken_limit_has_the_same_name_on_the_side_that_reads(value, limits, error):
    with pytest.raises(error):
        read(write(value), limits)


@pytest.mark.parametrize(("value", "limits"), [(nested(4), Limits(depth=5)), ([0] * 19, Limits(items=20))])
def test_what_is_just_within_the_limits_crosses(value, limits):
    assert same(read(write(value, limits), limits), value)


def test_a_list_that_holds_itself_is_too_deep():
    value = []
    value.append(value)
    with pytest.raises(TooDeep):
        write(value)


def test_keys_of_one_hash_are_counted():
    modulus = sys.hash_info.modulus
    for value in ({k * modulus: 0 for k in range(1, 100)}, {k * modulus for k in range(1, 100)}):
        with pytest.raises(TooMany, match="64 keys may have one hash, got 99"):
            read(write(value))
    assert len(read(write(dict.fromkeys(range(5000))))) == 5000


def npy(descr="<f8", order="False", shape="(3,)", data=bytes(24), version=b"\x01\x00"):
    header = f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(header)) + header + data


@pytest.mark.parametrize(
    "data",
    [
        npy(shape="(4,)"),
        npy(shape="(2,)"),
        npy(shape="(-1,)"),
        npy(shape="(3, 1, 1e3)"),
        npy(order="None"),
        npy(order="print(1)"),
        npy("|O"),
        npy("O", data=b"\x80\x04K\x01."),
        npy("<f3"),
        npy("<V8"),
        npy("<f8,<f8"),
        npy("|b1", data=b"\x01\x02\x00"),
        npy("<U1", data=b"\xff" * 12),
        npy(version=b"\x02\x00"),
        npy().replace(b"'descr'", b"'other'"),
        npy()[:40],
        npy()[:8] + b"\x10\x00" + npy()[10:],
        b"\x80\x04K\x01.",
        b"",
    ],
)
def test_arrays_that_are_not_what_they_say_are_refused(data):
    with pytest.raises(ProtocolError):
        arrays.from_bytes(data, Limits())
    with pytest.raises(ProtocolError):
        read(forge(Kind.ANSWER, [Tag.ARRAY, data, True]))


@pytest.mark.parametrize(
    ("descr", "shape"),
    [("<f8", "(1000000000,)"), ("<f8", "(1000000, 1000000, 0)"), ("<U0", "(1000000000,)"), ("|b1", f"({'9' * 19},)")],
)
def test_arrays_of_a_thousand_million_entries_are_refused_before_memory_is_taken(descr, shape):
    tracemalloc.start()
    try:
        with pytest.raises(ArrayTooLarge):
            arrays.from_bytes(npy(descr, shape=shape, data=b""), Limits())
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def forge(*parts):
    """Write a message as nobody's encoder would."""
    return msgpack.packb(list(parts), default=int)


FORGED = [
    [Tag.LIST, [99]],
    [0],
    [],
    ["x"],
    [Tag.INT, "x"],
    [Tag.INT],
    [Tag.COMPLEX, 1.0, [Tag.LIST]],
    [Tag.COMPLEX, 1, 2],
    [Tag.RANGE, 1, 2, 0],
    [Tag.RANGE, [Tag.MINE, 1], 2, 1],
    [Tag.DICT, 1],
    [Tag.DICT, [Tag.LIST], 1],
    [Tag.DICT, [Tag.MINE, 1], 1],
    [Tag.DICT, [Tag.TUPLE, [Tag.MINE, 1]], 1],
    [Tag.SET, [Tag.LIST]],
    [Tag.SET, [Tag.MINE, 1]],
    [Tag.MINE, -1],
    [Tag.MINE, "1"],
    [Tag.SHARED, 0],
    [Tag.TYPE, "eval"],
    [Tag.TYPE, "__import__"],
    [Tag.DTYPE, "O"],
    [Tag.DTYPE, "f8,f8"],
    [Tag.SCALAR, "<f8", b"1234567"],
    [Tag.SCALAR, "O", b"12345678"],
    [Tag.SCALAR, "?", b"\x07"],
    [Tag.GENERATOR, b"", b"", 7, 0],
    [Tag.ELLIPSIS, 1],
    [Tag.TENSOR, 1.0, None, True],
    [Tag.TENSOR, [Tag.MINE, 1], None, True],
    [Tag.TORCH, npy("<M8[s]"), None, False] if "torch" in sys.modules else [Tag.TORCH, b"", None, False],
    {},
    {"a": 1},
    msgpack.ExtType(5, b"x"),
    msgpack.Timestamp(1),
]


@pytest.mark.parametrize("value", FORGED, ids=repr)
def test_what_no_encoder_writes_is_refused(value):
    with pytest.raises(ProtocolError):
        read(forge(Kind.ANSWER, value))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x92\x04",
        b"\x92\x04\xd9\xff",
        b"\x92\x04\xc4\x05a",
        b"\x92\x04\x92\x01\xdd\xff\xff\xff\xff",
        b"\x92\x04\xdd\xff",
        b"\x92\x04\xa1\xff",
        b"\x92\x04\x01\x01",
        b"\x93\x04\x01",
        b"\x92\x04" + b"\x91" * 5000,
    ],
)
def test_bytes_that_are_no_message_are_refused(data):
    with pytest.raises(ProtocolError):
        read(data)


@QUICK
@given(st.one_of(st.binary(max_size=300), st.binary(max_size=200).map(lambda b: b"\x92\x04" + b)))
def test_random_bytes_never_do_more_than_be_refused(data):
    with suppress(LimitError, ProtocolError):
        read(data)


SMALL = Limits(message=20_000, array=10_000, items=500)


@QUICK
@given(VALUES, st.data())
def test_damaged_messages_never_do_more_than_be_refused_and_take_little_memory(value, data):
    message = bytearray(write(value))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(2, len(message) - 1)) if len(message) > 2 else 1
        message[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=5))
        if len(message) < 2:
            break
    tracemalloc.start()
    try:
        read(bytes(message), SMALL)
    except (LimitError, ProtocolError):
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    # an item is at most a list of one (96 bytes) and its reference, an array is held three times, a traceback is small
    assert peak < 500 * 200 + 3 * 10_000 + 3 * len(message) + 100_000


def test_lists_that_claim_much_are_not_believed():
    # msgpack by itself would make a list of four thousand million places at each level
    claims = b"\x92\x04" + b"\xdd\xff\xff\xff\xff\x01" * 60
    tracemalloc.start()
    try:
        with pytest.raises((LimitError, ProtocolError)):
            read(claims)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_nothing_is_unpickled_or_evaluated():
    for path in (ROOT / "dlkit/grading/channel").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        modules = {a.name for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom)) for a in n.names}
        assert not (names | modules) & {"eval", "exec", "pickle", "cloudpickle", "literal_eval", "load"}, path


# ---- a student's process --------------------------------------------------------------------------------------------

PROCESS = """
import socket, sys
from dlkit.grading.channel.errors import Limits
from dlkit.grading.channel.student import serve
import linecache
namespace = {"__name__": "__main__"}
def run(name, code):
    file = f"<cell {name}>"
    linecache.cache[file] = (len(code), None, code.splitlines(True), file)
    exec(compile(code, file, "exec"), namespace)
sock = socket.socket(fileno=int(sys.argv[1]))
serve(sock, namespace, limits=Limits(depth=20, text=2000), commands={"run": run})
"""


class Student:
    """A process, the connection to it, and the names that a test sees."""

    def __init__(self, **options):
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-c", PROCESS, str(theirs.fileno())]
        self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=ROOT, stderr=subprocess.DEVNULL)
        theirs.close()
        options = {"seconds": 10.0, "limits": Limits(depth=20, text=2000), **options}
        self.connection = Connection(ours, peer=self.process, **options)

    def run(self, code, name="answer"):
        self.connection.command("run", name, textwrap.dedent(code))
        return self

    def names(self, **given):
        return Names(self.connection, given)

    def __getitem__(self, name):
        return self.names()[name]

    def close(self):
        self.connection.close()
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def shared():
    student = Student()
    yield student
    student.close()


@pytest.fixture
def student(shared):
    """A student's process that the tests share: her names stay, and it must be in order after each test."""
    yield shared
    shared.run("alive = 1")
    assert shared["alive"] == 1


@pytest.fixture
def fresh():
    """A process for a test that will break it."""
    students = []

    def start(code="", **options):
        students.append(Student(**options))
        return students[-1].run(code)

    yield start
    for one in students:
        one.close()


def test_a_test_runs_with_her_names_behind_the_checkers_own(student):
    student.run("np = 'hers'; W = [1.5]; abs = 'hers'\ndef double(x): return 2 * x")
    names = student.names(np=np)
    test = """
        def inner():
            return [double(k) for k in range(3)], abs(-2)
        result = inner(), np.__name__, W
    """
    exec(textwrap.dedent(test), names)
    assert names["result"] == (([0, 2, 4], 2), "numpy", [1.5])
    with pytest.raises(NameError, match="nowhere"):
        exec("nowhere", names)
    with pytest.raises(NameError, match="W"):
        exec("W", Names(student.connection, only={"double"}))


def test_values_come_as_values_and_the_same_question_is_asked_anew(student):
    student.run("""
        import numpy as np
        calls = []
        def f(x, *, by=1):
            calls.append(x)
            return {"x": x, "n": len(calls), "a": np.float32(by) * np.ones(2, np.float32), "t": (1, None, 2j, "é")}
    """)
    f = student["f"]
    first, second = f(3, by=2), f(3)
    assert (first["n"], second["n"]) == (1, 2)
    assert same(first["a"], np.full(2, 2, np.float32)) and first["t"] == (1, None, 2j, "é")
    assert student["calls"] == [3, 3]


def test_arguments_changed_in_place_are_changed_here_too(student):
    student.run("""
        def step(params, more):
            params[0] -= 1            # an array in a list
            params[1] = params[1] + 1  # another array in its place
            more["b"][...] = 7
            more["new"] = params
            more["seen"].add(3)
            return params[0], params
        def rude(x):
            x[0] = 5
            raise ValueError("after it")
        def noisy(rng): return rng.normal(size=2)
    """)
    a, b, view = np.zeros(2), np.zeros(2), np.zeros((3, 2))[:, 0]
    params, more = [a, b], {"b": view, "seen": {1}}
    result = student["step"](params, more)
    assert result[0] is a and result[1] is params and more["new"] is params
    assert a.tolist() == [-1, -1] and b.tolist() == [0, 0] and params[1].tolist() == [1, 1]
    assert view.tolist() == [7, 7, 7] and more["seen"] == {1, 3}
    x = np.zeros(2)
    with pytest.raises(ValueError, match="after it"):
        student["rude"](x)
    with pytest.raises(AssertionError, match="changed in place"):
        expect_unchanged("x", np.zeros(2), x)
    x.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        student["rude"](x)
    here, there = np.random.default_rng(3), np.random.default_rng(3)
    assert student["noisy"](there).tolist() == here.normal(size=2).tolist()
    assert there.normal() == here.normal()


def test_one_array_given_twice_is_one_array_there(student):
    student.run("def f(x, y): x += 1; return x is y, y")
    x = np.zeros(2)
    assert student["f"](x, x)[0] is True and x.tolist() == [1, 1]
    ring = []
    ring.append(ring)
    student.run("def f(x): return x[0] is x")
    assert student["f"](ring) is True


def test_what_cannot_be_copied_back_has_a_name(student):
    student.run("def f(x): x.resize((3,), refcheck=False)")
    with pytest.raises(NotCopiedBack, match=r"shape \(2,\) .* shape \(3,\)"):
        student["f"](np.zeros(2))


def test_functions_of_the_checker_are_called_from_there(student):
    student.run("""
        def descend(grad, x, steps):
            for _ in range(steps):
                x = x - 0.5 * grad(x)
            return x
        def back(f): return f
        def twice(f): return lambda x: f(f(x))
        def kind(f, x):
            try:
                f(x)
            except LookupError as e:
                return type(e).__name__, e.args
    """)
    assert student["descend"](lambda x: x, np.array([8.0]), 3).tolist() == [1.0]
    assert student["back"](math.sqrt) is math.sqrt
    assert student["twice"](lambda x: x * x)(3) == 81
    assert student["kind"](lambda x: {}[x], 5) == ("KeyError", ("5",))
    f = student["twice"](student["twice"])  # her function, given back to her
    assert f(lambda x: x + 1)(0) == 4


def test_calls_within_calls_go_so_deep_and_no_deeper(student):
    student.run("def down(f, n): return 0 if n == 0 else 1 + f(n - 1)")
    down = student["down"]

    def f(n):
        return down(f, n)

    assert down(f, 10) == 10
    with pytest.raises(TooDeep), student.connection.cell(60):
        down(f, 30)


def test_a_failed_assertion_within_a_callback_fails_the_test_whatever_she_does(student):
    student.run("""
        def quiet(f):
            global seen
            try: f(-1)
            except BaseException as e: seen = repr(e)
            return 9.0
    """)

    def positive(x):
        assert x > 0, "f was called with a negative number"
        return x

    with pytest.raises(AssertionError, match="negative number"):
        student["quiet"](positive)
    assert student["seen"] == "AssertionError('a check of the test has failed')"  # it may have said what was expected


SMALL_AUTOGRAD = """
    import math
    class Value:
        def __init__(self, data, parents=()):
            self.data, self.grad, self.parents, self.back = data, 0.0, parents, lambda: None
        def __repr__(self): return f"Value({self.data})"
        def __add__(self, other):
            other = other if isinstance(other, Value) else Value(other)
            out = Value(self.data + other.data, (self, other))
            def back(): self.grad += out.grad; other.grad += out.grad
            out.back = back
            return out
        __radd__ = __add__
        def __mul__(self, other):
            other = other if isinstance(other, Value) else Value(other)
            out = Value(self.data * other.data, (self, other))
            def back(): self.grad += other.data * out.grad; other.grad += self.data * out.grad
            out.back = back
            return out
        __rmul__ = __mul__
        def __neg__(self): return self * -1
        def __sub__(self, other): return self + -other
        def __rsub__(self, other): return -self + other
        def __matmul__(self, other): return "matmul"
        def __lt__(self, other): return self.data < other.data
        def __eq__(self, other): return isinstance(other, Value) and self.data == other.data
        __hash__ = object.__hash__
        def __len__(self): return 3
        def __bool__(self): return self.data != 0
        def __float__(self): return float(self.data)
        def __getitem__(self, key): return self.data if key == slice(None, 2) else key
        def __setitem__(self, key, value): self.data = value
        def __contains__(self, x): return x == self.data
        def __iadd__(self, other): self.data += other; return self
        def backward(self):
            order, seen = [], []
            def visit(v):
                if not any(v is w for w in seen):
                    seen.append(v)
                    for p in v.parents: visit(p)
                    order.append(v)
            visit(self)
            self.grad = 1.0
            for v in reversed(order): v.back()
    class Net:
        def __init__(self): self.w = [Value(1.0), Value(2.0)]
        def parameters(self): return self.w
        def __call__(self, x): return self.w[0] * x + self.w[1]
"""


def test_an_autograd_of_her_own_is_testable(student):
    student.run(SMALL_AUTOGRAD)
    Value, Net = ask(student["Value"]), ask(student["Net"])
    a, b = Value(2.0), Value(-3.0)
    y = 1 + 2 * a * b + a - b * 4 - 7 + -(5 - a)
    y.backward()
    assert type(y) is Remote and y.data == 1 - 12 + 2 + 12 - 7 - 5 + 2
    assert (a.grad, b.grad) == (2 * -3 + 1 + 1, 2 * 2 - 4)
    net = Net()
    net(3.0).backward()
    assert [p.grad for p in net.parameters()] == [3.0, 1.0]
    assert net.w[0] is net.parameters()[0]
    a.data = 9
    assert a.data == 9 and hasattr(a, "grad") and not hasattr(a, "nothing")
    assert (repr(a), f"{a}", len(a), bool(a), float(a)) == ("Value(9)", "Value(9)", 3, True, 9.0)
    assert a[:2] == 9 and a[1] == 1 and a @ b == "matmul"
    a[0] = 4
    a += 1
    assert a.data == 5 and 5 in a and b < a and not a < b and a == Value(5) and a != b and isinstance(a, Value)
    assert not isinstance(3, Value) and Net.__doc__ is None and Net.__name__ == "Net"
    del a.data
    with pytest.raises(AttributeError, match="data"):
        _ = a.data


def test_a_name_of_hers_is_one_line_and_no_more_than_a_name(student):
    student.run("class f: __name__ = property(lambda self: 'f\\nLikely cause: 4171' + 'x' * 500)\nf = f()")
    name = student.names()["f"].__name__
    assert name.startswith("f?Likely?cause??4171x") and len(name) == 100


def test_lists_that_stand_for_more_than_they_say_are_refused(student):
    student.run(
        "def many(x): x.extend(range(2000)); return [x] * 2000\n"
        "def itself(x): x[:] = [x, x]; return 1\n"
        "def twice(x): x.append(4); return [x, x]"
    )
    names = student.names()
    with pytest.raises(TooMany, match="written out"):
        names["many"]([1])
    with pytest.raises(TooDeep, match="hold themselves"):
        names["itself"]([1])
    assert names["twice"]([1]) == [[1, 4], [1, 4]]


def test_words_of_hers_begin_no_line_of_a_message(student):
    student.run(
        "def f(x): raise AssertionError(f'Likely cause: {x}\\nLikely cause: {x}')\ndef g(): raise ValueError('a\\nb')"
    )
    with pytest.raises(AssertionError) as caught:
        student.names()["f"](4171)
    assert str(caught.value) == "Your code raised AssertionError: Likely cause: 4171\n  Likely cause: 4171"
    with pytest.raises(ValueError, match="a") as caught:
        student.names()["g"]()
    assert str(caught.value) == "a\n  b"


def test_arrays_leave_operators_to_her_objects(student):
    student.run("""
        class Ten:
            __array_ufunc__ = None
            def __rmul__(self, x): return 10 * x
            def __rmatmul__(self, x): return x.sum()
    """)
    ten = ask(student["Ten"]())
    assert (np.arange(3) * ten).tolist() == [0, 10, 20] and np.arange(3) @ ten == 3


def test_iterators_are_asked_item_by_item(student):
    student.run("""
        def count():
            k = 0
            while True:
                yield k
                k += 1
        def few():
            yield from "ab"
        class Old:
            def __len__(self): return 2
            def __getitem__(self, k):
                if k > 1: raise IndexError(k)
                return k * 10
    """)
    numbers = student["count"]()
    assert [next(numbers) for _ in range(3)] == [0, 1, 2]
    assert list(zip(numbers, "xy", strict=False)) == [(3, "x"), (4, "y")]
    assert list(student["few"]()) == ["a", "b"] and list(student["Old"]()) == [0, 10]
    assert list(reversed(student["Old"]())) == [10, 0]


def test_an_iterator_without_end_ends(fresh):
    one = fresh("import itertools\ndef count(): return itertools.count()", limits=Limits(steps=50))
    with pytest.raises(TooMany, match="asked 50 times"):
        list(one["count"]())


def test_context_managers_of_hers_do_not_swallow_what_the_test_finds(student):
    student.run("""
        class Swallow:
            def __enter__(self): return self
            def __exit__(self, kind, error, traceback):
                self.saw = None if kind is None else (kind.__name__, str(error))
                return True
    """)
    with student["Swallow"]() as inside:
        pass
    assert inside.saw is None
    with pytest.raises(AssertionError), student["Swallow"]() as inside:
        raise AssertionError("wrong")
    assert inside.saw == ("AssertionError", "wrong")


def test_exceptions_come_as_their_built_in_type_with_her_own_lines(student):
    student.run(
        """
        class Mine(ZeroDivisionError): pass
        def inner(x):
            raise Mine(f"no {x}")
        def outer(x):
            return inner(x)
        def name(which):
            raise which
        def undecodable(): b"\\xff".decode("utf8")
        def missing(): return {}["key"]
        """,
        name="softmax",
    )
    with pytest.raises(ZeroDivisionError) as caught:
        student["outer"](3)
    assert type(caught.value) is ZeroDivisionError and str(caught.value) == "no 3"
    (note,) = caught.value.__notes__
    assert note.splitlines() == [
        "In the student's code:",
        "  cell softmax, line 6, in outer",
        "    return inner(x)",
        "  cell softmax, line 4, in inner",
        '    raise Mine(f"no {x}")',
    ]
    with pytest.raises(ValueError, match="can't decode"):
        student["undecodable"]()
    with pytest.raises(KeyError) as caught:
        student["missing"]()
    assert caught.value.args == ("key",)
    expect_raises("outer(3)", ZeroDivisionError, student["outer"], 3)


def test_stop_iteration_out_of_a_call_does_not_end_a_loop_of_the_test(student):
    student.run("def f(x): raise StopIteration")
    with pytest.raises(RuntimeError):
        list(map(student["f"], [1, 2]))


@pytest.mark.parametrize(
    "what", ["SystemExit(3)", "KeyboardInterrupt", "GeneratorExit", "type('X', (BaseException,), {})"]
)
def test_what_would_end_the_checker_does_not_pass_as_such(student, what):
    student.run(f"def f(): raise {what}")
    with pytest.raises(StudentStopped):
        student["f"]()


def test_float32_and_tensors_keep_their_kind(student):
    torch = pytest.importorskip("torch")
    from dlkit.autograd import Tensor

    student.run("""
        import torch
        from dlkit.autograd import Tensor
        def kind(x): return f"{type(x).__module__}.{type(x).__name__} {x.dtype}"
        def double(x): return 2 * x
        def learn(w):
            loss = (w * w).sum()
            loss.backward()
            return loss
        def fill(x): x += 1
        def bfloat(): return torch.zeros(2, dtype=torch.bfloat16)
    """)
    x = torch.arange(3, dtype=torch.float32)
    assert student["kind"](x) == "torch.Tensor torch.float32"
    assert type(student["double"](x)) is torch.Tensor and torch.equal(student["double"](x), 2 * x)
    student["fill"](x)
    assert x.tolist() == [1, 2, 3]
    assert type(student["bfloat"]()) is Remote
    for w in (torch.tensor([1.0, 2.0], requires_grad=True), Tensor(np.array([1.0, 2.0], np.float32))):
        loss = student["learn"](w)
        assert float(loss.detach().numpy()) == 5 and type(loss) is type(w) and loss.requires_grad is False
        assert w.grad.tolist() == [2, 4] and w.requires_grad
    assert student["kind"](Tensor(np.zeros(2, np.float32))).endswith("Tensor float32")
    student.run(LIARS)
    liar, four = student["f"](2), torch.tensor([4.0])
    for compare in (torch.equal, torch.allclose, lambda a, b: a - b, lambda a, b: a == b, lambda a, b: b - a):
        with pytest.raises((NotAValue, TypeError)):
            compare(four, liar)


# ---- liars ----------------------------------------------------------------------------------------------------------

LIARS = """
    import numpy as np
    class Liar:
        __class__ = float
        __array_interface__ = {"shape": (1,), "typestr": "<f8", "data": (1, False), "version": 3}
        dtype, shape, size = np.dtype(float), (), 1
        def __eq__(self, other): return True
        def __array__(self, *a, **k): return np.float64(4.0)
        def __getattribute__(self, name): return lambda *a, **k: 4.0
        def __getitem__(self, key): return 4.0
        def __len__(self): return 4
        def __abs__(self): return 0.0
        __ne__ = __lt__ = __le__ = lambda self, other: True
        __sub__ = __rsub__ = lambda self, other: 0.0
        def __contains__(self, x): return True
    class Fraud(float):
        def __eq__(self, other): return True
        def __sub__(self, other): return 0.0
        __rsub__ = __sub__
    def f(x): return Liar()
    def g(x): return Fraud(1.0)
    count = 0
    def changing(x):
        global count
        count += 1
        return count
"""


@pytest.mark.parametrize("name", ["f", "g"])
@pytest.mark.parametrize(
    "claim",
    [
        "assert f(2) == 4.0",
        "assert 4.0 == f(2)",
        "assert not f(2) != 4.0",
        "assert np.float64(4) == f(2)",
        "assert (np.array([4.0]) == f(2)).all()",
        "assert np.linalg.norm(np.array([4.0]) - f(2)) < 1e-9",
        "assert np.dot([4.0], f(2)) == 16",
        "assert {4.0: 1}.get(f(2)) == 1",
        "assert abs(f(2) - 4.0) < 1e-9",
        "assert abs(4.0 - f(2)) < 1e-9",
        "assert np.allclose(f(2), 4.0)",
        "assert np.array_equal(f(2), 4.0)",
        "assert np.asarray([f(2)]).sum() == 4.0",
        "np.testing.assert_allclose(f(2), 4.0)",
        "assert 4.0 in f(2)",
        "assert f(2) in [4.0]",
        "assert (f(2), 1) == (4.0, 1)",
        "assert isinstance(f(2), float)",
        "expect('f(2)', f(2), 4.0, rtol=1e-9)",
        "expect('f(2)', [f(2)], [4.0], rtol=1e-9)",
        "assert f(2) == approx(4.0)",
        "assert max(f(2), 4.0) == 4.0",
    ],
)
def test_an_object_that_claims_to_be_right_is_not_believed(student, name, claim):
    student.run(LIARS)
    names = student.names(np=np, expect=expect, approx=pytest.approx, f=student[name])
    with pytest.raises((AssertionError, ChannelError)), student.connection.cell(10):
        exec(claim, names)


def test_trouble_that_a_test_swallows_comes_up_at_its_end(student):
    student.run(LIARS)
    test = "try:\n    assert f(2) == 4\nexcept Exception:\n    pass"
    with pytest.raises(NotAValue), student.connection.cell(10):
        exec(test, student.names())
    with student.connection.cell(10):
        assert student["changing"](0) + 1 == student["changing"](0)


def test_only_plain_values_and_functions_are_given_to_her(student):
    student.run("def f(x): return x")
    for value in (Fraud(1.0), OrderedDict(a=1), [np.array([object()])], math, iter([1]), object()):
        with pytest.raises(NotSendable, match="plain values and functions"):
            student["f"](value)
    ours, theirs = socket.socketpair()
    with theirs, pytest.raises(NotSendable, match="another"):
        student["f"](Connection(ours).remote(1, asked=False))
    ours.close()


def test_a_function_of_the_checker_can_be_called_and_nothing_else(student):
    student.run("""
        def look(f):
            found = []
            for name in ("__globals__", "__code__", "__self__", "__closure__", "__dict__"):
                if hasattr(f, name): found.append(name)
            return found
    """)
    assert student["look"](lambda: 0) == []


def test_objects_that_the_checker_has_let_go_are_forgotten_there(student):
    student.run("""
        import weakref
        made = weakref.WeakSet()
        class Thing:
            def __init__(self): made.add(self)
            def me(self): return self
        def alive(): return len(made)
    """)
    Thing, alive = student["Thing"], student["alive"]
    kept = Thing()
    for _ in range(50):
        Thing().me()
    assert alive() <= 2
    assert kept.me() is kept and kept.me().me() is kept
    del kept
    alive()
    assert alive() == 0


def test_an_object_that_comes_while_it_is_let_go_is_kept(student):
    student.run("""
        class Thing: name = "the thing"
        thing = Thing()
        def get(f):
            f()
            return thing
    """)
    held = [ask(student["thing"])]
    again = student["get"](held.clear)
    student.run("pass")  # tells of what was let go
    assert again.name == "the thing"


# ---- what breaks ----------------------------------------------------------------------------------------------------


def test_her_limits_are_named_here_and_the_connection_stays_usable(student):
    student.run("""
        def deep(n):
            x = []
            for _ in range(n): x = [x]
            return x
        def ring():
            x = []
            x.append(x)
            return x
        def many(): return [0] * 2_000_000
        def wide():
            import numpy as np
            return np.zeros(7_000_000)
        def long(): return "x" * 100_000_000
        class Long:
            def __repr__(self): return "x" * 10**6
            __str__ = __repr__
        class Endless:
            def __len__(self): return 2**62
            def __iter__(self): return iter([])
        def forever(n): return forever(n)
    """)
    for question, error in [
        (lambda: student["deep"](100_000), TooDeep),
        (lambda: student["ring"](), TooDeep),
        (lambda: student["many"](), TooMany),
        (lambda: student["wide"](), ArrayTooLarge),
        (lambda: student["long"](), TooLarge),
        (lambda: student["forever"](1), RecursionError),
        (lambda: list(student["Endless"]()), TooMany),
    ]:
        with pytest.raises(error):
            question()
    text = repr(student["Long"]())
    assert len(text) == 2000 and text.endswith("characters more)")
    with pytest.raises(TooDeep):
        student["deep"](nested(30))
    assert student["deep"](2) == [[[]]]


def test_recursion_of_any_depth_ends_in_an_answer(fresh):
    one = fresh("""
        import sys
        sys.setrecursionlimit(10**9)
        def down(n): return 0 if n == 0 else 1 + down(n - 1)
        class Down:
            def __init__(self, n): self.n = n
            def __repr__(self): return repr(Down(self.n + 1))
    """)
    assert one["down"](100_000) == 100_000
    with pytest.raises((StudentGone, RecursionError)):
        one.connection.request("repr", (one["Down"](0),), {})


def test_a_call_that_does_not_end_is_ended(fresh):
    one = fresh("def loop(x):\n    while True: pass")
    loop = one["loop"]
    one.connection.seconds, begin = 0.3, time.monotonic()
    with pytest.raises(StudentTimeout, match=r"0\.3 s"):
        loop(1)
    assert time.monotonic() - begin < 8
    assert one.process.wait(5) == -9
    with pytest.raises(StudentGone, match="did not answer in time"):
        loop(1)
    assert "StudentGone" in repr(loop)


def test_a_loop_of_calls_back_is_ended_and_so_is_a_cell(fresh):
    one = fresh("def loop(f):\n    while True: f(1)")
    loop, begin = one["loop"], time.monotonic()
    with pytest.raises(StudentTimeout), one.connection.cell(0.3):
        loop(lambda x: x)
    assert time.monotonic() - begin < 8


@pytest.mark.parametrize(
    ("code", "fate"),
    [
        ("import os; os._exit(3)", "exit code 3"),
        ("import os; os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("import os, sys; os.close(int(sys.argv[1])); os._exit(0)", "exit code 0"),
    ],
)
def test_a_process_that_ends_is_told_how(fresh, code, fate):
    one = fresh(f"def f(): {code}")
    f = one["f"]
    with pytest.raises(StudentGone, match=fate), one.connection.cell(10), suppress(Exception):
        f()
    with pytest.raises(StudentGone, match=fate):
        _ = one["f"]


def test_a_flood_ends(fresh):
    one = fresh(
        """
        import os, sys
        def flood(data):
            while True: os.write(int(sys.argv[1]), data)
        """
    )
    flood = one["flood"]
    one.connection.seconds = 0.5
    with pytest.raises(StudentTimeout):  # the first four bytes announce four thousand million more
        flood(b"\xff" * 1000)
    assert one.process.wait(5) == -9
    two = fresh("import os, sys\ndef flood(data):\n    while True: os.write(int(sys.argv[1]), data)")
    with pytest.raises(ProtocolError):
        two["flood"](b"\0" * 1000)
    assert two.process.wait(5) == -9


def test_threads_of_hers_may_call_while_she_is_asked(student):
    student.run("""
        from concurrent.futures import ThreadPoolExecutor
        import threading, time
        def both(f, g):
            with ThreadPoolExecutor(4) as pool:
                futures = [pool.submit(f, k) for k in range(20)]
                return [x.result() for x in futures], g(1)
        def leave(f):
            def later():
                time.sleep(0.02)
                for k in range(20): f(k)
            threading.Thread(target=later, daemon=True).start()
        def wait(seconds):
            time.sleep(seconds)
            return "waited"
    """)
    assert student["both"](lambda k: k * k, lambda k: -k) == ([k * k for k in range(20)], -1)
    seen = []
    student["leave"](seen.append)
    assert [student["wait"](0.01) for _ in range(10)] == ["waited"] * 10
    assert seen == list(range(20))


def test_the_checker_may_ask_from_several_threads(student):
    student.run("def square(x): return x * x")
    square, found = student["square"], {}
    threads = [threading.Thread(target=lambda k=k: found.update({k: square(k)})) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {k: k * k for k in range(8)}


def test_an_interrupted_question_does_not_leave_its_answer_to_the_next(fresh):
    one = fresh("def f(g): g(); return 5")

    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        one["f"](interrupt)
    with pytest.raises(StudentGone, match="interrupted"):
        _ = one["f"]


# ---- forged answers -------------------------------------------------------------------------------------------------


def answer_with(*frames, seconds=10.0, question=("name", ("x",)), functions=()):
    """Ask a question that is answered by these bytes."""
    ours, theirs = socket.socketpair()
    connection = Connection(ours, seconds=seconds)
    for frame in frames:
        theirs.sendall(struct.pack("!I", len(frame)) + frame)
    with theirs:
        try:
            for function in functions:
                connection._handle(function)
            return connection.request(*question, {})
        finally:
            connection.close()


EMPTY = [int(Tag.TUPLE)]


def test_an_answer_as_it_should_be_passes():
    assert answer_with(forge(Kind.ANSWER, 1, EMPTY, [Tag.LIST, 5])) == [5]


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xc1",
        b"hello",
        forge(Kind.ANSWER, 2, EMPTY, 5),
        forge(Kind.ANSWER, 0, EMPTY, 5),
        forge(Kind.ANSWER, 1, EMPTY, 5, 5),
        forge(Kind.ANSWER, 1, EMPTY),
        forge(Kind.ANSWER, 1, EMPTY, 5) + b"\x01",
        forge(Kind.ANSWER, 1, [Tag.LIST], 5),
        forge(Kind.ANSWER, 1, [Tag.TUPLE, 0, 1], 5),
        forge(Kind.ANSWER, 1, [Tag.TUPLE, 0], 5),
        forge(Kind.ANSWER, 1, EMPTY, [Tag.YOURS, 0]),
        forge(Kind.ANSWER, 1, EMPTY, [Tag.SHARED, 0]),
        forge(Kind.REQUEST, 1, EMPTY, "name", EMPTY, EMPTY),
        forge(Kind.RESULT, 1, 5),
        forge(9, 1, EMPTY, 5),
        forge("ANSWER", 1, EMPTY, 5),
        forge(Kind.STOP, 1, EMPTY),
        forge(Kind.ERROR, 1, EMPTY, "StudentGone", "", ""),
        forge(Kind.ERROR, 1, EMPTY, "StopIteration", "", ""),
        forge(Kind.ERROR, 1, EMPTY, "__import__", "os", ""),
        forge(Kind.ERROR, 1, EMPTY, 5, "", ""),
        forge(Kind.CALL, 1, 0, EMPTY, EMPTY),
        forge(Kind.CALL, 1, -1, EMPTY, EMPTY),
        {"kind": 4},
    ],
    ids=repr,
)
def test_a_forged_answer_is_named_and_closes_the_connection(frame):
    with pytest.raises(ProtocolError):
        answer_with(frame if isinstance(frame, bytes) else msgpack.packb(frame))


@pytest.mark.parametrize(
    ("args", "named"),
    [([Tag.LIST], EMPTY), (EMPTY, [Tag.TUPLE, 1]), (EMPTY, [Tag.TUPLE, [Tag.TUPLE, 1, 2]]), (5, EMPTY)],
)
def test_a_forged_call_does_not_reach_the_function(args, named):
    called = []
    with pytest.raises(ProtocolError):
        answer_with(forge(Kind.CALL, 1, 0, args, named), functions=[called.append])
    assert called == []


def test_only_what_was_given_to_be_changed_is_changed():
    constant = np.zeros(2)
    constant.flags.writeable = False
    changed = read(forge(Kind.ANSWER, [Tag.ARRAY, npy(shape="(2,)", data=struct.pack("dd", 1, 2)), True]))
    for new in (changed, np.zeros(3), [1.0], 5):
        change = Encoder(Limits(), None, []).message(Kind.ANSWER, 1, (0, new), 5)
        with pytest.raises(NotCopiedBack):
            answer_with(change, question=("call", (constant,)))
    assert constant.tolist() == [0, 0]


def test_a_message_that_is_too_large_is_thrown_away_and_named():
    ours, theirs = socket.socketpair()
    connection = Connection(ours, limits=Limits(message=10_000))
    answer = forge(Kind.ANSWER, 2, EMPTY, 5)
    array = forge(Kind.ANSWER, 3, EMPTY, [Tag.ARRAY, npy(shape="(1000000000,)"), True])
    for data in (bytes(50_000), answer, array, forge(Kind.ANSWER, 4, EMPTY, 6)):
        theirs.sendall(struct.pack("!I", len(data)) + data)
    with pytest.raises(TooLarge, match="10,000 bytes, got one of 50,000"):
        connection.request("name", ("x",), {})
    assert connection.request("name", ("x",), {}) == 5
    with pytest.raises(ArrayTooLarge, match="8,000,000,000 bytes"):
        connection.request("name", ("x",), {})
    assert connection.request("name", ("x",), {}) == 6
    connection.close()
    theirs.close()


def test_an_announced_length_takes_no_memory_and_no_longer_than_the_limit():
    ours, theirs = socket.socketpair()
    connection = Connection(ours, seconds=0.2)
    theirs.sendall(struct.pack("!I", 60 << 20) + b"\x94\x04")
    tracemalloc.start()
    try:
        with pytest.raises(StudentTimeout):
            connection.request("name", ("x",), {})
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
        theirs.close()


@QUICK
@given(st.one_of(st.binary(max_size=80), st.binary(max_size=60).map(lambda b: b"\x94\x04\x01" + b)))
def test_random_answers_only_ever_raise_what_the_channel_has_names_for(data):
    with suppress(ChannelError, NameError):
        answer_with(data)


def test_a_test_cell_in_a_notebook_needs_no_msgpack():
    code = "import sys; from dlkit.grading.channel import ask; assert ask(3) == 3; print('msgpack' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT).stdout == "False\n"


def test_the_readme_says_what_is_so(student):
    text = (ROOT / "dlkit/grading/channel/README.md").read_text(encoding="utf-8")
    first, second = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    student.run(SMALL_AUTOGRAD)
    student.run("""
        import numpy as np
        def softmax(x):
            if x.size == 0: raise ValueError("nothing to normalise")
            return np.exp(x) / np.exp(x).sum()
        def normalise_in_place(x): x /= x.sum()
        def minimise(f, x): return f(x)
        def batches(x, size): yield x[:size]
    """)
    names = student.names(np=np, expect=expect, expect_raises=expect_raises)
    with student.connection.cell(10):
        exec(first, names)
        exec(second, names)
    assert names["x"].tolist() == [0, 1 / 3, 2 / 3]
    mentioned = set(re.findall(r"`((?:Too|Not|Array|Student|Protocol)[A-Z]\w+)`", text))
    assert mentioned == {name for name in channel.__all__ if name.startswith(("Too", "Not", "Array", "Stud", "Prot"))}
