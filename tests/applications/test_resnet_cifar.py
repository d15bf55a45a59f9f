"""CIFAR ResNets against section 4.2 and Table 6 of He 2015."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.models.registry import list_models, model_info
from support.plans import entries_of, plan_of

# Table 6, in millions.
PARAMETERS = {20: 0.27, 32: 0.46, 44: 0.66, 56: 0.85, 110: 1.7}


def entries(name, **columns):
    return entries_of(name, columns=columns)


@pytest.mark.parametrize("layers", PARAMETERS)
def test_the_table_of_section_4_2(layers):
    """1 + 2n convolutions with 16 maps of 32x32, 2n with 32 of 16x16, 2n with 64 of 8x8."""
    n = (layers - 2) // 6
    convs = [entry for entry in entries(f"resnet{layers}_cifar").values() if entry.kind == "Conv2D"]
    assert [conv.cost.shape[1:] for conv in convs] == (
        [(32, 32, 16)] * (1 + 2 * n) + [(16, 16, 32)] * 2 * n + [(8, 8, 64)] * 2 * n
    )
    assert {conv.config["kernel_size"] for conv in convs} == {3}
    params = model_info(f"resnet{layers}_cifar").params
    assert round(params / 1e6, 1 if layers > 100 else 2) == PARAMETERS[layers]


@pytest.mark.parametrize("layers", [20, 32, 44, 56])
def test_plain_networks_have_exactly_the_residual_ones_parameters(layers):
    plain, residual = model_info(f"plain{layers}_cifar"), model_info(f"resnet{layers}_cifar")
    assert (plain.params, plain.macs) == (residual.params, residual.macs)
    assert "plain110_cifar" not in list_models()


def test_resnet_1202_and_1001():
    """Table 6: 19.4 M; Table 4 of arXiv:1603.05027: ResNet-164 1.7 M, ResNet-1001 10.2 M."""
    deep = plan_of("resnet110_cifar", columns={"repeats": (200,) * 3})
    assert round(deep.trainable / 1e6, 1) == 19.4
    for n, millions in (18, 1.7), (111, 10.2):
        pre_activated = {
            "repeats": (n,) * 3, "block": "bottleneck", "pre_activation": True, "shortcut": "B",
        }  # fmt: skip
        network_plan = plan_of("resnet110_cifar", columns=pre_activated)
        assert network_plan.trainable / 1e6 == pytest.approx(millions, rel=0.02)
        convs = [name for name, entry in network_plan.entries.items() if entry.kind == "Conv2D"]
        counted = len([name for name in convs if not name.endswith("shortcut")])
        assert counted + 1 == 9 * n + 2


def test_shortcuts_subsample_and_put_zero_channels_around():
    """With every branch's last norm at zero only the shortcuts are left of the network."""
    model = kerascnn.create_model("resnet20_cifar", zero_gamma=True, input_shape=(17, 12, 3))
    maps = type(model)(
        model.input, [model.get_layer(name).output for name in ("conv1_act", "features")]
    )
    images = np.random.default_rng(0).normal(size=(2, 17, 12, 3)).astype("float32")
    stem, features = (np.asarray(output) for output in maps(images))
    wanted = np.zeros((2, 5, 3, 64), "float32")
    wanted[..., 24:40] = stem[:, ::4, ::4]
    np.testing.assert_array_equal(features, wanted)


@pytest.mark.long
def test_a_path_longer_than_pythons_recursion_builds_and_loads(tmp_path):
    """Keras walks the graph by recursion; ResNet-1202 has 1,203 layers on its shortest way back."""
    model = kerascnn.create_model("plain20_cifar", repeats=(60,) * 3, channels=(1, 1, 1))
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert len(convolutions) == 1 + 2 * 180
    model.save(tmp_path / "deep.keras")
    assert len(keras.models.load_model(tmp_path / "deep.keras").layers) == len(model.layers)


def test_odd_widths_pad_the_odd_channel_behind():
    planned_entries = entries("resnet20_cifar", channels=(16, 19, 64))
    assert planned_entries["conv3_1_shortcut_zeros"].config["padding"] == ((0, 0), (1, 2))
    assert planned_entries["conv3_1_shortcut_zeros"].cost.shape == (None, 16, 16, 19)
