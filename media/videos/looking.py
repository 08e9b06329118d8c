"""What a smart crop of a video goes by: frames spread over it make one place, so that the picture does not wander."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..images.fitting import Box
from .frames import sampled_frames

if TYPE_CHECKING:
    from ..images.attention import Map

__all__ = ["Look"]

LOOKS = 8


@dataclass(frozen=True)
class Look:
    """A part of a video file that a reel shows.

    Attributes:
        path: The file.
        duration_s: Of its picture.
        begin, end: The part in time, as fractions of the whole.
        box: The part of the picture: left, top, right, bottom, as fractions of it.
    """

    path: Path
    duration_s: float
    begin: float = 0.0
    end: float = 1.0
    box: Box = (0.0, 0.0, 1.0, 1.0)

    def cut(self, begin: float, end: float) -> Look:
        """The part between two fractions of this one's time."""
        length = self.end - self.begin
        return replace(self, begin=self.begin + begin * length, end=self.begin + end * length)

    def cropped(self, left: float, top: float, right: float, bottom: float) -> Look:
        """The part between fractions of this one's sides."""
        x, y, wide, high = self.box[0], self.box[1], self.box[2] - self.box[0], self.box[3] - self.box[1]
        return replace(self, box=(x + left * wide, y + top * high, x + right * wide, y + bottom * high))

    def attention(self) -> Map:
        """Return the attention that the part draws, as `attention` does for a picture, over all its time.

        Raises:
            MediaError: The file does not decode.
        """
        from ..images.attention import LOOK_PX, attention  # brings NumPy, which a plan or a copy need not load

        length = self.end - self.begin
        times = [self.duration_s * (self.begin + length * (number + 0.5) / LOOKS) for number in range(LOOKS)]
        total: Map | None = None
        for frame in sampled_frames(self.path, times, max_side_px=4 * LOOK_PX):
            left, top, right, bottom = self.box
            wide, high = frame.size
            edges = (round(left * wide), round(top * high), round(right * wide), round(bottom * high))
            part = frame.crop((edges[0], edges[1], max(edges[0] + 1, edges[2]), max(edges[1] + 1, edges[3])))
            total = attention(part) if total is None else total + attention(part)
        assert total is not None
        return total / LOOKS
