"""Names, records and refusals of the registry."""

from __future__ import annotations

import inspect

import pytest

import kerascnn
import kerascnn.applications
from kerascnn.create import create_model
from kerascnn.models.registry import (
    Scale,
    UnknownModelError,
    builders,
    list_models,
    model_info,
    register,
)
from kerascnn.models.request import ARGUMENTS, Request
from support.processes import run_python


def test_names_and_builders_are_the_same_records():
    for name in list_models():
        variant = model_info(name)
        assert variant.name == name
        assert getattr(kerascnn.applications, variant.builder) is variant
        assert model_info(variant.builder) is variant
    assert set(kerascnn.applications.__all__) == set(builders())


def test_help_tells_what_a_builder_is(capsys):
    help(kerascnn.applications.ResNet50)
    text = capsys.readouterr().out
    for part in (
        'ResNet50, by name `create_model("resnet50")`: returns a `keras.Model`.',
        "Deep residual learning for image recognition (arXiv:1512.03385, 2015).",
        "224 x 224 x 3 pixels, 1,000 classes,",
        "25,557,032 trainable parameters, 3,857,973,248 multiply-accumulates.",
        "include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation",
        "repeats=(3, 4, 6, 3)",
        "zero_gamma: the last batch norm of every branch starts at zero",
    ):
        assert part in text, part


@pytest.mark.parametrize("name", ["ResNet50", "VGG16", "EfficientNetB0", "DenseNet121", "AlexNet"])
def test_arguments_come_in_the_order_of_keras_applications(name):
    # keras.applications.ResNet50; older families of that library have orders of their own.
    parameters = inspect.signature(getattr(kerascnn.applications, name)).parameters.values()
    positional = [
        parameter.name
        for parameter in parameters
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    keyword = [
        parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY
    ]
    assert positional == [
        "include_top", "weights", "input_tensor", "input_shape", "pooling", "classes",
        "classifier_activation", "name",
    ]  # fmt: skip
    assert [*positional, *keyword] == [*ARGUMENTS, *model_info(name).own_columns]


def test_create_model_and_the_request_have_the_same_arguments_and_defaults():
    parameters = inspect.signature(create_model).parameters
    defaults = {name: parameters[name].default for name in ARGUMENTS}
    request = Request()
    assert list(parameters) == ["architecture", *ARGUMENTS, "columns"]
    for name in ("input_tensor", "name"):
        assert defaults.pop(name) is None
    assert defaults == {name: getattr(request, name) for name in defaults}


def test_patterns_and_families():
    assert list_models("lenet*") == ["lenet5", "lenet5_1998"]
    assert list_models(family="lenet") == ["lenet5", "lenet5_1998"]
    with pytest.raises(ValueError, match=r"the families are: .*lenet"):
        list_models(family="lent")


def test_an_unknown_model_names_the_nearest():
    with pytest.raises(UnknownModelError, match=r"no model is called 'lenet'.*lenet5"):
        model_info("lenet")


def test_a_name_can_be_registered_once():
    with pytest.raises(ValueError, match=r"lenet5 .LeNet5. is registered twice"):
        register(model_info("lenet5"))


def test_an_argument_that_is_no_column_names_the_nearest():
    with pytest.raises(ValueError, match="'clases'; did you mean 'classes'"):
        kerascnn.create_model("lenet5", clases=10)


def test_rounding_of_scale_is_half_up_with_at_least_one():
    scale = Scale(depth=0.5, width=0.25)
    assert [scale.repeats(n) for n in (0, 1, 2, 3, 5)] == [0, 1, 1, 2, 3]
    assert [scale.channels(c) for c in (1, 2, 6, 64)] == [1, 1, 2, 16]
    assert [scale.channels(c, 8) for c in (3, 24, 48, 64)] == [8, 8, 16, 16]
    assert Scale().channels(6, 8) == 6  # the paper's count is kept whatever the multiple
    assert [Scale(kernel_size=k).pad(5, 0) for k in (3, 5, 7)] == [-1, 0, 1]


def test_reading_the_tables_imports_neither_keras_nor_numpy():
    code = (
        "import sys, kerascnn; kerascnn.list_models(); kerascnn.summarize('lenet5').table();"
        "print([m for m in ('keras', 'tensorflow', 'numpy', 'torch', 'jax') if m in sys.modules])"
    )
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "resize", "mean", "std"),
    [
        # torchvision's ImageClassification(crop_size=224): resize 256, these means and deviations.
        ("resnet18", 256, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ("efficientnet_b0", 256, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        # keras.applications' mode "tf": x / 127.5 - 1.
        ("inception_v3", 342, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        ("mobilenet_v1", 256, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    ],
)
def test_photographs_are_cropped_and_scaled_as_where_the_row_comes_from(name, resize, mean, std):
    preprocessing = model_info(name).preprocessing
    assert (preprocessing.fit, preprocessing.resize, preprocessing.mean, preprocessing.std) == (
        "crop",
        resize,
        mean,
        std,
    )


def test_small_images_are_only_scaled():
    preprocessing = model_info("resnet20_cifar").preprocessing
    assert (preprocessing.fit, preprocessing.mean, preprocessing.std, preprocessing.scale) == (
        "resize",
        (0.0,),
        (1.0,),
        1 / 255,
    )
