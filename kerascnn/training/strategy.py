"""Chooses dtype policy and `tf.distribute` strategy of a training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kerascnn.errors import UsageError
from kerascnn.lazy import keras, tf

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

PRECISIONS = ("auto", "float32", "mixed_float16", "mixed_bfloat16")
STRATEGIES = ("auto", "none", "mirrored", "multiworker")
BATCH_NORMS = ("synchronized", "replica")


def resolve_precision(precision: str, model: keras.Model | None) -> str:
    """Returns the name of the dtype policy to train in, or "auto" if it is still to be measured.

    Args:
        precision: one of `PRECISIONS`.
        model: a built network, which keeps its precision; None if the network is still to be built.

    Raises:
        UsageError: the precision is unknown or not that of the built model, or the model's scores
            are of half precision.
    """
    if precision not in PRECISIONS:
        raise UsageError(f"precision={precision!r}; it must be one of {', '.join(PRECISIONS)}")
    if model is None:
        return precision
    built = _built_precision(model)
    if precision not in ("auto", built):
        raise UsageError(
            f"precision={precision!r}, but the model was built in {built}; give its name instead "
            "of the model, or build it under that policy"
        )
    halves = [str(output.dtype) for output in model.outputs if output.dtype != "float32"]
    if halves:
        raise UsageError(
            f"the scores of {model.name} are {halves[0]}, too coarse for a loss; build its last "
            'layer with dtype="float32"'
        )
    return built


def _built_precision(model: keras.Model) -> str:
    computes = {layer.compute_dtype for layer in model.layers}
    for short in ("float16", "bfloat16"):
        if short in computes:
            return f"mixed_{short}"
    return "float32"


@contextlib.contextmanager
def policy_scope(name: str) -> Iterator[None]:
    """Sets Keras's global dtype policy within the block, and restores it at the end."""
    old = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(old)


def resolve_strategy(
    requested: str | tf.distribute.Strategy, model: keras.Model | None
) -> tf.distribute.Strategy:
    """Returns the strategy to train under.

    Args:
        requested: one of `STRATEGIES`, or a strategy. "auto" is the strategy of a built model;
            for a network by name it mirrors on several GPUs. "none" is the strategy of the caller's
            scope, by default a single device. "multiworker" is the cluster of TF_CONFIG.
        model: a built network; it must have been built in the strategy's scope. None otherwise.

    Raises:
        UsageError: the strategy is unknown, or the model was built outside its scope.
    """
    if isinstance(requested, str) and requested not in STRATEGIES:
        raise UsageError(
            f"strategy={requested!r}; it must be one of {', '.join(STRATEGIES)} or a "
            "tf.distribute.Strategy"
        )
    if requested == "auto":
        if model is not None:
            return model.distribute_strategy
        requested = "mirrored" if len(tf.config.list_logical_devices("GPU")) > 1 else "none"
    strategy: Any
    if requested == "none":
        strategy = tf.distribute.get_strategy()
    elif requested == "multiworker":
        from kerascnn.training.multi_worker import connect

        strategy = connect()
    elif requested == "mirrored":
        gpus = tf.config.list_logical_devices("GPU")
        devices = gpus or tf.config.list_logical_devices("CPU")
        strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
    else:
        strategy = requested
    if model is not None and model.distribute_strategy is not strategy:
        raise UsageError(
            f"the model was built outside the scope of this {type(strategy).__name__}; give its "
            "name instead of the model, or build it inside `with strategy.scope():`"
        )
    return strategy


def check_batch_norm(batch_norm: str) -> None:
    """Raises UsageError unless `batch_norm` is one of `BATCH_NORMS`."""
    if batch_norm not in BATCH_NORMS:
        raise UsageError(f"batch_norm={batch_norm!r}; it must be one of {', '.join(BATCH_NORMS)}")


def strategy_name(strategy: tf.distribute.Strategy) -> str:
    """Returns the public class name of a strategy, or "none" for TensorFlow's default strategy."""
    name = type(strategy).__name__
    if name.startswith("CollectiveAllReduce"):
        return "MultiWorkerMirroredStrategy"
    return "none" if name.startswith("_Default") else name
