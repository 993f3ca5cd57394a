"""Einstein sums against onnxruntime."""

import numpy as np
import pytest

from minirt.errors import MinirtError
from minirt.ir.graph import constant
from minirt.ops.einsum import einsum
from tests.ops.harness import check, check_symbolic

RNG = np.random.default_rng(0)

CASES: list[tuple[str, tuple[tuple[int, ...], ...]]] = [
    ("ij->ji", ((3, 4),)),
    ("ij->", ((3, 4),)),
    ("ij->j", ((3, 4),)),
    ("ii->i", ((4, 4),)),
    ("iji->j", ((4, 3, 4),)),
    ("ij,jk->ik", ((3, 4), (4, 5))),
    ("ij,jk", ((3, 4), (4, 5))),
    ("ij,kj->ki", ((3, 4), (5, 4))),
    ("bij,bjk->bik", ((2, 3, 4), (2, 4, 5))),
    ("bhqd,bhkd->bhqk", ((2, 3, 4, 5), (2, 3, 6, 5))),
    ("...ij,...jk->...ik", ((2, 1, 3, 4), (1, 5, 4, 6))),
    ("i,j->ij", ((3,), (4,))),
    ("i,i->", ((3,), (3,))),
    ("ijk,jil->kl", ((3, 4, 5), (4, 3, 6))),
    ("ij,jk,kl->il", ((3, 4), (4, 5), (5, 2))),
    ("b...,...->b...", ((2, 3, 4), (3, 4))),
    ("bij,i->bj", ((2, 3, 4), (3,))),
]


@pytest.mark.parametrize(("equation", "shapes"), CASES)
def test_einsum(equation: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    check("Einsum", [RNG.standard_normal(s).astype(np.float32) for s in shapes], equation=equation, tolerance=1e-4)


def test_symbolic_sizes() -> None:
    sizes = [{"B": 2, "S": 3}, {"B": 1, "S": 7}]
    graph = check_symbolic(
        "Einsum", [("B", 4, "S", 8), ("B", 4, "S", 8)], sizes, equation="bhqd,bhkd->bhqk", tolerance=1e-4
    )
    assert str(graph.outputs[0].type) == "f32[B,4,S,S]"


@pytest.mark.parametrize("equation", ["ij,jk->ik", "ijk->i", "ij->ik", "i1->i", "ij->ii"])
def test_misfits_are_refused(equation: str) -> None:
    with pytest.raises(MinirtError):
        einsum(equation, [constant(np.zeros((3, 4), np.float32))])
