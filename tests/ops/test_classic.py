"""ai.onnx.ml and the training ops against onnxruntime and the definitions: random trees, products, tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from minirt.errors import MinirtError
from minirt.ir.graph import Graph
from minirt.ops.evaluate import evaluate
from tests.ops import on_target
from tests.ops.harness import assert_close, import_model, one_node, run_ort

ML = "ai.onnx.ml"
RNG = np.random.default_rng(7)
MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
POSTS = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"]
X = RNG.standard_normal((9, 4)).astype(np.float32)


def model_of(op: str, arrays: Sequence[Any], outputs: int, version: int, domain: str, **given: Any) -> onnx.ModelProto:
    """A model of one node of a domain in a version."""
    made = one_node(op, arrays, outputs, 21, domain=domain, **given)
    made.opset_import[1].version = version
    return made


def check(op: str, arrays: Sequence[Any], outputs: int = 1, version: int = 3, exact: int = -1, **given: Any) -> Graph:
    """The importer's graph and what is built of it agree with onnxruntime; output ``exact`` to the letter."""
    model = model_of(op, arrays, outputs, version, ML, **given)
    feeds = {f"x{i}": np.asarray(a) for i, a in enumerate(arrays)}
    wanted = run_ort(model, feeds)
    graph = import_model(model)
    answers = [evaluate(graph, feeds)] + ([on_target.OnTarget(graph)(feeds)] if on_target.wanted(graph) else [])
    for found in answers:
        for place, (a, b) in enumerate(zip(found, wanted, strict=True)):
            assert_close(a, b, 0.0 if place == exact else 2e-5)
    return graph


def trees(count: int, depth: int, modes: Sequence[str], nan: bool = False) -> dict[str, Any]:
    """Random complete trees over four features, some cut short: the attributes of nodes, and ``leaves``."""
    out: dict[str, list[Any]] = {
        name: []
        for name in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids",
                     "missing_value_tracks_true")
    }  # fmt: skip
    leaves = []
    for tree in range(count):
        for name in range(2 ** (depth + 1) - 1):
            parent = (name - 1) // 2
            if (
                name
                and (tree, parent) in leaves
                or name
                and (tree, parent) not in zip(out["treeids"], out["nodeids"], strict=True)
            ):
                continue
            last = 2 * name + 2 >= 2 ** (depth + 1) - 1 or (name > 0 and RNG.random() < 0.2)
            if last:
                leaves.append((tree, name))
            row = (tree, name, int(RNG.integers(4)), float(np.float32(RNG.normal())),
                   "LEAF" if last else str(RNG.choice(modes)), 0 if last else 2 * name + 1, 0 if last else 2 * name + 2,
                   int(nan and RNG.random() < 0.5))  # fmt: skip
            for key, value in zip(out, row, strict=True):
                out[key].append(value)
    return {f"nodes_{key}": value for key, value in out.items()} | {"leaves": leaves}


def weighted(kind: str, made: dict[str, Any], targets: Sequence[int], every: bool = True) -> dict[str, Any]:
    """The attributes with weights at the leaves, of each target or of one."""
    said = [(t, n, target) for t, n in made.pop("leaves")
            for target in (targets if every else [int(RNG.choice(targets))])]  # fmt: skip
    weights = RNG.normal(size=len(said)).astype(np.float32)
    names = {f"{kind}_treeids": 0, f"{kind}_nodeids": 1, f"{kind}_ids": 2}
    return made | {n: [s[i] for s in said] for n, i in names.items()} | {f"{kind}_weights": weights.tolist()}


@pytest.mark.parametrize("aggregate", ["SUM", "AVERAGE", "MIN", "MAX"])
@pytest.mark.parametrize("modes", [MODES[:1], MODES[3:4], MODES])
def test_regressor_trees(aggregate: str, modes: list[str]) -> None:
    given = weighted("target", trees(5, 3, modes), [0, 1])
    check("TreeEnsembleRegressor", [X], n_targets=2, aggregate_function=aggregate, **given)


def test_regressor_trees_with_nan_and_a_base() -> None:
    x = X.copy()
    x[::2, 1] = np.nan
    given = weighted("target", trees(4, 4, MODES[:1], nan=True), [0], every=False)
    check("TreeEnsembleRegressor", [x], n_targets=1, base_values=[0.5], **given)


@pytest.mark.parametrize("post", POSTS[:4])
def test_classifier_trees(post: str) -> None:
    given = weighted("class", trees(6, 3, MODES[:1]), [0, 1, 2], every=False)
    more = {"classlabels_int64s": [4, 7, 1], "post_transform": post}
    check("TreeEnsembleClassifier", [X], 2, 1, 0, **more, **given)
    check("TreeEnsembleClassifier", [RNG.integers(-2, 2, (5, 4))], 2, 1, 0, **more, **given)


@pytest.mark.parametrize("post", ["NONE", "LOGISTIC"])
@pytest.mark.parametrize("sure", [False, True])
@pytest.mark.parametrize("classes", [[0], [1]])
def test_classifier_trees_of_two_classes(post: str, sure: bool, classes: list[int]) -> None:
    given = weighted("class", trees(3, 3, MODES[:1]), classes)
    if sure:
        given["class_weights"] = [abs(w) / 3 for w in given["class_weights"]]
    check("TreeEnsembleClassifier", [X], 2, 1, 0, classlabels_int64s=[0, 1], post_transform=post, **given)


@pytest.mark.parametrize("post", POSTS[:4])
def test_linear_models(post: str) -> None:
    given = {"coefficients": RNG.normal(size=12).tolist(), "intercepts": [0.1, -0.2, 0.3], "post_transform": post}
    check("LinearRegressor", [X], targets=3, **given)
    check("LinearClassifier", [X], 2, 1, 0, classlabels_ints=[3, 1, 2], **given)


@pytest.mark.parametrize("post", ["NONE", "LOGISTIC"])
def test_a_linear_model_of_two_classes(post: str) -> None:
    given = {"coefficients": RNG.normal(size=4).tolist(), "intercepts": [0.1], "post_transform": post}
    check("LinearClassifier", [X], 2, 1, 0, classlabels_ints=[0, 1], **given)


def test_probit() -> None:
    x = RNG.uniform(0.05, 0.95, (6, 1)).astype(np.float32)
    check("LinearRegressor", [x], coefficients=[1.0], targets=1, post_transform="PROBIT")


@pytest.mark.parametrize("kernel", ["LINEAR", "RBF", "POLY", "SIGMOID"])
def test_support_vectors(kernel: str) -> None:
    given: dict[str, Any] = {"kernel_type": kernel, "kernel_params": [0.3, 0.5, 3.0], "rho": [0.2]}
    vectors = {"n_supports": 5, "support_vectors": RNG.normal(size=20).tolist()}
    check("SVMRegressor", [X], coefficients=RNG.normal(size=5).tolist(), **vectors, **given)


def machines(counts: Sequence[int], kernel: str, labels: Sequence[int], odds: bool) -> dict[str, Any]:
    """The attributes of random machines for each two classes, with so many vectors a class."""
    total, pairs = sum(counts), len(counts) * (len(counts) - 1) // 2
    given: dict[str, Any] = {"kernel_type": kernel, "kernel_params": [0.3, 0.5, 3.0], "classlabels_ints": labels}
    given |= {"coefficients": RNG.normal(size=(len(counts) - 1) * total).tolist(), "vectors_per_class": counts}
    given |= {"support_vectors": RNG.normal(size=total * 4).tolist(), "rho": RNG.normal(size=pairs).tolist()}
    if odds:
        given |= {"prob_a": RNG.normal(size=pairs).tolist(), "prob_b": RNG.normal(size=pairs).tolist()}
    return given


@pytest.mark.parametrize("odds", [False, True])
@pytest.mark.parametrize("counts", [[3, 2], [2, 3, 4], [1, 2, 3, 2]])
@pytest.mark.parametrize("kernel", ["RBF", "POLY"])
def test_classes_by_support_vectors(counts: list[int], kernel: str, odds: bool) -> None:
    check("SVMClassifier", [X], 2, 1, 0, **machines(counts, kernel, list(range(5, 5 + len(counts))), odds))


@pytest.mark.parametrize("post", POSTS[:4])
def test_scores_of_support_vectors(post: str) -> None:
    check("SVMClassifier", [X], 2, 1, 0, post_transform=post, **machines([2, 3], "RBF", [0, 1], False))
    check("SVMClassifier", [X], 2, 1, 0, post_transform=post, **machines([2, 2, 3], "RBF", [0, 1, 2], False))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("positive", [False, True])
def test_classes_by_lines(classes: int, positive: bool) -> None:
    weights = RNG.uniform(0 if positive else -1, 1, classes * 4).tolist()
    labels = list(range(7, 7 + classes))
    given = {"kernel_type": "LINEAR", "kernel_params": [0.0, 0.0, 3.0], "classlabels_ints": labels}
    check("SVMClassifier", [X], 2, 1, 0, coefficients=weights, rho=[-0.3], **given)


def test_maps_of_scores_are_a_tensor() -> None:
    scores = onnx.helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, ["rows", 3])
    maps = onnx.helper.make_sequence_type_proto(
        onnx.helper.make_map_type_proto(onnx.TensorProto.INT64, onnx.helper.make_tensor_type_proto(1, []))
    )
    node = onnx.helper.make_node("ZipMap", ["scores"], ["maps"], domain=ML, classlabels_int64s=[2, 0, 1])
    graph = onnx.helper.make_graph([node], "g", [scores], [onnx.helper.make_value_info("maps", maps)])
    opsets = [onnx.helper.make_opsetid("", 21), onnx.helper.make_opsetid(ML, 3)]
    (found,) = evaluate(import_model(onnx.helper.make_model(graph, opset_imports=opsets)), {"scores": X[:, :3]})
    np.testing.assert_array_equal(found, X[:, :3])


@pytest.mark.parametrize("norm", ["MAX", "L1", "L2"])
def test_normalizer(norm: str) -> None:
    check("Normalizer", [np.abs(X)], norm=norm)
    check("Normalizer", [X[:, :3] + 5], norm=norm)


def test_tidying() -> None:
    check("Binarizer", [X], threshold=0.25)
    check("Scaler", [X], offset=[1.0, 2.0, 0.5, 0.0], scale=[2.0, 1.0, 3.0, -1.0])
    check("Scaler", [RNG.integers(-5, 5, (3, 4))], offset=[1.0], scale=[0.5])
    holes = X.copy()
    holes[2, 1] = holes[4, 3] = np.nan
    check("Imputer", [holes], imputed_value_floats=[1.0, 2.0, 3.0, 4.0], replaced_value_float=float("nan"))
    check("Imputer", [RNG.integers(0, 2, (5, 2))], imputed_value_int64s=[7, 9], replaced_value_int64=0)
    check("ArrayFeatureExtractor", [X, np.array([[3, 0]])])
    check("ArrayFeatureExtractor", [X[0], np.array([2])])
    check("FeatureVectorizer", [X, X[:, :2]], inputdimensions=[4, 2])
    check("OneHotEncoder", [np.array([2, 5, 3])], cats_int64s=[3, 2, 9], zeros=1)


def test_label_encoder() -> None:
    keys, values = [3, 1, 8], [0.5, -1.5, 2.5]
    check("LabelEncoder", [np.array([1, 8, 4, 3])], keys_int64s=keys, values_floats=values, default_float=9.0)
    check("LabelEncoder", [np.array([0.5, 9, 2.5], np.float32)], keys_floats=values, values_int64s=keys)
    nan, holes = [0.5, float("nan")], np.array([[np.nan], [0.5]], np.float32)
    check("LabelEncoder", [holes], version=4, keys_floats=nan, values_floats=[1.0, 2.0])
    check("LabelEncoder", [np.array([5, 6])], keys_int64s=[5, 5], values_int64s=[1, 2])


def test_text_is_refused() -> None:
    texts = {"keys_strings": ["a"], "values_int64s": [1]}
    for op, given in (("LabelEncoder", texts), ("OneHotEncoder", {"cats_strings": ["a"]})):
        with pytest.raises(MinirtError, match="text"):
            import_model(model_of(op, [np.array([1])], 1, 3, ML, **given))
    with pytest.raises(MinirtError, match="integer labels"):
        given = {"coefficients": [1.0] * 8, "intercepts": [0.0, 0.0], "classlabels_strings": ["a", "b"]}
        import_model(model_of("LinearClassifier", [X], 2, 1, ML, **given))


@pytest.mark.parametrize("op", ["Adagrad", "Adam", "Momentum"])
@pytest.mark.parametrize("turn", [0, 3])
def test_optimisers(op: str, turn: int) -> None:
    """Two tensors of unlike shapes, by the definitions of the onnx package."""
    groups = {"Adagrad": 3, "Adam": 4, "Momentum": 3}[op]
    kinds: dict[str, dict[str, Any]] = {
        "Adagrad": {"decay_factor": 0.1, "epsilon": 1e-5, "norm_coefficient": 0.01},
        "Adam": {"alpha": 0.8, "beta": 0.7, "norm_coefficient": 0.01, "norm_coefficient_post": 0.02},
        "Momentum": {"alpha": 0.9, "beta": 0.5, "mode": "nesterov", "norm_coefficient": 0.01},
    }
    given = kinds[op]
    tensors = [RNG.random(s).astype(np.float32) for _ in range(groups) for s in ((2, 3), (4,))]
    arrays = [np.float32(0.1), np.int64(turn), *tensors]
    domain = "ai.onnx.preview.training"
    model = model_of(op, arrays, 2 * (groups - 1), 1, domain, **given)
    feeds = {f"x{i}": np.asarray(a) for i, a in enumerate(arrays)}
    for found, wanted in zip(
        evaluate(import_model(model), feeds), ReferenceEvaluator(model).run(None, feeds), strict=True
    ):
        assert_close(found, np.asarray(wanted, np.float32), 1e-5)
    with pytest.raises(MinirtError, match="for each one"):
        import_model(model_of(op, arrays[:-1], 2 * (groups - 1), 1, domain, **given))
