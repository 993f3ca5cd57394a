"""Importers of the linear and the tidying ops of ai.onnx.ml: compositions, for numbers alone.

Labels, keys and categories that are text are refused.
"""

from __future__ import annotations

from math import isnan, pi
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.graph import constant
from minirt.ir.op import Value, apply
from minirt.ops.activation import Sigmoid
from minirt.ops.arithmetic import Abs, Add, Div, Mul, Sign, Sub
from minirt.ops.arithmetic_functions import Exp, Log, Sqrt
from minirt.ops.cast import casted
from minirt.ops.gemm import matmul
from minirt.ops.importer import OnnxNode, Result, importer, number
from minirt.ops.indexing import Gather
from minirt.ops.logic import Equal, Greater, IsNaN, where
from minirt.ops.movement import reshaped
from minirt.ops.ordering import ArgReduce
from minirt.ops.reduce import reduced
from minirt.ops.shape import concatenated
from minirt.ops.softmax import Softmax
from minirt.types.dtype import f32, f64, i64

DOMAIN = "ai.onnx.ml"


def rows(x: Value) -> Value:
    """x as rows of features: [C] is one row, [N, ...] are N."""
    if x.rank == 2:
        return x
    return reshaped(x, (1, x.shape[0]) if x.rank == 1 else (x.shape[0], x.tensor.with_shape(x.shape[1:]).size))


def real(x: Value) -> Value:
    """x as float32, unless it is float64."""
    return x if x.dtype is f64 else casted(x, f32)


def floats(node: OnnxNode, name: str) -> Any:
    """An attribute's numbers as an array of float64; empty where it is absent."""
    return np.asarray(node.attributes.get(name, ()), dtype=np.float64).reshape(-1)


def transformed(scores: Value, kind: str) -> Value:
    """Scores [N, C] after a post_transform; raises MinirtError for an unknown one."""
    if kind == "NONE":
        return scores
    if kind == "LOGISTIC":
        return apply(Sigmoid(), scores)
    if kind == "SOFTMAX":
        return apply(Softmax(1), scores)
    if kind == "SOFTMAX_ZERO":
        away = apply(Sub(), scores, reduced("max", scores, [1]))
        zero = number(0, scores.dtype)
        counted = apply(Greater(), apply(Abs(), scores), number(1e-7, scores.dtype))
        powers = where(counted, apply(Exp(), away), zero)
        total = reduced("sum", powers, [1])
        return apply(Div(), powers, where(apply(Equal(), total, zero), number(1, scores.dtype), total))
    if kind == "PROBIT":
        return _probit(scores)
    raise MinirtError(f"post_transform {kind!r} is not known")


def _probit(p: Value) -> Value:
    """sqrt(2) erfinv(2 p - 1), by the approximation that onnxruntime takes (Winitzki, 2008)."""

    def affine(x: Value, factor: float, shift: float) -> Value:
        return apply(Add(), apply(Mul(), x, number(factor, x.dtype)), number(shift, x.dtype))

    x = affine(p, 2, -1)
    logs = apply(Log(), affine(apply(Mul(), x, x), -1, 1))
    a = 0.147
    half = affine(logs, 0.5, 2 / (pi * a))
    inner = apply(Sub(), apply(Mul(), half, half), affine(logs, 1 / a, 0))
    found = apply(Sqrt(), apply(Sub(), apply(Sqrt(), inner), half))
    return affine(apply(Mul(), apply(Sign(), x), found), 2**0.5, 0)


def labels_of(node: OnnxNode, name: str = "classlabels_ints") -> Any:
    """Labels of classes, which must be numbers; raises MinirtError where they are text."""
    if len(node.attributes.get("classlabels_strings", ())):
        raise MinirtError("its labels are text, and an engine's outputs are numbers: export it with integer labels")
    return np.asarray(node.attributes.get(name, ()), dtype=np.int64).reshape(-1)


def labelled(scores: Value, labels: Any) -> Value:
    """The label [N] of each row's greatest score, the first of equal ones."""
    best = apply(ArgReduce("max", 1, False, False), scores)
    if np.array_equal(labels, np.arange(len(labels))):
        return best
    return apply(Gather(0), constant(labels, i64), best)


def second_where(score: Value, labels: Any, threshold: float) -> Value:
    """The second of two labels [N] where the score [N, 1] is above the threshold, the first elsewhere."""
    above = apply(Greater(), score, number(threshold, score.dtype))
    return apply(Gather(0), constant(labels, i64), casted(reshaped(above, score.shape[:1]), i64))


def with_rest(score: Value) -> Value:
    """[N, 2]: what is left of 1, and the score [N, 1]."""
    return concatenated([apply(Sub(), number(1, score.dtype), score), score], 1)


@importer("Binarizer", domain=DOMAIN)
def _binarizer(node: OnnxNode) -> Result:
    x = node.input(0)
    return casted(apply(Greater(), x, number(float(node.attributes.get("threshold", 0)), x.dtype)), x.dtype)


@importer("Scaler", domain=DOMAIN)
def _scaler(node: OnnxNode) -> Result:
    x = real(node.input(0))
    offset, scale = (constant(floats(node, name), x.dtype) for name in ("offset", "scale"))
    return casted(apply(Mul(), apply(Sub(), x, offset), scale), f32)


@importer("Normalizer", domain=DOMAIN)
def _normalizer(node: OnnxNode) -> Result:
    """Each row over its greatest element, the sum of its magnitudes, or its length; over 1 where that is 0."""
    x = real(node.input(0))
    kind, axes = str(node.attributes.get("norm", "MAX")), [x.rank - 1]
    if kind == "MAX":
        norm = reduced("max", x, axes)
    elif kind == "L1":
        norm = reduced("sum", apply(Abs(), x), axes)
    elif kind == "L2":
        norm = apply(Sqrt(), reduced("sum", apply(Mul(), x, x), axes))
    else:
        raise MinirtError(f"norm {kind!r} is not MAX, L1 or L2")
    safe = where(apply(Equal(), norm, number(0, x.dtype)), number(1, x.dtype), norm)
    return casted(apply(Div(), x, safe), f32)


@importer("Imputer", domain=DOMAIN)
def _imputer(node: OnnxNode) -> Result:
    x = node.input(0)
    if x.dtype.is_float:
        fresh, old = floats(node, "imputed_value_floats"), float(node.attributes.get("replaced_value_float", 0))
    else:
        fresh, old = labels_of(node, "imputed_value_int64s"), int(node.attributes.get("replaced_value_int64", 0))
    missing = apply(IsNaN(), x) if isnan(old) else apply(Equal(), x, number(old, x.dtype))
    return where(missing, constant(fresh, x.dtype), x)


@importer("ArrayFeatureExtractor", domain=DOMAIN)
def _feature_extractor(node: OnnxNode) -> Result:
    x, places = node.input(0), node.input(1)
    x = reshaped(x, (1, x.shape[0])) if x.rank == 1 else x
    return apply(Gather(x.rank - 1), x, reshaped(places, (places.tensor.size,)))


@importer("FeatureVectorizer", domain=DOMAIN)
def _vectorizer(node: OnnxNode) -> Result:
    return concatenated([casted(rows(node.input(i)), f32) for i in range(len(node.inputs))], 1)


@importer("OneHotEncoder", domain=DOMAIN)
def _one_hot(node: OnnxNode) -> Result:
    """[..., C] of float32: 1 at the category that an element is."""
    if len(node.attributes.get("cats_strings", ())):
        raise MinirtError("its categories are text, and an engine's inputs are numbers")
    x = casted(node.input(0), i64)
    cats = constant(np.asarray(node.attributes["cats_int64s"], np.int64), i64)
    return casted(apply(Equal(), reshaped(x, (*x.shape, 1)), cats), f32)


@importer("LabelEncoder", domain=DOMAIN)
def _label_encoder(node: OnnxNode) -> Result:
    """The value of the key that an element equals (NaN is one), or the default."""
    keys, values = _table(node, "keys"), _table(node, "values")
    if keys is None or values is None:
        raise MinirtError("its keys or values are text, and an engine's inputs and outputs are numbers")
    x = node.input(0)
    plain = {"i": -1, "f": -0.0}[values.dtype.kind]
    given = node.attributes.get("default_tensor")
    given = np.asarray(plain if given is None else given).reshape(-1)[0]
    given = node.attributes.get("default_int64" if values.dtype.kind == "i" else "default_float", given)
    column = reshaped(x, (*x.shape, 1))
    names = constant(keys, x.dtype)
    alike = apply(Equal(), column, names)
    if x.dtype.is_float and np.isnan(keys.astype(np.float64)).any():
        nans = constant(np.isnan(keys.astype(np.float64)))
        alike = where(nans, apply(IsNaN(), column), alike)
    order = constant(len(keys) - np.arange(len(keys)), i64)  # the first of equal keys is the greatest
    found = reduced("max", where(alike, order, number(0, i64)), [x.rank], False)
    table = np.concatenate([values[::-1], np.asarray([given], values.dtype)])
    place = where(apply(Equal(), found, number(0, i64)), number(len(keys), i64), apply(Sub(), found, number(1, i64)))
    return apply(Gather(0), constant(table), place)


def _table(node: OnnxNode, name: str) -> Any:
    for kind, dtype in (("int64s", np.int64), ("floats", np.float32)):
        if len(node.attributes.get(f"{name}_{kind}", ())):
            return np.asarray(node.attributes[f"{name}_{kind}"], dtype)
    found = node.attributes.get(f"{name}_tensor")
    return None if found is None or np.asarray(found).dtype.kind not in "if" else np.asarray(found).reshape(-1)


def _product(node: OnnxNode, x: Value, count: int) -> Value:
    """x W' + b, [N, count]."""
    weights = constant(floats(node, "coefficients").reshape(count, -1), x.dtype)
    made = matmul(x, weights, trans_b=True)
    shift = floats(node, "intercepts")
    return apply(Add(), made, constant(shift, x.dtype)) if shift.size else made


@importer("LinearRegressor", domain=DOMAIN)
def _linear_regressor(node: OnnxNode) -> Result:
    made = _product(node, casted(rows(node.input(0)), f32), int(node.attributes.get("targets", 1)))
    return transformed(made, str(node.attributes.get("post_transform", "NONE")))


@importer("LinearClassifier", domain=DOMAIN)
def _linear_classifier(node: OnnxNode) -> Result:
    labels, kind = labels_of(node), str(node.attributes.get("post_transform", "NONE"))
    count = max(1, floats(node, "intercepts").size)
    scores = _product(node, casted(rows(node.input(0)), f32), count)
    if count == 1 and len(labels) == 2:
        return [second_where(scores, labels, 0.0), with_rest(transformed(scores, kind))]
    return [labelled(scores, labels), transformed(scores, kind)]


@importer("ZipMap", domain=DOMAIN)
def _zip_map(node: OnnxNode) -> Result:
    """The scores [N, C] themselves, not a map from label to score for each row: an engine's outputs are tensors."""
    return node.input(0)
