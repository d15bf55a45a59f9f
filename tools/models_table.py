"""Writes docs/models.md, the table of all architectures, from the registry.

    python tools/models_table.py

A test compares the page with the registry, so run this after adding an architecture.
"""

from __future__ import annotations

from pathlib import Path

from kerascnn.cli.output import quantity, shape_text
from kerascnn.models.registry import Variant, list_models, model_info

PAGE = Path(__file__).resolve().parent.parent / "docs" / "models.md"
HEAD = """\
# Models

<!-- made by tools/models_table.py; edit that file, not this page -->

The package has {models} architectures in {families} families. `kerascnn list` prints this table,
`kerascnn info NAME` everything that the registry knows of one architecture, and
`kerascnn summary NAME` its layers.

Parameters are trainable parameters: weights, biases and the gamma and beta of batch normalisation;
moving averages are not counted. MACs are multiply-accumulates of convolutions and dense layers for
one image of the paper's size; biases, batch normalisation, pooling and activations are not counted.
One multiply-accumulate is two floating-point operations. Tests compare all parameters and MACs with
a table of published figures.

## Names

The paper's network has the plain name. A variant of another library has a suffix or a name of its
own:

| name | network |
|---|---|
| `lenet5_1998` | the paper's: connection table, trainable sub-sampling, RBF output |
| `lenet5` | the form in textbooks: dense softmax, average pooling, every map connected |
| `alexnet` | the network of 2012, with two groups |
| `alexnet_single` | the lecture CS231n's: one group, normalisation after the pooling |
| `alexnet_owt` | torchvision's |
| `googlenet` | the paper's, with 5x5 filters |
| `googlenet_bn` | torchvision's: batch normalisation, 3x3 filters in place of 5x5 |
| `resnet50` | the paper's, and keras.applications': stride in a block's first 1x1 convolution |
| `resnet50_v1_5` | torchvision's: stride in the 3x3 convolution |

## Table

| name | builder | input | parameters | MACs | paper |
|---|---|---|---:|---:|---|
"""


def _line(variant: Variant) -> str:
    return (
        f"| `{variant.name}` | `{variant.builder}` | {shape_text(variant.input_shape)} "
        f"| {variant.params:,} | {quantity(variant.macs)} | {variant.paper.source} |\n"
    )


def page() -> str:
    """Returns the page as Markdown, with one line for each architecture, sorted by year."""
    variants = sorted(
        (model_info(name) for name in list_models()),
        key=lambda variant: (variant.paper.year, variant.family, variant.params, variant.name),
    )
    families = {variant.family for variant in variants}
    head = HEAD.format(models=len(variants), families=len(families))
    return head + "".join(_line(variant) for variant in variants)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
