"""The types of the builders, for editors and type checkers.

Written by tools/type_stubs.py from the registry; run it again instead of editing this.
"""

import os
from typing import Any

import keras

from kerascnn.applications import alexnet as alexnet
from kerascnn.applications import alphago as alphago
from kerascnn.applications import blocks as blocks
from kerascnn.applications import convnet as convnet
from kerascnn.applications import densenet as densenet
from kerascnn.applications import efficientnet as efficientnet
from kerascnn.applications import fcn as fcn
from kerascnn.applications import googlenet as googlenet
from kerascnn.applications import inception_v3 as inception_v3
from kerascnn.applications import inception_v4 as inception_v4
from kerascnn.applications import lenet as lenet
from kerascnn.applications import mobilenet_v1 as mobilenet_v1
from kerascnn.applications import mobilenet_v2 as mobilenet_v2
from kerascnn.applications import mobilenet_v3 as mobilenet_v3
from kerascnn.applications import nasnet as nasnet
from kerascnn.applications import resnet as resnet
from kerascnn.applications import resnet_cifar as resnet_cifar
from kerascnn.applications import resnext as resnext
from kerascnn.applications import senet as senet
from kerascnn.applications import shufflenet_v1 as shufflenet_v1
from kerascnn.applications import shufflenet_v2 as shufflenet_v2
from kerascnn.applications import vgg as vgg
from kerascnn.applications import wide_resnet as wide_resnet
from kerascnn.applications import zfnet as zfnet
from kerascnn.applications.alexnet import Row as _AlexnetRow
from kerascnn.applications.alphago import Row as _AlphagoRow
from kerascnn.applications.blocks.inception_modules import Row as _InceptionRow
from kerascnn.applications.blocks.residual_rows import RowV1 as _ResidualV1Row
from kerascnn.applications.blocks.residual_rows import RowV2 as _ResidualV2Row
from kerascnn.applications.convnet import Row as _ConvnetRow
from kerascnn.applications.densenet import Row as _DensenetRow
from kerascnn.applications.efficientnet import Row as _EfficientnetRow
from kerascnn.applications.fcn import Row as _FcnRow
from kerascnn.applications.googlenet import Row as _GooglenetRow
from kerascnn.applications.lenet import Row as _LenetRow
from kerascnn.applications.mobilenet_v1 import Row as _MobilenetV1Row
from kerascnn.applications.mobilenet_v2 import Row as _MobilenetV2Row
from kerascnn.applications.mobilenet_v3 import Row as _MobilenetV3Row
from kerascnn.applications.nasnet import Row as _NasnetRow
from kerascnn.applications.shufflenet_v1 import Row as _ShufflenetV1Row
from kerascnn.applications.shufflenet_v2 import Row as _ShufflenetV2Row
from kerascnn.applications.vgg import Row as _VggRow
from kerascnn.applications.zfnet import Row as _ZfnetRow
from kerascnn.models.registry import Variant
from kerascnn.models.request import ImageShape

__all__ = [  # noqa: RUF022  # in the order of the registry
    "AlexNet",
    "AlexNetSingle",
    "AlexNetOWT",
    "AlphaGoPolicy",
    "ConvNet",
    "DenseNet121",
    "DenseNet161",
    "DenseNet169",
    "DenseNet201",
    "DenseNetBC100_12",
    "DenseNetBC190_40",
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "VGG11",
    "VGG11LRN",
    "VGG13",
    "VGG16_1x1",
    "VGG16",
    "VGG19",
    "VGG11BN",
    "VGG13BN",
    "VGG16BN",
    "VGG19BN",
    "FCN32s",
    "FCN16s",
    "FCN8s",
    "GoogLeNet",
    "GoogLeNetBN",
    "InceptionV3",
    "InceptionV4",
    "InceptionResNetV2",
    "LeNet5",
    "LeNet5_1998",
    "MobileNetV1",
    "MobileNetV2",
    "MobileNetV3Large",
    "MobileNetV3Small",
    "NASNetMobile",
    "NASNetLarge",
    "ResNet18",
    "ResNet34",
    "ResNet50",
    "ResNet101",
    "ResNet152",
    "ResNet50V1_5",
    "ResNet101V1_5",
    "ResNet152V1_5",
    "ResNet50V2",
    "ResNet101V2",
    "ResNet152V2",
    "Plain18",
    "Plain34",
    "ResNet20CIFAR",
    "Plain20CIFAR",
    "ResNet32CIFAR",
    "Plain32CIFAR",
    "ResNet44CIFAR",
    "Plain44CIFAR",
    "ResNet56CIFAR",
    "Plain56CIFAR",
    "ResNet110CIFAR",
    "ResNeXt50_32x4d",
    "ResNeXt101_32x8d",
    "ResNeXt101_64x4d",
    "ResNeXt29_8x64d",
    "SEResNet18",
    "SEResNet34",
    "SEResNet50",
    "SEResNet101",
    "SEResNet152",
    "SEResNeXt50_32x4d",
    "SEResNeXt101_32x4d",
    "SENet154",
    "ShuffleNetV1G1",
    "ShuffleNetV1G2",
    "ShuffleNetV1G3",
    "ShuffleNetV1G4",
    "ShuffleNetV1G8",
    "ShuffleNetV2X0_5",
    "ShuffleNetV2X1_0",
    "ShuffleNetV2X1_5",
    "ShuffleNetV2X2_0",
    "WRN16_8",
    "WRN28_10",
    "WRN40_4",
    "WideResNet50_2",
    "WideResNet101_2",
    "ZFNet",
]

class _AlexnetBuilder(Variant):
    row: _AlexnetRow
    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = None,
        input_tensor: Any = None,
        input_shape: ImageShape | None = None,
        pooling: str | None = None,
        classes: int | None = None,
        classifier_activation: str | None = "softmax",
        name: str | None = None,
        *,
        dropout: float | None = None,
        depth: float = 1.0,
        width: float = 1.0,
        kernel_size: int | None = None,
        stem: str = "paper",
        include_preprocessing: bool = False,
        prefix: str = "",
        filters: tuple[int, int, int, int, int] = ...,
        groups: tuple[int, int, int, int, int] = ...,
        pad: int = ...,
        lrn: str | None = ...,
        stddev: float | None = None,
    ) -> keras.Model:
        """Builds the model, with fresh or with trained weights.

        Args:
            include_top: whether the model ends with the paper's classifier; otherwise it ends with
                `features`.
            weights: None for newly initialised weights; "imagenet" for the architecture's default
                among the published weights; a tag of `kerascnn weights list`; an https address; or
                a path. Published weights set the columns of their network that are not arguments
                here. A classifier for other classes is newly initialised; see `load_weights`.
            input_tensor: a Keras tensor to build on, instead of a new input.
            input_shape: (height, width, channels); None for the paper's. Height and width may be
                None if the head allows it. Channels before height and width are refused: a first
                size of 1, 3 or 4, a larger second one, and a last one above 4.
            pooling: without the classifier: None for the feature map, "avg", "max" or "flatten".
            classes: number of classes; None for the paper's.
            classifier_activation: "softmax", which becomes a sigmoid for a single class; "sigmoid";
                or None for logits.
            name: of the model; None for the architecture's name.
            dropout: rate in [0, 1) before the classifier; None for the paper's.
            depth: multiplies the repeats of every stage, > 0.
            width: multiplies every channel count, > 0.
            kernel_size: odd size of the family's spatial filters; None for the paper's.
            stem: first layers: "paper"; "small" (stride 1, for images up to about 64 pixels); or
                "auto" (chosen by the image size).
            include_preprocessing: whether the model scales pixels from 0 to 255 itself.
            prefix: text before the name of every layer and, unless `name` sets it, of the model, so
                that one model can contain two networks: up to 64 letters, digits, "_" or "-".
            filters: maps of conv1 to conv5.
            groups: groups of each convolution.
            pad: zeros around the image.
            lrn: response normalisation "before" or "after" pool1 and pool2, or None.
            stddev: of the normal distribution of the initial weights, 0.01 in the paper, which also
                starts the biases of conv2, conv4, conv5, fc6 and fc7 at 1. None for He's
                distribution and biases of 0.

        Returns:
            A functional `keras.Model` with the layers `image`, `features` and `predictions`, whose
            names begin with `prefix`. Its methods are `preprocess(images)`, which returns its input
            for paths, arrays or Pillow images, and `decode(predictions, top=5)`, which names the
            best classes.

        Raises:
            UsageError: an argument is unknown or out of range.
            MismatchError: the image is too small, its size must be known, or the weights belong to
                another network.
            DownloadError: the weights cannot be downloaded.
        """

class _AlphagoBuilder(Variant):
    row: _AlphagoRow
    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = None,
        input_tensor: Any = None,
        input_shape: ImageShape | None = None,
        pooling: str | None = None,
        classes: int | None = None,
        classifier_activation: str | None = "softmax",
        name: str | None = None,
        *,
        dropout: float | None = None,
        depth: float = 1.0,
        width: float = 1.0,
        kernel_size: int | None = None,
        stem: str = "paper",
        include_preprocessing: bool = False,
        prefix: str = "",
        filters: int = 192,
    ) -> keras.Model:
        """Builds the model, with fresh or with trained weights.

        Args:
            include_top: whether the model ends with the paper's classifier; otherwise it ends with
                `features`.
            weights: None for newly initialised weights; "imagenet" for the architecture's default
                among the published weights; a tag of `kerascnn weights list`; an https address; or
                a path. Published weights set the columns of their network that are not arguments
                here. A classifier for other classes is newly initialised; see `load_weights`.
            input_tensor: a Keras tensor to build on, instead of a new input.
            input_shape: (height, width, channels); None for the paper's. Height and width may be
                None if the head allows it. Channels before height and width are refused: a first
                size of 1, 3 or 4, a larger second one, and a last one above 4.
            pooling: without the classifier: None for the feature map, "avg", "max" or "flatten".
            classes: number of classes; None for the paper's.
            classifier_activation: "softmax", which becomes a sigmoid for a single class; "sigmoid";
                or None for logits.
            name: of the model; None for the architecture's name.
            dropout: rate in [0, 1) before the classifier; None for the paper's.
            depth: multiplies the repeats of every stage, > 0.
            width: multiplies every channel count, > 0.
            kernel_size: odd size of the family's spatial filters; None for the paper's.
            stem: first layers: "paper"; "small" (stride 1, for images up to about 64 pixels); or
                "auto" (chosen by the image size).
            include_preprocessing: whether the model scales pixels from 0 to 255 itself.
            prefix: text before the name of every layer and, unless `name` sets it, of the model, so
                that one model can contain two networks: up to 64 letters, digits, "_" or "-".
            filters: k of the paper: 192 in the matches; 128, 256 and 384 in Extended Data Table 3.

        Returns:
            A functional `keras.Model` with the layers `image`, `features` and `predictions`, whose
            names begin with `prefix`. Its methods are `preprocess(images)`, which returns its input
            for paths, arrays or Pillow images, and `decode(predictions, top=5)`, which names the
            best classes.

        Raises:
            UsageError: an argument is unknown or out of range.
            MismatchError: the image is too small, its size must be known, or the weights belong to
                another network.
            DownloadError: the weights cannot be downloaded.
        """

class _ConvnetBuilder(Variant):
    row: _ConvnetRow
    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = None,
        input_tensor: Any = None,
        input_shape: ImageShape | None = None,
        pooling: str | None = None,
        classes: int | None = None,
        classifier_activation: str | None = "softmax",
        name: str | None = None,
        *,
        dropout: float | None = None,
        depth: float = 1.0,
        width: float = 1.0,
        kernel_size: int | None = None,
        stem: str = "paper",
        include_preprocessing: bool = False,
        prefix: str = "",
        n: int = 2,
        m: int = 3,
        k: int = 1,
        filters: int | tuple[int, ...] = 32,
        filter_size: int | tuple[int, ...] = 3,
        units: int | tuple[int, ...] = 256,
        pool: str | None = "max",
        batch_norm: bool = False,
    ) -> keras.Model:
        """Builds the model, with fresh or with trained weights.

        Args:
            include_top: whether the model ends with the paper's classifier; otherwise it ends with
                `features`.
            weights: None for newly initialised weights; "imagenet" for the architecture's default
                among the published weights; a tag of `kerascnn weights list`; an https address; or
                a path. Published weights set the columns of their network that are not arguments
                here. A classifier for other classes is newly initialised; see `load_weights`.
            input_tensor: a Keras tensor to build on, instead of a new input.
            input_shape: (height, width, channels); None for the paper's. Height and width may be
                None if the head allows it. Channels before height and width are refused: a first
                size of 1, 3 or 4, a larger second one, and a last one above 4.
            pooling: without the classifier: None for the feature map, "avg", "max" or "flatten".
            classes: number of classes; None for the paper's.
            classifier_activation: "softmax", which becomes a sigmoid for a single class; "sigmoid";
                or None for logits.
            name: of the model; None for the architecture's name.
            dropout: rate in [0, 1) before the classifier; None for the paper's.
            depth: multiplies the repeats of every stage, > 0.
            width: multiplies every channel count, > 0.
            kernel_size: odd size of the family's spatial filters; None for the paper's.
            stem: first layers: "paper"; "small" (stride 1, for images up to about 64 pixels); or
                "auto" (chosen by the image size).
            include_preprocessing: whether the model scales pixels from 0 to 255 itself.
            prefix: text before the name of every layer and, unless `name` sets it, of the model, so
                that one model can contain two networks: up to 64 letters, digits, "_" or "-".
            n: convolutions of a stage, at least 1.
            m: stages, at least 1.
            k: hidden dense layers, 0 or more.
            filters: of each stage; one number for the first stage, doubled in each further stage.
            filter_size: odd, of each stage, or one number for all.
            units: of each hidden dense layer, or one number for all.
            pool: "max", "average", "sum", "l2" (norm), "weighted" (average by the distance from the
                centre), or None for no pools.
            batch_norm: batch norm before every ReLU.

        Returns:
            A functional `keras.Model` with the layers `image`, `features` and `predictions`, whose
            names begin with `prefix`. Its methods are `preprocess(images)`, which returns its input
            for paths, arrays or Pillow images, and `decode(predictions, top=5)`, which names the
            best classes.

        Raises:
            UsageError: an argument is unknown or out of range.
            MismatchError: the image is too small, its size must be known, or the weights belong to
                another network.
            DownloadError: the weights cannot be downloaded.
        """

class _DensenetBuilder(Variant):
    row: _DensenetRow
    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = None,
        input_tensor: Any = None,
        input_shape: ImageShape | None = None,
        pooling: str | None = None,
        classes: int | None = None,
        classifier_activation: str | None = "softmax",
        name: str | None = None,
        *,
        dropout: float | None = None,
        depth: float = 1.0,
        width: float = 1.0,
        kernel_size: int | None = None,
        stem: str = "paper",
        include_preprocessing: bool = False,
        prefix: str = "",
        layers: tuple[int, ...] = ...,
        growth: int = ...,
        first: int = ...,
    ) -> keras.Model:
        """Builds the model, with fresh or with trained weights.

        Args:
            include_top: whether the model ends with the paper's classifier; otherwise it ends with
                `features`.
            weights: None for newly initialised weights; "imagenet" for the architecture's default
                among the published weights; a tag of `kerascnn weights list`; an https address; or
                a path. Published weights set the columns of their network that are not arguments
                here. A classifier for other classes is newly initialised; see `load_weights`.
            input_tensor: a Keras tensor to build on, instead of a new input.
            input_shape: (height, width, channels); None for the paper's. Height and width may be
                None if the head allows it. Channels before height and width are refused: a first
                size of 1, 3 or 4, a larger second one, and a last one above 4.
            pooling: without the classifier: None for the feature map, "avg", "max" or "flatten".
            classes: number of classes; None for the paper's.
            classifier_activation: "softmax", which becomes a sigmoid for a single class; "sigmoid";
                or None for logits.
            name: of the model; None for the architecture's name.
            dropout: rate in [0, 1) before the classifier; None for the paper's.
            depth: multiplies the repeats of every stage, > 0.
            width: multiplies every channel count, > 0.
            kernel_size: odd size of the family's spatial filters; None for the paper's.
            stem: first layers: "paper"; "small" (stride 1, for images up to about 64 pixels); or
                "auto" (chosen by the image size).
            include_preprocessing: whether the model scales pixels from 0 to 255 itself.
            prefix: text before the name of every layer and, unless `name` sets it, of the model, so
                that one model can contain two networks: up to 64 letters, digits, "_" or "-".
            layers: of each dense block.
            growth: k, the maps that a layer adds.
            first: maps of the first convolution.

        Returns:
            A functional `keras.Model` with the layers `image`, `features` and `predictions`, whose
            names begin with `prefix`. Its methods are `preprocess(images)`, which returns its input
            for paths, arrays or Pillow images, and `decode(predictions, top=5)`, which names the
            best classes.

        Raises:
            UsageError: an argument is unknown or out of range.
            MismatchError: the image is too small, its size must be known, or the weights belong to
                another network.
            DownloadError: the weights cannot be downloaded.
        """

class _EfficientnetBuilder(Variant):
    row: _EfficientnetRow
    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = None,
        input_tensor: Any = None,
        input_shape: ImageShape | None = None,
        pooling: str | None = None,
        classes: int | None = None,
        classifier_activation: str | None = "softmax",
        name: str | None = None,
        *,
        dropout: float | None = None,
        depth: float = 1.0,
        width: float = 1.0,
        kernel_size: int | None = None,
        stem: str = "paper",
        include_preprocessing: bool = False,
        prefix: str = "",
        epsilon: float = ...,
        momentum: float = ...,
        stochastic_depth: float = 0.2,
        padding: str = "symmetric",
    ) -> keras.Model:
        """Builds the model, with fresh or with trained weights.

        Args:
            include_top: whether the model ends with the paper's classifier; otherwise it ends with
                `features`.
            weights: None for newly initialised weights; "imagenet" for the architecture's default
                among the published weights; a tag of `kerascnn weights list`; an https address; or
                a path. Published weights set the columns of their network that are not arguments
                here. A classifier for other classes is newly initialised; see `load_weights`.
            input_tensor: a Keras tensor to build on, instead of a new input.
            input_shape: (height, width, channels); None for the paper's. Height and width may be
                None if the head allows it. Channels before height and width are refused: a first
                size of 1, 3 or 4, a larger second one, and a last one above 4.
            pooling: without the classifier: None for the feature map, "avg", "max" or "flatten".
            classes: number of classes; None for the paper's.
            classifier_activation: "softmax", which becomes a sigmoid for a single class; "sigmoid";
                or None for logits.
            name: of the model; None for the architecture's name.
            dropout: rate in [0, 1) before the classifier; None for the paper's.
            depth: multiplies the repeats of every stage, > 0.
            width: multiplies every channel count, > 0.
            kernel_size: odd size of the family's spatial filters; None for the paper's.
            stem: first layers: "paper"; "small" (stride 1, for images up to about 64 pixels); or
                "auto" (chosen by the image size).
            include_preprocessing: whether the model scales pixels from 0 to 255 itself.
            prefix: text before the name of every layer and, unless `name` sets it, of the model, so
                that one model can contain two networks: up to 64 letters, digits, "_" or "-".
            epsilon: of the batch norms.
            momentum: of the batch norms.
            stochastic_depth: share of the samples that skip the last block while training.
            padding: "symmetric", or "same" for TensorFlow's.

        Returns:
            A functional `keras.Model` with the layers `image`, `features` and `predictions`, whose
            names begin with `prefix`. Its methods are `preprocess(images)`, which returns its input
            for paths, arrays or Pillow images, and `decode(predictions, top=5)`, which names the
            best classes.

        Raises:
            UsageError: an argument is unknown or out of range.
            MismatchError: the image is too small, its size must be known, or the weights belong to
                another network.
            DownloadError: the weights cannot be downloaded.
        """

class _VggBuilder(Variant):
    row: _VggRow
    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = None,
        input_tensor: Any = None,
        input_shape: ImageShape | None = None,
        pooling: str | None = None,
        classes: int | None = None,
        classifier_activation: str | None = "softmax",
        name: str | None = None,
        *,
        dropout: float | None = None,
        depth: float = 1.0,
        width: float = 1.0,
        kernel_size: int | None = None,
        stem: str = "paper",
        include_preprocessing: bool = False,
        prefix: str = "",
        stages: tuple[tuple[int, ...], ...] = ...,
        filters: tuple[int, ...] = (64, 128, 256, 512, 512),
        lrn: bool = ...,
        batch_norm: bool = ...,
    ) -> keras.Model:
        """Builds the model, with fresh or with trained weights.

        Args:
            include_top: whether the model ends with the paper's classifier; otherwise it ends with
                `features`.
            weights: None for newly initialised weights; "imagenet" for the architecture's default
                among the published weights; a tag of `kerascnn weights list`; an https address; or
                a path. Published weights set the columns of their network that are not arguments
                here. A classifier for other classes is newly initialised; see `load_weights`.
            input_tensor: a Keras tensor to build on, instead of a new input.
            input_shape: (height, width, channels); None for the paper's. Height and width may be
                None if the head allows it. Channels before height and width are refused: a first
                size of 1, 3 or 4, a larger second one, and a last one above 4.
            pooling: without the classifier: None for the feature map, "avg", "max" or "flatten".
            classes: number of classes; None for the paper's.
            classifier_activation: "softmax", which becomes a sigmoid for a single class; "sigmoid";
                or None for logits.
            name: of the model; None for the architecture's name.
            dropout: rate in [0, 1) before the classifier; None for the paper's.
            depth: multiplies the repeats of every stage, > 0.
            width: multiplies every channel count, > 0.
            kernel_size: odd size of the family's spatial filters; None for the paper's.
            stem: first layers: "paper"; "small" (stride 1, for images up to about 64 pixels); or
                "auto" (chosen by the image size).
            include_preprocessing: whether the model scales pixels from 0 to 255 itself.
            prefix: text before the name of every layer and, unless `name` sets it, of the model, so
                that one model can contain two networks: up to 64 letters, digits, "_" or "-".
            stages: for each stage the filter sizes of its convolutions; a max pool follows each
                stage.
            filters: channels of each stage.
            lrn: response normalisation after the first convolution.
            batch_norm: batch normalisation before every ReLU.

        Returns:
            A functional `keras.Model` with the layers `image`, `features` and `predictions`, whose
            names begin with `prefix`. Its methods are `preprocess(images)`, which returns its input
            for paths, arrays or Pillow images, and `decode(predictions, top=5)`, which names the
            best classes.

        Raises:
            UsageError: an argument is unknown or out of range.
            MismatchError: the image is too small, its size must be known, or the weights belong to
                another network.
            DownloadError: the weights cannot be downloaded.
        """

class _FcnBuilder(Variant):
    row: _FcnRow
    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = None,
        input_tensor: Any = None,
        input_shape: ImageShape | None = None,
        pooling: str | None = None,
        classes: int | None = None,
        classifier_activation: str | None = "softmax",
        name: str | None = None,
        *,
        dropout: float | None = None,
        depth: float = 1.0,
        width: float = 1.0,
        kernel_size: int | None = None,
        stem: str = "paper",
        include_preprocessing: bool = False,
        prefix: str = "",
        stride: int = ...,
    ) -> keras.Model:
        """Builds the model, with fresh or with trained weights.

        Args:
            include_top: whether the model ends with the paper's classifier; otherwise it ends with
                `features`.
            weights: None for newly initialised weights; "imagenet" for the architecture's default
                among the published weights; a tag of `kerascnn weights list`; an https address; or
                a path. Published weights set the columns of their network that are not arguments
                here. A classifier for other classes is newly initialised; see `load_weights`.
            input_tensor: a Keras tensor to build on, instead of a new input.
            input_shape: (height, width, channels); None for the paper's. Height and width may be
                None if the head allows it. Channels before height and width are refused: a first
                size of 1, 3 or 4, a larger second one, and a last one above 4.
            pooling: without the classifier: None for the feature map, "avg", "max" or "flatten".
            classes: number of classes; None for the paper's.
            classifier_activation: "softmax", which becomes a sigmoid for a single class; "sigmoid";
                or None for logits.
            name: of the model; None for the architecture's name.
            dropout: rate in [0, 1) before the classifier; None for the paper's.
            depth: multiplies the repeats of every stage, > 0.
            width: multiplies every channel count, > 0.
            kernel_size: odd size of the family's spatial filters; None for the paper's.
            stem: first layers: "paper"; "small" (stride 1, for images up to about 64 pixels); or
                "auto" (chosen by the image size).
            include_preprocessing: whether the model scales pixels from 0 to 255 itself.
            prefix: text before the name of every layer and, unless `name` sets it, of the model, so
                that one model can contain two networks: up to 64 letters, digits, "_" or "-".
            stride: Stride of the finest scores: 32, 16 or 8.

        Returns:
            A functional `keras.Model` with the layers `image`, `features` and `predictions`, whose
            names begin with `prefix`. Its methods are `preprocess(images)`, which returns its input
            for paths, arrays or Pillow images, and `decode(predictions, top=5)`, which names the
            best classes.

        Raises:
            UsageError: an argument is unknown or out of range.
            MismatchError: the image is too small, its size must be known, or the weights belong to
                another network.
            DownloadError: the weights cannot be downloaded.
        """

class _GooglenetBuilder(Variant):
    row: _GooglenetRow
    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = None,
        input_tensor: Any = None,
        input_shape: ImageShape | None = None,
        pooling: str | None = None,
        classes: int | None = None,
        classifier_activation: str | None = "softmax",
        name: str | None = None,
        *,
        dropout: float | None = None,
        depth: float = 1.0,
        width: float = 1.0,
        kernel_size: int | None = None,
        stem: str = "paper",
        include_preprocessing: bool = False,
        prefix: str = "",
        large: int = ...,
        batch_norm: bool = ...,
        pool4: int = ...,
        paper_dropout: float = ...,
        module: str = "inception",
        auxiliary: bool = False,
    ) -> keras.Model:
        """Builds the model, with fresh or with trained weights.

        Args:
            include_top: whether the model ends with the paper's classifier; otherwise it ends with
                `features`.
            weights: None for newly initialised weights; "imagenet" for the architecture's default
                among the published weights; a tag of `kerascnn weights list`; an https address; or
                a path. Published weights set the columns of their network that are not arguments
                here. A classifier for other classes is newly initialised; see `load_weights`.
            input_tensor: a Keras tensor to build on, instead of a new input.
            input_shape: (height, width, channels); None for the paper's. Height and width may be
                None if the head allows it. Channels before height and width are refused: a first
                size of 1, 3 or 4, a larger second one, and a last one above 4.
            pooling: without the classifier: None for the feature map, "avg", "max" or "flatten".
            classes: number of classes; None for the paper's.
            classifier_activation: "softmax", which becomes a sigmoid for a single class; "sigmoid";
                or None for logits.
            name: of the model; None for the architecture's name.
            dropout: rate in [0, 1) before the classifier; None for the paper's.
            depth: multiplies the repeats of every stage, > 0.
            width: multiplies every channel count, > 0.
            kernel_size: odd size of the family's spatial filters; None for the paper's.
            stem: first layers: "paper"; "small" (stride 1, for images up to about 64 pixels); or
                "auto" (chosen by the image size).
            include_preprocessing: whether the model scales pixels from 0 to 255 itself.
            prefix: text before the name of every layer and, unless `name` sets it, of the model, so
                that one model can contain two networks: up to 64 letters, digits, "_" or "-".
            large: size of the modules' largest filters.
            batch_norm: batch norm before every ReLU, in place of response normalisation.
            pool4: size of the last max pool.
            paper_dropout: dropout rate before the classifier, unless `dropout` is set.
            module: "inception", or "naive" for Figure 2(a): no 1x1 reductions, no projection.
            auxiliary: adds the two heads for training (weight 0.3 in the loss of the paper).

        Returns:
            A functional `keras.Model` with the layers `image`, `features` and `predictions`, whose
            names begin with `prefix`. Its methods are `preprocess(images)`, which returns its input
            for paths, arrays or Pillow images, and `decode(predictions, top=5)`, which names the
            best classes.

        Raises:
            UsageError: an argument is unknown or out of range.
            MismatchError: the image is too small, its size must be known, or the weights belong to
                another network.
            DownloadError: the weights cannot be downloaded.
        """

class _InceptionBuilder(Variant):
    row: _InceptionRow
    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = None,
        input_tensor: Any = None,
        input_shape: ImageShape | None = None,
        pooling: str | None = None,
        classes: int | None = None,
        classifier_activation: str | None = "softmax",
        name: str | None = None,
        *,
        dropout: float | None = None,
        depth: float = 1.0,
        width: float = 1.0,
        kernel_size: int | None = None,
        stem: str = "paper",
        include_preprocessing: bool = False,
        prefix: str = "",
        a: tuple[Any, ...] = ...,
        reduction_a: tuple[Any, ...] = ...,
        b: tuple[Any, ...] = ...,
        reduction_b: tuple[Any, ...] = ...,
        c: tuple[Any, ...] = ...,
        tail: tuple[Any, ...] = ...,
        gamma: bool = ...,
        momentum: float = ...,
        border_counts: bool = False,
        auxiliary: bool = False,
    ) -> keras.Model:
        """Builds the model, with fresh or with trained weights.

        Args:
            include_top: whether the model ends with the paper's classifier; otherwise it ends with
                `features`.
            weights: None for newly initialised weights; "imagenet" for the architecture's default
                among the published weights; a tag of `kerascnn weights list`; an https address; or
                a path. Published weights set the columns of their network that are not arguments
                here. A classifier for other classes is newly initialised; see `load_weights`.
            input_tensor: a Keras tensor to build on, instead of a new input.
            input_shape: (height, width, channels); None for the paper's. Height and width may be
                None if the head allows it. Channels before height and width are refused: a first
                size of 1, 3 or 4, a larger second one, and a last one above 4.
            pooling: without the classifier: None for the feature map, "avg", "max" or "flatten".
            classes: number of classes; None for the paper's.
            classifier_activation: "softmax", which becomes a sigmoid for a single class; "sigmoid";
                or None for logits.
            name: of the model; None for the architecture's name.
            dropout: rate in [0, 1) before the classifier; None for the paper's.
            depth: multiplies the repeats of every stage, > 0.
            width: multiplies every channel count, > 0.
            kernel_size: odd size of the family's spatial filters; None for the paper's.
            stem: first layers: "paper"; "small" (stride 1, for images up to about 64 pixels); or
                "auto" (chosen by the image size).
            include_preprocessing: whether the model scales pixels from 0 to 255 itself.
            prefix: text before the name of every layer and, unless `name` sets it, of the model, so
                that one model can contain two networks: up to 64 letters, digits, "_" or "-".
            a: modules at an eighth of the image's size.
            reduction_a: one module, halving the size.
            b: modules.
            reduction_b: one module, halving the size.
            c: modules.
            tail: steps.
            gamma: the batch norms have a gamma.
            momentum: of the batch norms.
            border_counts: the average pools count zeros beyond the border.
            auxiliary: a second classifier on the last module of B, in the training model.

        Returns:
            A functional `keras.Model` with the layers `image`, `features` and `predictions`, whose
            names begin with `prefix`. Its methods are `preprocess(images)`, which returns its input
            for paths, arrays or Pillow images, and `decode(predictions, top=5)`, which names the
            best classes.

        Raises:
            UsageError: an argument is unknown or out of range.
            MismatchError: the image is too small, its size must be known, or the weights belong to
                another network.
            DownloadError: the weights cannot be downloaded.
        """

class _LenetBuilder(Variant):
    row: _LenetRow
    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = None,
        input_tensor: Any = None,
        input_shape: ImageShape | None = None,
        pooling: str | None = None,
        classes: int | None = None,
        classifier_activation: str | None = "softmax",
        name: str | None = None,
        *,
        dropout: float | None = None,
        depth: float = 1.0,
        width: float = 1.0,
        kernel_size: int | None = None,
        stem: str = "paper",
        include_preprocessing: bool = False,
        prefix: str = "",
        c1: int = 6,
        c3: int = 16,
        c5: int = 120,
        f6: int = 84,
    ) -> keras.Model:
        """Builds the model, with fresh or with trained weights.

        Args:
            include_top: whether the model ends with the paper's classifier; otherwise it ends with
                `features`.
            weights: None for newly initialised weights; "imagenet" for the architecture's default
                among the published weights; a tag of `kerascnn weights list`; an https address; or
                a path. Published weights set the columns of their network that are not arguments
                here. A classifier for other classes is newly initialised; see `load_weights`.
            input_tensor: a Keras tensor to build on, instead of a new input.
            input_shape: (height, width, channels); None for the paper's. Height and width may be
                None if the head allows it. Channels before height and width are refused: a first
                size of 1, 3 or 4, a larger second one, and a last one above 4.
            pooling: without the classifier: None for the feature map, "avg", "max" or "flatten".
            classes: number of classes; None for the paper's.
            classifier_activation: "softmax", which becomes a sigmoid for a single class; "sigmoid";
                or None for logits.
            name: of the model; None for the architecture's name.
            dropout: rate in [0, 1) before the classifier; None for the paper's.
            depth: multiplies the repeats of every stage, > 0.
            width: multiplies every channel count, > 0.
            kernel_size: odd size of the family's spatial filters; None for the paper's.
            stem: first layers: "paper"; "small" (stride 1, for images up to about 64 pixels); or
                "auto" (chosen by the image size).
            include_preprocessing: whether the model scales pixels from 0 to 255 itself.
            prefix: text before the name of every layer and, unless `name` sets it, of the model, so
                that one model can contain two networks: up to 64 letters, digits, "_" or "-".
            c1, c3, c5, f6: Maps of the convolutions and units of the layer before the output.

        Returns:
            A functional `keras.Model` with the layers `image`, `features` and `predictions`, whose
            names begin with `prefix`. Its methods are `preprocess(images)`, which returns its input
            for paths, arrays or Pillow images, and `decode(predictions, top=5)`, which names the
            best classes.

        Raises:
            UsageError: an argument is unknown or out of range.
            MismatchError: the image is too small, its size must be known, or the weights belong to
                another network.
            DownloadError: the weights cannot be downloaded.
        """

class _MobilenetV1Builder(Variant):
    row: _MobilenetV1Row
    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = None,
        input_tensor: Any = None,
        input_shape: ImageShape | None = None,
        pooling: str | None = None,
        classes: int | None = None,
        classifier_activation: str | None = "softmax",
        name: str | None = None,
        *,
        dropout: float | None = None,
        depth: float = 1.0,
        width: float = 1.0,
        kernel_size: int | None = None,
        stem: str = "paper",
        include_preprocessing: bool = False,
        prefix: str = "",
        first: int = 32,
        stages: tuple[tuple[int, int, int], ...] = ...,
        padding: str = "far",
    ) -> keras.Model:
        """Builds the model, with fresh or with trained weights.

        Args:
            include_top: whether the model ends with the paper's classifier; otherwise it ends with
                `features`.
            weights: None for newly initialised weights; "imagenet" for the architecture's default
                among the published weights; a tag of `kerascnn weights list`; an https address; or
                a path. Published weights set the columns of their network that are not arguments
                here. A classifier for other classes is newly initialised; see `load_weights`.
            input_tensor: a Keras tensor to build on, instead of a new input.
            input_shape: (height, width, channels); None for the paper's. Height and width may be
                None if the head allows it. Channels before height and width are refused: a first
                size of 1, 3 or 4, a larger second one, and a last one above 4.
            pooling: without the classifier: None for the feature map, "avg", "max" or "flatten".
            classes: number of classes; None for the paper's.
            classifier_activation: "softmax", which becomes a sigmoid for a single class; "sigmoid";
                or None for logits.
            name: of the model; None for the architecture's name.
            dropout: rate in [0, 1) before the classifier; None for the paper's.
            depth: multiplies the repeats of every stage, > 0.
            width: multiplies every channel count, > 0.
            kernel_size: odd size of the family's spatial filters; None for the paper's.
            stem: first layers: "paper"; "small" (stride 1, for images up to about 64 pixels); or
                "auto" (chosen by the image size).
            include_preprocessing: whether the model scales pixels from 0 to 255 itself.
            prefix: text before the name of every layer and, unless `name` sets it, of the model, so
                that one model can contain two networks: up to 64 letters, digits, "_" or "-".
            first: channels of the first convolution.
            stages: (channels, repeats, stride of the first repeat) of the separable convolutions.
            padding: "far" (as keras.applications), "same" (the authors' code) or "symmetric".

        Returns:
            A functional `keras.Model` with the layers `image`, `features` and `predictions`, whose
            names begin with `prefix`. Its methods are `preprocess(images)`, which returns its input
            for paths, arrays or Pillow images, and `decode(predictions, top=5)`, which names the
            best classes.

        Raises:
            UsageError: an argument is unknown or out of range.
            MismatchError: the image is too small, its size must be known, or the weights belong to
                another network.
            DownloadError: the weights cannot be downloaded.
        """

class _MobilenetV2Builder(Variant):
    row: _MobilenetV2Row
    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = None,
        input_tensor: Any = None,
        input_shape: ImageShape | None = None,
        pooling: str | None = None,
        classes: int | None = None,
        classifier_activation: str | None = "softmax",
        name: str | None = None,
        *,
        dropout: float | None = None,
        depth: float = 1.0,
        width: float = 1.0,
        kernel_size: int | None = None,
        stem: str = "paper",
        include_preprocessing: bool = False,
        prefix: str = "",
        first: int = 32,
        stages: tuple[tuple[int, int, int, int], ...] = ...,
        last: int = 1280,
        padding: str = "symmetric",
    ) -> keras.Model:
        """Builds the model, with fresh or with trained weights.

        Args:
            include_top: whether the model ends with the paper's classifier; otherwise it ends with
                `features`.
            weights: None for newly initialised weights; "imagenet" for the architecture's default
                among the published weights; a tag of `kerascnn weights list`; an https address; or
                a path. Published weights set the columns of their network that are not arguments
                here. A classifier for other classes is newly initialised; see `load_weights`.
            input_tensor: a Keras tensor to build on, instead of a new input.
            input_shape: (height, width, channels); None for the paper's. Height and width may be
                None if the head allows it. Channels before height and width are refused: a first
                size of 1, 3 or 4, a larger second one, and a last one above 4.
            pooling: without the classifier: None for the feature map, "avg", "max" or "flatten".
            classes: number of classes; None for the paper's.
            classifier_activation: "softmax", which becomes a sigmoid for a single class; "sigmoid";
                or None for logits.
            name: of the model; None for the architecture's name.
            dropout: rate in [0, 1) before the classifier; None for the paper's.
            depth: multiplies the repeats of every stage, > 0.
            width: multiplies every channel count, > 0.
            kernel_size: odd size of the family's spatial filters; None for the paper's.
            stem: first layers: "paper"; "small" (stride 1, for images up to about 64 pixels); or
                "auto" (chosen by the image size).
            include_preprocessing: whether the model scales pixels from 0 to 255 itself.
            prefix: text before the name of every layer and, unless `name` sets it, of the model, so
                that one model can contain two networks: up to 64 letters, digits, "_" or "-".
            first: channels of the first convolution.
            stages: (t, c, n, s): expansion, channels, repeats, stride of the first repeat.
            last: channels of the last convolution.
            padding: "symmetric", or "same" for TensorFlow's.

        Returns:
            A functional `keras.Model` with the layers `image`, `features` and `predictions`, whose
            names begin with `prefix`. Its methods are `preprocess(images)`, which returns its input
            for paths, arrays or Pillow images, and `decode(predictions, top=5)`, which names the
            best classes.

        Raises:
            UsageError: an argument is unknown or out of range.
            MismatchError: the image is too small, its size must be known, or the weights belong to
                another network.
            DownloadError: the weights cannot be downloaded.
        """

class _MobilenetV3Builder(Variant):
    row: _MobilenetV3Row
    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = None,
        input_tensor: Any = None,
        input_shape: ImageShape | None = None,
        pooling: str | None = None,
        classes: int | None = None,
        classifier_activation: str | None = "softmax",
        name: str | None = None,
        *,
        dropout: float | None = None,
        depth: float = 1.0,
        width: float = 1.0,
        kernel_size: int | None = None,
        stem: str = "paper",
        include_preprocessing: bool = False,
        prefix: str = "",
        lines: tuple[tuple[int, int, int, bool, str, int], ...] = ...,
        hidden: int = ...,
        padding: str = "symmetric",
    ) -> keras.Model:
        """Builds the model, with fresh or with trained weights.

        Args:
            include_top: whether the model ends with the paper's classifier; otherwise it ends with
                `features`.
            weights: None for newly initialised weights; "imagenet" for the architecture's default
                among the published weights; a tag of `kerascnn weights list`; an https address; or
                a path. Published weights set the columns of their network that are not arguments
                here. A classifier for other classes is newly initialised; see `load_weights`.
            input_tensor: a Keras tensor to build on, instead of a new input.
            input_shape: (height, width, channels); None for the paper's. Height and width may be
                None if the head allows it. Channels before height and width are refused: a first
                size of 1, 3 or 4, a larger second one, and a last one above 4.
            pooling: without the classifier: None for the feature map, "avg", "max" or "flatten".
            classes: number of classes; None for the paper's.
            classifier_activation: "softmax", which becomes a sigmoid for a single class; "sigmoid";
                or None for logits.
            name: of the model; None for the architecture's name.
            dropout: rate in [0, 1) before the classifier; None for the paper's.
            depth: multiplies the repeats of every stage, > 0.
            width: multiplies every channel count, > 0.
            kernel_size: odd size of the family's spatial filters; None for the paper's.
            stem: first layers: "paper"; "small" (stride 1, for images up to about 64 pixels); or
                "auto" (chosen by the image size).
            include_preprocessing: whether the model scales pixels from 0 to 255 itself.
            prefix: text before the name of every layer and, unless `name` sets it, of the model, so
                that one model can contain two networks: up to 64 letters, digits, "_" or "-".
            lines: depthwise kernel, expanded channels, output channels, SE, NL ("RE" or "HS"),
                stride.
            hidden: units between pool and classifier.
            padding: "symmetric", or "same" for TensorFlow's.

        Returns:
            A functional `keras.Model` with the layers `image`, `features` and `predictions`, whose
            names begin with `prefix`. Its methods are `preprocess(images)`, which returns its input
            for paths, arrays or Pillow images, and `decode(predictions, top=5)`, which names the
            best classes.

        Raises:
            UsageError: an argument is unknown or out of range.
            MismatchError: the image is too small, its size must be known, or the weights belong to
                another network.
            DownloadError: the weights cannot be downloaded.
        """

class _NasnetBuilder(Variant):
    row: _NasnetRow
    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = None,
        input_tensor: Any = None,
        input_shape: ImageShape | None = None,
        pooling: str | None = None,
        classes: int | None = None,
        classifier_activation: str | None = "softmax",
        name: str | None = None,
        *,
        dropout: float | None = None,
        depth: float = 1.0,
        width: float = 1.0,
        kernel_size: int | None = None,
        stem: str = "paper",
        include_preprocessing: bool = False,
        prefix: str = "",
        normal_cells: int = ...,
        penultimate: int = ...,
        skip_reduction: bool = ...,
        border_maximum: bool = True,
        auxiliary: bool = False,
    ) -> keras.Model:
        """Builds the model, with fresh or with trained weights.

        Args:
            include_top: whether the model ends with the paper's classifier; otherwise it ends with
                `features`.
            weights: None for newly initialised weights; "imagenet" for the architecture's default
                among the published weights; a tag of `kerascnn weights list`; an https address; or
                a path. Published weights set the columns of their network that are not arguments
                here. A classifier for other classes is newly initialised; see `load_weights`.
            input_tensor: a Keras tensor to build on, instead of a new input.
            input_shape: (height, width, channels); None for the paper's. Height and width may be
                None if the head allows it. Channels before height and width are refused: a first
                size of 1, 3 or 4, a larger second one, and a last one above 4.
            pooling: without the classifier: None for the feature map, "avg", "max" or "flatten".
            classes: number of classes; None for the paper's.
            classifier_activation: "softmax", which becomes a sigmoid for a single class; "sigmoid";
                or None for logits.
            name: of the model; None for the architecture's name.
            dropout: rate in [0, 1) before the classifier; None for the paper's.
            depth: multiplies the repeats of every stage, > 0.
            width: multiplies every channel count, > 0.
            kernel_size: odd size of the family's spatial filters; None for the paper's.
            stem: first layers: "paper"; "small" (stride 1, for images up to about 64 pixels); or
                "auto" (chosen by the image size).
            include_preprocessing: whether the model scales pixels from 0 to 255 itself.
            prefix: text before the name of every layer and, unless `name` sets it, of the model, so
                that one model can contain two networks: up to 64 letters, digits, "_" or "-".
            normal_cells: N, the normal cells of each stage.
            penultimate: input channels of the classifier.
            skip_reduction: the cell after a reduction cell takes as "prev" the "prev" of the
                reduction cell, not its "now".
            border_maximum: the zeros around a map can be the maximum in a pool of a reduction cell.
            auxiliary: a second classifier at two thirds of the depth, in the training model.

        Returns:
            A functional `keras.Model` with the layers `image`, `features` and `predictions`, whose
            names begin with `prefix`. Its methods are `preprocess(images)`, which returns its input
            for paths, arrays or Pillow images, and `decode(predictions, top=5)`, which names the
            best classes.

        Raises:
            UsageError: an argument is unknown or out of range.
            MismatchError: the image is too small, its size must be known, or the weights belong to
                another network.
            DownloadError: the weights cannot be downloaded.
        """

class _ResidualV1Builder(Variant):
    row: _ResidualV1Row
    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = None,
        input_tensor: Any = None,
        input_shape: ImageShape | None = None,
        pooling: str | None = None,
        classes: int | None = None,
        classifier_activation: str | None = "softmax",
        name: str | None = None,
        *,
        dropout: float | None = None,
        depth: float = 1.0,
        width: float = 1.0,
        kernel_size: int | None = None,
        stem: str = "paper",
        include_preprocessing: bool = False,
        prefix: str = "",
        repeats: tuple[int, ...] = ...,
        block: str = ...,
        channels: tuple[int, ...] = ...,
        entry: str = ...,
        stem_channels: int = ...,
        groups: int = ...,
        group_width: int = ...,
        stride_in: str = ...,
        shortcut: str = ...,
        reduction: int | None = ...,
        block_dropout: float = 0.0,
        stochastic_depth: float = 0.0,
        head_dropout: float = ...,
        ceil_pool: bool = ...,
        epsilon: float = ...,
        half_first: bool = ...,
        shortcut_kernel: int = ...,
        zero_gamma: bool = False,
        pre_activation: bool = False,
    ) -> keras.Model:
        """Builds the model, with fresh or with trained weights.

        Args:
            include_top: whether the model ends with the paper's classifier; otherwise it ends with
                `features`.
            weights: None for newly initialised weights; "imagenet" for the architecture's default
                among the published weights; a tag of `kerascnn weights list`; an https address; or
                a path. Published weights set the columns of their network that are not arguments
                here. A classifier for other classes is newly initialised; see `load_weights`.
            input_tensor: a Keras tensor to build on, instead of a new input.
            input_shape: (height, width, channels); None for the paper's. Height and width may be
                None if the head allows it. Channels before height and width are refused: a first
                size of 1, 3 or 4, a larger second one, and a last one above 4.
            pooling: without the classifier: None for the feature map, "avg", "max" or "flatten".
            classes: number of classes; None for the paper's.
            classifier_activation: "softmax", which becomes a sigmoid for a single class; "sigmoid";
                or None for logits.
            name: of the model; None for the architecture's name.
            dropout: rate in [0, 1) before the classifier; None for the paper's.
            depth: multiplies the repeats of every stage, > 0.
            width: multiplies every channel count, > 0.
            kernel_size: odd size of the family's spatial filters; None for the paper's.
            stem: first layers: "paper"; "small" (stride 1, for images up to about 64 pixels); or
                "auto" (chosen by the image size).
            include_preprocessing: whether the model scales pixels from 0 to 255 itself.
            prefix: text before the name of every layer and, unless `name` sets it, of the model, so
                that one model can contain two networks: up to 64 letters, digits, "_" or "-".
            repeats: blocks of conv2_x, conv3_x, ….
            block: "basic" (two 3x3) or "bottleneck" (1x1, 3x3, and a 1x1 to four times `channels`).
            channels: of the 3x3s, one number for every stage.
            entry: the stem: "7x7" or "deep" (three 3x3), of stride 2 with a pool, or "3x3" of
                stride 1.
            stem_channels: channels of the stem's output.
            groups: of a bottleneck's 3x3.
            group_width: channels of one group where `channels` is 64, in proportion elsewhere.
            stride_in: the convolution of a bottleneck that strides: "1x1" (the first) or "3x3".
            shortcut: where shapes change "A" pads zero channels (half of them in front) and "B"
                projects; "C" projects in every block; "none" leaves a plain network.
            reduction: squeeze-and-excitation with channels / reduction units, at least 8; None
                without.
            block_dropout: dropout rate before the last convolution of every branch.
            stochastic_depth: share of the samples that skip the last block while training, [0, 1);
                it grows in proportion from block to block (Huang 2016, arXiv:1603.09382).
            head_dropout: dropout rate before the classifier where the builder's `dropout` is None.
            ceil_pool: the stem's pool pads the far edge only and rounds its size up, as in Caffe.
            epsilon: of every batch norm.
            half_first: a bottleneck's first 1x1 has half the channels of its 3x3.
            shortcut_kernel: size of the projections that stride.
            zero_gamma: the last batch norm of every branch starts at zero (Goyal 2017).
            pre_activation: False; True selects version 2.

        Returns:
            A functional `keras.Model` with the layers `image`, `features` and `predictions`, whose
            names begin with `prefix`. Its methods are `preprocess(images)`, which returns its input
            for paths, arrays or Pillow images, and `decode(predictions, top=5)`, which names the
            best classes.

        Raises:
            UsageError: an argument is unknown or out of range.
            MismatchError: the image is too small, its size must be known, or the weights belong to
                another network.
            DownloadError: the weights cannot be downloaded.
        """

class _ResidualV2Builder(Variant):
    row: _ResidualV2Row
    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = None,
        input_tensor: Any = None,
        input_shape: ImageShape | None = None,
        pooling: str | None = None,
        classes: int | None = None,
        classifier_activation: str | None = "softmax",
        name: str | None = None,
        *,
        dropout: float | None = None,
        depth: float = 1.0,
        width: float = 1.0,
        kernel_size: int | None = None,
        stem: str = "paper",
        include_preprocessing: bool = False,
        prefix: str = "",
        repeats: tuple[int, ...] = ...,
        block: str = ...,
        channels: tuple[int, ...] = ...,
        entry: str = ...,
        stem_channels: int = ...,
        groups: int = 1,
        group_width: int = 64,
        stride_in: str = "3x3",
        shortcut: str = "B",
        reduction: int | None = None,
        block_dropout: float = 0.0,
        stochastic_depth: float = 0.0,
        head_dropout: float = 0.0,
        ceil_pool: bool = False,
        epsilon: float = ...,
        stride_at: str = ...,
        biases: bool = ...,
        pre_activation: bool = True,
    ) -> keras.Model:
        """Builds the model, with fresh or with trained weights.

        Args:
            include_top: whether the model ends with the paper's classifier; otherwise it ends with
                `features`.
            weights: None for newly initialised weights; "imagenet" for the architecture's default
                among the published weights; a tag of `kerascnn weights list`; an https address; or
                a path. Published weights set the columns of their network that are not arguments
                here. A classifier for other classes is newly initialised; see `load_weights`.
            input_tensor: a Keras tensor to build on, instead of a new input.
            input_shape: (height, width, channels); None for the paper's. Height and width may be
                None if the head allows it. Channels before height and width are refused: a first
                size of 1, 3 or 4, a larger second one, and a last one above 4.
            pooling: without the classifier: None for the feature map, "avg", "max" or "flatten".
            classes: number of classes; None for the paper's.
            classifier_activation: "softmax", which becomes a sigmoid for a single class; "sigmoid";
                or None for logits.
            name: of the model; None for the architecture's name.
            dropout: rate in [0, 1) before the classifier; None for the paper's.
            depth: multiplies the repeats of every stage, > 0.
            width: multiplies every channel count, > 0.
            kernel_size: odd size of the family's spatial filters; None for the paper's.
            stem: first layers: "paper"; "small" (stride 1, for images up to about 64 pixels); or
                "auto" (chosen by the image size).
            include_preprocessing: whether the model scales pixels from 0 to 255 itself.
            prefix: text before the name of every layer and, unless `name` sets it, of the model, so
                that one model can contain two networks: up to 64 letters, digits, "_" or "-".
            repeats: blocks of conv2_x, conv3_x, ….
            block: "basic" (two 3x3) or "bottleneck" (1x1, 3x3, and a 1x1 to four times `channels`).
            channels: of the 3x3s, one number for every stage.
            entry: the stem: "7x7" or "deep" (three 3x3), of stride 2 with a pool, or "3x3" of
                stride 1.
            stem_channels: channels of the stem's output.
            groups: of a bottleneck's 3x3.
            group_width: channels of one group where `channels` is 64, in proportion elsewhere.
            stride_in: the convolution of a bottleneck that strides: "1x1" (the first) or "3x3".
            shortcut: where shapes change "A" pads zero channels (half of them in front) and "B"
                projects; "C" projects in every block; "none" leaves a plain network.
            reduction: squeeze-and-excitation with channels / reduction units, at least 8; None
                without.
            block_dropout: dropout rate before the last convolution of every branch.
            stochastic_depth: share of the samples that skip the last block while training, [0, 1);
                it grows in proportion from block to block (Huang 2016, arXiv:1603.09382).
            head_dropout: dropout rate before the classifier where the builder's `dropout` is None.
            ceil_pool: the stem's pool pads the far edge only and rounds its size up, as in Caffe.
            epsilon: of every batch norm.
            stride_at: the block of a stage that strides: its "first" or, as in TensorFlow's, its
                "last".
            biases: convolutions that no batch norm follows have a bias.
            pre_activation: True; False selects version 1.

        Returns:
            A functional `keras.Model` with the layers `image`, `features` and `predictions`, whose
            names begin with `prefix`. Its methods are `preprocess(images)`, which returns its input
            for paths, arrays or Pillow images, and `decode(predictions, top=5)`, which names the
            best classes.

        Raises:
            UsageError: an argument is unknown or out of range.
            MismatchError: the image is too small, its size must be known, or the weights belong to
                another network.
            DownloadError: the weights cannot be downloaded.
        """

class _ShufflenetV1Builder(Variant):
    row: _ShufflenetV1Row
    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = None,
        input_tensor: Any = None,
        input_shape: ImageShape | None = None,
        pooling: str | None = None,
        classes: int | None = None,
        classifier_activation: str | None = "softmax",
        name: str | None = None,
        *,
        dropout: float | None = None,
        depth: float = 1.0,
        width: float = 1.0,
        kernel_size: int | None = None,
        stem: str = "paper",
        include_preprocessing: bool = False,
        prefix: str = "",
        groups: int = ...,
        channels: tuple[int, int, int] = ...,
        first: int = 24,
        repeats: tuple[int, int, int] = (4, 8, 4),
    ) -> keras.Model:
        """Builds the model, with fresh or with trained weights.

        Args:
            include_top: whether the model ends with the paper's classifier; otherwise it ends with
                `features`.
            weights: None for newly initialised weights; "imagenet" for the architecture's default
                among the published weights; a tag of `kerascnn weights list`; an https address; or
                a path. Published weights set the columns of their network that are not arguments
                here. A classifier for other classes is newly initialised; see `load_weights`.
            input_tensor: a Keras tensor to build on, instead of a new input.
            input_shape: (height, width, channels); None for the paper's. Height and width may be
                None if the head allows it. Channels before height and width are refused: a first
                size of 1, 3 or 4, a larger second one, and a last one above 4.
            pooling: without the classifier: None for the feature map, "avg", "max" or "flatten".
            classes: number of classes; None for the paper's.
            classifier_activation: "softmax", which becomes a sigmoid for a single class; "sigmoid";
                or None for logits.
            name: of the model; None for the architecture's name.
            dropout: rate in [0, 1) before the classifier; None for the paper's.
            depth: multiplies the repeats of every stage, > 0.
            width: multiplies every channel count, > 0.
            kernel_size: odd size of the family's spatial filters; None for the paper's.
            stem: first layers: "paper"; "small" (stride 1, for images up to about 64 pixels); or
                "auto" (chosen by the image size).
            include_preprocessing: whether the model scales pixels from 0 to 255 itself.
            prefix: text before the name of every layer and, unless `name` sets it, of the model, so
                that one model can contain two networks: up to 64 letters, digits, "_" or "-".
            groups: of the pointwise convolutions.
            channels: of stages 2, 3 and 4.
            first: channels of the first convolution.
            repeats: units of stages 2, 3 and 4, including the unit of stride 2.

        Returns:
            A functional `keras.Model` with the layers `image`, `features` and `predictions`, whose
            names begin with `prefix`. Its methods are `preprocess(images)`, which returns its input
            for paths, arrays or Pillow images, and `decode(predictions, top=5)`, which names the
            best classes.

        Raises:
            UsageError: an argument is unknown or out of range.
            MismatchError: the image is too small, its size must be known, or the weights belong to
                another network.
            DownloadError: the weights cannot be downloaded.
        """

class _ShufflenetV2Builder(Variant):
    row: _ShufflenetV2Row
    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = None,
        input_tensor: Any = None,
        input_shape: ImageShape | None = None,
        pooling: str | None = None,
        classes: int | None = None,
        classifier_activation: str | None = "softmax",
        name: str | None = None,
        *,
        dropout: float | None = None,
        depth: float = 1.0,
        width: float = 1.0,
        kernel_size: int | None = None,
        stem: str = "paper",
        include_preprocessing: bool = False,
        prefix: str = "",
        channels: tuple[int, int, int] = ...,
        last: int = ...,
        first: int = 24,
        repeats: tuple[int, int, int] = (4, 8, 4),
    ) -> keras.Model:
        """Builds the model, with fresh or with trained weights.

        Args:
            include_top: whether the model ends with the paper's classifier; otherwise it ends with
                `features`.
            weights: None for newly initialised weights; "imagenet" for the architecture's default
                among the published weights; a tag of `kerascnn weights list`; an https address; or
                a path. Published weights set the columns of their network that are not arguments
                here. A classifier for other classes is newly initialised; see `load_weights`.
            input_tensor: a Keras tensor to build on, instead of a new input.
            input_shape: (height, width, channels); None for the paper's. Height and width may be
                None if the head allows it. Channels before height and width are refused: a first
                size of 1, 3 or 4, a larger second one, and a last one above 4.
            pooling: without the classifier: None for the feature map, "avg", "max" or "flatten".
            classes: number of classes; None for the paper's.
            classifier_activation: "softmax", which becomes a sigmoid for a single class; "sigmoid";
                or None for logits.
            name: of the model; None for the architecture's name.
            dropout: rate in [0, 1) before the classifier; None for the paper's.
            depth: multiplies the repeats of every stage, > 0.
            width: multiplies every channel count, > 0.
            kernel_size: odd size of the family's spatial filters; None for the paper's.
            stem: first layers: "paper"; "small" (stride 1, for images up to about 64 pixels); or
                "auto" (chosen by the image size).
            include_preprocessing: whether the model scales pixels from 0 to 255 itself.
            prefix: text before the name of every layer and, unless `name` sets it, of the model, so
                that one model can contain two networks: up to 64 letters, digits, "_" or "-".
            channels: of stages 2, 3 and 4.
            last: channels of the last convolution.
            first: channels of the first convolution.
            repeats: units of stages 2, 3 and 4, including the unit of stride 2.

        Returns:
            A functional `keras.Model` with the layers `image`, `features` and `predictions`, whose
            names begin with `prefix`. Its methods are `preprocess(images)`, which returns its input
            for paths, arrays or Pillow images, and `decode(predictions, top=5)`, which names the
            best classes.

        Raises:
            UsageError: an argument is unknown or out of range.
            MismatchError: the image is too small, its size must be known, or the weights belong to
                another network.
            DownloadError: the weights cannot be downloaded.
        """

class _ZfnetBuilder(Variant):
    row: _ZfnetRow
    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = None,
        input_tensor: Any = None,
        input_shape: ImageShape | None = None,
        pooling: str | None = None,
        classes: int | None = None,
        classifier_activation: str | None = "softmax",
        name: str | None = None,
        *,
        dropout: float | None = None,
        depth: float = 1.0,
        width: float = 1.0,
        kernel_size: int | None = None,
        stem: str = "paper",
        include_preprocessing: bool = False,
        prefix: str = "",
        filters: tuple[int, int, int, int, int] = (96, 256, 384, 384, 256),
        stddev: float | None = None,
    ) -> keras.Model:
        """Builds the model, with fresh or with trained weights.

        Args:
            include_top: whether the model ends with the paper's classifier; otherwise it ends with
                `features`.
            weights: None for newly initialised weights; "imagenet" for the architecture's default
                among the published weights; a tag of `kerascnn weights list`; an https address; or
                a path. Published weights set the columns of their network that are not arguments
                here. A classifier for other classes is newly initialised; see `load_weights`.
            input_tensor: a Keras tensor to build on, instead of a new input.
            input_shape: (height, width, channels); None for the paper's. Height and width may be
                None if the head allows it. Channels before height and width are refused: a first
                size of 1, 3 or 4, a larger second one, and a last one above 4.
            pooling: without the classifier: None for the feature map, "avg", "max" or "flatten".
            classes: number of classes; None for the paper's.
            classifier_activation: "softmax", which becomes a sigmoid for a single class; "sigmoid";
                or None for logits.
            name: of the model; None for the architecture's name.
            dropout: rate in [0, 1) before the classifier; None for the paper's.
            depth: multiplies the repeats of every stage, > 0.
            width: multiplies every channel count, > 0.
            kernel_size: odd size of the family's spatial filters; None for the paper's.
            stem: first layers: "paper"; "small" (stride 1, for images up to about 64 pixels); or
                "auto" (chosen by the image size).
            include_preprocessing: whether the model scales pixels from 0 to 255 itself.
            prefix: text before the name of every layer and, unless `name` sets it, of the model, so
                that one model can contain two networks: up to 64 letters, digits, "_" or "-".
            filters: maps of conv1 to conv5.
            stddev: of the normal distribution of the initial weights; None for He's distribution.

        Returns:
            A functional `keras.Model` with the layers `image`, `features` and `predictions`, whose
            names begin with `prefix`. Its methods are `preprocess(images)`, which returns its input
            for paths, arrays or Pillow images, and `decode(predictions, top=5)`, which names the
            best classes.

        Raises:
            UsageError: an argument is unknown or out of range.
            MismatchError: the image is too small, its size must be known, or the weights belong to
                another network.
            DownloadError: the weights cannot be downloaded.
        """

AlexNet: _AlexnetBuilder
"""AlexNet, by name `create_model("alexnet")`: returns a `keras.Model`.

ImageNet classification with deep convolutional neural networks (Krizhevsky 2012 NIPS,
2012).
227 x 227 x 3 pixels, 1,000 classes,
60,965,224 trainable parameters, 724,406,816 multiply-accumulates.

Columns of its table: filters=(96, 256, 384, 384, 256), groups=(1, 2, 1, 2, 2), pad=0,
lrn="before", stddev=None.
"""

AlexNetSingle: _AlexnetBuilder
"""AlexNetSingle, by name `create_model("alexnet_single")`: returns a `keras.Model`.

ImageNet classification with deep convolutional neural networks (Krizhevsky 2012 NIPS,
2012).
227 x 227 x 3 pixels, 1,000 classes,
62,378,344 trainable parameters, 1,135,256,096 multiply-accumulates.

Columns of its table: filters=(96, 256, 384, 384, 256), groups=(1, 1, 1, 1, 1), pad=0,
lrn="after", stddev=None.
"""

AlexNetOWT: _AlexnetBuilder
"""AlexNetOWT, by name `create_model("alexnet_owt")`: returns a `keras.Model`.

One weird trick for parallelizing convolutional neural networks (arXiv:1404.5997, 2014).
224 x 224 x 3 pixels, 1,000 classes,
61,100,840 trainable parameters, 714,188,480 multiply-accumulates.

Columns of its table: filters=(64, 192, 384, 256, 256), groups=(1, 1, 1, 1, 1), pad=2,
lrn=None, stddev=None.
"""

AlphaGoPolicy: _AlphagoBuilder
"""AlphaGoPolicy, by name `create_model("alphago_policy")`: returns a `keras.Model`.

Mastering the game of Go with deep neural networks and tree search (Silver 2016 Nature 529,
2016).
19 x 19 x 48 pixels, 361 classes,
3,882,793 trainable parameters, 1,400,726,208 multiply-accumulates.

Columns of its table: filters=192.
"""

ConvNet: _ConvnetBuilder
"""ConvNet, by name `create_model("convnet")`: returns a `keras.Model`.

Convolutional neural networks for visual recognition (Stanford CS231n 2016, 2016).
32 x 32 x 3 pixels, 10 classes,
814,122 trainable parameters, 39,160,320 multiply-accumulates.

Columns of its table: n=2, m=3, k=1, filters=32, filter_size=3, units=256, pool="max",
batch_norm=False.
"""

DenseNet121: _DensenetBuilder
"""DenseNet121, by name `create_model("densenet121")`: returns a `keras.Model`.

Densely connected convolutional networks (arXiv:1608.06993, 2016).
224 x 224 x 3 pixels, 1,000 classes,
7,978,856 trainable parameters, 2,834,161,664 multiply-accumulates.

Columns of its table: layers=(6, 12, 24, 16), growth=32, first=64.
"""

DenseNet161: _DensenetBuilder
"""DenseNet161, by name `create_model("densenet161")`: returns a `keras.Model`.

Densely connected convolutional networks (arXiv:1608.06993, 2016).
224 x 224 x 3 pixels, 1,000 classes,
28,681,000 trainable parameters, 7,727,907,072 multiply-accumulates.

Columns of its table: layers=(6, 12, 36, 24), growth=48, first=96.
"""

DenseNet169: _DensenetBuilder
"""DenseNet169, by name `create_model("densenet169")`: returns a `keras.Model`.

Densely connected convolutional networks (arXiv:1608.06993, 2016).
224 x 224 x 3 pixels, 1,000 classes,
14,149,480 trainable parameters, 3,359,843,328 multiply-accumulates.

Columns of its table: layers=(6, 12, 32, 32), growth=32, first=64.
"""

DenseNet201: _DensenetBuilder
"""DenseNet201, by name `create_model("densenet201")`: returns a `keras.Model`.

Densely connected convolutional networks (arXiv:1608.06993, 2016).
224 x 224 x 3 pixels, 1,000 classes,
20,013,928 trainable parameters, 4,291,365,888 multiply-accumulates.

Columns of its table: layers=(6, 12, 48, 32), growth=32, first=64.
"""

DenseNetBC100_12: _DensenetBuilder
"""DenseNetBC100_12, by name `create_model("densenet_bc100_12")`: returns a `keras.Model`.

Densely connected convolutional networks (arXiv:1608.06993, 2016).
32 x 32 x 3 pixels, 10 classes,
769,162 trainable parameters, 287,929,692 multiply-accumulates.

Columns of its table: layers=(16, 16, 16), growth=12, first=24.
"""

DenseNetBC190_40: _DensenetBuilder
"""DenseNetBC190_40, by name `create_model("densenet_bc190_40")`: returns a `keras.Model`.

Densely connected convolutional networks (arXiv:1608.06993, 2016).
32 x 32 x 3 pixels, 10 classes,
25,624,430 trainable parameters, 9,301,945,740 multiply-accumulates.

Columns of its table: layers=(31, 31, 31), growth=40, first=80.
"""

EfficientNetB0: _EfficientnetBuilder
"""EfficientNetB0, by name `create_model("efficientnet_b0")`: returns a `keras.Model`.

EfficientNet: rethinking model scaling for convolutional neural networks (arXiv:1905.11946,
2019).
224 x 224 x 3 pixels, 1,000 classes,
5,288,548 trainable parameters, 385,814,752 multiply-accumulates.

Columns of its table: epsilon=1e-05, momentum=0.9, stochastic_depth=0.2,
padding="symmetric".
"""

EfficientNetB1: _EfficientnetBuilder
"""EfficientNetB1, by name `create_model("efficientnet_b1")`: returns a `keras.Model`.

EfficientNet: rethinking model scaling for convolutional neural networks (arXiv:1905.11946,
2019).
240 x 240 x 3 pixels, 1,000 classes,
7,794,184 trainable parameters, 686,802,832 multiply-accumulates.

Columns of its table: epsilon=1e-05, momentum=0.9, stochastic_depth=0.2,
padding="symmetric".
"""

EfficientNetB2: _EfficientnetBuilder
"""EfficientNetB2, by name `create_model("efficientnet_b2")`: returns a `keras.Model`.

EfficientNet: rethinking model scaling for convolutional neural networks (arXiv:1905.11946,
2019).
260 x 260 x 3 pixels, 1,000 classes,
9,109,994 trainable parameters, 993,561,872 multiply-accumulates.

Columns of its table: epsilon=1e-05, momentum=0.9, stochastic_depth=0.2,
padding="symmetric".
"""

EfficientNetB3: _EfficientnetBuilder
"""EfficientNetB3, by name `create_model("efficientnet_b3")`: returns a `keras.Model`.

EfficientNet: rethinking model scaling for convolutional neural networks (arXiv:1905.11946,
2019).
300 x 300 x 3 pixels, 1,000 classes,
12,233,232 trainable parameters, 1,827,141,392 multiply-accumulates.

Columns of its table: epsilon=1e-05, momentum=0.9, stochastic_depth=0.2,
padding="symmetric".
"""

EfficientNetB4: _EfficientnetBuilder
"""EfficientNetB4, by name `create_model("efficientnet_b4")`: returns a `keras.Model`.

EfficientNet: rethinking model scaling for convolutional neural networks (arXiv:1905.11946,
2019).
380 x 380 x 3 pixels, 1,000 classes,
19,341,616 trainable parameters, 4,393,771,024 multiply-accumulates.

Columns of its table: epsilon=1e-05, momentum=0.9, stochastic_depth=0.2,
padding="symmetric".
"""

EfficientNetB5: _EfficientnetBuilder
"""EfficientNetB5, by name `create_model("efficientnet_b5")`: returns a `keras.Model`.

EfficientNet: rethinking model scaling for convolutional neural networks (arXiv:1905.11946,
2019).
456 x 456 x 3 pixels, 1,000 classes,
30,389,784 trainable parameters, 10,266,384,752 multiply-accumulates.

Columns of its table: epsilon=0.001, momentum=0.99, stochastic_depth=0.2,
padding="symmetric".
"""

EfficientNetB6: _EfficientnetBuilder
"""EfficientNetB6, by name `create_model("efficientnet_b6")`: returns a `keras.Model`.

EfficientNet: rethinking model scaling for convolutional neural networks (arXiv:1905.11946,
2019).
528 x 528 x 3 pixels, 1,000 classes,
43,040,704 trainable parameters, 19,067,593,536 multiply-accumulates.

Columns of its table: epsilon=0.001, momentum=0.99, stochastic_depth=0.2,
padding="symmetric".
"""

EfficientNetB7: _EfficientnetBuilder
"""EfficientNetB7, by name `create_model("efficientnet_b7")`: returns a `keras.Model`.

EfficientNet: rethinking model scaling for convolutional neural networks (arXiv:1905.11946,
2019).
600 x 600 x 3 pixels, 1,000 classes,
66,347,960 trainable parameters, 37,745,884,192 multiply-accumulates.

Columns of its table: epsilon=0.001, momentum=0.99, stochastic_depth=0.2,
padding="symmetric".
"""

VGG11: _VggBuilder
"""VGG11, by name `create_model("vgg11")`: returns a `keras.Model`.

Very deep convolutional networks for large-scale image recognition (arXiv:1409.1556, 2014).
224 x 224 x 3 pixels, 1,000 classes,
132,863,336 trainable parameters, 7,609,090,048 multiply-accumulates.

Columns of its table: stages=((3,), (3,), (3, 3), (3, 3), (3, 3)), filters=(64, 128, 256,
512, 512), lrn=False, batch_norm=False.
"""

VGG11LRN: _VggBuilder
"""VGG11LRN, by name `create_model("vgg11_lrn")`: returns a `keras.Model`.

Very deep convolutional networks for large-scale image recognition (arXiv:1409.1556, 2014).
224 x 224 x 3 pixels, 1,000 classes,
132,863,336 trainable parameters, 7,609,090,048 multiply-accumulates.

Columns of its table: stages=((3,), (3,), (3, 3), (3, 3), (3, 3)), filters=(64, 128, 256,
512, 512), lrn=True, batch_norm=False.
"""

VGG13: _VggBuilder
"""VGG13, by name `create_model("vgg13")`: returns a `keras.Model`.

Very deep convolutional networks for large-scale image recognition (arXiv:1409.1556, 2014).
224 x 224 x 3 pixels, 1,000 classes,
133,047,848 trainable parameters, 11,308,466,176 multiply-accumulates.

Columns of its table: stages=((3, 3), (3, 3), (3, 3), (3, 3), (3, 3)), filters=(64, 128,
256, 512, 512), lrn=False, batch_norm=False.
"""

VGG16_1x1: _VggBuilder
"""VGG16_1x1, by name `create_model("vgg16_1x1")`: returns a `keras.Model`.

Very deep convolutional networks for large-scale image recognition (arXiv:1409.1556, 2014).
224 x 224 x 3 pixels, 1,000 classes,
133,638,952 trainable parameters, 11,770,888,192 multiply-accumulates.

Columns of its table: stages=((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1)), filters=(64,
128, 256, 512, 512), lrn=False, batch_norm=False.
"""

VGG16: _VggBuilder
"""VGG16, by name `create_model("vgg16")`: returns a `keras.Model`.

Very deep convolutional networks for large-scale image recognition (arXiv:1409.1556, 2014).
224 x 224 x 3 pixels, 1,000 classes,
138,357,544 trainable parameters, 15,470,264,320 multiply-accumulates.

Columns of its table: stages=((3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3)), filters=(64,
128, 256, 512, 512), lrn=False, batch_norm=False.
"""

VGG19: _VggBuilder
"""VGG19, by name `create_model("vgg19")`: returns a `keras.Model`.

Very deep convolutional networks for large-scale image recognition (arXiv:1409.1556, 2014).
224 x 224 x 3 pixels, 1,000 classes,
143,667,240 trainable parameters, 19,632,062,464 multiply-accumulates.

Columns of its table: stages=((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3)),
filters=(64, 128, 256, 512, 512), lrn=False, batch_norm=False.
"""

VGG11BN: _VggBuilder
"""VGG11BN, by name `create_model("vgg11_bn")`: returns a `keras.Model`.

Very deep convolutional networks for large-scale image recognition (arXiv:1409.1556, 2014).
224 x 224 x 3 pixels, 1,000 classes,
132,868,840 trainable parameters, 7,609,090,048 multiply-accumulates.

Columns of its table: stages=((3,), (3,), (3, 3), (3, 3), (3, 3)), filters=(64, 128, 256,
512, 512), lrn=False, batch_norm=True.
"""

VGG13BN: _VggBuilder
"""VGG13BN, by name `create_model("vgg13_bn")`: returns a `keras.Model`.

Very deep convolutional networks for large-scale image recognition (arXiv:1409.1556, 2014).
224 x 224 x 3 pixels, 1,000 classes,
133,053,736 trainable parameters, 11,308,466,176 multiply-accumulates.

Columns of its table: stages=((3, 3), (3, 3), (3, 3), (3, 3), (3, 3)), filters=(64, 128,
256, 512, 512), lrn=False, batch_norm=True.
"""

VGG16BN: _VggBuilder
"""VGG16BN, by name `create_model("vgg16_bn")`: returns a `keras.Model`.

Very deep convolutional networks for large-scale image recognition (arXiv:1409.1556, 2014).
224 x 224 x 3 pixels, 1,000 classes,
138,365,992 trainable parameters, 15,470,264,320 multiply-accumulates.

Columns of its table: stages=((3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3)), filters=(64,
128, 256, 512, 512), lrn=False, batch_norm=True.
"""

VGG19BN: _VggBuilder
"""VGG19BN, by name `create_model("vgg19_bn")`: returns a `keras.Model`.

Very deep convolutional networks for large-scale image recognition (arXiv:1409.1556, 2014).
224 x 224 x 3 pixels, 1,000 classes,
143,678,248 trainable parameters, 19,632,062,464 multiply-accumulates.

Columns of its table: stages=((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3)),
filters=(64, 128, 256, 512, 512), lrn=False, batch_norm=True.
"""

FCN32s: _FcnBuilder
"""FCN32s, by name `create_model("fcn32s")`: returns a `keras.Model`.

Fully convolutional networks for semantic segmentation (arXiv:1411.4038, 2015).
500 x 500 x 3 pixels, 21 classes,
134,346,581 trainable parameters, 108,255,955,968 multiply-accumulates.

Columns of its table: stride=32.
"""

FCN16s: _FcnBuilder
"""FCN16s, by name `create_model("fcn16s")`: returns a `keras.Model`.

Fully convolutional networks for semantic segmentation (arXiv:1411.4038, 2015).
500 x 500 x 3 pixels, 21 classes,
134,364,410 trainable parameters, 108,268,772,352 multiply-accumulates.

Columns of its table: stride=16.
"""

FCN8s: _FcnBuilder
"""FCN8s, by name `create_model("fcn8s")`: returns a `keras.Model`.

Fully convolutional networks for semantic segmentation (arXiv:1411.4038, 2015).
500 x 500 x 3 pixels, 21 classes,
134,376,863 trainable parameters, 108,282,997,248 multiply-accumulates.

Columns of its table: stride=8.
"""

GoogLeNet: _GooglenetBuilder
"""GoogLeNet, by name `create_model("googlenet")`: returns a `keras.Model`.

Going deeper with convolutions (arXiv:1409.4842, 2014).
224 x 224 x 3 pixels, 1,000 classes,
6,998,552 trainable parameters, 1,582,671,872 multiply-accumulates.

Columns of its table: large=5, batch_norm=False, pool4=3, paper_dropout=0.4,
module="inception", auxiliary=False.
"""

GoogLeNetBN: _GooglenetBuilder
"""GoogLeNetBN, by name `create_model("googlenet_bn")`: returns a `keras.Model`.

Going deeper with convolutions (arXiv:1409.4842, 2014).
224 x 224 x 3 pixels, 1,000 classes,
6,624,904 trainable parameters, 1,498,376,192 multiply-accumulates.

Columns of its table: large=3, batch_norm=True, pool4=2, paper_dropout=0.2,
module="inception", auxiliary=False.
"""

InceptionV3: _InceptionBuilder
"""InceptionV3, by name `create_model("inception_v3")`: returns a `keras.Model`.

Rethinking the Inception architecture for computer vision (arXiv:1512.00567, 2015).
299 x 299 x 3 pixels, 1,000 classes,
23,817,352 trainable parameters, 5,713,216,096 multiply-accumulates.

Columns of its table: a=(((Conv(filters=64, kernel=1, stride=1, padded=True),),
(Conv(filters=48, kernel=1, stride=1, padded=True), Conv(filters=64, kernel=5, stride=1,
padded=True)), (Conv(filters=64, kernel=1, stride=1, padded=True), Conv(filters=96,
kernel=3, stride=1, padded=True), Conv(filters=96, kernel=3, stride=1, padded=True)), ("3x3
average, stride 1", Conv(filters=32, kernel=1, stride=1, padded=True))), ((Conv(filters=64,
kernel=1, stride=1, padded=True),), (Conv(filters=48, kernel=1, stride=1, padded=True),
Conv(filters=64, kernel=5, stride=1, padded=True)), (Conv(filters=64, kernel=1, stride=1,
padded=True), Conv(filters=96, kernel=3, stride=1, padded=True), Conv(filters=96, kernel=3,
stride=1, padded=True)), ("3x3 average, stride 1", Conv(filters=64, kernel=1, stride=1,
padded=True))), ((Conv(filters=64, kernel=1, stride=1, padded=True),), (Conv(filters=48,
kernel=1, stride=1, padded=True), Conv(filters=64, kernel=5, stride=1, padded=True)),
(Conv(filters=64, kernel=1, stride=1, padded=True), Conv(filters=96, kernel=3, stride=1,
padded=True), Conv(filters=96, kernel=3, stride=1, padded=True)), ("3x3 average, stride 1",
Conv(filters=64, kernel=1, stride=1, padded=True)))), reduction_a=((Conv(filters=384,
kernel=3, stride=2, padded=True),), (Conv(filters=64, kernel=1, stride=1, padded=True),
Conv(filters=96, kernel=3, stride=1, padded=True), Conv(filters=96, kernel=3, stride=2,
padded=True)), ("3x3 max, stride 2",)), b=(((Conv(filters=192, kernel=1, stride=1,
padded=True),), (Conv(filters=128, kernel=1, stride=1, padded=True), Conv(filters=128,
kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1), stride=1,
padded=True)), (Conv(filters=128, kernel=1, stride=1, padded=True), Conv(filters=128,
kernel=(7, 1), stride=1, padded=True), Conv(filters=128, kernel=(1, 7), stride=1,
padded=True), Conv(filters=128, kernel=(7, 1), stride=1, padded=True), Conv(filters=192,
kernel=(1, 7), stride=1, padded=True)), ("3x3 average, stride 1", Conv(filters=192,
kernel=1, stride=1, padded=True))), ((Conv(filters=192, kernel=1, stride=1, padded=True),),
(Conv(filters=160, kernel=1, stride=1, padded=True), Conv(filters=160, kernel=(1, 7),
stride=1, padded=True), Conv(filters=192, kernel=(7, 1), stride=1, padded=True)),
(Conv(filters=160, kernel=1, stride=1, padded=True), Conv(filters=160, kernel=(7, 1),
stride=1, padded=True), Conv(filters=160, kernel=(1, 7), stride=1, padded=True),
Conv(filters=160, kernel=(7, 1), stride=1, padded=True), Conv(filters=192, kernel=(1, 7),
stride=1, padded=True)), ("3x3 average, stride 1", Conv(filters=192, kernel=1, stride=1,
padded=True))), ((Conv(filters=192, kernel=1, stride=1, padded=True),), (Conv(filters=160,
kernel=1, stride=1, padded=True), Conv(filters=160, kernel=(1, 7), stride=1, padded=True),
Conv(filters=192, kernel=(7, 1), stride=1, padded=True)), (Conv(filters=160, kernel=1,
stride=1, padded=True), Conv(filters=160, kernel=(7, 1), stride=1, padded=True),
Conv(filters=160, kernel=(1, 7), stride=1, padded=True), Conv(filters=160, kernel=(7, 1),
stride=1, padded=True), Conv(filters=192, kernel=(1, 7), stride=1, padded=True)), ("3x3
average, stride 1", Conv(filters=192, kernel=1, stride=1, padded=True))),
((Conv(filters=192, kernel=1, stride=1, padded=True),), (Conv(filters=192, kernel=1,
stride=1, padded=True), Conv(filters=192, kernel=(1, 7), stride=1, padded=True),
Conv(filters=192, kernel=(7, 1), stride=1, padded=True)), (Conv(filters=192, kernel=1,
stride=1, padded=True), Conv(filters=192, kernel=(7, 1), stride=1, padded=True),
Conv(filters=192, kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1),
stride=1, padded=True), Conv(filters=192, kernel=(1, 7), stride=1, padded=True)), ("3x3
average, stride 1", Conv(filters=192, kernel=1, stride=1, padded=True)))),
reduction_b=((Conv(filters=192, kernel=1, stride=1, padded=True), Conv(filters=320,
kernel=3, stride=2, padded=True)), (Conv(filters=192, kernel=1, stride=1, padded=True),
Conv(filters=192, kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1),
stride=1, padded=True), Conv(filters=192, kernel=3, stride=2, padded=True)), ("3x3 max,
stride 2",)), c=(((Conv(filters=320, kernel=1, stride=1, padded=True),), (Conv(filters=384,
kernel=1, stride=1, padded=True), ((Conv(filters=384, kernel=(1, 3), stride=1,
padded=True),), (Conv(filters=384, kernel=(3, 1), stride=1, padded=True),))),
(Conv(filters=448, kernel=1, stride=1, padded=True), Conv(filters=384, kernel=3, stride=1,
padded=True), ((Conv(filters=384, kernel=(1, 3), stride=1, padded=True),),
(Conv(filters=384, kernel=(3, 1), stride=1, padded=True),))), ("3x3 average, stride 1",
Conv(filters=192, kernel=1, stride=1, padded=True))), ((Conv(filters=320, kernel=1,
stride=1, padded=True),), (Conv(filters=384, kernel=1, stride=1, padded=True),
((Conv(filters=384, kernel=(1, 3), stride=1, padded=True),), (Conv(filters=384, kernel=(3,
1), stride=1, padded=True),))), (Conv(filters=448, kernel=1, stride=1, padded=True),
Conv(filters=384, kernel=3, stride=1, padded=True), ((Conv(filters=384, kernel=(1, 3),
stride=1, padded=True),), (Conv(filters=384, kernel=(3, 1), stride=1, padded=True),))),
("3x3 average, stride 1", Conv(filters=192, kernel=1, stride=1, padded=True)))), tail=(),
gamma=False, momentum=0.99, border_counts=False, auxiliary=False.
"""

InceptionV4: _InceptionBuilder
"""InceptionV4, by name `create_model("inception_v4")`: returns a `keras.Model`.

Inception-v4, Inception-ResNet and the impact of residual connections on learning
(arXiv:1602.07261, 2016).
299 x 299 x 3 pixels, 1,000 classes,
42,679,816 trainable parameters, 12,253,974,624 multiply-accumulates.

Columns of its table: a=(((Conv(filters=96, kernel=1, stride=1, padded=True),),
(Conv(filters=64, kernel=1, stride=1, padded=True), Conv(filters=96, kernel=3, stride=1,
padded=True)), (Conv(filters=64, kernel=1, stride=1, padded=True), Conv(filters=96,
kernel=3, stride=1, padded=True), Conv(filters=96, kernel=3, stride=1, padded=True)), ("3x3
average, stride 1", Conv(filters=96, kernel=1, stride=1, padded=True))), ((Conv(filters=96,
kernel=1, stride=1, padded=True),), (Conv(filters=64, kernel=1, stride=1, padded=True),
Conv(filters=96, kernel=3, stride=1, padded=True)), (Conv(filters=64, kernel=1, stride=1,
padded=True), Conv(filters=96, kernel=3, stride=1, padded=True), Conv(filters=96, kernel=3,
stride=1, padded=True)), ("3x3 average, stride 1", Conv(filters=96, kernel=1, stride=1,
padded=True))), ((Conv(filters=96, kernel=1, stride=1, padded=True),), (Conv(filters=64,
kernel=1, stride=1, padded=True), Conv(filters=96, kernel=3, stride=1, padded=True)),
(Conv(filters=64, kernel=1, stride=1, padded=True), Conv(filters=96, kernel=3, stride=1,
padded=True), Conv(filters=96, kernel=3, stride=1, padded=True)), ("3x3 average, stride 1",
Conv(filters=96, kernel=1, stride=1, padded=True))), ((Conv(filters=96, kernel=1, stride=1,
padded=True),), (Conv(filters=64, kernel=1, stride=1, padded=True), Conv(filters=96,
kernel=3, stride=1, padded=True)), (Conv(filters=64, kernel=1, stride=1, padded=True),
Conv(filters=96, kernel=3, stride=1, padded=True), Conv(filters=96, kernel=3, stride=1,
padded=True)), ("3x3 average, stride 1", Conv(filters=96, kernel=1, stride=1,
padded=True)))), reduction_a=((Conv(filters=384, kernel=3, stride=2, padded=True),),
(Conv(filters=192, kernel=1, stride=1, padded=True), Conv(filters=224, kernel=3, stride=1,
padded=True), Conv(filters=256, kernel=3, stride=2, padded=True)), ("3x3 max, stride 2",)),
b=(((Conv(filters=384, kernel=1, stride=1, padded=True),), (Conv(filters=192, kernel=1,
stride=1, padded=True), Conv(filters=224, kernel=(1, 7), stride=1, padded=True),
Conv(filters=256, kernel=(7, 1), stride=1, padded=True)), (Conv(filters=192, kernel=1,
stride=1, padded=True), Conv(filters=192, kernel=(7, 1), stride=1, padded=True),
Conv(filters=224, kernel=(1, 7), stride=1, padded=True), Conv(filters=224, kernel=(7, 1),
stride=1, padded=True), Conv(filters=256, kernel=(1, 7), stride=1, padded=True)), ("3x3
average, stride 1", Conv(filters=128, kernel=1, stride=1, padded=True))),
((Conv(filters=384, kernel=1, stride=1, padded=True),), (Conv(filters=192, kernel=1,
stride=1, padded=True), Conv(filters=224, kernel=(1, 7), stride=1, padded=True),
Conv(filters=256, kernel=(7, 1), stride=1, padded=True)), (Conv(filters=192, kernel=1,
stride=1, padded=True), Conv(filters=192, kernel=(7, 1), stride=1, padded=True),
Conv(filters=224, kernel=(1, 7), stride=1, padded=True), Conv(filters=224, kernel=(7, 1),
stride=1, padded=True), Conv(filters=256, kernel=(1, 7), stride=1, padded=True)), ("3x3
average, stride 1", Conv(filters=128, kernel=1, stride=1, padded=True))),
((Conv(filters=384, kernel=1, stride=1, padded=True),), (Conv(filters=192, kernel=1,
stride=1, padded=True), Conv(filters=224, kernel=(1, 7), stride=1, padded=True),
Conv(filters=256, kernel=(7, 1), stride=1, padded=True)), (Conv(filters=192, kernel=1,
stride=1, padded=True), Conv(filters=192, kernel=(7, 1), stride=1, padded=True),
Conv(filters=224, kernel=(1, 7), stride=1, padded=True), Conv(filters=224, kernel=(7, 1),
stride=1, padded=True), Conv(filters=256, kernel=(1, 7), stride=1, padded=True)), ("3x3
average, stride 1", Conv(filters=128, kernel=1, stride=1, padded=True))),
((Conv(filters=384, kernel=1, stride=1, padded=True),), (Conv(filters=192, kernel=1,
stride=1, padded=True), Conv(filters=224, kernel=(1, 7), stride=1, padded=True),
Conv(filters=256, kernel=(7, 1), stride=1, padded=True)), (Conv(filters=192, kernel=1,
stride=1, padded=True), Conv(filters=192, kernel=(7, 1), stride=1, padded=True),
Conv(filters=224, kernel=(1, 7), stride=1, padded=True), Conv(filters=224, kernel=(7, 1),
stride=1, padded=True), Conv(filters=256, kernel=(1, 7), stride=1, padded=True)), ("3x3
average, stride 1", Conv(filters=128, kernel=1, stride=1, padded=True))),
((Conv(filters=384, kernel=1, stride=1, padded=True),), (Conv(filters=192, kernel=1,
stride=1, padded=True), Conv(filters=224, kernel=(1, 7), stride=1, padded=True),
Conv(filters=256, kernel=(7, 1), stride=1, padded=True)), (Conv(filters=192, kernel=1,
stride=1, padded=True), Conv(filters=192, kernel=(7, 1), stride=1, padded=True),
Conv(filters=224, kernel=(1, 7), stride=1, padded=True), Conv(filters=224, kernel=(7, 1),
stride=1, padded=True), Conv(filters=256, kernel=(1, 7), stride=1, padded=True)), ("3x3
average, stride 1", Conv(filters=128, kernel=1, stride=1, padded=True))),
((Conv(filters=384, kernel=1, stride=1, padded=True),), (Conv(filters=192, kernel=1,
stride=1, padded=True), Conv(filters=224, kernel=(1, 7), stride=1, padded=True),
Conv(filters=256, kernel=(7, 1), stride=1, padded=True)), (Conv(filters=192, kernel=1,
stride=1, padded=True), Conv(filters=192, kernel=(7, 1), stride=1, padded=True),
Conv(filters=224, kernel=(1, 7), stride=1, padded=True), Conv(filters=224, kernel=(7, 1),
stride=1, padded=True), Conv(filters=256, kernel=(1, 7), stride=1, padded=True)), ("3x3
average, stride 1", Conv(filters=128, kernel=1, stride=1, padded=True))),
((Conv(filters=384, kernel=1, stride=1, padded=True),), (Conv(filters=192, kernel=1,
stride=1, padded=True), Conv(filters=224, kernel=(1, 7), stride=1, padded=True),
Conv(filters=256, kernel=(7, 1), stride=1, padded=True)), (Conv(filters=192, kernel=1,
stride=1, padded=True), Conv(filters=192, kernel=(7, 1), stride=1, padded=True),
Conv(filters=224, kernel=(1, 7), stride=1, padded=True), Conv(filters=224, kernel=(7, 1),
stride=1, padded=True), Conv(filters=256, kernel=(1, 7), stride=1, padded=True)), ("3x3
average, stride 1", Conv(filters=128, kernel=1, stride=1, padded=True)))),
reduction_b=((Conv(filters=192, kernel=1, stride=1, padded=True), Conv(filters=192,
kernel=3, stride=2, padded=True)), (Conv(filters=256, kernel=1, stride=1, padded=True),
Conv(filters=256, kernel=(1, 7), stride=1, padded=True), Conv(filters=320, kernel=(7, 1),
stride=1, padded=True), Conv(filters=320, kernel=3, stride=2, padded=True)), ("3x3 max,
stride 2",)), c=(((Conv(filters=256, kernel=1, stride=1, padded=True),), (Conv(filters=384,
kernel=1, stride=1, padded=True), ((Conv(filters=256, kernel=(1, 3), stride=1,
padded=True),), (Conv(filters=256, kernel=(3, 1), stride=1, padded=True),))),
(Conv(filters=384, kernel=1, stride=1, padded=True), Conv(filters=448, kernel=(3, 1),
stride=1, padded=True), Conv(filters=512, kernel=(1, 3), stride=1, padded=True),
((Conv(filters=256, kernel=(1, 3), stride=1, padded=True),), (Conv(filters=256, kernel=(3,
1), stride=1, padded=True),))), ("3x3 average, stride 1", Conv(filters=256, kernel=1,
stride=1, padded=True))), ((Conv(filters=256, kernel=1, stride=1, padded=True),),
(Conv(filters=384, kernel=1, stride=1, padded=True), ((Conv(filters=256, kernel=(1, 3),
stride=1, padded=True),), (Conv(filters=256, kernel=(3, 1), stride=1, padded=True),))),
(Conv(filters=384, kernel=1, stride=1, padded=True), Conv(filters=448, kernel=(3, 1),
stride=1, padded=True), Conv(filters=512, kernel=(1, 3), stride=1, padded=True),
((Conv(filters=256, kernel=(1, 3), stride=1, padded=True),), (Conv(filters=256, kernel=(3,
1), stride=1, padded=True),))), ("3x3 average, stride 1", Conv(filters=256, kernel=1,
stride=1, padded=True))), ((Conv(filters=256, kernel=1, stride=1, padded=True),),
(Conv(filters=384, kernel=1, stride=1, padded=True), ((Conv(filters=256, kernel=(1, 3),
stride=1, padded=True),), (Conv(filters=256, kernel=(3, 1), stride=1, padded=True),))),
(Conv(filters=384, kernel=1, stride=1, padded=True), Conv(filters=448, kernel=(3, 1),
stride=1, padded=True), Conv(filters=512, kernel=(1, 3), stride=1, padded=True),
((Conv(filters=256, kernel=(1, 3), stride=1, padded=True),), (Conv(filters=256, kernel=(3,
1), stride=1, padded=True),))), ("3x3 average, stride 1", Conv(filters=256, kernel=1,
stride=1, padded=True)))), tail=(), gamma=True, momentum=0.9, border_counts=False,
auxiliary=False.
"""

InceptionResNetV2: _InceptionBuilder
"""InceptionResNetV2, by name `create_model("inception_resnet_v2")`: returns a `keras.Model`.

Inception-v4, Inception-ResNet and the impact of residual connections on learning
(arXiv:1602.07261, 2016).
299 x 299 x 3 pixels, 1,000 classes,
55,813,192 trainable parameters, 13,155,794,016 multiply-accumulates.

Columns of its table: a=(Residual(module=((Conv(filters=32, kernel=1, stride=1,
padded=True),), (Conv(filters=32, kernel=1, stride=1, padded=True), Conv(filters=32,
kernel=3, stride=1, padded=True)), (Conv(filters=32, kernel=1, stride=1, padded=True),
Conv(filters=48, kernel=3, stride=1, padded=True), Conv(filters=64, kernel=3, stride=1,
padded=True))), factor=0.17, relu=True), Residual(module=((Conv(filters=32, kernel=1,
stride=1, padded=True),), (Conv(filters=32, kernel=1, stride=1, padded=True),
Conv(filters=32, kernel=3, stride=1, padded=True)), (Conv(filters=32, kernel=1, stride=1,
padded=True), Conv(filters=48, kernel=3, stride=1, padded=True), Conv(filters=64, kernel=3,
stride=1, padded=True))), factor=0.17, relu=True), Residual(module=((Conv(filters=32,
kernel=1, stride=1, padded=True),), (Conv(filters=32, kernel=1, stride=1, padded=True),
Conv(filters=32, kernel=3, stride=1, padded=True)), (Conv(filters=32, kernel=1, stride=1,
padded=True), Conv(filters=48, kernel=3, stride=1, padded=True), Conv(filters=64, kernel=3,
stride=1, padded=True))), factor=0.17, relu=True), Residual(module=((Conv(filters=32,
kernel=1, stride=1, padded=True),), (Conv(filters=32, kernel=1, stride=1, padded=True),
Conv(filters=32, kernel=3, stride=1, padded=True)), (Conv(filters=32, kernel=1, stride=1,
padded=True), Conv(filters=48, kernel=3, stride=1, padded=True), Conv(filters=64, kernel=3,
stride=1, padded=True))), factor=0.17, relu=True), Residual(module=((Conv(filters=32,
kernel=1, stride=1, padded=True),), (Conv(filters=32, kernel=1, stride=1, padded=True),
Conv(filters=32, kernel=3, stride=1, padded=True)), (Conv(filters=32, kernel=1, stride=1,
padded=True), Conv(filters=48, kernel=3, stride=1, padded=True), Conv(filters=64, kernel=3,
stride=1, padded=True))), factor=0.17, relu=True), Residual(module=((Conv(filters=32,
kernel=1, stride=1, padded=True),), (Conv(filters=32, kernel=1, stride=1, padded=True),
Conv(filters=32, kernel=3, stride=1, padded=True)), (Conv(filters=32, kernel=1, stride=1,
padded=True), Conv(filters=48, kernel=3, stride=1, padded=True), Conv(filters=64, kernel=3,
stride=1, padded=True))), factor=0.17, relu=True), Residual(module=((Conv(filters=32,
kernel=1, stride=1, padded=True),), (Conv(filters=32, kernel=1, stride=1, padded=True),
Conv(filters=32, kernel=3, stride=1, padded=True)), (Conv(filters=32, kernel=1, stride=1,
padded=True), Conv(filters=48, kernel=3, stride=1, padded=True), Conv(filters=64, kernel=3,
stride=1, padded=True))), factor=0.17, relu=True), Residual(module=((Conv(filters=32,
kernel=1, stride=1, padded=True),), (Conv(filters=32, kernel=1, stride=1, padded=True),
Conv(filters=32, kernel=3, stride=1, padded=True)), (Conv(filters=32, kernel=1, stride=1,
padded=True), Conv(filters=48, kernel=3, stride=1, padded=True), Conv(filters=64, kernel=3,
stride=1, padded=True))), factor=0.17, relu=True), Residual(module=((Conv(filters=32,
kernel=1, stride=1, padded=True),), (Conv(filters=32, kernel=1, stride=1, padded=True),
Conv(filters=32, kernel=3, stride=1, padded=True)), (Conv(filters=32, kernel=1, stride=1,
padded=True), Conv(filters=48, kernel=3, stride=1, padded=True), Conv(filters=64, kernel=3,
stride=1, padded=True))), factor=0.17, relu=True), Residual(module=((Conv(filters=32,
kernel=1, stride=1, padded=True),), (Conv(filters=32, kernel=1, stride=1, padded=True),
Conv(filters=32, kernel=3, stride=1, padded=True)), (Conv(filters=32, kernel=1, stride=1,
padded=True), Conv(filters=48, kernel=3, stride=1, padded=True), Conv(filters=64, kernel=3,
stride=1, padded=True))), factor=0.17, relu=True)), reduction_a=((Conv(filters=384,
kernel=3, stride=2, padded=True),), (Conv(filters=256, kernel=1, stride=1, padded=True),
Conv(filters=256, kernel=3, stride=1, padded=True), Conv(filters=384, kernel=3, stride=2,
padded=True)), ("3x3 max, stride 2",)), b=(Residual(module=((Conv(filters=192, kernel=1,
stride=1, padded=True),), (Conv(filters=128, kernel=1, stride=1, padded=True),
Conv(filters=160, kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1),
stride=1, padded=True))), factor=0.1, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=128, kernel=1, stride=1, padded=True),
Conv(filters=160, kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1),
stride=1, padded=True))), factor=0.1, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=128, kernel=1, stride=1, padded=True),
Conv(filters=160, kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1),
stride=1, padded=True))), factor=0.1, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=128, kernel=1, stride=1, padded=True),
Conv(filters=160, kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1),
stride=1, padded=True))), factor=0.1, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=128, kernel=1, stride=1, padded=True),
Conv(filters=160, kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1),
stride=1, padded=True))), factor=0.1, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=128, kernel=1, stride=1, padded=True),
Conv(filters=160, kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1),
stride=1, padded=True))), factor=0.1, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=128, kernel=1, stride=1, padded=True),
Conv(filters=160, kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1),
stride=1, padded=True))), factor=0.1, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=128, kernel=1, stride=1, padded=True),
Conv(filters=160, kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1),
stride=1, padded=True))), factor=0.1, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=128, kernel=1, stride=1, padded=True),
Conv(filters=160, kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1),
stride=1, padded=True))), factor=0.1, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=128, kernel=1, stride=1, padded=True),
Conv(filters=160, kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1),
stride=1, padded=True))), factor=0.1, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=128, kernel=1, stride=1, padded=True),
Conv(filters=160, kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1),
stride=1, padded=True))), factor=0.1, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=128, kernel=1, stride=1, padded=True),
Conv(filters=160, kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1),
stride=1, padded=True))), factor=0.1, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=128, kernel=1, stride=1, padded=True),
Conv(filters=160, kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1),
stride=1, padded=True))), factor=0.1, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=128, kernel=1, stride=1, padded=True),
Conv(filters=160, kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1),
stride=1, padded=True))), factor=0.1, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=128, kernel=1, stride=1, padded=True),
Conv(filters=160, kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1),
stride=1, padded=True))), factor=0.1, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=128, kernel=1, stride=1, padded=True),
Conv(filters=160, kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1),
stride=1, padded=True))), factor=0.1, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=128, kernel=1, stride=1, padded=True),
Conv(filters=160, kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1),
stride=1, padded=True))), factor=0.1, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=128, kernel=1, stride=1, padded=True),
Conv(filters=160, kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1),
stride=1, padded=True))), factor=0.1, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=128, kernel=1, stride=1, padded=True),
Conv(filters=160, kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1),
stride=1, padded=True))), factor=0.1, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=128, kernel=1, stride=1, padded=True),
Conv(filters=160, kernel=(1, 7), stride=1, padded=True), Conv(filters=192, kernel=(7, 1),
stride=1, padded=True))), factor=0.1, relu=True)), reduction_b=((Conv(filters=256, kernel=1,
stride=1, padded=True), Conv(filters=384, kernel=3, stride=2, padded=True)),
(Conv(filters=256, kernel=1, stride=1, padded=True), Conv(filters=288, kernel=3, stride=2,
padded=True)), (Conv(filters=256, kernel=1, stride=1, padded=True), Conv(filters=288,
kernel=3, stride=1, padded=True), Conv(filters=320, kernel=3, stride=2, padded=True)), ("3x3
max, stride 2",)), c=(Residual(module=((Conv(filters=192, kernel=1, stride=1,
padded=True),), (Conv(filters=192, kernel=1, stride=1, padded=True), Conv(filters=224,
kernel=(1, 3), stride=1, padded=True), Conv(filters=256, kernel=(3, 1), stride=1,
padded=True))), factor=0.2, relu=True), Residual(module=((Conv(filters=192, kernel=1,
stride=1, padded=True),), (Conv(filters=192, kernel=1, stride=1, padded=True),
Conv(filters=224, kernel=(1, 3), stride=1, padded=True), Conv(filters=256, kernel=(3, 1),
stride=1, padded=True))), factor=0.2, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=192, kernel=1, stride=1, padded=True),
Conv(filters=224, kernel=(1, 3), stride=1, padded=True), Conv(filters=256, kernel=(3, 1),
stride=1, padded=True))), factor=0.2, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=192, kernel=1, stride=1, padded=True),
Conv(filters=224, kernel=(1, 3), stride=1, padded=True), Conv(filters=256, kernel=(3, 1),
stride=1, padded=True))), factor=0.2, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=192, kernel=1, stride=1, padded=True),
Conv(filters=224, kernel=(1, 3), stride=1, padded=True), Conv(filters=256, kernel=(3, 1),
stride=1, padded=True))), factor=0.2, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=192, kernel=1, stride=1, padded=True),
Conv(filters=224, kernel=(1, 3), stride=1, padded=True), Conv(filters=256, kernel=(3, 1),
stride=1, padded=True))), factor=0.2, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=192, kernel=1, stride=1, padded=True),
Conv(filters=224, kernel=(1, 3), stride=1, padded=True), Conv(filters=256, kernel=(3, 1),
stride=1, padded=True))), factor=0.2, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=192, kernel=1, stride=1, padded=True),
Conv(filters=224, kernel=(1, 3), stride=1, padded=True), Conv(filters=256, kernel=(3, 1),
stride=1, padded=True))), factor=0.2, relu=True), Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=192, kernel=1, stride=1, padded=True),
Conv(filters=224, kernel=(1, 3), stride=1, padded=True), Conv(filters=256, kernel=(3, 1),
stride=1, padded=True))), factor=0.2, relu=True)), tail=(Residual(module=((Conv(filters=192,
kernel=1, stride=1, padded=True),), (Conv(filters=192, kernel=1, stride=1, padded=True),
Conv(filters=224, kernel=(1, 3), stride=1, padded=True), Conv(filters=256, kernel=(3, 1),
stride=1, padded=True))), factor=1.0, relu=False), Conv(filters=1536, kernel=1, stride=1,
padded=True)), gamma=False, momentum=0.99, border_counts=False, auxiliary=False.
"""

LeNet5: _LenetBuilder
"""LeNet5, by name `create_model("lenet5")`: returns a `keras.Model`.

Gradient-based learning applied to document recognition (LeCun 1998 Proc. IEEE 86(11),
1998).
32 x 32 x 1 pixels, 10 classes,
61,706 trainable parameters, 416,520 multiply-accumulates.

Columns of its table: c1=6, c3=16, c5=120, f6=84.
"""

LeNet5_1998: _LenetBuilder
"""LeNet5_1998, by name `create_model("lenet5_1998")`: returns a `keras.Model`.

Gradient-based learning applied to document recognition (LeCun 1998 Proc. IEEE 86(11),
1998).
32 x 32 x 1 pixels, 10 classes,
60,000 trainable parameters, 326,520 multiply-accumulates.

Columns of its table: c1=6, c3=16, c5=120, f6=84.
"""

MobileNetV1: _MobilenetV1Builder
"""MobileNetV1, by name `create_model("mobilenet_v1")`: returns a `keras.Model`.

MobileNets: efficient convolutional neural networks for mobile vision applications
(arXiv:1704.04861, 2017).
224 x 224 x 3 pixels, 1,000 classes,
4,231,976 trainable parameters, 568,740,352 multiply-accumulates.

Columns of its table: first=32, stages=((64, 1, 1), (128, 2, 2), (256, 2, 2), (512, 6, 2),
(1024, 2, 2)), padding="far".
"""

MobileNetV2: _MobilenetV2Builder
"""MobileNetV2, by name `create_model("mobilenet_v2")`: returns a `keras.Model`.

MobileNetV2: inverted residuals and linear bottlenecks (arXiv:1801.04381, 2018).
224 x 224 x 3 pixels, 1,000 classes,
3,504,872 trainable parameters, 300,774,272 multiply-accumulates.

Columns of its table: first=32, stages=((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64,
4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)), last=1280, padding="symmetric".
"""

MobileNetV3Large: _MobilenetV3Builder
"""MobileNetV3Large, by name `create_model("mobilenet_v3_large")`: returns a `keras.Model`.

Searching for MobileNetV3 (arXiv:1905.02244, 2019).
224 x 224 x 3 pixels, 1,000 classes,
5,483,032 trainable parameters, 216,589,760 multiply-accumulates.

Columns of its table: lines=((3, 16, 16, False, "RE", 1), (3, 64, 24, False, "RE", 2), (3,
72, 24, False, "RE", 1), (5, 72, 40, True, "RE", 2), (5, 120, 40, True, "RE", 1), (5, 120,
40, True, "RE", 1), (3, 240, 80, False, "HS", 2), (3, 200, 80, False, "HS", 1), (3, 184, 80,
False, "HS", 1), (3, 184, 80, False, "HS", 1), (3, 480, 112, True, "HS", 1), (3, 672, 112,
True, "HS", 1), (5, 672, 160, True, "HS", 2), (5, 960, 160, True, "HS", 1), (5, 960, 160,
True, "HS", 1)), hidden=1280, padding="symmetric".
"""

MobileNetV3Small: _MobilenetV3Builder
"""MobileNetV3Small, by name `create_model("mobilenet_v3_small")`: returns a `keras.Model`.

Searching for MobileNetV3 (arXiv:1905.02244, 2019).
224 x 224 x 3 pixels, 1,000 classes,
2,542,856 trainable parameters, 56,510,400 multiply-accumulates.

Columns of its table: lines=((3, 16, 16, True, "RE", 2), (3, 72, 24, False, "RE", 2), (3,
88, 24, False, "RE", 1), (5, 96, 40, True, "HS", 2), (5, 240, 40, True, "HS", 1), (5, 240,
40, True, "HS", 1), (5, 120, 48, True, "HS", 1), (5, 144, 48, True, "HS", 1), (5, 288, 96,
True, "HS", 2), (5, 576, 96, True, "HS", 1), (5, 576, 96, True, "HS", 1)), hidden=1024,
padding="symmetric".
"""

NASNetMobile: _NasnetBuilder
"""NASNetMobile, by name `create_model("nasnet_mobile")`: returns a `keras.Model`.

Learning transferable architectures for scalable image recognition (arXiv:1707.07012, 2017).
224 x 224 x 3 pixels, 1,000 classes,
5,289,978 trainable parameters, 563,638,816 multiply-accumulates.

Columns of its table: normal_cells=4, penultimate=1056, skip_reduction=False,
border_maximum=True, auxiliary=False.
"""

NASNetLarge: _NasnetBuilder
"""NASNetLarge, by name `create_model("nasnet_large")`: returns a `keras.Model`.

Learning transferable architectures for scalable image recognition (arXiv:1707.07012, 2017).
331 x 331 x 3 pixels, 1,000 classes,
88,753,150 trainable parameters, 23,783,414,658 multiply-accumulates.

Columns of its table: normal_cells=6, penultimate=4032, skip_reduction=True,
border_maximum=True, auxiliary=False.
"""

ResNet18: _ResidualV1Builder
"""ResNet18, by name `create_model("resnet18")`: returns a `keras.Model`.

Deep residual learning for image recognition (arXiv:1512.03385, 2015).
224 x 224 x 3 pixels, 1,000 classes,
11,689,512 trainable parameters, 1,814,073,344 multiply-accumulates.

Columns of its table: repeats=(2, 2, 2, 2), block="basic", channels=(64, 128, 256, 512),
entry="7x7", stem_channels=64, groups=1, group_width=64, stride_in="3x3", shortcut="B",
reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0, ceil_pool=False,
epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False, pre_activation=False.
"""

ResNet34: _ResidualV1Builder
"""ResNet34, by name `create_model("resnet34")`: returns a `keras.Model`.

Deep residual learning for image recognition (arXiv:1512.03385, 2015).
224 x 224 x 3 pixels, 1,000 classes,
21,797,672 trainable parameters, 3,663,761,408 multiply-accumulates.

Columns of its table: repeats=(3, 4, 6, 3), block="basic", channels=(64, 128, 256, 512),
entry="7x7", stem_channels=64, groups=1, group_width=64, stride_in="3x3", shortcut="B",
reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0, ceil_pool=False,
epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False, pre_activation=False.
"""

ResNet50: _ResidualV1Builder
"""ResNet50, by name `create_model("resnet50")`: returns a `keras.Model`.

Deep residual learning for image recognition (arXiv:1512.03385, 2015).
224 x 224 x 3 pixels, 1,000 classes,
25,557,032 trainable parameters, 3,857,973,248 multiply-accumulates.

Columns of its table: repeats=(3, 4, 6, 3), block="bottleneck", channels=(64, 128, 256,
512), entry="7x7", stem_channels=64, groups=1, group_width=64, stride_in="1x1",
shortcut="B", reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0,
ceil_pool=False, epsilon=1.001e-05, half_first=False, shortcut_kernel=1, zero_gamma=False,
pre_activation=False.
"""

ResNet101: _ResidualV1Builder
"""ResNet101, by name `create_model("resnet101")`: returns a `keras.Model`.

Deep residual learning for image recognition (arXiv:1512.03385, 2015).
224 x 224 x 3 pixels, 1,000 classes,
44,549,160 trainable parameters, 7,570,194,432 multiply-accumulates.

Columns of its table: repeats=(3, 4, 23, 3), block="bottleneck", channels=(64, 128, 256,
512), entry="7x7", stem_channels=64, groups=1, group_width=64, stride_in="1x1",
shortcut="B", reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0,
ceil_pool=False, epsilon=1.001e-05, half_first=False, shortcut_kernel=1, zero_gamma=False,
pre_activation=False.
"""

ResNet152: _ResidualV1Builder
"""ResNet152, by name `create_model("resnet152")`: returns a `keras.Model`.

Deep residual learning for image recognition (arXiv:1512.03385, 2015).
224 x 224 x 3 pixels, 1,000 classes,
60,192,808 trainable parameters, 11,282,415,616 multiply-accumulates.

Columns of its table: repeats=(3, 8, 36, 3), block="bottleneck", channels=(64, 128, 256,
512), entry="7x7", stem_channels=64, groups=1, group_width=64, stride_in="1x1",
shortcut="B", reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0,
ceil_pool=False, epsilon=1.001e-05, half_first=False, shortcut_kernel=1, zero_gamma=False,
pre_activation=False.
"""

ResNet50V1_5: _ResidualV1Builder
"""ResNet50V1_5, by name `create_model("resnet50_v1_5")`: returns a `keras.Model`.

Deep residual learning for image recognition (arXiv:1512.03385, 2015).
224 x 224 x 3 pixels, 1,000 classes,
25,557,032 trainable parameters, 4,089,184,256 multiply-accumulates.

Columns of its table: repeats=(3, 4, 6, 3), block="bottleneck", channels=(64, 128, 256,
512), entry="7x7", stem_channels=64, groups=1, group_width=64, stride_in="3x3",
shortcut="B", reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0,
ceil_pool=False, epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False,
pre_activation=False.
"""

ResNet101V1_5: _ResidualV1Builder
"""ResNet101V1_5, by name `create_model("resnet101_v1_5")`: returns a `keras.Model`.

Deep residual learning for image recognition (arXiv:1512.03385, 2015).
224 x 224 x 3 pixels, 1,000 classes,
44,549,160 trainable parameters, 7,801,405,440 multiply-accumulates.

Columns of its table: repeats=(3, 4, 23, 3), block="bottleneck", channels=(64, 128, 256,
512), entry="7x7", stem_channels=64, groups=1, group_width=64, stride_in="3x3",
shortcut="B", reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0,
ceil_pool=False, epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False,
pre_activation=False.
"""

ResNet152V1_5: _ResidualV1Builder
"""ResNet152V1_5, by name `create_model("resnet152_v1_5")`: returns a `keras.Model`.

Deep residual learning for image recognition (arXiv:1512.03385, 2015).
224 x 224 x 3 pixels, 1,000 classes,
60,192,808 trainable parameters, 11,513,626,624 multiply-accumulates.

Columns of its table: repeats=(3, 8, 36, 3), block="bottleneck", channels=(64, 128, 256,
512), entry="7x7", stem_channels=64, groups=1, group_width=64, stride_in="3x3",
shortcut="B", reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0,
ceil_pool=False, epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False,
pre_activation=False.
"""

ResNet50V2: _ResidualV2Builder
"""ResNet50V2, by name `create_model("resnet50_v2")`: returns a `keras.Model`.

Identity mappings in deep residual networks (arXiv:1603.05027, 2016).
224 x 224 x 3 pixels, 1,000 classes,
25,568,360 trainable parameters, 3,482,255,360 multiply-accumulates.

Columns of its table: repeats=(3, 4, 6, 3), block="bottleneck", channels=(64, 128, 256,
512), entry="7x7", stem_channels=64, groups=1, group_width=64, stride_in="3x3",
shortcut="B", reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0,
ceil_pool=False, epsilon=1.001e-05, stride_at="last", biases=True, pre_activation=True.
"""

ResNet101V2: _ResidualV2Builder
"""ResNet101V2, by name `create_model("resnet101_v2")`: returns a `keras.Model`.

Identity mappings in deep residual networks (arXiv:1603.05027, 2016).
224 x 224 x 3 pixels, 1,000 classes,
44,577,896 trainable parameters, 7,194,476,544 multiply-accumulates.

Columns of its table: repeats=(3, 4, 23, 3), block="bottleneck", channels=(64, 128, 256,
512), entry="7x7", stem_channels=64, groups=1, group_width=64, stride_in="3x3",
shortcut="B", reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0,
ceil_pool=False, epsilon=1.001e-05, stride_at="last", biases=True, pre_activation=True.
"""

ResNet152V2: _ResidualV2Builder
"""ResNet152V2, by name `create_model("resnet152_v2")`: returns a `keras.Model`.

Identity mappings in deep residual networks (arXiv:1603.05027, 2016).
224 x 224 x 3 pixels, 1,000 classes,
60,236,904 trainable parameters, 10,906,697,728 multiply-accumulates.

Columns of its table: repeats=(3, 8, 36, 3), block="bottleneck", channels=(64, 128, 256,
512), entry="7x7", stem_channels=64, groups=1, group_width=64, stride_in="3x3",
shortcut="B", reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0,
ceil_pool=False, epsilon=1.001e-05, stride_at="last", biases=True, pre_activation=True.
"""

Plain18: _ResidualV1Builder
"""Plain18, by name `create_model("plain18")`: returns a `keras.Model`.

Deep residual learning for image recognition (arXiv:1512.03385, 2015).
224 x 224 x 3 pixels, 1,000 classes,
11,515,688 trainable parameters, 1,794,805,760 multiply-accumulates.

Columns of its table: repeats=(2, 2, 2, 2), block="basic", channels=(64, 128, 256, 512),
entry="7x7", stem_channels=64, groups=1, group_width=64, stride_in="3x3", shortcut="none",
reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0, ceil_pool=False,
epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False, pre_activation=False.
"""

Plain34: _ResidualV1Builder
"""Plain34, by name `create_model("plain34")`: returns a `keras.Model`.

Deep residual learning for image recognition (arXiv:1512.03385, 2015).
224 x 224 x 3 pixels, 1,000 classes,
21,623,848 trainable parameters, 3,644,493,824 multiply-accumulates.

Columns of its table: repeats=(3, 4, 6, 3), block="basic", channels=(64, 128, 256, 512),
entry="7x7", stem_channels=64, groups=1, group_width=64, stride_in="3x3", shortcut="none",
reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0, ceil_pool=False,
epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False, pre_activation=False.
"""

ResNet20CIFAR: _ResidualV1Builder
"""ResNet20CIFAR, by name `create_model("resnet20_cifar")`: returns a `keras.Model`.

Deep residual learning for image recognition (arXiv:1512.03385, 2015).
32 x 32 x 3 pixels, 10 classes,
269,722 trainable parameters, 40,551,040 multiply-accumulates.

Columns of its table: repeats=(3, 3, 3), block="basic", channels=(16, 32, 64), entry="3x3",
stem_channels=16, groups=1, group_width=64, stride_in="3x3", shortcut="A", reduction=None,
block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0, ceil_pool=False, epsilon=1e-05,
half_first=False, shortcut_kernel=1, zero_gamma=False, pre_activation=False.
"""

Plain20CIFAR: _ResidualV1Builder
"""Plain20CIFAR, by name `create_model("plain20_cifar")`: returns a `keras.Model`.

Deep residual learning for image recognition (arXiv:1512.03385, 2015).
32 x 32 x 3 pixels, 10 classes,
269,722 trainable parameters, 40,551,040 multiply-accumulates.

Columns of its table: repeats=(3, 3, 3), block="basic", channels=(16, 32, 64), entry="3x3",
stem_channels=16, groups=1, group_width=64, stride_in="3x3", shortcut="none",
reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0, ceil_pool=False,
epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False, pre_activation=False.
"""

ResNet32CIFAR: _ResidualV1Builder
"""ResNet32CIFAR, by name `create_model("resnet32_cifar")`: returns a `keras.Model`.

Deep residual learning for image recognition (arXiv:1512.03385, 2015).
32 x 32 x 3 pixels, 10 classes,
464,154 trainable parameters, 68,862,592 multiply-accumulates.

Columns of its table: repeats=(5, 5, 5), block="basic", channels=(16, 32, 64), entry="3x3",
stem_channels=16, groups=1, group_width=64, stride_in="3x3", shortcut="A", reduction=None,
block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0, ceil_pool=False, epsilon=1e-05,
half_first=False, shortcut_kernel=1, zero_gamma=False, pre_activation=False.
"""

Plain32CIFAR: _ResidualV1Builder
"""Plain32CIFAR, by name `create_model("plain32_cifar")`: returns a `keras.Model`.

Deep residual learning for image recognition (arXiv:1512.03385, 2015).
32 x 32 x 3 pixels, 10 classes,
464,154 trainable parameters, 68,862,592 multiply-accumulates.

Columns of its table: repeats=(5, 5, 5), block="basic", channels=(16, 32, 64), entry="3x3",
stem_channels=16, groups=1, group_width=64, stride_in="3x3", shortcut="none",
reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0, ceil_pool=False,
epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False, pre_activation=False.
"""

ResNet44CIFAR: _ResidualV1Builder
"""ResNet44CIFAR, by name `create_model("resnet44_cifar")`: returns a `keras.Model`.

Deep residual learning for image recognition (arXiv:1512.03385, 2015).
32 x 32 x 3 pixels, 10 classes,
658,586 trainable parameters, 97,174,144 multiply-accumulates.

Columns of its table: repeats=(7, 7, 7), block="basic", channels=(16, 32, 64), entry="3x3",
stem_channels=16, groups=1, group_width=64, stride_in="3x3", shortcut="A", reduction=None,
block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0, ceil_pool=False, epsilon=1e-05,
half_first=False, shortcut_kernel=1, zero_gamma=False, pre_activation=False.
"""

Plain44CIFAR: _ResidualV1Builder
"""Plain44CIFAR, by name `create_model("plain44_cifar")`: returns a `keras.Model`.

Deep residual learning for image recognition (arXiv:1512.03385, 2015).
32 x 32 x 3 pixels, 10 classes,
658,586 trainable parameters, 97,174,144 multiply-accumulates.

Columns of its table: repeats=(7, 7, 7), block="basic", channels=(16, 32, 64), entry="3x3",
stem_channels=16, groups=1, group_width=64, stride_in="3x3", shortcut="none",
reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0, ceil_pool=False,
epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False, pre_activation=False.
"""

ResNet56CIFAR: _ResidualV1Builder
"""ResNet56CIFAR, by name `create_model("resnet56_cifar")`: returns a `keras.Model`.

Deep residual learning for image recognition (arXiv:1512.03385, 2015).
32 x 32 x 3 pixels, 10 classes,
853,018 trainable parameters, 125,485,696 multiply-accumulates.

Columns of its table: repeats=(9, 9, 9), block="basic", channels=(16, 32, 64), entry="3x3",
stem_channels=16, groups=1, group_width=64, stride_in="3x3", shortcut="A", reduction=None,
block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0, ceil_pool=False, epsilon=1e-05,
half_first=False, shortcut_kernel=1, zero_gamma=False, pre_activation=False.
"""

Plain56CIFAR: _ResidualV1Builder
"""Plain56CIFAR, by name `create_model("plain56_cifar")`: returns a `keras.Model`.

Deep residual learning for image recognition (arXiv:1512.03385, 2015).
32 x 32 x 3 pixels, 10 classes,
853,018 trainable parameters, 125,485,696 multiply-accumulates.

Columns of its table: repeats=(9, 9, 9), block="basic", channels=(16, 32, 64), entry="3x3",
stem_channels=16, groups=1, group_width=64, stride_in="3x3", shortcut="none",
reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0, ceil_pool=False,
epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False, pre_activation=False.
"""

ResNet110CIFAR: _ResidualV1Builder
"""ResNet110CIFAR, by name `create_model("resnet110_cifar")`: returns a `keras.Model`.

Deep residual learning for image recognition (arXiv:1512.03385, 2015).
32 x 32 x 3 pixels, 10 classes,
1,727,962 trainable parameters, 252,887,680 multiply-accumulates.

Columns of its table: repeats=(18, 18, 18), block="basic", channels=(16, 32, 64),
entry="3x3", stem_channels=16, groups=1, group_width=64, stride_in="3x3", shortcut="A",
reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0, ceil_pool=False,
epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False, pre_activation=False.
"""

ResNeXt50_32x4d: _ResidualV1Builder
"""ResNeXt50_32x4d, by name `create_model("resnext50_32x4d")`: returns a `keras.Model`.

Aggregated residual transformations for deep neural networks (arXiv:1611.05431, 2016).
224 x 224 x 3 pixels, 1,000 classes,
25,028,904 trainable parameters, 4,230,479,872 multiply-accumulates.

Columns of its table: repeats=(3, 4, 6, 3), block="bottleneck", channels=(64, 128, 256,
512), entry="7x7", stem_channels=64, groups=32, group_width=4, stride_in="3x3",
shortcut="B", reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0,
ceil_pool=False, epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False,
pre_activation=False.
"""

ResNeXt101_32x8d: _ResidualV1Builder
"""ResNeXt101_32x8d, by name `create_model("resnext101_32x8d")`: returns a `keras.Model`.

Aggregated residual transformations for deep neural networks (arXiv:1611.05431, 2016).
224 x 224 x 3 pixels, 1,000 classes,
88,791,336 trainable parameters, 16,414,015,488 multiply-accumulates.

Columns of its table: repeats=(3, 4, 23, 3), block="bottleneck", channels=(64, 128, 256,
512), entry="7x7", stem_channels=64, groups=32, group_width=8, stride_in="3x3",
shortcut="B", reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0,
ceil_pool=False, epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False,
pre_activation=False.
"""

ResNeXt101_64x4d: _ResidualV1Builder
"""ResNeXt101_64x4d, by name `create_model("resnext101_64x4d")`: returns a `keras.Model`.

Aggregated residual transformations for deep neural networks (arXiv:1611.05431, 2016).
224 x 224 x 3 pixels, 1,000 classes,
83,455,272 trainable parameters, 15,460,270,080 multiply-accumulates.

Columns of its table: repeats=(3, 4, 23, 3), block="bottleneck", channels=(64, 128, 256,
512), entry="7x7", stem_channels=64, groups=64, group_width=4, stride_in="3x3",
shortcut="B", reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0,
ceil_pool=False, epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False,
pre_activation=False.
"""

ResNeXt29_8x64d: _ResidualV1Builder
"""ResNeXt29_8x64d, by name `create_model("resnext29_8x64d")`: returns a `keras.Model`.

Aggregated residual transformations for deep neural networks (arXiv:1611.05431, 2016).
32 x 32 x 3 pixels, 10 classes,
34,426,698 trainable parameters, 5,387,266,048 multiply-accumulates.

Columns of its table: repeats=(3, 3, 3), block="bottleneck", channels=(64, 128, 256),
entry="3x3", stem_channels=64, groups=8, group_width=64, stride_in="3x3", shortcut="B",
reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0, ceil_pool=False,
epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False, pre_activation=False.
"""

SEResNet18: _ResidualV1Builder
"""SEResNet18, by name `create_model("se_resnet18")`: returns a `keras.Model`.

Squeeze-and-excitation networks (arXiv:1709.01507, 2017).
224 x 224 x 3 pixels, 1,000 classes,
11,779,624 trainable parameters, 1,814,161,408 multiply-accumulates.

Columns of its table: repeats=(2, 2, 2, 2), block="basic", channels=(64, 128, 256, 512),
entry="7x7", stem_channels=64, groups=1, group_width=64, stride_in="3x3", shortcut="B",
reduction=16, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0, ceil_pool=False,
epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False, pre_activation=False.
"""

SEResNet34: _ResidualV1Builder
"""SEResNet34, by name `create_model("se_resnet34")`: returns a `keras.Model`.

Squeeze-and-excitation networks (arXiv:1709.01507, 2017).
224 x 224 x 3 pixels, 1,000 classes,
21,960,416 trainable parameters, 3,663,920,128 multiply-accumulates.

Columns of its table: repeats=(3, 4, 6, 3), block="basic", channels=(64, 128, 256, 512),
entry="7x7", stem_channels=64, groups=1, group_width=64, stride_in="3x3", shortcut="B",
reduction=16, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0, ceil_pool=False,
epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False, pre_activation=False.
"""

SEResNet50: _ResidualV1Builder
"""SEResNet50, by name `create_model("se_resnet50")`: returns a `keras.Model`.

Squeeze-and-excitation networks (arXiv:1709.01507, 2017).
224 x 224 x 3 pixels, 1,000 classes,
28,088,024 trainable parameters, 3,860,488,192 multiply-accumulates.

Columns of its table: repeats=(3, 4, 6, 3), block="bottleneck", channels=(64, 128, 256,
512), entry="7x7", stem_channels=64, groups=1, group_width=64, stride_in="1x1",
shortcut="B", reduction=16, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0,
ceil_pool=True, epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False,
pre_activation=False.
"""

SEResNet101: _ResidualV1Builder
"""SEResNet101, by name `create_model("se_resnet101")`: returns a `keras.Model`.

Squeeze-and-excitation networks (arXiv:1709.01507, 2017).
224 x 224 x 3 pixels, 1,000 classes,
49,326,872 trainable parameters, 7,574,937,600 multiply-accumulates.

Columns of its table: repeats=(3, 4, 23, 3), block="bottleneck", channels=(64, 128, 256,
512), entry="7x7", stem_channels=64, groups=1, group_width=64, stride_in="1x1",
shortcut="B", reduction=16, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0,
ceil_pool=True, epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False,
pre_activation=False.
"""

SEResNet152: _ResidualV1Builder
"""SEResNet152, by name `create_model("se_resnet152")`: returns a `keras.Model`.

Squeeze-and-excitation networks (arXiv:1709.01507, 2017).
224 x 224 x 3 pixels, 1,000 classes,
66,821,848 trainable parameters, 11,288,993,792 multiply-accumulates.

Columns of its table: repeats=(3, 8, 36, 3), block="bottleneck", channels=(64, 128, 256,
512), entry="7x7", stem_channels=64, groups=1, group_width=64, stride_in="1x1",
shortcut="B", reduction=16, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0,
ceil_pool=True, epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False,
pre_activation=False.
"""

SEResNeXt50_32x4d: _ResidualV1Builder
"""SEResNeXt50_32x4d, by name `create_model("se_resnext50_32x4d")`: returns a `keras.Model`.

Squeeze-and-excitation networks (arXiv:1709.01507, 2017).
224 x 224 x 3 pixels, 1,000 classes,
27,559,896 trainable parameters, 4,232,994,816 multiply-accumulates.

Columns of its table: repeats=(3, 4, 6, 3), block="bottleneck", channels=(64, 128, 256,
512), entry="7x7", stem_channels=64, groups=32, group_width=4, stride_in="3x3",
shortcut="B", reduction=16, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0,
ceil_pool=True, epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False,
pre_activation=False.
"""

SEResNeXt101_32x4d: _ResidualV1Builder
"""SEResNeXt101_32x4d, by name `create_model("se_resnext101_32x4d")`: returns a `keras.Model`.

Squeeze-and-excitation networks (arXiv:1709.01507, 2017).
224 x 224 x 3 pixels, 1,000 classes,
48,955,416 trainable parameters, 7,974,739,968 multiply-accumulates.

Columns of its table: repeats=(3, 4, 23, 3), block="bottleneck", channels=(64, 128, 256,
512), entry="7x7", stem_channels=64, groups=32, group_width=4, stride_in="3x3",
shortcut="B", reduction=16, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0,
ceil_pool=True, epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False,
pre_activation=False.
"""

SENet154: _ResidualV1Builder
"""SENet154, by name `create_model("senet154")`: returns a `keras.Model`.

Squeeze-and-excitation networks (arXiv:1709.01507, 2017).
224 x 224 x 3 pixels, 1,000 classes,
115,088,984 trainable parameters, 20,688,363,520 multiply-accumulates.

Columns of its table: repeats=(3, 8, 36, 3), block="bottleneck", channels=(64, 128, 256,
512), entry="deep", stem_channels=128, groups=64, group_width=4, stride_in="3x3",
shortcut="B", reduction=16, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.2,
ceil_pool=True, epsilon=1e-05, half_first=True, shortcut_kernel=3, zero_gamma=False,
pre_activation=False.
"""

ShuffleNetV1G1: _ShufflenetV1Builder
"""ShuffleNetV1G1, by name `create_model("shufflenet_v1_g1")`: returns a `keras.Model`.

ShuffleNet: an extremely efficient convolutional neural network for mobile devices
(arXiv:1707.01083, 2017).
224 x 224 x 3 pixels, 1,000 classes,
1,531,936 trainable parameters, 143,078,976 multiply-accumulates.

Columns of its table: groups=1, channels=(144, 288, 576), first=24, repeats=(4, 8, 4).
"""

ShuffleNetV1G2: _ShufflenetV1Builder
"""ShuffleNetV1G2, by name `create_model("shufflenet_v1_g2")`: returns a `keras.Model`.

ShuffleNet: an extremely efficient convolutional neural network for mobile devices
(arXiv:1707.01083, 2017).
224 x 224 x 3 pixels, 1,000 classes,
1,733,848 trainable parameters, 140,836,512 multiply-accumulates.

Columns of its table: groups=2, channels=(200, 400, 800), first=24, repeats=(4, 8, 4).
"""

ShuffleNetV1G3: _ShufflenetV1Builder
"""ShuffleNetV1G3, by name `create_model("shufflenet_v1_g3")`: returns a `keras.Model`.

ShuffleNet: an extremely efficient convolutional neural network for mobile devices
(arXiv:1707.01083, 2017).
224 x 224 x 3 pixels, 1,000 classes,
1,865,728 trainable parameters, 137,460,672 multiply-accumulates.

Columns of its table: groups=3, channels=(240, 480, 960), first=24, repeats=(4, 8, 4).
"""

ShuffleNetV1G4: _ShufflenetV1Builder
"""ShuffleNetV1G4, by name `create_model("shufflenet_v1_g4")`: returns a `keras.Model`.

ShuffleNet: an extremely efficient convolutional neural network for mobile devices
(arXiv:1707.01083, 2017).
224 x 224 x 3 pixels, 1,000 classes,
1,968,344 trainable parameters, 134,339,776 multiply-accumulates.

Columns of its table: groups=4, channels=(272, 544, 1088), first=24, repeats=(4, 8, 4).
"""

ShuffleNetV1G8: _ShufflenetV1Builder
"""ShuffleNetV1G8, by name `create_model("shufflenet_v1_g8")`: returns a `keras.Model`.

ShuffleNet: an extremely efficient convolutional neural network for mobile devices
(arXiv:1707.01083, 2017).
224 x 224 x 3 pixels, 1,000 classes,
2,434,768 trainable parameters, 138,365,952 multiply-accumulates.

Columns of its table: groups=8, channels=(384, 768, 1536), first=24, repeats=(4, 8, 4).
"""

ShuffleNetV2X0_5: _ShufflenetV2Builder
"""ShuffleNetV2X0_5, by name `create_model("shufflenet_v2_x0_5")`: returns a `keras.Model`.

ShuffleNet V2: practical guidelines for efficient CNN architecture design (arXiv:1807.11164,
2018).
224 x 224 x 3 pixels, 1,000 classes,
1,366,792 trainable parameters, 40,476,448 multiply-accumulates.

Columns of its table: channels=(48, 96, 192), last=1024, first=24, repeats=(4, 8, 4).
"""

ShuffleNetV2X1_0: _ShufflenetV2Builder
"""ShuffleNetV2X1_0, by name `create_model("shufflenet_v2_x1_0")`: returns a `keras.Model`.

ShuffleNet V2: practical guidelines for efficient CNN architecture design (arXiv:1807.11164,
2018).
224 x 224 x 3 pixels, 1,000 classes,
2,278,604 trainable parameters, 144,907,992 multiply-accumulates.

Columns of its table: channels=(116, 232, 464), last=1024, first=24, repeats=(4, 8, 4).
"""

ShuffleNetV2X1_5: _ShufflenetV2Builder
"""ShuffleNetV2X1_5, by name `create_model("shufflenet_v2_x1_5")`: returns a `keras.Model`.

ShuffleNet V2: practical guidelines for efficient CNN architecture design (arXiv:1807.11164,
2018).
224 x 224 x 3 pixels, 1,000 classes,
3,503,624 trainable parameters, 295,759,392 multiply-accumulates.

Columns of its table: channels=(176, 352, 704), last=1024, first=24, repeats=(4, 8, 4).
"""

ShuffleNetV2X2_0: _ShufflenetV2Builder
"""ShuffleNetV2X2_0, by name `create_model("shufflenet_v2_x2_0")`: returns a `keras.Model`.

ShuffleNet V2: practical guidelines for efficient CNN architecture design (arXiv:1807.11164,
2018).
224 x 224 x 3 pixels, 1,000 classes,
7,393,996 trainable parameters, 583,253,464 multiply-accumulates.

Columns of its table: channels=(244, 488, 976), last=2048, first=24, repeats=(4, 8, 4).
"""

WRN16_8: _ResidualV2Builder
"""WRN16_8, by name `create_model("wrn16_8")`: returns a `keras.Model`.

Wide residual networks (arXiv:1605.07146, 2016).
32 x 32 x 3 pixels, 10 classes,
10,961,370 trainable parameters, 1,548,145,664 multiply-accumulates.

Columns of its table: repeats=(2, 2, 2), block="basic", channels=(128, 256, 512),
entry="3x3", stem_channels=16, groups=1, group_width=64, stride_in="3x3", shortcut="B",
reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0, ceil_pool=False,
epsilon=1e-05, stride_at="first", biases=False, pre_activation=True.
"""

WRN28_10: _ResidualV2Builder
"""WRN28_10, by name `create_model("wrn28_10")`: returns a `keras.Model`.

Wide residual networks (arXiv:1605.07146, 2016).
32 x 32 x 3 pixels, 10 classes,
36,479,194 trainable parameters, 5,243,328,768 multiply-accumulates.

Columns of its table: repeats=(4, 4, 4), block="basic", channels=(160, 320, 640),
entry="3x3", stem_channels=16, groups=1, group_width=64, stride_in="3x3", shortcut="B",
reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0, ceil_pool=False,
epsilon=1e-05, stride_at="first", biases=False, pre_activation=True.
"""

WRN40_4: _ResidualV2Builder
"""WRN40_4, by name `create_model("wrn40_4")`: returns a `keras.Model`.

Wide residual networks (arXiv:1605.07146, 2016).
32 x 32 x 3 pixels, 10 classes,
8,949,210 trainable parameters, 1,298,582,016 multiply-accumulates.

Columns of its table: repeats=(6, 6, 6), block="basic", channels=(64, 128, 256),
entry="3x3", stem_channels=16, groups=1, group_width=64, stride_in="3x3", shortcut="B",
reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0, ceil_pool=False,
epsilon=1e-05, stride_at="first", biases=False, pre_activation=True.
"""

WideResNet50_2: _ResidualV1Builder
"""WideResNet50_2, by name `create_model("wide_resnet50_2")`: returns a `keras.Model`.

Wide residual networks (arXiv:1605.07146, 2016).
224 x 224 x 3 pixels, 1,000 classes,
68,883,240 trainable parameters, 11,398,021,120 multiply-accumulates.

Columns of its table: repeats=(3, 4, 6, 3), block="bottleneck", channels=(64, 128, 256,
512), entry="7x7", stem_channels=64, groups=1, group_width=128, stride_in="3x3",
shortcut="B", reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0,
ceil_pool=False, epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False,
pre_activation=False.
"""

WideResNet101_2: _ResidualV1Builder
"""WideResNet101_2, by name `create_model("wide_resnet101_2")`: returns a `keras.Model`.

Wide residual networks (arXiv:1605.07146, 2016).
224 x 224 x 3 pixels, 1,000 classes,
126,886,696 trainable parameters, 22,753,050,624 multiply-accumulates.

Columns of its table: repeats=(3, 4, 23, 3), block="bottleneck", channels=(64, 128, 256,
512), entry="7x7", stem_channels=64, groups=1, group_width=128, stride_in="3x3",
shortcut="B", reduction=None, block_dropout=0.0, stochastic_depth=0.0, head_dropout=0.0,
ceil_pool=False, epsilon=1e-05, half_first=False, shortcut_kernel=1, zero_gamma=False,
pre_activation=False.
"""

ZFNet: _ZfnetBuilder
"""ZFNet, by name `create_model("zfnet")`: returns a `keras.Model`.

Visualizing and understanding convolutional networks (arXiv:1311.2901, 2013).
224 x 224 x 3 pixels, 1,000 classes,
62,357,608 trainable parameters, 1,168,032,896 multiply-accumulates.

Columns of its table: filters=(96, 256, 384, 384, 256), stddev=None.
"""
