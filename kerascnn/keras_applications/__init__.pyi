"""The types of the builders and submodules, for editors and type checkers.

Written by tools/keras_applications_stubs.py; run it again instead of editing this.
"""

import os
from typing import Any, Protocol

import keras

from kerascnn.keras_applications import convnext as convnext
from kerascnn.keras_applications import densenet as densenet
from kerascnn.keras_applications import efficientnet as efficientnet
from kerascnn.keras_applications import efficientnet_v2 as efficientnet_v2
from kerascnn.keras_applications import imagenet_utils as imagenet_utils
from kerascnn.keras_applications import inception_resnet_v2 as inception_resnet_v2
from kerascnn.keras_applications import inception_v3 as inception_v3
from kerascnn.keras_applications import mobilenet as mobilenet
from kerascnn.keras_applications import mobilenet_v2 as mobilenet_v2
from kerascnn.keras_applications import mobilenet_v3 as mobilenet_v3
from kerascnn.keras_applications import nasnet as nasnet
from kerascnn.keras_applications import resnet as resnet
from kerascnn.keras_applications import resnet50 as resnet50
from kerascnn.keras_applications import resnet_v2 as resnet_v2
from kerascnn.keras_applications import vgg16 as vgg16
from kerascnn.keras_applications import vgg19 as vgg19
from kerascnn.keras_applications import xception as xception
from kerascnn.models.request import ImageShape

class _Submodule(Protocol):
    """The submodule of a row that keras.applications does not have."""

    @staticmethod
    def preprocess_input(x: Any, data_format: str | None = None) -> Any: ...
    @staticmethod
    def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]: ...
    def __getattr__(self, name: str) -> Any: ...

def AlexNet(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "alexnet",
) -> keras.Model:
    """Returns AlexNet, the architecture alexnet."""

def AlexNetOWT(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "alexnet_owt",
) -> keras.Model:
    """Returns AlexNetOWT, the architecture alexnet_owt."""

def AlexNetSingle(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "alexnet_single",
) -> keras.Model:
    """Returns AlexNetSingle, the architecture alexnet_single."""

def AlphaGoPolicy(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 361,
    classifier_activation: Any = "softmax",
    name: str | None = "alphago_policy",
) -> keras.Model:
    """Returns AlphaGoPolicy, the architecture alphago_policy."""

def ConvNet(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "convnet",
) -> keras.Model:
    """Returns ConvNet, the architecture convnet."""

def DenseNet121(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "densenet121",
) -> keras.Model:
    """Returns DenseNet121 of keras.applications, built from densenet121."""

def DenseNet161(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "densenet161",
) -> keras.Model:
    """Returns DenseNet161, the architecture densenet161."""

def DenseNet169(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "densenet169",
) -> keras.Model:
    """Returns DenseNet169 of keras.applications, built from densenet169."""

def DenseNet201(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "densenet201",
) -> keras.Model:
    """Returns DenseNet201 of keras.applications, built from densenet201."""

def DenseNetBC100_12(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "densenet_bc100_12",
) -> keras.Model:
    """Returns DenseNetBC100_12, the architecture densenet_bc100_12."""

def DenseNetBC190_40(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "densenet_bc190_40",
) -> keras.Model:
    """Returns DenseNetBC190_40, the architecture densenet_bc190_40."""

def EfficientNetB0(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "efficientnetb0",
) -> keras.Model:
    """Returns EfficientNetB0 of keras.applications, built from efficientnet_b0."""

def EfficientNetB1(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "efficientnetb1",
) -> keras.Model:
    """Returns EfficientNetB1 of keras.applications, built from efficientnet_b1."""

def EfficientNetB2(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "efficientnetb2",
) -> keras.Model:
    """Returns EfficientNetB2 of keras.applications, built from efficientnet_b2."""

def EfficientNetB3(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "efficientnetb3",
) -> keras.Model:
    """Returns EfficientNetB3 of keras.applications, built from efficientnet_b3."""

def EfficientNetB4(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "efficientnetb4",
) -> keras.Model:
    """Returns EfficientNetB4 of keras.applications, built from efficientnet_b4."""

def EfficientNetB5(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "efficientnetb5",
) -> keras.Model:
    """Returns EfficientNetB5 of keras.applications, built from efficientnet_b5."""

def EfficientNetB6(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "efficientnetb6",
) -> keras.Model:
    """Returns EfficientNetB6 of keras.applications, built from efficientnet_b6."""

def EfficientNetB7(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "efficientnetb7",
) -> keras.Model:
    """Returns EfficientNetB7 of keras.applications, built from efficientnet_b7."""

def FCN16s(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 21,
    classifier_activation: Any = "softmax",
    name: str | None = "fcn16s",
) -> keras.Model:
    """Returns FCN16s, the architecture fcn16s."""

def FCN32s(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 21,
    classifier_activation: Any = "softmax",
    name: str | None = "fcn32s",
) -> keras.Model:
    """Returns FCN32s, the architecture fcn32s."""

def FCN8s(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 21,
    classifier_activation: Any = "softmax",
    name: str | None = "fcn8s",
) -> keras.Model:
    """Returns FCN8s, the architecture fcn8s."""

def GoogLeNet(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "googlenet",
) -> keras.Model:
    """Returns GoogLeNet, the architecture googlenet."""

def GoogLeNetBN(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "googlenet_bn",
) -> keras.Model:
    """Returns GoogLeNetBN, the architecture googlenet_bn."""

def InceptionResNetV2(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "inception_resnet_v2",
) -> keras.Model:
    """Returns InceptionResNetV2 of keras.applications, built from inception_resnet_v2."""

def InceptionV3(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "inception_v3",
) -> keras.Model:
    """Returns InceptionV3 of keras.applications, built from inception_v3."""

def InceptionV4(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "inception_v4",
) -> keras.Model:
    """Returns InceptionV4, the architecture inception_v4."""

def LeNet5(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "lenet5",
) -> keras.Model:
    """Returns LeNet5, the architecture lenet5."""

def LeNet5_1998(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "lenet5_1998",
) -> keras.Model:
    """Returns LeNet5_1998, the architecture lenet5_1998."""

def MobileNet(
    input_shape: ImageShape | None = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 0.001,
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> keras.Model:
    """Returns MobileNet of keras.applications, built from mobilenet_v1."""

def MobileNetV2(
    input_shape: ImageShape | None = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> keras.Model:
    """Returns MobileNetV2 of keras.applications, built from mobilenet_v2."""

def MobileNetV3Large(
    input_shape: ImageShape | None = None,
    alpha: float = 1.0,
    minimalistic: bool = False,
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    classes: int = 1000,
    pooling: str | None = None,
    dropout_rate: float = 0.2,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str | None = "MobileNetV3Large",
) -> keras.Model:
    """Returns MobileNetV3Large of keras.applications, built from mobilenet_v3_large."""

def MobileNetV3Small(
    input_shape: ImageShape | None = None,
    alpha: float = 1.0,
    minimalistic: bool = False,
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    classes: int = 1000,
    pooling: str | None = None,
    dropout_rate: float = 0.2,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str | None = "MobileNetV3Small",
) -> keras.Model:
    """Returns MobileNetV3Small of keras.applications, built from mobilenet_v3_small."""

def NASNetLarge(
    input_shape: ImageShape | None = None,
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "nasnet_large",
) -> keras.Model:
    """Returns NASNetLarge of keras.applications, built from nasnet_large."""

def NASNetMobile(
    input_shape: ImageShape | None = None,
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "nasnet_mobile",
) -> keras.Model:
    """Returns NASNetMobile of keras.applications, built from nasnet_mobile."""

def Plain18(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "plain18",
) -> keras.Model:
    """Returns Plain18, the architecture plain18."""

def Plain20CIFAR(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "plain20_cifar",
) -> keras.Model:
    """Returns Plain20CIFAR, the architecture plain20_cifar."""

def Plain32CIFAR(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "plain32_cifar",
) -> keras.Model:
    """Returns Plain32CIFAR, the architecture plain32_cifar."""

def Plain34(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "plain34",
) -> keras.Model:
    """Returns Plain34, the architecture plain34."""

def Plain44CIFAR(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "plain44_cifar",
) -> keras.Model:
    """Returns Plain44CIFAR, the architecture plain44_cifar."""

def Plain56CIFAR(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "plain56_cifar",
) -> keras.Model:
    """Returns Plain56CIFAR, the architecture plain56_cifar."""

def ResNeXt101_32x8d(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "resnext101_32x8d",
) -> keras.Model:
    """Returns ResNeXt101_32x8d, the architecture resnext101_32x8d."""

def ResNeXt101_64x4d(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "resnext101_64x4d",
) -> keras.Model:
    """Returns ResNeXt101_64x4d, the architecture resnext101_64x4d."""

def ResNeXt29_8x64d(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "resnext29_8x64d",
) -> keras.Model:
    """Returns ResNeXt29_8x64d, the architecture resnext29_8x64d."""

def ResNeXt50_32x4d(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "resnext50_32x4d",
) -> keras.Model:
    """Returns ResNeXt50_32x4d, the architecture resnext50_32x4d."""

def ResNet101(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet101",
) -> keras.Model:
    """Returns ResNet101 of keras.applications, built from resnet101."""

def ResNet101V1_5(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet101_v1_5",
) -> keras.Model:
    """Returns ResNet101V1_5, the architecture resnet101_v1_5."""

def ResNet101V2(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet101v2",
) -> keras.Model:
    """Returns ResNet101V2 of keras.applications, built from resnet101_v2."""

def ResNet110CIFAR(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet110_cifar",
) -> keras.Model:
    """Returns ResNet110CIFAR, the architecture resnet110_cifar."""

def ResNet152(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet152",
) -> keras.Model:
    """Returns ResNet152 of keras.applications, built from resnet152."""

def ResNet152V1_5(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet152_v1_5",
) -> keras.Model:
    """Returns ResNet152V1_5, the architecture resnet152_v1_5."""

def ResNet152V2(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet152v2",
) -> keras.Model:
    """Returns ResNet152V2 of keras.applications, built from resnet152_v2."""

def ResNet18(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet18",
) -> keras.Model:
    """Returns ResNet18, the architecture resnet18."""

def ResNet20CIFAR(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet20_cifar",
) -> keras.Model:
    """Returns ResNet20CIFAR, the architecture resnet20_cifar."""

def ResNet32CIFAR(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet32_cifar",
) -> keras.Model:
    """Returns ResNet32CIFAR, the architecture resnet32_cifar."""

def ResNet34(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet34",
) -> keras.Model:
    """Returns ResNet34, the architecture resnet34."""

def ResNet44CIFAR(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet44_cifar",
) -> keras.Model:
    """Returns ResNet44CIFAR, the architecture resnet44_cifar."""

def ResNet50(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet50",
) -> keras.Model:
    """Returns ResNet50 of keras.applications, built from resnet50."""

def ResNet50V1_5(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet50_v1_5",
) -> keras.Model:
    """Returns ResNet50V1_5, the architecture resnet50_v1_5."""

def ResNet50V2(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet50v2",
) -> keras.Model:
    """Returns ResNet50V2 of keras.applications, built from resnet50_v2."""

def ResNet56CIFAR(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "resnet56_cifar",
) -> keras.Model:
    """Returns ResNet56CIFAR, the architecture resnet56_cifar."""

def SENet154(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "senet154",
) -> keras.Model:
    """Returns SENet154, the architecture senet154."""

def SEResNeXt101_32x4d(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "se_resnext101_32x4d",
) -> keras.Model:
    """Returns SEResNeXt101_32x4d, the architecture se_resnext101_32x4d."""

def SEResNeXt50_32x4d(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "se_resnext50_32x4d",
) -> keras.Model:
    """Returns SEResNeXt50_32x4d, the architecture se_resnext50_32x4d."""

def SEResNet101(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "se_resnet101",
) -> keras.Model:
    """Returns SEResNet101, the architecture se_resnet101."""

def SEResNet152(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "se_resnet152",
) -> keras.Model:
    """Returns SEResNet152, the architecture se_resnet152."""

def SEResNet18(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "se_resnet18",
) -> keras.Model:
    """Returns SEResNet18, the architecture se_resnet18."""

def SEResNet34(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "se_resnet34",
) -> keras.Model:
    """Returns SEResNet34, the architecture se_resnet34."""

def SEResNet50(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "se_resnet50",
) -> keras.Model:
    """Returns SEResNet50, the architecture se_resnet50."""

def ShuffleNetV1G1(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "shufflenet_v1_g1",
) -> keras.Model:
    """Returns ShuffleNetV1G1, the architecture shufflenet_v1_g1."""

def ShuffleNetV1G2(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "shufflenet_v1_g2",
) -> keras.Model:
    """Returns ShuffleNetV1G2, the architecture shufflenet_v1_g2."""

def ShuffleNetV1G3(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "shufflenet_v1_g3",
) -> keras.Model:
    """Returns ShuffleNetV1G3, the architecture shufflenet_v1_g3."""

def ShuffleNetV1G4(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "shufflenet_v1_g4",
) -> keras.Model:
    """Returns ShuffleNetV1G4, the architecture shufflenet_v1_g4."""

def ShuffleNetV1G8(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "shufflenet_v1_g8",
) -> keras.Model:
    """Returns ShuffleNetV1G8, the architecture shufflenet_v1_g8."""

def ShuffleNetV2X0_5(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "shufflenet_v2_x0_5",
) -> keras.Model:
    """Returns ShuffleNetV2X0_5, the architecture shufflenet_v2_x0_5."""

def ShuffleNetV2X1_0(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "shufflenet_v2_x1_0",
) -> keras.Model:
    """Returns ShuffleNetV2X1_0, the architecture shufflenet_v2_x1_0."""

def ShuffleNetV2X1_5(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "shufflenet_v2_x1_5",
) -> keras.Model:
    """Returns ShuffleNetV2X1_5, the architecture shufflenet_v2_x1_5."""

def ShuffleNetV2X2_0(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "shufflenet_v2_x2_0",
) -> keras.Model:
    """Returns ShuffleNetV2X2_0, the architecture shufflenet_v2_x2_0."""

def VGG11(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "vgg11",
) -> keras.Model:
    """Returns VGG11, the architecture vgg11."""

def VGG11BN(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "vgg11_bn",
) -> keras.Model:
    """Returns VGG11BN, the architecture vgg11_bn."""

def VGG11LRN(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "vgg11_lrn",
) -> keras.Model:
    """Returns VGG11LRN, the architecture vgg11_lrn."""

def VGG13(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "vgg13",
) -> keras.Model:
    """Returns VGG13, the architecture vgg13."""

def VGG13BN(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "vgg13_bn",
) -> keras.Model:
    """Returns VGG13BN, the architecture vgg13_bn."""

def VGG16(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "vgg16",
) -> keras.Model:
    """Returns VGG16 of keras.applications, built from vgg16."""

def VGG16BN(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "vgg16_bn",
) -> keras.Model:
    """Returns VGG16BN, the architecture vgg16_bn."""

def VGG16_1x1(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "vgg16_1x1",
) -> keras.Model:
    """Returns VGG16_1x1, the architecture vgg16_1x1."""

def VGG19(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "vgg19",
) -> keras.Model:
    """Returns VGG19 of keras.applications, built from vgg19."""

def VGG19BN(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "vgg19_bn",
) -> keras.Model:
    """Returns VGG19BN, the architecture vgg19_bn."""

def WRN16_8(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "wrn16_8",
) -> keras.Model:
    """Returns WRN16_8, the architecture wrn16_8."""

def WRN28_10(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "wrn28_10",
) -> keras.Model:
    """Returns WRN28_10, the architecture wrn28_10."""

def WRN40_4(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = "wrn40_4",
) -> keras.Model:
    """Returns WRN40_4, the architecture wrn40_4."""

def WideResNet101_2(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "wide_resnet101_2",
) -> keras.Model:
    """Returns WideResNet101_2, the architecture wide_resnet101_2."""

def WideResNet50_2(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "wide_resnet50_2",
) -> keras.Model:
    """Returns WideResNet50_2, the architecture wide_resnet50_2."""

def ZFNet(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Any = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = "zfnet",
) -> keras.Model:
    """Returns ZFNet, the architecture zfnet."""

def ConvNeXtBase(*args: Any, **kwargs: Any) -> keras.Model: ...
def ConvNeXtLarge(*args: Any, **kwargs: Any) -> keras.Model: ...
def ConvNeXtSmall(*args: Any, **kwargs: Any) -> keras.Model: ...
def ConvNeXtTiny(*args: Any, **kwargs: Any) -> keras.Model: ...
def ConvNeXtXLarge(*args: Any, **kwargs: Any) -> keras.Model: ...
def EfficientNetV2B0(*args: Any, **kwargs: Any) -> keras.Model: ...
def EfficientNetV2B1(*args: Any, **kwargs: Any) -> keras.Model: ...
def EfficientNetV2B2(*args: Any, **kwargs: Any) -> keras.Model: ...
def EfficientNetV2B3(*args: Any, **kwargs: Any) -> keras.Model: ...
def EfficientNetV2L(*args: Any, **kwargs: Any) -> keras.Model: ...
def EfficientNetV2M(*args: Any, **kwargs: Any) -> keras.Model: ...
def EfficientNetV2S(*args: Any, **kwargs: Any) -> keras.Model: ...
def Xception(*args: Any, **kwargs: Any) -> keras.Model: ...

alexnet: _Submodule
alexnet_owt: _Submodule
alexnet_single: _Submodule
alphago_policy: _Submodule
convnet: _Submodule
densenet161: _Submodule
densenet_bc100_12: _Submodule
densenet_bc190_40: _Submodule
fcn16s: _Submodule
fcn32s: _Submodule
fcn8s: _Submodule
googlenet: _Submodule
googlenet_bn: _Submodule
inception_v4: _Submodule
lenet5: _Submodule
lenet5_1998: _Submodule
plain18: _Submodule
plain20_cifar: _Submodule
plain32_cifar: _Submodule
plain34: _Submodule
plain44_cifar: _Submodule
plain56_cifar: _Submodule
resnet101_v1_5: _Submodule
resnet110_cifar: _Submodule
resnet152_v1_5: _Submodule
resnet18: _Submodule
resnet20_cifar: _Submodule
resnet32_cifar: _Submodule
resnet34: _Submodule
resnet44_cifar: _Submodule
resnet50_v1_5: _Submodule
resnet56_cifar: _Submodule
resnext101_32x8d: _Submodule
resnext101_64x4d: _Submodule
resnext29_8x64d: _Submodule
resnext50_32x4d: _Submodule
se_resnet101: _Submodule
se_resnet152: _Submodule
se_resnet18: _Submodule
se_resnet34: _Submodule
se_resnet50: _Submodule
se_resnext101_32x4d: _Submodule
se_resnext50_32x4d: _Submodule
senet154: _Submodule
shufflenet_v1_g1: _Submodule
shufflenet_v1_g2: _Submodule
shufflenet_v1_g3: _Submodule
shufflenet_v1_g4: _Submodule
shufflenet_v1_g8: _Submodule
shufflenet_v2_x0_5: _Submodule
shufflenet_v2_x1_0: _Submodule
shufflenet_v2_x1_5: _Submodule
shufflenet_v2_x2_0: _Submodule
vgg11: _Submodule
vgg11_bn: _Submodule
vgg11_lrn: _Submodule
vgg13: _Submodule
vgg13_bn: _Submodule
vgg16_1x1: _Submodule
vgg16_bn: _Submodule
vgg19_bn: _Submodule
wide_resnet101_2: _Submodule
wide_resnet50_2: _Submodule
wrn16_8: _Submodule
wrn28_10: _Submodule
wrn40_4: _Submodule
zfnet: _Submodule
