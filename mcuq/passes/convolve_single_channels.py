"""A depthwise convolution of one channel becomes the convolution that it is, which has the faster kernels."""

from __future__ import annotations

from dataclasses import replace

from mcuq.ir import Constant, Graph, Node, with_changes
from mcuq.ops.conv_2d import Conv2D
from mcuq.ops.depthwise_conv_2d import DepthwiseConv2D


def _is_convolution(node: Node, graph: Graph) -> bool:
    """Whether all filters read the one channel that there is, with weights that can be laid out anew.

    Where inputs are quantized at run time, the two ops do so in different ways (the convolution by sample).
    """
    return (
        node.op == "DEPTHWISE_CONV_2D"
        and node.arithmetic != "hybrid"
        and graph[node.inputs[0]].shape[-1] == 1
        and graph.is_constant(node.inputs[1])
        and len(graph.users(node.inputs[1])) == 1
    )


def _convolution_of(node: Node, graph: Graph) -> tuple[Node, Constant]:
    """The same sums: weights [1, rows, columns, filters] become [filters, rows, columns, 1]."""
    assert isinstance(node.attrs, DepthwiseConv2D)
    weights = graph.constant(node.inputs[1])
    values = weights.values.transpose(3, 1, 2, 0).copy()
    q = weights.quantization
    if q is not None and q.axis is not None:
        q = replace(q, axis=0)
    attrs = Conv2D(node.attrs.stride, node.attrs.dilation, node.attrs.padding, node.attrs.activation)
    return replace(node, op="CONV_2D", attrs=attrs), replace(weights, shape=values.shape, quantization=q, values=values)


def convolve_single_channels(graph: Graph) -> Graph:
    """Every depthwise convolution whose input has one channel becomes a CONV_2D: integers stay bit for bit the same."""
    found = {node.outputs[0]: _convolution_of(node, graph) for node in graph.nodes if _is_convolution(node, graph)}
    if not found:
        return graph
    nodes = (found[node.outputs[0]][0] if node.outputs[0] in found else node for node in graph.nodes)
    return with_changes(graph, nodes, [constant for _, constant in found.values()])
