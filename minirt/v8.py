"""The names of TensorRT 8.6: `import minirt.v8 as trt`."""

from typing import Any

from minirt.api.namespace import absent, namespace, public_names

globals().update(namespace(8))
__all__ = public_names(8)  # noqa: PLE0605 - the list comes from the declarations


def __getattr__(name: str) -> Any:
    raise absent(name, 8)
