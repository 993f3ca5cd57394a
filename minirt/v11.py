"""The names of TensorRT 11.4: `import minirt.v11 as trt`."""

from typing import Any

from minirt.api.namespace import absent, namespace, public_names

globals().update(namespace(11))
__all__ = public_names(11)  # noqa: PLE0605 - the list comes from the declarations


def __getattr__(name: str) -> Any:
    raise absent(name, 11)
