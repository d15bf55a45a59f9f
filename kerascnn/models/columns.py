"""The types of every column that an architecture takes by keyword.

Written by tools/type_stubs.py from the registry; run it again instead of editing this.
"""

from __future__ import annotations

from typing import Any, TypedDict


class Columns(TypedDict, total=False):
    """The columns of all rows; `model_info(name).own_columns` has those of one row."""

    # inception
    a: tuple[Any, ...]

    # googlenet, inception, nasnet
    auxiliary: bool

    # inception
    b: tuple[Any, ...]

    # convnet, googlenet, vgg
    batch_norm: bool

    # resnet, wide_resnet
    biases: bool

    # resnet, resnext, senet, wide_resnet
    block: str

    # resnet, resnext, senet, wide_resnet
    block_dropout: float

    # inception
    border_counts: bool

    # nasnet
    border_maximum: bool

    # inception
    c: tuple[Any, ...]

    # lenet
    c1: int

    # lenet
    c3: int

    # lenet
    c5: int

    # resnet, resnext, senet, wide_resnet
    ceil_pool: bool

    # resnet, resnext, senet, shufflenet, wide_resnet
    channels: tuple[int, ...] | tuple[int, int, int]

    # resnet, resnext, senet, wide_resnet
    entry: str

    # efficientnet, resnet, resnext, senet, wide_resnet
    epsilon: float

    # lenet
    f6: int

    # convnet
    filter_size: int | tuple[int, ...]

    # alexnet, alphago, convnet, vgg, zfnet
    filters: int | tuple[int, ...] | tuple[int, int, int, int, int]

    # densenet, mobilenet, shufflenet
    first: int

    # inception
    gamma: bool

    # resnet, resnext, senet, wide_resnet
    group_width: int

    # alexnet, resnet, resnext, senet, shufflenet, wide_resnet
    groups: int | tuple[int, int, int, int, int]

    # densenet
    growth: int

    # resnet, resnext, senet, wide_resnet
    half_first: bool

    # resnet, resnext, senet, wide_resnet
    head_dropout: float

    # mobilenet
    hidden: int

    # convnet
    k: int

    # googlenet
    large: int

    # mobilenet, shufflenet
    last: int

    # densenet
    layers: tuple[int, ...]

    # mobilenet
    lines: tuple[tuple[int, int, int, bool, str, int], ...]

    # alexnet, vgg
    lrn: bool | str | None

    # convnet
    m: int

    # googlenet
    module: str

    # efficientnet, inception
    momentum: float

    # convnet
    n: int

    # nasnet
    normal_cells: int

    # alexnet
    pad: int

    # efficientnet, mobilenet
    padding: str

    # googlenet
    paper_dropout: float

    # nasnet
    penultimate: int

    # convnet
    pool: str | None

    # googlenet
    pool4: int

    # resnet, resnext, senet, wide_resnet
    pre_activation: bool

    # resnet, resnext, senet, wide_resnet
    reduction: int | None

    # inception
    reduction_a: tuple[Any, ...]

    # inception
    reduction_b: tuple[Any, ...]

    # resnet, resnext, senet, shufflenet, wide_resnet
    repeats: tuple[int, ...] | tuple[int, int, int]

    # resnet, resnext, senet, wide_resnet
    shortcut: str

    # resnet, resnext, senet, wide_resnet
    shortcut_kernel: int

    # nasnet
    skip_reduction: bool

    # mobilenet, vgg
    stages: (
        tuple[tuple[int, ...], ...]
        | tuple[tuple[int, int, int, int], ...]
        | tuple[tuple[int, int, int], ...]
    )

    # alexnet, zfnet
    stddev: float | None

    # resnet, resnext, senet, wide_resnet
    stem_channels: int

    # efficientnet, resnet, resnext, senet, wide_resnet
    stochastic_depth: float

    # fcn
    stride: int

    # resnet, wide_resnet
    stride_at: str

    # resnet, resnext, senet, wide_resnet
    stride_in: str

    # inception
    tail: tuple[Any, ...]

    # convnet
    units: int | tuple[int, ...]

    # resnet, resnext, senet, wide_resnet
    zero_gamma: bool
