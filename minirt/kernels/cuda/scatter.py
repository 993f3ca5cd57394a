"""Scatters: a copy of the data, then updates put, added, multiplied or compared in at places that an operand gives.

Updates of one place are combined in no fixed order: sums of floats may differ in their last bit from run to run, and
with no reduction it is not defined which of several updates of one place wins.
"""

from __future__ import annotations

from minirt.ir.scalar import Body, arg
from minirt.kernels.cuda.gather import INDICES, place_params, place_text
from minirt.kernels.cuda.generate import Param, Value, raw_storage, storage
from minirt.kernels.cuda.map import Piece, launch_map, raw_dtype
from minirt.kernels.cuda.walk import Walk, Walker, copy_text
from minirt.kernels.kernel import Problem
from minirt.ops.indexing import ScatterElements, ScatterND
from minirt.plan.launch import Address, Launches, Spec
from minirt.types.dim import Dim

_COMBINE = {"add": "a + b", "mul": "a * b", "max": "greatest(a, b)", "min": "least(a, b)"}
_ATOMIC_TYPES = ("f16", "bf16", "f32", "f64", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64")
_UPDATE = """
// the word that holds the element is replaced as one; elements narrower than a word sit within their word
template <class T, class R> DEV void update(T* p, R b) {
  typedef unsigned long long u64;
  if constexpr (sizeof(T) == 8) {
    u64 seen = *(volatile u64*)p, old;
    do {
      old = seen;
      T held; memcpy(&held, &old, 8);
      const R a = widen(held);
      const T put = Narrow<T>::of(COMBINE);
      u64 word; memcpy(&word, &put, 8);
      seen = atomicCAS((u64*)p, old, word);
    } while (seen != old);
  } else {
    const u64 address = (u64)p;
    u32* const at = (u32*)(address & ~3ull);
    const int shift = (int)(address & 3) * 8;
    const u32 mask = (sizeof(T) == 4 ? 0xffffffffu : ((1u << (sizeof(T) * 8 % 32)) - 1)) << shift;
    u32 seen = *(volatile u32*)at, old;
    do {
      old = seen;
      const u32 bits = (old & mask) >> shift;
      T held; memcpy(&held, &bits, sizeof(T));
      const R a = widen(held);
      const T put = Narrow<T>::of(COMBINE);
      u32 word = 0; memcpy(&word, &put, sizeof(T));
      seen = atomicCAS(at, old, (old & ~mask) | (word << shift));
    } while (seen != old);
  }
}
"""


class ScatterWalk(Walk):
    """Copies the data, then walks over the updates."""

    ops = (ScatterElements, ScatterND)
    entry = "scatter"

    def rejects(self, problem: Problem) -> str:
        """Elements that are not 8 to 64 bits wide, indices of a rare type, reductions of what is no number."""
        data, indices, _ = problem.inputs
        op, dtype = problem.op, data.type.dtype
        assert isinstance(op, ScatterElements | ScatterND)
        if not raw_storage(dtype):
            return f"elements of type {dtype} cannot be moved one by one"
        if op.reduction != "none" and dtype.name not in _ATOMIC_TYPES:
            return f"elements of type {dtype} are not combined"
        return "" if indices.type.dtype.name in INDICES else f"indices of type {indices.type.dtype}"

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """The copy, and the updates."""
        op, (data, indices, updates), (y,) = problem.op, problem.inputs, problem.outputs
        assert isinstance(op, ScatterElements | ScatterND)
        held = raw_dtype(data.type.dtype)
        body = Body((held,), (arg(0, held),))
        source = Piece(Address("in", 0), held, data.strides, data.aligned)
        copy = launch_map(problem, body, [source], [Piece(Address("out", 0), held, y.strides, y.aligned)], y.type)
        rank = len(y.shape)
        if isinstance(op, ScatterElements):
            inner: tuple[Dim, ...] = tuple(0 if axis == op.axis else s for axis, s in enumerate(y.strides))
            places, named = indices.strides, [op.axis]
        else:
            assert isinstance(indices.shape[-1], int)
            depth, lead = indices.shape[-1], len(indices.shape) - 1
            inner = (*(0,) * lead, *y.strides[depth:])
            places = (*indices.strides[:-1], *(0,) * (rank - depth))
            named = list(range(depth))
        plain = op.reduction == "none"
        kind = raw_storage(data.type.dtype) if plain else storage(data.type.dtype)
        width = data.type.dtype.bits // 8
        aligned = y.aligned and all(problem.divisible(y.strides[axis], 16 // width) for axis in named)
        walkers = [
            Walker("x", Address("in", 2), f"const {kind}", width, updates.strides, updates.aligned and plain, True),
            Walker("y", Address("out", 0), kind, width, inner, aligned, True),
            Walker("indices", Address("in", 1), f"const {storage(indices.type.dtype)}", 8, places),
        ]
        spec: Spec = {
            "depth": len(named), "step": isinstance(op, ScatterND), "kind": kind, "reduction": op.reduction,
        }  # fmt: skip
        values: dict[str, Value] = {f"size{k}": y.shape[axis] for k, axis in enumerate(named)}
        values |= {f"stride{k}": y.strides[axis] for k, axis in enumerate(named)}
        values["step"] = indices.strides[-1] if isinstance(op, ScatterND) else 0
        return Launches((copy, self.walked(problem, updates.shape, updates.type.order, walkers, spec, values)))

    def extra(self, spec: Spec) -> list[Param]:
        """Geometry of the named axes."""
        return place_params(spec["depth"], spec["step"])

    def head(self, spec: Spec) -> str:
        """The read-modify-write of one element."""
        return "" if spec["reduction"] == "none" else _UPDATE.replace("COMBINE", _COMBINE[spec["reduction"]])

    def move(self, spec: Spec) -> str:
        """Find the place, update it."""
        text = place_text(spec["depth"], spec["step"])
        if spec["reduction"] == "none":
            return text + copy_text(spec, "y + o_y + at", "x + o_x", spec["kind"])
        return text + "update(y + o_y + at, widen(x[o_x]));\n"
