"""What kernels that have one way only take, as a rule: so many cycles a MAC and so many an output.

Measured on the simulator's Cortex-M4 (zero wait states, gcc 12.2) on the layers of a keyword spotter and of the demo,
and rounded; a layer with few channels takes up to half as much again. Where there is nothing to choose, this is for
people.
"""

from __future__ import annotations

from mcuq.ir import FLOAT16, FLOAT32, INT4, INT8, DType, Graph, Node
from mcuq.ops import call_of, card_of

# Kernel and type of the weights -> cycles a MAC, cycles an output.
RATES: dict[tuple[str, DType], tuple[float, float]] = {
    ("conv_2d/float", FLOAT32): (4.9, 18),
    ("conv_2d/float", FLOAT16): (7.4, 24),
    ("conv_2d/float", INT8): (7.4, 30),
    ("conv_2d/hybrid", INT8): (5.2, 28),
    ("conv_2d/int16x8", INT8): (4.3, 38),
    ("conv_2d/portable_w4", INT4): (2.4, 40),
    ("depthwise_conv_2d/float", FLOAT32): (6.0, 7),
    ("depthwise_conv_2d/float", FLOAT16): (8.3, 9),
    ("depthwise_conv_2d/float", INT8): (8.7, 9),
    ("depthwise_conv_2d/hybrid", INT8): (13.5, 13),
    ("depthwise_conv_2d/int16x8", INT8): (15.5, 25),
    ("depthwise_conv_2d/portable_w4", INT4): (12.0, 8),
    ("fully_connected/float", FLOAT32): (5.8, 0),
    ("fully_connected/float", FLOAT16): (8.1, 0),
    ("fully_connected/float", INT8): (8.2, 0),
    ("fully_connected/hybrid", INT8): (9.6, 0),
    ("fully_connected/int16x8", INT8): (5.2, 0),
    ("fully_connected/portable_w4", INT4): (3.7, 0),
}
AN_ELEMENT = {
    "pool/float": 8.0,  # of all windows
    "mean/float": 8.0,  # of the input
    "softmax/float": 74.0,
    "softmax/int16x8": 72.0,
    "binary/float": 14.0,
    "sum/shift": 18.0,
    "mean/shift": 8.0,  # of the input
    "unary/float": 45.0,
    "curve/int16x8": 30.0,
}


def layer_cycles(kernel: str, node: Node, graph: Graph) -> int:
    """What a layer with weights takes with that kernel; weights of a type that is not listed take the dearest one's."""
    weights, outputs = graph[node.inputs[1]], graph[node.outputs[0]].elements
    known = [rate for (name, _), rate in RATES.items() if name == kernel]
    a_mac, an_output = RATES.get((kernel, weights.dtype), max(known))
    return round(a_mac * card_of(node.op).macs(call_of(node, graph)) + an_output * outputs)


def element_cycles(kind: str, elements: int) -> int:
    """What so many elements take."""
    return round(AN_ELEMENT[kind] * elements)
