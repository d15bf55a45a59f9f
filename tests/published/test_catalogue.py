"""The catalogue of published checkpoints: every record, and which is the default of a row."""

from __future__ import annotations

import re

import pytest

from kerascnn.errors import UsageError
from kerascnn.models.registry import list_models, model_info
from kerascnn.published.catalogue import BY_TAG, CHECKPOINTS, checkpoints, published
from kerascnn.published.record import Published
from kerascnn.weights.name_maps import layouts
from support import parity


@pytest.mark.parametrize("checkpoint", CHECKPOINTS, ids=lambda checkpoint: checkpoint.tag)
def test_every_record_is_whole(checkpoint: Published) -> None:
    variant = model_info(checkpoint.row)
    assert checkpoint.layout in layouts(variant.family)
    assert checkpoint.url.startswith("https://")
    assert re.fullmatch(r"[\w.-]+\.(pth|h5|safetensors)", checkpoint.file)
    assert checkpoint.tag.startswith(f"{checkpoint.source}/")
    assert (checkpoint.classes, len(checkpoint.class_names)) == (variant.classes, 1000)
    assert 55 < checkpoint.top1 < 85
    assert checkpoint.licence in ("BSD-3-Clause", "BSD", "Apache-2.0", "MIT", "CC-BY-4.0")
    assert checkpoint.sha256 is None or re.fullmatch("[0-9a-f]{8,64}", checkpoint.sha256)
    assert checkpoint.md5 is None or re.fullmatch("[0-9a-f]{32}", checkpoint.md5)
    variant.columns(dict(checkpoint.arguments))  # each is a column of the row
    how = checkpoint.preprocessing
    assert how.fit == "crop"
    assert how.size is not None
    assert how.resize is not None
    assert how.resize >= how.size[0] == how.size[1]
    # torchvision's EfficientNet-B2 takes larger images than the paper's 260 pixels.
    larger = checkpoint.tag == "torchvision/efficientnet_b2.v1"
    assert how.size == ((288, 288) if larger else variant.input_shape[:2])


def test_names_and_places_are_taken_once() -> None:
    assert len(BY_TAG) == len(CHECKPOINTS) == 84
    assert len({checkpoint.url for checkpoint in CHECKPOINTS}) == 84
    assert len({(checkpoint.source, checkpoint.file) for checkpoint in CHECKPOINTS}) == 84


def test_three_files_have_no_published_digest() -> None:
    without = [
        checkpoint.tag for checkpoint in CHECKPOINTS if not checkpoint.sha256 and not checkpoint.md5
    ]
    assert without == ["timm/inception_v4.tf_in1k", "keras/mobilenet_v1", "keras/mobilenet_v2"]


def test_every_row_with_a_published_twin_has_weights() -> None:
    rows = {parity.row_of(key) for key, twin in parity.TWINS.items() if not twin.arguments}
    # Nobody has published weights for these two of timm's.
    assert rows - {checkpoint.row for checkpoint in CHECKPOINTS} == {"se_resnet18", "se_resnet34"}


@pytest.mark.parametrize(
    ("tag", "row", "top1", "digest"),
    [
        # The pages of torchvision, Keras and timm.
        ("torchvision/resnet50.v1", "resnet50_v1_5", 76.130, "0676ba61"),
        ("torchvision/resnet50.v2", "resnet50_v1_5", 80.858, "11ad3fa6"),
        ("torchvision/alexnet.v1", "alexnet_owt", 56.522, "7be5be79"),
        ("torchvision/vgg16.v1", "vgg16", 71.592, "397923af"),
        ("torchvision/mobilenet_v2.v1", "mobilenet_v2", 71.878, "b0353104"),
        ("keras/resnet50", "resnet50", 74.9, "2cb95161c43110f7111970584f804107"),
        ("keras/mobilenet_v2", "mobilenet_v2", 71.3, None),
        (
            "keras/mobilenet_v3_large",
            "mobilenet_v3_large",
            75.6,
            "59e551e166be033d707958cf9e29a6a7",
        ),
        ("keras/efficientnet_b7", "efficientnet_b7", 84.3, "8c03f828fec3ef71311cd463b6759d99"),
        ("timm/legacy_senet154.in1k", "senet154", 81.308, "e9eb9fe6"),
    ],
)
def test_figures(tag: str, row: str, top1: float, digest: str) -> None:
    report = published(tag)
    assert (report.row, report.top1, report.sha256 or report.md5) == (row, top1, digest)


def test_the_default_is_the_newest_recipe_for_the_row_as_it_is() -> None:
    assert published("imagenet", "resnet50_v1_5").tag == "torchvision/resnet50.v2"
    assert published("imagenet", "resnet50").tag == "keras/resnet50"
    assert published("imagenet", "inception_v3").tag == "keras/inception_v3"
    assert published("imagenet", "vgg16").tag == "torchvision/vgg16.v1"
    for row in list_models():
        tags = model_info(row).weights
        assert tags == tuple(checkpoint.tag for checkpoint in checkpoints(row))
        assert not tags or not BY_TAG[tags[0]].arguments
    with pytest.raises(UsageError, match="no weights are published for lenet5"):
        published("imagenet", "lenet5")
    with pytest.raises(UsageError, match=r"nearest are: torchvision/resnet50\.v"):
        published("torchvision/resnet50.v3")
