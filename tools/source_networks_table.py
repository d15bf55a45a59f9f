"""Writes docs/source_networks.md, what other libraries' networks do, from the name maps.

    python tools/source_networks_table.py

A test compares the page with the name maps, so run this after changing one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerascnn.models.planning import plan
from kerascnn.models.registry import list_models, model_info
from kerascnn.models.request import Request
from kerascnn.weights.expected_shapes import expected
from kerascnn.weights.name_maps import layouts, networks
from kerascnn.weights.name_maps.layout import SourceNetwork

PAGE = Path(__file__).resolve().parent.parent / "docs" / "source_networks.md"
HEAD = """\
# Networks of other libraries

<!-- made by tools/source_networks_table.py; edit that file, not this page -->

Two networks can have tensors of equal names and shapes and compute different results: one strides
in another convolution, pads another side, or counts the border of a pool. This table lists, for
each naming of tensors (*source*) and each architecture, the columns that our network must have to
compute what the source's network computes, and the epsilon of its batch normalisations.

- `create_model(NAME, weights=PATH)` takes the columns that the file's network has, and its report
  says so. An argument that contradicts them is refused.
- `load_weights(model, PATH)` refuses a model that was built otherwise, and prints the call that
  builds the right one.
- A different epsilon is folded into the variances; see [weights.md](weights.md#making-a-file-fit).
- A source with two lines has two networks with equal tensors. The file's metadata, the
  `architecture` in a `config.json` beside it, its name, or the name of one of the {parents} folders
  above it decides between them. Otherwise, the report begins with a warning.
- A file of `save_weights` records its network, which is compared layer by layer. A file with our
  names and no record loads with a warning that lists the columns that were assumed.
- `stem="small"` gives the first layers another stride than the file's network has; the report
  begins with a warning.
- timm's `resnetblur*`, `resnetaa*` and `efficientnet_blur*`, and torchvision's MobileNetV2 to be
  quantised, which has ReLU for ReLU6, have the tensors of other networks, and no architecture here
  computes what they do. A file with such a name is refused.

Sources: `keras` is the code of keras.applications, `keras_files` are the older names in its
published files, `timm_legacy` are timm's `legacy_*` networks. `huggingface` is transformers with
and `huggingface_backbone` without the classifier; a `config.json` beside the weights tells settings
that are not the usual ones, and for EfficientNet the input size is that of the row. `cifar` is
akamaster's pytorch_resnet_cifar10, for wide networks xternalz's WideResNet-pytorch. A dash means
that the tensors tell everything, or that the epsilon is ours.

| architectures | source | columns | epsilon | names |
|---|---|---|---:|---|
"""


def _text(columns: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name}={value!r}`" for name, value in columns.items()) or "–"


def _cells(network: SourceNetwork) -> str:
    epsilon = "–" if network.epsilon is None else f"{network.epsilon:g}"
    names = f"`{network.names}`".replace("|", "\\|") if network.names else "–"
    return f"{_text(network.columns)} | {epsilon} | {names}"


def _lines() -> dict[tuple[str, str], list[str]]:
    """Returns the sources for the rows and the other cells of every line."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for name in list_models():
        variant = model_info(name)
        layers = list(expected(plan(variant, Request())))
        for source, layout in layouts(variant.family).items():
            if set(layout(layers)) != set(layers):  # the library has no such network
                continue
            for network in networks(variant.family, source, variant.row):
                if not network.unsupported:
                    key = variant.family, source, _cells(network)
                    rows.setdefault(key, []).append(f"`{name}`")
    lines: dict[tuple[str, str], list[str]] = {}
    for (_, source, cells), names in rows.items():
        lines.setdefault((", ".join(names), cells), []).append(source)
    return lines


def page() -> str:
    """Returns the page."""
    from kerascnn.weights.source_network import PARENTS

    table = [
        f"| {rows} | {', '.join(sources)} | {cells} |\n"
        for (rows, cells), sources in _lines().items()
    ]
    return HEAD.format(parents=PARENTS) + "".join(table)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
