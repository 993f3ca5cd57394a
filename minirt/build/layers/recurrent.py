"""RNN layers of TensorRT 7 and 8: stacks of cells with weights for each gate."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirt.build.layers.emit import Layer, emit, emit_all, ints, to_i64, translates, unsupported
from minirt.build.network import Numbers
from minirt.errors import ApiError
from minirt.ir.graph import constant
from minirt.ir.op import Value
from minirt.types.dtype import Array, f32, i32

_GATES = {
    "LSTM": ("INPUT", "OUTPUT", "FORGET", "CELL"),
    "GRU": ("UPDATE", "RESET", "HIDDEN"),
    "RELU": ("INPUT",),
    "TANH": ("INPUT",),
}
"""Gates of each cell in the order of ONNX."""


def _gate(layer: Layer, index: int, gate: str, is_w: bool, kind: str, size: int) -> Array:
    """Return the numbers of a gate: weights, or a bias, zeros where there is none."""
    held: Numbers | None = layer.fields["gates"].get((kind, index, gate, is_w))
    if held is None or held.array is None:
        if kind == "bias":
            return np.zeros(size, np.float32)
        what = "input" if is_w else "recurrent"
        raise ApiError(f"{what} weights of gate {gate} of layer {index} are not set", layer.cell.name)
    return np.asarray(held.array, np.float32)


def _stacked(layer: Layer, index: int, inputs: int) -> tuple[Array, Array, Array]:
    """Return input weights, recurrent weights and biases of one layer in one direction, gates stacked."""
    hidden, gates = int(layer["hidden_size"]), _GATES[layer["op"]]
    skip = layer["input_mode"] == "SKIP" and index < _directions(layer)
    if skip and inputs != hidden:
        raise ApiError(f"an input of {inputs} numbers is skipped into {hidden}", layer.cell.name)
    unit = np.eye(hidden, dtype=np.float32)
    w = [unit if skip else _gate(layer, index, g, True, "weights", 0).reshape(hidden, inputs) for g in gates]
    r = [_gate(layer, index, g, False, "weights", 0).reshape(hidden, hidden) for g in gates]
    b = [_gate(layer, index, g, is_w, "bias", hidden) for is_w in (True, False) for g in gates]
    return np.concatenate(w), np.concatenate(r), np.concatenate(b)


def _directions(layer: Layer) -> int:
    return 2 if layer["direction"] == "BIDIRECTION" else 1


def _state(layer: Layer, place: int, first: int, count: int) -> Value | None:
    """Return the first states of some layers as [layers, batch, hidden]; None where they are zero."""
    whole = layer.optional(place)
    if whole is None:
        return None
    part = emit("Slice", whole, ints([first]), ints([first + count]), ints([1]))
    return emit("Transpose", part, perm=[1, 0, 2])


def _cells(layer: Layer) -> list[Value]:
    """Cells over a sequence [batch, length, size]: all hidden states, the last ones, and an LSTM's last cell states.

    Operand 1 holds the lengths, 2 and 3 the first hidden and cell states [batch, layers, hidden].
    """
    x = layer.operand()
    if x.rank != 3:
        raise unsupported(layer, f"an input of rank {x.rank}, not 3")
    count, kind = _directions(layer), layer["op"]
    sequence = emit("Transpose", x, perm=[1, 0, 2])
    lengths = layer.optional(1)
    seq = None if lengths is None else emit("Cast", emit("Reshape", to_i64(lengths), ints([-1])), to=i32.onnx)
    hidden, cells = [], []
    for index in range(0, int(layer["num_layers"]) * count, count):
        made = _level(layer, sequence, seq, index, count)
        hidden.append(made[1])
        cells.extend(made[2:])
        merged = emit("Transpose", made[0], perm=[0, 2, 1, 3])
        sequence = emit("Reshape", merged, ints([0, 0, count * int(layer["hidden_size"])]))
    last = [emit("Transpose", emit("Concat", *v, axis=0), perm=[1, 0, 2]) for v in (hidden, cells) if v]
    out = [emit("Transpose", sequence, perm=[1, 0, 2]), *last]
    return out if kind == "LSTM" else out[:2]


@translates("RNN_V2")
def rnn_v2(layer: Layer) -> list[Value]:
    """Cells over a sequence [batch, length, size], with weights gate by gate."""
    return _cells(layer)


_OLD_ORDER = {"LSTM": ("FORGET", "INPUT", "CELL", "OUTPUT"), "GRU": ("UPDATE", "RESET", "HIDDEN")}
"""Gates of each cell in the order of IRNNLayer's arrays."""


def _split(layer: Layer) -> dict[Any, Numbers]:
    """Return the weights and biases of IRNNLayer's arrays by kind, level and direction, gate, and what they go to."""
    hidden, count, found = int(layer["hidden_size"]), _directions(layer), {}
    gates = _OLD_ORDER.get(layer["op"], ("INPUT",))
    for kind in ("weights", "bias"):
        held: Numbers | None = layer.fields.get(kind)
        if held is None or held.array is None:
            continue
        flat, at = held.array.reshape(-1), 0
        for index in range(int(layer["num_layers"]) * count):
            wide = int(layer["data_length"]) if index < count else count * hidden
            skipped = layer["input_mode"] == "SKIP" and index < count
            for is_w in (True, False):
                size = hidden if kind == "bias" else 0 if is_w and skipped else hidden * (wide if is_w else hidden)
                for gate in gates:
                    found[kind, index, gate, is_w] = Numbers(flat[at : at + size], held.dtype)
                    at += size
        if at != flat.size:
            raise ApiError(f"{flat.size} numbers of '{kind}' where the layer has {at}", layer.cell.name)
    return found


@translates("RNN")
def rnn(layer: Layer) -> list[Value]:
    """Cells over a sequence [..., length, batch, size]; states are [..., levels, batch, size]."""
    x = layer.operand()
    if x.rank not in (3, 4):
        raise unsupported(layer, f"an input of rank {x.rank}, not length, batch and size")

    def batch_first(value: Value | None) -> Value | None:
        if value is None:
            return None
        lead = list(range(value.rank - 3))
        turned = emit("Transpose", value, perm=[*lead, value.rank - 2, value.rank - 3, value.rank - 1])
        return emit("Reshape", turned, ints([-1, *_known(layer, value, (-3, -1))]))

    def as_given(value: Value) -> Value:
        size = _known(layer, value, (-2, -1))
        whole = emit("Reshape", value, ints([-1, *_known(layer, x, (-2,)), *size]))
        turned = emit("Transpose", whole, perm=[0, 2, 1, 3])
        return turned if x.rank == 4 else emit("Squeeze", turned, ints([0]))

    inner = Layer(layer.cell, [batch_first(x), None, batch_first(layer.optional(2)), batch_first(layer.optional(3))])
    inner.fields = {**layer.fields, "gates": _split(layer)}
    return [as_given(value) for value in _cells(inner)]


def _known(layer: Layer, value: Value, axes: tuple[int, ...]) -> list[int]:
    """Return dims of a value that must be known."""
    found = [value.shape[axis] for axis in axes]
    if not all(isinstance(d, int) for d in found):
        raise unsupported(layer, f"dims of {value.type} are not known")
    return [int(d) for d in found]  # type: ignore[arg-type]


def _level(layer: Layer, sequence: Value, lengths: Value | None, index: int, count: int) -> list[Value]:
    """Return all hidden states, the last ones, and an LSTM's last cell states, of one level in all directions."""
    kind, inputs = layer["op"], sequence.shape[2]
    if not isinstance(inputs, int):
        raise unsupported(layer, "the size of the input is not known")
    parts = [_stacked(layer, index + d, inputs) for d in range(count)]
    w, r, b = (constant(np.stack([p[i] for p in parts]), f32) for i in range(3))
    how: dict[str, Any] = {"hidden_size": int(layer["hidden_size"])}
    how["direction"] = "bidirectional" if count == 2 else "forward"
    first = _state(layer, 2, index, count)
    if kind == "LSTM":
        start = _state(layer, 3, index, count)
        return emit_all("LSTM", sequence, w, r, b, lengths, first, start, outputs=3, **how)
    if kind == "GRU":
        return emit_all("GRU", sequence, w, r, b, lengths, first, outputs=2, linear_before_reset=1, **how)
    activations = ["Relu" if kind == "RELU" else "Tanh"] * count
    return emit_all("RNN", sequence, w, r, b, lengths, first, outputs=2, activations=activations, **how)
