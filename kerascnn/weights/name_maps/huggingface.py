"""The two forms in which transformers stores a network: the bare model, and with its classifier."""

from __future__ import annotations

from collections.abc import Sequence

from kerascnn.weights.name_maps.layout import Layout


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
