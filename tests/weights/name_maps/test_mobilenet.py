"""Names of the MobileNets' layers in other libraries."""

from __future__ import annotations

import pytest

from kerascnn.weights.name_maps import layouts
from support.plans import weighted_layers_of

NAMES = ["mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small"]


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_with_weights_has_one_name_elsewhere(name):
    names = weighted_layers_of(name)
    for source, layout in layouts("mobilenet").items():
        # torchvision has none, and its file of keras.applications bears the names of today.
        if name == "mobilenet_v1" and source in ("torchvision", "keras_files"):
            assert layout(names) == {}
            continue
        if source.startswith("huggingface") and "v3" in name:
            assert layout(names) == {}
            continue
        modules = layout(names)
        if source == "huggingface_backbone":
            modules["predictions"] = "none"
        assert list(modules) == names, source
        assert len(set(modules.values())) == len(names), source


def test_names_elsewhere():
    def place(source, row, *layers):
        names = weighted_layers_of(row)
        modules = layouts("mobilenet")[source](names)
        return [modules[layer] for layer in layers]

    assert place("torchvision", "mobilenet_v2", "bottleneck2_1_dw", "bottleneck3_1_dw_bn") == [
        "features.1.conv.0.0", "features.2.conv.1.1"
    ]  # fmt: skip
    assert place("torchvision", "mobilenet_v2", "bottleneck8_1_project_bn", "conv_last_bn") == [
        "features.17.conv.3", "features.18.1"
    ]  # fmt: skip
    assert place("torchvision", "mobilenet_v3_small", "bneck2_1_se_reduce", "hidden") == [
        "features.1.block.1.fc1", "classifier.0"
    ]  # fmt: skip
    assert place("timm", "mobilenet_v3_large", "bneck2_1_project", "bneck3_1_project") == [
        "blocks.0.0.conv_pw", "blocks.1.0.conv_pwl"
    ]  # fmt: skip
    assert place("timm", "mobilenet_v3_large", "conv_last", "hidden") == [
        "blocks.6.0.conv", "conv_head"
    ]  # fmt: skip
    assert place("keras", "mobilenet_v1", "separable5_6_pw_bn", "predictions") == [
        "conv_pw_11_bn", "conv_preds"
    ]  # fmt: skip
    assert place("keras", "mobilenet_v2", "bottleneck2_1_dw_bn", "bottleneck3_2_expand_bn") == [
        "expanded_conv_depthwise_BN", "block_2_expand_BN"
    ]  # fmt: skip
    assert place("keras", "mobilenet_v3_small", "bneck4_1_se_expand", "predictions") == [
        "expanded_conv_3_squeeze_excite_conv_1", "logits"
    ]  # fmt: skip
