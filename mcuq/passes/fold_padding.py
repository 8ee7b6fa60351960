"""A PAD of rows and columns with zeros becomes padding of the convolution that reads it."""

from __future__ import annotations

from dataclasses import replace

from mcuq.ir import Graph, Node, remove_unused, with_changes
from mcuq.ops.pad import Pad, fill_of
from mcuq.ops.window import Padding

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


def _frames_image_with_zero(pad: Node, graph: Graph) -> bool:
    attrs: Pad = pad.attrs
    x = graph[pad.inputs[0]]
    zero = 0 if x.quantization is None else x.quantization.zero_point
    spatial_only = len(attrs.before) == 4 and not any(side[i] for side in (attrs.before, attrs.after) for i in (0, 3))
    return spatial_only and fill_of(attrs, x) == zero


def _merged(conv: Node, pad: Node) -> Node:
    p, before, after = conv.attrs.padding, pad.attrs.before, pad.attrs.after
    padding = Padding(p.top + before[1], p.bottom + after[1], p.left + before[2], p.right + after[2])
    return replace(
        conv,
        inputs=(pad.inputs[0], *conv.inputs[1:]),
        attrs=replace(conv.attrs, padding=padding),
        origin=(*pad.origin, *conv.origin),
    )


def fold_padding(graph: Graph) -> Graph:
    """Convolutions read the image in front of a PAD; the PAD goes when nothing else reads it."""
    pads = {node.outputs[0]: node for node in graph.nodes if node.op == "PAD" and _frames_image_with_zero(node, graph)}
    nodes = tuple(
        _merged(node, pads[node.inputs[0]]) if node.op in CONVOLUTIONS and node.inputs[0] in pads else node
        for node in graph.nodes
    )
    if all(new is old for new, old in zip(nodes, graph.nodes, strict=True)):
        return graph
    return remove_unused(with_changes(graph, nodes))
