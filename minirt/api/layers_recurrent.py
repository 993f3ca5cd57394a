"""RNN layers of TensorRT 7 and 8."""

from __future__ import annotations

from typing import Any

from minirt.api.declare import attr, method
from minirt.api.fields import field, hold_weights, reading, shown
from minirt.api.layer import ILayer
from minirt.api.layer_enums import RNNDirection, RNNGateType, RNNInputMode, RNNOperation
from minirt.api.network_adding import Adding
from minirt.api.tensor import ITensor
from minirt.api.weights import Weights, weights_of
from minirt.types.dtype import f32


def _tensor(place: int, doc: str) -> Any:
    """Declare an attribute that is an operand."""

    def get(self: Any) -> Any:
        cell = self._state.operand(place)
        return None if cell is None else shown(ITensor, cell, self)

    def put(self: Any, value: Any) -> None:
        self._state.connect(place, None if value is None else value._state)

    return attr(get, put, ITensor | None, doc)


class IRNNv2Layer(ILayer, until=8):
    """A stack of RNN cells over a sequence."""

    num_layers = reading("num_layers", int, "How many cells lie on each other.")
    hidden_size = reading("hidden_size", int, "How many numbers a state has.")
    max_seq_length = reading("max_seq_length", int, "The greatest length of a sequence.")
    data_length = attr(lambda self: int(self._state.fields["data_length"]), doc="How many numbers an input has.")
    op = field("op", RNNOperation, "The cell.")
    input_mode = field("input_mode", RNNInputMode, "Whether inputs pass through a product first.")
    direction = field("direction", RNNDirection, "In which directions sequences are gone through.")
    seq_lengths = _tensor(1, "The length of each sequence.")
    hidden_state = _tensor(2, "The first hidden states.")
    cell_state = _tensor(3, "The first cell states.")

    def _set(self, kind: str, index: int, gate: RNNGateType, is_w: bool, weights: Weights) -> None:
        gates = {**self._state.fields["gates"], (kind, index, gate.name, is_w): hold_weights(weights)}
        self._state.put("gates", gates)

    def _get(self, kind: str, index: int, gate: RNNGateType, is_w: bool) -> Any:
        held = self._state.fields["gates"].get((kind, index, gate.name, is_w))
        return weights_of(None if held is None else held.array, f32, self)

    @method()
    def set_weights_for_gate(self, layer_index: int, gate: RNNGateType, is_w: bool, weights: Weights) -> None:
        """Set the weights of a gate: for the input (`is_w`) or for the state before."""
        self._set("weights", layer_index, gate, is_w, weights)

    @method()
    def get_weights_for_gate(self, layer_index: int, gate: RNNGateType, is_w: bool) -> Any:
        """Return the weights of a gate."""
        return self._get("weights", layer_index, gate, is_w)

    @method()
    def set_bias_for_gate(self, layer_index: int, gate: RNNGateType, is_w: bool, bias: Weights) -> None:
        """Set the bias of a gate: for the input (`is_w`) or for the state before."""
        self._set("bias", layer_index, gate, is_w, bias)

    @method()
    def get_bias_for_gate(self, layer_index: int, gate: RNNGateType, is_w: bool) -> Any:
        """Return the bias of a gate."""
        return self._get("bias", layer_index, gate, is_w)


class IRNNLayer(ILayer, until=7):
    """A stack of RNN cells with one array of weights, over a sequence [length, batch, size].

    The array holds, level by level and direction by direction, the matrices of the gates for the input and then those
    for the state before: f, i, c, o of an LSTM, z, r, h of a GRU. The biases are in the same order.
    """

    num_layers = reading("num_layers", int, "How many cells lie on each other.")
    hidden_size = reading("hidden_size", int, "How many numbers a state has.")
    max_seq_length = reading("max_seq_length", int, "The greatest length of a sequence.")
    data_length = attr(lambda self: int(self._state.fields["data_length"]), doc="How many numbers an input has.")
    op = field("op", RNNOperation, "The cell.")
    input_mode = field("input_mode", RNNInputMode, "Whether inputs pass through a product first.")
    direction = field("direction", RNNDirection, "In which directions sequences are gone through.")
    weights = field("weights", Weights, "The weights of all gates.")
    bias = field("bias", Weights, "The biases of all gates.")
    hidden_state = _tensor(2, "The first hidden states, [levels, batch, size].")
    cell_state = _tensor(3, "The first cell states, [levels, batch, size].")


class RecurrentAdding(Adding):
    """The part of INetworkDefinition that adds RNN layers."""

    @method(until=8, instead="add_loop", warns=(8,))
    def add_rnn_v2(
        self, input: ITensor, layer_count: int, hidden_size: int, max_seq_length: int, op: RNNOperation
    ) -> IRNNv2Layer:
        """Add a stack of RNN cells over a sequence; weights are set gate by gate."""
        shape = input.shape
        sizes = {"num_layers": layer_count, "hidden_size": hidden_size, "max_seq_length": max_seq_length}
        modes = {"input_mode": "LINEAR", "direction": "UNIDIRECTION", "gates": {}, "data_length": shape[-1]}
        outputs = 3 if op.name == "LSTM" else 2
        return self._add(IRNNv2Layer, "RNN_V2", [input], outputs, op=op, **sizes, **modes)

    @method(until=7)
    def add_rnn(
        self,
        input: ITensor,
        layer_count: int,
        hidden_size: int,
        max_seq_length: int,
        op: RNNOperation,
        mode: RNNInputMode,
        direction: RNNDirection,
        weights: Weights,
        bias: Weights,
    ) -> IRNNLayer:
        """Add a stack of RNN cells over a sequence [length, batch, size], with all weights in one array.

        Outputs are all hidden states of the last level, the last ones of all levels, and an LSTM's last cell states.
        """
        sizes = {"num_layers": layer_count, "hidden_size": hidden_size, "max_seq_length": max_seq_length}
        fields = {"op": op, "input_mode": mode, "direction": direction, "weights": weights, "bias": bias}
        outputs = 3 if op.name == "LSTM" else 2
        return self._add(IRNNLayer, "RNN", [input], outputs, data_length=input.shape[-1], **sizes, **fields)
