"""The passes, in order."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from minirt.errors import ApiError
from minirt.flags import flags
from minirt.ir.graph import Graph, rebuild
from minirt.ir.op import Node, Value, reapply
from minirt.ir.text import print_graph
from minirt.ir.weights import Weights
from minirt.optimize.attention import batches_split_again_never_joined
from minirt.optimize.canonical import CANONICAL, compositions_are_written_out
from minirt.optimize.coded import CODED
from minirt.optimize.excite import EXCITE
from minirt.optimize.few_rows import FEW_ROWS
from minirt.optimize.fold import FOLDING, known_transposes_are_computed, small_iota_is_constant
from minirt.optimize.fusion import ANCHORS, REGIONS
from minirt.optimize.loops import LOOPS
from minirt.optimize.moves import MOVES
from minirt.optimize.normalizing import NORMALIZING
from minirt.optimize.patches import PATCHES, places_are_added_before_tokens_join
from minirt.optimize.patterns import PATTERNS
from minirt.optimize.precision import WIDENING
from minirt.optimize.rewrite import Rule, rewrite
from minirt.optimize.siblings import join_siblings
from minirt.trace import phase


@dataclass(frozen=True)
class Pass:
    """A named list of rules, run to its fixed point, after a rewrite of the whole graph where there is one."""

    name: str
    rules: tuple[Rule, ...]
    whole: Callable[[Graph], Graph] | None = None

    def __call__(self, graph: Graph) -> Graph:
        """The graph rewritten."""
        graph = in_bodies(graph, self)
        return rewrite(self.whole(graph) if self.whole is not None else graph, self.rules, self.name)


def in_bodies(graph: Graph, each: Callable[[Graph], Graph]) -> Graph:
    """The graph with ``each`` done to the graphs in its ops' fields, innermost first."""
    if not any(isinstance(f, Graph) for n in graph.nodes for f in n.op.fields().values()):
        return graph

    def visit(node: Node, operands: tuple[Value, ...]) -> tuple[Value, ...]:
        if isinstance(node.op, Weights):  # a formula is computed once, as it is
            return node.outputs
        changed = {k: each(f) for k, f in node.op.fields().items() if isinstance(f, Graph)}
        changed = {k: f for k, f in changed.items() if f.outputs != getattr(node.op, k).outputs}
        return reapply(node, node.op.replace(**changed) if changed else node.op, operands)

    return rebuild(graph, visit)


NEUTRAL = (
    Pass("canonicalise", FOLDING + CANONICAL),
    Pass("settle loops", LOOPS + FOLDING + CANONICAL),
    Pass("find patterns", (*PATTERNS, *NORMALIZING, batches_split_again_never_joined, *FOLDING, *CANONICAL)),
)
"""For every target: what an engine stores."""

FUSING = (
    Pass(
        "write out compositions",
        (
            compositions_are_written_out,
            places_are_added_before_tokens_join,
            *FOLDING,
            *CANONICAL,
            known_transposes_are_computed,
        ),
    ),
    Pass("fuse pointwise regions", REGIONS),
    Pass("fuse into anchors", ANCHORS + MOVES + REGIONS),
    Pass("join siblings", CANONICAL, join_siblings),
    Pass("fold what is left", (small_iota_is_constant,)),
)
"""For targets whose kernels take prologues and epilogues."""


def fusing(attention: tuple[Rule, ...]) -> tuple[Pass, ...]:
    """The fusing passes for targets with matrix units.

    ``attention`` finds what their kernels keep out of memory before it is taken apart.
    """
    found, products = Pass("find attention", attention + CANONICAL), Pass("find products", EXCITE + PATCHES + REGIONS)
    return (*FUSING[:1], found, *FUSING[1:3], products, *FUSING[3:])


WIDE = (Pass("widen narrow products", WIDENING),)
"""After fusion, for targets that multiply in float32."""

ROWS = (Pass("find products of few rows", FEW_ROWS),)
"""After fusion, once types are settled, for targets with the kernel that takes such products."""

DECODED = (Pass("write out coded weights", CODED + FOLDING + CANONICAL),)
"""Before fusion, for targets whose recurrences multiply by floats."""

Observer = Callable[[str, Graph, Graph], None]


def run_passes(graph: Graph, passes: tuple[Pass, ...], observe: Observer | None = None) -> Graph:
    """The graph after each pass in turn; MINIRT_DUMP=dir writes it there after each."""
    for number, each in enumerate(passes):
        with phase(each.name):
            after = each(graph)
        folder = flags().dump
        if folder is not None:
            _dump(after, folder, f"{number}-{each.name.replace(' ', '-')}")
        if observe is not None:
            observe(each.name, graph, after)
        graph = after
    return graph


def _dump(graph: Graph, folder: Path, title: str) -> None:
    """Write a graph into a folder, under its name as far as that is one of a file; raises ApiError where it cannot."""
    name = re.sub(r"[^\w-]+", "_", graph.name)[:100] or "graph"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}-{title}.txt").write_text(print_graph(graph))
    except OSError as error:
        raise ApiError(f"nothing can be written into {folder}: {error}", "MINIRT_DUMP", "change or unset it") from error
