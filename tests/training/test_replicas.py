"""Several replicas do what one device does: the same weights, and every image exactly once."""

from __future__ import annotations

import functools
import json

import numpy as np
import pytest

from support.paths import SCRIPTS
from support.processes import QUIET, run_python

COUNTS = range(1, 34)


@functools.cache
def replicas(count):
    """Returns what replicas.py found with so many replicas."""
    result = run_python(SCRIPTS / "replicas.py", count, **QUIET)
    assert result.returncode == 0, result.stderr[-3000:]
    return {"replicas": count, **json.loads(result.stdout.splitlines()[-1])}


@pytest.fixture(params=[2, pytest.param(4, marks=pytest.mark.long)])
def results(request):
    return replicas(request.param)


@pytest.fixture
def two():
    """What is asked of two replicas only."""
    return replicas(2)


def difference(arrays, other_arrays):
    return max(
        np.abs(np.array(a) - np.array(b)).max() for a, b in zip(arrays, other_arrays, strict=True)
    )


def test_replicas_give_the_weights_of_one_device(results):
    exact = set(results["cases"]) - {"replica", "float16", "overflow"}
    assert len(exact) >= 4
    for name in exact:
        single, many = results["cases"][name]
        assert difference(single["weights"], many["weights"]) < 1e-6, name
        assert single["iterations"] == many["iterations"], name
        for column in ("loss", "accuracy"):
            np.testing.assert_allclose(
                single["history"][column], many["history"][column], rtol=1e-5, err_msg=name
            )


def test_half_precision_differs_by_its_rounding_alone(two):
    single, many = two["cases"]["float16"]
    assert difference(single["weights"], many["weights"]) < 1e-4
    assert single["scale"] == many["scale"] == 2.0**15


def test_an_overflow_on_the_last_replica_skips_the_step_on_all(two):
    single, many = two["cases"]["overflow"]
    for run in (single, many):
        # 8 steps, of which the second of each epoch holds the bad image.
        assert run["iterations"] == 6
        assert run["history"]["skipped_steps"] == [1, 1]
        assert run["scale"] == 2.0**15 / 4
        assert all(np.isfinite(np.array(weight)).all() for weight in run["weights"])
        assert np.isfinite(run["history"]["loss"]).all()
    assert difference(single["weights"], many["weights"]) < 1e-3


def test_nan_on_the_last_replica_changes_nothing_on_any(two):
    for run in two["cases"]["nan"]:
        assert run["iterations"] == 3
        assert np.isnan(run["history"]["loss"]).all()
        assert all(np.isfinite(np.array(weight)).all() for weight in run["weights"])


def test_statistics_of_single_replicas_are_averaged(two):
    """One step from mean 0 and variance 1 with momentum ½: half of the replicas' mean moments."""
    draw = np.random.default_rng(0)
    images = draw.normal(size=(40, 6, 6, 2)).astype("float32")[:8]
    whole, apart = two["cases"]["replica"]
    single, many = (
        {shape: np.array(w) for w in run["weights"] if (shape := np.array(w).shape)}
        for run in (whole, apart)
    )
    assert single.keys() == many.keys()
    mean, variance = (np.array(apart["weights"][place]) for place in (4, 5))
    kernel, bias = initial_convolution()
    patches = np.lib.stride_tricks.sliding_window_view(images, (3, 3), axis=(1, 2))
    z = np.einsum("nyxcij,ijco->nyxo", patches, kernel) + bias
    halves = [z[:4], z[4:]]
    expected = np.mean([half.mean(axis=(0, 1, 2)) for half in halves], axis=0) / 2
    np.testing.assert_allclose(mean, expected, atol=1e-5)
    expected = 0.5 + np.mean([half.var(axis=(0, 1, 2)) for half in halves], axis=0) / 2
    np.testing.assert_allclose(variance, expected, atol=1e-5)


def initial_convolution():
    import keras

    keras.utils.set_random_seed(1)
    image = keras.Input((6, 6, 2))
    layer = keras.layers.Conv2D(4, 3)
    layer(image)
    return [np.asarray(weight) for weight in layer.get_weights()]


def test_evaluation_is_exact_for_every_size_of_set(results):
    single, many = (np.array(figures) for figures in results["evaluations"])
    assert len(single) == len(COUNTS)
    np.testing.assert_allclose(many, single, rtol=1e-6, atol=1e-6)


def test_no_image_is_lost_or_counted_twice_and_no_replica_goes_without(results):
    for count, share in zip(COUNTS, results["shares"], strict=True):
        assert sorted(share["seen"]) == list(range(1, count + 1))
        for sizes in share["shares"]:
            assert len(sizes) == results["replicas"]
            assert len(set(sizes)) == 1
            assert sizes[0] > 0


def test_keras_still_clips_before_it_adds_up(two):
    """When this fails, Keras has learnt it, and `gradients._summed_already` may go."""
    assert difference(*two["stock"]) > 1e-3
