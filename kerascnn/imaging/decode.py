"""Decodes image files in the same way for training, evaluation and prediction.

Decoders differ: TensorFlow's drops the alpha channel and ignores EXIF, Pillow clips 16-bit grey to
white and starts Ghostscript for an EPS file. This decoder accepts regular files whose content has
one of the allowed formats and whose header declares at most `PIXEL_LIMIT` pixels. It returns
upright images with 8 bits a channel, on white where they are transparent. Colour profiles are not
applied.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from kerascnn.errors import DamagedFileError, DataError, UsageError
from kerascnn.fileio.untrusted import open_regular, reading
from kerascnn.lazy import np

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
)
"""In lower case: the image files of a folder, wherever a folder is read."""
PIXEL_LIMIT = 50_000_000
FILE_LIMIT = 512 * 2**20

_GREY_16 = ("I;16", "I;16L", "I;16B", "I;16N")
_GREY = ("1", "L", "LA", "La", *_GREY_16)
# Kinds of files that are often taken for images, by their first bytes in lower case.
_LOOKS_LIKE = (
    (b"<!doctype html", "HTML (a failed download?)"),
    (b"<html", "HTML (a failed download?)"),
    (b"<svg", "SVG; draw it into a PNG first"),
    (b"<?xml", "XML or SVG; draw it into a PNG first"),
    (b"%pdf", "PDF; save its pages as PNG first"),
    (b"%!ps", "PostScript; save it as PNG first"),
    (b"pk\x03\x04", "a zip archive; unpack it first"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
)
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1")


class EmbeddedImage(NamedTuple):
    """An image file that is stored inside another file, such as a TFRecord file.

    Attributes:
        path: of the outer file.
        offset: first byte of the image in it.
        size: bytes of the image.
    """

    path: str
    offset: int
    size: int

    def read(self) -> bytes:
        """Returns the image file's content.

        Raises:
            DataError: the outer file is missing.
            DamagedFileError: the outer file ends before the image does.
        """
        with open_regular(self.path) as stream:
            stream.seek(self.offset)
            content = stream.read(self.size)
        if len(content) != self.size:
            raise DamagedFileError(
                f"{self.path} ends before byte {self.offset + self.size:,}; get it again"
            )
        return content

    def __str__(self) -> str:
        return f"{self.path} at byte {self.offset}"


class ImageHeader(NamedTuple):
    """The content of an image file's header.

    Attributes:
        height, width: in pixels, of the upright image.
        grey: whether the image has grey values only.
    """

    height: int
    width: int
    grey: bool


Source = str | os.PathLike[str] | bytes | EmbeddedImage


def load_image(source: Source, mode: str = "rgb") -> np.ndarray:
    """Returns the array of one image file: upright, first frame, alpha composited on white.

    Args:
        source: a path, the content of a file as bytes, or an image inside another file.
        mode: "rgb" gives 3 channels, "grey" gives 1 (ITU-R 601 luma of a colour image).

    Returns:
        A uint8 array, height x width x channels. 16-bit grey is scaled, v -> round(v / 257).

    Raises:
        DataError: the file is missing, is no regular file, has more than `PIXEL_LIMIT` pixels, or
            its pixels cannot be converted to 8 bits (float and 32-bit TIFF).
        DamagedFileError: the file is truncated, corrupt, or has none of the formats in `FORMATS`.
        UsageError: `mode` is neither "rgb" nor "grey".
    """
    picture = load_picture(source, mode)
    # A copy, since Pillow's memory is read-only and callers may write into the array.
    pixels = np.asarray(picture).copy()
    return pixels[:, :, np.newaxis] if mode == "grey" else pixels


def load_picture(source: Source, mode: str = "rgb") -> Image.Image:
    """Returns the Pillow image of one image file, decoded as in `load_image`.

    For images that are resized next, this saves a copy into an array and back.

    Returns:
        An image of mode "RGB" or "L".

    Raises:
        DataError, DamagedFileError, UsageError: as `load_image`.
    """
    if mode not in ("rgb", "grey"):
        raise UsageError(f"mode is {mode!r}; it can be 'rgb' or 'grey'")
    with _opened(source) as (image, name), reading(f"{name} is truncated or corrupt"):
        image.load()
        image = _eight_bits(_upright(image), name)
        return _converted(image, "L" if mode == "grey" else "RGB")


def read_header(source: Source) -> ImageHeader:
    """Returns an image's size and kind without decoding its pixels.

    Raises:
        DataError, DamagedFileError: as `load_image`, as far as the header shows the error.
    """
    with _opened(source) as (image, name), reading(f"{name} is damaged"):
        width, height = image.size
        # For a TIFF, Pillow itself returns the upright size. A PNG can store EXIF after the pixels;
        # reading it would decode them.
        upright = image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info)
        if not upright and _orientation(image) >= 5:
            width, height = height, width
        return ImageHeader(height, width, image.mode in _GREY)


@contextlib.contextmanager
def _opened(source: Source) -> Iterator[tuple[Image.Image, str]]:
    """Opens an image within a context; yields the undecoded image and its name for errors."""
    if isinstance(source, bytes | EmbeddedImage):
        name = "the image" if isinstance(source, bytes) else str(source)
        content = source if isinstance(source, bytes) else source.read()
        with _identified(io.BytesIO(content), name) as image:
            yield image, name
    else:
        with open_regular(source, limit=FILE_LIMIT) as stream:
            name = os.fspath(source)
            with _identified(stream, name) as image:
                yield image, name


def _identified(stream: IO[bytes], name: str) -> Image.Image:
    from PIL import Image, UnidentifiedImageError

    with reading(f"{name} cannot be read as an image"):
        try:
            image = Image.open(stream, formats=FORMATS)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise DataError(
                f"{name} has far more than {PIXEL_LIMIT:,} pixels, the most that are decoded; "
                "shrink it"
            ) from error
        except UnidentifiedImageError as error:
            stream.seek(0)
            raise DamagedFileError(f"{name} {_describe(stream.read(64))}") from error
    width, height = image.size
    if width * height > PIXEL_LIMIT:
        image.close()
        raise DataError(
            f"{name} has {width} x {height} pixels; at most {PIXEL_LIMIT:,} are decoded, shrink it"
        )
    return image


def _describe(head: bytes) -> str:
    """Returns the second half of an error message: what a file is, by its first bytes."""
    allowed = f"the format must be one of {', '.join(FORMATS)}"
    if not head:
        return f"is empty; {allowed}"
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        return f"is a HEIC image; save it as JPEG first, {allowed}"
    start = head.lstrip().lower()
    for signature, kind in _LOOKS_LIKE:
        if start.startswith(signature):
            return f"looks like {kind}; {allowed}"
    return f"is damaged or of an unknown format; {allowed}"


def _orientation(image: Image.Image) -> int:
    from PIL import ExifTags

    try:
        value: Any = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # the pixels of a file with broken metadata can still be intact
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _upright(image: Image.Image) -> Image.Image:
    from PIL import Image

    method = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(_orientation(image))
    return image if method is None else image.transpose(method)


def _eight_bits(image: Image.Image, name: str) -> Image.Image:
    """Returns the image in mode L or RGB, with a white background where it is transparent.

    Raises:
        DataError: its pixels have a kind whose values for white and black are unknown.
    """
    from PIL import Image

    if image.mode in _GREY_16:
        values = np.asarray(image).astype(np.uint32)
        return Image.fromarray(((values + 128) // 257).astype(np.uint8))
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        canvas = Image.new("RGB", image.size, "white")
        canvas.paste(colours, mask=colours)
        return canvas
    if image.mode == "L":
        return image
    if image.mode in ("1", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV"):
        return _converted(image, "RGB")
    raise DataError(
        f"{name} has pixels of kind {image.mode!r}, whose white and black are not known; "
        "save it as an 8 or 16-bit PNG"
    )


def _converted(image: Image.Image, mode: str) -> Image.Image:
    # `convert` copies even an image that has the mode, which takes a fifth of the time of decoding.
    return image if image.mode == mode else image.convert(mode)
