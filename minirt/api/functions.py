"""The functions of the module: volume, nptype, and versions."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from minirt.api.enums import DataType

_NUMPY: dict[str, Any] = {
    "FLOAT": np.float32,
    "HALF": np.float16,
    "INT8": np.int8,
    "INT32": np.int32,
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "INT64": np.int64,
}


def volume(iterable: Iterable[int]) -> int:
    """Return the product of dims: 1 for none; -1 is multiplied like any other number."""
    return math.prod(iterable)


def nptype(trt_type: DataType) -> Any:
    """Return the NumPy type of a DataType; raise TypeError where NumPy has none."""
    if not DataType.takes(trt_type) or trt_type.name not in _NUMPY:
        raise TypeError("Could not resolve TensorRT datatype to an equivalent numpy datatype.")
    return _NUMPY[trt_type.name]


def get_nv_onnx_parser_version() -> int:
    """Return the ONNX parser's version as one number: major * 10000 + minor * 100 + patch."""
    return 101600


def shutdown_protobuf_library() -> None:
    """Do nothing: there is no library to shut down."""
