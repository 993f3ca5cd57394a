"""Gathers: slices and elements read at places that an operand gives."""

from __future__ import annotations

from minirt.kernels.cuda.generate import Param, Value, raw_storage, storage
from minirt.kernels.cuda.nest import broadcast_strides
from minirt.kernels.cuda.walk import Walk, Walker, copy_text
from minirt.kernels.kernel import Problem
from minirt.ops.indexing import Gather, GatherElements, GatherND
from minirt.plan.launch import Address, Launches, Spec
from minirt.types.dim import Dim

INDICES = ("i32", "i64", "i16", "i8", "u8", "u32")


def place_text(depth: int, step: bool) -> str:
    """``at``: the offset that the element's coordinates give, negative ones counted from the end, kept in range."""
    text = "I at = 0;\n"
    for k in range(depth):
        read = f"indices[o_indices + {k} * step]" if step else "indices[o_indices]"
        text += f"{{ I p = (I){read}; p = p < 0 ? p + size{k} : p; p = p < 0 ? 0 : p < size{k} ? p : size{k} - 1;\n"
        text += f"at += p * stride{k}; }}\n"
    return text


def place_params(depth: int, step: bool) -> list[Param]:
    """Sizes and strides of the axes that coordinates name, and the distance between a coordinate's numbers."""
    out = [Param("I", f"{name}{k}") for k in range(depth) for name in ("size", "stride")]
    return out + ([Param("I", "step")] if step else [])


class GatherWalk(Walk):
    """Walks over the result; a vector runs along the axes that the indices leave alone."""

    ops = (Gather, GatherElements, GatherND)
    entry = "gather"

    def rejects(self, problem: Problem) -> str:
        """Elements that are not 8 to 64 bits wide, indices of a rare type."""
        data, indices = problem.inputs
        if not raw_storage(data.type.dtype):
            return f"elements of type {data.type.dtype} cannot be moved one by one"
        return "" if indices.type.dtype.name in INDICES else f"indices of type {indices.type.dtype}"

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch."""
        op, (data, indices), (y,) = problem.op, problem.inputs, problem.outputs
        rank, lead = len(data.shape), len(indices.shape)
        if isinstance(op, Gather):
            inner: tuple[Dim, ...] = (*data.strides[: op.axis], *(0,) * lead, *data.strides[op.axis + 1 :])
            places = (*(0,) * op.axis, *indices.strides, *(0,) * (rank - op.axis - 1))
            named = [op.axis]
        elif isinstance(op, GatherElements):
            inner = tuple(0 if axis == op.axis else s for axis, s in enumerate(data.strides))
            places, named = indices.strides, [op.axis]
        else:
            assert isinstance(op, GatherND) and isinstance(indices.shape[-1], int)
            batch, depth = op.batch_dims, indices.shape[-1]
            inner = (*data.strides[:batch], *(0,) * (lead - 1 - batch), *data.strides[batch + depth :])
            places = (*indices.strides[:-1], *(0,) * (rank - batch - depth))
            named = list(range(batch, batch + depth))
        kind = raw_storage(data.type.dtype)
        width = data.type.dtype.bits // 8
        aligned = data.aligned and all(problem.divisible(data.strides[axis], 16 // width) for axis in named)
        walkers = [
            Walker("y", Address("out", 0), kind, width, broadcast_strides(y, y.shape), y.aligned, True),
            Walker("x", Address("in", 0), f"const {kind}", width, inner, aligned, True),
            Walker("indices", Address("in", 1), f"const {storage(indices.type.dtype)}", 8, places),
        ]
        spec: Spec = {"depth": len(named), "step": isinstance(op, GatherND), "kind": kind}
        values: dict[str, Value] = {f"size{k}": data.shape[axis] for k, axis in enumerate(named)}
        values |= {f"stride{k}": data.strides[axis] for k, axis in enumerate(named)}
        values["step"] = indices.strides[-1] if isinstance(op, GatherND) else 0
        return Launches((self.walked(problem, y.shape, y.type.order, walkers, spec, values),))

    def extra(self, spec: Spec) -> list[Param]:
        """Geometry of the named axes."""
        return place_params(spec["depth"], spec["step"])

    def move(self, spec: Spec) -> str:
        """Find the place, move the vector."""
        return place_text(spec["depth"], spec["step"]) + copy_text(spec, "y + o_y", "x + o_x + at", spec["kind"])
