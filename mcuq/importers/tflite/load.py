"""From the tables of a .tflite file to a Graph, or to everything that stands in the way of one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mcuq.errors import InvalidModel
from mcuq.importers.check import check_call, check_graph, unsupported
from mcuq.importers.tflite.model import ModelFile, read_file
from mcuq.importers.tflite.operators import READER_OF
from mcuq.importers.tflite.reader import Table
from mcuq.importers.tflite.refused import Refused
from mcuq.importers.tflite.site import OperatorReader, Reading, Site
from mcuq.importers.tflite.values import Values
from mcuq.ir import FLOAT32, Constant, Graph, Node, Tensor, Value
from mcuq.ops import Refusal

# Constants that several operators share are looked at once an operator; this bounds the whole.
MAX_CONSTANT_ELEMENTS_READ = 1 << 28
_NO_OPERAND = -1


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


class _Loader:
    """Walks the operators from the outputs backwards, so that what no output needs is never looked at."""

    def __init__(self, file: ModelFile) -> None:
        self._operators = _operators(file)
        written = (index for operator in self._operators for index in operator.outputs)
        self._values = Values(file, frozenset((*file.inputs, *written)))
        self._needed = set(file.outputs)
        self._used: dict[str, Value] = {}
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
        graph = Graph(name, self._used, tuple(reversed(self._nodes)), *map(tuple, ends))
        return check_graph(graph)

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
        self._used[value.name] = value
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
        site = self._site(operator, reader)
        reading = reader.read(site)
        reasons = check_call(site.place, reading.op, reading.attrs, reading.inputs, site.results)
        self._count_constants(reading, operator)
        for value in (*reading.inputs, *site.results):
            self._keep(value)
        names, results = (tuple(value.name for value in side) for side in (reading.inputs, site.results))
        pairs = zip(operator.inputs, site.operands, strict=True)
        self._need(operator, (index for index, value in pairs if value is not None and value.name in names))
        node = Node(reading.op, names, results, reading.attrs, _arithmetic(reading, site), layer)
        return node, reasons

    def _site(self, operator: _Operator, reader: OperatorReader) -> Site:
        place = operator.place
        operands = tuple(
            None if index == _NO_OPERAND else self._values.value(index, place) for index in operator.inputs
        )
        results = tuple(self._values.value(index, place) for index in operator.outputs)
        tensors = tuple(value for value in results if isinstance(value, Tensor))
        if len(results) != 1 or len(tensors) != 1:
            raise InvalidModel(f"{place} has {len(results)} outputs, {len(results) - len(tensors)} of them constants")
        return Site(place, _options(operator, reader), operands, tensors)

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


def _arithmetic(reading: Reading, site: Site) -> str:
    return "float" if reading.inputs[0].dtype == FLOAT32 == site.results[0].dtype else "tflm"


def load_tflite(data: bytes, name: str) -> Graph:
    """The main subgraph of a .tflite file as a graph called `name`.

    Padding is explicit, shapes have batch 1, names are unique and otherwise the file's own, layers are named after the
    tensors that they compute. What no output needs is left out. Raises InvalidModel for a damaged file, and
    UnsupportedModel, with every reason, for a sound one that asks for something that mcuq does not do.
    """
    file = read_file(bytes(data))
    return _Loader(file).load(name, file.inputs, file.outputs)
