"""The checkpoints of keras.applications, as of version 3.15.

Keras publishes MD5s and no SHA-256, and no digest at all for the files of MobileNet and
MobileNetV2. The top-1 accuracies and licences are those of Keras's documentation. It does not say
how images were cropped; `preprocessing` here has the usual crop, 224 of 256 pixels or the same
ratio. For EfficientNet it has that of the authors' program, which removes 32 pixels.

Some files are older than Keras's code and have other tensor names, which the layout `keras_files`
lists. These names were taken from older code of Keras and from programs that read the files; the
files themselves could not be read.

MobileNetV2, MobileNetV3 and EfficientNet pad asymmetrically, as our rows do with padding="same".
MobileNetV3 and EfficientNet scale pixels in a layer; here `preprocessing` does that. Left out:
MobileNets of other widths, which are not rows of the registry, and the minimalistic MobileNetV3.
"""

from __future__ import annotations

from kerascnn.imaging.preprocessing import HALF, Preprocessing, crop
from kerascnn.published.record import Published

STORE = "https://storage.googleapis.com/"
FILES = STORE + "tensorflow/keras-applications/"
SUFFIX = "_weights_tf_dim_ordering_tf_kernels.h5"


def _caffe(size: int) -> Preprocessing:
    """Returns Caffe's preprocessing: blue, green, red, from 0 to 255, minus the channels' means."""
    return Preprocessing(
        size=(size, size), fit="crop", resize=round(size / 0.875), channels="bgr", scale=1.0,
        mean=(103.939, 116.779, 123.68),
    )  # fmt: skip


def _tensorflow(size: int) -> Preprocessing:
    """Returns TensorFlow's preprocessing: red, green, blue, from -1 to 1."""
    return crop(size, round(size / 0.875), mean=HALF, std=HALF)


CAFFE, TORCH = _caffe(224), crop(224, 256)
TF, TF_299, TF_331 = _tensorflow(224), _tensorflow(299), _tensorflow(331)

# The licence under which Keras publishes the weights, and their origin.
OXFORD = "CC-BY-4.0", "ported from the weights of the VGG group, Oxford"
HE = "MIT", "ported from Kaiming He's weights"
META = "BSD", "ported from Facebook's weights"
LIU = "BSD-3-Clause", "ported from the authors' weights"
GOOGLE = "Apache-2.0", "ported from the weights of TensorFlow's model repository"

# row, file (with SUFFIX where it has none), MD5, top-1, preprocessing, licence and origin
TABLE: tuple[tuple[str, str, str | None, float, Preprocessing, tuple[str, str]], ...] = (
    ("vgg16", "vgg16/vgg16", "64373286793e3c8b2b4e3219cbf3544b", 71.3, CAFFE, OXFORD),
    ("vgg19", "vgg19/vgg19", "cbe5617147190e668d6c5d5026f83318", 71.3, CAFFE, OXFORD),
    ("resnet50", "resnet/resnet50", "2cb95161c43110f7111970584f804107", 74.9, CAFFE, HE),
    ("resnet101", "resnet/resnet101", "f1aeb4b969a6efcfb50fad2f0c20cfc5", 76.4, CAFFE, HE),
    ("resnet152", "resnet/resnet152", "100835be76be38e30d865e96f2aaae62", 76.6, CAFFE, HE),
    ("resnet50_v2", "resnet/resnet50v2", "3ef43a0b657b3be2300d5770ece849e0", 76.0, TF, META),
    ("resnet101_v2", "resnet/resnet101v2", "6343647c601c52e1368623803854d971", 77.2, TF, META),
    ("resnet152_v2", "resnet/resnet152v2", "a49b44d1979771252814e80f8ec446f9", 78.0, TF, META),
    (
        "inception_v3", "inception_v3/inception_v3",
        "9a0d58056eeedaa3f26cb7ebd46da564", 77.9, TF_299, GOOGLE,
    ),
    (
        "inception_resnet_v2", "inception_resnet_v2/inception_resnet_v2",
        "e693bd0210a403b3192acc6073ad2e96", 80.3, TF_299, GOOGLE,
    ),
    ("densenet121", "densenet/densenet121", "9d60b8095a5708f2dcce2bca79d332c7", 75.0, TORCH, LIU),
    ("densenet169", "densenet/densenet169", "d699b8f76981ab1b30698df4c175e90b", 76.2, TORCH, LIU),
    ("densenet201", "densenet/densenet201", "1ceb130c1ea1b78c3bf6114dbdfd8807", 77.3, TORCH, LIU),
    ("mobilenet_v1", "mobilenet/mobilenet_1_0_224_tf.h5", None, 70.4, TF, GOOGLE),
    (
        "nasnet_mobile", "nasnet/NASNet-mobile.h5",
        "020fb642bf7360b370c678b08e0adf61", 74.4, TF, GOOGLE,
    ),
    (
        "nasnet_large", "nasnet/NASNet-large.h5",
        "11577c9a518f0070763c2b964a382f17", 82.5, TF_331, GOOGLE,
    ),
)  # fmt: skip

# row, URL, MD5, top-1, preprocessing, licence and origin; for networks with padding="same".
PADDED = (
    (
        "mobilenet_v2",
        FILES + "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5",
        None, 71.3, TF, GOOGLE,
    ),
    *(
        (
            f"mobilenet_v3_{size}",
            f"{FILES}mobilenet_v3/weights_mobilenet_v3_{size}_224_1.0_float.h5",
            md5, top1, TF, GOOGLE,
        )
        for size, md5, top1 in (
            ("large", "59e551e166be033d707958cf9e29a6a7", 75.6),
            ("small", "8768d4c2e7dee89b9d02b2d03d65d862", 68.1),
        )
    ),
    *(
        (
            f"efficientnet_b{number}", f"{STORE}keras-applications/efficientnetb{number}.h5",
            md5, top1, crop(side, side + 32, "bicubic"), GOOGLE,
        )
        for number, (md5, top1, side) in enumerate((
            ("902e53a9f72be733fc0bcb005b3ebbac", 77.1, 224),
            ("1d254153d4ab51201f1646940f018540", 79.1, 240),
            ("b15cce36ff4dcbd00b6dd88e7857a6ad", 80.1, 260),
            ("ffd1fdc53d0ce67064dc6a9c7960ede0", 81.6, 300),
            ("18c95ad55216b8f92d7e70b3a046e2fc", 82.9, 380),
            ("ace28f2a6363774853a83a0b21b9421a", 83.6, 456),
            ("165f6e37dce68623721b423839de8be5", 84.0, 528),
            ("8c03f828fec3ef71311cd463b6759d99", 84.3, 600),
        ))
    ),
)  # fmt: skip

# Prefixes of the rows whose files have other tensor names than Keras's code.
RENAMED = ("resnet", "densenet", "inception", "mobilenet_v2", "mobilenet_v3")


def _published(
    row: str,
    url: str,
    md5: str | None,
    top1: float,
    preprocessing: Preprocessing,
    origin: tuple[str, str],
    **arguments: str,
) -> Published:
    return Published(
        tag=f"keras/{row}",
        row=row,
        url=url,
        layout="keras_files" if row.startswith(RENAMED) else "keras",
        preprocessing=preprocessing,
        top1=top1,
        licence=origin[0],
        md5=md5,
        arguments=arguments,
        note=origin[1],
    )


CHECKPOINTS = (
    *(
        _published(
            row, FILES + (file if file.endswith(".h5") else file + SUFFIX), md5, top1, how, origin
        )
        for row, file, md5, top1, how, origin in TABLE
    ),
    *(_published(*entry, padding="same") for entry in PADDED),
)
