"""What the modules shufflenet_v1 and shufflenet_v2 have in common: stem, depth, kernel."""

from __future__ import annotations

from support.plans import plan_of


def test_small_stem_depth_and_kernel():
    for name in ("shufflenet_v1_g8", "shufflenet_v2_x1_0"):
        small = plan_of(
            name, stem="small", input_shape=(32, 32, 3), depth=0.5, kernel_size=5
        ).entries
        assert small["conv1"].cost.shape[1:3] == (32, 32)
        assert "pool1" not in small
        assert sum(layer.startswith("stage3_") and layer.endswith("_conv1") for layer in small) == 4
        sizes = {e.config["kernel_size"] for e in small.values() if e.kind == "DepthwiseConv2D"}
        assert sizes == {5}
