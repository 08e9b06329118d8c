"""How many bytes a picture can take at most, before it is written: a byte limit is kept for certain, or is in doubt.

Measured (Pillow 13) with noise and with random black and white, 1x1 to 512x512, at the least quality that a byte limit
leads to (40), and rounded up. Pictures of anything take a fraction of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..images.encoding import PictureFormat

__all__ = ["WEIGHTS", "Weight"]


@dataclass(frozen=True)
class Weight:
    """Bytes of one format.

    Attributes:
        least: Of the smallest file.
        base: Of any file, at most. `pixel`: of each pixel. `alpha`: more with transparency. `row`: of each row.
        block: Pixels are counted in whole blocks of this side.
    """

    least: int
    base: int
    pixel: float
    alpha: float = 0.0
    row: int = 0
    block: int = 1

    def most(self, width: int, height: int, *, alpha: bool) -> int:
        """Return the most bytes that a size takes."""
        wide, high = (math.ceil(side / self.block) * self.block for side in (width, height))
        return math.ceil(self.base + self.row * height + wide * high * self._each(alpha))

    def pixels_within(self, limit: int, *, alpha: bool) -> int:
        """Return about how many pixels surely fit into a number of bytes; 0 for none."""
        return max(0, int((limit - self.base) / self._each(alpha)))

    def _each(self, alpha: bool) -> float:
        return self.pixel + (self.alpha if alpha else 0.0)


WEIGHTS: dict[PictureFormat, Weight] = {
    "png": Weight(67, 150, 3.03, 1.01, row=2),
    "webp": Weight(30, 150, 0.9, 1.2, block=16),
    "jpeg": Weight(500, 750, 0.8, block=16),
    "avif": Weight(200, 650, 0.7, 0.7, block=16),
    "tiff": Weight(100, 400, 3.03, 1.01, row=1),
    "bmp": Weight(54, 60, 3.0, row=3),
    "gif": Weight(35, 950, 1.7),
}
