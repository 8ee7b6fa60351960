"""Averages over a whole image get a scale of their own.

TFLite's average pooling keeps its input's scale, but averages span a fraction of their input's range: written with its
step they lose more than all layers before. MEAN computes the same and rescales.
"""

from __future__ import annotations

from dataclasses import replace

from mcuq.ir import Graph, Node, with_changes
from mcuq.ops.activation import NONE
from mcuq.ops.mean import Mean
from mcuq.ops.window import Padding
from mcuq.quantize.plan import Plan


def _averages_all(node: Node, graph: Graph) -> bool:
    if node.op != "AVERAGE_POOL_2D":
        return False
    attrs, x = node.attrs, graph[node.inputs[0]]
    return bool(attrs.size == x.shape[1:3] and attrs.padding == Padding() and attrs.activation == NONE)


def free_pool_scales(graph: Graph, plan: Plan) -> Graph:
    """Global average pooling in integer schemes becomes MEAN."""
    nodes = tuple(
        replace(node, op="MEAN", attrs=Mean(axes=(1, 2), keep_dims=True))
        if plan.scheme_of(node).is_integer and _averages_all(node, graph)
        else node
        for node in graph.nodes
    )
    return with_changes(graph, nodes) if nodes != graph.nodes else graph
