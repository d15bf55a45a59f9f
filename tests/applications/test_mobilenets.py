"""What the modules mobilenet_v1 to v3 have in common: kernels, stem, dropout, padding."""

from __future__ import annotations

import pytest

from kerascnn.errors import UsageError
from support.plans import entries_of, plan_of

NAMES = ["mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small"]


def test_kernel_size_replaces_the_depthwise_filters_only():
    for name in NAMES:
        for layer, entry in entries_of(name, kernel_size=7).items():
            if entry.kind == "DepthwiseConv2D":
                assert entry.config["kernel_size"] == 7, layer
            elif entry.kind == "Conv2D":
                assert entry.config["kernel_size"] == (3 if layer == "conv1" else 1), layer


def test_the_small_stem_has_stride_1():
    for name in NAMES:
        small = plan_of(name, stem="small", input_shape=(32, 32, 3)).entries
        assert small["conv1"].cost.shape[1:3] == (32, 32)


def test_dropout_is_the_rows_unless_named():
    rates = {
        name: [e.config["rate"] for e in entries_of(name).values() if e.kind == "Dropout"]
        for name in NAMES
    }
    assert rates == {
        "mobilenet_v1": [], "mobilenet_v2": [0.2],
        "mobilenet_v3_large": [0.2], "mobilenet_v3_small": [0.2],
    }  # fmt: skip
    assert "dropout" not in entries_of("mobilenet_v2", dropout=0)
    assert entries_of("mobilenet_v3_small", dropout=0.5)["dropout"].config["rate"] == 0.5


def test_paddings():
    tensorflows = entries_of("mobilenet_v2", columns={"padding": "same"})
    assert not any(entry.kind == "ZeroPadding2D" for entry in tensorflows.values())
    assert tensorflows["conv1"].config["padding"] == "same"
    far = entries_of("mobilenet_v1")["separable3_1_dw_pad"].config["padding"]
    assert far == ((0, 1), (0, 1))
    for name in NAMES:
        with pytest.raises(UsageError, match="padding must be"):
            plan_of(name, columns={"padding": "valid"})
