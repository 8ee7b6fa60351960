"""How few bytes a model can run in: its nodes cut into steps so that no step needs more than a limit.

Every step is a single node, or a run of nodes (fused, or streamed row by row). What a step needs is counted: the
buffers that live on past it, its operands and results less what may lie over one another, and its scratch. For a limit,
the cut of fewest cycles is found by dynamic programming; limits are tried from the least on.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from mcuq.artifacts import Overlap
from mcuq.ir import Graph
from mcuq.schedule.candidates import Candidate, inputs_of
from mcuq.schedule.chains import chains, row_node
from mcuq.schedule.kernel import Kernel, Work
from mcuq.schedule.kernels import known_kernels
from mcuq.schedule.locate import Layout
from mcuq.schedule.stream import KERNEL_NAME, stream

STREAM = Kernel(KERNEL_NAME, (), "", lambda node, graph: ())


@dataclass(frozen=True, slots=True)
class Segment:
    """A candidate for all nodes from position `first` to `last`, and the bytes of arena that its step needs."""

    first: int
    last: int
    candidate: Candidate
    bytes: int

    def price(self, a_cycle: float, a_byte: float) -> float:
        """Cycles and bytes of flash in one figure; functions that several steps share count for each."""
        return a_cycle * self.candidate.work.cycles + a_byte * (
            self.candidate.constant_bytes + sum(size for _, size in self.candidate.code)
        )


@dataclass(frozen=True)
class Lives:
    """When buffers live, by position of nodes: inputs from -1 on, what is kept to the end until the number of nodes."""

    graph: Graph
    layout: Layout
    keep_inputs: bool

    @cached_property
    def home(self) -> dict[str, str]:
        """The buffer of each value."""
        return {location.value: location.buffer for location in self.layout.locations}

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Bytes of each buffer."""
        return {buffer.name: buffer.bytes for buffer in self.layout.buffers}

    @cached_property
    def spans(self) -> dict[str, tuple[int, int]]:
        """First and last position at which each buffer is needed."""
        end = len(self.graph.nodes)
        uses: dict[str, list[int]] = {name: [] for name in self.sizes}
        for name in self.graph.inputs:
            uses[self.home[name]] += [-1, end] if self.keep_inputs else [-1]
        for name in self.graph.outputs:
            uses[self.home[name]].append(end)
        for position, node in enumerate(self.graph.nodes):
            for name in (*node.inputs, *node.outputs):
                if name in self.home:
                    uses[self.home[name]].append(position)
        return {name: (min(found), max(found)) for name, found in uses.items() if found}

    def bytes_of(self, candidate: Candidate) -> int:
        """What a step needs: everything that is alive while it runs, less what its overlaps save, and its scratch."""
        first, last = min(candidate.positions), max(candidate.positions)
        read = {self.home[name] for name in inputs_of(candidate.nodes, self.graph)}
        written = {self.home[name] for name in candidate.nodes[-1].outputs}
        alive = {name for name, (start, end) in self.spans.items() if start < first and end > last} | read | written
        saved = [self._saved(candidate, overlap) for overlap in candidate.work.overlaps]
        return sum(self.sizes[name] for name in alive) - max([0, *saved]) + -(-candidate.work.scratch_bytes // 4) * 4

    def _saved(self, candidate: Candidate, overlap: Overlap) -> int:
        """What the overlap saves where the input ends and the output begins with the step, each a buffer of its own."""
        source, target = self.home[overlap.input], self.home[overlap.output]
        dies = self.spans[source][1] <= max(candidate.positions)
        fresh = self.spans[target][0] >= min(candidate.positions)
        if not (dies and fresh) or self.sizes[source] != self.graph.tensor(overlap.input).bytes:
            return 0
        margin = 0 if overlap.same_start else max(overlap.margin_bytes, 0)
        together = max(self.sizes[target], margin + self.sizes[source])
        return max(0, self.sizes[source] + self.sizes[target] - together)


def _row_ways(position: int, graph: Graph, features: frozenset[str]) -> list[tuple[Kernel, Work]]:
    """Every way to compute one row of the layer there."""
    row = row_node(graph.nodes[position], graph)
    node = row.node
    return [
        (kernel, work)
        for kernel in known_kernels()
        if node.op in kernel.ops and node.arithmetic in kernel.arithmetics and kernel.features <= features
        if kernel.refuses(node, row.graph) is None
        for work in kernel.plans(node, row.graph)
        if not work.nodes
    ]


def _streamed(
    first: int, last: int, graph: Graph, ways: Mapping[int, list[tuple[Kernel, Work]]]
) -> Iterator[Candidate]:
    """The run as one streamed step: with the fastest rows, and with those of least scratch."""
    nodes, positions = graph.nodes[first : last + 1], tuple(range(first, last + 1))
    found: list[Work] = []
    for name, key in (("fast rows", _by_cycles), ("small rows", _by_scratch)):
        chosen = {graph.nodes[p].outputs[0]: min(ways[p], key=key) for p in positions}
        work = stream(nodes, graph, chosen)
        if work is not None and all(work.scratch_bytes != other.scratch_bytes for other in found):
            found.append(replace(work, variant=name))
    return (Candidate(STREAM, work, nodes, positions, _code(work), work.constant_bytes) for work in found)


def _code(work: Work) -> tuple[tuple[int, int], ...]:
    """The functions of the stages and the step's own, by numbers that no other candidates have."""
    assert work.stream is not None
    keys = dict.fromkeys((stage.kernel, stage.shape, stage.node.arithmetic) for stage in work.stream.stages)
    return ((-1 - zlib.crc32(repr(tuple(keys)).encode()), work.code_bytes),)


def streamed_ways(first: int, last: int, graph: Graph, features: frozenset[str]) -> tuple[Candidate, ...]:
    """The ways to compute the run from position `first` to `last` as one streamed step; none where a row has none."""
    ways = {position: _row_ways(position, graph, features) for position in range(first, last + 1)}
    return tuple(_streamed(first, last, graph, ways)) if all(ways.values()) else ()


def _by_cycles(way: tuple[Kernel, Work]) -> tuple[int, int]:
    return way[1].cycles, way[1].scratch_bytes


def _by_scratch(way: tuple[Kernel, Work]) -> tuple[int, int]:
    return way[1].scratch_bytes, way[1].cycles


@dataclass(frozen=True)
class Cuts:
    """All segments of a graph; `free` are the positions of nodes that need no step."""

    length: int
    free: frozenset[int]
    segments: tuple[Segment, ...]

    @cached_property
    def _ending(self) -> dict[int, list[Segment]]:
        found: dict[int, list[Segment]] = {}
        for segment in self.segments:
            found.setdefault(segment.last, []).append(segment)
        return found

    @property
    def limits(self) -> tuple[int, ...]:
        """The limits at which anything changes, in order, from the least that is possible on."""
        least = self._least()
        return tuple(sorted({segment.bytes for segment in self.segments if segment.bytes >= least}))

    def _least(self) -> int:
        best: list[float] = [0.0]
        for position in range(self.length):
            ways = [max(best[s.first], s.bytes) for s in self._ending.get(position, ())]
            best.append(min([*ways, *([best[position]] if position in self.free else [])], default=math.inf))
        return int(best[-1])

    def best(self, limit: int, a_cycle: float = 1.0, a_byte: float = 0.0) -> tuple[float, tuple[Candidate, ...]]:
        """The cut of least price in which no step needs more than `limit` bytes, and that price."""
        best: list[tuple[float, Segment | None]] = [(0.0, None)]
        for position in range(self.length):
            ways = [
                (best[s.first][0] + s.price(a_cycle, a_byte), s)
                for s in self._ending.get(position, ())
                if s.bytes <= limit
            ]
            free: list[tuple[float, Segment | None]] = [(best[position][0], None)] if position in self.free else []
            best.append(min([*ways, *free], key=lambda way: way[0], default=(math.inf, None)))
        chosen: list[Candidate] = []
        position = self.length
        while position > 0:
            segment = best[position][1]
            if segment is None:
                position -= 1
            else:
                chosen.append(segment.candidate)
                position = segment.first
        return best[-1][0], tuple(reversed(chosen))


def cuts(
    graph: Graph,
    features: frozenset[str],
    keep_inputs: bool,
    layout: Layout,
    offers: Sequence[Sequence[Candidate]],
) -> Cuts:
    """Every single and fused step, and the streamed ones that can lower what the model needs."""
    lives = Lives(graph, layout, keep_inputs)
    segments: list[Segment] = []
    for candidate in (candidate for offered in offers for candidate in offered):
        first, last = min(candidate.positions), max(candidate.positions)
        if len(candidate.positions) == last - first + 1:
            segments.append(Segment(first, last, candidate, lives.bytes_of(candidate)))
    single = {
        position: min((s.bytes for s in segments if s.first == s.last == position), default=0)
        for position in range(len(graph.nodes))
    }
    # Inputs and outputs have to be somewhere: steps that need no more than they do cannot be what matters.
    floor = max(sum(graph.tensor(name).bytes for name in names) for names in (graph.inputs, graph.outputs))
    ways: dict[int, list[tuple[Kernel, Work]]] = {}
    for first, last in chains(graph, layout.free_nodes):
        inside = range(first, last + 1)
        if max(single[position] for position in inside) <= floor:
            continue
        for position in inside:
            if position not in ways:
                ways[position] = _row_ways(position, graph, features)
        if all(ways[position] for position in inside):
            segments += [Segment(first, last, c, lives.bytes_of(c)) for c in _streamed(first, last, graph, ways)]
    return Cuts(len(graph.nodes), layout.free_nodes, tuple(segments))
