"""The image decoder: colours against arithmetic, damage and bombs against their error."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import threading
import zlib

import numpy as np
import pytest
from PIL import Image

from kerascnn.errors import DamagedFileError, DataError, UsageError
from kerascnn.imaging.decode import PIXEL_LIMIT, load_image, read_header


def encoded(pixels: np.ndarray, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png(width: int, height: int, depth: int, colour: int, rows: bytes, extra: bytes = b"") -> bytes:
    """A PNG written from the specification, byte by byte."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.fixture(scope="module")
def card() -> np.ndarray:
    """Smooth colours, so that lossy formats stay near them."""
    y, x = np.mgrid[0:24, 0:40]
    return np.stack([x * 6, y * 10, 255 - x * 3 - y * 4], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_give_the_pixels_exactly(card, kind):
    assert np.array_equal(load_image(encoded(card, kind)), card)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_formats_stay_near(card, kind):
    pixels = load_image(encoded(card, kind, quality=95))
    assert pixels.shape == card.shape
    assert np.abs(pixels.astype(int) - card).mean() < 3


def test_cmyk_jpeg_keeps_its_colours(card):
    buffer = io.BytesIO()
    Image.fromarray(card).convert("CMYK").save(buffer, "JPEG", quality=95)
    assert np.abs(load_image(buffer.getvalue()).astype(int) - card).mean() < 3


def test_grey_is_the_luma_of_itu_r_601(card):
    grey = load_image(encoded(card, "PNG"), "grey")
    assert grey.shape == (24, 40, 1)
    luma = card.astype(float) @ [0.299, 0.587, 0.114]
    assert np.abs(grey[..., 0] - luma).max() <= 0.51


def test_grey_file_in_both_modes():
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    data = encoded(pixels, "PNG")
    assert np.array_equal(load_image(data, "grey")[..., 0], pixels)
    assert np.array_equal(load_image(data, "rgb"), np.repeat(pixels[..., None], 3, 2))


def test_sixteen_bit_grey_is_scaled_and_not_clipped():
    values = np.array([[0, 128, 129, 257, 4096, 32768, 65406, 65535]], np.uint16)
    rows = b"\0" + values.astype(">u2").tobytes()
    pixels = load_image(png(8, 1, 16, 0, rows), "grey")
    expected = np.floor(values / 257 + 0.5)
    assert np.array_equal(pixels[..., 0], expected)
    assert pixels.max() == 255


def test_one_bit_and_palette():
    assert load_image(png(8, 1, 1, 0, b"\0\xaa"), "grey")[0, :, 0].tolist() == [255, 0] * 4
    palette = chunk(b"PLTE", bytes([10, 20, 30, 200, 100, 0]))
    assert load_image(png(2, 1, 8, 3, b"\0\1\0", palette)).tolist() == [
        [[200, 100, 0], [10, 20, 30]]
    ]


@pytest.mark.parametrize(
    ("colour", "pixel", "alpha"),
    [(6, [40, 80, 120], 0), (6, [40, 80, 120], 102), (6, [40, 80, 120], 255), (4, [60], 51)],
)
def test_alpha_is_composited_on_white(colour, pixel, alpha):
    result = load_image(png(1, 1, 8, colour, bytes([0, *pixel, alpha])))[0, 0]
    expected = [value * alpha / 255 + 255 * (1 - alpha / 255) for value in pixel]
    assert np.abs(result - np.resize(expected, 3)).max() <= 0.51


def test_transparent_palette_colour_is_white():
    palette = chunk(b"PLTE", bytes([0, 0, 0, 9, 8, 7])) + chunk(b"tRNS", bytes([0, 255]))
    pixels = load_image(png(2, 1, 8, 3, b"\0\0\1", palette))
    assert pixels.tolist() == [[[255, 255, 255], [9, 8, 7]]]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_out_upright(kind, orientation):
    """The stored picture is made from the upright one by the inverse of what EXIF's table says."""
    upright = np.full((32, 48), 40, np.uint8)
    upright[:16, :16] = 230
    upright[:16, 32:] = 130
    stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.T,
        6: lambda a: np.rot90(a),  # to be turned clockwise, so stored turned the other way
        7: lambda a: a[::-1, ::-1].T,
        8: lambda a: np.rot90(a, -1),
    }[orientation](upright)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(np.ascontiguousarray(stored), kind, exif=exif, **options)
    pixels = load_image(data, "grey")[..., 0]
    assert pixels.shape == upright.shape
    assert np.abs(pixels.astype(int) - upright).mean() < 3
    assert read_header(data)[:2] == upright.shape


@pytest.mark.parametrize("orientation", [0, 9, 99, 65535])
def test_meaningless_orientation_is_ignored(card, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert load_image(encoded(card, "JPEG", exif=exif)).shape == card.shape


def test_broken_exif_does_not_cost_the_picture(card):
    data = encoded(card, "JPEG", exif=b"Exif\0\0" + b"\xff" * 20)
    assert load_image(data).shape == card.shape


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_animation_gives_its_first_frame(kind):
    frames = [Image.new("RGB", (9, 7), colour) for colour in ((255, 0, 0), (0, 255, 0))]
    buffer = io.BytesIO()
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:])
    pixels = load_image(buffer.getvalue())
    assert pixels.shape == (7, 9, 3)
    assert np.abs(pixels.astype(int) - [255, 0, 0]).max() <= 4


def test_the_result_belongs_to_the_caller(card):
    pixels = load_image(encoded(card, "PNG"))
    pixels[:] = 0
    assert pixels.dtype == np.uint8


def test_extension_does_not_count_but_content_does(tmp_path, card):
    path = tmp_path / "-ein Bild, mit ü.JPG"
    path.write_bytes(encoded(card, "PNG"))
    assert np.array_equal(load_image(path), card)
    assert np.array_equal(load_image(str(path)), card)


def test_header_without_decoding(card):
    data = encoded(card, "PNG")
    assert read_header(data[:-40]) == (24, 40, False)
    assert read_header(encoded(card[..., 0], "JPEG")) == (24, 40, True)


def test_unknown_mode():
    with pytest.raises(UsageError, match="'rgb' or 'grey'"):
        load_image(b"", "rgba")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.95])
def test_truncated_file_is_named(tmp_path, kind, share):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = encoded(noise, kind)
    path = tmp_path / f"cut.{kind.lower()}"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(DamagedFileError) as caught:
        load_image(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert len(message) <= 400 + len(str(path))


def test_wrong_checksum_in_a_png():
    data = bytearray(encoded(np.zeros((8, 8), np.uint8), "PNG"))
    data[data.index(b"IDAT") + 6] ^= 0xFF
    with pytest.raises(DamagedFileError, match="truncated or corrupt"):
        load_image(bytes(data))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n", "damaged or of an unknown format"),
        (b"\n  <!DOCTYPE html><html>404</html>", "HTML"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"PK\x03\x04rest", "zip"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"just some text", "unknown format"),
    ],
)
def test_what_is_no_image_is_called_by_its_name(tmp_path, content, words):
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=words) as caught:
        load_image(path)
    assert "JPEG, PNG, WEBP, GIF, BMP, TIFF" in str(caught.value)


def test_formats_outside_the_list_never_reach_their_decoder(card):
    for kind in ("PPM", "TGA", "ICO", "PCX", "SGI"):
        with pytest.raises(DamagedFileError):
            load_image(encoded(card, kind))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [7100, 12_000, 30_000, 100_000])
def test_too_many_pixels_are_refused_from_the_header(side):
    assert side * side > PIXEL_LIMIT
    data = png(side, side, 8, 0, b"\0" * 1000)
    with pytest.raises(DataError, match="pixels"):
        load_image(data)


def test_huge_canvas_of_a_tiny_gif():
    data = b"GIF89a" + struct.pack("<HHBBB", 60_000, 60_000, 0x80, 0, 0) + bytes(6)
    data += b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0;"
    with pytest.raises(DataError, match="pixels"):
        load_image(data)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_pixels_without_a_white_are_refused(mode):
    buffer = io.BytesIO()
    Image.new(mode, (4, 4)).save(buffer, "TIFF")
    with pytest.raises(DataError, match="8 or 16-bit PNG"):
        load_image(buffer.getvalue())


def test_only_regular_files_are_opened(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        load_image(tmp_path / "none.png")
    with pytest.raises(DataError, match="directory"):
        load_image(tmp_path)
    link = tmp_path / "link.png"
    link.symlink_to(tmp_path / "gone.png")
    with pytest.raises(DataError, match="link to a missing file"):
        load_image(link)
    loop = tmp_path / "loop.png"
    loop.symlink_to(loop)
    with pytest.raises(DataError, match="cannot be opened"):
        load_image(loop)
    with pytest.raises(DataError, match="cannot be opened"):
        load_image("null\0byte.png")


def test_a_pipe_is_refused_without_waiting(tmp_path):
    pipe = tmp_path / "x.jpg"
    os.mkfifo(pipe)
    caught: list[Exception] = []

    def read() -> None:
        try:
            load_image(pipe)
        except DataError as error:
            caught.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
    assert "pipe" in str(caught[0])


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_mutated_files_end_in_an_image_or_in_our_errors(card):
    random = np.random.default_rng(1)
    seeds = [encoded(card, kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")]
    for number in range(600):
        data = bytearray(seeds[number % len(seeds)])
        for _ in range(random.integers(1, 6)):
            data[random.integers(len(data))] = random.integers(256)
        # Any other exception than these two fails the test.
        with contextlib.suppress(DamagedFileError, DataError):
            assert load_image(bytes(data)).ndim == 3
