"""Files that keep what a session has learned: `Saver`, and what finds its files again.

A checkpoint is one file of `dlkit.checkpoint`: the variables' arrays and, for training to go on as if it had not been
interrupted, what the optimizers remember and how far the random numbers have got. Beside it lies a text file named
``checkpoint``, in which TensorFlow, too, notes the newest one.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dlkit import checkpoint
from dlkit.arrays import array
from dlkit.tf.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from dlkit.tf.graph import Operation, Tensor, get_default_graph
from dlkit.tf.shapes import compatible, written
from dlkit.tf.train.optimizers import Apply
from dlkit.tf.train.steps import global_step as step_in
from dlkit.tf.variables import Variable

__all__ = ["CheckpointState", "Saver", "checkpoint_exists", "get_checkpoint_state", "latest_checkpoint"]

_SUFFIX = ".safetensors"
_FORMAT = "dlkit.tf checkpoint"
Path_ = str | os.PathLike[str]


class Saver:
    """Writes the variables of a session into files, and reads them again.

    Parameters
    ----------
    var_list : list of Variable, or dict of {str: Variable}, optional
        What to keep, under the variables' names or those that the dict gives; all variables there are by default.
    max_to_keep : int, default 5
        How many files stay: the oldest is removed when there are more. None or 0 keeps all.
    reshape : bool
        Must be False: a variable is restored with its shape.

    Notes
    -----
    With the variables go those optimizers whose variables are all among them. A saver of all variables also keeps the
    states of the random operations, so that dropout goes on with the numbers that would have come next. So a program
    that restores a file and goes on computes, bit by bit, what it would have without the interruption, if it builds
    the same graph and takes its data in the same order.

    Examples
    --------
    >>> import tempfile
    >>> import dlkit.tf as tf
    >>> tf.reset_default_graph()
    >>> w = tf.Variable([1.0, 2.0], name="w")
    >>> saver = tf.train.Saver()
    >>> folder = tempfile.mkdtemp()
    >>> with tf.Session() as sess:
    ...     sess.run(tf.global_variables_initializer())
    ...     path = saver.save(sess, f"{folder}/model", global_step=100)
    >>> with tf.Session() as sess:
    ...     saver.restore(sess, tf.train.latest_checkpoint(folder))
    ...     print(sess.run(w))
    [1. 2.]
    """

    def __init__(
        self,
        var_list: Sequence[Variable] | Mapping[str, Variable] | None = None,
        reshape: bool = False,
        sharded: bool = False,
        max_to_keep: int | None = 5,
        keep_checkpoint_every_n_hours: float = 10000.0,
        name: str | None = None,
        **_: Any,
    ) -> None:
        if reshape:
            raise ValueError("reshape must be False: a variable is restored with its shape")
        if max_to_keep is not None and (not isinstance(max_to_keep, int) or max_to_keep < 0):
            raise ValueError(f"max_to_keep must be an integer >= 0, or None to keep all; got {max_to_keep!r}")
        self._all = var_list is None
        self.variables = _named(get_default_graph().variables if var_list is None else var_list)
        if not self.variables:
            raise ValueError("No variables to save: make the Saver after the variables")
        self.max_to_keep = max_to_keep
        self.last_checkpoints: list[str] = []

    # ---- saving -----------------------------------------------------------------------------------------------------

    def save(
        self,
        sess: Any,
        save_path: Path_,
        global_step: int | Tensor | None = None,
        latest_filename: str = "checkpoint",
        write_meta_graph: bool = False,
        **_: Any,
    ) -> str:
        """Write a file.

        Parameters
        ----------
        sess : Session
            Whose values to keep.
        save_path : str
            The folder, which must be there, and the beginning of the file's name.
        global_step : int or Tensor, optional
            A number that is put behind the name: ``model-100``.
        latest_filename : str
            The file that notes the newest one.
        write_meta_graph : bool
            Not used: the graph is the program, and no file keeps it.

        Returns
        -------
        str
            What `restore` takes. The file has the ending ``.safetensors`` in addition.

        Raises
        ------
        ValueError
            If the folder is not there, or `save_path` names no file in it.
        FailedPreconditionError
            If a variable has no value.
        TypeError
            If `sess` is no session.
        """
        _checked(sess)
        path = os.fspath(save_path)
        folder, name = Path(path).parent, Path(path).name
        if not name or path.endswith(("/", os.sep)):
            raise ValueError(f"save_path must end with the name of a file, as 'folder/model'; got {path!r}")
        if not folder.is_dir():
            raise ValueError(f"Parent directory of {path} doesn't exist, can't save.")
        if global_step is not None:
            path = f"{path}-{step_in(sess, global_step) if isinstance(global_step, Tensor) else int(global_step)}"
        checkpoint.save(path + _SUFFIX, *self._content(sess))
        self._keep(path)
        _note(folder / latest_filename, self.last_checkpoints)
        return path

    def _content(self, sess: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        arrays: dict[str, Any] = {}
        for name, variable in self.variables.items():
            if variable not in sess.values:
                raise FailedPreconditionError(
                    f"Attempting to use uninitialized value {variable.op.name}: it cannot be saved before it has one"
                )
            arrays[f"variable/{name}"] = sess.values[variable]
        rules: dict[str, Any] = {}
        generators: dict[str, Any] = {}
        for op in self._optimizers(sess):
            rule = sess.rules.get(op)
            if rule is not None and rule.t:  # one that has made no step remembers nothing
                state = rule.state_dict()
                for slot in rule.slots:
                    held = state.pop(slot)
                    arrays |= {f"rule/{op.name}/{slot}/{k}": x for k, x in enumerate(held) if x is not None}
                rules[op.name] = {**state, "variables": [v.name for v in op.variables]}
        if self._all:
            for op, generator in sess._generators.items():
                if isinstance(generator, np.random.Generator):
                    generators[op.name] = generator.bit_generator.state
                else:
                    generators[op.name] = str(generator.device)
                    arrays[f"generator/{op.name}"] = generator.get_state()
        return arrays, {"format": _FORMAT, "version": 1, "rules": rules, "generators": generators}

    def _optimizers(self, sess: Any) -> list[Apply]:
        """Return the operations of the optimizers that change no other variables than these."""
        mine = set(self.variables.values())
        return [op for op in sess.graph.operations if isinstance(op, Apply) and mine.issuperset(op.variables)]

    def _keep(self, path: str) -> None:
        self.last_checkpoints = [*(p for p in self.last_checkpoints if p != path), path]
        while self.max_to_keep and len(self.last_checkpoints) > self.max_to_keep:
            Path(self.last_checkpoints.pop(0) + _SUFFIX).unlink(missing_ok=True)

    # ---- restoring --------------------------------------------------------------------------------------------------

    def restore(self, sess: Any, save_path: Path_) -> None:
        """Give the variables the values that a file has; they need no initializer before.

        Nothing is changed if anything does not fit.

        Parameters
        ----------
        sess : Session
            Where.
        save_path : str
            What `save` returned, or `latest_checkpoint`.

        Raises
        ------
        NotFoundError
            If there is no such file, or it does not have a variable.
        TypeError
            If `sess` is no session.
        InvalidArgumentError
            If the file was not written by a Saver, or a variable has another shape or type in it.
        """
        _checked(sess)
        arrays, metadata = _read(save_path)
        values = {v: self._found(name, v, arrays, save_path) for name, v in self.variables.items()}
        states = {op: _state_of(op, arrays, metadata, save_path, sess) for op in self._optimizers(sess)}
        sess.load(values)
        for op, state in states.items():
            if state is not None:
                op.rule_in(sess).load_state_dict(state)
            elif op in sess.rules:
                sess.rules[op].reset()
        if self._all:
            _wind(sess, arrays, metadata["generators"])

    def _found(self, name: str, variable: Variable, arrays: Mapping[str, Any], path: Path_) -> Any:
        value = arrays.get(f"variable/{name}")
        if value is None:
            there = sorted(key.removeprefix("variable/") for key in arrays if key.startswith("variable/"))
            raise NotFoundError(
                f"Key {name} not found in checkpoint {os.fspath(path)}, which has {', '.join(there)} (a dict as "
                f"var_list says which name is which variable's)"
            )
        shape = variable._shape
        if not compatible(value.shape, shape) or variable.dtype.numpy != value.dtype:
            raise InvalidArgumentError(
                f"{name} is {variable.dtype.name} of shape {written(shape)} in the graph ({variable.name}), but "
                f"{value.dtype} of shape {written(value.shape)} in the checkpoint {os.fspath(path)}"
            )
        return value


def _checked(sess: Any) -> None:
    from dlkit.tf.session import Session

    if not isinstance(sess, Session):
        raise TypeError(f"sess must be a tf.Session; got {sess!r}")


def _named(var_list: Any) -> dict[str, Variable]:
    if isinstance(var_list, Mapping):
        named = dict(var_list)
    elif isinstance(var_list, Iterable):
        listed = list(var_list)
        named = {getattr(getattr(v, "op", None), "name", str(k)): v for k, v in enumerate(listed)}
        if len(named) < len(set(listed)):
            raise ValueError(f"var_list must hold variables of different names; got {listed}")
    else:
        raise TypeError(f"var_list must be a list or a dict of variables; got {var_list!r}")
    for name, variable in named.items():
        if not isinstance(name, str):
            raise TypeError(f"var_list must have names as keys; got {name!r}")
        if not isinstance(variable, Variable):
            raise TypeError(f"var_list must hold variables; got {variable!r}")
    return named


def _read(save_path: Path_) -> tuple[dict[str, Any], dict[str, Any]]:
    if save_path is None:
        raise ValueError("save_path must be the path of a checkpoint; got None (did latest_checkpoint find none?)")
    path = os.fspath(save_path).removesuffix(_SUFFIX)
    file = Path(path + _SUFFIX)
    if not file.is_file():
        near = sorted(p.name.removesuffix(_SUFFIX) for p in file.parent.glob(f"*{_SUFFIX}"))
        there = f"; the folder has {', '.join(near)}" if near else ""
        raise NotFoundError(f"{path} is no checkpoint: there is no file {file}{there}")
    try:
        arrays, metadata = checkpoint.load(file)
    except ValueError as error:
        raise InvalidArgumentError(f"{file} was not written by tf.train.Saver: {error}") from error
    if metadata.get("format") != _FORMAT:
        raise InvalidArgumentError(f"{file} was not written by tf.train.Saver, but by another part of dlkit")
    return arrays, metadata


def _state_of(
    op: Apply, arrays: Mapping[str, Any], metadata: Mapping[str, Any], path: Path_, sess: Any
) -> dict[str, Any] | None:
    """Return the state that a file has of an optimizer, None if it has none; raise if it does not fit."""
    kept = metadata["rules"].get(op.name)
    if kept is None:
        return None
    state = {key: value for key, value in kept.items() if key != "variables"}
    new = op.make_rule(1.0)
    if state.get("rule") != type(new).__name__:
        raise InvalidArgumentError(
            f"the optimizer {op.name} is {type(new).__name__} in the graph, but {state.get('rule')} in the checkpoint "
            f"{os.fspath(path)}: give the one of the graph another name, or take the same"
        )
    keys = (key.rsplit("/", 2) for key in arrays)
    there = sorted({key[1] for key in keys if key[0] == f"rule/{op.name}"})
    if there and there != sorted(new.slots):
        raise InvalidArgumentError(
            f"the optimizer {op.name} keeps {sorted(new.slots)} in the graph, but {there} in the checkpoint "
            f"{os.fspath(path)}: its settings must be the same"
        )
    for slot in new.slots:
        state[slot] = []
        for k, variable in enumerate(op.variables):
            held = arrays.get(f"rule/{op.name}/{slot}/{k}")
            state[slot].append(None if held is None else array(held, device=sess.device_of(variable.op)))
        shapes = [None if x is None else tuple(x.shape) for x in state[slot]]
        fit = all(s is None or v._shape in (None, s) for s, v in zip(shapes, op.variables, strict=True))
        if len(kept["variables"]) != len(op.variables) or not fit:
            raise InvalidArgumentError(
                f"the optimizer {op.name} changes {[v.name for v in op.variables]} in the graph, but "
                f"{kept['variables']} in the checkpoint {os.fspath(path)}, with arrays of the shapes {shapes}"
            )
    return state


def _wind(sess: Any, arrays: Mapping[str, Any], states: Mapping[str, Any]) -> None:
    """Bring the generators of the random operations to where they were; those that had drawn nothing, to the start."""
    names = {op.name: op for op in sess.graph.operations if op.name in states}
    for op in {*sess._generators, *names.values()}:
        generator = sess.generator_of(op)
        state = states.get(op.name)
        if isinstance(generator, np.random.Generator) != isinstance(state, Mapping) and state is not None:
            continue  # the numbers of another device
        if isinstance(generator, np.random.Generator):
            generator.bit_generator.state = state or _fresh(sess, op).bit_generator.state
        elif state is None:
            generator.set_state(_fresh(sess, op).get_state())
        elif state.partition(":")[0] == generator.device.type:
            generator.set_state(array(arrays[f"generator/{op.name}"], device="cpu"))


def _fresh(sess: Any, op: Operation) -> Any:
    """Return a generator as the session would make it anew, and leave the session that which it has."""
    held = sess._generators.pop(op)
    made = sess.generator_of(op)
    sess._generators[op] = held
    return made


# ---- finding files ---------------------------------------------------------------------------------------------------


class CheckpointState:
    """What the file ``checkpoint`` of a folder notes.

    Attributes
    ----------
    model_checkpoint_path : str
        The newest checkpoint.
    all_model_checkpoint_paths : list of str
        All that are kept, oldest first.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self.model_checkpoint_path, self.all_model_checkpoint_paths = paths[-1], list(paths)

    def __repr__(self) -> str:
        return f"CheckpointState({self.all_model_checkpoint_paths})"


def get_checkpoint_state(checkpoint_dir: Path_, latest_filename: str = "checkpoint") -> CheckpointState | None:
    """Return what a folder's file ``checkpoint`` notes; None if there is none.

    Parameters
    ----------
    checkpoint_dir : str
        The folder.
    latest_filename : str
        The name of that file.
    """
    file = Path(checkpoint_dir) / latest_filename
    if not file.is_file():
        return None
    found = re.findall(r'^all_model_checkpoint_paths: ("(?:[^"\\]|\\.)*")\s*$', file.read_text("utf-8"), re.MULTILINE)
    try:
        paths = [json.loads(text) for text in found]
    except json.JSONDecodeError:
        paths = []
    return CheckpointState([os.path.join(checkpoint_dir, path) for path in paths]) if paths else None  # noqa: PTH118


def latest_checkpoint(checkpoint_dir: Path_, latest_filename: str = "checkpoint") -> str | None:
    """Return the newest checkpoint of a folder, for `Saver.restore`; None if there is none.

    Parameters
    ----------
    checkpoint_dir : str
        The folder.
    latest_filename : str
        The file in it that notes the newest.
    """
    state = get_checkpoint_state(checkpoint_dir, latest_filename)
    if state is not None and checkpoint_exists(state.model_checkpoint_path):
        return state.model_checkpoint_path
    return None


def checkpoint_exists(checkpoint_prefix: Path_) -> bool:
    """Tell whether there is a checkpoint of this path, as `Saver.save` returned it."""
    return Path(os.fspath(checkpoint_prefix).removesuffix(_SUFFIX) + _SUFFIX).is_file()


def _note(file: Path, paths: Sequence[str]) -> None:
    """Write which checkpoints there are, those in the same folder by their names, so that it can be moved."""
    short = [Path(p).name if Path(p).parent == file.parent else str(Path(p).absolute()) for p in paths]
    lines = [f"model_checkpoint_path: {json.dumps(short[-1], ensure_ascii=False)}"]
    lines += [f"all_model_checkpoint_paths: {json.dumps(path, ensure_ascii=False)}" for path in short]
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    beside.write_text("\n".join(lines) + "\n", encoding="utf-8")
    beside.replace(file)
