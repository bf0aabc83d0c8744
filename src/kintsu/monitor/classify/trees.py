"""Ensembles of decision trees as flat arrays: predicted and explained without the library that grew them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from kintsu.core.errors import InputError

__all__ = ["Trees", "of_boosting", "of_forest"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

AT_ONCE: Final = 1_000  # rows that go down the trees together: bounds the memory
ARRAYS: Final = ("feature", "threshold", "left", "right", "value", "roots", "group")


@dataclass(frozen=True, eq=False)
class Trees:
    """Trees that add up.

    A row goes left where its feature is at most the threshold. A leaf is its own child, so that rows that have arrived
    stay while others go on.

    Attributes
    ----------
    value
        Of every node (inner ones too: what a row is worth so far), shape (nodes, outputs).
    group
        The class to which a tree with one output adds, shape (trees,); -1 where a tree has an output for every class.
    """

    feature: npt.NDArray[np.int16]
    threshold: Floats
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    value: npt.NDArray[np.float32]
    roots: npt.NDArray[np.int32]
    group: npt.NDArray[np.int16]
    n_classes: int

    def sums(self, x: Floats) -> Floats:
        """The sum over all trees, shape (rows, classes)."""
        parts = [self._sums(x[i : i + AT_ONCE]) for i in range(0, len(x), AT_ONCE)]
        return np.vstack(parts) if parts else np.empty((0, self.n_classes))

    def _sums(self, x: Floats) -> Floats:
        told = self.value[self._leaves(x)].astype(np.float64)  # rows, trees, outputs
        if self.value.shape[1] == self.n_classes:
            return np.asarray(told.sum(1))
        adds_to = (self.group[:, None] == np.arange(self.n_classes)).astype(np.float64)
        return np.asarray(told[..., 0] @ adds_to)

    def _leaves(self, x: Floats) -> Integers:
        rows = np.arange(len(x))[:, None]
        node = np.repeat(self.roots[None].astype(np.int64), len(x), 0)
        while True:
            goes_left = x[rows, self.feature[node]] <= self.threshold[node]
            below = np.where(goes_left, self.left[node], self.right[node])
            if np.array_equal(below, node):
                return node
            node = below

    def contributions(self, row: Floats, of: int) -> Floats:
        """How much each feature moved one row towards (or from) a class: the changes of value along its paths.

        With the value of the roots they add up to the row's sum (Saabas' attribution). Shape (features,).
        """
        mine = np.flatnonzero((self.group == of) | (self.group < 0))
        output = of if self.value.shape[1] == self.n_classes else 0
        value = self.value[:, output].astype(np.float64)
        out = np.zeros(len(row))
        node = self.roots[mine].astype(np.int64)
        while True:
            goes_left = row[self.feature[node]] <= self.threshold[node]
            below = np.where(goes_left, self.left[node], self.right[node])
            if np.array_equal(below, node):
                return out
            np.add.at(out, self.feature[node], value[below] - value[node])
            node = below

    def arrays(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        """All of it, to be written."""
        return {prefix + name: getattr(self, name) for name in ARRAYS}

    @classmethod
    def read(cls, held: Mapping[str, npt.NDArray[Any]], prefix: str, n_features: int, n_classes: int) -> Trees:
        """What `arrays` gave, checked: every walk ends at a leaf, every feature and class is one that there is."""
        arrays: dict[str, Any] = {name: held[prefix + name] for name in ARRAYS}
        trees = cls(**arrays, n_classes=n_classes)
        nodes = np.arange(len(trees.feature))
        same_length = {len(trees.threshold), len(trees.left), len(trees.right), len(trees.value)} == {len(nodes)}
        flat = (
            trees.value.ndim == 2 and trees.value.shape[1] in (1, n_classes) and trees.group.shape == trees.roots.shape
        )
        if not (same_length and flat and len(trees.roots)):
            raise InputError(f"the arrays of {prefix!r} do not fit each other")
        is_leaf = (trees.left == nodes) & (trees.right == nodes)
        goes_down = (
            (trees.left > nodes) & (trees.right > nodes) & (trees.left < len(nodes)) & (trees.right < len(nodes))
        )
        known = (trees.feature >= 0) & (trees.feature < n_features)
        groups = (trees.group >= (0 if trees.value.shape[1] == 1 else -1)) & (trees.group < n_classes)
        rooted = (trees.roots >= 0) & (trees.roots < len(nodes))
        finite = np.isfinite(trees.threshold).all() and np.isfinite(trees.value).all()
        if not ((is_leaf | goes_down).all() and known.all() and groups.all() and rooted.all() and finite):
            raise InputError(f"the trees of {prefix!r} are broken")
        return trees


class _Grower:
    """Collects nodes; children get larger numbers than their parents."""

    def __init__(self) -> None:
        self.feature: list[int] = []
        self.threshold: list[float] = []
        self.left: list[int] = []
        self.right: list[int] = []
        self.value: list[Any] = []
        self.roots: list[int] = []
        self.group: list[int] = []

    def node(self, value: Any) -> int:
        at = len(self.feature)
        self.feature.append(0)
        self.threshold.append(0.0)
        self.left.append(at)
        self.right.append(at)
        self.value.append(value)
        return at

    def split(self, at: int, feature: int, threshold: float, left: int, right: int) -> None:
        self.feature[at], self.threshold[at], self.left[at], self.right[at] = feature, threshold, left, right

    def grown(self, n_classes: int) -> Trees:
        return Trees(
            np.array(self.feature, dtype=np.int16),
            np.array(self.threshold),
            np.array(self.left, dtype=np.int32),
            np.array(self.right, dtype=np.int32),
            np.array(self.value, dtype=np.float32).reshape(len(self.feature), -1),
            np.array(self.roots, dtype=np.int32),
            np.array(self.group, dtype=np.int16),
            n_classes,
        )


def of_boosting(booster: Any, n_classes: int) -> Trees:
    """The trees of a LightGBM booster of several classes, trained without missing values or categories."""
    grower = _Grower()
    for i, tree in enumerate(booster.dump_model()["tree_info"]):
        top = tree["tree_structure"]
        root = grower.node(top.get("internal_value", top.get("leaf_value")))
        grower.roots.append(root)
        grower.group.append(i % n_classes)
        waiting = [(root, top)]
        while waiting:
            at, told = waiting.pop()
            if "split_feature" not in told:
                continue
            children = [told["left_child"], told["right_child"]]
            numbers = [grower.node(child.get("internal_value", child.get("leaf_value"))) for child in children]
            grower.split(at, told["split_feature"], told["threshold"], *numbers)
            waiting += zip(numbers, children, strict=True)
    return grower.grown(n_classes)


def of_forest(forest: Any) -> Trees:
    """The trees of a scikit-learn forest of classifiers; each tells probabilities, the forest their mean."""
    n_classes = len(forest.classes_)
    grower = _Grower()
    for estimator in forest.estimators_:
        tree = estimator.tree_
        share = tree.value[:, 0, :] / tree.value[:, 0, :].sum(1, keepdims=True) / len(forest.estimators_)
        first = len(grower.feature)
        for row in share:
            grower.node(row)
        grower.roots.append(first)
        grower.group.append(-1)
        for at in np.flatnonzero(tree.children_left >= 0).tolist():
            left, right = int(tree.children_left[at]), int(tree.children_right[at])
            grower.split(first + at, int(tree.feature[at]), float(tree.threshold[at]), first + left, first + right)
    return grower.grown(n_classes)
