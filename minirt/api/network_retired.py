"""The calls of INetworkDefinition of TensorRT 7 that have no layer behind them: they raise and say what to use."""

from __future__ import annotations

from typing import Any

from minirt.api.declare import checked
from minirt.api.dialect import spanned
from minirt.api.network_adding import Adding
from minirt.api.plugin import IPluginV2
from minirt.api.tensor import ITensor
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
        """Add an IPluginV2; raises ApiError for plugins of the first generation, which do not run."""
        if isinstance(plugin, IPluginV2):
            return self.add_plugin_v2(inputs, plugin)  # type: ignore[attr-defined]
        raise retired(_PLUGIN, "INetworkDefinition.add_plugin_ext", _INSTEAD)
