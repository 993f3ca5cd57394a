"""The names of TensorRT 7.2: `import minirt.v7 as trt`."""

from typing import Any

from minirt.api.namespace import absent, namespace, public_names

globals().update(namespace(7))
__all__ = public_names(7)  # noqa: PLE0605 - the list comes from the declarations


def __getattr__(name: str) -> Any:
    raise absent(name, 7)
