"""Values that are not finite stop a run at their step, and nothing on the disk becomes so."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import kerascnn
from kerascnn.data.pipeline import batch_indices
from kerascnn.data.sources.dataset import Split
from kerascnn.errors import DataError, DivergedError, OutputError, UsageError
from kerascnn.training import callbacks, checkpoint_callback, input
from kerascnn.training import train_step as gradients
from kerascnn.training.checkpoints import capture, not_finite, weights_digest
from kerascnn.training.divergence import memory_errors
from support.trainings import RECIPE, quiet, small


def with_nan_in_step(step):
    """`pipeline`, with NaN images in one training step, counted from 0 over all epochs."""
    real = input.pipeline

    def pipeline(split, preprocessing, *, training, **arguments):
        batches = real(split, preprocessing, training=training, **arguments)
        if not training:
            return batches
        broken = batches.enumerate().map(
            lambda i, pair: (tf.where(i == step, math.nan, pair[0]), *pair[1:])
        )
        return broken.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))

    return pipeline


def finite(model):
    return all(np.isfinite(np.asarray(weight)).all() for weight in model.weights)


def test_nan_stops_at_its_step_and_the_files_stay_finite(data, tmp_path, monkeypatch):
    reference = quiet(small(), data, tmp_path / "reference", epochs=4)
    monkeypatch.setattr(input, "pipeline", with_nan_in_step(2 * 6 + 3))
    model = small()
    with pytest.raises(DivergedError, match="nan in step 4 of epoch 3") as caught:
        quiet(model, data, tmp_path / "r", epochs=4)
    assert f"kept: best.keras and last.keras in {tmp_path / 'r'}" in str(caught.value)
    assert len(str(caught.value)) <= 400
    # The step changed nothing: 15 went before it.
    assert int(model.optimizer.iterations) == 2 * 6 + 3
    assert finite(model)
    run = kerascnn.load_run(tmp_path / "r")
    assert run.history["epoch"] == [1, 2]
    assert run.history["loss"] == reference.history["loss"][:2]
    for which in ("best", "last"):
        assert finite(run.load(which))
    assert (run.path / "curves.png").exists()


def test_the_samples_of_the_step_are_named(data, tmp_path, monkeypatch):
    monkeypatch.setattr(input, "pipeline", with_nan_in_step(6 + 3))
    with pytest.raises(DivergedError, match=r"step 4 of epoch 2 \(images ") as caught:
        quiet(small(), data, tmp_path / "r", seed=7)
    expected = batch_indices(data.train, batch_size=16, seed=7, epoch=1, step=3).tolist()
    first = ", ".join(map(str, expected[:3]))
    assert f"(images {first} … 16 in all, see diverged.json)" in str(caught.value)
    record = json.loads((tmp_path / "r" / "diverged.json").read_text())
    assert (record["epoch"], record["step"], record["loss"]) == (2, 4, "nan")
    assert [sample["index"] for sample in record["samples"]] == expected
    labels = [sample["label"] for sample in record["samples"]]
    assert labels == data.train.labels[expected].tolist()


def test_one_broken_image_of_an_array_is_told_from_the_others(data, tmp_path, monkeypatch):
    images = data.train.images.astype("float32")
    images[37, 2, 2] = math.nan
    broken = replace(data, train=Split(images, data.train.labels))
    with pytest.raises(DataError, match="the training images have values that are not finite"):
        quiet(small(), broken, tmp_path / "r")
    # The statistics of a large set are those of a part of it: here of every other image.
    monkeypatch.setattr(input, "STATISTICS_IMAGES", 64)
    with pytest.raises(DivergedError, match=r"of epoch 1 \(broken images 37\); "):
        quiet(small(), broken, tmp_path / "r", recipe=replace(RECIPE, batch_size=50))
    record = json.loads((tmp_path / "r" / "diverged.json").read_text())
    assert [sample["index"] for sample in record["samples"] if not sample["finite"]] == [37]


def test_files_are_named(tmp_path, monkeypatch):
    draw = np.random.default_rng(0)
    for split, count in (("train", 12), ("test", 4)):
        for label in ("cat", "dog"):
            folder = tmp_path / "data" / split / label
            folder.mkdir(parents=True)
            for number in range(count // 2):
                pixels = draw.integers(0, 255, (8, 8), "uint8")
                Image.fromarray(pixels).save(folder / f"{number}.png")
    monkeypatch.setattr(input, "pipeline", with_nan_in_step(1))
    recipe = replace(RECIPE, batch_size=2)
    with pytest.raises(DivergedError, match=r"step 2 of epoch 1 \(images .*\.png, .*\.png\)"):
        quiet(small(classes=2), f"folder:{tmp_path / 'data'}", tmp_path / "r", recipe=recipe)
    record = json.loads((tmp_path / "r" / "diverged.json").read_text())
    assert len(record["samples"]) == 2
    for sample in record["samples"]:
        assert sample["file"].startswith(str(tmp_path / "data" / "train"))


def test_weights_that_broke_go_back_to_the_last_checkpoint(data, tmp_path, monkeypatch):
    """Something else than the step breaks them: the loss of the next one tells."""
    real = checkpoint_callback.CheckpointWriter.on_train_batch_end
    kept = {}

    def on_train_batch_end(self, batch, logs=None):
        real(self, batch, logs)
        if self.clock.total == 8:
            kept["digest"] = weights_digest(self.model)
        if self.clock.total == 9:
            layer = self.model.get_layer("predictions")
            layer.bias.assign([0.0, math.inf, 0.0])

    monkeypatch.setattr(
        checkpoint_callback.CheckpointWriter, "on_train_batch_end", on_train_batch_end
    )
    model = small()
    told = "step 4 of epoch 2 .*; the weights of step 2 of epoch 2 are restored; kept: "
    with pytest.raises(DivergedError, match=told):
        quiet(model, data, tmp_path / "r", checkpoint_every=4)
    assert weights_digest(model) == kept["digest"]


def test_nan_in_the_first_epoch_gives_the_first_weights_back(data, tmp_path, monkeypatch):
    monkeypatch.setattr(input, "pipeline", with_nan_in_step(0))
    model = small()
    before = weights_digest(model)
    with pytest.raises(DivergedError, match="no model was saved yet"):
        quiet(model, data, tmp_path / "r")
    assert weights_digest(model) == before
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == [
        "checkpoints",
        "config.json",
        "diverged.json",
        "tensorboard",
    ]


def test_a_diverged_run_goes_on_with_another_rate_if_forced(data, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(input, "pipeline", with_nan_in_step(8))
        with pytest.raises(DivergedError):
            quiet(small(), data, tmp_path / "r")
    run = quiet(small(), data, tmp_path / "r", resume="force", learning_rate=0.001)
    assert run.config["resumed"][0]["position"] == [1, 0]
    assert run.history["epoch"] == [1, 2, 3]


def test_values_that_are_not_finite_are_never_committed(data, tmp_path, monkeypatch):
    """A weight that no loss depends on: a ReLU on a CPU makes 0 of max(NaN, 0)."""
    real = callbacks.Clock.on_train_batch_end

    def on_train_batch_end(self, batch, logs=None):
        real(self, batch, logs)
        if self.total == 8:
            momentum = self.model.optimizer.variables[-1]
            momentum.assign(np.full(momentum.shape, math.nan))

    monkeypatch.setattr(callbacks.Clock, "on_train_batch_end", on_train_batch_end)
    with pytest.raises(DivergedError, match="has values that are not finite in step 2 of epoch"):
        quiet(small(), data, tmp_path / "r", checkpoint_every=1)
    checkpoint, complaints = kerascnn.training.checkpoints.newest(tmp_path / "r" / "checkpoints")
    assert (checkpoint.position, complaints) == ((1, 1), [])
    assert not_finite(checkpoint.arrays) is None


def test_a_huge_rate_diverges_with_exit_code_7(data, tmp_path):
    recipe = replace(RECIPE, optimizer="sgd", warmup=0.0, epochs=20)
    with pytest.raises(DivergedError, match="lower the learning rate") as caught:
        quiet(small(hidden="relu"), data, tmp_path / "r", recipe=recipe, learning_rate=1e30)
    assert caught.value.exit_code == 7


def test_float16_skips_a_step_and_goes_on(data, tmp_path, monkeypatch):
    """One image of huge values: the gradients overflow, the step is left out and counted."""
    from kerascnn.training.strategy import policy_scope

    images = data.train.images.astype("float32")
    images[37] = 1e9  # beyond float16's 65,504 after division by 255, too
    wild = replace(data, train=Split(images, data.train.labels))
    with policy_scope("mixed_float16"):
        model = small()
    monkeypatch.setattr(input, "STATISTICS_IMAGES", 64)  # the wild one is not among them
    run = quiet(model, wild, tmp_path / "r")
    assert sum(run.history["skipped_steps"]) >= 1
    assert int(model.optimizer.iterations) == 18 - sum(run.history["skipped_steps"])
    assert not_finite(capture(model)) is None
    assert isinstance(gradients.SkippedSteps().state(), dict)


# ---------------------------------------------------------------------- memory


@pytest.mark.parametrize(
    "error",
    [
        tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor [256,64,112,112]"),
        MemoryError("Unable to allocate 8.00 GiB"),
    ],
)
def test_too_little_memory_names_the_batch_and_a_smaller_one(data, tmp_path, monkeypatch, error):
    def train_step(self, batch):
        raise error

    monkeypatch.setattr(gradients.Engine, "train_step", train_step)
    with pytest.raises(UsageError, match=r"batch_size=16 does not fit into .*: try batch_size=8"):
        quiet(small(), data, tmp_path / "r")


def test_one_image_that_does_not_fit():
    with (
        pytest.raises(UsageError, match="use a smaller network, input or precision"),
        memory_errors(1),
    ):
        raise MemoryError
    full = tf.errors.ResourceExhaustedError(None, None, "events; No space left on device")
    with pytest.raises(OutputError, match="No space left"), memory_errors(16):
        raise full
