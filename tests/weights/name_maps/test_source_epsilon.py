"""The epsilon of a batch norm in the library that a file comes from."""

from __future__ import annotations

from kerascnn.weights.name_maps import source_epsilon


def test_epsilons_of_timm() -> None:
    """Its networks have PyTorch's 1e-5 where torchvision's have TensorFlow's 1e-3."""
    for family in ("mobilenet", "efficientnet"):
        assert source_epsilon(family, "timm", 1e-3) == 1e-5
        assert source_epsilon(family, "keras", 1e-5) == 1e-3
        assert source_epsilon(family, "torchvision", 1e-3) == 1e-3
