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
from kerascnn.registry import list_models, model_info
from kerascnn.weights import published
from kerascnn.weights.catalogue import BY_TAG, CHECKPOINTS, checkpoints, torchvision
from kerascnn.weights.catalogue.imagenet import CLASS_NAMES
from kerascnn.weights.layouts import layouts
from reference import parity

ROOT = Path(__file__).resolve().parent.parent
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
    assert how.size == ((288, 288) if one.row == "efficientnet_b2" else variant.input_shape[:2])


def test_names_and_places_are_taken_once() -> None:
    assert len(BY_TAG) == len(CHECKPOINTS) == 73
    assert len({one.url for one in CHECKPOINTS}) == 73
    assert len({(one.source, one.file) for one in CHECKPOINTS}) == 73


def test_two_files_have_no_published_digest() -> None:
    without = [one.tag for one in CHECKPOINTS if not one.sha256 and not one.md5]
    assert without == ["timm/inception_v4.tf_in1k", "keras/mobilenet_v1"]


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
    folder, _, file = one.url.removeprefix(
        "https://storage.googleapis.com/tensorflow/keras-applications/"
    ).partition("/")
    assert f"keras-applications/{folder}/" in text
    stem = file.removesuffix("_weights_tf_dim_ordering_tf_kernels.h5").removesuffix("1_0_224_tf.h5")
    assert stem in text


@pytest.mark.parametrize(
    ("row", "module"),
    [
        ("vgg16", "vgg16"),
        ("resnet50", "resnet"),
        ("resnet50_v2", "resnet_v2"),
        ("inception_v3", "inception_v3"),
        ("inception_resnet_v2", "inception_resnet_v2"),
        ("mobilenet_v1", "mobilenet"),
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
