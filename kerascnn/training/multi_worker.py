"""Training on several machines: `tf.distribute.MultiWorkerMirroredStrategy` with Keras's `fit`.

Every machine runs the same command with its own TF_CONFIG. All do every step; the first alone, the
chief, writes the run directory, which lies on a disk that all of them share; all read the
checkpoint that a run goes on from. There is no protocol here but TensorFlow's.

Keras 3.15 cannot do this (keras#20585, tensorflow#72388): `fit` fails twice before its first step.
`MultiWorkerEngine` works round both; tests/test_multiworker.py fails when it is no longer needed.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from kerascnn.errors import DamagedFileError, Interrupted, UsageError
from kerascnn.runs.run import CHECKPOINTS, CONFIG, RESULT, Run
from kerascnn.training.checkpoints import newest
from kerascnn.training.resume import FIXED_SETTINGS, Start, opened_run, refuse_changes
from kerascnn.training.train_step import Engine

KNOWN = "3.15"
"""The Keras release whose private method is replaced below."""
LOST_WORKER_ERRORS = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.FailedPreconditionError,
)
EXAMPLE = (
    '{"cluster": {"worker": ["HOST1:PORT", "HOST2:PORT"]}, "task": {"type": "worker", "index": 0}}'
)


class MultiWorkerEngine(Engine):
    """An `Engine` whose `fit` and `evaluate` work on several machines."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        if not hasattr(keras.Model, "_maybe_symbolic_build"):
            raise UsageError(
                f"Keras {keras.__version__} prepares training in another way than {KNOWN}, for "
                f"which this version of kerascnn was made; install keras {KNOWN}, or a newer "
                "kerascnn"
            )
        self._prepared = False

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        # Keras averages the first batch over all machines, which fails on values of theirs.
        if self._prepared:
            return

        def zeros(spec: Any) -> Any:
            return tf.zeros([size or 1 for size in spec.shape], spec.dtype)

        batch = tf.nest.map_structure(zeros, self.element_spec)
        with self.distribute_strategy.scope():
            self._symbolic_build(data_batch=batch)
        self._prepared = True

    def evaluate(self, x: tf.data.Dataset, **options: Any) -> Any:
        if not self._prepared:  # before `fit`, where a run goes on within an epoch
            self.element_spec = x.element_spec
        return super().evaluate(x, **options)

    # Keras averages what a step returns over its first axis, which single numbers do not have.

    def train_step(self, data: Any) -> dict[str, Any]:
        return {name: tf.reshape(value, [1]) for name, value in super().train_step(data).items()}

    def test_step(self, data: Any) -> dict[str, Any]:
        return {name: tf.reshape(value, [1]) for name, value in super().test_step(data).items()}


def spans_machines(strategy: tf.distribute.Strategy) -> bool:
    """Returns whether a strategy spans several machines."""
    multi = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
    return multi and len(_workers(strategy.cluster_resolver.cluster_spec().as_dict())) > 1


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Returns whether this process writes; true of every process that trains alone."""
    if not spans_machines(strategy):
        return True
    resolver = strategy.cluster_resolver
    cluster = resolver.cluster_spec().as_dict()
    return resolver.task_type == "chief" or ("chief" not in cluster and resolver.task_id == 0)


def engine_for(network: keras.Model, *arguments: Any) -> Engine:
    """Returns the `Engine` of a network for the strategy that it was built under."""
    engine_class = MultiWorkerEngine if spans_machines(network.distribute_strategy) else Engine
    return engine_class(network, *arguments)


def connect() -> tf.distribute.Strategy:
    """Returns the strategy of the cluster that TF_CONFIG describes; waits for all of its workers.

    Raises:
        UsageError: TF_CONFIG is missing or wrong, or TensorFlow was used in this process before.
    """
    cluster, task_type, index = _configured(os.environ.get("TF_CONFIG", ""))
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        if "program startup" not in str(error):
            raise
        raise UsageError(
            'strategy="multiworker" must come before anything else that TensorFlow calculates in '
            "this process; start with `kerascnn train`, or call `train` first"
        ) from error
    except LOST_WORKER_ERRORS as error:
        raise Interrupted(
            f"{task_type} {index} could not reach the other {len(_workers(cluster)) - 1} workers: "
            f"{_first_line(error)}; start all of them again"
        ) from error


def check_directory(run_dir: str | os.PathLike[str] | None, strategy: Any) -> None:
    """Raises UsageError unless the workers of a cluster are told one directory for their run."""
    if strategy == "multiworker" and run_dir is None:
        raise UsageError(
            'strategy="multiworker" needs run_dir (--run-dir): one directory that all workers share'
        )


def _workers(cluster: Mapping[str, Any]) -> list[str]:
    return [*cluster.get("chief", []), *cluster.get("worker", [])]


def _configured(text: str) -> tuple[dict[str, Any], str, int]:
    """Returns cluster, task type and task index of a TF_CONFIG."""
    advice = f"; each machine needs one like {EXAMPLE}"
    if not text:
        raise UsageError(f'strategy="multiworker" needs the environment variable TF_CONFIG{advice}')
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        task_type, index = task["type"], int(task["index"])
        addresses = cluster[task_type]
        workers = _workers(cluster)
        valid = all(isinstance(address, str) and ":" in address for address in workers)
        if not valid or not 0 <= index < len(addresses) or not workers:
            raise ValueError("an address is no HOST:PORT, or the index is none of them")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        problem = f"{type(error).__name__}: {error}"[:80]
        raise UsageError(f"TF_CONFIG is wrong ({problem}){advice}") from error
    if set(cluster) - {"chief", "worker"} or task_type not in ("chief", "worker"):
        raise UsageError(f"TF_CONFIG has other tasks than chief and worker{advice}")
    if len(_workers(cluster)) < 2:
        raise UsageError(
            'TF_CONFIG names one worker; leave strategy="multiworker" out on one machine'
        )
    return cluster, task_type, index


@contextmanager
def shared_run(
    strategy: tf.distribute.Strategy,
    directory: Path,
    config: Mapping[str, Any],
    earlier: Mapping[str, Any] | None,
    *,
    resume: str,
    overwrite: bool,
) -> Iterator[Start]:
    """Opens the run directory, which the chief writes and the others read; all begin at one place.

    Args:
        strategy: where the run trains; on one machine this is `opened_run`.
        directory, config, resume, overwrite: as for `opened_run`.
        earlier: the configuration of the run to go on with, read before the workers met.

    Raises:
        UsageError: the directory is not shared; and what `opened_run` raises.
    """
    if is_chief(strategy):
        with opened_run(directory, config, resume=resume, overwrite=overwrite) as start:
            synchronize_workers(strategy, start, config)
            yield start
        return
    run, checkpoint = Run(directory), None
    finished = earlier is not None and (directory / RESULT).is_file()
    if earlier is not None:
        refuse_changes(directory, earlier, config, resume)
        checkpoint, complaints = newest(directory / CHECKPOINTS)
        if checkpoint is None and complaints:
            raise DamagedFileError(f"no checkpoint of {directory} is whole: {complaints[0][:200]}")
    start = Start(run, None if finished else checkpoint, finished)
    synchronize_workers(strategy, start, config)
    if not (directory / CONFIG).is_file():
        raise UsageError(
            f"{directory} does not hold what the chief wrote there; give all workers a run "
            "directory on a disk that they share"
        )
    yield start


def synchronize_workers(
    strategy: tf.distribute.Strategy, start: Start, config: Mapping[str, Any]
) -> None:
    """Waits for all workers, and sees that they begin at one place with one configuration.

    Raises:
        UsageError: they do not: another command, other data, or another disk.
    """
    if not spans_machines(strategy):
        return
    bound = {name: config[name] for name in FIXED_SETTINGS}
    bound["data"] = {**bound["data"], "name": ""}  # the same images may lie elsewhere
    text = json.dumps(bound, sort_keys=True)
    mine = [float(part) for part in (*start.position, start.finished, zlib.crc32(text.encode()))]

    def mean() -> Any:
        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.MEAN, tf.constant(mine, tf.float64))

    with lost_worker_errors(strategy):
        means = tf.function(lambda: strategy.run(mean), autograph=False)()
        first = strategy.experimental_local_results(means)[0]
    if first.numpy().tolist() != mine:
        raise UsageError(
            f"the workers do not begin with the same: start all of them with one command, the same "
            f"data and versions, and a run directory ({start.run.path}) on a disk that they share"
        )


@contextmanager
def lost_worker_errors(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Ends a job that has lost a worker with one clear message.

    Raises:
        Interrupted: a worker ended or cannot be reached, and no step can be done without it; or
            this one was stopped, which ends the others.
    """
    try:
        yield
    except Interrupted as error:
        if not spans_machines(strategy):
            raise
        raise Interrupted(
            f"stopped by {error}, and with this worker all of them; start them again with the "
            "same command, and the run goes on from its last checkpoint"
        ) from None
    except LOST_WORKER_ERRORS as error:
        if not spans_machines(strategy):
            raise
        raise Interrupted(
            "another worker has ended or cannot be reached, and none can go on alone; start all "
            "of them again with the same command, and the run goes on from its last checkpoint "
            f"({_first_line(error)})"
        ) from error


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[0][:150]
