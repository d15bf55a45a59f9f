"""Networks of transformers: the bare model and the one with a classifier, and their settings.

The file config.json beside the weights has the settings, as in "tf_padding": true.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerascnn.weights.name_maps.layout import Layout, SourceNetwork


def forms(backbone: Layout, prefix: str, classifier: str = "classifier") -> dict[str, Layout]:
    """Returns the layouts of a network of transformers by source.

    Args:
        backbone: the layout of the model without a classifier, such as ResNetModel; empty for
            names of a network that transformers does not have.
        prefix: what the model with a classifier, such as ResNetForImageClassification, puts before
            the names of the backbone.
        classifier: the module of its classifier.
    """

    def with_classifier(names: Sequence[str]) -> dict[str, str]:
        inside = {ours: prefix + theirs for ours, theirs in backbone(names).items()}
        if inside and "predictions" in names:
            inside["predictions"] = classifier
        return inside

    return {"huggingface": with_classifier, "huggingface_backbone": backbone}


SOURCES = tuple(forms(lambda names: {}, ""))
"""The sources that `forms` returns."""


def with_settings(
    usual: SourceNetwork, unknown: str, setting: str = "", columns: dict[str, Any] | None = None
) -> tuple[SourceNetwork, ...]:
    """Returns the networks that have the same tensors at other settings, the usual one first.

    Args:
        usual: the network at the usual settings.
        unknown: regular expression of settings that no row of ours can have.
        setting: regular expression of a setting that changes columns; empty if there is none.
        columns: the columns at this setting.
    """
    networks = [usual, SourceNetwork(names=unknown, unsupported="with settings of its own")]
    if setting:
        known = {**usual.columns, **(columns or {})}
        networks.append(SourceNetwork(known, usual.epsilon, rf"^(?!.*({unknown})).*{setting}"))
    return tuple(networks)
