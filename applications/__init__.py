"""The architectures, one file for each family; every builder is a name of this module.

    from kerascnn.applications import LeNet5
    model = LeNet5(classes=10)

The tables are read without importing Keras or TensorFlow.
"""

from __future__ import annotations

from kerascnn import create as create  # registers the builder of the records
from kerascnn.applications import alexnet as alexnet
from kerascnn.applications import alphago as alphago
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
from kerascnn.models.registry import builders

globals().update(builders())

__all__ = list(builders())
