"""Importers of support vector machines (ai.onnx.ml): kernels as products, pairs of classes as columns of one."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import Value, apply, apply_all
from minirt.ops.activation import Sigmoid
from minirt.ops.arithmetic import Abs, Add, Div, Max, Min, Mul, Pow, Sub
from minirt.ops.arithmetic_functions import Exp, Tanh
from minirt.ops.cast import casted
from minirt.ops.classic import DOMAIN, floats, labelled, labels_of, rows, transformed, with_rest
from minirt.ops.control import Loop
from minirt.ops.gemm import matmul
from minirt.ops.importer import OnnxNode, Result, importer, number
from minirt.ops.logic import Greater, GreaterOrEqual, Less, Or, where
from minirt.ops.movement import expanded, reshaped, sliced
from minirt.ops.reduce import reduced
from minirt.ops.shape import concatenated
from minirt.types.dtype import bool_, f32, i64
from minirt.types.tensor import Tensor

_LEAST = 1e-7
"""How far from 0 and 1 the probability of one class of two is kept."""


@importer("SVMRegressor", domain=DOMAIN)
def _svm_regressor(node: OnnxNode) -> Result:
    """A sum over support vectors of coefficients times kernels, and rho; without vectors, a product."""
    x, rho = casted(rows(node.input(0)), f32), floats(node, "rho")[0]
    vectors, weights = int(node.attributes.get("n_supports", 0)), floats(node, "coefficients")
    if vectors:
        table = floats(node, "support_vectors").reshape(vectors, -1)
        near = _kernel(node, x, table)
        made = matmul(near, constant(weights.reshape(1, -1), f32), trans_b=True)
    else:
        made = _kernel(node, x, weights.reshape(1, -1))
    made = apply(Add(), made, number(rho, f32))
    if int(node.attributes.get("one_class", 0)):
        made = where(apply(Greater(), made, number(0, f32)), number(1, f32), number(-1, f32))
    return transformed(made, str(node.attributes.get("post_transform", "NONE")))


def _kernel(node: OnnxNode, x: Value, table: Any) -> Value:
    """The kernel of each row of x with each row of the table, [N, M]."""
    given = floats(node, "kernel_params")
    gamma, shift, degree = given if given.size else (0.0, 0.0, 3.0)
    kind = str(node.attributes.get("kernel_type", "LINEAR"))
    inner = matmul(x, constant(table, x.dtype), trans_b=True)
    if kind == "LINEAR":
        return inner
    if kind == "RBF":
        squares = reduced("sum", apply(Mul(), x, x), [1])
        lengths = constant((table**2).sum(1), x.dtype)
        apart = apply(Sub(), apply(Add(), squares, lengths), apply(Mul(), inner, number(2, x.dtype)))
        far = apply(Max(), apart, number(0, x.dtype))
        return apply(Exp(), apply(Mul(), far, number(-gamma, x.dtype)))
    line = apply(Add(), apply(Mul(), inner, number(gamma, x.dtype)), number(shift, x.dtype))
    if kind == "POLY":
        return apply(Pow(), line, number(degree, x.dtype))
    if kind == "SIGMOID":
        return apply(Tanh(), line)
    raise MinirtError(f"kernel_type {kind!r} is not known")


@importer("SVMClassifier", domain=DOMAIN)
def _svm_classifier(node: OnnxNode) -> Result:
    """Labels by votes of the machines of each two classes, and their scores or the classes' probabilities."""
    x, labels = casted(rows(node.input(0)), f32), labels_of(node)
    counts = np.asarray(node.attributes.get("vectors_per_class", ()), np.int64)
    kind = str(node.attributes.get("post_transform", "NONE"))
    if not counts.sum():
        return _of_lines(node, x, labels, kind)
    near = _kernel(node, x, floats(node, "support_vectors").reshape(int(counts.sum()), -1))
    scores = apply(Add(), matmul(near, constant(_pairs(node, counts), f32)), constant(floats(node, "rho"), f32))
    first, second = (np.asarray(c) for c in zip(*combinations(range(len(labels)), 2), strict=True))
    places = np.eye(len(labels))
    won = casted(apply(Greater(), scores, number(0, f32)), f32)
    votes = matmul(won, constant(places[first] - places[second], f32))
    chosen = labelled(apply(Add(), votes, constant(places[second].sum(0), f32)), labels)
    if floats(node, "prob_a").size:
        return [chosen, transformed(_probabilities(_odds(node, scores), len(labels)), kind)]
    if len(labels) == 2:
        if kind == "NONE":
            return [chosen, concatenated([apply(Sub(), number(0, f32), scores), scores], 1)]
        return [chosen, with_rest(apply(Sigmoid(), scores) if kind == "LOGISTIC" else scores)]
    return [chosen, transformed(scores, kind)]


def _of_lines(node: OnnxNode, x: Value, labels: Any, kind: str) -> list[Value]:
    """A line for each class; of two classes the second wherever a score is above the threshold."""
    weights = floats(node, "coefficients")
    made = matmul(x, constant(weights.reshape(len(labels), -1), f32), trans_b=True)
    scores = apply(Add(), made, number(floats(node, "rho")[0], f32))
    chosen = labelled(scores, labels)
    if len(labels) == 2:
        greatest = reduced("max", scores, [1], False)
        above: Greater | GreaterOrEqual = GreaterOrEqual() if (weights >= 0).all() else Greater()
        least = number(0.5 if (weights >= 0).all() else 0, f32)
        chosen = where(apply(above, greatest, least), number(labels[1], i64), chosen)
    return [chosen, transformed(scores, kind)]


def _pairs(node: OnnxNode, counts: Any) -> Any:
    """Coefficients of each support vector in the machine of each two classes, [vectors, pairs]."""
    table = floats(node, "coefficients").reshape(-1, int(counts.sum()))
    ends = np.cumsum(counts)
    columns = []
    for i, j in combinations(range(len(counts)), 2):
        column = np.zeros(table.shape[1])
        for own, row in ((i, j - 1), (j, i)):
            part = slice(ends[own] - counts[own], ends[own])
            column[part] = table[row, part]
        columns.append(column)
    return np.stack(columns, 1)


def _odds(node: OnnxNode, scores: Value) -> Value:
    """The probability of the first of each two classes, [N, pairs]: 1 - sigmoid(A score + B)."""
    slope, shift = (constant(floats(node, name), f32) for name in ("prob_a", "prob_b"))
    line = apply(Add(), apply(Mul(), scores, slope), shift)
    found = apply(Sub(), number(1, f32), apply(Sigmoid(), line))
    return apply(Min(), apply(Max(), found, number(_LEAST, f32)), number(1 - _LEAST, f32))


def _probabilities(odds: Value, classes: int) -> Value:
    """Probabilities of classes [N, C] from those of pairs (Wu, Lin and Weng 2004, their second method).

    As in libsvm, at most max(100, C) rounds of an update of each class, until no error of a row is above 0.005 / C.
    """
    batch = odds.shape[0]
    pairs = {pair: sliced(odds, 1, i, 1) for i, pair in enumerate(combinations(range(classes), 2))}
    pairs |= {(j, i): apply(Sub(), number(1, f32), v) for (i, j), v in list(pairs.items())}
    table = []
    for t in range(classes):
        squares = [apply(Mul(), pairs[j, t], pairs[j, t]) for j in range(classes) if j != t]
        diagonal = squares[0]
        for square in squares[1:]:
            diagonal = apply(Add(), diagonal, square)
        for j in range(classes):
            crossed = diagonal if j == t else apply(Mul(), apply(Mul(), pairs[j, t], pairs[t, j]), number(-1, f32))
            table.append(crossed)
    matrix = reshaped(concatenated(table, 1), (batch, classes, classes))
    start = expanded(number(1 / classes, f32), (batch, classes))
    done = expanded(constant(False, bool_), (batch, 1))
    body = _round(matrix, start, done)
    trip, going = constant(np.int64(max(100, classes)), i64), constant(True, bool_)
    found, _ = apply_all(Loop(body, 2, True, True), trip, going, start, done, matrix)
    return found


def _round(matrix: Value, start: Value, done: Value) -> Graph:
    """The body of the loop: rows that are done stay as they are."""
    classes = int(start.tensor.shape[1])  # type: ignore[arg-type]  # a number of labels
    given = [("round", Tensor(i64, ())), ("going", Tensor(bool_, ())), ("shares", start.type), ("done", done.type)]
    inputs = [apply(Input(name, kind)) for name, kind in (*given, ("matrix", matrix.type))]
    shares, ready, table = inputs[2:]
    batch = shares.shape[0]
    one = number(1, f32)
    whole = reshaped(matmul(table, reshaped(shares, (batch, classes, 1))), (batch, classes))
    mean = reduced("sum", apply(Mul(), shares, whole), [1])
    worst = reduced("max", apply(Abs(), apply(Sub(), whole, mean)), [1])
    ready = apply(Or(), ready, apply(Less(), worst, number(0.005 / classes, f32)))
    moved = shares
    for t in range(classes):
        row = reshaped(sliced(table, 1, t, 1), (batch, classes))
        own, here = sliced(row, 1, t, 1), sliced(whole, 1, t, 1)
        step = apply(Div(), apply(Sub(), mean, here), own)
        more = apply(Add(), one, step)
        rise = apply(Add(), apply(Mul(), step, own), apply(Mul(), here, number(2, f32)))
        mean = apply(Div(), apply(Add(), mean, apply(Mul(), step, rise)), apply(Mul(), more, more))
        whole = apply(Div(), apply(Add(), whole, apply(Mul(), step, row)), more)
        unit = constant(np.eye(classes)[t], f32)
        moved = apply(Div(), apply(Add(), moved, apply(Mul(), step, unit)), more)
    kept = where(ready, shares, moved)
    left = reduced("min", casted(ready, i64), [0, 1], False)
    going = apply(Less(), left, number(1, i64))
    return Graph("probabilities", inputs, [going, kept, ready], ["going_on", "shares_out", "done_out"])
