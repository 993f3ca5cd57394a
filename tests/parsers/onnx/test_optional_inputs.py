"""Every ONNX op with optional inputs: each subset of them given, the rest absent by an empty name or left off.

Models go through the parser of the API, which keeps a place for each operand, and are compared with onnxruntime.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, ValueInfoProto, defs, helper, numpy_helper

import minirt as trt
from minirt.build.freeze import freeze
from minirt.ops.evaluate import evaluate
from minirt.ops.importer import IMPORTERS
from tests.api.nets import Keeper
from tests.ops.harness import assert_close, one_node, run_ort

RNG = np.random.default_rng(1)
OPTIONAL = defs.OpSchema.FormalParameterOption.Optional


@dataclass(frozen=True)
class Case:
    """Operands of an op, the places of optional ones, and those that are initializers."""

    op: str
    operands: Sequence[Any]
    optional: Sequence[int]
    opset: int = 23
    constants: Sequence[int] = ()
    outputs: int = 1
    domain: str = ""
    without: Sequence[Sequence[int]] = ()
    """Subsets that the op does not allow, by the optional inputs given."""
    attributes: dict[str, Any] = field(default_factory=dict)

    def subsets(self) -> Iterator[tuple[int, ...]]:
        """Every subset of the optional inputs that the op allows."""
        for count in range(len(self.optional) + 1):
            for given in combinations(self.optional, count):
                if list(given) not in [list(w) for w in self.without]:
                    yield given

    def model(self, given: Sequence[int], trimmed: bool) -> tuple[ModelProto, dict[str, Any]]:
        """The model with some of the optional inputs, and what its inputs are given."""
        kept = [x if i in given or i not in self.optional else None for i, x in enumerate(self.operands)]
        while trimmed and kept[-1] is None:
            kept.pop()
        constants = [i for i in self.constants if i < len(kept)]
        made = one_node(self.op, kept, self.outputs, self.opset, constants, domain=self.domain, **self.attributes)
        return made, {f"x{i}": np.asarray(x) for i, x in enumerate(kept) if x is not None and i not in constants}


def f32(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


def i64(*values: int) -> Any:
    return np.array(values, np.int64)


def floats(*values: float) -> Any:
    return np.array(values, np.float32)


def u8(*shape: int) -> Any:
    return RNG.integers(0, 255, shape).astype(np.uint8)


def recurrent(op: str, gates: int, opset: int = 22) -> Case:
    """A bidirectional layer over five steps of batches of two, where every optional input may be absent."""
    state = f32(2, 2, 4)
    operands = [f32(5, 2, 3), f32(2, gates * 4, 3), f32(2, gates * 4, 4), f32(2, gates * 8), np.array([5, 3], np.int32)]
    operands += [state, -state, f32(2, 12)] if op == "LSTM" else [state]
    attributes = {"hidden_size": 4, "direction": "bidirectional"}
    outputs = 3 if op == "LSTM" else 2
    return Case(op, operands, range(3, len(operands)), opset, (1, 2, 3, 7), outputs, attributes=attributes)


ZERO = np.uint8(120)
SCALE = np.float32(0.1)
BOXES = np.array([[[0, 0, 1, 1], [0, 0.1, 1, 1.1], [0, 10, 1, 11]]], np.float32)
REDUCTIONS = [
    "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
    "ReduceSum", "ReduceSumSquare",
]  # fmt: skip
INDICES = np.array([[[[5, 7], [13, 15]]]], np.int64)

CASES = [
    *(Case("Clip", [f32(3, 4), np.float32(-0.5), np.float32(0.5)], (1, 2), opset) for opset in (11, 12, 13)),
    Case("Clip", [f32(3, 4), np.float32(-0.5), np.float32(0.5)], (1, 2), constants=(1, 2)),
    Case("Clip", [np.arange(-9, 9, dtype=np.int32), np.int32(-4), np.int32(5)], (1, 2)),
    *(Case("Conv", [f32(1, 4, 5, 5), f32(6, 4, 3, 3), f32(6)], (2,), opset, (1, 2)) for opset in (1, 11, 22)),
    Case("Conv", [f32(1, 4, 5, 5), f32(6, 4, 3, 3), f32(6)], (2,)),
    Case("ConvTranspose", [f32(1, 4, 5, 5), f32(4, 2, 3, 3), f32(2)], (2,), constants=(1, 2)),
    Case("ConvInteger", [u8(1, 2, 5, 5), u8(3, 2, 2, 2), ZERO, np.uint8(99)], (2, 3)),
    Case("ConvInteger", [u8(1, 2, 5, 5), u8(3, 2, 2, 2), ZERO, np.uint8(99)], (2, 3), constants=(1, 2, 3)),
    Case("DFT", [f32(2, 6, 1), i64(4)[0], i64(1)[0]], (1, 2), 20, (1, 2)),
    Case("DFT", [f32(2, 6, 1), i64(4)[0]], (1,), 17, (1,), attributes={"axis": 1}),
    Case("DeformConv", [f32(1, 2, 4, 4), f32(3, 2, 2, 2), f32(1, 8, 3, 3), f32(3), f32(1, 4, 3, 3)], (3, 4),
         constants=(1,)),
    *(Case("DequantizeLinear", [u8(3, 4), SCALE, ZERO], (2,), opset, (1, 2)) for opset in (10, 13, 19, 21, 23)),
    *(Case("QuantizeLinear", [f32(3, 4), SCALE, ZERO], (2,), opset, (1, 2)) for opset in (10, 13, 19, 21, 23)),
    Case("QuantizeLinear", [f32(3, 4), f32(4) ** 2 + 1, u8(4)], (2,), constants=(1, 2), attributes={"axis": 1}),
    *(Case("Dropout", [f32(3, 4), np.float32(0.5), np.bool_(False)], (1, 2), o, (1, 2), 2) for o in (12, 13, 22)),
    *(Case("Gemm", [f32(3, 4), f32(4, 5), f32(5)], (2,), opset) for opset in (11, 13)),
    recurrent("GRU", 3), recurrent("GRU", 3, 7), recurrent("LSTM", 4), recurrent("LSTM", 4, 7),
    recurrent("RNN", 1), recurrent("RNN", 1, 7),
    Case("LayerNormalization", [f32(3, 4), f32(4), f32(4)], (2,), 17),
    Case("LayerNormalization", [f32(3, 4), f32(4), f32(4)], (2,), 17, (1, 2), 3),
    Case("MatMulInteger", [u8(3, 4), u8(4, 5), ZERO, np.uint8(99)], (2, 3)),
    Case("MatMulInteger", [u8(3, 4), u8(4, 5), np.uint8(3), u8(5)], (3,), constants=(1, 2, 3)),
    Case("MaxUnpool", [f32(1, 1, 2, 2), INDICES, i64(1, 1, 4, 4)], (2,), 11, (2,),
         attributes={"kernel_shape": [2, 2], "strides": [2, 2]}),
    Case("NonMaxSuppression", [BOXES, f32(1, 2, 3) + 2, i64(2), floats(0.5), floats(0.1)], (2, 3, 4), 11),
    Case("NonMaxSuppression", [BOXES, f32(1, 2, 3) + 2, i64(2), floats(0.5), floats(0.1)], (2, 3, 4), 10,
         (2, 3, 4)),
    *(Case("Pad", [f32(3, 4), i64(1, 2, 0, 1), np.float32(7)], (2,), opset, (1,)) for opset in (11, 13)),
    *(Case("Pad", [f32(3, 4), i64(1, 2), np.float32(7), i64(1)], (2,), opset, (1, 3)) for opset in (18, 19, 21, 23)),
    *(Case("Pad", [f32(3, 4), i64(1, 2, 0, 1), np.float32(7), i64(1, 0)], (2, 3), opset, (1, 3))
      for opset in (18, 19, 21, 23)),
    Case("QLinearConv", [u8(1, 2, 5, 5), SCALE, ZERO, u8(3, 2, 2, 2), SCALE, np.uint8(99), np.float32(9), ZERO,
         np.array([1, -2, 3000], np.int32)], (8,), constants=(1, 2, 3, 4, 5, 6, 7, 8)),
    *(Case(op, [f32(2, 3, 4) ** 2 + 0.1, i64(0, 2)], (1,), 13 if op == "ReduceSum" else 18, (1,)) for op in REDUCTIONS),
    *(Case(op, [f32(2, 3, 4) ** 2 + 0.1, i64(0, 2)], (1,), 13 if op == "ReduceSum" else 18, (1,),
           attributes={"noop_with_empty_axes": 1, "keepdims": 0}) for op in REDUCTIONS),
    *(Case("Resize", [f32(1, 2, 4, 4), np.zeros(0, np.float32), floats(1, 1, 2, 2), i64(1, 2, 7, 5)], (1, 2, 3),
           opset, (1, 2, 3), without=[[], [1], [2, 3], [1, 2, 3]]) for opset in (13, 18, 19)),
    *(Case("Resize", [f32(1, 2, 4, 4), f32(0), np.zeros(0, np.float32), i64(1, 2, 7, 5)], (1, 2), opset, (1, 2, 3),
           without=[] if opset == 13 else [[], [1], [2]]) for opset in (11, 13)),
    Case("Resize", [f32(1, 2, 4, 4), f32(0), floats(1, 1, 2, 2), i64(1, 2, 7, 5)], (3,), 11, (1, 2, 3),
         without=[[3]]),
    *(Case("Resize", [f32(1, 2, 4, 4), floats(0, 0, 0.1, 0.2, 1, 1, 0.8, 0.9), floats(1, 1, 2, 2),
           i64(1, 2, 7, 5)], (2, 3), opset, (1, 2, 3), without=[[], [2], [2, 3]],  # onnxruntime scales the whole
           attributes={"coordinate_transformation_mode": "tf_crop_and_resize", "mode": "linear"})
      for opset in (13, 18)),
    Case("STFT", [f32(1, 32, 1), i64(4)[0], f32(16), i64(16)[0]], (2, 3), 17, (1, 3), without=[[]]),
    *(Case("Slice", [f32(5, 6), i64(1, 0), i64(4, 6), i64(1, 0), i64(2, 1)], (3, 4), opset, (1, 2, 3, 4))
      for opset in (10, 11, 13)),
    Case("Slice", [f32(5, 6), i64(1, 0), i64(4, 6), i64(1, 0), i64(2, 1)], (3, 4), constants=(3, 4)),
    *(Case("Split", [f32(6, 4), i64(3, 3)], (1,), opset, (1,), 2) for opset in (13,)),
    Case("Split", [f32(6, 4), i64(2, 4)], (), 18, (1,), 2),
    *(Case("Squeeze", [f32(1, 3, 1, 4), i64(0, 2)], (1,), opset, (1,)) for opset in (13, 21, 23)),
    Case("TensorScatter", [f32(2, 3, 6, 4), f32(2, 3, 2, 4), i64(1, 3)], (2,), 24),
    Case("Trilu", [f32(4, 5), i64(1)[0]], (1,), 14),
    Case("Trilu", [f32(4, 5), i64(-1)[0]], (1,), 14, (1,)),
]  # fmt: skip

ELSEWHERE = {"Loop", "Scan", "Optional", "OptionalHasElement", "SequenceErase", "SequenceInsert", "SplitToSequence"}
"""Ops on sequences and bodies: the tests below, and those of the ONNX suite."""


def computed(model: ModelProto, feeds: dict[str, Any]) -> list[Any]:
    """What a model gives that was read by the API's parser, evaluated in NumPy."""
    logger = Keeper()
    network: Any = trt.Builder(logger).create_network()
    assert trt.OnnxParser(network, logger).parse(model.SerializeToString()), logger.errors
    return list(evaluate(freeze(network._state), feeds))


def alike(model: ModelProto, feeds: dict[str, Any], wanted: Sequence[Any]) -> None:
    """What minirt computes is what is wanted."""
    for found, want in zip(computed(model, feeds), wanted, strict=True):
        assert_close(found, want, 1e-4 if want.dtype == np.float32 else None)


EACH = [
    pytest.param(case, given, trimmed, id=f"{case.op}-{case.opset}-{'+'.join(map(str, given))}-{trimmed:d}")
    for case in CASES
    for given in case.subsets()
    for trimmed in (False, True)
    if trimmed or (case.optional and case.optional[-1] not in given)
]


@pytest.mark.parametrize(("case", "given", "trimmed"), EACH)
def test_any_optional_inputs_may_be_absent(case: Case, given: tuple[int, ...], trimmed: bool) -> None:
    """Empty names at the end mean what is left off does; onnxruntime, which may crash there, is given the latter."""
    alike(*case.model(given, trimmed), run_ort(*case.model(given, True)))


def test_every_op_with_optional_inputs_is_here() -> None:
    """Each optional input of each op of the default domain is among the cases."""
    cases = {(case.op, place) for case in CASES for place in case.optional}
    for schema in defs.get_all_schemas():
        if schema.domain == "" and ("", schema.name) in IMPORTERS and schema.name not in ELSEWHERE:
            for place, formal in enumerate(schema.inputs):
                assert formal.option != OPTIONAL or (schema.name, place) in cases, f"{schema.name} {formal.name}"


def small(
    nodes: Sequence[Any], feeds: dict[str, Any], held: dict[str, Any], outputs: Sequence[str] = ("y",)
) -> ModelProto:
    """A model of opset 18 that computes outputs of any type."""
    types = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64}
    infos = [helper.make_tensor_value_info(n, types[np.asarray(x).dtype], np.shape(x)) for n, x in feeds.items()]
    graph = helper.make_graph(
        nodes, "small", infos, [ValueInfoProto(name=n) for n in outputs],
        [numpy_helper.from_array(np.asarray(x), n) for n, x in held.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@pytest.mark.parametrize("end", [[], [""]], ids=["left-off", "empty"])
def test_sequence_ops_without_a_position(end: list[str]) -> None:
    nodes = [
        helper.make_node("SequenceConstruct", ["a", "b"], ["s"]),
        helper.make_node("SequenceInsert", ["s", "c", *end], ["t"]),
        helper.make_node("SequenceErase", ["t", *end], ["u"]),
        helper.make_node("SequenceInsert", ["u", "c", "zero"], ["v"]),
        helper.make_node("ConcatFromSequence", ["v"], ["y"], axis=0),
        helper.make_node("SplitToSequence", ["y", *end], ["w"], axis=1),
        helper.make_node("ConcatFromSequence", ["w"], ["z"], axis=0),
    ]
    feeds = {"a": f32(2, 3), "b": f32(2, 3), "c": f32(2, 3)}
    found = computed(small(nodes, feeds, {"zero": i64(0)[0]}, ["y", "z"]), feeds)
    assert_close(found[0], np.concatenate([feeds["c"], feeds["a"], feeds["b"]]))
    assert_close(found[1], found[0].T.reshape(-1, 1))


@pytest.mark.parametrize("trips", [None, 3])
@pytest.mark.parametrize("condition", [None, True])
def test_loops_without_trips_or_condition(trips: int | None, condition: bool | None) -> None:
    """A loop that adds x until the sum is above 40, or for some turns."""
    body = helper.make_graph(
        [
            helper.make_node("Add", ["sum", "x"], ["next"]),
            helper.make_node("ReduceSum", ["next"], ["whole"], keepdims=0),
            helper.make_node("Less", ["whole", "forty"], ["goes"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum", TensorProto.FLOAT, [2]),
        ],
        [helper.make_tensor_value_info("goes", TensorProto.BOOL, []),
         helper.make_tensor_value_info("next", TensorProto.FLOAT, [2])],
    )  # fmt: skip
    names = ["" if trips is None else "n", "" if condition is None else "go", "x"]
    held: dict[str, Any] = {"forty": np.float32(40)}
    held |= {} if trips is None else {"n": np.int64(trips)}
    held |= {} if condition is None else {"go": np.bool_(condition)}
    feeds = {"x": floats(3, 4)}
    made = small([helper.make_node("Loop", names, ["y"], body=body)], feeds, held)
    alike(made, feeds, run_ort(made, feeds))


@pytest.mark.parametrize("backwards", [0, 1])
def test_scan_of_opset_8_without_lengths(backwards: int) -> None:
    """Each element of a batch is scanned alone; the first input, the lengths, is absent."""
    infos = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [3]) for n in ("s", "x", "t", "y")]
    nodes = [helper.make_node("Add", ["s", "x"], ["t"]), helper.make_node("Mul", ["t", "x"], ["y"])]
    body = helper.make_graph(nodes, "body", infos[:2], infos[2:])
    given: dict[str, Any] = {"body": body, "num_scan_inputs": 1, "directions": [backwards]}
    made = small([helper.make_node("Scan", ["", "a", "b"], ["c", "d"], **given)],
                 feeds := {"a": f32(2, 3), "b": f32(2, 5, 3)}, {}, ["c", "d"])  # fmt: skip
    made.opset_import[0].version = 8
    alike(made, feeds, run_ort(made, feeds))
