"""Published weights of torchvision, compared with the library where it is installed."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

import numpy as np
import pytest

from kerascnn.published import torchvision
from kerascnn.published.catalogue import published


@pytest.mark.parametrize("name", ["googlenet.v1", "inception_v3.v1"])
def test_torchvision_turns_its_own_normalisation_into_tensorflows(name: str) -> None:
    # torchvision.models.googlenet.GoogLeNet._transform_input, after its usual normalisation.
    pixels = np.random.default_rng(0).integers(0, 256, (7, 9, 3))
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    inside = (pixels / 255 - mean) / std * (std / 0.5) + (mean - 0.5) / 0.5
    how = published(f"torchvision/{name}").preprocessing
    np.testing.assert_allclose(how.values(pixels), inside, atol=1e-6)


def test_torchvision_says_the_same() -> None:
    try:
        models = importlib.import_module("torchvision.models")
    except (ImportError, RuntimeError) as error:  # the latter where its operators do not load
        pytest.skip(f"torchvision is not usable here: {error}")
    compare_with_torchvision(models)


def compare_with_torchvision(models: ModuleType) -> None:
    """Compares every line with the `Weights` enums of an installed torchvision."""
    for checkpoint in torchvision.CHECKPOINTS:
        name, _, version = checkpoint.tag.removeprefix("torchvision/").rpartition(".")
        weights = models.get_model_weights(name)[f"IMAGENET1K_{version.upper()}"]
        assert checkpoint.url == weights.url
        assert checkpoint.top1 == weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
        assert checkpoint.note == weights.meta["recipe"]
        assert checkpoint.class_names == tuple(weights.meta["categories"])
        how, theirs = checkpoint.preprocessing, weights.transforms()
        assert how.size == tuple(theirs.crop_size * 2)
        assert [how.resize] == theirs.resize_size
        assert how.interpolation == theirs.interpolation.value
        if not checkpoint.row.startswith(("googlenet", "inception")):  # see above
            assert (how.mean, how.std) == (tuple(theirs.mean), tuple(theirs.std))
