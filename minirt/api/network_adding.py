"""Adding layers: what the parts of INetworkDefinition share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from minirt.api.dialect import Api, dialect_of
from minirt.api.fields import held, shown
from minirt.api.tensor import ITensor
from minirt.build.network import NetworkCells

L = TypeVar("L")
_TITLES = {
    "ELEMENTWISE": "ElementWise",
    "TOPK": "TopK",
    "LRN": "LRN",
    "NMS": "NMS",
    "PARAMETRIC_RELU": "ParametricReLU",
    "ONE_HOT": "OneHot",
    "NON_ZERO": "NonZero",
    "PLUGIN_V2": "PluginV2",
    "PLUGIN_V3": "PluginV3",
    "KV_CACHE_UPDATE": "KVCacheUpdate",
    "MOE": "MoE",
}


def title_of(kind: str) -> str:
    """Return how a kind of layer is called in default names."""
    return _TITLES.get(kind) or kind.replace("_", " ").title()


class Adding(Api):
    """Base of the parts of INetworkDefinition."""

    _state: NetworkCells

    def _add(
        self, cls: type[L], kind: str, operands: Sequence[ITensor | None], outputs: int = 1, /, **fields: Any
    ) -> L:
        """Add a layer of a kind and return its object; fields are checked arguments of the call."""
        cells = [None if t is None else t._state for t in operands]
        kept = {name: held(value) for name, value in fields.items()}
        cell = self._state.add(kind, title_of(kind), cells, kept, outputs)
        return shown(cls, cell, self)  # type: ignore[no-any-return]

    def _dialect_is(self, since: int) -> bool:
        return dialect_of(self) >= since
