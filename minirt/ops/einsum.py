"""Einstein sums, composed of products of matrices, sums and transposes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minirt.errors import MinirtError
from minirt.ir.op import Value, apply, broadcast_dim
from minirt.ops.cast import casted
from minirt.ops.gemm import Gemm
from minirt.ops.importer import OnnxNode, Result, importer, number
from minirt.ops.logic import Equal, Where
from minirt.ops.movement import Iota, expanded, reshaped, transposed
from minirt.ops.reduce import Reduce
from minirt.types.dim import Dim, product
from minirt.types.dtype import i64


@dataclass(frozen=True)
class Term:
    """An operand whose axes have names, each once."""

    value: Value
    names: tuple[str, ...]

    def size(self, name: str) -> Dim:
        """The named axis' size."""
        return self.value.shape[self.names.index(name)]


def _labels(text: str, rank: int, ellipsis_rank: int) -> tuple[str, ...]:
    """Axis names of an operand; axes under the ellipsis are called "0", "1", ..., counted from the last one back."""
    head, dots, tail = text.partition("...")
    if not all(c.isalpha() and c.isascii() for c in head + tail):
        raise MinirtError(f"the term {text!r} is not letters and one ellipsis")
    hidden = rank - len(head) - len(tail)
    if hidden < 0 or (hidden and not dots):
        raise MinirtError(f"the term {text!r} does not name the {rank} axes of its operand")
    middle = [str(i) for i in range(ellipsis_rank - hidden, ellipsis_rank)]
    return (*head, *middle, *tail)


def _diagonal(value: Value, names: tuple[str, ...]) -> Term:
    """The operand with a name that occurs twice kept where both coordinates agree."""
    for name in dict.fromkeys(names):
        while names.count(name) > 1:
            first = names.index(name)
            second = names.index(name, first + 1)
            places = [apply(Iota(value.shape, axis, i64)) for axis in (first, second)]
            kept = apply(Where(), apply(Equal(), *places), value, number(0, value.dtype))
            value = apply(Reduce("sum", (second,), False), kept)
            names = names[:second] + names[second + 1 :]
    return Term(value, names)


def _summed(term: Term, kept: set[str]) -> Term:
    """The term with the axes that nothing else needs summed away."""
    axes = tuple(i for i, n in enumerate(term.names) if n not in kept)
    if not axes:
        return term
    return Term(apply(Reduce("sum", axes, False), term.value), tuple(n for n in term.names if n in kept))


def _arranged(term: Term, groups: Sequence[Sequence[str]], sizes: dict[str, Dim]) -> Value:
    """The operand with axes in the order of the groups, each group one axis; missing ones are broadcast."""
    order = [n for group in groups for n in group]
    have = [n for n in order if n in term.names]
    moved = transposed(term.value, [term.names.index(n) for n in have])
    with_ones = reshaped(moved, [term.size(n) if n in term.names else 1 for n in order])
    full = expanded(with_ones, [sizes[n] for n in order])
    return reshaped(full, [product([sizes[n] for n in group]) for group in groups])


def _product(a: Term, b: Term, kept: set[str]) -> Term:
    """a times b, summed over the names that nothing else needs."""
    a, b = _summed(a, kept | set(b.names)), _summed(b, kept | set(a.names))
    sizes: dict[str, Dim] = {}
    for term in (a, b):
        for name in term.names:
            sizes[name] = broadcast_dim(sizes.get(name, 1), term.size(name))
    both = [n for n in a.names if n in b.names]
    batch, inner = [n for n in both if n in kept], [n for n in both if n not in kept]
    rows, columns = [n for n in a.names if n not in both], [n for n in b.names if n not in both]
    left, right = _arranged(a, [batch, rows, inner], sizes), _arranged(b, [batch, columns, inner], sizes)
    out = apply(Gemm(trans_b=True), left, right)
    names = (*batch, *rows, *columns)
    return Term(reshaped(out, [sizes[n] for n in names]), names)


def einsum(equation: str, operands: Sequence[Value]) -> Value:
    """NumPy's einsum of the operands; raises MinirtError for an equation that does not fit them."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    texts = left.split(",")
    if len(texts) != len(operands):
        raise MinirtError(f"equation {equation!r} has {len(texts)} terms for {len(operands)} operands")
    hidden = max(v.rank - len(t.replace("...", "")) if "..." in t else 0 for t, v in zip(texts, operands, strict=True))
    named = [_labels(t, v.rank, hidden) for t, v in zip(texts, operands, strict=True)]
    if arrow:
        wanted = _labels(right, len(right.replace("...", "")) + (hidden if "..." in right else 0), hidden)
    else:
        every = [n for names in named for n in names]
        once = sorted(n for n in dict.fromkeys(every) if n.isalpha() and every.count(n) == 1)
        wanted = (*(str(i) for i in range(hidden)), *once)
    if len(set(wanted)) != len(wanted) or not set(wanted) <= {n for names in named for n in names}:
        raise MinirtError(f"equation {equation!r} asks for axes that its terms do not have once")
    terms = [_diagonal(v, names) for v, names in zip(operands, named, strict=True)]
    total = terms[0]
    for number_of, term in enumerate(terms[1:], 1):
        later = {n for t in terms[number_of + 1 :] for n in t.names}
        total = _product(total, term, later | set(wanted))
    total = _summed(total, set(wanted))
    return transposed(total.value, [total.names.index(n) for n in wanted])


@importer("Einsum")
def _einsum(node: OnnxNode) -> Result:
    operands = [node.input(i) for i in range(len(node.inputs))]
    dtype = operands[0].dtype
    return einsum(str(node.attributes["equation"]), [casted(v, dtype) for v in operands])
