"""Random tensors, and the ops that are made of them.  Seeds give streams of minirt's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.graph import array_of, is_constant
from minirt.ir.op import Op, Value, apply
from minirt.ops.arithmetic import Add, Div, Mul
from minirt.ops.cast import casted
from minirt.ops.importer import OnnxNode, Result, importer, number
from minirt.ops.logic import GreaterOrEqual, Less
from minirt.ops.movement import expanded, reshaped, sliced, whole
from minirt.ops.ordering import Cumulative
from minirt.ops.reduce import reduced
from minirt.ops.shape import unsqueezed
from minirt.ops.softmax import Softmax
from minirt.types.dim import Dim
from minirt.types.dtype import FLOATS, Array, DType, bool_, f16, f32, from_onnx
from minirt.types.tensor import Tensor, Type


class Random(Op):
    """Numbers drawn anew each time: ``kind`` "uniform" in [0, 1) or "normal" of mean 0 and deviation 1.

    A ``seed`` makes every run the same; None draws from the system.
    """

    pure = False
    kind: str
    shape: tuple[Dim, ...]
    dtype: DType
    seed: float | None = None

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The shape."""
        if self.kind not in ("uniform", "normal"):
            raise MinirtError(f"{self.kind!r} is not uniform or normal")
        if self.dtype not in FLOATS:
            raise MinirtError(f"random numbers of {self.dtype} are not supported")
        return (Tensor(self.dtype, self.shape),)

    def reference(self, *arrays: Any) -> Any:
        """Words by counting, as on every target; without a seed another key each time."""
        shape = whole(self.shape)
        key = int(np.random.default_rng().integers(1 << 32)) if self.seed is None else seed_bits(self.seed)
        words = philox(int(np.prod(shape, dtype=np.int64)), key)
        bits = precision(self.dtype)
        if self.kind == "uniform":
            return _fractions(words[0], words[1], bits).reshape(shape)
        u, v = (_fractions(words[i], words[i + 1], max(24, bits)) for i in (0, 2))
        return (np.sqrt(-2 * np.log(u + 2.0 ** -max(24, bits))) * np.cos(2 * np.pi * v)).reshape(shape)


ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEYS = (0x9E3779B9, 0xBB67AE85)
"""Constants of Philox 4x32 (Salmon et al., 2011): factors of a round, and what the key grows by."""


def seed_bits(seed: float) -> int:
    """The key of a seed: its bits as float32."""
    return int(np.float32(seed).view(np.uint32))


def precision(dtype: DType) -> int:
    """Bits of a uniform number of the type, so that none is rounded up to 1."""
    return {16: 11 if dtype is f16 else 8, 32: 24, 64: 53}[dtype.bits]


def philox(count: int, key: int) -> list[Array]:
    """Four 32-bit words (as u64) for each of so many counters, by Philox 4x32-10."""
    low = np.uint64(0xFFFFFFFF)
    number = np.arange(count, dtype=np.uint64)
    c = [number & low, number >> np.uint64(32), np.zeros_like(number), np.zeros_like(number)]
    keys = [key & 0xFFFFFFFF, 0]
    for _ in range(ROUNDS):
        first, second = c[0] * np.uint64(MULTIPLIERS[0]), c[2] * np.uint64(MULTIPLIERS[1])
        shift = np.uint64(32)
        c = [
            (second >> shift) ^ c[1] ^ np.uint64(keys[0]), second & low,
            (first >> shift) ^ c[3] ^ np.uint64(keys[1]), first & low,
        ]  # fmt: skip
        keys = [(k + grown) & 0xFFFFFFFF for k, grown in zip(keys, KEYS, strict=True)]
    return c


def _fractions(first: Array, second: Array, bits: int) -> Array:
    """Numbers in [0, 1) of so many bits."""
    if bits <= 32:
        return (first >> np.uint64(32 - bits)).astype(np.float64) * 2.0**-bits
    high, low = first.astype(np.float64), (second >> np.uint64(64 - bits)).astype(np.float64)
    found: Array = (high * 2.0 ** (bits - 32) + low) * 2.0**-bits
    return found


def _seed(node: OnnxNode) -> float | None:
    return float(node.attributes["seed"]) if "seed" in node.attributes else None


def _random(node: OnnxNode, kind: str, shape: Sequence[Dim], dtype: DType) -> Value:
    """Scaled from the standard range or deviation."""
    drawn = apply(Random(kind, tuple(shape), dtype, _seed(node)))
    if kind == "uniform":
        low, high = float(node.attributes.get("low", 0.0)), float(node.attributes.get("high", 1.0))
        scale, shift = high - low, low
    else:
        scale, shift = float(node.attributes.get("scale", 1.0)), float(node.attributes.get("mean", 0.0))
    drawn = drawn if scale == 1.0 else apply(Mul(), drawn, number(scale, dtype))
    return drawn if shift == 0.0 else apply(Add(), drawn, number(shift, dtype))


def _dtype(node: OnnxNode, default: DType) -> DType:
    return from_onnx(int(node.attributes["dtype"])) if "dtype" in node.attributes else default


@importer("RandomUniform")
def _uniform(node: OnnxNode) -> Result:
    return _random(node, "uniform", node.ints("shape") or (), _dtype(node, f32))


@importer("RandomNormal")
def _normal(node: OnnxNode) -> Result:
    return _random(node, "normal", node.ints("shape") or (), _dtype(node, f32))


@importer("RandomUniformLike")
def _uniform_like(node: OnnxNode) -> Result:
    return _random(node, "uniform", node.input(0).shape, _dtype(node, node.input(0).dtype))


@importer("RandomNormalLike")
def _normal_like(node: OnnxNode) -> Result:
    return _random(node, "normal", node.input(0).shape, _dtype(node, node.input(0).dtype))


@importer("Bernoulli")
def _bernoulli(node: OnnxNode) -> Result:
    """1 where a uniform number is below the probability."""
    x = node.input(0)
    drawn = apply(Random("uniform", x.shape, x.dtype, _seed(node)))
    return casted(apply(Less(), drawn, x), _dtype(node, x.dtype))


@importer("Multinomial")
def _multinomial(node: OnnxNode) -> Result:
    """The first class whose cumulative probability is above a uniform number."""
    x = casted(node.input(0), f32)
    rows, classes = x.shape
    count = int(node.attributes.get("sample_size", 1))
    upper = apply(Cumulative("sum", 1), apply(Softmax(1), x))
    bounds = sliced(upper, 1, 0, classes - 1)  # the last is 1, and rounding must not lose it
    drawn = apply(Random("uniform", (rows, count, 1), f32, _seed(node)))
    above = casted(apply(GreaterOrEqual(), drawn, unsqueezed(bounds, [1])), _dtype(node, from_onnx(6)))
    return reduced("sum", above, [2], keepdims=False)


@importer("Dropout")
def _dropout(node: OnnxNode) -> Result:
    """The operand itself; in training mode (an operand since opset 12) elements are dropped."""
    x = node.input(0)
    training, ratio = node.optional(2), node.optional(1)
    if node.opset < 12 or training is None or (is_constant(training) and not array_of(training).any()):
        return [x, expanded(number(True, bool_), x.shape)][: node.outputs]
    if not is_constant(training):
        raise MinirtError("training_mode must be known when the network is built")
    share = number(0.5, f32) if ratio is None else casted(reshaped(ratio, ()), f32)
    drawn = apply(Random("uniform", x.shape, f32, _seed(node)))
    kept = apply(GreaterOrEqual(), drawn, share)
    scale = apply(Div(), number(1, f32), apply(Add(), number(1, f32), apply(Mul(), share, number(-1, f32))))
    return [apply(Mul(), x, casted(apply(Mul(), casted(kept, f32), scale), x.dtype)), kept][: node.outputs]
