"""The linear support vector machine, with the solver of one's choice and the duality gap as its certificate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from dlkit._arguments import generator
from dlkit._checks import count, number
from dlkit.linear._estimator import (
    LinearClassifier,
    TrainingSet,
    choice,
    earlier_fit,
    flag,
    positive_or_infinite,
    reporter,
    training_set,
    warn_not_converged,
)
from dlkit.linear.margin_losses import HINGE, SQUARED_HINGE
from dlkit.linear.multiclass import crammer_singer
from dlkit.linear.problem import Array, BinaryProblem, Penalty, Solution
from dlkit.linear.solvers.augmented_lagrangian import augmented_lagrangian
from dlkit.linear.solvers.newton_margin import newton_margin
from dlkit.linear.solvers.pegasos import pegasos
from dlkit.linear.solvers.proximal import l1_margin
from dlkit.linear.solvers.quadratic_program import quadratic_program
from dlkit.linear.solvers.subgradient import subgradient

__all__ = ["LinearSVM"]

_LOSSES = {loss.name: loss for loss in (HINGE, SQUARED_HINGE)}


@dataclass(frozen=True)
class _Solver:
    """What a solver can do, which parameters of the estimator it listens to, and what to do if it does not converge."""

    losses: tuple[str, ...] = ("hinge", "squared_hinge")
    penalties: tuple[str, ...] = ("l2", "l1")
    multi_class: tuple[str, ...] = ("ovr", "crammer_singer")
    settings: tuple[str, ...] = ()
    solve: Callable[..., Solution] | None = None
    max_iter: int | None = None
    advice: str = "Raise max_iter or tol"


_SOLVERS = {
    "augmented_lagrangian": _Solver(("hinge",), ("l2",), ("ovr",), (), augmented_lagrangian, 1000),
    "newton": _Solver(("squared_hinge",), ("l2",), ("ovr",), (), newton_margin, 100),
    "proximal": _Solver(penalties=("l1",), multi_class=("ovr",), solve=l1_margin, max_iter=10_000),
    "bundle": _Solver(
        ("hinge",),
        ("l2",),
        ("crammer_singer",),
        max_iter=1000,
        advice="Standardise the features, or raise max_iter or tol",
    ),
    "quadratic_program": _Solver(solve=quadratic_program, advice="Standardise the features, or lower C"),
    "subgradient": _Solver(
        settings=("schedule",),
        solve=subgradient,
        max_iter=1000,
        advice="Sub-gradient descent is slow by nature: raise max_iter or tol, or leave the solver to 'auto'",
    ),
    "pegasos": _Solver(
        multi_class=("ovr",),
        settings=("schedule", "batch_size", "random_state"),
        solve=pegasos,
        max_iter=50,
        advice="Stochastic steps are slow near the end: raise max_iter or tol, or leave the solver to 'auto'",
    ),
}


class LinearSVM(LinearClassifier):
    """Linear support vector machine for two or more classes.

    Minimises penalty(w) + C Σᵢ sᵢ ℓ(mᵢ) over w and b, with the margins mᵢ = yᵢ(xᵢ·w + b), yᵢ = ±1, and sample weights
    sᵢ: the deck's form. The intercept b is free and not penalised, where scikit-learn's LinearSVC penalises it.

    Parameters
    ----------
    C : float, default 1.0
        Weight of the losses against the penalty, > 0. ``C=np.inf`` is the hard margin: no loss is tolerated, and data
        that are not linearly separable are an error.
    loss : {"hinge", "squared_hinge"}, default "hinge"
        max(0, 1 − m), or its square.
    penalty : {"l2", "l1"}, default "l2"
        ½‖w‖², or ‖w‖₁, which leaves many weights at 0.
    multi_class : {"ovr", "crammer_singer"}, default "ovr"
        What more than two classes do: one problem for each class against the rest, or a single one with the loss
        max(0, 1 + the best other score − the own score) (Crammer and Singer, 2001). Two classes are the binary problem.
    solver : str, default "auto"
        One of the table below; "auto" takes the first that fits.
    fit_intercept : bool, default True
        Whether the scores have an intercept b.
    tol : float, default 1e-4
        Stop once the duality gap is at most `tol` times the objective: it is then at most a share `tol` above its
        minimum, for certain.
    max_iter : int, optional
        The largest number of iterations, whatever the solver calls so; each has a default of its own.
    schedule : float or callable, optional
        For "subgradient" and "pegasos": the rate η, or t ↦ η with t = 1, 2, …, such as those of ``dlkit.optim``. For
        "pegasos" also the string "pegasos", the schedule of that paper.
    batch_size : int, optional
        For "pegasos": samples in a batch.
    random_state : int or numpy.random.Generator, default 0
        For "pegasos": what shuffles the samples.
    warm_start : bool, default False
        Whether `fit` starts from the solution of the last one, as for a path of C.
    verbose : int, default 0
        1 prints the objective and the gap as the fit goes on.

    Attributes
    ----------
    coef_ : ndarray, shape (1, n_features) for two classes, else (n_classes, n_features)
        The weights w.
    intercept_ : ndarray, shape (1,) or (n_classes,)
        The intercept b; zeros without one.
    classes_ : ndarray, shape (n_classes,)
        The labels, sorted. With two, ``classes_[1]`` is the positive one.
    objective_ : float
        The objective at the solution; with "ovr", the sum over the classes' problems. So are the next two.
    dual_objective_ : float
        The dual objective at `dual_coef_`, a lower bound on the minimum.
    duality_gap_ : float
        Their difference, ≥ 0: the objective is at most this far above its minimum.
    dual_coef_ : ndarray, shape (1, n_samples) or (n_classes, n_samples)
        The multipliers αᵢ ≥ 0 of the dual; 0 for samples of weight 0. With two classes or "ovr", and ℓ2, the weights
        are Σ αᵢyᵢxᵢ, up to the gap. With "crammer_singer" entry (k, i) is how hard sample i pulls class k's score down,
        and for its own class up.
    support_ : ndarray of int
        The support vectors: places of the samples with a multiplier above 1e-6 of the largest.
    n_iter_ : int
        The iterations made; with "ovr", the largest number over the classes.
    loss_curve_ : ndarray, or list of n_classes ndarrays
        The objective at the start and at each iterate that the solver looked at.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray, shape (n_features,)
        Their names, if `X` had any.

    Notes
    -----
    ====================  ==============  ========  ==============  ==================================================
    solver                losses          penalty   multi_class     what it is
    ====================  ==============  ========  ==============  ==================================================
    augmented_lagrangian  hinge           l2        ovr             fast and exact, to millions of entries
    newton                squared_hinge   l2        ovr             Newton's method with conjugate gradients
    proximal              both            l1        ovr             accelerated proximal gradient
    bundle                hinge           l2        crammer_singer  cutting planes
    quadratic_program     both            both      both            cvxpy, to eight digits, for some thousand samples
    subgradient           both            both      both            the deck's descent, with its best iterate
    pegasos               both            both      ovr             mini-batches, averaged
    ====================  ==============  ========  ==============  ==================================================

    Features of very different sizes slow every solver but the quadratic program, and the penalty treats them unequally:
    standardise them first.

    Examples
    --------
    >>> from dlkit.linear import LinearSVM
    >>> model = LinearSVM(C=10.0).fit([[-2.0], [-1.0], [1.0], [2.0]], [0, 0, 1, 1])
    >>> model.coef_.round(3), model.support_
    (array([[1.]]), array([1, 2]))
    """

    def __init__(
        self,
        *,
        C: float = 1.0,
        loss: str = "hinge",
        penalty: str = "l2",
        multi_class: str = "ovr",
        solver: str = "auto",
        fit_intercept: bool = True,
        tol: float = 1e-4,
        max_iter: int | None = None,
        schedule: Any = None,
        batch_size: int | None = None,
        random_state: Any = 0,
        warm_start: bool = False,
        verbose: int = 0,
    ) -> None:
        self.C = C
        self.loss = loss
        self.penalty = penalty
        self.multi_class = multi_class
        self.solver = solver
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.schedule = schedule
        self.batch_size = batch_size
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LinearSVM:
        """Fit the model.

        Parameters
        ----------
        X : array_like or sparse, shape (n_samples, n_features)
            The samples, finite.
        y : array_like, shape (n_samples,)
            Their classes: integers, strings or booleans, two or more different ones.
        sample_weight : array_like, shape (n_samples,), optional
            Weights sᵢ ≥ 0 of the losses; 1 each if not given. Weight 2 counts as the sample twice, 0 as not at all.

        Returns
        -------
        LinearSVM
            The estimator itself.

        Raises
        ------
        TypeError
            If a parameter has the wrong type.
        ValueError
            If a parameter is out of its range or the solver cannot do what is asked; if `X`, `y` or `sample_weight` do
            not fit or hold NaN, or `y` has a single class; or if ``C=np.inf`` and the data are not linearly separable.
        """
        solver, settings = self._checked()
        data = training_set(self, X, y, sample_weight)
        start = earlier_fit(self, data.classes, data.X.shape[1])
        multi_class = self.multi_class if len(data.classes) > 2 else "ovr"
        name = solver if solver != "auto" else self._automatic(multi_class)
        able = _SOLVERS[name]
        for wanted, value, offered in (
            ("loss", self.loss, able.losses),
            ("penalty", self.penalty, able.penalties),
            ("multi_class", multi_class, able.multi_class),
        ):
            if value not in offered:
                raise ValueError(
                    f"solver={name!r} is for {wanted}={' or '.join(map(repr, offered))}; got {wanted}={value!r}. "
                    f"solver='auto' finds one that fits"
                )
        if np.isinf(self.C) and name != "quadratic_program":
            raise ValueError(f"C=np.inf, the hard margin, needs solver='quadratic_program' or 'auto'; got {name!r}")
        options: dict[str, Any] = {"tol": float(self.tol)}
        if able.max_iter is not None:
            options["max_iter"] = self.max_iter or able.max_iter
        elif name == "quadratic_program":
            options["tol"] = min(self.tol, 1e-8)
        if multi_class == "crammer_singer":
            self._fit_together(data, name, start, options | settings)
        else:
            self._fit_each(data, able, start, options | settings)
        return self

    def _fit_each(self, data: TrainingSet, able: _Solver, start: Any, options: dict[str, Any]) -> None:
        """Solve the binary problem, or one for each class against the rest."""
        solve, penalty = able.solve, _penalty(self.penalty)
        assert solve is not None
        signs = data.signs()
        solutions = []
        for k, y in enumerate(signs):
            c = np.full(len(y), np.inf) if np.isinf(self.C) else self.C * data.weight
            problem = BinaryProblem(data.X, y, c, _LOSSES[self.loss], penalty, bool(self.fit_intercept))
            title = f"class {data.classes[k]} against the rest" if len(signs) > 1 else ""
            report = reporter(self, title=title)
            if able.max_iter is not None:  # the quadratic program takes neither
                options = options | {"report": report, "start": start and (start[0][k], float(start[1][k]))}
            solution = solve(problem, **options)
            if report is not None:
                report.end(solution.reason)
            if not solution.converged:
                title = title and f", {title}"
                warn_not_converged(self, f"{solution.reason}{title}; the gap is {_share(solution)}", f"{able.advice}.")
            solutions.append(solution)
        self._keep(
            data,
            coef=np.array([s.w for s in solutions]),
            intercept=np.array([s.b for s in solutions]),
            alpha=np.array([s.alpha for s in solutions]),
            primal=sum(s.primal for s in solutions),
            dual=sum(s.dual for s in solutions),
            n_iter=max(s.n_iter for s in solutions),
            curves=[np.array(s.curve) for s in solutions],
        )

    def _fit_together(self, data: TrainingSet, name: str, start: Any, options: dict[str, Any]) -> None:
        """Solve Crammer and Singer's problem."""
        if np.isinf(self.C):
            raise ValueError("C must be finite with multi_class='crammer_singer' and more than two classes; got inf")
        report = reporter(self)
        solution = crammer_singer(
            data.X,
            data.label,
            self.C * data.weight,
            len(data.classes),
            penalty=_penalty(self.penalty),
            fit_intercept=bool(self.fit_intercept),
            solver=cast(Any, name),
            start=start,
            report=report,
            **options,
        )
        if report is not None:
            report.end(solution.reason)
        if not solution.converged:
            advice = f"{_SOLVERS[name].advice}."
            warn_not_converged(self, f"{solution.reason}; the gap is {_share(solution)}", advice)
        self._keep(
            data,
            coef=solution.W,
            intercept=solution.b,
            alpha=solution.alpha,
            primal=solution.primal,
            dual=solution.dual,
            n_iter=solution.n_iter,
            curves=[np.array(solution.curve)],
        )

    def _keep(
        self,
        data: TrainingSet,
        coef: Array,
        intercept: Array,
        alpha: Array,
        primal: float,
        dual: float,
        n_iter: int,
        curves: list[Array],
    ) -> None:
        self.classes_ = data.classes
        self.coef_, self.intercept_ = np.ascontiguousarray(coef), np.asarray(intercept, dtype=np.float64)
        self.dual_coef_ = np.zeros((len(alpha), len(data.kept)))
        self.dual_coef_[:, data.kept] = alpha
        strongest = self.dual_coef_.max(axis=0)
        self.support_ = np.flatnonzero(strongest > 1e-6 * strongest.max())
        self.objective_, self.dual_objective_ = float(primal), float(dual)
        self.duality_gap_ = max(self.objective_ - self.dual_objective_, 0.0)
        self.n_iter_ = int(n_iter)
        self.loss_curve_ = curves[0] if len(curves) == 1 else curves

    def _automatic(self, multi_class: str) -> str:
        if np.isinf(self.C):
            return "quadratic_program"
        wanted = (self.loss, self.penalty, multi_class)
        for name, able in _SOLVERS.items():
            if all(
                w in offered for w, offered in zip(wanted, (able.losses, able.penalties, able.multi_class), strict=True)
            ):
                return name
        raise AssertionError(wanted)  # the quadratic program takes all

    def _checked(self) -> tuple[str, dict[str, Any]]:
        """Check the parameters; return the solver's name and the settings that it listens to."""
        positive_or_infinite(self.C, "C", "the hard margin")
        choice(self.loss, "loss", tuple(_LOSSES))
        choice(self.penalty, "penalty", ("l2", "l1"))
        multi_class = choice(self.multi_class, "multi_class", ("ovr", "crammer_singer"))
        if multi_class == "crammer_singer" and self.loss != "hinge":
            raise ValueError(f"multi_class='crammer_singer' is for loss='hinge'; got loss={self.loss!r}")
        solver = choice(self.solver, "solver", ("auto", *_SOLVERS))
        flag(self.fit_intercept, "fit_intercept")
        flag(self.warm_start, "warm_start")
        number(self.tol, "tol", above=0)
        if self.max_iter is not None:
            count(self.max_iter, "max_iter")
        if self.batch_size is not None:
            count(self.batch_size, "batch_size")
        listens = _SOLVERS[solver].settings if solver != "auto" else ()
        for name in ("schedule", "batch_size"):
            if getattr(self, name) is not None and name not in listens:
                users = " or ".join(repr(s) for s, able in _SOLVERS.items() if name in able.settings)
                raise ValueError(f"{name} is for solver={users}; got it with solver={solver!r}")
        settings = {name: getattr(self, name) for name in listens if name != "random_state"}
        if "random_state" in listens:
            settings["rng"] = generator(self.random_state, "random_state")
        return solver, settings


def _penalty(name: str) -> Penalty:
    return "l1" if name == "l1" else "l2"


def _share(solution: Any) -> str:
    return f"{(solution.primal - solution.dual) / max(solution.primal, np.finfo(float).tiny):.1e} of the objective"
