"""The layers that Keras does not have, registered for saving under the package "kerascnn"."""

from kerascnn.applications.layers.activations import ExactGelu as ExactGelu
from kerascnn.applications.layers.activations import HardSigmoid as HardSigmoid
from kerascnn.applications.layers.board import PositionBias as PositionBias
from kerascnn.applications.layers.channels import ChannelShuffle as ChannelShuffle
from kerascnn.applications.layers.channels import ChannelSlice as ChannelSlice
from kerascnn.applications.layers.convolution import Conv2D as Conv2D
from kerascnn.applications.layers.convolution import GroupedConv2D as GroupedConv2D
from kerascnn.applications.layers.lenet import RadialBasis as RadialBasis
from kerascnn.applications.layers.lenet import ScaledTanh as ScaledTanh
from kerascnn.applications.layers.lenet import TableConv2D as TableConv2D
from kerascnn.applications.layers.lenet import TrainableSubsampling as TrainableSubsampling
from kerascnn.applications.layers.normalization import BatchNormalization as BatchNormalization
from kerascnn.applications.layers.normalization import (
    LocalResponseNormalization as LocalResponseNormalization,
)
from kerascnn.applications.layers.padding import EvenBorder2D as EvenBorder2D
from kerascnn.applications.layers.pooling import L2Pooling2D as L2Pooling2D
from kerascnn.applications.layers.pooling import SumPooling2D as SumPooling2D
from kerascnn.applications.layers.pooling import WeightedPooling2D as WeightedPooling2D
from kerascnn.applications.layers.segmentation import Bilinear as Bilinear
from kerascnn.applications.layers.segmentation import CropLike as CropLike
