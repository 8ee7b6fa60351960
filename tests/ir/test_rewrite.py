"""The moves that passes are made of give a changed copy and leave the original alone."""

from __future__ import annotations

from dataclasses import replace

from mcuq.ir import INT8, Node, Tensor, remove_unused, replace_uses, verify, with_changes
from mcuq.ops import NoAttrs
from tests.ir.small import IMAGE, small_graph


def test_with_changes_adds_and_replaces() -> None:
    """Nodes are replaced as a whole, values by name; what is not named stays."""
    graph = small_graph()
    wider = replace(graph.tensor("r"), shape=(1, 2, 2, 4))
    changed = with_changes(graph, graph.nodes[:2], (wider, Tensor("new", (1,), INT8)))
    assert changed.nodes == graph.nodes[:2]
    assert changed["r"] is wider
    assert "new" in changed.values
    assert changed["x"] is graph["x"]
    assert graph == small_graph()


def test_replace_uses_follows_chains() -> None:
    """Readers and outputs get the end of the chain; producers stay."""
    graph = replace_uses(small_graph(), {"y": "r", "r": "c"})
    assert graph.nodes[2].inputs == ("c", "c")
    assert graph.outputs == ("c",)
    assert [node.outputs for node in graph.nodes] == [("c",), ("r",), ("y",)]


def test_remove_unused_keeps_what_outputs_need() -> None:
    """A branch that nobody reads goes with its values; inputs stay, used or not."""
    graph = small_graph()
    branch = Node("RELU", ("c",), ("dead",), NoAttrs(), "tflm", ("dead",))
    values = (Tensor("dead", (1, 2, 2, 2), INT8, IMAGE), Tensor("second", (1,), INT8))
    wide = replace(with_changes(graph, (*graph.nodes, branch), values), inputs=("x", "second"))
    kept = remove_unused(verify(wide))
    assert kept.nodes == graph.nodes
    assert set(kept.values) == {*graph.values, "second"}


def test_remove_unused_gives_the_same_object_when_all_is_used() -> None:
    """ "Unchanged" is the same object."""
    graph = small_graph()
    assert remove_unused(graph) is graph


def test_remove_unused_drops_unused_constants() -> None:
    """A constant that no node reads does not stay behind."""
    graph = small_graph()
    spare = replace(graph.constant("w"), name="spare")
    assert "spare" not in remove_unused(with_changes(graph, graph.nodes, (spare,))).values
