"""The training step: counts every image once, on one replica and on several.

Keras's own step is correct on one device. Under `tf.distribute` it clips gradients before it sums
them over the replicas, tests only the first replica for overflow, and fails when it accumulates.
On any device it lets NaN into weights and moving statistics (tensorflow#33929, keras#20582). Here
gradients are summed first. All later operations then use the same numbers on every replica: the
test for finite values, the norm, the update.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from kerascnn.errors import DivergedError, UsageError

STATISTICS = ("moving_mean", "moving_variance")
MAXIMUM_SKIPPED = 50
"""Number of consecutive steps without finite gradients that ends a float16 training."""


class Engine(keras.Model):
    """A Keras model that trains a network; the two share layers, weights and optimizer.

    A step whose gradients are not finite changes neither weights nor moving statistics. With loss
    scaling, the scale is halved and training continues. Without it, the `loss` of the step is NaN,
    which ends the run (`DivergenceGuard`) with the weights of the step before.

    Args:
        network: a model with one or several outputs; save this model, not the engine.
        accumulate: number of parts of each replica's share of a batch. Only one part is in memory
            at a time; the weights change once per batch. Batch norm normalizes each part alone.
        batch_norm: on several replicas, "synchronized" computes the batch statistics over all of
            them, as one device would for the whole batch; "replica" computes them for each replica
            alone, which is faster. The moving statistics are then the mean over the replicas.
    """

    def __init__(
        self, network: keras.Model, accumulate: int = 1, batch_norm: str = "synchronized"
    ) -> None:
        super().__init__(network.inputs, network.outputs, name=network.name)
        self._network = (network,)  # as a plain attribute it would be tracked and saved twice
        self.accumulate = accumulate
        self._apart = batch_norm == "replica"

    @property
    def network(self) -> keras.Model:
        """The model that is trained."""
        return self._network[0]

    def save(self, *arguments: Any, **keywords: Any) -> None:
        """Saves the network as a plain Keras model."""
        with _synchronized(self.network, False):
            self.network.save(*arguments, **keywords)

    def compile(self, optimizer: Any, loss: Any, metrics: Any, **options: Any) -> None:
        """Compiles the network and this model with one optimizer; arguments as in Keras.

        Raises:
            UsageError: Keras does not support an option under a strategy.
        """
        if self.distribute_strategy.num_replicas_in_sync > 1:
            refuse_unsupported(optimizer, options)
        half = any(layer.compute_dtype == "float16" for layer in self.layers)
        if half and not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        self.network.compile(optimizer, loss, metrics=metrics, **options)
        # Images that only pad a batch have weight 0 in the metrics too.
        super().compile(self.network.optimizer, loss, weighted_metrics=metrics, **options)

    def fit(
        self, x: tf.data.Dataset, *, validation_data: tf.data.Dataset | None = None, **options: Any
    ) -> keras.callbacks.History:
        """Trains on a dataset; other arguments as in Keras."""
        replicas = self.distribute_strategy.num_replicas_in_sync
        training = padded_batches(x, replicas * self.accumulate, training=True)
        self.element_spec = training.element_spec
        if validation_data is not None:
            validation_data = padded_batches(validation_data, replicas)
        with (
            _without_gradient_sum(self.optimizer),
            _synchronized(self.network, replicas > 1 and not self._apart),
        ):
            return super().fit(training, validation_data=validation_data, **options)

    def evaluate(self, x: tf.data.Dataset, **options: Any) -> Any:
        """Evaluates on a dataset; other arguments as in Keras."""
        return super().evaluate(
            padded_batches(x, self.distribute_strategy.num_replicas_in_sync), **options
        )

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        moving = [v for v in self.non_trainable_variables if v.name in STATISTICS]
        before = [tf.convert_to_tensor(v) for v in moving]
        variables = self.trainable_weights
        if not variables:
            raise UsageError(
                f"{self.name} has no trainable weights; set trainable=True for some of its layers"
            )
        loss, gradients, scores = self._gradients(x, y, weights, variables)
        pairs = [
            (tf.convert_to_tensor(gradient), variable)
            for gradient, variable in zip(gradients, variables, strict=True)
            if gradient is not None
        ]
        gradients, variables = zip(*pairs, strict=True)
        replicas = self.distribute_strategy.num_replicas_in_sync
        scaling = isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer)
        gradients = self._reduced_gradients(gradients, moving)
        finite = _finite([*gradients, *map(tf.convert_to_tensor, moving)])

        def update(gradients: Any, _: Any) -> None:
            self.optimizer.apply(gradients, variables)

        def restore(_: Any, before: Any) -> None:
            for variable, value in zip(moving, before, strict=True):
                variable.assign(value)

        if scaling:  # skips the update itself, and halves the scale, if gradients overflowed
            self.optimizer.apply(gradients, variables)
            _apply_or_restore(finite, lambda *_: None, restore, (), before)
        else:
            _apply_or_restore(finite, update, restore, gradients, before)
        loss *= replicas  # Keras divides it by the replicas, so that their sum is the mean
        count = tf.cast(tf.shape(x)[0], tf.float32)
        if scaling:
            sound = tf.math.is_finite(loss) | ~tf.math.is_finite(tf.reduce_sum(x))
            self._loss().update_state(tf.where(sound, loss, 0.0), tf.where(sound, count, 0.0))
        else:
            self._loss().update_state(tf.where(finite, loss, math.nan), count)
        counted = None if weights is None else tf.cast(weights > 0, tf.float32)
        return self.compute_metrics(x, y, scores, counted)

    def test_step(self, data: Any) -> dict[str, Any]:
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        scores = self(x, training=False)
        loss = self.compute_loss(x, y, scores, weights, training=False)
        loss *= self.distribute_strategy.num_replicas_in_sync
        count = tf.cast(tf.shape(x)[0], tf.float32)
        if weights is not None:
            # Keras divides by the number of all images, including those of weight 0.
            penalties = [tf.reduce_sum(penalty) for penalty in self.losses]
            penalty = tf.add_n(penalties) if penalties else 0.0
            total = tf.reduce_sum(tf.cast(weights, tf.float32))
            loss = tf.math.divide_no_nan((loss - penalty) * count, total) + penalty
            count = total
        self._loss().update_state(loss, count)
        return self.compute_metrics(x, y, scores, weights)

    def _loss(self) -> keras.metrics.Metric:
        return next(metric for metric in self.metrics if metric.name == "loss")

    def _gradients(self, x: Any, y: Any, weights: Any, variables: Any) -> tuple[Any, Any, Any]:
        """Returns loss, gradients of the scaled loss, and scores, computed part by part."""
        parts = self.accumulate
        if parts == 1:
            return self._part(x, y, weights, variables, 1)
        loss, total, scores = 0.0, [None] * len(variables), []
        for part in range(parts):

            def cut(tensor: Any, part: int = part) -> Any:
                return tf.split(tensor, parts)[part]

            # Each part waits for the previous gradients; else all parts are in memory at once.
            with tf.control_dependencies([tensor for tensor in total if tensor is not None]):
                images, labels, shares = (
                    None if tensor is None else tf.nest.map_structure(cut, tensor)
                    for tensor in (x, y, weights)
                )
                part_loss, new, part_scores = self._part(images, labels, shares, variables, parts)
            loss += part_loss / parts
            total = new if part == 0 else [_sum(*pair) for pair in zip(total, new, strict=True)]
            scores.append(part_scores)
        return loss, total, tf.nest.map_structure(lambda *tensor: tf.concat(tensor, 0), *scores)

    def _part(self, x: Any, y: Any, weights: Any, variables: Any, parts: int) -> Any:
        """Returns loss, gradients of the scaled loss, and scores for one part of a batch."""
        with tf.GradientTape() as tape:
            scores = self(x, training=True)
            loss = self.compute_loss(x, y, scores, weights, training=True)
            scaled = self.optimizer.scale_loss(loss if parts == 1 else loss / parts)
        return loss, tape.gradient(scaled, variables), scores

    def _reduced_gradients(self, gradients: Sequence[Any], moving: Sequence[Any]) -> list[Any]:
        """Returns the gradients summed over the replicas; averages moving statistics."""
        replicas = self.distribute_strategy.num_replicas_in_sync
        if replicas == 1:
            return list(gradients)
        context = tf.distribute.get_replica_context()
        if self._apart and moving:
            values = [tf.convert_to_tensor(variable) for variable in moving]
            means = context.all_reduce(tf.distribute.ReduceOp.MEAN, values)
            for variable, mean in zip(moving, means, strict=True):
                variable.assign(mean)
        return context.all_reduce(tf.distribute.ReduceOp.SUM, list(gradients))


def padded_batches(
    dataset: tf.data.Dataset, parts: int, *, training: bool = False
) -> tf.data.Dataset:
    """Returns batches (images, labels, weights) that can be divided into equal parts.

    Other batches are padded with their first images, at weight 0. Real images are used since they
    enter the statistics of batch norm.

    Args:
        dataset: batches (images, labels) or (images, labels, weights); returned unchanged if all
            of its batches can be divided.
        parts: number of parts.
        training: scale the weights so that the batch has the mean loss of its real images.
    """
    static = dataset.element_spec[0].shape[0]
    if parts == 1 or (static is not None and static % parts == 0):
        return dataset

    def fill(images: Any, labels: Any, weights: Any = None) -> tuple[Any, Any, Any]:
        count = tf.shape(images)[0]
        size = -(-count // parts) * parts
        if weights is None:
            weights = tf.ones([count])
        if training:
            weights *= tf.cast(size / count, weights.dtype)
        weights = tf.concat([weights, tf.zeros([size - count], weights.dtype)], 0)
        indices = tf.range(size) % count
        images, labels = tf.nest.map_structure(
            lambda tensor: tf.gather(tensor, indices), (images, labels)
        )
        if static is not None:
            full = -(-static // parts) * parts
            images, labels, weights = tf.nest.map_structure(
                lambda tensor: tf.ensure_shape(tensor, [full, *tensor.shape[1:]]),
                (images, labels, weights),
            )
        return images, labels, weights

    return dataset.map(fill, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _finite(tensors: Sequence[Any]) -> Any:
    """Returns whether all values are finite; tests sums, which needs one pass and little memory."""
    small = [tensor for tensor in tensors if tensor.shape.rank < 2]  # most tensors are of this kind
    sums = [tf.reduce_sum(tensor) for tensor in tensors if tensor.shape.rank >= 2]
    if small:
        sums.append(tf.reduce_sum(tf.concat([tf.reshape(tensor, [-1]) for tensor in small], 0)))
    return tf.math.is_finite(tf.add_n(sums))


def _sum(total: Any, addend: Any) -> Any:
    """Returns the sum of two gradients, the second of which may be None."""
    return total if addend is None else total + addend


def _apply_or_restore(
    finite: Any,
    update: Callable[[Any, Any], None],
    restore: Callable[[Any, Any], None],
    gradients: Sequence[Any],
    before: Sequence[Any],
) -> None:
    """Calls `update` if `finite`, else `restore`, with (gradients, before), on every replica."""
    arguments = (list(gradients), list(before))
    if not tf.distribute.has_strategy():
        tf.cond(finite, lambda: update(*arguments), lambda: restore(*arguments))
        return

    def everywhere(strategy: Any, finite: Any, *arguments: Any) -> None:
        # An optimizer merges the replicas itself, which no branch within a replica may do.
        def run(function: Callable[[Any, Any], None]) -> None:
            strategy.extended.call_for_each_replica(function, args=arguments)

        first = strategy.experimental_local_results(finite)[0]
        tf.cond(first, lambda: run(update), lambda: run(restore))

    tf.distribute.get_replica_context().merge_call(everywhere, args=(finite, *arguments))


@contextmanager
def _without_gradient_sum(optimizer: keras.optimizers.Optimizer) -> Iterator[None]:
    """Keeps an optimizer from summing gradients over the replicas, which the step has done already.

    Keras 3.15 does that after clipping and after the test for overflow, in a private method.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if not hasattr(inner, "_all_reduce_sum_gradients"):
        raise UsageError(
            f"Keras {keras.__version__} sums gradients differently from 3.15, which this version "
            "of kerascnn needs; install keras 3.15 or a newer kerascnn"
        )
    inner._all_reduce_sum_gradients = list
    try:
        yield
    finally:
        del inner._all_reduce_sum_gradients


@contextmanager
def _synchronized(network: keras.Model, synchronized: bool) -> Iterator[None]:
    """Sets whether batch norm computes its statistics over all replicas while the step is traced.

    The layers are saved without it: with it, Keras loads them on the TensorFlow backend only.
    """
    layers = list(_batch_norms(network))
    old = [layer.synchronized for layer in layers]
    for layer in layers:
        layer.synchronized = synchronized
    try:
        yield
    finally:
        for layer, value in zip(layers, old, strict=True):
            layer.synchronized = value


def refuse_unsupported(optimizer: Any, options: dict[str, Any]) -> None:
    """Raises UsageError for options that fail or go wrong under a strategy in Keras 3.15."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    for wrong, option, advice in (
        (
            options.get("jit_compile", "auto") is True,
            "jit_compile=True (keras#21366)",
            'use "auto"',
        ),
        (
            options.get("steps_per_execution", 1) != 1,
            "steps_per_execution above 1 (keras#19246)",
            "use 1",
        ),
        (
            getattr(optimizer, "ema_overwrite_frequency", None) is not None,
            "ema_overwrite_frequency",
            "use None: the average is kept apart from the weights until the end",
        ),
        (
            getattr(optimizer, "gradient_accumulation_steps", None) is not None,
            "the optimizer's gradient_accumulation_steps (keras#20582)",
            "use Engine(network, accumulate=...) instead",
        ),
    ):
        if wrong:
            raise UsageError(f"{option} does not work on several replicas; {advice}")


def _batch_norms(network: keras.Model) -> Iterator[keras.layers.BatchNormalization]:
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from _batch_norms(layer)
        elif isinstance(layer, keras.layers.BatchNormalization):
            yield layer


class SkippedSteps(keras.callbacks.Callback):
    """Counts the steps that loss scaling skipped, as `skipped_steps` in the logs of each epoch.

    Raises:
        DivergedError: from `fit`, after `MAXIMUM_SKIPPED` consecutive skipped steps.
    """

    def __init__(self) -> None:
        super().__init__()
        self.skipped = self.in_a_row = self.applied = 0

    def state(self) -> dict[str, int]:
        """Returns the counts so far."""
        return {"skipped": self.skipped, "in_a_row": self.in_a_row}

    def restore(self, state: dict[str, int]) -> None:
        """Restores what `state` returned."""
        self.skipped, self.in_a_row = state["skipped"], state["in_a_row"]

    def on_train_begin(self, logs: Any = None) -> None:
        self.applied = self._iterations()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        applied = self._iterations()
        skips = applied == self.applied
        self.applied = applied
        self.skipped += skips
        self.in_a_row = self.in_a_row + 1 if skips else 0
        if self.in_a_row >= MAXIMUM_SKIPPED:
            raise DivergedError(
                f"the gradients of {MAXIMUM_SKIPPED} steps in a row were not finite in float16; "
                "lower the learning rate, look for NaN in the data, or use mixed_bfloat16"
            )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None:
            logs["skipped_steps"] = self.skipped
        self.skipped = 0

    def _iterations(self) -> int:
        return int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
