"""ADD, SUB, MUL, the activations that are ops of their own, SOFTMAX, QUANTIZE and DEQUANTIZE."""

from __future__ import annotations

from mcuq.importers.tflite import schema
from mcuq.importers.tflite.site import OperatorReader, Reading, Site
from mcuq.ops import NoAttrs
from mcuq.ops.binary import Binary
from mcuq.ops.quantize import Quantize
from mcuq.ops.softmax import Softmax


def _binary(name: str, options_type: int) -> OperatorReader:
    def read(site: Site) -> Reading:
        return Reading(name, (site.operand(0), site.operand(1)), Binary(site.activation()))

    return OperatorReader(name, read, schema.BINARY, options_type)


def _unary(name: str) -> OperatorReader:
    def read(site: Site) -> Reading:
        return Reading(name, (site.operand(0),), NoAttrs())

    return OperatorReader(name, read, schema.NOTHING)


def _read_softmax(site: Site) -> Reading:
    return Reading("SOFTMAX", (site.operand(0),), Softmax(site.options.real("beta")))


def _read_quantize(site: Site) -> Reading:
    return Reading("QUANTIZE", (site.operand(0),), Quantize(site.results[0].dtype.name))


ADD = _binary("ADD", 11)
SUB = _binary("SUB", 28)
MUL = _binary("MUL", 21)
RELU = _unary("RELU")
RELU6 = _unary("RELU6")
LOGISTIC = _unary("LOGISTIC")
TANH = _unary("TANH")
DEQUANTIZE = _unary("DEQUANTIZE")
SOFTMAX = OperatorReader("SOFTMAX", _read_softmax, schema.SOFTMAX, 9)
QUANTIZE = OperatorReader("QUANTIZE", _read_quantize, schema.NOTHING)
