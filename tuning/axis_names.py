"""The axes that a search space takes by keyword.

Written by tools/type_stubs.py from the registry; run it again instead of editing this.
"""

from __future__ import annotations

from typing import TypedDict

from kerascnn.tuning.axes import Domain


class Axes(TypedDict, total=False):
    """Sizes and training of an architecture; `SearchSpace` explains them."""

    a: Domain
    accumulate: Domain
    area: Domain
    aspect: Domain
    augmentation: Domain
    auxiliary: Domain
    auxiliary_weight: Domain
    b: Domain
    batch_norm: Domain
    batch_size: Domain
    biases: Domain
    block: Domain
    block_dropout: Domain
    border_counts: Domain
    border_maximum: Domain
    c: Domain
    c1: Domain
    c3: Domain
    c5: Domain
    ceil_pool: Domain
    channels: Domain
    class_weights: Domain
    clip_norm: Domain
    crop: Domain
    cutmix: Domain
    decay: Domain
    depth: Domain
    drop_epochs: Domain
    dropout: Domain
    drops: Domain
    early_stopping: Domain
    ema: Domain
    entry: Domain
    epochs: Domain
    epsilon: Domain
    f6: Domain
    filter_size: Domain
    filters: Domain
    first: Domain
    flip: Domain
    gamma: Domain
    group_width: Domain
    groups: Domain
    growth: Domain
    half_first: Domain
    head: Domain
    head_dropout: Domain
    hidden: Domain
    jitter: Domain
    k: Domain
    kernel_size: Domain
    label_smoothing: Domain
    large: Domain
    last: Domain
    layers: Domain
    learning_rate: Domain
    lighting: Domain
    lines: Domain
    lrn: Domain
    m: Domain
    magnitude: Domain
    milestones: Domain
    mixup: Domain
    module: Domain
    momentum: Domain
    n: Domain
    nesterov: Domain
    normal_cells: Domain
    optimizer: Domain
    pad: Domain
    padding: Domain
    paper_dropout: Domain
    patience: Domain
    penultimate: Domain
    pool: Domain
    pool4: Domain
    pooling: Domain
    pre_activation: Domain
    randaugment: Domain
    reduction: Domain
    reduction_a: Domain
    reduction_b: Domain
    reference_batch: Domain
    repeats: Domain
    rho: Domain
    rotate: Domain
    scale_to_batch: Domain
    schedule: Domain
    shortcut: Domain
    shortcut_kernel: Domain
    shorter_side: Domain
    skip_reduction: Domain
    spare: Domain
    stages: Domain
    stddev: Domain
    stem: Domain
    stem_channels: Domain
    stochastic_depth: Domain
    stride: Domain
    stride_at: Domain
    stride_in: Domain
    tail: Domain
    translate: Domain
    units: Domain
    warmup: Domain
    warmup_from: Domain
    warmup_kind: Domain
    weight_decay: Domain
    width: Domain
    zero_gamma: Domain
    zoom: Domain
