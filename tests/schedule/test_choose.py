"""The choice among ways to compute nodes: few cycles, little flash, or a trade; alone or in runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pytest

from mcuq.artifacts import OBJECTIVES, PackedConstant
from mcuq.ir import Graph, Node
from mcuq.memory import check_plan, plan_memory
from mcuq.ops import NoAttrs
from mcuq.ops.binary import Binary
from mcuq.schedule import KERNELS, schedule
from mcuq.schedule import candidates as candidates_module
from mcuq.schedule.candidates import candidates
from mcuq.schedule.kernel import Kernel, Work
from tests.networks import Builder, network


@dataclass(frozen=True, slots=True)
class Sort:
    """A shape of the kernels below."""

    name: str


def work(cycles: int, code: int = 0, constants: int = 0, name: str = "", run: tuple[Node, ...] = ()) -> Work:
    """A way that costs so much."""
    packed = (PackedConstant("weights", "int8_t", np.zeros(constants, np.int8)),) if constants else ()
    return Work(Sort(name), Sort(""), packed, cycles=cycles, code_bytes=code, variant=name, nodes=run)


@contextmanager
def instead(kernel: Kernel) -> Iterator[None]:
    """The kernel in place of all others that compute its ops."""
    others = tuple(known for known in KERNELS if not set(known.ops) & set(kernel.ops))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates_module, "known_kernels", lambda: (kernel, *others))
        yield


def offered(ops: tuple[str, ...], *works: Work) -> AbstractContextManager[None]:
    """A kernel that offers these ways, and no other, for every node of the ops."""
    return instead(Kernel("test/kernel", ops, "", lambda node, graph: works))


def chain(length: int = 3) -> Graph:
    """RELU after RELU."""
    b = Builder(np.random.default_rng(0))
    x = b.input((1, 4, 4, 2))
    for _ in range(length):
        x = b.node("RELU", (x,), NoAttrs())
    return b.graph((x,))


def variants(graph: Graph, objective: str) -> list[str]:
    """What was chosen, step by step."""
    return [step.variant for step in schedule(graph, optimize=objective).steps]


def test_speed_takes_the_fewest_cycles_and_size_little_flash() -> None:
    """Of a fast and long way and a slow and short one, each objective takes its own."""
    with offered(("RELU",), work(1000, code=5000, name="fast"), work(1050, code=10, name="small")):
        assert variants(chain(), "speed") == ["fast"] * 3
        assert variants(chain(), "size") == ["small"] * 3


def test_what_takes_much_flash_is_offered_to_who_limits_it() -> None:
    """A kernel for large flash is no choice without a limit, one where it fits, and none where it does not."""
    offers = {"lean": work(1000, name="lean"), "wide": work(10, code=5000, name="wide")}
    lean, wide = (Kernel(f"test/{n}", ("RELU",), "", lambda node, graph, w=w: (w,)) for n, w in offers.items())  # type: ignore[misc]
    kernels = (lean, replace(wide, under_flash_limit=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates_module, "known_kernels", lambda: kernels)
        for limit, expected in ((None, "lean"), (6000, "wide"), (4000, "lean")):
            steps = schedule(chain(1), optimize="speed", flash_bytes=limit).steps
            assert [step.variant for step in steps] == [expected]


def test_code_that_steps_share_counts_once() -> None:
    """One function for all three steps is smaller than tables for each, although alone it would not be."""
    with offered(("RELU",), work(9, code=250, name="code"), work(9, constants=100, name="tables")):
        assert variants(chain(1), "size") == ["tables"]
        assert variants(chain(3), "size") == ["code"] * 3


def test_shared_functions_are_counted_by_name() -> None:
    """Ways of two shapes that call the same function pay for it once."""
    first, second = work(9_000, code=20, name="a"), work(8_999, code=20, name="b")
    both = [replace(way, shared_code=(("helper", 450),)) for way in (first, second)]
    with offered(("RELU",), *both, work(9_000, constants=200, name="tables")):
        assert variants(chain(2), "size") == ["tables"] * 2
        assert set(variants(chain(3), "size")) <= {"a", "b"}


@pytest.mark.parametrize(("goal", "share"), [("balanced", 0.01), ("size", 0.1)])
@pytest.mark.parametrize(("saved", "expected"), [(2, "fast"), (0.5, "small")])
def test_a_kilobyte_is_taken_for_its_share_of_the_cycles(goal: str, share: float, saved: float, expected: str) -> None:
    """A KB more of flash is taken where it saves more than its share of the cycles, and not where it saves less."""
    saved *= share
    slow = round(1_000_000 * (1 + saved))
    with offered(("RELU",), work(1_000_000, code=1024, name="fast"), work(slow, code=0, name="small")):
        assert variants(chain(1), goal) == [expected]


def runs_of_two(node: Node, graph: Graph) -> tuple[Work, ...]:
    """A way for the node and its only reader, the best of all, and a dear one for the node alone."""
    readers = [other for other in graph.nodes if node.outputs[0] in other.inputs]
    pair = (work(1, name="pair", run=(node, readers[0])),) if len(readers) == 1 else ()
    return (*pair, work(1000, name="alone"))


PAIRS = Kernel("test/pairs", ("RELU",), "", runs_of_two)


def test_a_run_is_one_step_and_its_inner_value_lies_nowhere() -> None:
    """Two nodes in one step: it reads what the first reads, writes what the second writes; memory knows no more."""
    graph = chain(4)
    with instead(PAIRS):
        planned = schedule(graph, optimize="speed")
    assert [step.variant for step in planned.steps] == ["pair", "pair"]
    assert [len(step.nodes) for step in planned.steps] == [2, 2]
    assert planned.steps[0].inputs == graph.inputs
    assert planned.steps[0].outputs == planned.steps[1].inputs == graph.nodes[1].outputs
    placed = {location.value for location in planned.locations}
    assert placed == {*graph.inputs, graph.nodes[1].outputs[0], graph.nodes[3].outputs[0]}
    check_plan(planned, plan_memory(planned))


def test_a_run_whose_inner_value_others_read_is_not_offered() -> None:
    """The value between two nodes must exist where a third reads it, or where it is an output."""
    b = Builder(np.random.default_rng(0))
    first = b.node("RELU", (b.input((1, 4, 4, 2)),), NoAttrs())
    second = b.node("RELU", (first,), NoAttrs())
    with instead(PAIRS):
        read_again = b.graph((b.node("ADD", (first, second), Binary()),))
        output = replace(chain(2), outputs=tuple(node.outputs[0] for node in chain(2).nodes))
        for graph in (read_again, output):
            assert [len(c.nodes) for c in candidates(graph, frozenset())[0]] == [1]


@pytest.mark.parametrize("seed", range(20))
def test_every_objective_computes_every_node_once(seed: int) -> None:
    """Whatever is chosen, the steps cover the same nodes, and the choice is the same each time."""
    graph = network(seed)
    covered = []
    for objective in OBJECTIVES:
        planned = schedule(graph, frozenset({"dsp"}), optimize=objective)
        assert planned == schedule(graph, frozenset({"dsp"}), optimize=objective)
        covered.append([node for step in planned.steps for node in step.nodes])
    assert covered[0] == covered[1] == covered[2]
    assert all(covered[0].count(node) == 1 for node in covered[0])
