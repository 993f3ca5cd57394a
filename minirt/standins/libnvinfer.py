"""The libraries of TensorRT for scripts that load them by ctypes to have their plugins: minirt has these by itself."""

from __future__ import annotations

import ctypes
import re
from pathlib import PurePath
from typing import Any, ClassVar

from minirt.standins.c_library import CLibrary, Plain, Stores

_NAME = re.compile(r"(lib)?(nvinfer(_plugin|_lean|_dispatch|_vc_plugin)?|nvonnxparser)(_\d+)?(\.so[.\d]*|\.dll)")


_OTHERS: dict[str, tuple[Any, Any]] = {
    "initLibNvInferPlugins": (
        ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_char_p),
        lambda logger, namespace: True,
    ),
}


class LibNvinfer(CLibrary):
    """What `ctypes.CDLL` gives for a library of TensorRT where there is none."""

    title = "libnvinfer"
    stores: ClassVar[Stores] = {}
    plain: ClassVar[Plain] = {}
    others = _OTHERS


def is_nvinfer(name: object) -> bool:
    """Return whether a library's name, without a folder, is one of TensorRT's."""
    return isinstance(name, str) and PurePath(name).name == name and _NAME.fullmatch(name) is not None
