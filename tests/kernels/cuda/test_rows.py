"""Who shares rows: every element has one thread, folds and rows stay in a block or cluster; attention's ways too."""

from __future__ import annotations

import numpy as np
import pytest

from minirt.plan.launch import Integer, Launch
from minirt.types.evaluate import Evaluator
from tests.kernels.cuda.attention_cases import attention
from tests.kernels.cuda.execution import AMPERE, HOPPER, Array, Case, choices
from tests.kernels.cuda.row_cases import statistics

CASES = [case for case in statistics() if np.size(case.arrays[0]) < 50_000]


def owners(case: Case, step: Launch) -> Array:
    """For each row (or column) and each place along it, one more than the block that handles it; 0 for none."""
    spec, number = step.unit.spec, Evaluator(case.sizes()).integer
    numbers = [number(a.value) for a in step.args if isinstance(a, Integer)]
    rows, length = numbers[:2]
    grid, vector, cluster = number(step.grid[0]), spec["vector"], spec["cluster"]
    inner = spec["mode"] == "inner"
    lines = spec["group"] if inner else spec["lines"]
    each, step_by = (spec["threads"] // lines, vector) if inner else (spec["columns"] * vector, 1)
    assert grid % cluster == 0 and spec["threads"] <= 1024 and (inner or spec["columns"] * lines == spec["threads"])
    assert inner or spec["fold"] == 1 or each % spec["fold"] == 0
    found = np.zeros((rows, length), np.int64)
    share = lines * cluster * step_by
    for block in range(grid):
        first = block // cluster * each
        for part in range(block % cluster * lines, (block % cluster + 1) * lines):
            chunks = range(spec["held"]) if spec["held"] else range(-(-length // share))
            for chunk in chunks:
                at = (chunk * lines * cluster + part) * step_by
                if at < length and first < rows:
                    piece = found[first : min(first + each, rows), at : at + step_by]
                    assert (piece == 0).all(), "an element has two owners"
                    piece[:] = block + 1
    return found


@pytest.mark.parametrize("target", [AMPERE, HOPPER], ids=["sm_80", "sm_90a"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_element_has_one_owner(case: Case, target: object) -> None:
    for kernel, problem, tactic in choices(case, HOPPER if target is HOPPER else AMPERE, further=True):
        (step,) = kernel.launch(problem, tactic).steps
        assert target is HOPPER or step.unit.spec["cluster"] == 1
        assert (owners(case, step) > 0).all(), f"{tactic} leaves elements out"


def test_groups_of_channels_fold_and_share() -> None:
    case = next(c for c in statistics() if c.name == "groups of 4, many places")
    specs = [kernel.launch(problem, t).steps[0].unit.spec for kernel, problem, t in choices(case, HOPPER)]
    assert specs[0]["fold"] == 4 and specs[0]["held"] and specs[0]["vector"] == 8 and specs[0]["cluster"] > 1
    assert any(spec["fold"] == 1 for spec in specs)


@pytest.mark.parametrize(
    ("queries", "keys", "heads", "kept", "name"),
    [(128, 128, 9, 9, "Few"), (197, 197, 12, 12, "Wgmma"), (1, 1024, 32, 8, "Few")],
)
def test_attention_at_batch_one_has_a_block_for_most_multiprocessors(
    queries: int, keys: int, heads: int, kept: int, name: str
) -> None:
    case = attention("few", 1, heads, queries, 64, t=keys, g=kept)
    kernel, problem, tactic = next(choices(case, HOPPER))
    (step,) = kernel.launch(problem, tactic).steps
    blocks = np.prod([Evaluator({}).integer(g) for g in step.grid])
    assert kernel.name == "Attention" + name and blocks * step.block[0] >= 64 * 128 and blocks >= 48
