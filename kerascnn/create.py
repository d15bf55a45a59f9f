"""Creates models by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerascnn.models.registry import model_info

if TYPE_CHECKING:
    import keras


def create_model(architecture: str, /, **arguments: Any) -> keras.Model:
    """Builds an architecture by name.

    Args:
        architecture: one of `list_models()`.
        include_top: with the paper's classifier; without it the model ends in `features`.
        weights: None for fresh weights; "imagenet" for the architecture's default among those that
            are published, a tag of `kerascnn weights list`, an https address, or a path.
            What is published brings along the columns of its network that are not given here. A
            classifier for other classes starts afresh; `load_weights` has more to say.
        input_tensor: a Keras tensor to build on, in place of a new input.
        input_shape: (height, width, channels); None for the paper's. Height and width may be None
            where the head allows it.
        pooling: without the classifier: None for the feature map, "avg", "max" or "flatten".
        classes: number of classes; None for the paper's.
        classifier_activation: "softmax", "sigmoid", or None for logits.
        name: of the model; the row's name when None.
        dropout: rate in [0, 1) before the classifier; None for the paper's.
        depth: multiplies the repeats of every stage, > 0.
        width: multiplies every channel count, > 0.
        kernel_size: odd size of the family's spatial filters; None for the paper's.
        stem: "paper", "small" (stride 1, for images up to about 64 pixels) or "auto" (by the size).
        include_preprocessing: the model takes pixels 0 to 255 and scales them itself.
        **arguments: besides these, any column of the row (`model_info(architecture).row`).

    Returns:
        A functional `keras.Model` with the layers `image`, `features` and `predictions`.

    Raises:
        UsageError: an argument is unknown or out of range.
        MismatchError: the image is too small, or its size must be known; or the weights are of
            another network.
        DownloadError: the weights cannot be fetched.
    """
    return model_info(architecture)(**arguments)
