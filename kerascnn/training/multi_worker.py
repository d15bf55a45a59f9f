"""Training on several machines: `tf.distribute.MultiWorkerMirroredStrategy` with Keras's `fit`.

Every machine runs the same command with its own TF_CONFIG, and takes part in every training step.
Only the first machine, the chief, writes the run directory, which lies on a shared disk; all
machines read the checkpoint to resume from. Communication is TensorFlow's own.

Keras 3.15 cannot do this (keras#20585, tensorflow#72388): `fit` fails twice before its first step.
`MultiWorkerEngine` works around both errors; tests/training/test_multi_worker.py fails when it is
no longer needed.
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

KERAS_RELEASE = "3.15"
"""The Keras release whose private method is overridden below."""
LOST_WORKER_ERRORS = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.FailedPreconditionError,
)
EXAMPLE_CONFIG = (
    '{"cluster": {"worker": ["HOST1:PORT", "HOST2:PORT"]}, "task": {"type": "worker", "index": 0}}'
)


class MultiWorkerEngine(Engine):
    """An `Engine` whose `fit` and `evaluate` work on several machines with Keras 3.15."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        if not hasattr(keras.Model, "_maybe_symbolic_build"):
            raise UsageError(
                f"Keras {keras.__version__} prepares training differently from {KERAS_RELEASE}, "
                f"which this kerascnn needs; install keras {KERAS_RELEASE} or a newer kerascnn"
            )
        self._prepared = False

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        # Keras reduces the first batch over all machines, which fails for per-worker values.
        if self._prepared:
            return

        def zeros(spec: Any) -> Any:
            return tf.zeros([size or 1 for size in spec.shape], spec.dtype)

        batch = tf.nest.map_structure(zeros, self.element_spec)
        with self.distribute_strategy.scope():
            self._symbolic_build(data_batch=batch)
        self._prepared = True

    def evaluate(self, x: tf.data.Dataset, **options: Any) -> Any:
        if not self._prepared:  # before `fit`, if a run resumes within an epoch
            self.element_spec = x.element_spec
        return super().evaluate(x, **options)

    # Keras averages the results of a step over their first axis, which scalars do not have.

    def train_step(self, data: Any) -> dict[str, Any]:
        return {name: tf.reshape(value, [1]) for name, value in super().train_step(data).items()}

    def test_step(self, data: Any) -> dict[str, Any]:
        return {name: tf.reshape(value, [1]) for name, value in super().test_step(data).items()}


def spans_machines(strategy: tf.distribute.Strategy) -> bool:
    """Returns whether a strategy uses several machines."""
    multi = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
    return multi and len(_workers(strategy.cluster_resolver.cluster_spec().as_dict())) > 1


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Returns whether this process writes files; True if it trains on one machine."""
    if not spans_machines(strategy):
        return True
    resolver = strategy.cluster_resolver
    cluster = resolver.cluster_spec().as_dict()
    return resolver.task_type == "chief" or ("chief" not in cluster and resolver.task_id == 0)


def engine_for(network: keras.Model, *arguments: Any) -> Engine:
    """Returns the `Engine` for the strategy that a network was built under."""
    engine_class = MultiWorkerEngine if spans_machines(network.distribute_strategy) else Engine
    return engine_class(network, *arguments)


def connect() -> tf.distribute.Strategy:
    """Returns the strategy of the cluster in TF_CONFIG; waits until all workers are connected.

    Raises:
        UsageError: TF_CONFIG is missing or wrong, or this process used TensorFlow before.
        Interrupted: not all workers could be reached.
    """
    cluster, task_type, index = _configured(os.environ.get("TF_CONFIG", ""))
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        if "program startup" not in str(error):
            raise
        raise UsageError(
            'strategy="multiworker" must be the first use of TensorFlow in this process; run '
            "`kerascnn train`, or call `train` before any other computation"
        ) from error
    except LOST_WORKER_ERRORS as error:
        raise Interrupted(
            f"{task_type} {index} could not reach the other {len(_workers(cluster)) - 1} workers: "
            f"{_first_line(error)}; start all of them again"
        ) from error


def check_directory(run_dir: str | os.PathLike[str] | None, strategy: Any) -> None:
    """Raises UsageError if the workers of a cluster have no common run directory."""
    if strategy == "multiworker" and run_dir is None:
        raise UsageError(
            'strategy="multiworker" needs run_dir (--run-dir): one directory that all workers share'
        )


def _workers(cluster: Mapping[str, Any]) -> list[str]:
    return [*cluster.get("chief", []), *cluster.get("worker", [])]


def _configured(text: str) -> tuple[dict[str, Any], str, int]:
    """Returns cluster, task type and task index of a TF_CONFIG; raises UsageError if wrong."""
    advice = f"; each machine needs one like {EXAMPLE_CONFIG}"
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
            raise ValueError("an address is not HOST:PORT, or the index is out of range")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        problem = f"{type(error).__name__}: {error}"[:80]
        raise UsageError(f"TF_CONFIG is wrong ({problem}){advice}") from error
    if set(cluster) - {"chief", "worker"} or task_type not in ("chief", "worker"):
        raise UsageError(f"TF_CONFIG has tasks other than chief and worker{advice}")
    if len(_workers(cluster)) < 2:
        raise UsageError(
            'TF_CONFIG has only one worker; omit strategy="multiworker" on one machine'
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
    """Opens the run directory: the chief writes it, the other workers read it.

    Args:
        strategy: the strategy of the training; on one machine this is the same as `opened_run`.
        directory, config, resume, overwrite: as in `opened_run`.
        earlier: configuration of the run to resume, read before the workers connected; or None.

    Yields:
        Where the run starts, the same for all workers.

    Raises:
        UsageError: the directory is not shared; also what `opened_run` raises.
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
            raise DamagedFileError(
                f"all checkpoints of {directory} are damaged: {complaints[0][:200]}"
            )
    start = Start(run, None if finished else checkpoint, finished)
    synchronize_workers(strategy, start, config)
    if not (directory / CONFIG).is_file():
        raise UsageError(
            f"{directory} lacks the files that the chief wrote; give all workers a run directory "
            "on a disk that they share"
        )
    yield start


def synchronize_workers(
    strategy: tf.distribute.Strategy, start: Start, config: Mapping[str, Any]
) -> None:
    """Waits for all workers, and checks that they start at one position with one configuration.

    Raises:
        UsageError: they differ in command, data, versions or run directory.
    """
    if not spans_machines(strategy):
        return
    bound = {name: config[name] for name in FIXED_SETTINGS}
    bound["data"] = {**bound["data"], "name": ""}  # the same images may have another path
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
            "the workers start with different settings: start all of them with the same command, "
            f"data and versions, and a run directory ({start.run.path}) on a disk that they share"
        )


@contextmanager
def lost_worker_errors(
    strategy: tf.distribute.Strategy, command: str = "the same command"
) -> Iterator[None]:
    """Turns the errors of the block that a lost worker causes into one clear message.

    Args:
        strategy: of the training.
        command: which command resumes it.

    Raises:
        Interrupted: another worker ended or cannot be reached, or this worker was stopped, which
            stops the others too.
    """
    try:
        yield
    except Interrupted as error:
        if not spans_machines(strategy):
            raise
        raise Interrupted(
            f"stopped by {error}, which stops all workers; start all of them with {command} to "
            "resume from the last checkpoint"
        ) from None
    except LOST_WORKER_ERRORS as error:
        if not spans_machines(strategy):
            raise
        raise Interrupted(
            "another worker has ended or cannot be reached, so no training step is possible; "
            f"start all workers with {command} to resume from the last checkpoint "
            f"({_first_line(error)})"
        ) from error


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[0][:150]
