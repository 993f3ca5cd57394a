"""Pointwise regions on the CPU: any strides, broadcasting, several results, element coordinates."""

from __future__ import annotations

import json

from minirt.ir.scalar import Body, Scalar, cast, encode, index, postorder
from minirt.kernels.cpu.compile import CpuUnit
from minirt.kernels.cpu.constants import CONSTANT_IMPORTS, constant_args, constant_lines, lift
from minirt.kernels.cpu.nest import Nest, NestText, collapse, function_text, nest_args, operand_args, spread
from minirt.kernels.cpu.storage import takes
from minirt.kernels.kernel import Kernel, Operand, Problem, Target
from minirt.ops.movement import Iota
from minirt.ops.pointwise import Elementwise
from minirt.plan.launch import Address, Launch, Launches, Spec, Unit
from minirt.types.dtype import DType

MOST_LOOPS = 8
_EXPENSIVE = frozenset(
    "exp log sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf pow log1p expm1 fmod mod".split()
)


def unsupported(dtypes: tuple[DType, ...]) -> str:
    """Why CPU kernels cannot load or store these element types; "" where they can."""
    bad = sorted({d.name for d in dtypes if not takes(d)})
    return f"CPU kernels do not take element type {', '.join(bad)}" if bad else ""


def grain(bodies: tuple[Body | None, ...], factor: int = 1) -> int:
    """Elements worth a thread: fewer for expensive expressions, and where each stands for ``factor`` operands."""
    nodes = [n for body in bodies if body is not None for n in postorder(body.results)]
    cost = 4 + len(nodes) + 12 * sum(n.fn in _EXPENSIVE for n in nodes)
    return max(256, 200_000 // (cost * max(1, factor)))


def coordinate_axes(results: tuple[Scalar, ...]) -> list[int]:
    """Output axes, from the end, whose coordinate the expressions read."""
    return sorted({n.value for n in postorder(results) if n.fn == "index" and isinstance(n.value, int)})


class MapStrided(Kernel):
    """A pointwise region, row by row; the innermost loop is vectorised by LLVM."""

    ops = (Elementwise, Iota)

    def rejects(self, problem: Problem) -> str:
        """Element types without CPU code, and more than 8 loops."""
        bad = unsupported(tuple(o.type.dtype for o in problem.inputs + problem.outputs))
        if bad:
            return bad
        nest = map_nest(body_of(problem), problem.inputs, problem.outputs)
        return f"{nest.rank} loops are more than {MOST_LOOPS}" if nest.rank > MOST_LOOPS else ""

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch over all elements."""
        return Launches((map_launch(body_of(problem), problem.inputs, problem.outputs),))

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """A nest of loops around one call of the region."""
        constants, places = spec["constants"], spec["places"]
        count = len(spec["body"][0]) - len(constants)
        coords = [axis for axis, _ in spec["coords"]]
        given = [*places[:count], *["value"] * len(constants)]
        step = {"body": spec["body"], "args": given, "outs": places[count:], "coords": coords}
        loops = NestText(spec["rank"], places)
        head = loops.head()
        head += constant_lines(constants, loops.count)
        at = ["0" if loop < 0 else "j" if loop == loops.last else f"c{loop}" for _, loop in spec["coords"]]
        operands = [loops.address(i) for i in range(len(places))]
        operands[count:count] = [f"k{i}" for i in range(len(constants))]
        row = [f"for j in range(c{loops.last}, stop):", f"    step(j, {', '.join(at + operands)})"]
        return CpuUnit(self.name, function_text([CONSTANT_IMPORTS, region_line("step", step)], head + loops.rows(row)))


def body_of(problem: Problem) -> Body:
    """What one element of the result is."""
    op = problem.op
    if isinstance(op, Iota):
        return Body((), (cast(index(op.axis - len(op.shape)), op.dtype),))
    assert isinstance(op, Elementwise)
    return op.body(tuple(i.type.dtype for i in problem.inputs))


def map_nest(body: Body, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> Nest:
    """Loops over the first result, in its memory order; axes whose coordinate is read stay apart."""
    first = outputs[0]
    strides = [spread(o, first.shape) for o in inputs + outputs]
    kept = frozenset(first.type.rank + a for a in coordinate_axes(body.results))
    return collapse(first.shape, first.type.order, strides, kept)


def map_launch(
    body: Body, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...], addresses: tuple[Address, ...] = ()
) -> Launch:
    """The launch of a region over operands that lie at these addresses (by default the node's own, in order)."""
    nest = map_nest(body, inputs, outputs)
    body, constants = lift(body)
    rank = outputs[0].type.rank
    axes = coordinate_axes(body.results)
    coords = [[a, nest.axes.index(rank + a) if rank + a in nest.axes else -1] for a in axes]
    operands = inputs + outputs
    places = [nest.place(i) for i in range(len(operands))]
    spec: Spec = {
        "rank": nest.rank, "places": places, "coords": coords, "body": encode(body),
        "constants": [d.name for d, _ in constants],
    }  # fmt: skip
    own = tuple(Address("in", i) for i in range(len(inputs))) + tuple(Address("out", i) for i in range(len(outputs)))
    args = nest_args(nest)
    for i, (operand, address) in enumerate(zip(operands, addresses or own, strict=True)):
        args += operand_args(nest, i, address, operand.type.dtype.bits // 8)
    args += constant_args(constants)
    return Launch(Unit("MapStrided", spec), tuple(args), (nest.size, grain((body,)), 1))


def region_line(name: str, spec: Spec) -> str:
    """The line of kernel text that makes a region."""
    return f"from minirt.kernels.cpu.region import region\n{name} = region({json.dumps(json.dumps(spec))})"
