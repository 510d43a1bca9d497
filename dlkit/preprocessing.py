"""What is done to the data before a network sees them: zero mean, one scale, whitening.

Each step is an object in scikit-learn's manner: ``fit`` takes what it needs from the training data, ``transform``
applies it to those or to new data, ``inverse_transform`` goes back; what was learnt has a name that ends in ``_``.
They work in a scikit-learn ``Pipeline``, and importing them does not import scikit-learn.

Data are a matrix of float32 or float64, a row per sample, and keep their dtype (two different ones meet as in numpy);
integers and booleans are taken as float64. For images give ``X.reshape(len(X), -1)``. NaN or ∞ is an error.

Whitening starts from the singular value decomposition X − μ = V S U, whose rows of U are the principal directions,
with the variances λ = S²/(n − 1) along them. In the coordinates z = U(x − μ), divided by √λ, the covariance is the
identity: all directions are equally long. `PCAWhitening` stays in these coordinates; `ZCAWhitening` turns back with Uᵀ,
so that an image remains an image. (Kessy, Lewin and Strimmer, 2018, *Optimal whitening and decorrelation*, The American
Statistician 72, compare the two.)
"""

from __future__ import annotations

from inspect import signature
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from dlkit._checks import Array, count, first, number, real_array

__all__ = ["PCAWhitening", "PrincipalDirections", "Standardise", "ZCAWhitening", "ZeroMean"]


class _Step:
    """What the steps have in common."""

    mean_: Array

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Learn from training data of shape (n, d), n ≥ 1; `y` is not used. Return the object itself."""
        X = _matrix(X)
        if len(X) == 0:
            raise ValueError(f"X must have at least one row to fit to; got the shape {X.shape}")
        # Row after row a float32 sum loses digits as it grows; a float64 one has them to spare.
        mean = X.mean(axis=0, dtype=np.float64).astype(X.dtype)
        self.mean_ = np.where(np.ptp(X, axis=0) == 0, X[0], mean)  # equal numbers may miss their mean by a rounding
        self._learn(X - self.mean_)
        return self

    def transform(self, X: ArrayLike) -> Array:
        """Apply the step to data of shape (m, d); the result has a row for each of theirs."""
        return self._forward(self._like_training(X) - self.mean_)

    def inverse_transform(self, X: ArrayLike) -> Array:
        """Undo the step on what `transform` returned, as far as it can be undone."""
        self._must_be_fitted()
        X = _matrix(X)
        if X.shape[1] != self._width():
            raise ValueError(f"X must have the {self._width()} columns that transform returns; got {X.shape[1]}")
        return self._backward(X) + self.mean_

    def fit_transform(self, X: ArrayLike, y: Any = None) -> Array:
        """Fit to data of shape (n, d) and transform the same."""
        return self.fit(X).transform(X)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the arguments of the constructor, as scikit-learn's ``clone`` wants them."""
        return {name: getattr(self, name) for name in signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Change arguments of the constructor; it shows at the next ``fit``."""
        for name, value in params.items():
            if name not in self.get_params():
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}; it has {list(self.get_params())}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_params().items())})"

    def __sklearn_tags__(self) -> Any:
        """Say to scikit-learn (≥ 1.6) that this is a transformer."""
        from sklearn.utils import Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(preserves_dtype=["float64", "float32"]),
        )

    def _learn(self, centred: Array) -> None:
        """Learn more than the mean from the centred training data."""

    def _forward(self, centred: Array) -> Array:
        return centred

    def _backward(self, X: Array) -> Array:
        return X

    def _width(self) -> int:
        """How many columns `transform` returns."""
        return len(self.mean_)

    def _like_training(self, X: ArrayLike) -> Array:
        self._must_be_fitted()
        X = _matrix(X)
        if X.shape[1] != len(self.mean_):
            raise ValueError(f"X must have the {len(self.mean_)} columns that fit saw; got {X.shape[1]}")
        return X

    def _must_be_fitted(self) -> None:
        if not hasattr(self, "mean_"):
            from sklearn.exceptions import NotFittedError

            raise NotFittedError(f"{self!r} must be fitted to training data first: call fit or fit_transform")


class ZeroMean(_Step):
    """Subtract the training data's mean from each feature.

    Attributes
    ----------
    mean_ : ndarray, shape (d,)
        What is subtracted.
    """


class Standardise(_Step):
    """Give each feature mean 0 and standard deviation 1 on the training data: (x − μ)/σ.

    As scikit-learn's ``StandardScaler``, σ² is the mean square of the n deviations, not their sum over n − 1. A feature
    that is constant on the training data has no scale: its deviations are divided by 1, and are 0 on that data.

    Attributes
    ----------
    mean_ : ndarray, shape (d,)
        What is subtracted.
    std_ : ndarray, shape (d,)
        What the rest is divided by.
    """

    std_: Array

    def _learn(self, centred: Array) -> None:
        std = np.sqrt(np.square(centred, dtype=np.float64).mean(axis=0)).astype(centred.dtype)
        self.std_ = np.where(std > 0, std, np.ones_like(std))

    def _forward(self, centred: Array) -> Array:
        return centred / self.std_

    def _backward(self, X: Array) -> Array:
        return X * self.std_


class PrincipalDirections(_Step):
    """Coordinates along the k directions in which the training data vary most.

    Parameters
    ----------
    k : int in 1 … min(n − 1, d), optional
        How many directions; all of them by default. (n centred points lie in a space of n − 1 dimensions.)

    Attributes
    ----------
    mean_ : ndarray, shape (d,)
        The training data's mean μ.
    components_ : ndarray, shape (k, d)
        The directions, orthonormal rows, the one with the largest variance first. A direction and its opposite are
        equally good: the entry of largest size is made positive.
    variances_ : ndarray, shape (k,)
        The variances λ along them, divided by n − 1 as in ``np.cov``.

    Notes
    -----
    ``transform`` gives z = U(x − μ), shape (m, k). ``inverse_transform`` gives μ + Uᵀz, and ``reconstruct`` both after
    one another: what is left of the data in the top k directions. The fit costs O(n·d·min(n, d)).
    """

    components_: Array
    variances_: Array

    def __init__(self, k: int | None = None) -> None:
        self.k = k

    def reconstruct(self, X: ArrayLike) -> Array:
        """Return μ + UᵀU(x − μ), shape (m, d): the nearest points to X in the space of the top k directions."""
        X = self._like_training(X)
        return (X - self.mean_) @ self.components_.T @ self.components_ + self.mean_

    def _learn(self, centred: Array) -> None:
        n, d = centred.shape
        if n < 2:
            raise ValueError("X must have at least two rows to vary; got 1")
        most = min(n - 1, d)
        k = most if self.k is None else count(self.k, "k", 1, most)
        _, S, U = np.linalg.svd(centred, full_matrices=False)
        largest = np.argmax(np.abs(U), axis=1)
        U *= np.sign(U[np.arange(len(U)), largest])[:, None]
        self.components_, self.variances_ = U[:k], S[:k] ** 2 / (n - 1)
        smallest = max(n, d) * np.finfo(S.dtype).eps * S[0]  # what is below is rounding, as in np.linalg.matrix_rank
        self._check_variances(rank=int(np.count_nonzero(smallest < S)))

    def _check_variances(self, rank: int) -> None:
        """Refuse directions that cannot be used; of the training data `rank` have a variance beyond rounding."""

    def _forward(self, centred: Array) -> Array:
        return centred @ self.components_.T

    def _backward(self, X: Array) -> Array:
        return X @ self.components_

    def _width(self) -> int:
        return len(self.components_)


class PCAWhitening(PrincipalDirections):
    """Coordinates along the top k directions, equalised: z = Λ^(−1/2) U(x − μ), with covariance I on the training data.

    As scikit-learn's ``PCA(k, whiten=True)``.

    Parameters
    ----------
    k : int in 1 … min(n − 1, d), optional
        How many directions; all of them by default.
    epsilon : float ≥ 0, default 0
        Added to the variances under the root: Λ = diag(λ + ε), in squared units of the data. A direction with λ ≫ ε is
        equalised, one with λ ≪ ε, which is mostly noise, stays small instead of being blown up. With ε = 0 every
        direction must have a variance beyond rounding.

    Attributes
    ----------
    mean_, components_, variances_ : ndarray
        As in `PrincipalDirections`; the variances are λ, without ε.

    Notes
    -----
    ``inverse_transform`` goes back exactly but for what lies outside the top k directions.
    """

    def __init__(self, k: int | None = None, epsilon: float = 0.0) -> None:
        super().__init__(k)
        self.epsilon = epsilon

    def _check_variances(self, rank: int) -> None:
        if number(self.epsilon, "epsilon", 0) == 0 and rank < len(self.components_):
            raise ValueError(
                f"X varies in {rank} directions only, and {len(self.components_)} were to be equalised; "
                f"give k <= {rank} or an epsilon above 0"
                if rank
                else "X must vary to be whitened; all its rows are equal"
            )

    def _scale(self) -> Array:
        return np.sqrt(self.variances_ + self.variances_.dtype.type(self.epsilon))

    def _forward(self, centred: Array) -> Array:
        return super()._forward(centred) / self._scale()

    def _backward(self, X: Array) -> Array:
        return super()._backward(X * self._scale())


class ZCAWhitening(PCAWhitening):
    """The top k directions equalised in place: x ↦ Uᵀ Λ^(−1/2) U(x − μ), an image again.

    With all directions the covariance is I on the training data, and of all such maps this one changes the data least
    (Bell and Sejnowski, 1997, *The "independent components" of natural scenes are edge filters*, Vision Research 37).
    With the top k it is the projection UᵀU onto them: what lies in the other directions is dropped.

    Parameters
    ----------
    k : int in 1 … min(n − 1, d), optional
        How many directions; all of them by default.
    epsilon : float ≥ 0, default 0
        Added to the variances under the root, as in `PCAWhitening`.

    Attributes
    ----------
    mean_, components_, variances_ : ndarray
        As in `PrincipalDirections`; the variances are λ, without ε.

    Notes
    -----
    ``transform`` gives the shape (m, d). ``inverse_transform`` goes back exactly but for what lies outside the top k
    directions.
    """

    def _forward(self, centred: Array) -> Array:
        return super()._forward(centred) @ self.components_

    def _backward(self, X: Array) -> Array:
        return super()._backward(X @ self.components_.T)

    def _width(self) -> int:
        return len(self.mean_)


def _matrix(X: ArrayLike) -> Array:
    """Return `X` as a matrix of finite float32 or float64."""
    X = real_array(X, "X")
    if X.ndim != 2 or X.shape[1] == 0:
        hint = " (X.reshape(len(X), -1) makes a row of each image)" if X.ndim > 2 else ""
        raise ValueError(f"X must have the shape (n, d), a row per sample; got {X.shape}{hint}")
    if X.dtype not in (np.float32, np.float64):
        raise TypeError(f"X must be float32 or float64; got {X.dtype} (X.astype(np.float32) makes one)")
    if not np.isfinite(X).all():
        where = first(~np.isfinite(X))
        raise ValueError(f"X must be finite; got {X[where]} at index {where}")
    return X
