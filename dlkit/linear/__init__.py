"""Linear models as scikit-learn estimators, and the solvers they are fitted with."""

from dlkit.linear.lasso import Lasso, alpha_max, lasso_path
from dlkit.linear.logistic import LogisticRegression
from dlkit.linear.perceptron import Perceptron
from dlkit.linear.ranking import RankSVM
from dlkit.linear.solvers.newton import NewtonResult, conjugate_gradient, newton_cg
from dlkit.linear.svm import LinearSVM

__all__ = [
    "Lasso",
    "LinearSVM",
    "LogisticRegression",
    "NewtonResult",
    "Perceptron",
    "RankSVM",
    "alpha_max",
    "conjugate_gradient",
    "lasso_path",
    "newton_cg",
]
