"""Layers of language models: attention, rotary embedding, key-value caches, mixtures of experts, collectives."""

from __future__ import annotations

from typing import Any

from minirt.api.declare import attr, method
from minirt.api.dialect import Api, dialect_of, wrap
from minirt.api.dims import Dims
from minirt.api.enum import member
from minirt.api.enums import DataType
from minirt.api.fields import field, held, shown, translation
from minirt.api.layer import ILayer
from minirt.api.layer_enums import (
    AttentionIOForm,
    AttentionNormalizationOp,
    CausalMaskKind,
    CollectiveOperation,
    KVCacheMode,
    MoEActType,
)
from minirt.api.layers_math import IDynamicQuantizeLayer
from minirt.api.network_adding import Adding
from minirt.api.tensor import ITensor
from minirt.build.layers.attention import AttentionCell
from minirt.build.network import TensorCell
from minirt.errors import ApiError
from minirt.types.dtype import f32


class IAttentionBoundaryLayer(ILayer, since=10):
    """A layer at the edge of an attention."""

    attention = attr(
        lambda self: wrap(IAttention, self._state.extras["attention"], dialect_of(self)), doc="The attention."
    )


class IAttentionInputLayer(IAttentionBoundaryLayer, since=10):
    """Where query, key and value go into an attention."""


class IAttentionOutputLayer(IAttentionBoundaryLayer, since=10):
    """Where the result comes out of an attention."""


def _cell(name: str, kind: Any, doc: str, default: Any = None, **spans: Any) -> Any:
    """Declare an attribute of an attention that is a field of its output layer."""
    show, hold = translation(kind)

    def put(self: Any, value: Any) -> None:
        self._state.exit.put(name, hold(value))

    return attr(lambda self: show(self, self._state.exit.fields.get(name, default)), put, kind, doc, **spans)


def _tensor(place: int, doc: str, **spans: Any) -> Any:
    """Declare an attribute of an attention that is an operand of its output layer."""

    def get(self: Any) -> Any:
        cell: TensorCell | None = self._state.exit.operand(place)
        return None if cell is None else shown(ITensor, cell, self)

    def put(self: Any, value: Any) -> None:
        self._state.exit.connect(place, None if value is None else value._state)

    return attr(get, put, ITensor | None, doc, **spans)


def _kept(name: str, kind: Any, doc: str, default: Any = None, **spans: Any) -> Any:
    """Declare an attribute of an attention that is kept and changes no numbers."""

    def put(self: Any, value: Any) -> None:
        self._state.extras[name] = value

    return attr(lambda self: self._state.extras.get(name, default), put, kind, doc, **spans)


def _put_causal(attention: IAttention, on: bool) -> None:
    attention._state.exit.put("causal_kind", "UPPER_LEFT" if on else "NONE")


def _rename(attention: IAttention, name: str) -> None:
    attention._state.entry.name, attention._state.exit.name = f"{name}_input", name
    attention._state.network.changed()


class IAttention(Api, since=10):
    """An attention: normalize(query @ key^T + mask) @ value."""

    _state: AttentionCell
    name = attr(lambda self: self._state.exit.name, _rename, str, "The name.")
    norm_op = _cell("norm_op", AttentionNormalizationOp, "How scores are normalized.")
    causal = attr(
        lambda self: self._state.exit.fields["causal_kind"] != "NONE",
        _put_causal,
        bool,
        "Whether queries see no later keys.",
    )
    causal_kind = _cell("causal_kind", CausalMaskKind, "From which corner queries see no later keys.", since=11)
    mask = _tensor(3, "What is added to scores, or which of them are kept.")
    normalization_quantize_scale = _kept("scale", ITensor | None, "The scale that normalized scores are quantized by.")
    normalization_quantize_to_type = _cell("quantized", DataType, "The type that they are quantized to.", f32)
    metadata = _kept("metadata", str, "Free text for the inspector.", "")
    decomposable = _kept("decomposable", bool, "Whether it may run as several kernels.", False)
    num_ranks = _kept("num_ranks", int, "How many ranks run it.", 1)
    num_inputs = attr(lambda self: len(self._state.entry.operands), doc="How many inputs it has.")
    num_outputs = attr(lambda self: 1, doc="How many outputs it has.")
    query_form = _cell("query_form", AttentionIOForm, "How queries lie.", "PADDED_BHND", since=11)
    key_value_form = _cell("key_value_form", AttentionIOForm, "How keys and values lie.", "PADDED_BHND", since=11)
    query_lengths = _kept("query_lengths", ITensor | None, "Lengths of packed queries.", since=11)
    key_value_lengths = _kept("key_value_lengths", ITensor | None, "Lengths of packed keys and values.", since=11)

    @method()
    def get_input(self, index: int) -> ITensor | None:
        """Return query, key or value."""
        cell = self._state.entry.operand(index)
        return None if cell is None else shown(ITensor, cell, self)  # type: ignore[no-any-return]

    @method(fail=False)
    def set_input(self, index: int, tensor: ITensor) -> bool:
        """Set query, key or value."""
        self._state.entry.connect(index, tensor._state)
        self._state.network.changed()
        return True

    @method()
    def get_output(self, index: int) -> ITensor | None:
        """Return the result."""
        return shown(ITensor, self._state.exit.outputs[0], self) if index == 0 else None


class IRotaryEmbeddingLayer(ILayer, since=10):
    """Rotation of pairs of numbers by their position; input 3 holds positions where the tables are not per token."""

    interleaved = field("interleaved", bool, "Whether pairs are neighbours.")
    rotary_embedding_dim = field("rotary_embedding_dim", int, "How many numbers are rotated, 0 for all.")


class IKVCacheUpdateLayer(ILayer, since=10):
    """A key-value cache with new rows."""

    cache_mode = field("cache_mode", KVCacheMode, "How the cache is written.")
    update_form = field("update_form", AttentionIOForm, "How new rows lie.", "PADDED_BHND", since=11)
    update_lengths = field("update_lengths", Any, "Lengths of packed new rows.", since=11)


class IDistCollectiveLayer(ILayer, since=10):
    """A collective over ranks."""


class IMoELayer(ILayer, since=10):
    """A mixture of experts."""

    activation_type = field("activation_type", MoEActType, "The activation of the gate.")
    quantization_to_type = field("quantization_to_type", DataType, "The type activations are quantized to.", f32)
    quantization_block_shape = field("quantization_block_shape", Dims, "How many elements share a scale.")
    dyn_q_output_scale_type = field("dyn_q_output_scale_type", DataType, "The type of computed scales.", f32)
    swiglu_param_limit = field("swiglu_limit", float, "Where the gate is clamped, 0 for nowhere.", 0.0)
    swiglu_param_alpha = field("swiglu_alpha", float, "The factor inside of the gate's sigmoid.", 1.0)
    swiglu_param_beta = field("swiglu_beta", float, "What is added to what the gate multiplies.", 0.0)

    def _connect(self, first: int, tensors: list[ITensor]) -> None:
        for place, tensor in enumerate(tensors, first):
            self._state.connect(place, tensor._state)

    @method()
    def set_gated_weights(
        self,
        fc_gate_weights: ITensor,
        fc_up_weights: ITensor,
        fc_down_weights: ITensor,
        activation_type: MoEActType,
    ) -> None:
        """Set the weights of gate, up and down products, an expert along axis 0."""
        self._connect(3, [fc_gate_weights, fc_up_weights, fc_down_weights])
        self._state.put("activation_type", activation_type.name)

    @method()
    def set_gated_biases(self, fc_gate_biases: ITensor, fc_up_biases: ITensor, fc_down_biases: ITensor) -> None:
        """Set the biases of gate, up and down products, an expert along axis 0."""
        self._connect(6, [fc_gate_biases, fc_up_biases, fc_down_biases])

    @method()
    def set_swiglu_params(self, limit: float, alpha: float, beta: float) -> None:
        """Set the parameters of the gate."""
        for name, value in (("limit", limit), ("alpha", alpha), ("beta", beta)):
            self._state.put(f"swiglu_{name}", value)

    @method()
    def set_quantization_static(self, fc_down_activation_scale: ITensor, data_type: DataType) -> None:
        """Refuse: activations between the products are not quantized."""
        raise ApiError("activations between the products are not quantized", self._state.name)

    @method()
    def set_quantization_dynamic_dbl_q(
        self,
        fc_down_activation_dbl_q_scale: ITensor,
        data_type: DataType,
        block_shape: Dims,
        dyn_q_output_scale_type: DataType,
    ) -> None:
        """Refuse: activations between the products are not quantized."""
        raise ApiError("activations between the products are not quantized", self._state.name)


class ModelAdding(Adding):
    """The part of INetworkDefinition that adds layers of language models."""

    def _attention(self, tensors: list[ITensor], norm_op: AttentionNormalizationOp, kind: str) -> IAttention:
        entry = self._add(IAttentionInputLayer, "ATTENTION_INPUT", tensors, 3)._state
        made = self._state.add("ATTENTION_OUTPUT", "Attention Output", entry.outputs, {}, 1)
        made.fields |= {"norm_op": norm_op.name, "causal_kind": kind}
        cell = AttentionCell(self._state, entry, made)
        entry.extras["attention"] = made.extras["attention"] = cell
        return wrap(IAttention, cell, dialect_of(self))

    @method(since=10)
    def add_attention(
        self, query: ITensor, key: ITensor, value: ITensor, norm_op: AttentionNormalizationOp, causal: bool
    ) -> IAttention:
        """Add normalize(query @ key^T) @ value over [batch, heads, length, size] tensors."""
        return self._attention([query, key, value], norm_op, "UPPER_LEFT" if causal else "NONE")

    @method(since=11)
    def add_attention_v2(
        self,
        query: ITensor,
        key: ITensor,
        value: ITensor,
        norm_op: AttentionNormalizationOp,
        causal_kind: CausalMaskKind,
    ) -> IAttention:
        """Add normalize(query @ key^T) @ value with a causal mask of a kind."""
        return self._attention([query, key, value], norm_op, causal_kind.name)

    @method(since=10)
    def add_rotary_embedding(
        self, input: ITensor, cos_cache: ITensor, sin_cache: ITensor, interleaved: bool, rotary_embedding_dim: int
    ) -> IRotaryEmbeddingLayer:
        """Add the rotation of pairs of numbers by their position."""
        fields = {"interleaved": interleaved, "rotary_embedding_dim": rotary_embedding_dim}
        return self._add(IRotaryEmbeddingLayer, "ROTARY_EMBEDDING", [input, cos_cache, sin_cache], 1, **fields)

    @method(since=10)
    def add_kv_cache_update(
        self, cache: ITensor, update: ITensor, write_indices: ITensor, cache_mode: KVCacheMode
    ) -> IKVCacheUpdateLayer:
        """Add a key-value cache with new rows from an index of each batch on."""
        return self._add(
            IKVCacheUpdateLayer, "KV_CACHE_UPDATE", [cache, update, write_indices], 1, cache_mode=cache_mode
        )

    @method(since=10)
    def add_moe(
        self,
        hidden_states: ITensor,
        selected_experts_for_tokens: ITensor,
        scores_for_selected_experts: ITensor,
    ) -> IMoELayer:
        """Add a mixture of experts; its weights are set after."""
        tensors = [hidden_states, selected_experts_for_tokens, scores_for_selected_experts]
        kind = member(MoEActType, "SILU", dialect_of(self))
        return self._add(IMoELayer, "MOE", tensors, 1, activation_type=held(kind))

    @method(since=10)
    def add_dist_collective(
        self,
        input: ITensor,
        dist_collective_op: CollectiveOperation,
        reduce_op: Any,
        root: Any,
        groups: Any,
    ) -> IDistCollectiveLayer:
        """Add a collective over ranks, of which there is one."""
        fields = {"operation": dist_collective_op, "reduce_op": held(reduce_op), "root": root, "groups": groups}
        return self._add(IDistCollectiveLayer, "DIST_COLLECTIVE", [input], 1, **fields)

    @method(since=10)
    def add_dynamic_quantize(
        self, input: ITensor, axis: int, block_size: int, output_type: DataType, scale_type: DataType
    ) -> IDynamicQuantizeLayer:
        """Add quantization of blocks along an axis by scales computed from them; input 1 may scale the scales."""
        fields: dict[str, Any] = {"axis": axis, "block_size": block_size, "block_shape": None}
        types = {"to_type": output_type, "scale_type": scale_type}
        return self._add(IDynamicQuantizeLayer, "DYNAMIC_QUANTIZE", [input], 2, **fields, **types)

    @method(since=10)
    def add_dynamic_quantize_v2(
        self, input: ITensor, block_shape: Dims, output_type: DataType, scale_type: DataType
    ) -> IDynamicQuantizeLayer:
        """Add quantization of blocks of a shape by scales computed from them."""
        axes = [axis for axis, size in enumerate(block_shape) if size > 1]
        if len(axes) != 1:
            raise ApiError(f"blocks of {tuple(block_shape)} are not along one axis", "add_dynamic_quantize_v2")
        fields: dict[str, Any] = {"axis": axes[0], "block_size": block_shape[axes[0]], "block_shape": block_shape}
        types = {"to_type": output_type, "scale_type": scale_type}
        return self._add(IDynamicQuantizeLayer, "DYNAMIC_QUANTIZE", [input], 2, **fields, **types)
