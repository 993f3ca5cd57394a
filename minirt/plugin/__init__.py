"""Quick plugins: a plugin as a few decorated functions.

`register` says what comes out, `impl` computes it, `op.namespace.name(tensors, **attributes)` makes what
`network.add_plugin` takes.
"""

import minirt.plugin._run as _run  # noqa: F401 - it installs itself as what runs quick plugins
from minirt.plugin._launch import AutoTuneCombination, KernelLaunchParams
from minirt.plugin._lib import aot_impl, autotune, impl, op, register
from minirt.plugin._memory import Tensor
from minirt.plugin._tensor import (
    Shape,
    ShapeExpr,
    ShapeExprs,
    SizeTensorDesc,
    SizeTensorShapeExpr,
    SymExprs,
    SymInt8,
    SymInt16,
    SymInt32,
    SymIntExprs,
    TensorDesc,
    cdiv,
    from_shape_expr,
    max,
    min,
    size_tensor,
)

__all__ = [
    "AutoTuneCombination",
    "KernelLaunchParams",
    "Shape",
    "ShapeExpr",
    "ShapeExprs",
    "SizeTensorDesc",
    "SizeTensorShapeExpr",
    "SymExprs",
    "SymInt16",
    "SymInt32",
    "SymInt8",
    "SymIntExprs",
    "Tensor",
    "TensorDesc",
    "aot_impl",
    "autotune",
    "cdiv",
    "from_shape_expr",
    "impl",
    "max",
    "min",
    "op",
    "register",
    "size_tensor",
]
