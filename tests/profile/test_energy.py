"""Energy from cycles: the table, its names, and the arithmetic."""

from __future__ import annotations

import pytest

from mcuq.errors import InvalidBoard
from mcuq.profile.energy import energy_of, supplies, supply_named
from mcuq.profile.timing import timing_of


def test_every_supply_has_a_known_core_a_source_and_a_name_of_its_own() -> None:
    """What is estimated says where it comes from, and belongs to a core whose cycles mcuq can count."""
    known = supplies()
    assert len({supply.name for supply in known}) == len(known)
    for supply in known:
        assert supply.source
        assert timing_of(supply.core) is not None
        assert 10 < supply.pj_per_cycle < 1000


def test_energy_is_cycles_times_the_figure() -> None:
    """The reference board spends 341 pJ a cycle: ten million cycles are 3.41 mJ, told with their spread."""
    energy = energy_of(10e6, supply_named("stm32l4r5-ldo-1v8", "cortex-m4"))
    assert energy.microjoules == pytest.approx(3410)
    assert (energy.spread_percent, energy.supply) == (1.0, "stm32l4r5-ldo-1v8")


def test_unknown_supplies_and_other_cores_are_refused() -> None:
    """The error lists what fits the core; cycles of one core are not those of another."""
    with pytest.raises(InvalidBoard, match="no supply 'battery'; those of cortex-m4: stm32l4r5"):
        supply_named("battery", "cortex-m4")
    with pytest.raises(InvalidBoard, match="is of a cortex-m33, and the board has a cortex-m4"):
        supply_named("stm32u575-smps-1v8", "cortex-m4")
    with pytest.raises(InvalidBoard, match="none for this core"):
        supply_named("battery", "cortex-m3")
