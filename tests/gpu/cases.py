"""Small graphs of one ONNX node each, with odd sizes, and the types that each is tried in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import ml_dtypes
import numpy as np

from minirt.ir.graph import Graph
from tests.ops.harness import import_model, one_node

Array = np.ndarray[Any, Any]
TYPES: dict[str, Any] = {
    "f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16, "i32": np.int32, "i64": np.int64,
    "bool": np.bool_, "i8": np.int8, "u8": np.uint8,
}  # fmt: skip
FLOATS, INTS = ("f32", "f16", "bf16"), ("i32", "i64")
NUMBERS = (*FLOATS, *INTS)


@dataclass(frozen=True)
class Indices:
    """An operand of whole numbers below ``high``, at least ``low``; i64 unless the case's type is wanted."""

    high: int
    shape: tuple[int, ...]
    low: int = 0


@dataclass(frozen=True)
class Weight:
    """An operand of the case's type that the graph holds as a constant."""

    shape: tuple[int, ...]


Spec = tuple[int, ...] | Array | np.generic | Indices | Weight | None


@dataclass(frozen=True)
class Case:
    """A node: a shape is a random operand of the case's type, an array a constant as it is, None an absent one."""

    op: str
    operands: tuple[Spec, ...]
    types: tuple[str, ...] = FLOATS
    attributes: Mapping[str, Any] = field(default_factory=dict)
    outputs: int = 1
    low: float = -2.0
    high: float = 2.0
    note: str = ""

    @property
    def name(self) -> str:
        """What tells the case from others."""
        return self.op + (f"-{self.note}" if self.note else "")

    def arrays(self, dtype: str, rng: np.random.Generator) -> list[Array | None]:
        """The operands, in a type."""
        return [self._operand(s, dtype, rng) for s in self.operands]

    def _operand(self, spec: Spec, dtype: str, rng: np.random.Generator) -> Array | None:
        if spec is None or isinstance(spec, np.ndarray | np.generic):
            return None if spec is None else np.asarray(spec)
        if isinstance(spec, Indices):
            return rng.integers(spec.low, spec.high, spec.shape)
        shape = spec.shape if isinstance(spec, Weight) else spec
        if dtype == "bool":
            return rng.random(shape) < 0.5
        if dtype in ("i8", "u8", "i32", "i64"):
            low = max(int(4 * self.low), 0 if dtype == "u8" else -128)
            return rng.integers(low, int(4 * self.high) + 1, shape).astype(TYPES[dtype])
        found: Array = rng.uniform(self.low, self.high, shape).astype(np.float32).astype(TYPES[dtype])
        return found

    def graph(self, dtype: str, rng: np.random.Generator) -> tuple[Graph, dict[str, Array]]:
        """The graph, and its inputs by name."""
        arrays = self.arrays(dtype, rng)
        held = [i for i, s in enumerate(self.operands) if isinstance(s, np.ndarray | np.generic | Weight)]
        model = one_node(self.op, arrays, self.outputs, constants=held, **self.attributes)
        return import_model(model), {f"x{i}": a for i, a in enumerate(arrays) if a is not None and i not in held}


def i64(*values: int) -> Array:
    """A vector of i64."""
    return np.array(values, np.int64)


def _c(op: str, *operands: Spec, types: tuple[str, ...] = FLOATS, **more: Any) -> Case:
    known = {k: more.pop(k) for k in ("outputs", "low", "high", "note") if k in more}
    return Case(op, operands, types, more, **known)


def _pointwise() -> Iterator[Case]:
    for op in ("Abs", "Neg", "Sign"):
        yield _c(op, (3, 5, 7), types=NUMBERS)
    for op in ("Ceil", "Cos", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish"):
        yield _c(op, (3, 5, 7))
    for op in ("Relu", "Round", "Selu", "Sigmoid", "Sin", "Softplus", "Softsign", "Tanh", "Atan", "Swish"):
        yield _c(op, (33, 31))
    for op in ("Log", "Reciprocal", "Sqrt"):
        yield _c(op, (3, 5, 7), low=0.5, high=3.0)
    for op in ("Add", "Sub", "Mul", "Max", "Min"):
        yield _c(op, (3, 1, 7), (5, 7), types=NUMBERS)
    yield _c("Div", (3, 5, 7), (3, 5, 7), low=0.5, high=3.0, types=NUMBERS)
    yield _c("Mod", (3, 5, 7), (7,), low=0.5, high=3.0, types=INTS)
    yield _c("Pow", (3, 5, 7), (7,), low=0.5, high=2.0)
    for op in ("Less", "Equal", "GreaterOrEqual"):
        yield _c(op, (3, 5, 7), (5, 1), types=NUMBERS)
    yield _c("And", (3, 5, 7), (5, 1), types=("bool",))
    yield _c("Not", (3, 5, 7), types=("bool",))
    yield _c("Clip", (3, 5, 7), np.float32(-0.5), np.float32(1.0), types=("f32",))
    yield _c("Where", np.array([[True], [False], [True]]), (3, 129), (129,), types=(*NUMBERS, "bool"))
    for name in ("FLOAT", "FLOAT16", "BFLOAT16", "INT32", "INT64", "BOOL"):
        to = {"FLOAT": 1, "INT32": 6, "INT64": 7, "BOOL": 9, "FLOAT16": 10, "BFLOAT16": 16}[name]
        yield _c("Cast", (5, 65), types=(*NUMBERS, "bool"), to=to, note=name)
    yield _c("PRelu", (2, 5, 9), Weight((5, 1)))
    yield _c("Sum", (4, 9), (9,), (4, 1))


def _moving() -> Iterator[Case]:
    every = (*NUMBERS, "i8", "bool")
    yield _c("Transpose", (5, 33, 65), types=every, perm=[2, 0, 1])
    yield _c("Transpose", (2, 3, 37, 41), types=FLOATS, perm=[0, 2, 3, 1], note="channels-last")
    yield _c("Reshape", (6, 5, 7), i64(10, -1), types=every)
    yield _c("Expand", (5, 1, 7), i64(3, 5, 6, 7), types=every)
    yield _c("Slice", (9, 17, 8), i64(1, -2), i64(8, -15), i64(0, 1), i64(2, -3), types=every)
    yield _c("Concat", (3, 5, 7), (3, 2, 7), (3, 9, 7), types=every, axis=1)
    yield _c("Concat", (3, 5), (3, 64), types=FLOATS, axis=-1, note="inner")
    yield _c("Split", (3, 10, 7), i64(3, 7), types=every, axis=1, outputs=2)
    yield _c("Pad", (3, 5, 7), i64(0, 1, 2, 1, 0, 3), types=NUMBERS)
    for mode in ("reflect", "edge", "wrap"):
        yield _c("Pad", (3, 5, 7), i64(0, 1, 2, 1, 0, 3), types=("f32", "i64"), mode=mode, note=mode)
    yield _c("Tile", (3, 5), i64(2, 3), types=every)
    yield _c("DepthToSpace", (2, 12, 5, 3), blocksize=2)
    yield _c("Trilu", (3, 9, 7), np.int64(1), types=NUMBERS)
    yield _c("OneHot", Indices(9, (3, 5)), np.int64(9), np.array([0.0, 1.0], np.float32), types=("f32",))
    yield _c("EyeLike", (5, 9), types=("f32", "i64"))


def _indexing() -> Iterator[Case]:
    yield _c("Gather", (9, 33), Indices(9, (2, 5), -9), types=(*NUMBERS, "bool"))
    yield _c("Gather", (3, 9, 7), Indices(7, (4,)), axis=-1, note="inner")
    yield _c("GatherElements", (5, 9), Indices(5, (3, 9), -5), types=NUMBERS, axis=0)
    yield _c("GatherND", (5, 9, 3), Indices(5, (7, 2)), types=NUMBERS)
    yield _c("ScatterElements", (5, 9), np.array([[1], [0], [4]]), (3, 1), types=NUMBERS, axis=0)
    yield _c("ScatterElements", (5, 3), Indices(5, (9, 3)), (9, 3), axis=0, reduction="add", types=("f32", "i32"))
    yield _c("ScatterND", (5, 9), np.array([[1], [3]]), (2, 9), types=NUMBERS)
    yield _c("NonZero", (5, 9), types=("f32", "i32", "bool"))
    yield _c("Compress", (5, 9), np.array([True, False, True, True]), axis=0, types=NUMBERS)
    yield _c("TopK", (5, 37), i64(7), types=("f32", "f16", "i64"), outputs=2)
    yield _c("ArgMax", (5, 37), axis=1, types=("f32", "f16", "i32"))
    yield _c("ArgMin", (5, 37, 3), axis=1, types=("f32",), keepdims=0)
    yield _c("CumSum", (5, 37), np.int64(1), types=("f32", "i32"))
    yield _c("CumSum", (5, 37), np.int64(0), types=("f32",), exclusive=1, reverse=1, note="reverse")


def _reducing() -> Iterator[Case]:
    for op in ("ReduceSum", "ReduceMax", "ReduceMin"):
        yield _c(op, (5, 37, 9), i64(1), types=NUMBERS)
    for op in ("ReduceMean", "ReduceL2", "ReduceLogSumExp", "ReduceSumSquare", "ReduceL1"):
        yield _c(op, (5, 9, 137), i64(0, 2), keepdims=0)
    yield _c("ReduceSum", (3, 2049), i64(1), note="long")
    yield _c("ReduceProd", (5, 9), i64(1))
    yield _c("ReduceMean", (2, 8, 7, 9), i64(2, 3), note="spatial")
    for axis in (-1, 1):
        yield _c("Softmax", (5, 9, 137), axis=axis, note=str(axis))
        yield _c("LogSoftmax", (5, 9, 137), axis=axis, note=str(axis))
    yield _c("LayerNormalization", (5, 9, 137), Weight((137,)), Weight((137,)))
    yield _c("RMSNormalization", (5, 9, 65), Weight((65,)))
    yield _c("InstanceNormalization", (2, 3, 9, 7), Weight((3,)), Weight((3,)))
    yield _c("GroupNormalization", (2, 6, 9, 7), Weight((6,)), Weight((6,)), num_groups=3)
    bn = [np.linspace(0.5, 1.5, 5, dtype=np.float32)] * 4
    yield _c("BatchNormalization", (2, 5, 9, 7), *bn, types=("f32",))
    yield _c("LpNormalization", (5, 37), axis=1)


def _products() -> Iterator[Case]:
    for m, k, n in ((1, 1, 1), (1, 129, 67), (37, 65, 129), (128, 64, 256), (64, 1024, 48)):
        yield _c("MatMul", (m, k), Weight((k, n)), note=f"{m}x{k}x{n}")
    yield _c("MatMul", (3, 1, 17, 33), (5, 33, 9), note="batched")
    yield _c("MatMul", (6, 64, 32), (6, 32, 64), note="aligned")
    yield _c("MatMul", (37, 65), (65, 9), types=("i32",))
    yield _c("MatMul", (33,), (33, 9), note="vector")
    yield _c("Gemm", (37, 65), Weight((129, 65)), Weight((129,)), transB=1, alpha=0.5, beta=2.0)
    yield _c("Gemm", (65, 37), (65, 9), (37, 1), transA=1, note="A")
    yield _c("MatMulInteger", (9, 33), Weight((33, 17)), types=("i8", "u8"))


def _windows() -> Iterator[Case]:
    yield _c("Conv", (2, 3, 17, 19), Weight((7, 3, 3, 3)), Weight((7,)), pads=[1, 1, 1, 1])
    yield _c("Conv", (2, 8, 17, 19), Weight((16, 8, 3, 3)), Weight((16,)), pads=[1, 0, 1, 2], strides=[2, 1])
    yield _c("Conv", (1, 64, 14, 14), Weight((64, 64, 3, 3)), pads=[1, 1, 1, 1], note="64")
    yield _c("Conv", (2, 64, 9, 11), Weight((96, 64, 1, 1)), Weight((96,)), note="1x1")
    yield _c("Conv", (2, 6, 17, 19), Weight((6, 1, 5, 5)), Weight((6,)), group=6, pads=[2, 2, 2, 2], note="depthwise")
    yield _c("Conv", (2, 12, 9, 9), Weight((8, 6, 3, 3)), group=2, dilations=[2, 2], note="groups")
    yield _c("Conv", (2, 5, 31), Weight((7, 5, 4)), pads=[1, 2], note="1d")
    yield _c("Conv", (1, 3, 7, 8, 9), Weight((4, 3, 2, 3, 3)), pads=[0, 1, 1, 1, 1, 1], note="3d")
    yield _c("Conv", (2, 5, 9, 9), (7, 5, 3, 3), note="dynamic weight")
    yield _c("ConvTranspose", (2, 5, 9, 7), Weight((5, 6, 2, 2)), Weight((6,)), strides=[2, 2])
    yield _c("ConvTranspose", (2, 6, 9, 7), Weight((6, 3, 3, 3)), strides=[2, 1], pads=[1, 1, 1, 1], group=2, note="g")
    yield _c("MaxPool", (2, 5, 17, 19), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    yield _c("MaxPool", (2, 5, 17, 19), kernel_shape=[2, 2], strides=[2, 2], outputs=2, types=("f32",), note="indices")
    yield _c("AveragePool", (2, 5, 17, 19), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    yield _c("AveragePool", (2, 5, 17, 19), kernel_shape=[3, 2], count_include_pad=1, ceil_mode=1, pads=[1, 0, 1, 1])
    yield _c("LpPool", (2, 5, 17), kernel_shape=[3])
    yield _c("GlobalAveragePool", (2, 5, 17, 19))
    yield _c("GlobalMaxPool", (2, 5, 17, 19))
    for mode in ("nearest", "linear", "cubic"):
        scales = np.array([1, 1, 2, 1.5], np.float32)
        yield _c("Resize", (2, 3, 8, 10), None, scales, types=("f32", "f16"), mode=mode, note=mode)
    yield _c("LRN", (2, 7, 5, 5), size=3, types=("f32",))


def _others() -> Iterator[Case]:
    t, n, d, h = 7, 3, 5, 6
    for op, gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
        weights = (Weight((2, gates * h, d)), Weight((2, gates * h, h)), Weight((2, 2 * gates * h)))
        outputs = 3 if op == "LSTM" else 2
        more = {"hidden_size": h, "direction": "bidirectional", "outputs": outputs, "low": -0.5, "high": 0.5}
        yield _c(op, (t, n, d), *weights, types=("f32", "f16"), **more)
    scale = np.float32(0.05)
    yield _c("QuantizeLinear", (5, 37), scale, np.int8(3), types=("f32",))
    yield _c("DequantizeLinear", (5, 37), scale, np.int8(3), types=("i8",))
    yield _c("Range", np.int64(3), np.int64(40), np.int64(2), types=("i64",))
    yield _c("ReverseSequence", (7, 3), i64(7, 2, 5), types=("f32",))
    yield _c("DFT", (2, 16, 1), None, np.int64(1), types=("f32",))


CASES: tuple[Case, ...] = (
    *_pointwise(), *_moving(), *_indexing(), *_reducing(), *_products(), *_windows(), *_others(),
)  # fmt: skip
