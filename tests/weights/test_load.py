"""What `load_weights` takes and refuses; a refusal changes nothing of the model."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerascnn
from kerascnn.errors import UnsafeFileError, UsageError
from kerascnn.fileio.atomic import sha256_file
from kerascnn.models.planning import plan
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from kerascnn.weights.expected_shapes import expected
from kerascnn.weights.load import load_weights
from kerascnn.weights.load_report import LoadError
from kerascnn.weights.name_maps import layouts
from kerascnn.weights.save import save_weights
from support.weight_files.benign import safetensors
from support.weight_files.keras_files import keras2_layers, write_keras2
from support.weight_files.other_libraries import TORCH_NAMES, scrambled, torch_shape, values
from support.weight_loads import (
    SMALL,
    changed,
    refused,
    resnet,
    same,
    stored,
    torch_file,
    wanted,
)


@pytest.fixture
def model() -> keras.Model:
    return resnet()


def test_a_file_of_torchvision_names(tmp_path: Path, model: keras.Model) -> None:
    report = load_weights(model, torch_file(tmp_path / "x.pth", stored()))
    assert same(values(model), wanted())
    assert report.layout == "torchvision"
    assert report.container == "torch"
    assert set(report.loaded) == set(wanted())
    assert report.adapted == report.missing == report.unexpected == report.skipped == ()
    assert report.fraction == 1
    assert not report.verified
    text = str(report)
    assert "torchvision layout (torch), no digests to verify" in text
    assert report.sha256 in text
    assert report.to_json()["fraction"] == 1


def test_training_after_a_load_writes_into_its_own_variables_alone(tmp_path: Path) -> None:
    """The variables take over memory that the load set aside: no copy, so nothing may overlap."""
    path = torch_file(tmp_path / "x.pth", stored())
    expected = wanted()
    loaded, other, plain = (kerascnn.create_model("resnet18", **SMALL) for _ in range(3))
    load_weights(loaded, path)
    load_weights(other, path)
    plain.set_weights([expected[name] for name in values(plain)])
    images = np.random.default_rng(0).random((8, 32, 32, 3), np.float32)
    for network in (loaded, plain):
        network.compile(keras.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy")
        network.fit(images, np.arange(8) % 10, batch_size=4, epochs=2, shuffle=False, verbose=0)
    assert same(values(other), expected)
    trained = values(plain)
    for name, value in values(loaded).items():
        np.testing.assert_allclose(value, trained[name], rtol=1e-4, atol=1e-5, err_msg=name)
    assert not same(trained, expected)


def test_a_model_under_a_strategy(tmp_path: Path) -> None:
    """Its variables are spread over devices, and TensorFlow has no single handle of one."""
    path = torch_file(tmp_path / "x.pth", stored())
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        model = kerascnn.create_model("resnet18", **SMALL)
    assert isinstance(model.weights[0].value, tf.distribute.DistributedValues)
    load_weights(model, path)
    assert same(values(model), wanted())


def test_the_digest_is_of_the_file(tmp_path: Path, model: keras.Model) -> None:
    path = torch_file(tmp_path / "x.pth", stored())
    assert load_weights(model, path).sha256 == sha256_file(path)


@pytest.mark.parametrize("suffix", [".weights.h5", ".safetensors", ".npz", ".h5", ".keras"])
def test_twins_of_equal_shape_are_told_apart(tmp_path: Path, suffix: str) -> None:
    """Keras's own loader goes by position: with the layers in another order it swaps them."""

    def network(*order: str) -> keras.Model:
        image = keras.Input((4,))
        x = image
        for name in order:
            x = keras.layers.Dense(4, name=name)(x)
        return keras.Model(image, x)

    first, second = network("left", "right", "last"), network("right", "last", "left")
    wanted = scrambled(first)
    path = tmp_path / f"x{suffix}"
    if suffix in (".h5", ".keras"):
        first.save(path)
    else:
        save_weights(first, path)
    load_weights(second, path)
    assert {name: value.tobytes() for name, value in values(second).items()} == {
        name: value.tobytes() for name, value in wanted.items()
    }


def test_the_order_in_a_file_does_not_matter(tmp_path: Path, model: keras.Model) -> None:
    names = sorted(stored(), key=lambda name: hash(name) % 1000)
    path = torch_file(tmp_path / "x.pth", {name: stored()[name] for name in names})
    load_weights(model, path)
    assert same(values(model), wanted())


def test_missing_and_unexpected_tensors(tmp_path: Path, model: keras.Model) -> None:
    error = refused(
        model, changed(tmp_path, bn1__weight=None, layer1__0__conv1__weight=None, extra=np.ones(1))
    )
    assert isinstance(error, LoadError)
    assert error.report is not None
    assert error.report.missing == ("conv1_bn/gamma", "conv2_1_conv1/kernel")
    assert error.report.unexpected == ("extra",)
    assert error.report.sha256 == ""
    assert "2 tensors differ: missing conv1_bn/gamma" in str(error)
    assert "strict=False loads the rest" in str(error)


def test_all_wrong_shapes_are_listed(tmp_path: Path, model: keras.Model) -> None:
    """Flattened, transposed, a scalar for a vector, one value too many."""
    kernel = stored()["layer1.0.conv1.weight"]
    error = refused(
        model,
        changed(
            tmp_path,
            layer1__0__conv1__weight=kernel.ravel(),
            layer2__0__conv2__weight=stored()["layer2.0.conv2.weight"].transpose(2, 3, 1, 0),
            bn1__bias=np.array(1.0),
            bn1__weight=np.ones(9),
        ),
    )
    assert isinstance(error, LoadError)
    assert error.report is not None
    assert {entry.name for entry in error.report.mismatched} == {
        "conv2_1_conv1/kernel",
        "conv3_1_conv2/kernel",
        "conv1_bn/beta",
        "conv1_bn/gamma",
    }
    result = {entry.name: (entry.found, entry.wanted) for entry in error.report.mismatched}
    assert result["conv1_bn/gamma"] == ((9,), (8,))
    assert "4 tensors differ" in str(error)


def test_partial_loads_must_be_asked_for(tmp_path: Path, model: keras.Model) -> None:
    path = changed(tmp_path, bn1__weight=None)
    before = values(model)["conv1_bn/gamma"]
    report = load_weights(model, path, strict=False)
    assert report.missing == ("conv1_bn/gamma",)
    result = values(model)
    assert result.pop("conv1_bn/gamma").tobytes() == before.tobytes()
    assert same(
        result, {name: value for name, value in wanted().items() if name != "conv1_bn/gamma"}
    )
    total = sum(layer.size for layer in wanted().values())
    assert report.fraction == pytest.approx((total - 8) / total)
    scrambled(model)
    assert load_weights(model, path, strict=0.99).fraction > 0.99
    scrambled(model)
    assert "asks for more" in str(refused(model, path, strict=1.0))


@pytest.mark.parametrize("row", ["resnet34", "vgg11"])
def test_the_wrong_network(tmp_path: Path, model: keras.Model, row: str) -> None:
    """Of the same family or another: the row that the file is of is named."""
    variant = model_info(row)
    layers = expected(plan(variant, Request(input_shape=(32, 32, 3))))
    modules = layouts(variant.family)["torchvision"](list(layers))
    tensors = {
        f"{modules[name]}.{TORCH_NAMES[v]}": np.zeros(torch_shape(layer, v), "f2")
        for name, layer in layers.items()
        for v in layer.variables
    }
    error = refused(model, torch_file(tmp_path / "x.pth", tensors))
    assert isinstance(error, LoadError)
    assert f"it fits {row}" in str(error)
    assert f'build create_model("{row}"' in str(error)


def test_nothing_matches(tmp_path: Path, model: keras.Model) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(safetensors({f"x\n{i}\x1b[31m": np.ones(2, "f4") for i in range(9)}))
    text = str(refused(model, path, strict=False))
    assert "0 of 62 tensors of resnet18 found by name" in text
    assert r"the file begins with 'x\n0\x1b[31m', 'x\n1" in text
    assert "match='order'" not in text  # which would fail too


def test_a_whole_model_of_keras_2(tmp_path: Path, model: keras.Model) -> None:
    before = values(model)
    config = {"class_name": "Functional", "config": {"layers": []}}
    path = write_keras2(tmp_path / "x.h5", keras2_layers(model), config=config)
    scrambled(model, "again ")
    report = load_weights(model, path)
    assert same(values(model), before)
    assert (report.layout, report.container) == ("kerascnn", "keras h5")


def test_arguments_are_checked_before_the_file(tmp_path: Path, model: keras.Model) -> None:
    for options in ({"head": "new"}, {"match": "shape"}, {"strict": 2}, {"strict": "yes"}):
        with pytest.raises(UsageError, match=next(iter(options))):
            load_weights(model, tmp_path / "absent", **options)  # type: ignore[arg-type]


def test_models_that_cannot_be_loaded_by_name(tmp_path: Path) -> None:
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4), keras.layers.Dense(4)])
    outer = keras.Sequential([keras.Input((4,)), inner, keras.layers.Dense(2)])
    with pytest.raises(UsageError, match="models inside it"):
        load_weights(outer, changed(tmp_path))
    with pytest.raises(UsageError, match="has no weights; build it first"):
        load_weights(keras.Sequential([keras.layers.Dense(2)]), changed(tmp_path))


def test_a_compressed_tensor_of_another_shape_that_swells(tmp_path: Path) -> None:
    """A first convolution may have more channels in the file, but not from nothing."""
    model = kerascnn.create_model("lenet5")
    tensors = values(model)
    tensors["c1/kernel"] = np.zeros((5, 5, 2**18, 6), "f4")
    path = tmp_path / "x.npz"
    np.savez_compressed(path, **tensors)
    assert path.stat().st_size < 2**20
    error = refused(model, path)
    assert isinstance(error, UnsafeFileError)
    assert "expand" in str(error) or "swell" in str(error)


def test_the_advice_of_an_error_loads_the_file(tmp_path: Path) -> None:
    """The call in the message builds the model that the file fits; a tie names both rows."""
    source = kerascnn.create_model("lenet5", input_shape=(32, 32, 3), classes=4, c1=8)
    path = tmp_path / "x.npz"
    arrays = {f"{la.name}/{v.name}": np.asarray(v) for la in source.layers for v in la.weights}
    np.savez(path, **arrays)
    with pytest.raises(LoadError) as refusal:
        load_weights(kerascnn.create_model("vgg11", input_shape=(32, 32, 3)), path)
    call = re.search(r"build (create_model\(.*\)) and load", str(refusal.value))
    assert call is not None
    name, *arguments = ast.parse(call[1], mode="eval").body.args  # type: ignore[attr-defined]
    keywords = ast.parse(call[1], mode="eval").body.keywords  # type: ignore[attr-defined]
    assert not arguments
    values = {word.arg: ast.literal_eval(word.value) for word in keywords}
    model = kerascnn.create_model(name.value, **values)
    assert load_weights(model, path).fraction == 1


def test_order_is_advised_only_where_it_fits(tmp_path: Path) -> None:
    model = kerascnn.create_model("lenet5")
    arrays = [np.asarray(variable) for variable in model.weights]
    path = write_keras2(
        tmp_path / "x.h5", {f"z{i}": {f"z{i}/w": array} for i, array in enumerate(arrays)}
    )
    text = str(refused(model, path))
    assert "match='order' loads them" in text
    assert load_weights(model, path, match="order").fraction == 1
