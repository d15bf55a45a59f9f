"""Callbacks of every training: which model is kept as the best, and profiles."""

from __future__ import annotations

import math
from collections import Counter

from tensorflow.tsl.profiler.protobuf import xplane_pb2

from kerascnn.training import callbacks
from support.trainings import quiet, small


def test_nan_never_replaces_the_best(tmp_path):
    files = callbacks.ModelFiles(tmp_path)
    files.set_model(small())
    kept = []
    for accuracy, loss in ((0.5, 1.0), (math.nan, 1.0), (0.9, math.nan), (0.5, 0.9), (0.4, 0.1)):
        files.on_epoch_end(0, {"val_accuracy": accuracy, "val_loss": loss})
        kept.append((tmp_path / "best.keras").stat().st_mtime_ns)
    assert kept[0] == kept[1] == kept[2] != kept[3] == kept[4]


def test_a_profile_of_so_many_steps_is_written_for_tensorboard(data, tmp_path):
    """An epoch has 12 steps here, so that steps 6 to 8 are of one."""
    run = quiet(small(), data, tmp_path / "r", batch_size=8, epochs=1, profile=3)
    (file,) = run.path.glob("tensorboard/train/plugins/profile/*/*.xplane.pb")
    counts = Counter(
        plane.event_metadata[event.metadata_id].name
        for plane in xplane_pb2.XSpace.FromString(file.read_bytes()).planes
        for line in plane.lines
        for event in line.events
    )
    # Keras's name of the function that is called for each step, to train or to evaluate.
    steps = [count for name, count in counts.items() if "_step_on_iterator_" in name]
    assert steps == [3]
