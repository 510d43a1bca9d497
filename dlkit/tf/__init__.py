"""In the manner of TensorFlow 1: first define a graph, then run it.

>>> import dlkit.tf as tf
>>> node = tf.constant(3.0) + tf.constant(4.0)
>>> print(node)
Tensor("add:0", shape=(), dtype=float32)
>>> print(tf.Session().run(node))
7.0
"""

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from dlkit.tf import contrib, errors, layers, losses, metrics, nn, summary, train
from dlkit.tf.building import convert_to_tensor
from dlkit.tf.classes import confusion_matrix
from dlkit.tf.clipping import clip_by_global_norm, clip_by_norm, global_norm
from dlkit.tf.collections import (
    GraphKeys,
    add_to_collection,
    get_collection,
    local_variables,
    local_variables_initializer,
)
from dlkit.tf.config import ConfigProto, GPUOptions
from dlkit.tf.debugging import add_check_numerics_ops, check_numerics
from dlkit.tf.dtypes import (
    DType,
    as_dtype,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
)
from dlkit.tf.dtypes import bool_ as bool
from dlkit.tf.gradients import gradients
from dlkit.tf.graph import (
    Graph,
    Operation,
    Tensor,
    control_dependencies,
    device,
    get_default_graph,
    name_scope,
    reset_default_graph,
)
from dlkit.tf.mathematics import *  # noqa: F403
from dlkit.tf.mathematics import __all__ as _mathematics
from dlkit.tf.placeholders import placeholder, placeholder_with_default
from dlkit.tf.random import (
    constant_initializer,
    glorot_normal_initializer,
    glorot_uniform_initializer,
    ones_initializer,
    random_normal,
    random_normal_initializer,
    random_shuffle,
    random_uniform,
    random_uniform_initializer,
    set_random_seed,
    truncated_normal,
    truncated_normal_initializer,
    variance_scaling_initializer,
    zeros_initializer,
)
from dlkit.tf.scopes import AUTO_REUSE, VariableScope, get_variable, get_variable_scope, variable_scope
from dlkit.tf.session import InteractiveSession, Session, get_default_session
from dlkit.tf.shapes import Dimension, TensorShape
from dlkit.tf.shaping import (
    concat,
    constant,
    expand_dims,
    fill,
    gather,
    identity,
    linspace,
    one_hot,
    ones,
    ones_like,
    rank,
    reshape,
    shape,
    size,
    split,
    squeeze,
    stack,
    stop_gradient,
    tile,
    transpose,
    unstack,
    zeros,
    zeros_like,
)
from dlkit.tf.summary import Summary
from dlkit.tf.variables import (
    Variable,
    assign,
    assign_add,
    assign_sub,
    global_variables,
    global_variables_initializer,
    group,
    no_op,
    trainable_variables,
    variables_initializer,
)

if TYPE_CHECKING:
    from dlkit.tf.drawing import draw

initialize_all_variables = global_variables_initializer  # before TensorFlow 0.12

__all__ = [
    "AUTO_REUSE",
    "ConfigProto",
    "DType",
    "Dimension",
    "GPUOptions",
    "Graph",
    "GraphKeys",
    "InteractiveSession",
    "Operation",
    "Session",
    "Summary",
    "Tensor",
    "TensorShape",
    "Variable",
    "VariableScope",
    "add_check_numerics_ops",
    "add_to_collection",
    "as_dtype",
    "assign",
    "assign_add",
    "assign_sub",
    "bool",
    "check_numerics",
    "clip_by_global_norm",
    "clip_by_norm",
    "concat",
    "confusion_matrix",
    "constant",
    "constant_initializer",
    "contrib",
    "control_dependencies",
    "convert_to_tensor",
    "device",
    "draw",
    "errors",
    "expand_dims",
    "fill",
    "float16",
    "float32",
    "float64",
    "gather",
    "get_collection",
    "get_default_graph",
    "get_default_session",
    "get_variable",
    "get_variable_scope",
    "global_norm",
    "global_variables",
    "global_variables_initializer",
    "glorot_normal_initializer",
    "glorot_uniform_initializer",
    "gradients",
    "group",
    "identity",
    "initialize_all_variables",
    "int16",
    "int32",
    "int64",
    "int8",
    "layers",
    "linspace",
    "local_variables",
    "local_variables_initializer",
    "losses",
    "metrics",
    "name_scope",
    "nn",
    "no_op",
    "one_hot",
    "ones",
    "ones_initializer",
    "ones_like",
    "placeholder",
    "placeholder_with_default",
    "random_normal",
    "random_normal_initializer",
    "random_shuffle",
    "random_uniform",
    "random_uniform_initializer",
    "rank",
    "reset_default_graph",
    "reshape",
    "set_random_seed",
    "shape",
    "size",
    "split",
    "squeeze",
    "stack",
    "stop_gradient",
    "summary",
    "tile",
    "train",
    "trainable_variables",
    "transpose",
    "truncated_normal",
    "truncated_normal_initializer",
    "uint8",
    "unstack",
    "variable_scope",
    "variables_initializer",
    "variance_scaling_initializer",
    "zeros",
    "zeros_initializer",
    "zeros_like",
    *_mathematics,
]


def __getattr__(name: str) -> Any:
    """Load the drawing when it is first asked for; say what there is when something is asked for that there is not."""
    if name == "draw":
        from dlkit.tf.drawing import draw

        return draw
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    near = get_close_matches(name, __all__, 3, 0.5)
    hint = f"; near to it are {', '.join(near)}" if near else ""
    raise AttributeError(f"dlkit.tf does not offer tf.{name}{hint}. What it offers: dir(dlkit.tf)")
