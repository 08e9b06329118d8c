"""`fit_image` against decoding and encoding alone, which nothing can avoid, and against pyvips where it is installed.

All figures are ratios of one run; see `race`. `python benchmarks/bench_images.py [ROUNDS]`
"""

from __future__ import annotations

import importlib.util
import io
import itertools
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from race import Contender, race

from prefect_media.media.images.encoding import PictureFormat, encode_picture
from prefect_media.media.images.fit import fit_image

FORMATS: dict[str, PictureFormat] = {".jpg": "jpeg", ".png": "png", ".webp": "webp"}
SIZES = ((1024, 512), (4096, 1024))


def photograph(side: int) -> Image.Image:
    """Something that compresses like a photograph: detail at every scale, and a little grain."""
    random = np.random.RandomState(7)
    total = np.zeros((side, side, 3), np.float32)
    cells, weight = 4, 1.0
    while cells <= side // 2:
        lattice = random.rand(cells, cells, 3).astype(np.float32)
        planes = [
            Image.fromarray(lattice[..., band]).resize((side, side), Image.Resampling.BICUBIC) for band in range(3)
        ]
        total += weight * np.stack([np.asarray(plane) for plane in planes], -1)
        cells, weight = cells * 2, weight * 0.55
    total += random.normal(0, 0.01, total.shape)
    low, high = np.percentile(total, (0.5, 99.5))
    return Image.fromarray(((total - low) / (high - low) * 255).clip(0, 255).astype(np.uint8))


def decode_and_encode(source: Path, fitted: Image.Image, kind: PictureFormat) -> None:
    """Read the whole source and write the finished result, with nothing in between."""
    with Image.open(io.BytesIO(source.read_bytes())) as image:
        image.load()
    encode_picture(fitted, kind)


def plain_pillow(source: Path, target: Path, side: int, kind: PictureFormat) -> None:
    """The obvious way: open, resize, save."""
    with Image.open(source) as image:
        target.write_bytes(encode_picture(image.convert("RGB").resize((side, side), Image.Resampling.LANCZOS), kind))


def vips(source: Path, target: Path, side: int) -> None:
    """The fastest library for this, at the settings of the others."""
    import pyvips  # pyright: ignore[reportMissingImports]

    options = {".jpg": {"Q": 92, "subsample_mode": "off"}, ".png": {"compression": 4}, ".webp": {"Q": 90, "effort": 4}}
    pyvips.cache_set_max(0)  # by default it answers from what it read before
    pyvips.Image.thumbnail(str(source), side, height=side).write_to_file(str(target), **options[target.suffix])


def main() -> None:
    """Run every size and format."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for large, small in SIZES:
            picture = photograph(large)
            for suffix, kind in FORMATS.items():
                source = folder / f"source{suffix}"
                source.write_bytes(encode_picture(picture, kind))
                # As in a pipeline, each result is a new file: replacing one makes the file system wait for its disk.
                new = (folder / f"{large}-{number}{suffix}" for number in itertools.count())
                fit_image(source, target := next(new), width=small, height=small)
                with Image.open(target) as image:
                    fitted = image.convert("RGB")
                contenders: dict[str, Contender] = {
                    "decode + encode alone": lambda s=source, f=fitted, k=kind: decode_and_encode(s, f, k),
                    "fit_image": lambda s=source, t=new, n=small: fit_image(s, next(t), width=n, height=n),
                    "Pillow, Lanczos": lambda s=source, t=new, n=small, k=kind: plain_pillow(s, next(t), n, k),
                }
                if importlib.util.find_spec("pyvips"):
                    contenders["pyvips"] = lambda s=source, t=new, n=small: vips(s, next(t), n)
                race(f"{kind} {large} to {small}", contenders, rounds, "fit_image within 1.5")


if __name__ == "__main__":
    main()
