"""Checkpoints as files: whole or absent, checked byte by byte, and everything that a model is."""

from __future__ import annotations

import json
import os
import shutil

import keras
import ml_dtypes
import numpy as np
import pytest

from kerascnn.errors import DamagedFileError, MismatchError, OutputError
from kerascnn.training import checkpoints
from kerascnn.training.checkpoints import (
    Position,
    capture,
    newest,
    not_finite,
    positions,
    read,
    restore,
)
from support.processes import run_python

ARRAYS = {
    "model/0000/kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
    "model/0001/seed": np.array([3, 2**32 - 1], np.uint32),
    "optimizer/0000/iteration": np.array(2**40, np.int64),
    "optimizer/0001/half": np.array([0.5, -1.25], np.float16),
    "optimizer/0002/brain": np.array([1.5, -2.0], ml_dtypes.bfloat16),
    "metrics/0000/flag": np.array([True, False]),
}
STATE = {"callbacks": {"Clock": {"step": 3}}, "best": None, "value": 0.1 + 0.2}


def write(folder, *position, arrays=ARRAYS, **options):
    return checkpoints.write(folder, Position(*position), arrays, STATE, **options)


def test_what_is_written_comes_back_to_the_bit(tmp_path):
    directory = write(tmp_path / "c", 2, 120)
    assert directory.name == "epoch-00002-step-00000120"
    assert sorted(path.name for path in directory.iterdir()) == [
        "arrays.safetensors", "commit.json", "state.json",
    ]  # fmt: skip
    checkpoint = read(directory)
    assert checkpoint.position == (2, 120)
    assert checkpoint.state == STATE
    assert checkpoint.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert checkpoint.arrays[name].dtype == array.dtype, name
        assert checkpoint.arrays[name].shape == array.shape, name
        assert checkpoint.arrays[name].tobytes() == array.tobytes(), name


def test_the_order_is_the_run_s_and_not_the_clock_s(tmp_path):
    for position in ((10, 0), (9, 99_999), (9, 100_000), (2, 5)):
        directory = write(tmp_path, *position)
    os.utime(directory, (2**31, 2**31))
    (tmp_path / "epoch-00011-step-00000000").write_text("a file")
    (tmp_path / "notes").mkdir()
    assert positions(tmp_path) == [(2, 5), (9, 99_999), (9, 100_000), (10, 0)]
    assert newest(tmp_path)[0].position == (10, 0)
    checkpoints.prune(tmp_path, [Position(9, 100_000), Position(10, 0)])
    assert positions(tmp_path) == [(9, 100_000), (10, 0)]
    assert (tmp_path / "notes").is_dir()
    assert newest(tmp_path / "nowhere") == (None, [])


def flip(path, place=None):
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if place is None else place] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "flipped": flip,
    "flipped in the last byte": lambda path: flip(path, -1),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "zeroed": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "gone": lambda path: path.unlink(),
    "a directory": lambda path: (path.unlink(), path.mkdir()),
    "another's": lambda path: path.write_text('{"files": {}}'),
    "deep": lambda path: path.write_text("[" * 100_000),
}

FILES = (checkpoints.ARRAYS, checkpoints.STATE)
HARMLESS = ("flipped", "flipped in the last byte", "cut", "longer")
"""In the record, which only has to say the right digests."""


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name in FILES for kind in DAMAGES]
    + [(checkpoints.RECORD, kind) for kind in DAMAGES if kind not in HARMLESS],
)
def test_a_damaged_one_is_skipped_for_the_one_before(tmp_path, kind, name):
    write(tmp_path, 0, 1)
    directory = write(tmp_path, 0, 2)
    DAMAGES[kind](directory / name)
    with pytest.raises(DamagedFileError):
        read(directory)
    checkpoint, (complaint,) = newest(tmp_path)
    assert checkpoint.position == (0, 1)
    assert str(directory) in complaint
    assert directory.exists(), "nothing is removed by looking"


def test_every_flipped_bit_of_a_checkpoint_is_found(tmp_path):
    directory = write(tmp_path, 0, 1)
    draw = np.random.default_rng(0)
    for name in (checkpoints.ARRAYS, checkpoints.STATE):
        whole = (directory / name).read_bytes()
        for place in draw.integers(0, len(whole), 40):
            broken = bytearray(whole)
            broken[place] ^= 1 << int(draw.integers(8))
            (directory / name).write_bytes(broken)
            with pytest.raises(DamagedFileError):
                read(directory)
        (directory / name).write_bytes(whole)
    assert read(directory).position == (0, 1)


def test_a_renamed_checkpoint_is_none(tmp_path):
    write(tmp_path, 0, 1).rename(tmp_path / "epoch-00007-step-00000000")
    checkpoint, (complaint,) = newest(tmp_path)
    assert checkpoint is None
    assert "does not match the position in its record" in complaint


def test_the_best_model_is_kept_beside(tmp_path):
    best = tmp_path / "best.keras"
    best.write_bytes(b"first")
    directory = write(tmp_path / "c", 1, 0, best=best)
    other = tmp_path / "new"
    other.write_bytes(b"second")
    other.replace(best)  # as every writer here replaces files
    assert (directory / "best.keras").read_bytes() == b"first"


# ---------------------------------------------------------------------- faults while writing


FILE_LIMIT = """
import resource, sys
import numpy as np
from pathlib import Path
from kerascnn.training import checkpoints
from kerascnn.errors import OutputError
folder, arrays = Path(sys.argv[1]), {"model/0000/w": np.ones(50_000, np.float32)}
checkpoints.write(folder, checkpoints.Position(0, 1), arrays, {})
for limit in map(int, sys.argv[2:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        checkpoints.write(folder, checkpoints.Position(0, 2), arrays, {"x": "y" * 10_000})
    except OutputError as error:
        print(error.exit_code, str(folder) in str(error))
    else:
        print("written")
    checkpoint, complaints = checkpoints.newest(folder)
    print(checkpoint.position.step, complaints, sorted(path.name for path in folder.iterdir()))
"""


def test_no_room_in_the_middle_leaves_the_one_before(tmp_path):
    """A file that may grow to so many bytes only: in the arrays' header, in them, at their end."""
    limits = [0, 10, 5_000, 100_000, 200_000, 200_070]
    done = run_python("-c", FILE_LIMIT, tmp_path / "c", *limits)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines == ["8 True", "1 [] ['epoch-00000-step-00000001']"] * len(limits)


def test_too_little_free_space_is_told_before_anything_is_written(tmp_path, monkeypatch):
    write(tmp_path, 0, 1)
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OutputError, match=r"\d\d,\d+ bytes are needed and 1,000 are free") as error:
        write(tmp_path, 0, 2)
    assert error.value.exit_code == 8
    assert positions(tmp_path) == [(0, 1)]


@pytest.mark.parametrize("call", ["replace", "fsync", "open", "link", "mkdir"])
def test_a_failure_of_any_system_call_leaves_old_or_new(tmp_path, monkeypatch, call):
    """The n-th call fails, for every n, as SQLite is tested."""
    real = getattr(os, call)
    best = tmp_path / "best.keras"
    best.write_bytes(b"best")
    for number in range(30):
        folder = tmp_path / str(number)
        write(folder, 0, 1)
        count = iter(range(10**6))

        def failing(*arguments, count=count, number=number, **options):
            if next(count) == number:
                raise OSError(28, "No space left on device")
            return real(*arguments, **options)

        with monkeypatch.context() as patch:
            patch.setattr(os, call, failing)
            try:
                write(folder, 0, 2, best=best)
                failed = False
            except OutputError:
                failed = True
        checkpoint, complaints = newest(folder)
        assert checkpoint.position in ([(0, 1), (0, 2)] if failed else [(0, 2)])
        assert complaints == []
        if next(count) <= number:  # it was not called that often
            break
    else:
        pytest.fail(f"{call} was called 30 times")


def test_what_a_dead_writer_left_is_removed(tmp_path):
    write(tmp_path, 0, 1)
    (tmp_path / ".epoch-00000-step-00000002.abcd").mkdir()
    (tmp_path / ".epoch-00000-step-00000002.abcd" / "arrays.safetensors").write_bytes(b"half")
    checkpoints.remove_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-00000-step-00000001"]


# ---------------------------------------------------------------------- models


def small(optimizer, units=3, policy="float32"):
    image = keras.Input((4,), name="image")
    x = keras.layers.BatchNormalization(dtype=policy)(image)
    x = keras.layers.Dropout(0.5, seed=1)(x)
    out = keras.layers.Dense(units, activation="softmax", dtype="float32", name="p")(x)
    model = keras.Model(image, out)
    if policy == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=2.0)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
    "adamw with averages": lambda: keras.optimizers.AdamW(0.01, use_ema=True, ema_momentum=0.5),
}


@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_a_model_goes_on_from_a_checkpoint_as_if_nothing_had_been(tmp_path, kind, policy):
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(6, 8, 4)).astype("float32"), draw.integers(0, 3, (6, 8))
    model = small(OPTIMIZERS[kind](), policy=policy)
    for step in range(3):
        model.train_on_batch(x[step], y[step])
    arrays = capture(model)
    assert any("seed" in name for name in arrays)
    assert any(name.startswith("metrics") for name in arrays)
    checkpoints.write(tmp_path, Position(0, 3), arrays, {})
    other = small(OPTIMIZERS[kind](), policy=policy)
    other.optimizer.build(other.trainable_variables)
    restore(other, read(tmp_path / Position(0, 3).folder_name).arrays)
    for step in range(3, 6):
        model.train_on_batch(x[step], y[step])
        other.train_on_batch(x[step], y[step])
    pairs = zip(
        [*model.variables, *model.optimizer.variables],
        [*other.variables, *other.optimizer.variables],
        strict=True,
    )
    for variable, other_variable in pairs:
        np.testing.assert_array_equal(
            np.asarray(variable), np.asarray(other_variable), err_msg=variable.path
        )
    assert checkpoints.weights_digest(model) == checkpoints.weights_digest(other)
    # A copy: training on did not change what was captured.
    steps = [int(array) for name, array in arrays.items() if name.endswith("iteration")]
    assert max(steps) == 3  # loss scaling has a counter of its own, which stays 0


def test_another_network_is_refused_and_left_alone():
    model, other = small(OPTIMIZERS["sgd"]()), small(OPTIMIZERS["sgd"](), units=4)
    for network in (model, other):
        network.optimizer.build(network.trainable_variables)
    before = checkpoints.weights_digest(other)
    with pytest.raises(MismatchError, match=r"belongs to another network or optimizer: .*kernel"):
        restore(other, capture(model))
    averaged = small(OPTIMIZERS["adamw with averages"]())
    averaged.optimizer.build(averaged.trainable_variables)
    with pytest.raises(MismatchError, match="optimizer/0004"):
        restore(other, capture(averaged))
    assert checkpoints.weights_digest(other) == before


def test_values_that_are_not_finite_are_named():
    assert not_finite(ARRAYS) is None
    for name in ("model/0000/kernel", "optimizer/0001/half", "optimizer/0002/brain"):
        broken = ARRAYS[name].copy()
        broken.flat[1] = np.nan
        assert not_finite({**ARRAYS, name: broken}) == name
    assert not_finite({"metrics/0000/total": np.array(np.inf)}) is None


def test_the_digest_tells_values_shapes_and_order():
    model = small(OPTIMIZERS["sgd"]())
    first = checkpoints.weights_digest(model)
    layer = model.get_layer("p")
    value = np.asarray(layer.bias).copy()
    value[0] = np.nextafter(value[0], np.float32(1))
    layer.bias.assign(value)
    assert checkpoints.weights_digest(model) != first


def test_the_record_is_json_that_people_can_read(tmp_path):
    directory = write(tmp_path, 3, 0)
    record = json.loads((directory / "commit.json").read_text())
    assert record["position"] == [3, 0]
    assert record["files"]["state.json"]["bytes"] == (directory / "state.json").stat().st_size
