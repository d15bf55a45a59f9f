"""Images that tests draw, encode and label."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from kerascnn.imaging.preprocessing import Preprocessing

AS_STORED = Preprocessing(None, channels="any", scale=1.0)
"""Changes neither the size nor the values of an image."""


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    """Returns uint8 values that differ from pixel to pixel."""
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def png(image: np.ndarray) -> bytes:
    """Returns an image as a PNG file's bytes."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def png_of_noise(seed: int, size: tuple[int, int] = (9, 7)) -> tuple[bytes, np.ndarray]:
    """Returns a PNG file's bytes, and its pixels; `size` is width and height."""
    pixels = noise(size[1], size[0], 3, seed=seed)
    return png(pixels), pixels


def images_and_labels(count: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Returns grey images of 5 x 4 pixels, and labels of three classes in turn."""
    return noise(count, 5, 4, seed=seed), (np.arange(count) % 3).astype(np.uint8)


def write_photos(folder: Path, suffix: str) -> Path:
    """Writes twelve photos of different sizes in folders for two classes, and returns `folder`."""
    for number in range(12):
        path = folder / "ab"[number % 2] / f"{number:02}{suffix}"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(noise(20 + number, 30 - number, 3, seed=number)).save(path)
    return folder
