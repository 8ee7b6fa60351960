"""From the tables of a .tflite file to a Graph, or to everything that stands in the way of one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mcuq.errors import InvalidModel
from mcuq.importers.check import check_call, check_graph, unsupported
from mcuq.importers.tflite import schema
from mcuq.importers.tflite.model import ModelFile, read_file
from mcuq.importers.tflite.operators import READER_OF
from mcuq.importers.tflite.reader import Table
from mcuq.importers.tflite.refused import Refused
from mcuq.importers.tflite.site import OperatorReader, Reading, Site
from mcuq.importers.tflite.unsigned import EDGES as UINT8_EDGES
from mcuq.importers.tflite.unsigned import REFUSED as UINT8_REFUSED
from mcuq.importers.tflite.unsigned import as_uint8
from mcuq.importers.tflite.values import Values
from mcuq.ir import FLOAT16, FLOAT32, INT4, INT8, INT16, Constant, DType, Graph, Node, Tensor, Value
from mcuq.ops import Refusal

# Constants that several operators share are looked at once an operator; this bounds the whole.
MAX_CONSTANT_ELEMENTS_READ = 1 << 28
_NO_OPERAND = -1
_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


@dataclass(frozen=True, slots=True)
class _Operator:
    """One operator of the file: which op, and its tensors by index."""

    op: str
    table: Table
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def place(self) -> str:
        return f"{self.table.place} ({self.op})"


def _operators(file: ModelFile) -> tuple[_Operator, ...]:
    found: list[_Operator] = []
    for table in file.operators:
        code = table.number("opcode_index")
        if code >= len(file.op_names):
            raise InvalidModel(f"{table.place} names operator code {code}; there are {len(file.op_names)}")
        found.append(_Operator(file.op_names[code], table, table.numbers("inputs"), table.numbers("outputs")))
    return tuple(found)


def _dequantized(operators: Iterable[_Operator]) -> dict[int, int]:
    """What a DEQUANTIZE writes -> what it reads."""
    pairs = ((o.outputs, o.inputs) for o in operators if o.op == "DEQUANTIZE")
    return {outputs[0]: inputs[0] for outputs, inputs in pairs if len(outputs) == len(inputs) == 1}


def _is_unsigned(file: ModelFile, operators: Iterable[_Operator]) -> bool:
    """Whether some op computes with uint8: a file of TFLite's first quantization scheme."""
    reached = {i for o in operators if o.op not in UINT8_EDGES for i in (*o.inputs[:1], *o.outputs)}
    known = (file.tensors[index] for index in reached if 0 <= index < len(file.tensors))
    return any(table.number("type") == schema.UINT8_TYPE for table in known)


class _Loader:
    """Walks the operators from the outputs backwards, so that what no output needs is never looked at."""

    def __init__(self, file: ModelFile) -> None:
        self._operators = _operators(file)
        self._dequantized = _dequantized(self._operators)
        written = (index for operator in self._operators for index in operator.outputs)
        self._is_unsigned = _is_unsigned(file, self._operators)
        self._values = Values(file, frozenset((*file.inputs, *written)), is_unsigned=self._is_unsigned)
        self._needed = set(file.outputs)
        self._used: set[str] = set()
        self._nodes: list[Node] = []
        self._refusals: list[Refusal] = []
        self._constant_elements = 0

    def load(self, name: str, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Graph:
        """The graph; InvalidModel or UnsupportedModel where there is none."""
        ends = [self._ends(inputs, "input"), self._ends(outputs, "output")]
        for operator in reversed(self._operators):
            if self._needed.intersection(operator.outputs):
                self._take(operator)
        if self._refusals:
            raise unsupported(name, tuple(reversed(self._refusals)))
        values = self._values.in_order(self._used)
        graph = Graph(name, values, tuple(reversed(self._nodes)), *map(tuple, ends))
        if self._is_unsigned:
            check_graph(graph)
            graph = as_uint8(graph, self._unsigned_ends(inputs, outputs))
        return check_graph(graph)

    def _unsigned_ends(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> frozenset[str]:
        """The names of the inputs and outputs that are uint8 in the file."""
        ends = (index for index in (*inputs, *outputs) if self._values.is_unsigned(index))
        values = (self._values.value(index, "the model's ends") for index in ends)
        return frozenset(value.name for value in values if value.dtype == INT8)

    def _ends(self, indexes: tuple[int, ...], noun: str) -> list[str]:
        """The names of the model's inputs or outputs."""
        names: list[str] = []
        for index in indexes:
            self._values.table(index, f"{noun} of the model")
            try:
                names.append(self._keep(self._values.value(index, f"the model's {noun}")).name)
                self._values.check_static(index, noun)
            except Refused as refused:
                self._refusals.append(Refusal(noun, (self._values.name_of(index),), str(refused)))
        return names

    def _keep(self, value: Value) -> Value:
        self._used.add(value.name)
        return value

    def _take(self, operator: _Operator) -> None:
        """Turn the operator into a node, or note why not; what it reads becomes needed."""
        for index in operator.outputs:
            self._values.table(index, operator.place)
        layer = (self._values.name_of(operator.outputs[0]),)
        try:
            node, reasons = self._node(operator, layer)
        except Refused as refused:
            self._need(operator, operator.inputs)
            self._refusals.append(Refusal(operator.op, layer, str(refused)))
            return
        self._nodes.append(node)
        self._refusals += [Refusal(operator.op, layer, reason) for reason in reversed(reasons)]

    def _need(self, operator: _Operator, inputs: Iterable[int]) -> None:
        for index in inputs:
            if index != _NO_OPERAND:
                self._values.table(index, operator.place)
                self._needed.add(index)

    def _node(self, operator: _Operator, layer: tuple[str, ...]) -> tuple[Node, tuple[str, ...]]:
        """The node and the limits of its card that it breaks."""
        reader = READER_OF.get(operator.op)
        if reader is None:
            raise Refused("mcuq does not do this op")
        if operator.op in UINT8_REFUSED and any(map(self._values.is_unsigned, operator.outputs)):
            raise Refused("mcuq does not do this op with uint8, which TFLite computes otherwise than int8")
        site = self._site(operator, reader)
        reading = reader.read(site)
        read = self._operand_indexes(operator)
        arithmetic = _arithmetic(reading, site, weights_are_dequantized=read != operator.inputs)
        reasons = check_call(site.place, reading.op, reading.attrs, reading.inputs, site.results, arithmetic)
        self._count_constants(reading, operator)
        for value in (*reading.inputs, *site.results):
            self._keep(value)
        names, results = (tuple(value.name for value in side) for side in (reading.inputs, site.results))
        pairs = zip(read, site.operands, strict=True)
        self._need(operator, (index for index, value in pairs if value is not None and value.name in names))
        return Node(reading.op, names, results, reading.attrs, arithmetic, layer), reasons

    def _operand_indexes(self, operator: _Operator) -> tuple[int, ...]:
        """The operands; weights that the file stores small and dequantizes are read as they are stored."""
        if operator.op not in _WEIGHTED:
            return operator.inputs
        types = {1: (FLOAT16, INT4, INT8), 2: (FLOAT16,)}
        return tuple(self._stored(index, operator, types.get(k, ())) for k, index in enumerate(operator.inputs))

    def _stored(self, index: int, operator: _Operator, types: tuple[DType, ...]) -> int:
        """The constant of one of these types that the tensor is dequantized from, or the tensor itself."""
        source = self._dequantized.get(index, index)
        if source == index:
            return index
        value = self._values.value(source, operator.place)
        return source if isinstance(value, Constant) and value.dtype in types else index

    def _site(self, operator: _Operator, reader: OperatorReader) -> Site:
        place = operator.place
        operands = tuple(
            None if index == _NO_OPERAND else self._values.value(index, place)
            for index in self._operand_indexes(operator)
        )
        results = tuple(self._values.value(index, place) for index in operator.outputs)
        tensors = tuple(value for value in results if isinstance(value, Tensor))
        if len(results) != 1 or len(tensors) != 1:
            raise InvalidModel(f"{place} has {len(results)} outputs, {len(results) - len(tensors)} of them constants")
        start, size_bytes = operator.table.span("custom_options")
        custom = operator.table.source.data[start : start + size_bytes]
        return Site(place, _options(operator, reader), operands, tensors, bytes(custom))

    def _count_constants(self, reading: Reading, operator: _Operator) -> None:
        self._constant_elements += sum(v.elements for v in reading.inputs if isinstance(v, Constant))
        if self._constant_elements > MAX_CONSTANT_ELEMENTS_READ:
            raise InvalidModel(f"{operator.place}: operators read more than {MAX_CONSTANT_ELEMENTS_READ} constants")


def _options(operator: _Operator, reader: OperatorReader) -> Table:
    """The operator's options; a table without fields, that is the defaults, where the file has none."""
    kind = operator.table.number("builtin_options_type")
    if reader.options_type is None or kind == 0:
        return operator.table.without_fields(reader.options)
    if kind != reader.options_type:
        raise InvalidModel(f"{operator.place} has options of type {kind} instead of {reader.options_type}")
    options = operator.table.table("builtin_options", reader.options)
    return operator.table.without_fields(reader.options) if options is None else options


def _arithmetic(reading: Reading, site: Site, *, weights_are_dequantized: bool) -> str:
    """Float, the hybrid of dynamic-range models (float activations, int8 weights), or TFLM's integers."""
    if INT16 in (reading.inputs[0].dtype, site.results[0].dtype):
        return "int16x8"
    if not reading.inputs[0].dtype == FLOAT32 == site.results[0].dtype:
        return "tflm"
    is_hybrid = reading.op in _WEIGHTED and reading.inputs[1].dtype.is_integer and not weights_are_dequantized
    return "hybrid" if is_hybrid else "float"


def load_tflite(data: bytes, name: str) -> Graph:
    """The main subgraph of a .tflite file as a graph called `name`.

    Padding is explicit, shapes have batch 1, names are unique and otherwise the file's own, layers are named after the
    tensors that they compute. What no output needs is left out. Raises InvalidModel for a damaged file, and
    UnsupportedModel, with every reason, for a sound one that asks for something that mcuq does not do.
    """
    file = read_file(bytes(data))
    return _Loader(file).load(name, file.inputs, file.outputs)
