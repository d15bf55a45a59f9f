"""The catalogue of published checkpoints, beside the packages that publish them.

Keras is always here, and its own text has the addresses and digests; torchvision and timm are
compared where they are installed. Some figures are written down a second time.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import keras
import numpy as np
import pytest

import kerascnn
import kerascnn.cli
from kerascnn.errors import UsageError
from kerascnn.models.registry import list_models, model_info
from kerascnn.published import torchvision
from kerascnn.published.catalogue import BY_TAG, CHECKPOINTS, checkpoints, published
from kerascnn.published.imagenet_classes import CLASS_NAMES
from kerascnn.weights.name_maps import layouts
from support import parity
from support.paths import ROOT

KERAS_TEXT = "".join(
    path.read_text("utf-8")
    for path in sorted((Path(keras.__file__).parent / "src" / "applications").glob("*.py"))
)
OF_KERAS = [one for one in CHECKPOINTS if one.source == "keras"]


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("one", CHECKPOINTS, ids=lambda one: one.tag)
def test_every_record_is_whole(one: kerascnn.weights.Published) -> None:
    variant = model_info(one.row)
    assert one.layout in layouts(variant.family)
    assert one.url.startswith("https://")
    assert re.fullmatch(r"[\w.-]+\.(pth|h5|safetensors)", one.file)
    assert one.tag.startswith(f"{one.source}/")
    assert (one.classes, len(one.class_names)) == (variant.classes, 1000)
    assert 55 < one.top1 < 85
    assert one.licence in ("BSD-3-Clause", "BSD", "Apache-2.0", "MIT", "CC-BY-4.0")
    assert one.sha256 is None or re.fullmatch("[0-9a-f]{8,64}", one.sha256)
    assert one.md5 is None or re.fullmatch("[0-9a-f]{32}", one.md5)
    variant.columns(dict(one.arguments))  # each is a column of the row
    how = one.preprocessing
    assert how.fit == "crop"
    assert how.size is not None
    assert how.resize is not None
    assert how.resize >= how.size[0] == how.size[1]
    # torchvision's EfficientNet-B2 takes larger images than the paper's 260 pixels.
    larger = one.tag == "torchvision/efficientnet_b2.v1"
    assert how.size == ((288, 288) if larger else variant.input_shape[:2])


def test_names_and_places_are_taken_once() -> None:
    assert len(BY_TAG) == len(CHECKPOINTS) == 84
    assert len({one.url for one in CHECKPOINTS}) == 84
    assert len({(one.source, one.file) for one in CHECKPOINTS}) == 84


def test_three_files_have_no_published_digest() -> None:
    without = [one.tag for one in CHECKPOINTS if not one.sha256 and not one.md5]
    assert without == ["timm/inception_v4.tf_in1k", "keras/mobilenet_v1", "keras/mobilenet_v2"]


def test_every_row_that_keras_has_published_weights_for_is_in_the_catalogue() -> None:
    twins = {
        parity.row_of(key): twin for key, twin in parity.TWINS.items() if twin.library == "keras"
    }
    assert {one.row for one in OF_KERAS} == set(twins)
    for one in OF_KERAS:
        assert one.arguments == twins[one.row].arguments


def test_every_row_with_a_published_twin_has_weights() -> None:
    rows = {parity.row_of(key) for key, twin in parity.TWINS.items() if not twin.arguments}
    # Nobody has published weights for these two of timm's.
    assert rows - {one.row for one in CHECKPOINTS} == {"se_resnet18", "se_resnet34"}


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
    one = published(tag)
    assert (one.row, one.top1, one.sha256 or one.md5) == (row, top1, digest)


def test_the_default_is_the_newest_recipe_for_the_row_as_it_is() -> None:
    assert published("imagenet", "resnet50_v1_5").tag == "torchvision/resnet50.v2"
    assert published("imagenet", "resnet50").tag == "keras/resnet50"
    assert published("imagenet", "inception_v3").tag == "keras/inception_v3"
    assert published("imagenet", "vgg16").tag == "torchvision/vgg16.v1"
    for row in list_models():
        tags = model_info(row).weights
        assert tags == tuple(one.tag for one in checkpoints(row))
        assert not tags or not BY_TAG[tags[0]].arguments
    with pytest.raises(UsageError, match="no weights are published for lenet5"):
        published("imagenet", "lenet5")
    with pytest.raises(UsageError, match=r"nearest are: torchvision/resnet50\.v"):
        published("torchvision/resnet50.v3")


@pytest.mark.parametrize("one", OF_KERAS, ids=lambda one: one.tag)
def test_addresses_and_digests_are_those_of_the_installed_keras(
    one: kerascnn.weights.Published,
) -> None:
    assert one.md5 is None or one.md5 in KERAS_TEXT
    text = re.sub(r'"\s*f?"', "", KERAS_TEXT)  # long texts are written in pieces
    folder, _, file = one.url.rpartition("/")
    assert f"{folder}/" in text
    for end in ("_weights_tf_dim_ordering_tf_kernels.h5", "1_0_224_tf.h5", "_1.0_224.h5", ".h5"):
        file = file.removesuffix(end)
    for part in file.split("_large_" if "_large_" in file else "_small_"):
        assert part in text


@pytest.mark.parametrize(
    ("row", "module"),
    [
        ("vgg16", "vgg16"),
        ("resnet50", "resnet"),
        ("resnet50_v2", "resnet_v2"),
        ("inception_v3", "inception_v3"),
        ("inception_resnet_v2", "inception_resnet_v2"),
        ("mobilenet_v1", "mobilenet"),
        ("mobilenet_v2", "mobilenet_v2"),
        ("nasnet_large", "nasnet"),
        ("densenet121", "densenet"),
    ],
)
def test_values_are_those_of_keras_preprocess_input(row: str, module: str) -> None:
    size = published(f"keras/{row}").preprocessing.size
    assert size is not None
    image = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype("uint8")
    library = importlib.import_module(f"keras.applications.{module}")
    wanted = library.preprocess_input(image.astype("float32")[np.newaxis].copy())[0]
    how = published(f"keras/{row}").preprocessing
    same_size = type(how)(**{**how.__dict__, "fit": "none", "resize": None})
    np.testing.assert_allclose(same_size(image), np.asarray(wanted), atol=2e-5)


@pytest.mark.parametrize(
    ("row", "builder"),
    [("mobilenet_v3_small", "MobileNetV3Small"), ("mobilenet_v3_large", "MobileNetV3Large")],
)
def test_values_are_those_of_the_layer_that_keras_has_in_the_network(
    row: str, builder: str
) -> None:
    network = getattr(keras.applications, builder)(weights=None, input_shape=(32, 32, 3))
    scaling = network.layers[1]
    assert isinstance(scaling, keras.layers.Rescaling)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype("float32")
    wanted = pixels * scaling.scale + scaling.offset
    how = published(f"keras/{row}").preprocessing
    np.testing.assert_allclose(how.values(pixels), wanted, atol=1e-6)


def test_values_of_efficientnet_are_those_of_its_layers_and_its_files() -> None:
    """Its file holds ImageNet's deviation where the layer looks for a variance.

    github.com/tensorflow/tensorflow/issues/49930; a second layer divides by the root again.
    """
    module = importlib.import_module("keras.src.applications.efficientnet")
    mean, stored = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    network = module.EfficientNetB0(weights=None, input_shape=(32, 32, 3))
    first, normalization = network.layers[1:3]
    assert isinstance(normalization, keras.layers.Normalization)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype("float32")
    wanted = (pixels * first.scale + first.offset - mean) / np.sqrt(stored)
    wanted = wanted / np.sqrt(module.IMAGENET_STDDEV_RGB)
    for number in range(8):
        how = published(f"keras/efficientnet_b{number}").preprocessing
        np.testing.assert_allclose(how.values(pixels), wanted, atol=1e-5)


@pytest.mark.parametrize("name", ["googlenet.v1", "inception_v3.v1"])
def test_torchvision_turns_its_own_normalisation_into_tensorflows(name: str) -> None:
    # torchvision.models.googlenet.GoogLeNet._transform_input, after its usual normalisation.
    pixels = np.random.default_rng(0).integers(0, 256, (7, 9, 3))
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    inside = (pixels / 255 - mean) / std * (std / 0.5) + (mean - 0.5) / 0.5
    how = published(f"torchvision/{name}").preprocessing
    np.testing.assert_allclose(how.values(pixels), inside, atol=1e-6)


def test_classes_are_named_in_order() -> None:
    assert len(set(CLASS_NAMES)) == len(CLASS_NAMES) == 1000
    # Indices that everybody knows: the first, the goldfish, the cat, Keras's elephant, the last.
    places = {0: "tench", 1: "goldfish", 281: "tabby", 386: "African elephant"}
    assert {place: CLASS_NAMES[place] for place in places} == places
    assert CLASS_NAMES[-1] == "toilet tissue"


def test_torchvision_says_the_same() -> None:
    try:
        models = importlib.import_module("torchvision.models")
    except (ImportError, RuntimeError) as error:  # the latter where its operators do not load
        pytest.skip(f"torchvision is not usable here: {error}")
    compare_with_torchvision(models)


def compare_with_torchvision(models: ModuleType) -> None:
    """Compares every line with the `Weights` enums of an installed torchvision."""
    for one in torchvision.CHECKPOINTS:
        name, _, version = one.tag.removeprefix("torchvision/").rpartition(".")
        weights = models.get_model_weights(name)[f"IMAGENET1K_{version.upper()}"]
        assert one.url == weights.url
        assert one.top1 == weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
        assert one.note == weights.meta["recipe"]
        assert one.class_names == tuple(weights.meta["categories"])
        how, theirs = one.preprocessing, weights.transforms()
        assert how.size == tuple(theirs.crop_size * 2)
        assert [how.resize] == theirs.resize_size
        assert how.interpolation == theirs.interpolation.value
        if not one.row.startswith(("googlenet", "inception")):  # see above
            assert (how.mean, how.std) == (tuple(theirs.mean), tuple(theirs.std))


def test_the_guide_has_todays_table() -> None:
    weights_table = tool("weights_table")
    text = weights_table.GUIDE.read_text("utf-8")
    assert weights_table.with_table(text) == text
    assert text.count("\n| `") == len(CHECKPOINTS)


def test_the_guides_commands_parse() -> None:
    text = tool("weights_table").GUIDE.read_text("utf-8")
    (block,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    commands = [line.partition("#")[0].split() for line in block.splitlines()]
    assert [words[2] for words in commands] == ["list", "inspect", "convert", "verify"]
    for words in commands:
        kerascnn.cli.parser().parse_args(words[1:])
