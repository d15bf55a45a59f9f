"""The ways in which people wrap, rename and store checkpoints: the logits of the bare file."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.errors import KerasCNNError
from kerascnn.weights.load import load_weights
from kerascnn.weights.load_report import LoadError
from kerascnn.weights.save import write_safetensors
from support.weight_files.keras_files import write_keras2
from support.weight_files.other_libraries import as_keras, as_torch, scrambled
from support.weight_files.torch_files import state_dict, write_old, write_zip

Tensors = dict[str, np.ndarray]
IMAGES = np.random.default_rng(0).random((2, 32, 32, 3), "f4")
SMALL: dict[str, Any] = {
    "width": 0.125, "depth": 0.25, "input_shape": (32, 32, 3), "classes": 10,
}  # fmt: skip
ROWS = {
    "torchvision": ("resnet50_v1_5", {}),
    "timm": ("efficientnet_b0", {"depth": 0.3}),
    "cifar": ("wrn16_8", {"depth": 0.5}),
}


@pytest.fixture(scope="module")
def networks() -> dict[str, tuple[keras.Model, Tensors, np.ndarray]]:
    """Returns for each library a small network, its tensors there, and its logits."""
    result = {}
    for library, (row, more) in ROWS.items():
        model = kerascnn.create_model(row, classifier_activation=None, **{**SMALL, **more})
        scrambled(model, f"{library} ")
        result[library] = model, as_torch(model, library), np.asarray(model(IMAGES))
    return result


def named(prefix: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {f"{prefix}{name}": array for name, array in tensors.items()}


def inside(wrapper: str) -> Callable[[Tensors], Tensors]:
    """Puts a wrapper behind the first component of every name that has more than two."""
    pattern = re.compile(r"^(\w+)\.(?=\w+\.)")
    return lambda tensors: {pattern.sub(rf"\1.{wrapper}.", k): v for k, v in tensors.items()}


def with_extras(tensors: Tensors) -> Tensors:
    extras = {
        "n_averaged": np.asarray(3),
        "criterion.weight": np.ones(10, "f4"),
        "val_acc.tp": np.zeros(10, "i8"),
        "queue": np.ones((16, 4), "f4"),
    }
    return {**extras, **tensors}


def with_deep_head(tensors: Tensors) -> Tensors:
    """A head that is Sequential(Dropout, Linear)."""
    head = re.compile(r"^(fc|classifier)\.(weight|bias)$")
    return {head.sub(r"\1.1.\2", name): array for name, array in tensors.items()}


def momentum(tensors: Tensors) -> Tensors:
    """Only the query network of MoCo's two, behind DataParallel."""
    return {
        **named("module.encoder_q.")(tensors),
        "module.queue": np.ones((8, 8), "f4"),
        "module.queue_ptr": np.zeros(1, "i8"),
    }


NAMINGS: dict[str, Callable[[Tensors], Tensors]] = {
    "bare": named(""),
    "module": named("module."),
    "compiled": named("_orig_mod."),
    "net": named("net."),
    "backbone": named("backbone."),
    "two": named("module.encoder."),
    "deep": named("student.backbone.0."),
    "inner": inside("module"),
    "inner_compiled": inside("_orig_mod"),
    "extras": with_extras,
    "head": with_deep_head,
    "momentum": momentum,
}


def wrapped(value: Any) -> dict[str, Any]:
    """Returns what scripts save with the weights under many keys."""
    moments = state_dict({"exp_avg": np.ones(3, "f4")})
    optimizer = {"state": {0: moments}, "param_groups": [{"lr": 0.1}]}
    return {
        "bare": value,
        "state_dict": {"state_dict": value, "epoch": 3, "optimizer": optimizer},
        "network": {"network": value, "step": 1},
        "params": {"epoch": 1, "params": {"inner": value}},
        "list": {"models": [value]},
        "averaged": {"ema": value, "optimizer": optimizer},
    }


def write(path: Path, tensors: Tensors, wrapper: str) -> Path:
    """Writes tensors in the container that the suffix tells."""
    if path.suffix == ".safetensors":
        write_safetensors(tensors, path, {"format": "pt"})
    elif path.suffix == ".npz":
        np.savez(path, **tensors)
    elif path.suffix == ".tar":
        write_old(path, wrapped(state_dict(tensors))[wrapper])
    else:
        write_zip(path, wrapped(state_dict(tensors))[wrapper])
    return path


def cases() -> list[tuple[str, str, str, str, str]]:
    """Returns library, naming, container, wrapper and precision of 48 files."""
    wrappers = itertools.cycle(wrapped(None))
    precisions = itertools.cycle(("f4", "f4", "f2"))
    suffixes = itertools.cycle((".pth", ".safetensors", ".npz", ".tar", ".pth"))
    result = []
    for library, naming in itertools.product(ROWS, NAMINGS):
        suffix, wrapper = next(suffixes), next(wrappers)
        if suffix in (".npz", ".safetensors"):
            wrapper = "bare"
        result.append((library, naming, suffix, wrapper, next(precisions)))
    rest = itertools.product(ROWS, ("module", "net"), ("network", "averaged"))
    return [
        *result,
        *((library, naming, ".pth", wrapper, "f4") for library, naming, wrapper in rest),
    ]


@pytest.mark.parametrize(("library", "naming", "suffix", "wrapper", "precision"), cases())
def test_a_wrapped_checkpoint_has_the_logits_of_the_bare_one(
    library: str,
    naming: str,
    suffix: str,
    wrapper: str,
    precision: str,
    networks: dict[str, tuple[keras.Model, Tensors, np.ndarray]],
    tmp_path: Path,
) -> None:
    model, tensors, logits = networks[library]
    stored = {
        name: array.astype(precision) if array.dtype == "f4" else array
        for name, array in NAMINGS[naming](tensors).items()
    }
    scrambled(model, "before ")
    path = write(tmp_path / f"file{suffix}", stored, wrapper)
    report = load_weights(model, path)
    assert report.fraction == 1.0
    tolerance = 1e-6 if precision == "f4" else 2e-2 * float(np.abs(logits).max())
    np.testing.assert_allclose(model(IMAGES), logits, atol=tolerance, rtol=0)
    if naming == "extras":
        assert {"n_averaged", "criterion.weight"} <= set(report.unexpected)
    if naming in ("net", "backbone", "deep"):
        assert report.prefix == NAMINGS[naming]({"": 0}).popitem()[0]


def test_two_networks_are_told_apart_by_the_part(
    networks: dict[str, tuple[keras.Model, Tensors, np.ndarray]], tmp_path: Path
) -> None:
    model, tensors, logits = networks["torchvision"]
    right = {name: array + 1 for name, array in tensors.items()}
    both = {**named("left.")(tensors), **named("right.")(right)}
    path = write(tmp_path / "both.pth", both, "state_dict")
    with pytest.raises(LoadError, match="2 networks") as info:
        load_weights(model, path)
    advice = re.search(r"load_weights\(model, path, part=.*\)", str(info.value))
    assert advice is not None
    scrambled(model, "before ")
    report = eval(advice[0], {"load_weights": load_weights, "model": model, "path": path})
    np.testing.assert_allclose(model(IMAGES), logits, atol=1e-6)
    others = {key for key in both if key.startswith("right.") and "num_batches" not in key}
    assert set(report.unexpected) == others
    with pytest.raises(KerasCNNError, match="no tensor under the prefix 'middle'"):
        load_weights(model, path, part="middle")


def test_a_table_is_chosen_and_the_others_are_named(
    networks: dict[str, tuple[keras.Model, Tensors, np.ndarray]], tmp_path: Path
) -> None:
    model, tensors, logits = networks["torchvision"]
    other = {name: array + 1 for name, array in tensors.items()}
    saved = {"model": state_dict(tensors), "averages": {"params": state_dict(other)}}
    path = write_zip(tmp_path / "x.pth", saved)
    report = load_weights(model, path)
    np.testing.assert_allclose(model(IMAGES), logits, atol=1e-6)
    assert (report.table, report.other_tables) == ("model", ("averages/params",))
    report = load_weights(model, path, table="params")
    assert report.table == "averages/params"
    np.testing.assert_array_equal(model.get_layer("predictions").bias, other["fc.bias"])
    with pytest.raises(KerasCNNError, match="'averages/params'"):
        load_weights(model, path, table="ema")


def test_averages_are_preferred_in_files_of_timms_training_script(
    networks: dict[str, tuple[keras.Model, Tensors, np.ndarray]], tmp_path: Path
) -> None:
    model, tensors, logits = networks["timm"]
    other = {name: array + 1 for name, array in tensors.items()}
    saved = {
        "arch": "efficientnet_b0",
        "state_dict": state_dict(other),
        "state_dict_ema": state_dict(tensors),
    }
    report = load_weights(model, write_zip(tmp_path / "last.pth.tar", saved))
    assert (report.table, report.other_tables) == ("state_dict_ema", ("state_dict",))
    # "arch" tells one of two networks.
    assert not any("networks" in warning for warning in report.warnings)
    np.testing.assert_allclose(model(IMAGES), logits, atol=1e-6)
    with pytest.raises(LoadError, match="padding='same'"):
        load_weights(model, write_zip(tmp_path / "x.pth", {**saved, "arch": "tf_efficientnet_b0"}))


def test_prefixes_of_keras_files(tmp_path: Path) -> None:
    model = kerascnn.create_model("resnet50_v2", classifier_activation=None, **SMALL)
    scrambled(model)
    logits = np.asarray(model(IMAGES))
    layers = {
        f"backbone/{layer}": {f"backbone/{name}": array for name, array in tensors.items()}
        for layer, tensors in as_keras(model).items()
    }
    path = write_keras2(tmp_path / "x.h5", layers)
    scrambled(model, "before ")
    assert load_weights(model, path).fraction == 1.0
    np.testing.assert_allclose(model(IMAGES), logits, atol=1e-6)


def test_what_belongs_to_the_network_still_blocks(
    networks: dict[str, tuple[keras.Model, Tensors, np.ndarray]], tmp_path: Path
) -> None:
    """Another block or another classifier is not an extra tensor."""
    model, tensors, _ = networks["torchvision"]
    deeper = {**tensors, "layer1.7.conv1.weight": np.ones((8, 8, 1, 1), "f4")}
    with pytest.raises(LoadError, match=re.escape("layer1.7.conv1.weight")):
        load_weights(model, write(tmp_path / "deeper.pth", deeper, "bare"))
    other = {name: array for name, array in tensors.items() if not name.startswith("fc.")}
    other["head.weight"] = tensors["fc.weight"]
    with pytest.raises(LoadError, match=re.escape("head.weight")):
        load_weights(model, write(tmp_path / "head.pth", other, "bare"))
