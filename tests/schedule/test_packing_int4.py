"""How int4 weights are packed: widths, order, no waste."""

from __future__ import annotations

import numpy as np
import pytest

from mcuq.schedule.kernels.packing_int4 import channel_groups, int4_constants, packed_elements, positions


@pytest.mark.parametrize("widest", [4, 8])
@pytest.mark.parametrize("channels", range(1, 40))
def test_groups_cover_the_channels(channels: int, widest: int) -> None:
    """All channels have a place, and zeros fill one place at most."""
    groups = channel_groups(channels, widest)
    assert sum(group.live * group.count for group in groups) == channels
    assert sum(group.width * group.count for group in groups) == channels + channels % 2
    assert [group.width for group in groups] == sorted((group.width for group in groups), reverse=True)


def test_one_element_in_full() -> None:
    """Channel 2k stands in the lower half of an element, channel 2k + 1 in the upper half."""
    assert positions(8).tolist() == [0, 4, 1, 5, 2, 6, 3, 7]
    (element,) = packed_elements(np.arange(8)[:, None], 8)
    assert element == 0x75316420
    assert packed_elements(np.array([[1], [2], [3]]), 4).tolist() == [0x0231]
    assert packed_elements(np.array([[1, 4], [2, 5]]), 2).tolist() == [0x21, 0x54]


@pytest.mark.parametrize("signed", [False, True])
def test_packed_weights_read_back(signed: bool) -> None:
    """Every weight is found again at its group, tap and position."""
    rows = np.random.default_rng(1).integers(-8, 8, (15 + 4 + 1, 7)).astype(np.int8)
    groups = channel_groups(len(rows))
    constants = {c.role: c.values for c in int4_constants(rows, groups, signed=signed)}
    channel, start = 0, dict.fromkeys(constants, 0)
    for group in groups:
        for _ in range(group.count):
            for k, position in enumerate(positions(group.width)[: group.live]):
                elements = constants[group.role][start[group.role] :][: rows.shape[1]].astype(np.int64)
                codes = elements >> 4 * position & 15
                np.testing.assert_array_equal((codes ^ 8) - 8 if signed else codes - 8, rows[channel + k])
            channel += group.live
            start[group.role] += rows.shape[1]
    assert channel == len(rows)
