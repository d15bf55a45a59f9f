"""The classes and functions that a model's configuration may name, by Keras's module.

Each of them is a function of tensors that its arguments describe completely: numbers, texts, lists
and further objects of this list. None reads a file, imports a module, keeps Python code or sets
state of the process. Whatever is not listed is refused, also if a later Keras has it.
"""

from __future__ import annotations

import sys

_ONE_TO_THREE = (
    "AdaptiveAveragePooling AdaptiveMaxPooling AveragePooling AvgPool Conv ConvLSTM ConvTranspose "
    "Convolution ConvolutionTranspose Cropping GlobalAveragePooling GlobalAvgPool "
    "GlobalMaxPool GlobalMaxPooling MaxPool MaxPooling SpatialDropout UpSampling ZeroPadding"
)
"""Layers that exist for one, two and three dimensions."""
_LAYERS = """
    Activation ActivityRegularization Add AdditiveAttention AlphaDropout Attention AugMix
    AutoContrast Average BatchNormalization Bidirectional CategoryEncoding CenterCrop Concatenate
    ContrastLimitedAdaptiveHistogramEqualization CutMix Dense DepthwiseConv1D DepthwiseConv2D Dot
    Dropout ELU EinsumDense Embedding Equalization Flatten GRU GRUCell GaussianDropout
    GaussianNoise GroupNormalization GroupQueryAttention Identity InputLayer LSTM LSTMCell
    LayerNormalization LeakyReLU Masking Maximum Minimum MixUp MultiHeadAttention Multiply
    Normalization PReLU Permute Pipeline RMSNormalization RNN RandAugment RandomBrightness
    RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop RandomElasticTransform
    RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHue RandomInvert
    RandomPerspective RandomPosterization RandomRotation RandomSaturation RandomSharpness
    RandomShear RandomTranslation RandomZoom ReLU RepeatVector Rescaling Reshape Resizing
    ReversibleEmbedding SeparableConv1D SeparableConv2D SeparableConvolution1D
    SeparableConvolution2D SimpleRNN SimpleRNNCell Softmax Solarization SpectralNormalization
    StackedRNNCells Subtract TimeDistributed UnitNormalization
"""
# Operations that Keras records as layers where a model computes with tensors directly, as in x + 3.
# Those that create tensors from numbers alone, or take functions, are left out.
_NUMPY = """
    Abs Absolute Add All Amax Amin Any Append Argmax Argmin Average BroadcastTo Ceil Clip
    Concatenate Cos Cosh Cumsum Divide DivideNoNan Einsum Equal Exp ExpandDims Expm1 Flip Floor
    FloorDivide GetItem Greater GreaterEqual Hstack Inner Less LessEqual Log Log10 Log1p Log2
    LogicalAnd LogicalNot LogicalOr Matmul Max Maximum Mean Median Min Minimum Mod Moveaxis
    Multiply Negative NotEqual OnesLike Outer Pad Power Prod Ravel Reciprocal Repeat Reshape Roll
    Round Sign Sin Sinh Sort Split Sqrt Square Squeeze Stack Std Subtract Sum Swapaxes Take
    TakeAlongAxis Tan Tanh Tensordot Tile Transpose TrueDivide Var Vstack Where ZerosLike
"""
_NN = """
    AdaptiveAveragePool AdaptiveMaxPool AveragePool BatchNorm Celu Conv ConvTranspose DepthToSpace
    DepthwiseConv DotProductAttention Elu Gelu Glu HardShrink HardSigmoid HardSilu HardTanh
    LayerNorm LeakyRelu LogSigmoid LogSoftmax MaxPool Moments Normalize RMSNorm Relu Relu6 Selu
    SeparableConv Sigmoid Silu SoftShrink Softmax Softplus Softsign SpaceToDepth SparsePlus
    SparseSigmoid Sparsemax Squareplus TanhShrink Threshold
"""
_IMAGE = "CropImages GaussianBlur HSVToRGB PadImages RGBToGrayscale RGBToHSV Resize SobelEdges"
_INITIALIZERS = """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer LecunNormal
    LecunUniform Ones Orthogonal OrthogonalInitializer RandomNormal RandomUniform TruncatedNormal
    VarianceScaling Zeros
"""
_LOSSES = """
    BinaryCrossentropy BinaryFocalCrossentropy CategoricalCrossentropy CategoricalFocalCrossentropy
    CategoricalGeneralizedCrossEntropy CategoricalHinge Circle CosineSimilarity Dice Hinge Huber
    KLDivergence LogCosh MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError
    MeanSquaredLogarithmicError Poisson SparseCategoricalCrossentropy SquaredHinge Tversky
"""
_METRICS = """
    AUC Accuracy BinaryAccuracy BinaryCrossentropy BinaryIoU CategoricalAccuracy
    CategoricalCrossentropy CategoricalHinge ConcordanceCorrelation CosineSimilarity F1Score
    FBetaScore FalseNegatives FalsePositives Hinge IoU KLDivergence LogCoshError Mean
    MeanAbsoluteError MeanAbsolutePercentageError MeanIoU MeanMetricWrapper MeanSquaredError
    MeanSquaredLogarithmicError OneHotIoU OneHotMeanIoU PearsonCorrelation Poisson Precision
    PrecisionAtRecall R2Score Recall RecallAtPrecision RootMeanSquaredError
    SensitivityAtSpecificity SparseCategoricalAccuracy SparseCategoricalCrossentropy
    SparseTopKCategoricalAccuracy SpecificityAtSensitivity SquaredHinge Sum TopKCategoricalAccuracy
    TrueNegatives TruePositives
"""
_OPTIMIZERS = """
    Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion LossScaleOptimizer Muon Nadam
    RMSprop SGD ScheduleFreeAdamW
"""
_SCHEDULES = """
    CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay PiecewiseConstantDecay
    PolynomialDecay
"""


def _dimensions(names: str) -> list[str]:
    """Returns the names of the layers of one to three dimensions: "ConvTranspose": "Conv1D…"."""
    stems = [(name.removesuffix("Transpose"), name.endswith("Transpose")) for name in names.split()]
    return [
        f"{stem}{number}D{'Transpose' if transposed else ''}"
        for stem, transposed in stems
        for number in (1, 2, 3)
    ]


_FUNCTIONAL = "keras.src.models.functional"
CLASSES: dict[str, frozenset[str]] = {
    "keras.layers": frozenset([*_LAYERS.split(), *_dimensions(_ONE_TO_THREE)]),
    "keras": frozenset(["DTypePolicy", "FloatDTypePolicy", "Model", "Sequential"]),
    _FUNCTIONAL: frozenset(["Functional"]),
    "keras.src.applications.convnext": frozenset(["LayerScale"]),
    "keras.src.applications.inception_resnet_v2": frozenset(["CustomScaleLayer"]),
    "keras.src.ops.numpy": frozenset(_NUMPY.split()),
    "keras.src.ops.nn": frozenset(_NN.split()),
    "keras.src.ops.image": frozenset(_IMAGE.split()),
    "keras.initializers": frozenset(_INITIALIZERS.split()),
    "keras.regularizers": frozenset(["L1", "L1L2", "L2", "OrthogonalRegularizer"]),
    "keras.constraints": frozenset(["MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"]),
    "keras.losses": frozenset(_LOSSES.split()),
    "keras.metrics": frozenset(_METRICS.split()),
    "keras.optimizers": frozenset(_OPTIMIZERS.split()),
    "keras.optimizers.schedules": frozenset(_SCHEDULES.split()),
}
"""Module -> the classes in it; the module is the one that Keras writes."""
LAYER_MODULES = frozenset(
    key for key in CLASSES if key == "keras.layers" or key.startswith("keras.src.")
)
"""The modules whose classes are layers, models and operations."""
SAME_MODULES = {
    "keras.models": "keras",
    "keras.dtype_policies": "keras",
    "keras.src.models.model": "keras",
    "keras.src.models.sequential": "keras",
    "keras.src.engine.functional": _FUNCTIONAL,
    "keras.engine.functional": _FUNCTIONAL,
    "keras.models.functional": _FUNCTIONAL,
}
"""Other modules in which some version of Keras has a class -> its key in `CLASSES`."""
_OWN = """
    Bilinear ChannelShuffle ChannelSlice CropLike EvenBorder2D ExactGelu Features GroupedConv2D
    HardSigmoid L2Pooling2D LocalResponseNormalization PositionBias RMSpropWithL2 RadialBasis
    SGDWithL2 ScaledTanh SumPooling2D TableConv2D TrainableSubsampling WeightedPooling2D
"""
OWN_NAMES = frozenset(f"kerascnn>{name}" for name in _OWN.split())
"""The names under which Keras registers the classes of this package."""

_FUNCTIONS = """
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu
    linear log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus
    softsign sparse_plus sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold
    binary_accuracy binary_crossentropy binary_focal_crossentropy categorical_accuracy
    categorical_crossentropy categorical_focal_crossentropy categorical_generalized_cross_entropy
    categorical_hinge circle cosine_similarity dice hinge huber kl_divergence log_cosh
    mean_absolute_error mean_absolute_percentage_error mean_squared_error
    mean_squared_logarithmic_error pearson_correlation poisson sparse_categorical_accuracy
    sparse_categorical_crossentropy sparse_top_k_categorical_accuracy squared_hinge
    top_k_categorical_accuracy tversky
"""
FUNCTIONS = frozenset(_FUNCTIONS.split())
"""Activations, losses and metrics."""
FUNCTION_MODULES = frozenset(
    ["builtins", "keras.activations", "keras.losses", "keras.metrics", "keras.ops", "keras.ops.nn"]
)
"""Modules under which Keras writes one of `FUNCTIONS`; all of them mean the same function."""

_CODE = "FlaxLayer JaxLayer Lambda TFSMLayer TorchModuleWrapper __lambda__ __typespec__"
CODE = frozenset(_CODE.split())
"""Classes that keep Python code, or load a program from a file."""


def module_of(module: object, name: object) -> str | None:
    """Returns the key of `CLASSES` that stands for a class of a module; None if it has none.

    Args:
        module: as the configuration gives it; None where it gives no module.
        name: the class.
    """
    if not isinstance(name, str):
        return None
    if module is None:  # files of Keras 2 give the class alone
        return next((key for key, names in CLASSES.items() if name in names), None)
    if not isinstance(module, str):
        return None
    key = SAME_MODULES.get(module, module)
    return key if name in CLASSES.get(key, ()) else None


def names_code(module: object, name: object) -> bool:
    """Returns whether a class or function that is not listed could run code or read files.

    Others belong to the model's author: they exist only in a program that defines them, and the
    arrays of such a file are read without them.

    Args:
        module: as the configuration gives it.
        name: of the class or function.
    """
    if name in CODE:
        return True
    if not isinstance(module, str) or module == "builtins":
        return False
    root = module.partition(".")[0]
    if root in ("tensorflow", "tf_keras", "torch", "jax", "numpy"):
        return True
    if root == "keras":
        layer = module in CLASSES or module.startswith(("keras.src.", "keras.engine."))
        return not layer or not isinstance(name, str) or not name[:1].isupper()
    return root in sys.stdlib_module_names
