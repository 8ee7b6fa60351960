"""From a graph and a core's features to a Schedule: the best of all ways to compute each node, or run of nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mcuq.artifacts import Buffer, Schedule, Step
from mcuq.errors import UnsupportedModel
from mcuq.ir import Graph
from mcuq.ops import call_of, card_of
from mcuq.schedule.candidates import Candidate, candidates, inner_values, inputs_of
from mcuq.schedule.locate import locate
from mcuq.schedule.objective import BALANCED, cycles_of, flash_of, weights_of

Choice = tuple[Candidate, ...]
Offers = Sequence[Sequence[Candidate]]
Value = Callable[[Choice], float]


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


def _with(choice: Choice, wanted: Sequence[Candidate], offers: Offers, value: Value) -> Choice:
    """The choice with `wanted` in it: what they cover leaves, and what is uncovered then is computed node by node."""
    covered = {position for candidate in wanted for position in candidate.positions}
    kept = [candidate for candidate in choice if not covered.intersection(candidate.positions)]
    covered |= {position for candidate in kept for position in candidate.positions}
    bare = [position for position in range(len(offers)) if offers[position] and position not in covered]
    filling = [min(_alone(offers, position), key=lambda c: value((c,))) for position in bare]
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


def _improved(choice: Choice, offers: Offers, value: Value) -> Choice:
    """The choice after every move that lowers its value, until none does."""
    moves = list(_moves(offers))
    best = value(choice)
    while True:
        before = best
        for wanted in moves:
            trial = _with(choice, wanted, offers, value)
            found = value(trial)
            if found < best:
                choice, best = trial, found
        if best >= before:
            return choice


def _best(offers: Offers, objective: str) -> Choice:
    """The best choice that a local search finds, from the fastest and from the smallest single ways."""
    steps = [position for position, offered in enumerate(offers) if offered]
    fastest = tuple(min(_alone(offers, position), key=lambda c: c.work.cycles) for position in steps)
    smallest = tuple(min(_alone(offers, position), key=lambda c: flash_of((c,))) for position in steps)
    a_cycle, a_byte = weights_of(objective, cycles_of(fastest))

    def value(choice: Choice) -> float:
        return a_cycle * cycles_of(choice) + a_byte * flash_of(choice)

    return min((_improved(start, offers, value) for start in (fastest, smallest)), key=value)


def schedule(
    graph: Graph, features: frozenset[str] = frozenset(), keep_inputs: bool = False, objective: str = BALANCED
) -> Schedule:
    """The steps of `graph` for a core with these features, chosen by what kernels estimate, for one of OBJECTIVES.

    Raises UnsupportedModel with every node that no kernel computes.
    """
    _refuse_constant_outputs(graph)
    offers = candidates(graph, features, locate(graph).free_nodes)
    choice = _best(offers, objective)
    layout = locate(graph, {name for candidate in choice for name in inner_values(candidate.nodes)})
    steps = tuple(_step(index, candidate, graph) for index, candidate in enumerate(choice))
    scratch = tuple(Buffer(step.scratch, step.scratch_bytes, 4) for step in steps if step.scratch_bytes)
    return Schedule(graph, features, keep_inputs, steps, layout.buffers + scratch, layout.locations)
