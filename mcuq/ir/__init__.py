"""What a model is: element types, tensors, nodes and the graph that holds them."""

from mcuq.ir.dtype import BOOL, DTYPES, FLOAT16, FLOAT32, INT4, INT8, INT16, INT32, INT64, UINT8, DType
from mcuq.ir.graph import Graph, Node
from mcuq.ir.rewrite import remove_unused, replace_uses, with_changes
from mcuq.ir.tensor import Constant, Quantization, Tensor, Value
from mcuq.ir.text import graph_to_text
from mcuq.ir.verify import verify

__all__ = [
    "BOOL",
    "DTYPES",
    "FLOAT16",
    "FLOAT32",
    "INT4",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "UINT8",
    "Constant",
    "DType",
    "Graph",
    "Node",
    "Quantization",
    "Tensor",
    "Value",
    "graph_to_text",
    "remove_unused",
    "replace_uses",
    "verify",
    "with_changes",
]
