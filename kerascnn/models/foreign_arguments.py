"""The arguments of other libraries' builders, and what each is called here."""

from __future__ import annotations

from collections.abc import Collection

NAMES = {
    # keras.applications, Keras's other names and those of Keras 1 and 2
    "alpha": "width",
    "blocks": "layers",
    "default_size": "input_shape",
    "depth_coefficient": "depth",
    "drop_connect_rate": "stochastic_depth",
    "dropout_rate": "dropout",
    "include_rescaling": "include_preprocessing",
    "input_size": "input_shape",
    "model_name": "name",
    "nb_classes": "classes",
    "num_blocks": "normal_cells",
    "penultimate_filters": "penultimate",
    "weights_name": "weights",
    "width_coefficient": "width",
    # torchvision
    "aux_logits": "auxiliary",
    "block_config": "layers",
    "growth_rate": "growth",
    "init_weights": "weights",
    "num_init_features": "first",
    "stochastic_depth_prob": "stochastic_depth",
    "width_mult": "width",
    "width_per_group": "group_width",
    "zero_init_residual": "zero_gamma",
    # timm and PyTorch in general
    "base_width": "group_width",
    "cardinality": "groups",
    "channel_multiplier": "width",
    "checkpoint_path": "weights",
    "drop": "dropout",
    "drop_path_rate": "stochastic_depth",
    "drop_rate": "dropout",
    "global_pool": "pooling",
    "image_size": "input_shape",
    "img_size": "input_shape",
    "n_classes": "classes",
    "num_class": "classes",
    "num_classes": "classes",
    "num_outputs": "classes",
    "num_labels": "classes",
    "pool": "pooling",
    "rd_ratio": "reduction",
    "shape": "input_shape",
    "top": "include_top",
    "activation": "classifier_activation",
    "width_multiplier": "width",
    "zero_init_last": "zero_gamma",
}
"""Argument elsewhere -> its name here, which only some builders may have."""

ADVICE = {
    "progress": "leave it out; a download shows its progress",
    "depth_multiplier": "every depthwise filter makes one channel here, as with "
    "depth_multiplier=1; width multiplies all channels",
    "minimalistic": "the minimalistic networks are those of MobileNetV3 with kernel 3, no SE and "
    "'RE' in every line of the column lines",
    "resolution": "write input_shape=(height, width, channels)",
    "in_chans": "write input_shape=(height, width, channels)",
    "in_channels": "write input_shape=(height, width, channels)",
    "input_channels": "write input_shape=(height, width, channels)",
    "input_dim": "write input_shape=(height, width, channels)",
    "batch_size": "write input_shape=(height, width, channels); a batch may have any size",
    "batch_input_shape": "write input_shape=(height, width, channels); a batch may have any size",
    "data_format": "images are (height, width, channels) everywhere",
    "features_only": "pass the model to kerascnn.features, which returns its maps",
    "out_indices": "pass the model to kerascnn.features, which returns its maps",
    "output_stride": "pass the model to kerascnn.features, which returns its maps",
    "transform_input": "load the weights instead: they bring their preprocessing",
}
"""Argument elsewhere -> what to do here, if no other argument takes its place."""


def advice(name: str, arguments: Collection[str], *, published: bool) -> str | None:
    """Returns what to write instead of another library's argument; None if it is none.

    Args:
        name: the argument.
        arguments: all arguments of the builder, its columns included.
        published: whether there are published weights for the architecture.
    """
    if name == "pretrained":
        ours = 'weights="imagenet" for the published weights, or ' if published else ""
        return f"write {ours}weights=PATH for a file"
    here = NAMES.get(name)
    return f"its name here is {here}" if here in arguments else ADVICE.get(name)
