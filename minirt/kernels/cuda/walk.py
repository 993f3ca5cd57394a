"""Kernels that walk over a result (or over updates) and find each element's source by rules of their own.

The subclass says which operands take part, with their strides along the walked axes, and prints how elements move; this
module merges axes, chooses the vector's width, and splits an element's number into coordinates and offsets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from minirt.kernels.cuda.compile import CudaSource
from minirt.kernels.cuda.generate import Generated, Param, Value, blocks, kernel_text, size_params, stride_params
from minirt.kernels.cuda.nest import Nest, coordinates, nest, offset, same
from minirt.kernels.kernel import Problem
from minirt.plan.launch import Address, Launch, Spec
from minirt.types.dim import Dim, divide


@dataclass(frozen=True)
class Walker:
    """One operand of a walk: its name in the kernel, where it is, C++ element type, bytes, strides, alignment.

    ``moved`` marks operands whose elements move, which a vector may take several of at once.
    """

    name: str
    at: Address
    element: str
    bytes: int
    strides: tuple[Dim, ...]
    aligned: bool = True
    moved: bool = False


class Walk(Generated):
    """Base of the walking kernels; ``extra`` parameters follow the operands'."""

    entry = "walk"

    def walked(
        self,
        problem: Problem,
        shape: Sequence[Dim],
        order: Sequence[int],
        walkers: Sequence[Walker],
        spec: Spec,
        values: Mapping[str, Value],
        sealed: Sequence[int] = (),
        several: int = 1,
    ) -> Launch:
        """One launch over the axes of ``shape``; ``sealed`` axes keep a coordinate, listed in the spec's "places".

        A thread handles ``several`` vectors of the innermost axis, spread over it, where that has enough of them; the
        spec's "several" says how many it does.
        """
        made = nest(shape, [w.strides for w in walkers], order, sealed)
        places = [made.place(axis) for axis in sealed]
        vector = 1 if made.rank - 1 in places else vector_of(problem, made, walkers)
        if several > 1 and (made.rank < 2 or vector == 1 or not problem.divisible(made.sizes[-1], vector * several)):
            several = 1
        count = made.total if several == 1 else divide(made.total, several)
        spec = {
            "several": several, **spec, "rank": made.rank, "vector": vector, "wide": made.wide(problem.bounds),
            "places": places, "operands": [[w.name, w.element] for w in walkers],
        }  # fmt: skip
        held: dict[str, Value] = {"n": count, **values}
        held |= {f"n{axis}": size for axis, size in enumerate(made.sizes)}
        if several > 1:
            held[f"n{made.rank - 1}"] = divide(made.sizes[-1], several)
        for i, walker in enumerate(walkers):
            held[walker.name] = walker.at
            held |= {f"{walker.name}_{axis}": stride for axis, stride in enumerate(made.strides[i])}
        return self.launched(spec, held, blocks(count, self.threads * vector))

    def extra(self, spec: Spec) -> list[Param]:
        """Further parameters."""
        return []

    def move(self, spec: Spec) -> str:
        """Statements for the vector at offsets ``o_<name>``, with coordinates ``c0`` .. and number ``e``."""
        raise NotImplementedError

    def head(self, spec: Spec) -> str:
        """Functions before the entry."""
        return ""

    def params(self, spec: Spec) -> list[Param]:
        """Operands, the number of elements, sizes and strides of the merged axes, extra parameters."""
        out = [Param("ptr", name, element) for name, element in spec["operands"]]
        out += [Param("I", "n"), *size_params(spec["rank"])]
        for name, _ in spec["operands"]:
            out += stride_params(name, spec["rank"])
        return out + self.extra(spec)

    def text(self, spec: Spec) -> CudaSource:
        """Coordinates and offsets, then what the subclass prints."""
        body = f"const I e = ((I)blockIdx.x * {self.threads} + threadIdx.x) * {spec['vector']};\nif (e >= n) return;\n"
        body += coordinates(spec["rank"], "e")
        for name, _ in spec["operands"]:
            body += f"const I o_{name} = {offset(spec['rank'], name)};\n"
        return kernel_text(
            self.entry, self.params(spec), body + self.move(spec), self.threads, spec["wide"], self.head(spec)
        )


def vector_of(problem: Problem, made: Nest, walkers: Sequence[Walker]) -> int:
    """Elements that all moved operands have side by side on 16-byte boundaries, and no other operand tells apart."""
    for width in (16, 8, 4, 2):
        fits = all(_fits(problem, made.strides[i], w, width) for i, w in enumerate(walkers))
        if fits and problem.divisible(made.sizes[-1], width):
            return width
    return 1


def _fits(problem: Problem, strides: Sequence[Dim], walker: Walker, width: int) -> bool:
    if not walker.moved:
        return same(strides[-1], 0)
    lies = same(strides[-1], 1) and all(problem.divisible(s, width) for s in strides[:-1])
    return lies and walker.aligned and width * walker.bytes <= 16


def copy_text(spec: Spec, to: str, source: str, kind: str) -> str:
    """Moves a vector of raw elements from one address to another."""
    if spec["vector"] == 1:
        return f"*({to}) = *({source});\n"
    whole = f"Vector<{kind}, {spec['vector']}>"
    return f"*({whole}*)({to}) = *(const {whole}*)({source});\n"
