"""Recurrent layers: LSTM, GRU and plain RNN as one op over inputs that are multiplied by their weights beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import Op, Value, apply, apply_all, same_dim
from minirt.ir.scalar import Body, arg, call, cast
from minirt.ops.arithmetic import Add
from minirt.ops.epilogue import accumulator
from minirt.ops.gemm import Gemm
from minirt.ops.importer import OnnxNode, Result, importer, number
from minirt.ops.movement import expanded, reshaped, sliced, transposed
from minirt.types.dtype import FLOATS, Array, f32, i8, i32
from minirt.types.tensor import Tensor, Type

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
ACTIVATIONS = {"lstm": ("Sigmoid", "Tanh", "Tanh"), "gru": ("Sigmoid", "Tanh"), "rnn": ("Tanh",)}
_ALPHA = {"Affine": 1.0, "LeakyRelu": 0.01, "ThresholdedRelu": 1.0, "ScaledTanh": 1.0, "HardSigmoid": 0.2, "Elu": 1.0}
_BETA = {"Affine": 0.0, "ScaledTanh": 1.0, "HardSigmoid": 0.5}

_FUNCTIONS: dict[str, Callable[[Array, float, float], Array]] = {
    "Relu": lambda x, a, b: np.maximum(x, 0),
    "Tanh": lambda x, a, b: np.tanh(x),
    "Sigmoid": lambda x, a, b: 1 / (1 + np.exp(-x)),
    "Affine": lambda x, a, b: a * x + b,
    "LeakyRelu": lambda x, a, b: np.where(x >= 0, x, a * x),
    "ThresholdedRelu": lambda x, a, b: np.where(x >= a, x, 0),
    "ScaledTanh": lambda x, a, b: a * np.tanh(b * x),
    "HardSigmoid": lambda x, a, b: np.clip(a * x + b, 0, 1),
    "Elu": lambda x, a, b: np.where(x >= 0, x, a * np.expm1(np.minimum(x, 0))),
    "Softsign": lambda x, a, b: x / (1 + np.abs(x)),
    "Softplus": lambda x, a, b: np.logaddexp(x, 0),
}


class Recurrent(Op):
    """A recurrence over time of ``hidden`` units in each of ``directions`` (True: backwards in time).

    Operands, T steps of N sequences, D directions, G gates (lstm 4: i o f c; gru 3: z r h; rnn 1), H hidden units:
    xg [T, N, D * G * H] (inputs times their weights, with biases: for lstm and rnn both, for gru the input's own),
    r [D, G * H, H], for gru rb [D, 3 * H], h0 [D, N, H], for lstm c0 [D, N, H], with ``has_lengths`` lengths [N] i32,
    with ``has_peephole`` p [D, 3 * H] (i o f).  Results: y [T, D, N, H], h [D, N, H], and for lstm c [D, N, H]; beyond
    a sequence's length y is 0 and the state stays.

    Where r is ``coded`` it holds i8, and one operand more, the last, f32 [D, G * H], what each row is multiplied by.

    ``activations``, ``alphas``, ``betas`` list (lstm 3: f g h; gru 2: f g; rnn 1) functions for each direction.
    ``clip`` (0: none) bounds what goes into the gates' functions; ``input_forget`` makes f = 1 - i;
    ``linear_before_reset`` multiplies h by its weights before the reset gate.  ONNX LSTM-22, GRU-22, RNN-22.
    """

    dtypes = FLOATS

    kind: str
    hidden: int
    directions: tuple[bool, ...]
    activations: tuple[str, ...]
    alphas: tuple[float, ...]
    betas: tuple[float, ...]
    clip: float = 0.0
    input_forget: bool = False
    linear_before_reset: bool = False
    has_lengths: bool = False
    has_peephole: bool = False
    coded: bool = False

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """y, h and, for lstm, c."""
        xg, r = inputs[0], inputs[1]
        count, width = len(self.directions), GATES[self.kind] * self.hidden
        if xg.rank != 3 or r.rank != 3:
            raise MinirtError("inputs and recurrent weights have rank 3")
        same_dim(xg.shape[2], count * width, "gates of the input")
        for found, wanted in zip(r.shape, (count, width, self.hidden), strict=True):
            same_dim(found, wanted, "recurrent weights")
        if self.coded:
            if r.dtype is not i8 or inputs[-1].dtype is not f32 or inputs[-1].rank != 2:
                raise MinirtError("coded weights are i8, and their scales f32 of rank 2")
            for found, wanted in zip(inputs[-1].shape, (count, width), strict=True):
                same_dim(found, wanted, "scales of recurrent weights")
        state = (count, xg.shape[1], self.hidden)
        for value in self._states(inputs):
            if value.rank != 3:
                raise MinirtError(f"an initial state has rank 3, not {value.rank}")
            for found, want in zip(value.shape, state, strict=True):
                same_dim(found, want, "initial state")
        types = [Tensor(xg.dtype, (xg.shape[0], *state)), Tensor(xg.dtype, state)]
        return types + types[1:] if self.kind == "lstm" else types

    def _states(self, inputs: Sequence[Any]) -> Sequence[Any]:
        first = 3 if self.kind == "gru" else 2
        return inputs[first : first + (2 if self.kind == "lstm" else 1)]

    def reference(self, *arrays: Any) -> Any:
        """Step by step, one direction after the other."""
        xg, r = arrays[0].astype(_sum_type(arrays[0])), arrays[1].astype(_sum_type(arrays[0]))
        if self.coded:
            r = r * arrays[-1][:, :, None].astype(r.dtype)
            arrays = arrays[:-1]
        states = [np.array(s, dtype=xg.dtype) for s in self._states(arrays)]
        rest = list(arrays[(3 if self.kind == "gru" else 2) + len(states) :])
        steps, batch = xg.shape[:2]
        lengths = np.asarray(rest.pop(0)) if self.has_lengths else np.full(batch, steps)
        count, width = len(self.directions), GATES[self.kind] * self.hidden
        y = np.zeros((steps, count, batch, self.hidden), dtype=xg.dtype)
        for d, backwards in enumerate(self.directions):
            step = self._step(d, r[d], arrays[2][d] if self.kind == "gru" else None, rest[0][d] if rest else None)
            state = [s[d] for s in states]
            for t in range(steps):
                at = np.where(lengths > t, lengths - 1 - t if backwards else t, 0)
                now = step(xg[at, np.arange(batch), d * width : (d + 1) * width], state)
                live = (lengths > t)[:, None]
                state = [np.where(live, n, s) for n, s in zip(now, state, strict=True)]
                inside = np.flatnonzero(lengths > t)
                y[at[inside], d, inside] = state[0][inside]
            for s, final in zip(states, state, strict=True):
                s[d] = final
        return (y, *states)

    def _activation(self, direction: int, which: int) -> Callable[[Array], Array]:
        each = len(ACTIVATIONS[self.kind])
        at = direction * each + which
        function, alpha, beta = _FUNCTIONS[self.activations[at]], self.alphas[at], self.betas[at]
        if not self.clip or (self.kind == "lstm" and which == 2):
            return lambda x: function(x, alpha, beta)
        return lambda x: function(np.clip(x, -self.clip, self.clip), alpha, beta)

    def _step(self, d: int, r: Array, rb: Any, p: Any) -> Callable[[Array, list[Array]], list[Array]]:
        n = self.hidden
        calls = [self._activation(d, i) for i in range(len(ACTIVATIONS[self.kind]))]

        def rnn(x: Array, state: list[Array]) -> list[Array]:
            return [calls[0](x + state[0] @ r.T)]

        def lstm(x: Array, state: list[Array]) -> list[Array]:
            h, c = state
            i, o, f, g = np.split(x + h @ r.T, 4, axis=1)
            pi, po, pf = np.split(p, 3) if p is not None else (0, 0, 0)
            i = calls[0](i + pi * c)
            f = 1 - i if self.input_forget else calls[0](f + pf * c)
            c = f * c + i * calls[1](g)
            return [calls[0](o + po * c) * calls[2](c), c]

        def gru(x: Array, state: list[Array]) -> list[Array]:
            (h,) = state
            z, reset = np.split(calls[0](x[:, : 2 * n] + h @ r[: 2 * n].T + rb[: 2 * n]), 2, axis=1)
            if self.linear_before_reset:
                fresh = calls[1](x[:, 2 * n :] + reset * (h @ r[2 * n :].T + rb[2 * n :]))
            else:
                fresh = calls[1](x[:, 2 * n :] + (reset * h) @ r[2 * n :].T + rb[2 * n :])
            return [(1 - z) * fresh + z * h]

        return {"rnn": rnn, "lstm": lstm, "gru": gru}[self.kind]


def _sum_type(x: Array) -> Any:
    return np.float64 if x.dtype == np.float64 else np.float32


def _functions(node: OnnxNode, kind: str, count: int) -> dict[str, tuple[Any, ...]]:
    names = list(node.attributes.get("activations") or ACTIVATIONS[kind] * count)
    known = {name.lower(): name for name in _FUNCTIONS}
    wrong = [n for n in names if n.lower() not in known]
    if wrong or len(names) != count * len(ACTIVATIONS[kind]):
        raise MinirtError(f"activations {names}: {count * len(ACTIVATIONS[kind])} of {', '.join(_FUNCTIONS)} are taken")
    names = [known[n.lower()] for n in names]
    given = {k: list(node.attributes.get(f"activation_{k}", [])) for k in ("alpha", "beta")}
    out: dict[str, tuple[Any, ...]] = {"activations": tuple(names)}
    for key, defaults in (("alpha", _ALPHA), ("beta", _BETA)):
        numbers = given[key]
        out[f"{key}s"] = tuple(
            float(numbers.pop(0)) if numbers and n in defaults else defaults.get(n, 0.0) for n in names
        )
    return out


def _multiplied(x: Value, w: Value, bias: Value) -> Value:
    """x [T, N, I] times w [D, G * H, I] plus bias [D, G * H], as [T, N, D * G * H]."""
    count, width, size = w.shape
    flat = reshaped(w, (count * width, size))
    total = accumulator(x.dtype)
    added = Body((total, x.dtype), (cast(call("add", arg(0, total), cast(arg(1, x.dtype), total)), x.dtype),))
    return apply(Gemm(trans_b=True, epilogue=added), x, flat, reshaped(bias, (count * width,)))


def recurrent(
    node: OnnxNode,
    kind: str,
    multiplied: Callable[[Value, Value, Value], Value] = _multiplied,
    scales: Value | None = None,
) -> list[Value]:
    """The composition for an ONNX recurrent node: products of all inputs at once, then the recurrence.

    ``multiplied`` gives the products of x [T, N, I] and w [D, G * H, I] with a bias [D, G * H]; ``scales`` are those of
    coded recurrent weights.
    """
    x, w, r = node.input(0), node.input(1), node.input(2)
    direction = str(node.attributes.get("direction", "forward"))
    directions = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}.get(direction)
    if directions is None:
        raise MinirtError(f"direction is {direction!r}")
    batched = bool(node.attributes.get("layout", 0))
    x = transposed(x, (1, 0, 2)) if batched else x
    hidden, count = int(node.attributes.get("hidden_size", 0)), len(directions)
    if not hidden:
        if not isinstance(r.shape[2], int):
            raise MinirtError("hidden_size must be known")
        hidden = r.shape[2]
    width = GATES[kind] * hidden
    bias = node.optional(3)
    bias = expanded(number(0, x.dtype), (count, 2 * width)) if bias is None else bias
    own, fed_back = sliced(bias, 1, 0, width), sliced(bias, 1, width, width)
    gates = multiplied(x, w, own if kind == "gru" else apply(Add(), own, fed_back))
    operands = [gates, r, fed_back] if kind == "gru" else [gates, r]
    for given in [node.optional(5)] + ([node.optional(6)] if kind == "lstm" else []):
        if given is None:
            operands.append(expanded(number(0, x.dtype), (count, x.shape[1], hidden)))
        else:
            operands.append(transposed(given, (1, 0, 2)) if batched else given)
    lengths, peephole = node.optional(4), node.optional(7) if kind == "lstm" else None
    if lengths is not None and lengths.dtype is not i32:
        raise MinirtError("sequence_lens are int32")
    op = Recurrent(
        kind, hidden, directions, **_functions(node, kind, count), clip=float(node.attributes.get("clip", 0.0)),
        input_forget=bool(node.attributes.get("input_forget", 0)),
        linear_before_reset=bool(node.attributes.get("linear_before_reset", 0)),
        has_lengths=lengths is not None, has_peephole=peephole is not None, coded=scales is not None,
    )  # fmt: skip
    made = apply_all(op, *operands, *(v for v in (lengths, peephole, scales) if v is not None))
    if not batched:
        return list(made)
    return [transposed(made[0], (2, 0, 1, 3)), *(transposed(v, (1, 0, 2)) for v in made[1:])]


@importer("LSTM")
def _lstm(node: OnnxNode) -> Result:
    return recurrent(node, "lstm")


@importer("GRU")
def _gru(node: OnnxNode) -> Result:
    return recurrent(node, "gru")


@importer("RNN")
def _rnn(node: OnnxNode) -> Result:
    return recurrent(node, "rnn")
