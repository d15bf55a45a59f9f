"""Auxiliary classifiers: the network that is served has none, and other outputs are refused."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn import create_model, provenance
from kerascnn.errors import MismatchError
from kerascnn.models.auxiliary import auxiliary_outputs, main_model, with_output_list
from support.trainings import googlenet_with_heads


@pytest.fixture(scope="module")
def googlenet():
    return googlenet_with_heads()


def test_the_served_network_has_one_output_and_the_same_weights(googlenet):
    plain = main_model(googlenet)
    assert plain.output_names == ["predictions"]
    assert "auxiliary" not in provenance(plain).arguments
    twin = create_model("googlenet", **provenance(plain).arguments)
    assert [w.shape for w in plain.weights] == [w.shape for w in twin.weights]
    images = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype("float32")
    np.testing.assert_array_equal(plain(images), googlenet(images)["predictions"])
    assert main_model(plain) is plain
    assert with_output_list(plain) is plain


def test_other_outputs_are_refused():
    image = keras.Input((4,), name="image")
    built = [keras.layers.Dense(2, name=name)(image) for name in ("predictions", "boxes")]
    with pytest.raises(MismatchError, match="has the outputs predictions, boxes"):
        auxiliary_outputs(keras.Model(image, built))
