"""What a model knows whose weights were published: their preprocessing, and their classes.

The files are made here, with the names that torchvision and keras.applications write; nothing is
fetched from elsewhere.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.errors import UsageError
from kerascnn.imaging.preprocessing import HALF, Preprocessing
from kerascnn.models.adopted import adopted_class_names
from kerascnn.models.signature import preprocessing_for
from kerascnn.published.imagenet_classes import CLASS_NAMES
from kerascnn.weights.load import load_weights
from kerascnn.weights.save import load_model, save_weights
from support.weight_files.other_libraries import values

SHAPE = (33, 33, 3)

SMALL = {"input_shape": SHAPE, "classifier_activation": None}


@pytest.mark.parametrize("named", ["tag", "imagenet"])
def test_a_tag_brings_weights_and_their_preprocessing(
    publish: str, shufflenet: keras.Model, named: str
) -> None:
    weights = publish if named == "tag" else "imagenet"
    model = kerascnn.create_model("shufflenet_v2_x0_5", weights=weights, **SMALL)
    expected = values(shufflenet)
    for name, value in values(model).items():
        np.testing.assert_array_equal(value, expected[name])
    # The record rebuilds the graph, and names no weights.
    assert kerascnn.provenance(model).arguments == SMALL
    got = preprocessing_for(model, (500, 400, 3))
    assert got == Preprocessing(size=(33, 33), fit="crop", resize=38, mean=HALF, std=HALF)
    fresh = kerascnn.create_model("shufflenet_v2_x0_5", **SMALL)
    assert preprocessing_for(fresh, (500, 400, 3)).mean == (0.485, 0.456, 0.406)


def test_other_classes_get_a_fresh_head(publish: str, shufflenet: keras.Model) -> None:
    model = kerascnn.create_model("shufflenet_v2_x0_5", weights="imagenet", classes=7, **SMALL)
    expected = values(shufflenet)
    for name, value in values(model).items():
        if name.startswith("predictions"):
            assert value.shape[-1] == 7
        else:
            np.testing.assert_array_equal(value, expected[name])


def test_load_weights_takes_a_tag_and_reports(publish: str) -> None:
    model = kerascnn.create_model("shufflenet_v2_x0_5", include_top=False, **SMALL)
    report = load_weights(model, publish)
    assert report.fraction == 1.0
    assert report.ignored == ("predictions/kernel", "predictions/bias")
    assert preprocessing_for(model, SHAPE).std == HALF


def test_classes_of_the_same_name_are_copied(publish: str, shufflenet: keras.Model) -> None:
    model = kerascnn.create_model("shufflenet_v2_x0_5", classes=3, **SMALL)
    names = ["toilet tissue", "a class of our own", "tench"]
    report = load_weights(model, publish, head="overlap", class_names=names)
    ours, theirs = values(model), values(shufflenet)
    for name in ("predictions/kernel", "predictions/bias"):
        np.testing.assert_array_equal(ours[name][..., [0, 2]], theirs[name][..., [999, 0]])
    assert len(report.adapted) == 2


def test_predict_prepares_images_as_the_weights_need(publish: str) -> None:
    model = kerascnn.create_model("shufflenet_v2_x0_5", weights="imagenet", **SMALL)
    image = np.random.default_rng(0).integers(0, 256, SHAPE).astype(np.uint8)
    logits = np.asarray(model((image / 127.5 - 1)[None].astype("float32")))[0]
    exponentials = np.exp(logits.astype("float64") - logits.max())
    best = int(logits.argmax())
    (prediction,) = kerascnn.predict(model, [image], top=1)
    assert prediction.indices == (best,)
    assert prediction.labels == (CLASS_NAMES[best],)
    assert prediction.scores[0] == pytest.approx(exponentials[best] / exponentials.sum(), rel=1e-4)


def test_a_path(shuffle: Path, shufflenet: keras.Model) -> None:
    model = kerascnn.create_model("shufflenet_v2_x0_5", weights=shuffle, **SMALL)
    expected = values(shufflenet)
    for name, value in values(model).items():
        np.testing.assert_array_equal(value, expected[name])
    assert kerascnn.provenance(model).arguments == SMALL


@pytest.mark.parametrize("suffix", [".weights.h5", ".safetensors", ".npz"])
def test_a_saved_model_still_knows_its_preprocessing(
    publish: str, tmp_path: Path, suffix: str
) -> None:
    model = kerascnn.create_model("shufflenet_v2_x0_5", weights="imagenet", **SMALL)
    again = load_model(save_weights(model, tmp_path / f"saved{suffix}"))
    assert preprocessing_for(again, SHAPE) == preprocessing_for(model, SHAPE)
    assert preprocessing_for(again, SHAPE).std == HALF
    assert adopted_class_names(again) == CLASS_NAMES
    save_weights(model, tmp_path / f"named{suffix}", class_names=CLASS_NAMES[::-1])
    named = load_model(tmp_path / f"named{suffix}")
    assert adopted_class_names(named) == CLASS_NAMES[::-1]
    other = kerascnn.create_model("shufflenet_v2_x0_5", include_top=False, **SMALL)
    load_weights(other, tmp_path / f"saved{suffix}")
    assert preprocessing_for(other, SHAPE).std == HALF


def test_a_model_that_is_not_of_the_registry_takes_a_tag(
    publish: str, shufflenet: keras.Model
) -> None:
    scores = keras.layers.Activation("linear", name="end")(shufflenet.output)
    foreign = keras.Model(shufflenet.inputs, scores)
    assert kerascnn.provenance(foreign) is None
    load_weights(foreign, publish)
    assert preprocessing_for(foreign, SHAPE).mean == HALF
    with pytest.raises(UsageError, match="give a tag"):
        load_weights(foreign, "imagenet")
