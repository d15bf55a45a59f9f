"""precision="auto": measures training steps in each possible precision, and stores the times.

No rule tells which precision is the fastest: on one CPU, bfloat16 trains VGG-16 four times as fast
as float32, and MobileNet more slowly. So the network itself is measured, with its batch size and
its optimizer.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import KerasCNNError
from kerascnn.fileio import cache
from kerascnn.fileio.json import write_json
from kerascnn.lazy import keras, np, tf
from kerascnn.recipes.lookup import Recipe
from kerascnn.training.strategy import policy_scope
from kerascnn.training.training_setup import TrainingSetup, compiled_engine
from kerascnn.version import __version__

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf

PREFERENCE = ("float32", "mixed_bfloat16", "mixed_float16")
"""Of policies that are about equally fast, the first in this order is used: float32 has 24 bits of
precision, bfloat16 has the range of float32, float16 needs loss scaling."""
EQUAL_WITHIN = 1.05
"""Times that differ by less than this factor count as equal: measurements vary by as much."""
MEASURED_FROM = {"CPU": 1e14, "GPU": 1e16}
"""Trainings with fewer multiply-accumulates than this are not measured: it would not pay off."""
WARM, TIMED = 2, 3
"""Training steps that warm up, and training steps that are timed."""
GIVEN_UP_BEYOND = 2.0
"""A policy whose second step takes this many times the best median is not measured further."""
CACHE_LIMIT = 500
"""Number of networks whose times are stored."""
CACHE_FILE = "precision.json"


@dataclass(frozen=True)
class Choice:
    """A precision, and why it was chosen.

    Args:
        policy: name of the Keras dtype policy.
        reason: a short explanation for the user.
        milliseconds: time of a training step in each policy; empty if nothing was measured.
        remembered: the times were measured by an earlier run.
    """

    policy: str
    reason: str
    milliseconds: dict[str, float] = field(default_factory=dict)
    remembered: bool = False

    def to_json(self) -> dict[str, Any]:
        """Returns every field by name."""
        return asdict(self)


def candidates() -> list[str]:
    """Returns the policies that this machine computes fast, the most likely best policy first.

    On GPUs bfloat16 needs compute capability 8.0 and float16 7.0. A CPU computes float16 by way of
    float32, which is never faster, so float16 is no candidate there.
    """
    capabilities = [
        tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0))
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    if not capabilities:
        return ["float32", "mixed_bfloat16"]
    least = min(capabilities)
    half = [("mixed_bfloat16", (8, 0)), ("mixed_float16", (7, 0))]
    return [*[name for name, needed in half if least >= needed], "float32"]


def choose(
    build: Callable[[], keras.Model],
    identity: Mapping[str, Any],
    recipe: Recipe,
    *,
    work: float,
    batch: int,
) -> Choice:
    """Returns the fastest precision to train in.

    The times are measured unless they are stored already, or unless the training is too short.

    Args:
        build: builds the network under the current dtype policy.
        identity: name and arguments of the network, as JSON types; identifies the stored times.
        recipe: the recipe; its optimizer is part of a training step.
        work: multiply-accumulates of the whole training.
        batch: images in a step on one replica.
    """
    policies = candidates()
    device = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    if len(policies) == 1:
        return Choice(policies[0], "the only precision that is fast on this machine")
    if work < MEASURED_FROM[device]:
        likely = policies[0]
        return Choice(likely, "not measured: that would take longer than it could save")
    key = _key(identity, recipe, batch)
    seconds = _read().get(key, {})
    remembered = set(seconds) == set(policies)
    if not remembered:
        seconds = measure(build, recipe, batch, policies)
        _remember(key, seconds)
    policy = fastest(seconds)
    milliseconds = {name: round(1e3 * value, 2) for name, value in seconds.items()}
    return Choice(policy, _reason(policy, seconds), milliseconds, remembered)


def choose_for(
    setup: TrainingSetup,
    build: Callable[[], keras.Model],
    identity: Mapping[str, Any],
    *,
    macs: int,
) -> Choice:
    """Returns the result of `choose` for a training with these settings.

    Args:
        setup: the settings of the training.
        build: builds the network under the current dtype policy.
        identity: name and arguments of the network, as JSON types.
        macs: multiply-accumulates of the forward passes of all images in all epochs.
    """
    work = 3.0 * macs  # the backward pass costs twice the forward pass
    return choose(build, identity, setup.recipe, work=work, batch=setup.replica_batch)


def fastest(seconds: Mapping[str, float]) -> str:
    """Returns the policy with the shortest step; of about equal ones the first of `PREFERENCE`."""
    limit = min(seconds.values()) * EQUAL_WITHIN
    return next(name for name in PREFERENCE if seconds.get(name, float("inf")) <= limit)


def measure(
    build: Callable[[], keras.Model], recipe: Recipe, batch: int, policies: list[str]
) -> dict[str, float]:
    """Returns the seconds of a training step in each policy, on one device and random images.

    Args:
        build: builds the network under the current dtype policy.
        recipe: the recipe; label smoothing and mixing are left out, since they cost almost nothing.
        batch: images in a step.
        policies: names of the dtype policies, in the order of measurement.
    """
    plain = replace(recipe, label_smoothing=0.0, mixup=0.0, cutmix=0.0)
    seconds: dict[str, float] = {}
    draw = np.random.default_rng(0)
    for policy in policies:
        with policy_scope(policy):
            network = build()
            setup = TrainingSetup(plain, policy, tf.distribute.get_strategy())
            engine = compiled_engine(network, setup)
        shape = [batch, *(64 if side is None else side for side in network.input_shape[1:])]
        images = tf.constant(draw.normal(size=shape).astype("float32"))
        labels = tf.zeros([batch], tf.int32)
        targets = labels if len(network.outputs) == 1 else (labels,) * len(network.outputs)
        times: list[float] = []
        for step in range(WARM + TIMED):
            started = time.perf_counter()
            engine.train_on_batch(images, targets)
            times.append(time.perf_counter() - started)
            if step == WARM - 1 and seconds and times[-1] > GIVEN_UP_BEYOND * min(seconds.values()):
                break
        seconds[policy] = statistics.median(times[WARM:] or times[-1:])
        del network, engine
        gc.collect()
    return seconds


def _reason(policy: str, seconds: Mapping[str, float]) -> str:
    others = {name: value for name, value in seconds.items() if name != policy}
    rival = min(others, key=lambda name: others[name])
    ratio = others[rival] / seconds[policy]
    if ratio < EQUAL_WITHIN:
        return f"about as fast as {rival} ({1e3 * seconds[policy]:.3g} ms a step), and safer"
    return (
        f"{ratio:.2g} times as fast as {rival}: {1e3 * seconds[policy]:.3g} against "
        f"{1e3 * others[rival]:.3g} ms a step"
    )


def _key(identity: Mapping[str, Any], recipe: Recipe, batch: int) -> str:
    details = {
        "network": dict(identity),
        "batch": batch,
        "optimizer": recipe.optimizer,
        "accumulate": recipe.accumulate,
        "device": _device(),
        "versions": [__version__, keras.__version__, tf.__version__],
    }
    text = json.dumps(details, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _device() -> list[Any]:
    gpus = [
        tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    if gpus:
        return gpus
    name = platform.processor()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        name = next((line for line in lines if line.startswith("model name")), name)
    threads = tf.config.threading.get_intra_op_parallelism_threads()
    return [name, os.cpu_count(), threads, os.environ.get("TF_ENABLE_ONEDNN_OPTS", "")]


def _read() -> dict[str, dict[str, float]]:
    """Returns the stored times by key; {} if the file is missing or damaged."""
    try:
        table = json.loads((cache.home() / CACHE_FILE).read_text("utf-8"))
        return {
            key: {str(name): float(value) for name, value in times.items() if value > 0}
            for key, times in table.items()
        }
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _remember(key: str, seconds: dict[str, float]) -> None:
    kept = {kept_key: times for kept_key, times in _read().items() if kept_key != key}
    latest = dict([*list(kept.items())[1 - CACHE_LIMIT :], (key, seconds)])
    # If the times cannot be stored, the next training measures again.
    with contextlib.suppress(KerasCNNError, OSError):
        cache.make_private(cache.home())
        write_json(cache.home() / CACHE_FILE, latest, indent=1, ascii_only=True)
