"""Channels, sizes and margins of image arrays; nothing here writes into what it is given."""

from __future__ import annotations

from kerascnn.errors import MismatchError
from kerascnn.lazy import np

# ITU-R 601, the weights behind Pillow's mode "L"; used for float images, which have no such mode.
_LUMA = (0.299, 0.587, 0.114)


def with_channels(image: np.ndarray, channels: str) -> np.ndarray:
    """Returns an image of 1 or 3 channels (red, green, blue) as "grey", "rgb" or "bgr".

    Args:
        image: height x width x channels, uint8 or float.
        channels: also "any", which leaves every image as it is.

    Raises:
        MismatchError: another number of channels.
    """
    count = image.shape[2]
    if channels == "any" or (channels == "grey" and count == 1):
        return image
    if count not in (1, 3):
        raise MismatchError(
            f"an image with {count} channels came; for channels={channels!r} it needs 1 or 3"
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
    """Returns an image, H x W x C, resized channel by channel as Pillow does it."""
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
    """Cuts or pads height and width around the centre; offsets are rounded as in torchvision."""
    if images.shape[-3:-1] == size:
        return images
    result = np.full((*images.shape[:-3], *size, images.shape[-1]), pad_value, images.dtype)
    source, target = [], []
    for have, want in zip(images.shape[-3:-1], size, strict=True):
        cut = round((have - want) / 2.0) if have > want else 0
        gap = (want - have) // 2 if have < want else 0
        source.append(slice(cut, cut + min(have, want)))
        target.append(slice(gap, gap + min(have, want)))
    (from_rows, from_columns), (to_rows, to_columns) = source, target
    result[..., to_rows, to_columns, :] = images[..., from_rows, from_columns, :]
    return result
