"""Models in files: `dlkit.checkpoint` holds the weights and the optimizer's state, and as JSON what else there is.

Nothing of it is code, so a file from a stranger can at worst be a poor model. What is saved is enough to go on from:
``fit(…, initial_epoch=k)`` of the loaded model makes the steps that the saved one would have made, what is random in
them included.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

from dlkit import arrays, checkpoint
from dlkit.keras import layers, losses, optimizers
from dlkit.keras._names import find

__all__ = ["from_config", "load_model", "load_weights", "model_from_json", "save_model", "save_weights"]

_FORMAT = 1


def save_model(model: Any, filepath: Any, include_optimizer: bool = True) -> None:
    """Write a model to a file: layers, weights, how it was compiled, the optimizer's and the generators' state.

    Parameters
    ----------
    model : Sequential
        A model that is built.
    filepath : str or path
        The file, ``model.safetensors`` say; it is replaced if it is there.
    include_optimizer : bool, default True
        Whether to save how it was compiled, and the optimizer's state.

    Raises
    ------
    ValueError
        If the model is not built, or a layer has an activation, initializer, regularizer or constraint of one's own,
        which has no name that a file could be read by.
    """
    _require_built(model)
    held = _weights(model)
    try:
        config = model.get_config()
    except ValueError as error:
        raise ValueError(f"{error}; save_weights writes the weights alone") from None
    metadata = {"format": _FORMAT, "class_name": "Sequential", "config": config, "random": _random_state(model)}
    if include_optimizer and model.optimizer is not None:
        metadata["compiled"] = compiled = _compiled(model)
        if compiled is not None:
            state = model.optimizer.rule.state_dict()
            slots = {slot: state.pop(slot) for slot in model.optimizer.rule.slots}
            metadata["optimizer"] = {
                **state,
                "slots": {slot: [a is not None for a in kept] for slot, kept in slots.items()},
            }
            for slot, kept in slots.items():
                held |= {f"optimizer/{slot}/{i}": a for i, a in enumerate(kept) if a is not None}
    checkpoint.save(_checked(filepath), held, metadata)


def load_model(filepath: Any, custom_objects: Any = None, compile: bool = True, *, device: str = "numpy") -> Any:
    """Read a model from a file that `save_model` has written.

    Parameters
    ----------
    filepath : str or path
        The file.
    custom_objects : dict of str to class, optional
        Layers of one's own, by the names of their classes.
    compile : bool, default True
        Whether to compile it as it was, with the optimizer's state.
    device : {"numpy", "cpu", "cuda", "cuda:N"}, default "numpy"
        Where it is to live, wherever it was.

    Returns
    -------
    Sequential

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it holds no model, or a layer that is not known.
    """
    from dlkit.keras.models import Sequential

    held, metadata = checkpoint.load(filepath)
    if "config" not in metadata:
        raise ValueError(f"{filepath} holds weights, not a model: make the model, then model.load_weights(path)")
    model = from_config(Sequential, metadata["config"], custom_objects, device)
    _put(model, held, filepath)
    compiled = metadata.get("compiled")
    if compile and compiled is not None:
        model.compile(
            optimizer=optimizers.deserialize(compiled["optimizer"]),
            loss=None if compiled["loss"] is None else losses.deserialize(compiled["loss"]),
            metrics=compiled["metrics"],
            weighted_metrics=compiled["weighted_metrics"],
        )
        state = dict(metadata["optimizer"])
        if state["t"]:
            for slot, there in state.pop("slots").items():
                state[slot] = [
                    arrays.array(held[f"optimizer/{slot}/{i}"], device=model.device) if is_there else None
                    for i, is_there in enumerate(there)
                ]
            model.optimizer.rule.load_state_dict(state)
    _restore_random(model, metadata["random"])
    return model


def save_weights(model: Any, filepath: Any) -> None:
    """Write the weights of a model to a file.

    Parameters
    ----------
    model : Sequential
        A model that is built.
    filepath : str or path
        The file; it is replaced if it is there.
    """
    _require_built(model)
    checkpoint.save(_checked(filepath), _weights(model), {"format": _FORMAT})


def load_weights(model: Any, filepath: Any) -> None:
    """Put the weights of a file, of `save_weights` or `save_model`, in place.

    Parameters
    ----------
    model : Sequential
        A model that is built, with layers of the same names and shapes.
    filepath : str or path
        The file.

    Raises
    ------
    ValueError
        If layers or shapes differ.
    """
    _require_built(model)
    _put(model, checkpoint.load(filepath)[0], filepath)


def from_config(kind: Any, config: dict[str, Any], custom_objects: Any = None, device: str = "numpy") -> Any:
    """Return a model of the layers that its `get_config` returned, with new weights."""
    table = {**layers.KNOWN, **(custom_objects or {})}
    model = kind(name=config["name"], device=device)
    if config["input_shape"] is not None:
        model.add(layers.Input(config["input_shape"]))
    for layer in config["layers"]:
        model.add(find(layer["class_name"], table, "layer").from_config(layer["config"]))
    return model


def model_from_json(text: str, custom_objects: Any = None, *, device: str = "numpy") -> Any:
    """Return a model of the layers that ``model.to_json()`` returned, with new weights."""
    from dlkit.keras.models import Sequential

    return from_config(Sequential, json.loads(text)["config"], custom_objects, device)


def _weights(model: Any) -> dict[str, Any]:
    """Return the arrays of a model by the names of layer and weight."""
    parameters = {f"{layer.name}/{name}": w.value for layer in model.layers for name, w in layer.parameters.items()}
    return parameters | {f"{layer.name}/{name}": w for layer in model.layers for name, w in layer.buffers.items()}


def _put(model: Any, held: dict[str, Any], filepath: Any) -> None:
    there = {name for name in held if not name.startswith("optimizer/")}
    wanted = [[f"{layer.name}/{name}" for name in (*layer.parameters, *layer.buffers)] for layer in model.layers]
    if {name for names in wanted for name in names} != there:
        missing = [name for names in wanted for name in names if name not in there]
        spare = sorted(there - {name for names in wanted for name in names})
        raise ValueError(
            f"{filepath} holds the weights of other layers: "
            + "; ".join(
                f"{what} {', '.join(names)}" for what, names in (("it lacks", missing), ("it has also", spare)) if names
            )
        )
    model.set_weights([held[name] for names in wanted for name in names])


def _compiled(model: Any) -> dict[str, Any] | None:
    """Return how the model was compiled, as JSON can say it; None, with a warning, where something has no name."""
    try:
        found: dict[str, Any] = {
            "optimizer": optimizers.serialize(model.optimizer),
            "loss": None if model.loss is None else losses.serialize(model.loss),
        }
    except ValueError as error:
        warnings.warn(f"saved without how the model was compiled, compile it after loading: {error}", stacklevel=3)
        return None
    for kind in ("metrics", "weighted_metrics"):
        asked = model._compiled[kind]
        found[kind] = [m for m in asked if isinstance(m, str)]
        if len(found[kind]) < len(asked):
            warnings.warn(f"saved without {kind} that were given as objects, not by name", stacklevel=3)
    return found


def _random_state(model: Any) -> dict[str, Any]:
    return {
        "shuffle": model._shuffle.bit_generator.state,
        "masks": {layer.name: layer.masks.state() for layer in model.layers},
    }


def _restore_random(model: Any, state: dict[str, Any]) -> None:
    model._shuffle.bit_generator.state = state["shuffle"]
    for layer in model.layers:
        layer.masks.restore(state["masks"][layer.name])


def _require_built(model: Any) -> None:
    if not model.built:
        raise ValueError("the model has no weights yet: give the first layer an input_shape, or call build")


def _checked(filepath: Any) -> Path:
    path = Path(filepath)
    if path.suffix in (".h5", ".hdf5", ".keras"):
        warnings.warn(
            f"{path.name} is written as a safetensors file, whatever its name says: Keras will not read it",
            stacklevel=4,
        )
    return path
