"""What all update rules share: the loop over parameters, their state, the step counter, the schedule, the blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from inspect import signature
from typing import Any, ClassVar

from dlkit.optim._arrays import alike_in_torch, library
from dlkit.optim._places import HOW_TO_CHANGE, Place, copied_state, listed, own_gradients, unentangled
from dlkit.optim.projections import Projection
from dlkit.optim.schedules import Constant, Rate, as_schedule, evaluated

__all__ = ["UpdateRule"]

Project = Projection | Callable[[Any], Any] | None


class _Missing:
    """What a class has in place of an attribute of its instances: an error, until the instance has one.

    Unlike a ``__getattr__`` it leaves the access to all other attributes as fast as it is.
    """

    def __init__(self, message: str) -> None:
        self.message = message

    def __get__(self, rule: Any, cls: type) -> Any:
        if rule is None:
            return self
        raise AttributeError(f"{cls.__name__}{self.message}")


_NO_INIT = ".__init__ must call super().__init__(rate), which sets up the rule"


class UpdateRule:
    """An update rule: state and gradient in, step out.

    A rule of your own says what it remembers (`slots`) and how it steps (`step`); the rest is here.

    Parameters
    ----------
    rate : float or callable
        The rate η, or a schedule: a function of the step t = 1, 2, … (see `dlkit.optim.schedules`).
    project : Projection or callable, optional
        Where the iterate must stay: each parameter, taken as one vector, is brought back to this set after its step.
        A rule that steps by a metric of its own projects in that metric, see `metric`; any other takes a function
        ``x -> array`` as well.

    Attributes
    ----------
    slots : tuple of str
        The names of the state arrays, of the shape of the parameter, zero at the start unless `start` says otherwise.
        A rule whose settings ask for more arrays than its class does says so in ``__init__``: its `step` then takes
        ``*more``.
    elementwise : bool
        Set it to True if `step` treats each entry by itself: then a large parameter comes to it in blocks, flattened,
        which is faster. Otherwise, as by default, `step` gets the parameter as it is. A class that redefines `step`
        says it anew.
    t : int
        How many updates have been made, the present one included.
    eta : float
        The rate of the present update, ``rate(t)``, asked for once an update.

    Notes
    -----
    A rule belongs to the parameters that it is first given, since its state is theirs. `reset` frees it, and a copy (by
    `copy.copy`, `copy.deepcopy` or pickle) has the settings but no state: each problem starts afresh. To go on later,
    keep `state_dict`.

    Examples
    --------
    >>> import numpy as np
    >>> class SignMomentum(UpdateRule):
    ...     '''Steps of length η along each axis: v ← 0.9 v + 0.1 g,  x ← x − η sign(v).'''
    ...
    ...     slots = ("v",)
    ...     elementwise = True
    ...
    ...     def step(self, x, g, v):
    ...         v += 0.1 * (g - v)
    ...         x -= self.eta * np.sign(v)
    >>> w = np.array([1.0, -2.0])
    >>> SignMomentum(rate=0.5).update([w], [2 * w])
    >>> w
    array([ 0.5, -1.5])
    """

    slots: tuple[str, ...] = ()
    elementwise: ClassVar[bool] = False

    eta: Any = _Missing(" has no eta yet: it is the rate of an update; call update, which calls step")
    rate: Any = _Missing(_NO_INIT)
    project: Any = _Missing(_NO_INIT)
    _places: Any = _Missing(_NO_INIT)
    _loaded: Any = _Missing(_NO_INIT)
    _steps_together: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _check_slots(cls)
        _check_signature(cls, "step", "x", "g", *cls.slots)
        _check_signature(cls, "metric", *cls.slots)

        def author(method: str) -> type:
            return next(c for c in cls.__mro__ if method in vars(c))

        # What is said of a `step` counts for that one, not for those written after it.
        if not issubclass(author("elementwise"), author("step")):
            cls.elementwise = False
        # A `step_all` counts if it was written for this `step` and `metric`, not for those of a base class.
        together = author("step_all")
        cls._steps_together = together is not UpdateRule and all(
            issubclass(together, author(method)) for method in ("step", "metric")
        )

    def __init__(self, rate: Rate, *, project: Project = None) -> None:
        self.rate = as_schedule(rate)
        if project is not None and not callable(project):
            raise TypeError(f"project must be a projection, as dlkit.optim.Box(0, 1); got {project!r}")
        metric = type(self).metric is not UpdateRule.metric
        if metric and project is not None and not isinstance(project, Projection):
            raise TypeError(
                f"project must be a dlkit.optim.Projection, as {type(self).__name__} projects in its own metric, not "
                f"in the Euclidean one; got {project!r}"
            )
        self.project = project
        self.reset()

    # What a rule says

    def step(self, x: Any, g: Any, *state: Any) -> None:
        """Change `x` and the state in place by one step along the gradient `g`, which stays as it is.

        Read `g` before changing `x`: they may be one array, as for f(x) = ½‖x‖².
        """
        raise NotImplementedError(f"{type(self).__name__} must define step(self, x, g, *state)")

    def start(self, slot: str, x: Any) -> Any:
        """Return what the state array `slot` of the parameter `x` starts with: zeros."""
        return library(x).zeros_like(x)

    def step_all(self, xs: list[Any], gs: list[Any], *states: list[Any]) -> bool:
        """Make the steps of all parameters by one call of torch, where it has the rule; return whether it did.

        Asked for torch tensors of one device and dtype, all contiguous. It must agree with `step`, which stays the
        definition: a class that redefines `step` or `metric` is no longer asked.
        """
        return False

    def metric(self, *state: Any) -> Any:
        """Return the weights s of the norm √(Σ sᵢ yᵢ²) in which a step x − η g/s is steepest; None for the Euclidean.

        The nearest point of the set to be projected on is the nearest in this norm.
        """
        return None

    # What is done with it

    def update(self, parameters: Sequence[Any], gradients: Sequence[Any] | None = None) -> None:
        """Change the parameters in place by one step.

        When an argument is refused no parameter is changed, and the step does not count.

        Parameters
        ----------
        parameters : list of arrays
            numpy arrays or torch tensors of float32 or float64, or tensors of `dlkit.autograd`; the same ones, in the
            same order, at every call.
        gradients : list of arrays, optional
            One per parameter, of its shape and dtype. None in place of one leaves that parameter and its state as they
            are; t counts the updates of the rule, not of the parameter. Without this argument each parameter's
            ``.grad`` is taken, which may be None as well.

        Raises
        ------
        TypeError
            If a parameter or gradient is no array, or not of the right library, dtype or device.
        ValueError
            If the lists are empty or of different lengths, a gradient has another shape than its parameter, a
            parameter is read-only or comes twice, every gradient is None, the parameters are not those of the last
            call, or the rate is negative or not finite.
        """
        parameters = listed(parameters, "parameters")
        if not parameters:
            raise ValueError("parameters must hold at least one array; got an empty list")
        if gradients is None:
            gradients = own_gradients(parameters)
        else:
            gradients = listed(gradients, "gradients")
            if len(gradients) != len(parameters):
                raise ValueError(
                    f"gradients must hold one array per parameter, {len(parameters)}; got {len(gradients)}"
                )
            if all(g is None for g in gradients):
                raise ValueError("gradients must hold at least one array; got None for every parameter")
        places = self._places_of(parameters)
        with ExitStack() as lent:
            moves = []
            for place, p, g in zip(places, parameters, gradients, strict=True):
                if g is not None:
                    x = place.bind(self, lent.enter_context(p.writing()) if hasattr(p, "writing") else p)
                    moves.append((place, x, place.checked(g)))
            self.eta = self._evaluated(self.t + 1)
            self.t += 1
            self._places, self._loaded = places, None
            moves = unentangled(moves)
            if self.project is None and self._steps_together and alike_in_torch([x for _, x, _ in moves]):
                states = zip(*(place.state for place, _, _ in moves), strict=True)
                if self.step_all([x for _, x, _ in moves], [g.contiguous() for _, _, g in moves], *map(list, states)):
                    return
            for place, x, g in moves:
                self._move(place, x, g)

    def reset(self) -> None:
        """Forget the parameters and their state, so that the next update starts afresh with t = 1."""
        self.t = 0
        self._places = None
        self._loaded = None

    def state_dict(self) -> dict[str, Any]:
        """Return the names of rule and convention, t and, for each slot, a list of copies of the parameters' arrays.

        None stands for a parameter that has had no gradient yet. The convention, which says what the arrays mean, is
        there for the rules that have one; no other setting of the rule is.
        """
        if self._loaded is not None:
            return copied_state(self._loaded)
        places = self._places or []
        slots = {
            slot: [p.loaded[i] if p.loaded else p.state[i] if p.state else None for p in places]
            for i, slot in enumerate(self.slots)
        }
        return copied_state({**self._kind(), "t": self.t, **slots})

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` returned, with whatever parameters the next update is given.

        Raises
        ------
        ValueError
            If `state` is that of another rule or convention, or lacks a slot; at the next update, if it does not fit
            the parameters. One without its convention, as older versions saved it, is refused too: torch's velocities
            taken for Keras's would go on without a word. Add it if you know it: ``state["convention"] = "torch"``.
        """
        mine = self._kind()
        name, convention, keys = mine["rule"], mine.get("convention"), [*mine, "t", *self.slots]
        if state.get("rule", name) != name:
            raise ValueError(f"state must be one of {name}; got one of {state['rule']}")
        if set(state) != set(keys):
            hint = f"; if it is one of {convention}, add state['convention'] = {convention!r}"
            old = set(keys) - set(state) == {"convention"}
            raise ValueError(f"state must have the keys {keys} for {name}; got {list(state)}{hint if old else ''}")
        if state.get("convention") != convention:
            raise ValueError(
                f"state must be one of {name} in the convention of {convention}; got one in that of "
                f"{state['convention']}, whose arrays may mean something else"
            )
        if len({len(state[slot]) for slot in self.slots}) > 1:
            raise ValueError(
                f"state must have as many arrays in each slot; got {[len(state[slot]) for slot in self.slots]}"
            )
        loaded = copied_state(state)
        self.reset()
        self.t, self._loaded = loaded["t"], loaded

    def __getstate__(self) -> dict[str, Any]:
        settings = {name: value for name, value in vars(self).items() if name != "eta"}
        return settings | {"t": 0, "_places": None, "_loaded": None}

    def __repr__(self) -> str:
        rate = {"rate": self.rate.rate if isinstance(self.rate, Constant) else self.rate}
        hidden = {"rate", "t", "eta", "slots"}
        settings = {name: value for name, value in vars(self).items() if name[0] != "_" and name not in hidden}
        shown = ", ".join(f"{name}={value!r}" for name, value in (rate | settings).items() if value is not None)
        return f"{type(self).__name__}({shown})"

    # How it is done

    def _evaluated(self, t: int) -> float:
        """Return the rate of step t."""
        return evaluated(self.rate, t)

    def _kind(self) -> dict[str, str]:
        """Return what a state must agree in: the names of the rule and, where it has one, of its convention."""
        convention = getattr(self, "convention", None)
        return {"rule": type(self).__name__} | ({} if convention is None else {"convention": convention})

    def _move(self, place: Place, x: Any, g: Any) -> None:
        if place.blocks is None:
            self.step(x, g, *place.state)
        else:
            g = g.reshape(-1)
            for cut, (part, *state) in place.blocks:
                self.step(part, g[cut], *state)
        if self.project is not None:
            self._project(x, *place.state)

    def _project(self, x: Any, *state: Any) -> None:
        weights = self.metric(*state)
        projected = self.project(x) if weights is None else self.project(x, weights)
        if projected.shape != x.shape:
            raise ValueError(f"project must keep the shape {tuple(x.shape)}; it returned {tuple(projected.shape)}")
        x[...] = projected

    def _places_of(self, parameters: list[Any]) -> list[Place]:
        """Return the place of each parameter: new ones, or those of the last call if the parameters are its."""
        places = self._places
        if places is None:
            return self._new_places(parameters)
        if len(parameters) != len(places):
            raise ValueError(
                f"parameters must be those of the last update, {len(places)} of them; got {len(parameters)}. "
                f"{HOW_TO_CHANGE}"
            )
        for place, p in zip(places, parameters, strict=True):
            if p is not place.parameter:
                place.accept(p)
        return places

    def _new_places(self, parameters: list[Any]) -> list[Place]:
        seen: dict[int, int] = {}
        for i, p in enumerate(parameters):
            if seen.setdefault(id(p), i) != i:
                raise ValueError(f"parameters must differ; [{seen[id(p)]}] and [{i}] are the same array")
        places = [Place(p, i) for i, p in enumerate(parameters)]
        if self._loaded is not None and self.slots:
            slots = [self._loaded[slot] for slot in self.slots]
            if len(slots[0]) != len(places):
                raise ValueError(f"parameters must be {len(slots[0])}, as the loaded state has; got {len(places)}")
            for place, state in zip(places, zip(*slots, strict=True), strict=True):
                place.loaded = None if state[0] is None else state
        return places


def _check_slots(cls: type[UpdateRule]) -> None:
    slots: Any = cls.slots
    if (
        not isinstance(slots, tuple)
        or not all(isinstance(slot, str) for slot in slots)
        or len({*slots, "rule", "convention", "t"}) < len(slots) + 3
    ):
        raise TypeError(
            f"{cls.__name__}.slots must be a tuple of different names, as ('v',), none of them 'rule', 'convention' or "
            f"'t'; got {slots!r}"
        )


def _check_signature(cls: type[UpdateRule], method: str, *arguments: str) -> None:
    """Raise unless the method can be called with `arguments`; those it calls by the same names come in that order."""
    found = signature(getattr(cls, method))
    expected = ["self", *arguments]
    try:
        bound = found.bind(*expected).arguments
    except TypeError:
        fits = False
    else:
        fits = all(value == name for name, value in bound.items() if name in expected)
    if not fits:
        raise TypeError(
            f"{cls.__name__}.{method} must take ({', '.join(expected)}), with an array for each slot; got {found}"
        )
