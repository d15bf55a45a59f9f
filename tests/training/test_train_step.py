"""The training step on one device: skipped steps, parts of a batch, images without weight."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn.errors import DivergedError, UsageError
from kerascnn.training.strategy import policy_scope
from kerascnn.training.train_step import (
    MAXIMUM_SKIPPED,
    Engine,
    SkippedSteps,
    padded_batches,
    refuse_unsupported,
)

draw = np.random.default_rng(0)
IMAGES = draw.normal(size=(12, 6, 6, 1)).astype("float32")
LABELS = draw.integers(0, 3, 12)


def network(norm=True):
    keras.utils.set_random_seed(1)
    image = keras.Input((6, 6, 1))
    x = keras.layers.Conv2D(4, 3)(image)
    if norm:
        x = keras.layers.BatchNormalization(momentum=0.5)(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    return keras.Model(image, keras.layers.Dense(3, activation="softmax", dtype="float32")(x))


def engine(policy="float32", accumulate=1, norm=True, **options):
    with policy_scope(policy):
        engine_ = Engine(network(norm), accumulate)
        optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
        engine_.compile(optimizer, "sparse_categorical_crossentropy", ["accuracy"], **options)
    return engine_


def batches(images=IMAGES, size=4):
    return tf.data.Dataset.from_tensor_slices((images, LABELS[: len(images)])).batch(size)


def spoilt(value, image=5):
    images = IMAGES.copy()
    images[image, 2, 2, 0] = value
    return images


def test_the_step_is_keras_s_own():
    ours, theirs = engine(), network()
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    theirs.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = ours.fit(batches(), epochs=3, verbose=0).history
    keras_history = theirs.fit(batches(), epochs=3, verbose=0).history
    assert history == {
        name: pytest.approx(values, rel=1e-6) for name, values in keras_history.items()
    }
    for a, b in zip(ours.network.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-7)


def test_a_value_of_a_million_in_float16_costs_one_step_and_poisons_nothing():
    model = engine("mixed_float16")
    history = model.fit(batches(spoilt(1e6)), epochs=2, callbacks=[SkippedSteps()], verbose=0)
    assert history.history["skipped_steps"] == [1, 1]
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert np.isfinite(history.history["loss"]).all()
    # Batch norm has seen the good batches alone: the moments are those of a run without the other.
    good = tf.data.Dataset.from_tensor_slices(
        (np.delete(IMAGES, range(4, 8), 0), np.delete(LABELS, range(4, 8)))
    ).batch(4)
    other = engine("mixed_float16")
    other.fit(good, epochs=2, verbose=0)
    for a, b in zip(model.network.get_weights(), other.network.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-3)


def test_stock_keras_lets_the_value_into_the_statistics():
    """When this fails, Keras protects moving statistics itself."""
    with policy_scope("mixed_float16"):
        model = network()
        model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    model.fit(batches(spoilt(1e6)), verbose=0)
    assert not all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_broken_value_without_loss_scaling_ends_in_nan_and_leaves_the_model(policy, value):
    model = engine(policy)
    first = model.fit(batches(IMAGES[:4]), verbose=0)
    before = model.get_weights()
    assert np.isfinite(first.history["loss"]).all()
    history = model.fit(batches(spoilt(value, image=1)[:4]), verbose=0)
    assert np.isnan(history.history["loss"]).all()
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_too_many_skipped_steps_end_the_training():
    model = engine("mixed_float16")
    broken = batches(np.full_like(IMAGES, 1e6)).repeat(MAXIMUM_SKIPPED)
    with pytest.raises(DivergedError, match=f"{MAXIMUM_SKIPPED} steps in a row"):
        model.fit(broken, callbacks=[SkippedSteps()], verbose=0)
    assert int(keras.ops.convert_to_numpy(model.optimizer.iterations)) == 0
    scale = float(keras.ops.convert_to_numpy(model.optimizer.dynamic_scale))
    assert scale == 2.0 ** (15 - MAXIMUM_SKIPPED)


def test_nan_among_the_pixels_is_told_at_once_in_float16():
    history = engine("mixed_float16").fit(batches(spoilt(np.nan)), verbose=0)
    assert np.isnan(history.history["loss"]).all()


def test_float16_has_loss_scaling_whoever_compiles_and_saves_as_keras_s_own(tmp_path):
    with policy_scope("mixed_float16"):
        inner = network()
    compiled = Engine(inner)  # under float32's policy
    compiled.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", ["accuracy"])
    assert type(compiled.optimizer) is keras.optimizers.LossScaleOptimizer
    compiled.fit(batches(), verbose=0)
    compiled.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded).__module__.startswith("keras.")
    assert type(loaded.optimizer) is keras.optimizers.LossScaleOptimizer
    assert loaded.outputs[0].dtype == "float32"
    for a, b in zip(loaded.optimizer.variables, compiled.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_the_parts_of_a_batch_give_the_gradient_of_the_whole():
    whole, parts = (engine(accumulate=n, norm=False) for n in (1, 3))
    for model in (whole, parts):
        model.fit(batches(size=6), epochs=2, verbose=0)
        assert int(model.optimizer.iterations) == 4
    for a, b in zip(whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_parts_that_do_not_divide_a_batch_are_filled_up():
    whole, parts = (engine(accumulate=n, norm=False) for n in (1, 3))
    for model in (whole, parts):
        model.fit(batches(size=5), epochs=2, verbose=0)
    for a, b in zip(whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_filling_is_arithmetic():
    pairs = tf.data.Dataset.from_tensors((np.arange(3.0), np.arange(3)))
    ((x, y, w),) = padded_batches(pairs, 2)
    assert x.numpy().tolist() == [0, 1, 2, 0]
    assert y.numpy().tolist() == [0, 1, 2, 0]
    assert w.numpy().tolist() == [1, 1, 1, 0]
    ((_, _, w),) = padded_batches(pairs, 2, training=True)
    np.testing.assert_allclose(w, [4 / 3, 4 / 3, 4 / 3, 0])
    assert padded_batches(pairs, 3) is pairs
    weighted = tf.data.Dataset.from_tensors((np.arange(1.0), np.arange(1), np.float32([0.5])))
    ((x, _, w),) = padded_batches(weighted, 4)
    assert (x.numpy().tolist(), w.numpy().tolist()) == ([0] * 4, [0.5, 0, 0, 0])


@pytest.mark.parametrize(
    ("optimizer", "options", "message"),
    [
        ({}, {"jit_compile": True}, "jit_compile=True"),
        ({}, {"steps_per_execution": 2}, "steps_per_execution"),
        ({"use_ema": True, "ema_overwrite_frequency": 2}, {}, "ema_overwrite_frequency"),
        ({"gradient_accumulation_steps": 2}, {}, "gradient_accumulation_steps"),
    ],
)
def test_what_breaks_on_replicas_is_refused(optimizer, options, message):
    sgd = keras.optimizers.SGD(0.1, **optimizer)
    with pytest.raises(UsageError, match=f"{message}.*does not work on several replicas"):
        refuse_unsupported(sgd, options)
    scaled = keras.optimizers.LossScaleOptimizer(sgd)
    with pytest.raises(UsageError, match=message):
        refuse_unsupported(scaled, options)
    refuse_unsupported(keras.optimizers.SGD(0.1), {})


def test_a_model_without_trainable_weights_is_refused():
    model = network()
    model.trainable = False
    compiled = Engine(model)
    compiled.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", ["accuracy"])
    with pytest.raises(UsageError, match="no trainable weights"):
        compiled.fit(batches(), verbose=0)
