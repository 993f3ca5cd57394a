"""What quick plugins see: shapes as expressions while a network is built, tensors with addresses while it runs."""

from __future__ import annotations

import builtins
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from minirt.api.dialect import DEFAULT
from minirt.api.enum import member
from minirt.api.enums import DataType, TensorFormat
from minirt.types import dim as dims
from minirt.types.dim import Dim, symbol
from minirt.types.tensor import Tensor as CoreTensor

_fresh = itertools.count()
_LINEAR = member(TensorFormat, "LINEAR", DEFAULT)


def dim_of(value: Any) -> Dim:
    """Return an expression, or an int, as a dim of the core."""
    return value.dim if isinstance(value, SymInt32) else int(value)


class SymInt32:
    """A 32-bit number that may depend on shapes."""

    def __init__(self, value: Any = None) -> None:
        self.dim: Dim = 0 if value is None else dim_of(value) if not isinstance(value, dims.Expr) else value

    @property
    def is_constant(self) -> bool:
        """Return whether it is known."""
        return isinstance(self.dim, int)

    @property
    def constant_value(self) -> int:
        """Return the number; raises ValueError where it is not known."""
        if not isinstance(self.dim, int):
            raise ValueError(f"{self.dim} is not constant")
        return self.dim

    def _with(self, other: Any, operation: Callable[[Any, Any], Dim]) -> Any:
        made = type(self)() if type(self) is not SizeTensorShapeExpr else ShapeExpr()
        made.dim = operation(self.dim, dim_of(other))
        return made

    def __add__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: a + b)

    def __sub__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: a - b)

    def __mul__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: a * b)

    def __floordiv__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: dims.floor(dims.divide(a, b)))

    def __eq__(self, other: object) -> Any:
        return self._with(other, dims.equal)

    def __lt__(self, other: Any) -> Any:
        return self._with(other, dims.less)

    def __bool__(self) -> bool:
        return bool(self.constant_value)

    __hash__ = object.__hash__
    __radd__, __rmul__ = __add__, __mul__

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.dim})"


class SymInt8(SymInt32):
    """An 8-bit number that may depend on shapes."""


class SymInt16(SymInt32):
    """A 16-bit number that may depend on shapes."""


class ShapeExpr(SymInt32):
    """A dim."""

    @property
    def is_fake(self) -> bool:
        """Return whether it stands for a dim that is not there: never."""
        return False

    @property
    def is_size_tensor(self) -> bool:
        """Return whether the plugin writes it while it runs."""
        return isinstance(self, SizeTensorShapeExpr)


class SizeTensorShapeExpr(ShapeExpr):
    """A dim that the plugin writes, while it runs, into an output of its own."""

    def __init__(self, size_tensor_desc: SizeTensorDesc | None = None) -> None:
        super().__init__()
        if size_tensor_desc is not None:
            self.dim = symbol(size_tensor_desc.symbol)


class SymExprs:
    """A tuple of expressions."""

    def __init__(self, length: int) -> None:
        self._items: list[Any] = [None] * length

    @classmethod
    def from_tuple(cls, shape_exprs: Iterable[Any]) -> Any:
        """Return expressions from expressions and ints."""
        items = [e if isinstance(e, SymInt32) else ShapeExpr(e) for e in shape_exprs]
        made = cls(len(items))
        made._items = items
        return made

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]

    def __setitem__(self, index: int, expr: Any) -> None:
        self._items[index] = expr if isinstance(expr, SymInt32) else ShapeExpr(expr)

    def __repr__(self) -> str:
        return f"{type(self).__name__}{tuple(self._items)}"


class ShapeExprs(SymExprs):
    """A shape."""

    def __init__(self, length: int, _is_dummy: bool = False) -> None:
        super().__init__(length)

    def numel(self) -> ShapeExpr:
        """Return the number of elements."""
        found = ShapeExpr(1)
        for item in self._items:
            found = found * item
        return found


class SymIntExprs(SymExprs):
    """A tuple of numbers."""


class Shape:
    """A shape as far as it is known while kernels are chosen."""

    def __init__(self, tensor_desc: TensorDesc | None = None) -> None:
        self._dims: tuple[Dim, ...] = () if tensor_desc is None else tuple(e.dim for e in tensor_desc.shape_expr)

    @property
    def is_dynamic(self) -> bool:
        """Return whether a dim is not known."""
        return any(not isinstance(d, int) for d in self._dims)

    def _known(self) -> tuple[int, ...]:
        return tuple(d if isinstance(d, int) else -1 for d in self._dims)

    @property
    def opt(self) -> tuple[int, ...]:
        """The usual shape, -1 for dims that are not known; nothing tells it from the least and the greatest."""
        return self._known()

    min = opt
    max = opt

    def numel(self) -> int:
        """Return the number of elements; raises ValueError where it is not known."""
        if self.is_dynamic:
            raise ValueError(f"{self._dims} is not known")
        count = 1
        for size in self._known():
            count *= size
        return count

    def __len__(self) -> int:
        return len(self._dims)

    def __getitem__(self, index: int) -> int:
        return self._known()[index]

    def __iter__(self) -> Iterator[int]:
        return iter(self._known())


class TensorDesc:
    """What a tensor is while a network is built."""

    def __init__(
        self,
        shape_expr: ShapeExprs | None = None,
        dtype: DataType | None = None,
        format: TensorFormat | None = None,
        scale: float | None = None,
    ) -> None:
        self.shape_expr: Any = shape_expr
        self.dtype: Any = dtype
        self.format: Any = format or _LINEAR
        self.scale = 1.0 if scale is None else scale
        self._aliased: TensorDesc | None = None

    @property
    def ndim(self) -> int:
        """Return the number of axes."""
        return len(self.shape_expr)

    @property
    def shape(self) -> Shape:
        """Return the shape as far as it is known."""
        return Shape(self)

    @property
    def has_shape(self) -> bool:
        """Return whether the shape is known."""
        return self.has_shape_expr and not self.is_dynamic

    @property
    def has_shape_expr(self) -> bool:
        """Return whether there is a shape."""
        return self.shape_expr is not None

    @property
    def is_dynamic(self) -> bool:
        """Return whether a dim is not known."""
        return self.shape.is_dynamic

    @property
    def is_size_tensor(self) -> bool:
        """Return whether it is one number that the plugin writes."""
        return isinstance(self, SizeTensorDesc)

    @property
    def is_aliased(self) -> bool:
        """Return whether it shares an input's memory."""
        return self._aliased is not None

    def numel(self) -> Any:
        """Return the number of elements as an expression."""
        return self.shape_expr.numel()

    def like(self) -> TensorDesc:
        """Return a tensor of the same shape and type."""
        return TensorDesc(ShapeExprs.from_tuple(self.shape_expr), self.dtype, self.format, self.scale)

    def aliased(self) -> TensorDesc:
        """Return a tensor of the same shape and type that shares this one's memory."""
        made = self.like()
        made._aliased = self
        return made

    def get_aliased(self) -> TensorDesc | None:
        """Return the input whose memory it shares, None for none."""
        return self._aliased


class SizeTensorDesc(TensorDesc):
    """One number that the plugin writes while it runs, and that is a dim of another output."""

    def __init__(self, opt: Any, upper_bound: Any) -> None:
        super().__init__(ShapeExprs(0), member(DataType, "INT32", DEFAULT))
        self.opt = opt
        self.upper_bound = upper_bound
        self.index = -1
        self.symbol = f"quick_size_{next(_fresh)}"

    def expr(self) -> SizeTensorShapeExpr:
        """Return the number as a dim."""
        return SizeTensorShapeExpr(self)


def desc_like(type: CoreTensor) -> TensorDesc:
    """Return a tensor of the core as plugins see it while a network is built."""
    shape = ShapeExprs.from_tuple([ShapeExpr(d) for d in type.shape])
    return TensorDesc(shape, member(DataType, type.dtype.trt, DEFAULT))


def size_tensor(opt: Any, upper_bound: Any) -> SizeTensorDesc:
    """Return an output of one number, of at most `upper_bound`, that is a dim of another output."""
    return SizeTensorDesc(opt, upper_bound)


def from_shape_expr(shape_expr: Sequence[Any], dtype: DataType) -> TensorDesc:
    """Return a tensor of a shape and type."""
    return TensorDesc(ShapeExprs.from_tuple(shape_expr), dtype)


def cdiv(first: Any, second: Any) -> Any:
    """Return a quotient rounded up."""
    if not isinstance(first, SymInt32) and not isinstance(second, SymInt32):
        return -(-first // second)
    return ShapeExpr(dim_of(first))._with(second, lambda a, b: dims.ceil(dims.divide(a, b)))


def max(first: Any, second: Any) -> Any:
    """Return the greater of two numbers."""
    if not isinstance(first, SymInt32) and not isinstance(second, SymInt32):
        return builtins.max(first, second)
    return ShapeExpr(dim_of(first))._with(second, dims.maximum)


def min(first: Any, second: Any) -> Any:
    """Return the smaller of two numbers."""
    if not isinstance(first, SymInt32) and not isinstance(second, SymInt32):
        return builtins.min(first, second)
    return ShapeExpr(dim_of(first))._with(second, dims.minimum)
