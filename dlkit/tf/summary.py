"""Curves and histograms for TensorBoard (``tf.summary``).

A summary is an operation of the graph; what it gives when it is run, a `Summary`, goes into a file by
`FileWriter.add_summary`. ``tensorboard --logdir FOLDER`` shows it. Writing needs the packages torch and tensorboard;
all else does without.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dlkit.arrays import to_numpy
from dlkit.tf.building import convert_to_tensor
from dlkit.tf.collections import GraphKeys
from dlkit.tf.dtypes import DType
from dlkit.tf.errors import InvalidArgumentError, not_offered
from dlkit.tf.graph import Graph, Operation, Tensor, get_default_graph, name_scope
from dlkit.tf.shapes import written

__all__ = ["FileWriter", "Summary", "SummaryValue", "histogram", "merge", "merge_all", "scalar"]


class _Text(DType):
    """The type that a summary has in the graph; in TensorFlow it was a string of bytes."""

    def __init__(self) -> None:
        super().__init__("object")
        self.name = "string"


_text = _Text()


class SummaryValue:
    """One number or one array of a summary.

    Attributes
    ----------
    tag : str
        What TensorBoard calls it.
    simple_value : float or None
        The number.
    histo : array or None
        The array, of which a histogram is to be drawn.
    """

    def __init__(self, tag: str, simple_value: float | None = None, histo: Any = None) -> None:
        self.tag, self.simple_value, self.histo = tag, simple_value, histo

    def __repr__(self) -> str:
        what = f"simple_value={self.simple_value}" if self.histo is None else f"histo of shape {self.histo.shape}"
        return f"SummaryValue({self.tag!r}, {what})"


class Summary:
    """What a summary operation gives when it is run, or one made by hand: ``tf.Summary(value=[...])``.

    Attributes
    ----------
    value : list of SummaryValue
        One for each scalar and histogram.
    """

    Value = SummaryValue

    def __init__(self, value: Sequence[SummaryValue] = ()) -> None:
        self.value = list(value)

    def __repr__(self) -> str:
        return f"Summary({self.value})"


class _SummaryOperation(Operation):
    """Makes a summary of one value."""

    def __init__(self, kind: str, tag: str, value: Tensor, make: Callable[[str, Any], SummaryValue], name: str) -> None:
        super().__init__(kind, (value,), name)
        self.tag, self.make = tag, make
        self.gives((), _text)

    def kernel(self, session: Any) -> Callable[..., Any]:
        """Return what carries the operation out in a session."""
        return lambda value: Summary([self.make(self.tag, np.array(to_numpy(value)))])


class _Merge(Operation):
    """Makes one summary of several."""

    def kernel(self, session: Any) -> Callable[..., Any]:
        """Return what carries the operation out in a session."""

        def merged(*summaries: Summary) -> Summary:
            values = [v for summary in summaries for v in summary.value]
            tags = [v.tag for v in values]
            twice = {tag for tag in tags if tags.count(tag) > 1}
            if twice:
                raise InvalidArgumentError(f"Duplicate tag {sorted(twice)[0]} found in summary inputs")
            return Summary(values)

        return merged


def scalar(name: str, tensor: Any, collections: Sequence[str] | None = None, family: str | None = None) -> Tensor:
    """Return the summary of one number, a point of a curve.

    Parameters
    ----------
    name : str
        That of the curve, behind those of the scopes that are open.
    tensor : Tensor
        One number.
    collections : list of str, optional
        Where the graph puts it aside, ``[tf.GraphKeys.SUMMARIES]`` by default, for `merge_all`.
    family : str, optional
        A name that several curves share, to be shown together.

    Returns
    -------
    Tensor
        Gives a `Summary` when it is run.
    """
    x = convert_to_tensor(tensor)
    if x._shape not in ((), None):
        raise ValueError(f"tensor of the summary {name!r} must be a single number; {x.name} is {written(x._shape)}")

    def made(tag: str, value: Any) -> SummaryValue:
        if value.size != 1:
            raise InvalidArgumentError(f"the summary {tag} is one of a single number; got the shape {value.shape}")
        return SummaryValue(tag, float(value.reshape(())))

    return _summary("ScalarSummary", name, x, collections, family, made)


def histogram(name: str, values: Any, collections: Sequence[str] | None = None, family: str | None = None) -> Tensor:
    """Return the summary of an array, of which TensorBoard draws a histogram.

    Parameters
    ----------
    name, collections, family : object
        As for `scalar`.
    values : Tensor
        Numbers in any shape.

    Raises
    ------
    InvalidArgumentError
        When the graph is run, if there is nan or infinity among the numbers.
    """

    def made(tag: str, value: Any) -> SummaryValue:
        if not np.isfinite(value).all():
            what = "Nan" if np.isnan(value).any() else "Infinity"
            raise InvalidArgumentError(f"{what} in summary histogram for: {tag}")
        return SummaryValue(tag, histo=value)

    return _summary("HistogramSummary", name, convert_to_tensor(values), collections, family, made)


def _summary(
    kind: str,
    name: str,
    tensor: Tensor,
    collections: Sequence[str] | None,
    family: str | None,
    made: Callable[[str, Any], SummaryValue],
) -> Tensor:
    if not isinstance(name, str) or not name:
        raise TypeError(f"name must be a string that is not empty; got {name!r}")
    clean = re.sub(r"[^-/\w.]", "_", name, flags=re.ASCII).lstrip("/")
    graph = tensor.graph
    with graph.as_default(), name_scope(f"{family}/{clean}" if family else clean) as scope:
        tag = scope.rstrip("/")
        op = _SummaryOperation(kind, f"{family}/{tag}" if family else tag, tensor, made, scope.rstrip("/"))
    return _put_aside(op, [GraphKeys.SUMMARIES] if collections is None else collections)


def _put_aside(op: Operation, collections: Sequence[str]) -> Tensor:
    assert op.output is not None
    for key in collections:
        op.graph.collections.setdefault(key, []).append(op.output)
    return op.output


def merge(inputs: Sequence[Tensor], collections: Sequence[str] | None = None, name: str = "Merge") -> Tensor:
    """Return one summary of several.

    Parameters
    ----------
    inputs : list of Tensor
        Summaries.
    collections : list of str, optional
        Where the graph puts it aside; nowhere by default.
    name : str
        The scope of the operation.

    Raises
    ------
    TypeError
        If there is something else among them.
    """
    summaries = list(inputs)
    for x in summaries:
        if not isinstance(x, Tensor) or x.dtype is not _text:
            raise TypeError(f"inputs must be summaries, of tf.summary.scalar or histogram; got {x!r}")
    if not summaries:
        raise ValueError("inputs must hold at least one summary; got none")
    with name_scope(name):
        op = _Merge("MergeSummary", summaries)
    op.gives((), _text)
    return _put_aside(op, collections or [])


def merge_all(key: str = GraphKeys.SUMMARIES, scope: str | None = None) -> Tensor | None:
    """Return one summary of all in the default graph; None if there are none.

    Parameters
    ----------
    key : str
        Where they were put aside.
    scope : str, optional
        Only those with names that begin with it.
    """
    found = [x for x in get_default_graph().get_collection(key) if x.name.startswith(scope or "")]
    return merge(found) if found else None


class FileWriter:
    """Writes summaries, and the graph if one likes, into a file that TensorBoard shows.

    Parameters
    ----------
    logdir : str
        The folder; each run its own, to be compared.
    graph : Graph, optional
        To be shown, too.
    max_queue : int, default 10
        How many summaries wait before they are written.
    flush_secs : int, default 120
        How long at most.
    filename_suffix : str, optional
        Put behind the file's name.

    Raises
    ------
    ModuleNotFoundError
        If torch or tensorboard is not installed; it says how to install them.
    """

    def __init__(
        self,
        logdir: str | os.PathLike[str],
        graph: Graph | None = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        graph_def: None = None,
        filename_suffix: str | None = None,
        session: Any = None,
    ) -> None:
        if graph is not None and not isinstance(graph, Graph):
            raise TypeError(f"graph must be a graph, as sess.graph; got {graph!r}")
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"tf.summary.FileWriter needs the packages torch and tensorboard; {error.name} is not installed: "
                f"pip install torch tensorboard"
            ) from error
        self._writer: Any = SummaryWriter(
            os.fspath(logdir), max_queue=max_queue, flush_secs=flush_secs, filename_suffix=filename_suffix or ""
        )
        self._logdir = os.fspath(logdir)
        self._closed = False
        if graph is not None:
            self.add_graph(graph)

    def get_logdir(self) -> str:
        """Return the folder."""
        return self._logdir

    def add_summary(self, summary: Any, global_step: Any = None) -> None:
        """Write a summary.

        Parameters
        ----------
        summary : Summary
            What a summary operation gave when it was run.
        global_step : int, optional
            Where on the axis of the curve; 0 by default.
        """
        if not isinstance(summary, Summary):
            hint = ": run it in a session first" if isinstance(summary, Tensor) else ""
            raise TypeError(f"summary must be what a summary operation gives when it is run; got {summary!r}{hint}")
        writer, step = self._open(), 0 if global_step is None else int(global_step)
        for value in summary.value:
            if value.histo is None:
                writer.add_scalar(value.tag, value.simple_value, step)
            elif value.histo.size:
                writer.add_histogram(value.tag, value.histo.reshape(-1), step)

    def add_graph(self, graph: Graph, global_step: Any = None) -> None:
        """Write the graph, its operations and what they are computed from."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.graph_pb2 import GraphDef

        definition = GraphDef()
        for op in graph.get_operations():
            node = definition.node.add(name=op.name, op=op.type, device=op.device or "")
            node.input.extend(x.op.name for x in op.inputs)
            node.input.extend(f"^{before.name}" for before in op.control_inputs)
            shape = None if op.output is None else op.output._shape
            if shape is not None:
                dims = node.attr["_output_shapes"].list.shape.add().dim
                for n in shape:
                    dims.add(size=-1 if n is None else n)
        self._open().file_writer.add_event(Event(graph_def=definition.SerializeToString()), global_step)

    def _open(self) -> Any:
        if self._closed:
            raise RuntimeError("the FileWriter is closed; make another one")
        return self._writer

    def flush(self) -> None:
        """Write what waits."""
        self._open().flush()

    def close(self) -> None:
        """Write what waits, and close the file."""
        if not self._closed:
            self._writer.close()
            self._closed = True

    def __enter__(self) -> FileWriter:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


def __getattr__(name: str) -> Any:
    """Say what there is when something is asked for that there is not."""
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    raise not_offered("tf.summary", name, __all__)
