"""Rewrites that keep a graph's meaning, one a file, run in the order of PASSES and verified after each."""

from __future__ import annotations

from collections.abc import Callable

from mcuq.errors import IllegalGraph
from mcuq.ir import Graph, remove_unused, verify
from mcuq.passes.convolve_single_channels import convolve_single_channels
from mcuq.passes.drop_identities import drop_identities
from mcuq.passes.fold_activations import fold_activations
from mcuq.passes.fold_affine import fold_affine
from mcuq.passes.fold_constants import fold_constants
from mcuq.passes.fold_padding import fold_padding
from mcuq.passes.remove_dead_channels import remove_dead_channels

PASSES: tuple[Callable[[Graph], Graph], ...] = (
    remove_unused,
    fold_constants,
    drop_identities,
    fold_padding,
    convolve_single_channels,
    fold_affine,
    fold_activations,
)


def simplify(graph: Graph, passes: tuple[Callable[[Graph], Graph], ...] = PASSES) -> Graph:
    """The graph after all passes; IllegalGraph names the pass that broke a rule."""
    for rewrite in passes:
        graph = rewrite(graph)
        try:
            verify(graph)
        except IllegalGraph as error:
            raise IllegalGraph(f"after {rewrite.__name__}: {error}") from error
    return graph


__all__ = ["PASSES", "remove_dead_channels", "simplify"]
