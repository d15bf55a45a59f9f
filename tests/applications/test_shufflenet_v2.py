"""ShuffleNet v2 against Table 5 of its paper."""

from __future__ import annotations

import pytest

from support.plans import plan_of

# Ma 2018, Table 5: channels of stages 2 to 4 and of conv5, millions of operations and parameters.
V2_TABLE_5 = [
    ("x0_5", (48, 96, 192), 1024, 41, 1.4),
    ("x1_0", (116, 232, 464), 1024, 146, 2.3),
    ("x1_5", (176, 352, 704), 1024, 299, 3.5),
    ("x2_0", (244, 488, 976), 2048, 591, 7.4),
]


@pytest.mark.parametrize(("size", "channels", "last", "macs", "params"), V2_TABLE_5)
def test_v2_is_table_5(size, channels, last, macs, params):
    costs = plan_of(f"shufflenet_v2_{size}")
    shapes = {layer: entry.cost.shape[1:] for layer, entry in costs.entries.items()}
    assert shapes["pool1"] == (56, 56, 24)
    for stage, side, out in zip((2, 3, 4), (28, 14, 7), channels, strict=True):
        units = [f"stage{stage}_{unit}_shuffle" for unit in range(1, {3: 8}.get(stage, 4) + 1)]
        assert [shapes[unit] for unit in units] == [(side, side, out)] * len(units)
        assert shapes[f"stage{stage}_2_left"] == (side, side, out // 2)
    assert shapes["conv5"] == (7, 7, last)
    assert costs.macs == pytest.approx(macs * 1e6, rel=0.016)
    assert round(costs.trainable / 1e6, 1) == params
