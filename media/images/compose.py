"""Pictures made of pictures: contact sheets and thumbnails."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from ...errors import ParameterError
from ..operation import operation
from ..sniff import sniff
from ..videos.frames import poster
from .colour import flattened, parse_colour
from .encoding import save_picture
from .fit import load_rgb, with_bars
from .fitting import Fit, fitted_size
from .fonts import Font
from .lettering import best_font, drawable, ellipsised
from .limits import check_result_size
from .resample import resample

__all__ = ["contact_sheet", "thumbnail"]

MAX_CELLS = 2000
SHEET_PX = 1600
"""Width that a sheet aims at when neither columns nor cells are given."""
LARGE_CELL_PX = 400
CARD = (32, 35, 40)
LABEL, TITLE = (214, 217, 222), (240, 242, 245)
DARK_LABEL, DARK_TITLE = (58, 62, 68), (22, 24, 28)
"""Of a bright background."""
WHOLE = (1_000_000, 1_000_000)
"""More than any picture has, so that it is decoded at its own size."""
OVERSAMPLE = 4
"""Shapes are drawn this much larger and reduced, so that their edges are smooth."""


def _picture(path: Path, size: tuple[int, int], at_s: float | None = None) -> tuple[Image.Image, bool]:
    """A picture, or one out of a video, at about twice `size` at most; and whether it is a video's."""
    if (sniff(path) or "").startswith("video/"):
        return poster(path, at_s=at_s), True

    def enough(wide: int, high: int) -> tuple[float, float]:
        ratio = max(size[0] / wide, size[1] / high)
        return 2 * ratio * wide, 2 * ratio * high

    return load_rgb(path, at_least=enough), False


@operation(version=3)
def thumbnail(
    source: Path,
    target: Path,
    *,
    width: int = 512,
    height: int = 512,
    fit: Fit = "contain",
    at_s: float | None = None,
    background: str = "#000000",
    quality: int | None = None,
) -> None:
    """Make a small picture of a picture or a video. With `fit="contain"` it is never enlarged.

    Args:
        source: A picture or a video.
        target: File to write.
        width: Of the thumbnail, in pixels; with `contain` its limit.
        height: See `width`.
        fit: See `fitted_size`.
        at_s: Moment of a video, in seconds, exact to the frame; default a key frame about a third of the way.
        background: Under transparency where the format has none, and for bars.
        quality: See `fit_image`.

    Raises:
        ParameterError: A parameter is not possible.
        UnsupportedMediaError: Neither a picture nor a video.
        ProbeError, DecodeError, MediaLimitError, EncodeError: It cannot be read or written.
    """
    under = parse_colour(background)
    image, _ = _picture(source, WHOLE if fit == "exact" else (width, height), at_s)
    if fit == "contain" and image.width <= width and image.height <= height:
        save_picture(image, target, quality=quality, background=under)
        return
    plan = fitted_size(image.width, image.height, width=width, height=height, fit=fit)
    check_result_size(source, (plan.width_px, plan.height_px))
    result = resample(image, plan.inner[2:], plan.box)
    if plan.bar_share:
        result = with_bars(result, plan, under)
    save_picture(result, target, quality=quality, background=under)


@operation(version=3)
def contact_sheet(
    sources: Sequence[Path],
    target: Path,
    *,
    columns: int | None = None,
    cell: tuple[int, int] | None = None,
    labels: Sequence[str] | None = None,
    title: str | None = None,
    background: str = "#16181c",
    quality: int | None = None,
) -> None:
    """Lay pictures and videos out on one sheet, in order, each whole, with a line of text below it.

    Args:
        sources: Pictures and videos; of a video a frame is shown, with a sign.
        target: File to write.
        columns: Cells in a row; default as many as make a sheet of pleasant shape.
        cell: Width and height of a cell in pixels; default in the shape that most of the sources have.
        labels: One for each source; too long ones end in an ellipsis.
        title: A line on top.
        background: Colour behind the cells.
        quality: See `fit_image`.

    Raises:
        ParameterError: No sources, not as many labels, or a parameter is not possible.
        UnsupportedMediaError: A source is neither a picture nor a video.
        ProbeError, DecodeError, MediaLimitError, EncodeError: A file cannot be read or written.
    """
    _check(sources, columns, cell, labels)
    under = parse_colour(background)
    across = min(len(sources), columns or _columns(len(sources)))
    rough = max(120, min(LARGE_CELL_PX, SHEET_PX // across))
    pictures = [_picture(path, cell or (rough, rough)) for path in sources]
    size = cell or _common_shape([image.size for image, _ in pictures], rough)
    sheet = _Sheet(size, across, len(sources), bool(labels), bool(title))
    check_result_size(target, sheet.size)
    canvas = Image.new("RGB", sheet.size, under[:3])
    is_bright = 0.3 * under[0] + 0.59 * under[1] + 0.11 * under[2] > 127
    title_ink, label_ink = (DARK_TITLE, DARK_LABEL) if is_bright else (TITLE, LABEL)
    font = best_font(" ".join([title or "", *(labels or ())]))
    if title:
        _write(canvas, font, title, (sheet.gap, sheet.gap), sheet.size[0] - 2 * sheet.gap, sheet.title_px, title_ink)
    for number, (image, is_video) in enumerate(pictures):
        left, top = sheet.place(number)
        canvas.paste(_card(image, size, is_video), (left, top))
        if labels and labels[number].strip():
            _write(
                canvas, font, labels[number], (left, top + size[1] + sheet.gap // 3), size[0], sheet.label_px, label_ink
            )
    save_picture(canvas, target, quality=quality)


def _check(
    sources: Sequence[Path], columns: int | None, cell: tuple[int, int] | None, labels: Sequence[str] | None
) -> None:
    if not 1 <= len(sources) <= MAX_CELLS:
        raise ParameterError(f"A contact sheet takes 1 to {MAX_CELLS} sources, {len(sources)} are given.")
    if labels is not None and len(labels) != len(sources):
        raise ParameterError(f"{len(labels)} labels are given for {len(sources)} sources. Give one for each.")
    if columns is not None and columns < 1:
        raise ParameterError(f"columns={columns} is not at least 1.")
    if cell is not None and not (len(cell) == 2 and all(16 <= side <= 4096 for side in cell)):
        raise ParameterError(f"cell={cell!r} is not a width and a height of 16 to 4096 pixels.")


def _columns(count: int) -> int:
    """As many as make rows of about 3:2 cells look like a page a little wider than high; no nearly empty last row."""
    if count <= 4:
        return count if count != 4 else 2
    best = max(3, round(math.sqrt(count * 1.2)))
    return min((best, best + 1, best - 1), key=lambda columns: (-count % columns, abs(columns - best)))


def _common_shape(sizes: Sequence[tuple[int, int]], width: int) -> tuple[int, int]:
    ratios = sorted(size[1] / size[0] for size in sizes)
    middle = ratios[len(ratios) // 2]
    return width, max(width // 3, min(width * 16 // 9, round(width * middle)))


class _Sheet:
    """Where everything goes."""

    def __init__(self, cell: tuple[int, int], columns: int, count: int, has_labels: bool, has_title: bool) -> None:
        self.cell, self.columns = cell, columns
        self.gap = max(8, round(min(cell) * 0.07))
        self.label_px = max(11, min(22, round(cell[0] * 0.052)))
        self.title_px = max(16, round(self.label_px * 1.6))
        self.pitch = cell[1] + self.gap + (round(self.label_px * 1.5) if has_labels else 0)
        self.top = self.gap + (round(self.title_px * 1.8) if has_title else 0)
        rows = -(-count // columns)
        self.size = (self.gap + columns * (cell[0] + self.gap), self.top + rows * self.pitch)

    def place(self, number: int) -> tuple[int, int]:
        row, column = divmod(number, self.columns)
        return self.gap + column * (self.cell[0] + self.gap), self.top + row * self.pitch


def _card(image: Image.Image, size: tuple[int, int], is_video: bool) -> Image.Image:
    """The picture, whole and never enlarged, on a card of the cell's size."""
    card = Image.new("RGB", size, CARD)
    plan = fitted_size(*image.size, width=size[0], height=size[1], fit="contain")
    out = (min(plan.width_px, image.width), min(plan.height_px, image.height))
    small = flattened(resample(image, out), (*CARD, 255))
    card.paste(small, ((size[0] - out[0]) // 2, (size[1] - out[1]) // 2))
    if is_video:
        sign = _play_sign(max(18, round(min(size) * 0.16)))
        card.paste(sign, ((size[0] - sign.width) // 2, (size[1] - sign.height) // 2), sign)
    return card


def _play_sign(side: int) -> Image.Image:
    large = side * OVERSAMPLE
    sign = Image.new("RGBA", (large, large), (0, 0, 0, 0))
    draw = ImageDraw.Draw(sign)
    draw.ellipse((0, 0, large - 1, large - 1), fill=(0, 0, 0, 130))
    draw.polygon(
        [(large * 0.4, large * 0.3), (large * 0.4, large * 0.7), (large * 0.72, large * 0.5)], fill=(255, 255, 255, 235)
    )
    return sign.resize((side, side), Image.Resampling.BOX)


def _write(
    canvas: Image.Image,
    font: Font,
    text: str,
    at: tuple[int, int],
    width: int,
    height_px: int,
    colour: tuple[int, int, int],
) -> None:
    face = font.at(height_px)
    line = ellipsised(drawable(text, font), face, width)
    ImageDraw.Draw(canvas).text(at, line, fill=colour, font=face)
