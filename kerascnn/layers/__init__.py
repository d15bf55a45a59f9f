"""Layers that Keras does not have, registered for saving under the package name "kerascnn"."""

from kerascnn.layers.activations import ExactGelu as ExactGelu
from kerascnn.layers.activations import HardSigmoid as HardSigmoid
from kerascnn.layers.board import PositionBias as PositionBias
from kerascnn.layers.channels import ChannelShuffle as ChannelShuffle
from kerascnn.layers.channels import ChannelSlice as ChannelSlice
from kerascnn.layers.convolution import Conv2D as Conv2D
from kerascnn.layers.convolution import GroupedConv2D as GroupedConv2D
from kerascnn.layers.identity import Identity as Identity
from kerascnn.layers.lenet import RadialBasis as RadialBasis
from kerascnn.layers.lenet import ScaledTanh as ScaledTanh
from kerascnn.layers.lenet import TableConv2D as TableConv2D
from kerascnn.layers.lenet import TrainableSubsampling as TrainableSubsampling
from kerascnn.layers.normalization import BatchNormalization as BatchNormalization
from kerascnn.layers.normalization import (
    LocalResponseNormalization as LocalResponseNormalization,
)
from kerascnn.layers.padding import EvenBorder2D as EvenBorder2D
from kerascnn.layers.pooling import L2Pooling2D as L2Pooling2D
from kerascnn.layers.pooling import SumPooling2D as SumPooling2D
from kerascnn.layers.pooling import WeightedPooling2D as WeightedPooling2D
from kerascnn.layers.segmentation import Bilinear as Bilinear
from kerascnn.layers.segmentation import CropLike as CropLike
