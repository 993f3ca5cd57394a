"""Importers of ensembles of decision trees (ai.onnx.ml): all trees are walked at once, a level at a time.

Nodes and leaves of all trees are rows of tables; [N, T] places, one for each row of x and each tree, go from node to
child as often as the deepest tree is deep. A leaf is its own child.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.graph import constant
from minirt.ir.op import Value, apply
from minirt.ops.arithmetic import Add, Mul, Neg
from minirt.ops.cast import casted
from minirt.ops.classic import DOMAIN, floats, labelled, labels_of, real, rows, second_where, transformed, with_rest
from minirt.ops.importer import OnnxNode, Result, importer, number
from minirt.ops.indexing import Gather, GatherElements
from minirt.ops.logic import And, Equal, Greater, GreaterOrEqual, IsNaN, Less, LessOrEqual, Not, Or, where
from minirt.ops.movement import expanded, reshaped, sliced
from minirt.ops.reduce import reduced
from minirt.ops.shape import concatenated
from minirt.types.dtype import Array, DType, f32, i64, u8

_MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER")
_COMPARE = (LessOrEqual, Less, GreaterOrEqual, Greater, Equal, None, None)
_AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")
_POSTS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")


@dataclass
class Forest:
    """Tables with a row for each node and leaf: feature, split, mode, children, whether NaN goes to the first child.

    ``members`` are the sets of nodes of mode MEMBER, padded with NaN; ``weights`` [rows, targets] are NaN where a leaf
    says nothing of a target.
    """

    roots: Array
    features: Array
    splits: Array
    modes: Array
    yes: Array
    no: Array
    nan_yes: Array
    weights: Array
    members: Array

    @property
    def depth(self) -> int:
        """The length of the longest way from a root to a leaf; raises MinirtError where a way has no end."""
        places, depth = set(self.roots.tolist()), 0
        while places := {c for p in places for c in (self.yes[p], self.no[p]) if c != p}:
            depth += 1
            if depth > len(self.yes):
                raise MinirtError("its trees have circles")
        return depth


def _split_of(forest: Forest, x: Value, at: Value) -> Value:
    """Which of the places [N, T] go to the first child."""

    def table(numbers: Array, dtype: DType) -> Value:
        if len(numbers) and (numbers == numbers[0]).all():  # the same for all
            return number(numbers[0], dtype)
        return apply(Gather(0), constant(numbers, dtype), at)

    features = apply(Gather(0), constant(forest.features, i64), at)
    found = apply(GatherElements(1), x, features)
    split = table(forest.splits, x.dtype)
    used = sorted(set(forest.modes[forest.yes != np.arange(len(forest.yes))].tolist()))
    goes = None
    for mode in used:
        kind = _COMPARE[mode]
        if kind is not None:
            true = apply(kind(), found, split)
        elif mode == _MODES.index("BRANCH_NEQ"):
            true = apply(Not(), apply(Equal(), found, split))
        else:
            true = _is_member(forest, found, at)
        mine = apply(Equal(), table(forest.modes, u8), number(mode, u8))
        goes = true if goes is None else where(mine, true, goes)
    assert goes is not None
    if forest.nan_yes.any():
        strays = apply(Equal(), table(forest.nan_yes, u8), number(1, u8))
        goes = apply(Or(), goes, apply(And(), strays, apply(IsNaN(), found)))
    return goes


def _is_member(forest: Forest, found: Value, at: Value) -> Value:
    sets = apply(Gather(0), constant(forest.members, found.dtype), at)
    alike = apply(Equal(), reshaped(found, (*found.shape, 1)), sets)
    return apply(Equal(), reduced("max", casted(alike, u8), [2], False), number(1, u8))


def _leaves(forest: Forest, x: Value) -> Value:
    """The leaf [N, T] of each row of x in each tree."""
    shape = (x.shape[0], len(forest.roots))
    at = expanded(constant(forest.roots[None], i64), shape)
    for _ in range(forest.depth):
        yes, no = (apply(Gather(0), constant(side, i64), at) for side in (forest.yes, forest.no))
        at = where(_split_of(forest, x, at), yes, no)
    return at


def _scores(forest: Forest, leaves: Value, dtype: DType, aggregate: str, base: Array) -> Value:
    """What leaves [N, T] say of each target, [N, targets], put together over the trees."""
    if aggregate not in _AGGREGATES:
        raise MinirtError(f"aggregate_function {aggregate!r} is none of {', '.join(_AGGREGATES)}")
    silent = np.isnan(forest.weights)
    plain = {"MIN": np.inf, "MAX": -np.inf}.get(aggregate, 0.0)
    said = apply(Gather(0), constant(np.where(silent, plain, forest.weights), dtype), leaves)
    kind = {"MIN": "min", "MAX": "max"}.get(aggregate, "sum")
    made = reduced(kind, said, [1], False)
    if aggregate == "AVERAGE":
        made = apply(Mul(), made, number(1 / len(forest.roots), dtype))
    elif kind != "sum" and silent.any():
        made = where(apply(Equal(), made, number(plain, dtype)), number(0, dtype), made)
    return apply(Add(), made, constant(base, dtype)) if base.any() else made


def _told(forest: Forest, leaves: Value, scores: Value) -> Value:
    """The scores, with -inf for classes of which no tree says anything: these are never chosen."""
    silent = np.isnan(forest.weights)
    if not (forest.weights < 0).any():
        return scores
    told = reduced("max", apply(Gather(0), constant(~silent, u8), leaves), [1], False)
    return where(apply(Equal(), told, number(1, u8)), scores, number(-np.inf, scores.dtype))


def _numbers(node: OnnxNode, name: str) -> Array:
    """Numbers of an attribute that may be floats or, as NAME_as_tensor, a tensor."""
    found = node.attributes.get(f"{name}_as_tensor")
    return floats(node, name) if found is None else np.asarray(found, np.float64).reshape(-1)


def _ints(node: OnnxNode, name: str) -> Array:
    return np.asarray(node.attributes.get(name, ()), np.int64).reshape(-1)


def _old_forest(node: OnnxNode, leaf: str, targets: int) -> Forest:
    """The trees of TreeEnsembleRegressor and TreeEnsembleClassifier: nodes named by their tree and their number."""
    trees, names = _ints(node, "nodes_treeids"), _ints(node, "nodes_nodeids")
    place = {key: i for i, key in enumerate(zip(trees.tolist(), names.tolist(), strict=True))}
    own = np.arange(len(place))
    is_leaf = np.asarray([mode == "LEAF" for mode in node.attributes["nodes_modes"]])

    def children(name: str) -> Array:
        given = zip(trees.tolist(), _ints(node, name).tolist(), is_leaf.tolist(), strict=True)
        return np.asarray([own[i] if last else place[t, c] for i, (t, c, last) in enumerate(given)], np.int64)

    modes = [_MODES.index(mode) if mode != "LEAF" else 0 for mode in node.attributes["nodes_modes"]]
    nan_yes = _ints(node, "nodes_missing_value_tracks_true")
    weights = np.full((len(place), targets), np.nan)
    said = zip(
        _ints(node, f"{leaf}_treeids").tolist(), _ints(node, f"{leaf}_nodeids").tolist(),
        _ints(node, f"{leaf}_ids").tolist(), _numbers(node, f"{leaf}_weights").tolist(), strict=True,
    )  # fmt: skip
    for tree, name, target, weight in said:
        old = weights[place[tree, name], target]
        weights[place[tree, name], target] = weight + (0 if np.isnan(old) else old)
    roots = np.asarray([np.flatnonzero(trees == t)[0] for t in dict.fromkeys(trees.tolist())], np.int64)
    return Forest(
        roots, np.where(is_leaf, 0, _ints(node, "nodes_featureids")), _numbers(node, "nodes_values"),
        np.asarray(modes, np.uint8), children("nodes_truenodeids"), children("nodes_falsenodeids"),
        nan_yes if len(nan_yes) else own * 0, weights,
        np.full((len(place), 1), np.nan),
    )  # fmt: skip


def _new_forest(node: OnnxNode) -> Forest:
    """The trees of TreeEnsemble: nodes and leaves apart, each numbered."""
    splits, modes = _numbers_of(node, "nodes_splits"), _numbers_of(node, "nodes_modes").astype(np.uint8)
    weights, targets = _numbers_of(node, "leaf_weights"), _ints(node, "leaf_targetids")
    count, leaves = len(splits), len(weights)
    own = np.arange(count + leaves)

    def children(side: str) -> Array:
        last = _ints(node, f"nodes_{side}leafs").astype(bool)
        return np.concatenate([_ints(node, f"nodes_{side}nodeids") + last * count, own[count:]])

    said = np.full((count + leaves, int(node.attributes.get("n_targets", 1))), np.nan)
    said[own[count:], targets] = weights
    nan_yes = _ints(node, "nodes_missing_value_tracks_true")
    none = np.zeros(leaves)
    return Forest(
        _ints(node, "tree_roots"), _tailed(_ints(node, "nodes_featureids"), none), _tailed(splits, none),
        _tailed(modes, none), children("true"), children("false"),
        _tailed(nan_yes if len(nan_yes) else np.zeros(count, np.int64), none), said,
        _members(node, modes, leaves),
    )  # fmt: skip


def _numbers_of(node: OnnxNode, name: str) -> Array:
    return np.asarray(node.attributes[name]).reshape(-1)


def _tailed(numbers: Array, tail: Array) -> Array:
    return np.concatenate([numbers, tail.astype(numbers.dtype)])


def _members(node: OnnxNode, modes: Array, leaves: int) -> Array:
    """[rows, largest set]: the sets of the nodes of mode MEMBER, which stand one after the other, NaN between."""
    sets: list[list[float]] = [[]]
    for value in np.asarray(node.attributes.get("membership_values", ()), np.float64).reshape(-1):
        if np.isnan(value):
            sets.append([])
        else:
            sets[-1].append(float(value))
    out = np.full((len(modes) + leaves, max(1, *map(len, sets)) if sets else 1), np.nan)
    for row, held in zip(np.flatnonzero(modes == _MODES.index("BRANCH_MEMBER")), sets, strict=False):
        out[row, : len(held)] = held
    return out


def _base(node: OnnxNode, targets: int) -> Array:
    found = _numbers(node, "base_values")
    return np.broadcast_to(found, (targets,)) if found.size in (1, targets) else np.zeros(targets)


@importer("TreeEnsemble", domain=DOMAIN)
def _tree_ensemble(node: OnnxNode) -> Result:
    x = real(rows(node.input(0)))
    aggregate = _AGGREGATES[int(node.attributes.get("aggregate_function", 1))]
    forest = _new_forest(node)
    scores = _scores(forest, _leaves(forest, x), x.dtype, aggregate, np.zeros(forest.weights.shape[1]))
    return casted(transformed(scores, _POSTS[int(node.attributes.get("post_transform", 0))]), node.input(0).dtype)


@importer("TreeEnsembleRegressor", domain=DOMAIN)
def _tree_regressor(node: OnnxNode) -> Result:
    x, targets = real(rows(node.input(0))), int(node.attributes.get("n_targets", 1))
    forest = _old_forest(node, "target", targets)
    aggregate = str(node.attributes.get("aggregate_function", "SUM"))
    scores = _scores(forest, _leaves(forest, x), x.dtype, aggregate, _base(node, targets))
    return casted(transformed(scores, str(node.attributes.get("post_transform", "NONE"))), f32)


@importer("TreeEnsembleClassifier", domain=DOMAIN)
def _tree_classifier(node: OnnxNode) -> Result:
    """Label and scores; of two classes the first may have all the weights, which then speak of the second."""
    x, labels = real(rows(node.input(0))), labels_of(node, "classlabels_int64s")
    forest = _old_forest(node, "class", len(labels))
    kind, kinds = str(node.attributes.get("post_transform", "NONE")), set(_ints(node, "class_ids").tolist())
    leaves = _leaves(forest, x)
    scores = _scores(forest, leaves, x.dtype, "SUM", _base(node, len(labels)))
    if len(labels) != 2 or len(kinds) != 1:
        return [labelled(_told(forest, leaves, scores), labels), casted(transformed(scores, kind), f32)]
    sure = bool((_numbers(node, "class_weights") >= 0).all())  # then scores are probabilities
    only = sliced(scores, 1, kinds.pop(), 1)
    label = second_where(only, labels, 0.5 if sure else 0.0)
    if 1 in _ints(node, "class_ids"):
        both = transformed(scores, kind)
    elif sure and kind == "NONE":
        both = with_rest(only)
    else:
        both = transformed(concatenated([apply(Neg(), only), only], 1), kind)
    return [label, casted(both, f32)]
