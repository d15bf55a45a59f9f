"""Converts channels, resizes, crops and pads image arrays; the arguments are never changed."""

from __future__ import annotations

from kerascnn.errors import MismatchError
from kerascnn.lazy import np

# ITU-R 601, the weights of Pillow's mode "L"; needed for float images, which Pillow cannot convert.
_LUMA = (0.299, 0.587, 0.114)


def with_channels(image: np.ndarray, channels: str) -> np.ndarray:
    """Returns an image of 1 or 3 channels (red, green, blue) as "grey", "rgb" or "bgr".

    Args:
        image: height x width x channels, uint8 or float.
        channels: "grey", "rgb" or "bgr"; or "any", which returns the image itself.

    Raises:
        MismatchError: the image has another number of channels.
    """
    count = image.shape[2]
    if channels == "any" or (channels == "grey" and count == 1):
        return image
    if count not in (1, 3):
        raise MismatchError(
            f"got an image with {count} channels; channels={channels!r} needs 1 or 3"
        )
    if channels == "grey":
        if image.dtype == np.uint8:
            from PIL import Image

            return np.asarray(Image.fromarray(np.ascontiguousarray(image)).convert("L"))[..., None]
        return (image @ np.asarray(_LUMA, image.dtype))[..., None]
    if count == 1:
        return np.repeat(image, 3, axis=2)
    return image if channels == "rgb" else np.ascontiguousarray(image[..., ::-1])


def resized(image: np.ndarray, size: tuple[int, int], interpolation: str) -> np.ndarray:
    """Returns an image, H x W x C, resized by Pillow channel by channel.

    Args:
        image: uint8 or float.
        size: height and width of the result.
        interpolation: "nearest", "bilinear", "bicubic" or "lanczos".
    """
    if image.shape[:2] == size:
        return image
    from PIL import Image

    method = Image.Resampling[interpolation.upper()]
    if image.dtype == np.uint8 and image.shape[2] == 3:
        picture = Image.fromarray(np.ascontiguousarray(image))
        return np.asarray(picture.resize(size[::-1], method))
    stored = np.uint8 if image.dtype == np.uint8 else np.float32
    planes = [
        Image.fromarray(np.ascontiguousarray(image[..., c], stored)).resize(size[::-1], method)
        for c in range(image.shape[2])
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1).astype(
        image.dtype, copy=False
    )


def centred(images: np.ndarray, size: tuple[int, int], pad_value: int) -> np.ndarray:
    """Returns images that are cut or padded to `size`, the same amount on both sides.

    Args:
        images: ... x H x W x C.
        size: height and width of the result.
        pad_value: value of padded pixels.
    """
    if images.shape[-3:-1] == size:
        return images
    result = np.full((*images.shape[:-3], *size, images.shape[-1]), pad_value, images.dtype)
    source, target = [], []
    for side, new_side in zip(images.shape[-3:-1], size, strict=True):
        # Rounded as in torchvision.
        cut = round((side - new_side) / 2.0) if side > new_side else 0
        gap = (new_side - side) // 2 if side < new_side else 0
        source.append(slice(cut, cut + min(side, new_side)))
        target.append(slice(gap, gap + min(side, new_side)))
    (from_rows, from_columns), (to_rows, to_columns) = source, target
    result[..., to_rows, to_columns, :] = images[..., from_rows, from_columns, :]
    return result
