"""Arguments of other libraries' builders: the error says what to write here."""

from __future__ import annotations

import pytest

import kerascnn
from kerascnn.errors import UsageError
from kerascnn.models.foreign_arguments import ADVICE, NAMES
from kerascnn.models.registry import list_models, model_info
from kerascnn.models.request import ARGUMENTS


@pytest.mark.parametrize(
    ("row", "argument", "here"),
    [
        # keras.applications
        ("mobilenet_v1", "alpha", "its name here is width"),
        ("mobilenet_v1", "depth_multiplier", "every depthwise filter makes one channel here"),
        ("mobilenet_v3_small", "minimalistic", "'RE' in every line of the column lines"),
        ("efficientnet_b0", "drop_connect_rate", "its name here is stochastic_depth"),
        ("efficientnet_b0", "include_rescaling", "its name here is include_preprocessing"),
        ("densenet121", "blocks", "its name here is layers"),
        ("nasnet_mobile", "penultimate_filters", "its name here is penultimate"),
        # torchvision
        ("googlenet", "aux_logits", "its name here is auxiliary"),
        ("resnet50", "zero_init_residual", "its name here is zero_gamma"),
        ("resnext50_32x4d", "width_per_group", "its name here is group_width"),
        ("densenet121", "block_config", "its name here is layers"),
        ("mobilenet_v2", "width_mult", "its name here is width"),
        ("resnet50", "progress", "leave it out"),
        # timm
        ("resnet50", "pretrained", 'write weights="imagenet" for the published weights'),
        ("lenet5", "pretrained", "write weights=PATH for a file"),
        ("resnet50", "num_classes", "its name here is classes"),
        ("resnet50", "in_chans", "write input_shape=.height, width, channels."),
        ("resnet50", "drop_rate", "its name here is dropout"),
        ("resnet50", "drop_path_rate", "its name here is stochastic_depth"),
        ("resnet50", "global_pool", "its name here is pooling"),
        ("resnet50", "img_size", "its name here is input_shape"),
        ("resnet50", "features_only", "pass the model to kerascnn.features"),
        ("se_resnet50", "rd_ratio", "its name here is reduction"),
    ],
)
def test_the_error_says_what_to_write_here(row, argument, here):
    with pytest.raises(UsageError, match=f"^{row} has no argument '{argument}'; .*{here}"):
        kerascnn.create_model(row, **{argument: 1})
    with pytest.raises(UsageError, match=f"has no argument '{argument}'"):
        model_info(row)(**{argument: 1})


def test_names_are_not_proposed_where_a_builder_lacks_them():
    with pytest.raises(UsageError, match=r"vgg16 has no argument 'aux_logits'\. Its own columns"):
        kerascnn.create_model("vgg16", aux_logits=True)


@pytest.mark.parametrize("row", list_models())
def test_no_foreign_argument_is_dropped(row):
    columns = model_info(row).own_columns
    for argument in {*NAMES, *ADVICE, "pretrained"} - set(columns):
        with pytest.raises(UsageError, match=f"^{row} has no argument '{argument}'") as error:
            model_info(row).columns({argument: 1})
        here = NAMES.get(argument)
        if f"its name here is {here}" in str(error.value):
            assert here in {*ARGUMENTS, *columns}


def test_every_name_is_one_of_some_builder():
    known = set(ARGUMENTS).union(*(model_info(row).own_columns for row in list_models()))
    assert set(NAMES.values()) <= known
    assert not set(NAMES) & set(ARGUMENTS)
    assert not set(NAMES) & set(ADVICE)


@pytest.mark.parametrize("name", ["DEFAULT", "IMAGENET1K_V2", "noisy-student"])
def test_names_of_weights_of_other_libraries_are_answered_with_ours(name):
    with pytest.raises(UsageError, match=r"neither a file.*; for resnet50: keras/resnet"):
        kerascnn.create_model("resnet50", weights=name)
    with pytest.raises(UsageError, match="for lenet5: none are published"):
        kerascnn.create_model("lenet5", weights=name)
