"""The calls of INetworkDefinition of TensorRT 7 that have no layer behind them: they raise and say what to use."""

from __future__ import annotations

from typing import Any

from minirt.api.declare import checked
from minirt.api.dialect import spanned
from minirt.api.layer_enums import RNNDirection, RNNInputMode, RNNOperation
from minirt.api.network_adding import Adding
from minirt.api.tensor import ITensor
from minirt.api.weights import Weights
from minirt.errors import ApiError

_PLUGIN = "first-generation plugins do not run"
_INSTEAD = "write an IPluginV2 and add it with add_plugin_v2"


def retired(what: str, where: str, instead: str) -> ApiError:
    """Return the error of a call that minirt cannot honour; `instead` says what to do."""
    return ApiError(what, where, instead)


class RetiredAdding(Adding):
    """The part of INetworkDefinition that adds layers of the first generation: it refuses."""

    @spanned(until=7)
    @checked
    def add_plugin_ext(self, inputs: list[ITensor], plugin: Any) -> Any:
        """Raise ApiError: first-generation plugins do not run."""
        raise retired(_PLUGIN, "INetworkDefinition.add_plugin_ext", _INSTEAD)

    @spanned(until=7)
    @checked
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
    ) -> Any:
        """Raise ApiError: RNNs take their weights gate by gate."""
        what = "RNNs with one array of weights do not run"
        raise retired(what, "INetworkDefinition.add_rnn", "use add_rnn_v2 and set_weights_for_gate")
