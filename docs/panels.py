"""Draw the pictures of the documentation: panels beside each other, frames of videos, waveforms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

PANEL_HEIGHT = 132
GAP = 8
LABEL_HEIGHT = 16
PAPER, INK = (250, 250, 248), (70, 74, 82)
WAVE_SIZE = (300, 64)
WAVE_INKS = {"plain": (47, 111, 171), "voice": (196, 88, 42), "music": (96, 140, 62)}

Panel = tuple[str, Image.Image]
"""A label and a picture."""


def picture(path: Path) -> Image.Image:
    """Return a picture, its transparency shown by a chequered ground."""
    with Image.open(path) as opened:
        image = opened.convert("RGBA")
    rows, columns = np.indices((image.height, image.width)) // 8
    squares = (rows + columns) % 2
    ground = Image.fromarray((205 + 35 * squares).astype(np.uint8), "L").convert("RGBA")
    return Image.alpha_composite(ground, image).convert("RGB")


def frames(path: Path, count: int = 3, *, first: float = 0.05, last: float = 0.95) -> list[Image.Image]:
    """Return pictures of a video, evenly spread between two fractions of its length."""
    with av.open(str(path)) as file:
        every = [frame.to_image() for frame in file.decode(video=0)]
    places = np.linspace(first, last, count) if count > 1 else [first]
    return [every[min(len(every) - 1, int(place * len(every)))] for place in places]


def reel(path: Path, count: int = 3, *, height: int = PANEL_HEIGHT, **places: float) -> Image.Image:
    """Return pictures of a video side by side, as one."""
    images = [fitted(image, height) for image in frames(path, count, **places)]
    strip = Image.new("RGB", (sum(image.width + 2 for image in images) - 2, height), (20, 20, 20))
    left = 0
    for image in images:
        strip.paste(image, (left, 0))
        left += image.width + 2
    return strip


def samples(path: Path) -> Any:
    """Return the sound of a file as one channel, shape (n,), in [-1, 1]."""
    pieces: list[Any] = []
    with av.open(str(path)) as file:
        resampler = av.AudioResampler("fltp", "mono", 16_000)
        for frame in file.decode(audio=0):
            pieces += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
        pieces += [piece.to_ndarray()[0] for piece in resampler.resample(None)]
    return np.concatenate(pieces)


def wave(path: Path, ink: str = "plain", *, span_s: float | None = None, width: int = WAVE_SIZE[0]) -> Image.Image:
    """Return the waveform of a sound; `span_s` is the time that the whole width stands for."""
    sound = samples(path)
    count = round((span_s or len(sound) / 16_000) * 16_000)
    padded = np.pad(sound, (0, max(0, count - len(sound))))[:count]
    columns = np.array_split(padded, width)
    image = Image.new("RGB", (width, WAVE_SIZE[1]), (238, 240, 243))
    draw = ImageDraw.Draw(image)
    middle = WAVE_SIZE[1] / 2
    used = round(width * min(1.0, len(sound) / count))
    for x, column in enumerate(columns[:used]):
        low, high = float(column.min()), float(column.max())
        draw.line((x, middle - middle * high, x, middle - middle * low + 0.5), fill=WAVE_INKS[ink])
    return image


def fitted(image: Image.Image, height: int = PANEL_HEIGHT) -> Image.Image:
    """Return a picture at the height of a panel."""
    width = max(1, round(image.width * height / image.height))
    return image.resize((width, height), Image.Resampling.LANCZOS)


def row(panels: Sequence[Panel]) -> Image.Image:
    """Return labelled panels from left to right."""
    face = ImageFont.load_default(11)
    height = max(image.height for _, image in panels)
    width = sum(image.width for _, image in panels) + GAP * (len(panels) + 1)
    sheet = Image.new("RGB", (width, height + LABEL_HEIGHT + 2 * GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    left = GAP
    for label, image in panels:
        sheet.paste(image, (left, GAP + height - image.height))
        draw.text((left, GAP + height + 2), label, fill=INK, font=face)
        left += image.width + GAP
    return sheet


def column(panels: Sequence[Panel]) -> Image.Image:
    """Return labelled panels from top to bottom (sounds that are heard together)."""
    face = ImageFont.load_default(11)
    width = max(image.width for _, image in panels) + 2 * GAP
    sheet = Image.new("RGB", (width, sum(image.height + LABEL_HEIGHT + GAP for _, image in panels) + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    top = GAP
    for label, image in panels:
        sheet.paste(image, (GAP, top))
        draw.text((GAP, top + image.height + 2), label, fill=INK, font=face)
        top += image.height + LABEL_HEIGHT + GAP
    return sheet
