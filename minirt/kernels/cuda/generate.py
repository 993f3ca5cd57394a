"""What all generated CUDA kernels share: parameters declared once, from which both signature and launch are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from minirt.kernels.cuda.compile import CudaSource
from minirt.kernels.cuda.nest import Nest
from minirt.kernels.kernel import Kernel, Target
from minirt.plan.launch import Address, Arg, Integer, Launch, Real, Spec, Unit
from minirt.types.dim import Dim, ceil, divide
from minirt.types.dtype import DType

STORAGE = {
    "f16": "f16", "bf16": "bf16", "f32": "float", "f64": "double", "bool": "bool", "i8": "i8", "i16": "i16",
    "i32": "int", "i64": "i64", "u8": "u8", "u16": "u16", "u32": "u32", "u64": "u64",
    **{name: name for name in ("f8e4m3", "f8e4m3fnuz", "f8e5m2", "f8e5m2fnuz", "f8e8m0")},
}  # fmt: skip
_RAW = {8: "u8", 16: "u16", 32: "u32", 64: "u64"}
Value = Address | Dim | float


@dataclass(frozen=True)
class Param:
    """A parameter: ``kind`` is "ptr" (to ``element``), "I" (an index of 32 or 64 bits), "i32", "i64" or "f32"."""

    kind: str
    name: str
    element: str = ""

    def declaration(self) -> str:
        """The parameter in C++."""
        return f"{self.element}* {self.name}" if self.kind == "ptr" else f"{_C_TYPES[self.kind]} {self.name}"


_C_TYPES = {"I": "I", "i32": "int", "i64": "i64", "f32": "float"}


def storage(dtype: DType) -> str:
    """The C++ type of elements in memory."""
    return STORAGE[dtype.name]


def raw_storage(dtype: DType) -> str:
    """The unsigned type as wide as the element, for kernels that only move; "" where there is none."""
    return "" if dtype.kind == "s" else _RAW.get(dtype.bits, "")


def size_params(rank: int, name: str = "n", first: int = 1) -> list[Param]:
    """The sizes of a nest's axes but the outermost."""
    return [Param("I", f"{name}{axis}") for axis in range(first, rank)]


def stride_params(operand: str, rank: int) -> list[Param]:
    """An operand's strides along a nest's axes."""
    return [Param("I", f"{operand}_{axis}") for axis in range(rank)]


def size_values(nest: Nest, name: str = "n") -> dict[str, Value]:
    """Values of ``size_params`` (all axes)."""
    return {f"{name}{axis}": size for axis, size in enumerate(nest.sizes)}


def stride_values(nest: Nest, operand: int, name: str) -> dict[str, Value]:
    """Values of ``stride_params``."""
    return {f"{name}_{axis}": stride for axis, stride in enumerate(nest.strides[operand])}


def arguments(params: Sequence[Param], values: Mapping[str, Value], wide: bool) -> tuple[Arg, ...]:
    """The launch's arguments, in the parameters' order."""
    return tuple(_argument(param, values[param.name], wide) for param in params)


def _argument(param: Param, value: Value, wide: bool) -> Arg:
    if param.kind == "ptr":
        assert isinstance(value, Address), param
        return value
    if param.kind == "f32":
        assert isinstance(value, float), param
        return Real(value, 32)
    assert not isinstance(value, Address | float), param
    return Integer(value, 64 if param.kind == "i64" or (param.kind == "I" and wide) else 32)


FOLLOW = """#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;");
#endif
"""
"""The start of every entry function: the next launch may be set up beside this one, which awaits the one before."""


@cache
def body_file(name: str) -> str:
    """The text of a ``.cuh`` file beside this module."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def elements(text: str) -> str:
    """What a kernel's ``text`` begins with: ``elements.cuh``, and ``float8.cuh`` where it names floats of 8 bits."""
    return body_file("elements.cuh") + (body_file("float8.cuh") if "f8e" in text else "")


def kernel_text(
    entry: str,
    params: Sequence[Param],
    body: str,
    threads: int,
    wide: bool,
    head: str = "",
    files: Sequence[str] = (),
    *,
    alone: bool = False,
) -> CudaSource:
    """The whole text of a kernel: ``elements.cuh``, the index type ``I``, other files, ``head``, the entry function.

    ``alone``: one block a multiprocessor is enough, so registers are not saved for a second.
    """
    bound = f"{threads}, 1" if alone else str(threads)
    declared = ", ".join(param.declaration() for param in params)
    inside = "".join(f"  {line}\n" if line else "\n" for line in body.splitlines())
    text = (
        f"typedef {'i64' if wide else 'int'} I;\n"
        + "".join(body_file(name) for name in files)
        + head
        + f'extern "C" __global__ void __launch_bounds__({bound}) {entry}({declared}) {{\n{FOLLOW}{inside}}}\n'
    )
    return CudaSource(elements(text) + text, entry)


def blocks(count: Dim, each: int) -> tuple[Dim, Dim, Dim]:
    """A grid of blocks that handle ``each`` of ``count`` items."""
    return (ceil(divide(count, each)), 1, 1)


class Generated(Kernel):
    """Base of generated CUDA kernels: a subclass gives ``params`` and ``text`` for a spec."""

    target = "cuda"
    threads = 256

    def params(self, spec: Spec) -> list[Param]:
        """The entry function's parameters."""
        raise NotImplementedError

    def text(self, spec: Spec) -> CudaSource:
        """The kernel's whole text."""
        raise NotImplementedError

    def source(self, spec: Spec, target: Target) -> CudaSource:
        """What to compile."""
        return self.text(spec)

    def launched(
        self,
        spec: Spec,
        values: Mapping[str, Value],
        grid: tuple[Dim, Dim, Dim],
        block: tuple[int, int, int] | None = None,
    ) -> Launch:
        """One launch of the kernel that ``spec`` describes."""
        wide = bool(spec.get("wide", False))
        args = arguments(self.params(spec), values, wide)
        shape = block or (int(spec.get("threads", self.threads)), 1, 1)
        return Launch(Unit(self.name, spec), args, grid, shape, follows=True)
