"""From a graph and a core's features to a Schedule: the best of all ways to compute each node, or run of nodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from mcuq.artifacts import BALANCED, RAM, SIZE, Buffer, Schedule, Step
from mcuq.errors import InvalidProject, UnsupportedModel
from mcuq.ir import Graph
from mcuq.ops import call_of, card_of
from mcuq.schedule.candidates import Candidate, candidates, inner_values, inputs_of
from mcuq.schedule.chains import chains
from mcuq.schedule.locate import locate
from mcuq.schedule.objective import code_of, cycles_of, flash_of, weights_of
from mcuq.schedule.segments import STREAM, cuts, streamed_ways

Choice = tuple[Candidate, ...]
Offers = Sequence[Sequence[Candidate]]
Peak = Callable[[Schedule], int]
Cost = Callable[[Candidate, int, int], int]

MOST_LIMITS = 24  # of the arena that are tried
HOPELESS = 3  # times as slow as the best by estimate: not worth a measurement


def _step(index: int, candidate: Candidate, graph: Graph) -> Step:
    work, nodes = candidate.work, candidate.nodes
    return Step(
        index=index,
        kernel=candidate.kernel.name,
        nodes=nodes,
        inputs=inputs_of(nodes, graph),
        outputs=nodes[-1].outputs,
        shape=work.shape,
        parameters=work.parameters,
        constants=work.constants,
        macs=sum(card_of(node.op).macs(call_of(node, graph)) for node in nodes),
        scratch_bytes=work.scratch_bytes,
        overlaps=work.overlaps,
        variant=work.variant,
        cycles=work.cycles,
        stream=work.stream,
    )


def _refuse_constant_outputs(graph: Graph) -> None:
    constant = [name for name in graph.outputs if graph.is_constant(name)]
    if constant:
        raise UnsupportedModel(
            f"output {constant[0]!r} does not depend on any input; remove it from the model, its value is known"
        )


def _ordered(choice: Sequence[Candidate]) -> Choice:
    """In execution order: a run stands where its last node stood."""
    return tuple(sorted(choice, key=lambda candidate: candidate.positions[-1]))


def _alone(offers: Offers, position: int) -> list[Candidate]:
    """The ways to compute the node there by itself."""
    return [candidate for candidate in offers[position] if len(candidate.nodes) == 1]


def _with(choice: Choice, wanted: Sequence[Candidate], offers: Offers, search: _Search) -> Choice:
    """The choice with `wanted` in it: what they cover leaves, and what is uncovered then is computed node by node."""
    covered = {position for candidate in wanted for position in candidate.positions}
    kept = [candidate for candidate in choice if not covered.intersection(candidate.positions)]
    covered |= {position for candidate in kept for position in candidate.positions}
    bare = [position for position in range(len(offers)) if offers[position] and position not in covered]
    filling = [min(_alone(offers, position), key=lambda c: search.price((c,))) for position in bare]
    return _ordered([*kept, *wanted, *filling])


def _moves(offers: Offers) -> Iterator[list[Candidate]]:
    """What can be tried: one kernel's way for every node that has it, then single candidates."""
    ways: dict[tuple[str, str], list[Candidate]] = {}
    everything = [candidate for offered in offers for candidate in offered]
    for candidate in everything:
        taken = {position for other in ways.get(candidate.way, ()) for position in other.positions}
        if not taken.intersection(candidate.positions):
            ways.setdefault(candidate.way, []).append(candidate)
    yield from (group for group in ways.values() if len(group) > 1)
    yield from ([candidate] for candidate in everything)


def _improved(choice: Choice, offers: Offers, search: _Search) -> Choice:
    """The choice after every move that lowers its value, until none does."""
    moves = list(_moves(offers))
    best = search.value(choice)
    while True:
        before = best
        for wanted in moves:
            trial = _with(choice, wanted, offers, search)
            found = search.value(trial)
            if found < best:
                choice, best = trial, found
        if best >= before:
            return choice


@dataclass(frozen=True, slots=True)
class _Search:
    """What a choice is judged by; `peak` is asked only where RAM matters."""

    graph: Graph
    keep_inputs: bool
    features: frozenset[str]
    optimize: str
    a_cycle: float
    a_byte: float
    flash_bytes: int | None
    arena_bytes: int | None
    peak: Peak | None

    def price(self, choice: Choice) -> float:
        """Cycles and bytes of flash in one figure."""
        return self.a_cycle * cycles_of(choice) + self.a_byte * flash_of(choice)

    def value(self, choice: Choice) -> tuple[float, ...]:
        """What is least in the best choice: bytes beyond the limits, then RAM where it is wanted, then the price."""
        beyond = 0 if self.flash_bytes is None else max(0, flash_of(choice) - self.flash_bytes)
        if self.peak is None or (self.arena_bytes is None and self.optimize != RAM):
            return (beyond, self.price(choice))
        peak_bytes = self.peak(self.assembled(choice))
        if self.arena_bytes is not None:
            beyond += max(0, peak_bytes - self.arena_bytes)
        return (beyond, peak_bytes if self.optimize == RAM else 0, self.price(choice))

    def assembled(self, choice: Choice) -> Schedule:
        """The choice as a Schedule."""
        absent = {name for candidate in choice for name in inner_values(candidate.nodes)}
        layout = locate(self.graph, absent)
        steps = tuple(_step(index, candidate, self.graph) for index, candidate in enumerate(choice))
        scratch = tuple(Buffer(step.scratch, step.scratch_bytes, 4) for step in steps if step.scratch_bytes)
        return Schedule(
            graph=self.graph,
            features=self.features,
            keep_inputs=self.keep_inputs,
            steps=steps,
            buffers=layout.buffers + scratch,
            locations=layout.locations,
            code_bytes=code_of(choice),
            optimize=self.optimize,
        )


def _measured(offers: Offers, cost: Cost, optimize: str) -> Offers:
    """The offers with measured cycles; what is far slower than the best by estimate is left out, but for size."""
    kept: list[list[Candidate]] = []
    for offered in offers:
        least = min((c.work.cycles for c in offered if len(c.nodes) == 1), default=0)
        near = [c for c in offered if optimize == SIZE or len(c.nodes) > 1 or c.work.cycles <= HOPELESS * least]
        kept.append(near)
    total = sum(len(offered) for offered in kept)
    done = 0
    measured = []
    for offered in kept:
        priced = []
        for candidate in offered:
            done += 1
            priced.append(replace(candidate, work=replace(candidate.work, cycles=cost(candidate, done, total))))
        measured.append(priced)
    return measured


def schedule(
    graph: Graph,
    features: frozenset[str] = frozenset(),
    keep_inputs: bool = False,
    optimize: str = BALANCED,
    *,
    flash_bytes: int | None = None,
    arena_bytes: int | None = None,
    peak: Peak | None = None,
    cost: Cost | None = None,
) -> Schedule:
    """The steps of `graph` for a core with these features, chosen for one of OBJECTIVES.

    `flash_bytes` limits constants and the estimated code of kernels, `arena_bytes` the peak that `peak(schedule)` says;
    where nothing keeps them, what comes nearest is given. `cost(candidate, done, total)` gives the cycles of a
    candidate in place of its estimate. Kernels that take much more flash are offered under a limit of flash.
    Raises UnsupportedModel with every node that no kernel computes.
    """
    _refuse_constant_outputs(graph)
    free_nodes = locate(graph).free_nodes
    offers: Offers = candidates(graph, features, free_nodes, flash_is_limited=flash_bytes is not None)
    if cost is not None:
        offers = _measured(offers, cost, optimize)
    steps = [position for position, offered in enumerate(offers) if offered]
    fastest = tuple(min(_alone(offers, position), key=lambda c: c.work.cycles) for position in steps)
    smallest = tuple(min(_alone(offers, position), key=lambda c: flash_of((c,))) for position in steps)
    weights = weights_of(optimize, cycles_of(fastest), flash_is_limited=flash_bytes is not None)
    search = _Search(graph, keep_inputs, features, optimize, *weights, flash_bytes, arena_bytes, peak)
    # What an arena costs is asked of the choices that count its bytes themselves, not of every move of the search.
    by_price = replace(search, peak=None)
    starts = [fastest, smallest]
    if flash_bytes is not None:
        starts.append(min(_of_less_flash(offers, steps, cycles_of(fastest)), key=by_price.value))
    found = [_improved(start, offers, by_price) for start in starts]
    if min(map(search.value, found))[0] > 0 or (peak is not None and optimize == RAM):
        found += _of_less_ram(offers, search)
    return search.assembled(min(found, key=search.value))


def _of_less_flash(offers: Offers, steps: Sequence[int], fastest_cycles: int) -> Iterator[Choice]:
    """Choices node by node for growing prices of flash: near the best under any limit, where single moves go on."""
    for power in range(-20, 1):
        a_byte = 2.0**power * fastest_cycles / 1024
        prices = [[(c.work.cycles + a_byte * flash_of((c,)), c) for c in _alone(offers, p)] for p in steps]
        yield tuple(min(priced, key=lambda pair: pair[0])[1] for priced in prices)


def _of_less_ram(offers: Offers, search: _Search) -> list[Choice]:
    """The best choices by price for growing limits of the arena, layers that are streamed row by row among them."""
    if search.peak is None:
        return []
    found: list[Choice] = []
    least_cost = math.inf
    layout = locate(search.graph)
    weights = (search.a_cycle, search.a_byte)
    ways = cuts(search.graph, search.features, search.keep_inputs, layout, offers)
    for limit in ways.limits:
        cost, choice = ways.best(limit, *weights)
        if cost < least_cost:
            least_cost = cost
            found.append(choice)
        if len(found) == MOST_LIMITS:
            break
    return found


def streamed_schedules(graph: Graph, features: frozenset[str], keep_inputs: bool) -> tuple[Schedule, ...]:
    """For each run of layers that can be streamed: the graph with that run streamed, the rest step by step.

    Every run is taken, whether it lowers anything or not, so that all can be compared with the reference.
    """
    layout = locate(graph)
    offers = candidates(graph, features, layout.free_nodes)
    alone = {p: _alone(offers, p)[0] for p in range(len(offers)) if offers[p]}
    search = _Search(graph, keep_inputs, features, RAM, 1.0, 1.0, None, None, None)
    found = []
    for first, last in chains(graph, layout.free_nodes):
        for streamed in streamed_ways(first, last, graph, features):
            rest = [candidate for p, candidate in alone.items() if not first <= p <= last]
            found.append(search.assembled(_ordered([*rest, streamed])))
    return tuple(found)


def reassembled(
    graph: Graph,
    features: frozenset[str],
    keep_inputs: bool,
    optimize: str,
    chosen: Sequence[tuple[str, str, tuple[int, ...]]],
) -> Schedule:
    """The Schedule that was chosen before: kernel, variant and positions of the nodes of every step.

    Raises InvalidProject where a step is none that these kernels offer.
    """
    known = {
        (*candidate.way, candidate.positions): candidate
        for offered in candidates(graph, features, locate(graph).free_nodes)
        for candidate in offered
    }
    for kernel, _, positions in chosen:
        if kernel == STREAM.name:
            ways = streamed_ways(positions[0], positions[-1], graph, features)
            known |= {(*candidate.way, candidate.positions): candidate for candidate in ways}
    missing = [way for way in chosen if way not in known]
    if missing:
        kernel, variant, _ = missing[0]
        raise InvalidProject(f"kernel {kernel} {variant} computes no such step; run `mcuq build` again")
    search = _Search(graph, keep_inputs, features, optimize, 1.0, 1.0, None, None, None)
    return search.assembled(_ordered([known[way] for way in chosen]))
