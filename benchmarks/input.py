"""Measures the input pipeline: images per second with augmentation, against decoding alone.

    python benchmarks/input.py

The baseline decodes every JPEG and resizes it to 224 x 224, with one thread for each core: once
with Pillow, the decoder of this package, and once with TensorFlow (tf.io.decode_jpeg with the exact
DCT, tf.image.resize). The work of a recipe is decoding, crop, reflection, RandAugment, colours,
mixing and float32 values, by the same functions in as many threads, without tf.data, shuffling or
prefetched batches. The images are generated: 500 x 375 pixels of noise with the spectrum of
photographs (1/f), quality 90. The rounds alternate; the ratios are those of the medians. Results go
to benchmarks/results/input.json and .md.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
from machine import machine, save  # noqa: E402
from PIL import Image  # noqa: E402

from kerascnn.cli.startup import start_keras  # noqa: E402

SIDE, BATCH, WARM_UP = 224, 32, 8
WIDTH, HEIGHT = 500, 375
RECIPES = ("resnet_2015", "alexnet_2012", "densenet", "modern")


def draw_photos(folder: Path, count: int) -> list[Path]:
    """Writes JPEGs of noise with the spectrum of photographs."""
    draw = np.random.default_rng(0)
    frequency = np.hypot(np.fft.fftfreq(HEIGHT)[:, None], np.fft.rfftfreq(WIDTH)[None])
    amplitude = 1 / np.maximum(frequency, 1 / WIDTH) ** 1.2
    paths = []
    for number in range(count):
        phases = np.exp(2j * np.pi * draw.random((4, *amplitude.shape)))
        light, *colours = np.fft.irfft2(amplitude * phases, s=(HEIGHT, WIDTH))
        pixels = light[..., None] + 0.4 * np.stack(colours, axis=-1)
        pixels = np.clip((pixels - pixels.mean()) / pixels.std() * 50 + 120, 0, 255)
        paths.append(folder / f"{number:04}.jpg")
        Image.fromarray(pixels.astype(np.uint8)).save(paths[-1], quality=90)
    return paths


def bare_pillow(paths: list[Path]) -> Callable[[], float]:
    pool = ThreadPoolExecutor(os.cpu_count())

    def decode(path: Path) -> None:
        with Image.open(path) as image:
            image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)

    return lambda: _seconds(lambda: list(pool.map(decode, paths)))


def bare_tensorflow(paths: list[Path]) -> Callable[[], float]:
    import tensorflow as tf

    def decode(path: Any) -> Any:
        image = tf.io.decode_jpeg(tf.io.read_file(path), 3, dct_method="INTEGER_ACCURATE")
        return tf.image.resize(image, (SIDE, SIDE), antialias=True)

    dataset = tf.data.Dataset.from_tensor_slices(list(map(str, paths)))
    dataset = dataset.map(decode, num_parallel_calls=os.cpu_count(), deterministic=False)

    return lambda: _seconds(lambda: list(dataset))


def bare_work(paths: list[Path], name: str) -> Callable[[], float]:
    """Applies the functions of a recipe to the images of an epoch, without tf.data."""
    import tensorflow as tf

    from kerascnn.data.augmentation.colour import UNIFORM, jittered
    from kerascnn.data.augmentation.mixup import mixed
    from kerascnn.data.augmentation.policy import Distortion
    from kerascnn.data.image_batches import ImagePreparer, ImageValues
    from kerascnn.imaging.preprocessing import crop
    from kerascnn.recipes.table import RECIPES as TABLE

    threads, distortion, rule = os.cpu_count() or 1, Distortion.of(TABLE[name]), crop(SIDE)
    prepare, values = ImagePreparer(rule, distortion, 0), ImageValues(rule, SIDE, 3)
    uniform, rows = tf.random.uniform([BATCH, UNIFORM]), tf.one_hot(tf.range(BATCH) % 10, 10)
    shift = np.zeros(3 if distortion.lighting else 0, np.float32)
    alphas = {"mixup": distortion.mixup, "cutmix": distortion.cutmix}

    @tf.function
    def whole(batch: Any) -> Any:
        if distortion.jitter:
            batch = jittered(batch, uniform, distortion.jitter, bgr=False)
        return mixed(batch, rows, (0, 1), **alphas) if distortion.mixes else batch

    def share(thread: int) -> None:
        for start in range(thread * BATCH, len(paths), threads * BATCH):
            batch = np.empty((BATCH, SIDE, SIDE, 3), np.float32)
            for place in range(BATCH):
                values(prepare(paths[start + place], 0, start + place), shift, batch[place])
            if distortion.jitter or distortion.mixes:
                whole(tf.convert_to_tensor(batch))

    pool = ThreadPoolExecutor(threads)
    return lambda: _seconds(lambda: list(pool.map(share, range(threads))))


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def through_pipeline(paths: list[Path], recipe: str | None) -> Callable[[], float]:
    """Reads all images once: for training with a recipe, or for evaluation without one."""
    from kerascnn.data import image_batches
    from kerascnn.data.augmentation.policy import Distortion
    from kerascnn.data.pipeline import pipeline
    from kerascnn.data.sources.dataset import Split
    from kerascnn.imaging.preprocessing import crop
    from kerascnn.recipes.table import RECIPES as TABLE

    split = Split(tuple(paths), np.arange(len(paths)) % 10)
    options: dict[str, Any] = {"batch_size": BATCH, "training": recipe is not None}
    if recipe is not None:
        options |= {"distortion": Distortion.of(TABLE[recipe]), "classes": 10}
    else:
        image_batches.CACHE_LIMIT = 0  # or all but the first pass would decode nothing
    dataset, steps = pipeline(split, crop(SIDE), **options), len(paths) // BATCH
    if recipe is None:
        return lambda: _seconds(lambda: [None for _ in dataset])

    def run() -> float:
        # A new iterator every time: nothing may be prefetched while others are measured. An endless
        # iterator has batches in progress both at the start and at the end of the measurement.
        batches = iter(dataset)
        for _ in range(WARM_UP):
            next(batches)
        return _seconds(lambda: [None for _ in range(steps) if next(batches)])

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=384, help="files (384)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the medians (5)")
    arguments = parser.parse_args()
    start_keras()
    with tempfile.TemporaryDirectory() as folder:
        paths = draw_photos(Path(folder), arguments.images // BATCH * BATCH)
        runs = {
            "bare Pillow": bare_pillow(paths),
            "bare TensorFlow": bare_tensorflow(paths),
            "evaluation": through_pipeline(paths, None),
            **{recipe: through_pipeline(paths, recipe) for recipe in RECIPES},
            **{f"{recipe}: own work": bare_work(paths, recipe) for recipe in RECIPES},
        }
        rates: dict[str, list[float]] = {name: [] for name in runs}
        for number in range(arguments.rounds + 1):
            for name, run in runs.items():
                seconds = run()
                if number:  # the first one fills the file cache and traces
                    rates[name].append(len(paths) / seconds)
                time.sleep(0.5)  # what a pipeline still fetches ahead is not the next one's work
    medians = {name: statistics.median(values) for name, values in rates.items()}
    bare = max(medians["bare Pillow"], medians["bare TensorFlow"])
    own = {recipe: medians.pop(f"{recipe}: own work") for recipe in RECIPES}
    rows = [
        "| | images/s | of the faster bare one | its own work, bare | of that |",
        "|---|---|---|---|---|",
    ]
    for name, rate in medians.items():
        work = f"{own[name]:,.0f} | {rate / own[name]:.2f}" if name in own else " | "
        rows.append(f"| {name} | {rate:,.0f} | {rate / bare:.2f} | {work} |")
    result = {
        "machine": machine(),
        "images": len(paths),
        "rounds": arguments.rounds,
        "rates": {name: [round(rate, 1) for rate in values] for name, values in rates.items()},
        "ratios": {name: round(rate / bare, 3) for name, rate in medians.items()},
        "of_own_work": {name: round(medians[name] / rate, 3) for name, rate in own.items()},
    }
    print("\n".join(rows))
    save("input", result, "\n".join(rows))


if __name__ == "__main__":
    main()
