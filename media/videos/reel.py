"""A reel: a video on its way through one FFmpeg graph, from a source file to a target file.

Opening a reel makes any input regular: upright, square pixels, a constant frame rate from time zero, an exact number
of frames, standard dynamic range, BT.709, sound of 48 kHz stereo exactly as long as the picture. Steps (`steps.py`)
turn a reel into another one; only `write_reel` (`writing.py`) runs anything, so that a chain of steps is one decode and
one encode, or none where nothing changed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from .. import ffmpeg
from ..container import Container
from .looking import Look
from .targets import SAMPLE_RATE_HZ

__all__ = ["Coded", "Reel", "evened", "exactly", "filled", "sampled", "silence", "tagged"]


@dataclass(frozen=True)
class Coded:
    """The file behind nodes of a graph. A reel that still has these very nodes shows, or sounds, as the file does.

    Attributes:
        path: The file. `found`: its facts.
        picture: Node of its picture; None where a copy of the stream would not be the same.
        first: The file's frame with which that node begins.
        sound: Node of its sound from the start.
    """

    path: Path
    found: Container
    picture: Any = None
    first: int = 0
    sound: Any = None


@dataclass(frozen=True)
class Reel:
    """A picture and its sound in a graph, and what they will be.

    Attributes:
        name: File name, for errors.
        picture: Node of the graph. `sound`: likewise; None is silence.
        width, height: Size in pixels, square, upright.
        rate: Frame rate, exact and constant.
        frames: Number of frames.
        has_alpha: Whether the picture has transparency.
        pending: Options of a scale filter that is still to come (size, colours), so that scaling twice is one pass.
        stored: Size of the node's frames, before the pending scale.
        depth: Subsampling and depth of the pixel format (`420p`, `422p10le`).
        look: The part of a file that it shows, for a smart crop; None where there is no such part.
        coded: The file that it was opened from.
    """

    name: str
    picture: Any
    sound: Any
    width: int
    height: int
    rate: Fraction
    frames: int
    has_alpha: bool = False
    pending: tuple[tuple[str, Any], ...] = ()
    stored: tuple[int, int] = (0, 0)
    depth: str = "420p"
    look: Look | None = None
    coded: Coded | None = None

    @property
    def pixel_format(self) -> str:
        """What the picture is in while filters work on it."""
        return f"yuva{self.depth}" if self.has_alpha else f"yuv{self.depth}"

    @property
    def duration(self) -> Fraction:
        """Seconds, exact."""
        return self.frames / self.rate

    @property
    def samples(self) -> int:
        """Samples of sound in the whole reel."""
        return round(self.duration * SAMPLE_RATE_HZ)

    def frame_at(self, seconds: float | Fraction) -> int:
        """Number of the frame at a time: the nearest, of two as near the later, so that equal lengths have equal frames."""
        return math.floor(Fraction(seconds) * self.rate + Fraction(1, 2))

    def scaled(self, width: int, height: int) -> Reel:
        """The same reel at another size; nothing is cut off or added."""
        return replace(self, width=width, height=height)

    def settled(self) -> Reel:
        """The same reel with all scaling done, for filters that work on pixels."""
        if self.stored == (self.width, self.height) and not self.pending:
            return self
        picture = (
            self.picture.filter("scale", self.width, self.height, flags="bicubic", **dict(self.pending))
            .filter("setsar", 1)
            .filter("format", self.pixel_format)
        )
        return replace(self, picture=picture, pending=(), stored=(self.width, self.height))

    def redrawn(self) -> Reel:
        """The same reel, whose picture is encoded even if nothing changes it."""
        return self if self.coded is None else replace(self, coded=replace(self.coded, picture=None))

    def seen(self, name: str, *args: Any, **options: Any) -> Reel:
        """The same reel with a filter on its picture that keeps size and times."""
        ready = self.settled()
        return replace(ready, picture=ready.picture.filter(name, *args, **options))

    def heard(self, name: str, *args: Any, **options: Any) -> Reel:
        """The same reel with a filter on its sound that keeps times."""
        return self if self.sound is None else replace(self, sound=self.sound.filter(name, *args, **options))

    def resized(self, name: str, width: int, height: int, **options: Any) -> Reel:
        """The same reel with a filter on its picture that changes the size (crop, pad)."""
        return replace(self.seen(name, width, height, **options), width=width, height=height, stored=(width, height))

    def cut(self, first: int, end: int) -> Reel:
        """Frames from `first` up to but not including `end`, with their sound."""
        if first <= 0 and end >= self.frames:
            return self
        picture = self.picture.filter("trim", start_frame=first, end_frame=end).filter("setpts", "PTS-STARTPTS")
        sound = self.sound
        if sound is not None:
            begin, last = (round(n / self.rate * SAMPLE_RATE_HZ) for n in (first, end))
            sound = sound.filter("atrim", start_sample=begin, end_sample=last).filter("asetpts", "PTS-STARTPTS")
        look = self.look and self.look.cut(max(0, first) / self.frames, min(end, self.frames) / self.frames)
        coded = self.coded
        if coded is not None and coded.picture is self.picture:
            coded = replace(coded, picture=picture, first=coded.first + max(0, first))
        return replace(self, picture=picture, sound=sound, frames=end - first, look=look, coded=coded)

    def held(self, frames: int) -> Reel:
        """The same picture, without sound, its last frame held until there are so many."""
        return replace(self, picture=filled(self.picture, frames), sound=None, frames=frames)

    def split(self) -> tuple[Reel, Reel]:
        """Two reels from one, the second without sound: a node of a graph may be used only once."""
        ready = self.settled()
        pictures = ready.picture.filter_multi_output("split", 2)
        return replace(ready, picture=pictures[0]), replace(ready, picture=pictures[1], sound=None)

    def flattened(self, colour: str = "black") -> Reel:
        """The same reel without transparency: laid over one colour."""
        if not self.has_alpha:
            return self
        ready = self.settled()
        # The base decides the length: ending with the other one (`shortest`) loses the last frame in what follows.
        base = ffmpeg.generated(f"color=c={colour}:s={ready.width}x{ready.height}:r={ready.rate}")["v"]
        # A source of one colour says BT.601, and what is laid over it would be converted to that.
        base = base.filter("trim", end_frame=ready.frames).filter("scale", out_color_matrix="bt709", out_range="tv")
        base = base.filter("format", "yuv420p").filter("setparams", colorspace="bt709", range="tv")
        picture = base.overlay(ready.picture, eof_action="repeat", format="yuv420")
        return replace(ready, picture=picture, has_alpha=False)


def silence(samples: int) -> Any:
    """Return a node of stereo silence of so many samples."""
    node = ffmpeg.generated(f"anullsrc=r={SAMPLE_RATE_HZ}:cl=stereo")["a"]
    return node.filter("atrim", end_sample=samples).filter("aformat", sample_fmts="fltp")


def exactly(sound: Any, samples: int) -> Any:
    """Return a sound node padded with silence or cut to so many samples."""
    return sound.filter("apad", whole_len=samples).filter("atrim", end_sample=samples).filter("asetpts", "N/SR/TB")


def sampled(picture: Any, rate: Fraction) -> Any:
    """Return a picture node at another rate: each new frame is the one on show at its time."""
    return picture.filter("fps", fps=str(rate), round="up", start_time=0)


def filled(picture: Any, frames: int) -> Any:
    """Return a picture node with exactly so many frames, the last one held where there are too few."""
    return picture.filter("tpad", stop=-1, stop_mode="clone").filter("trim", end_frame=frames)


def evened(reel: Reel) -> Reel:
    """The same reel, settled, with even sides of at least 2."""
    ready = reel.settled()
    width, height = max(2, ready.width // 2 * 2), max(2, ready.height // 2 * 2)
    if width > ready.width or height > ready.height:
        return ready.scaled(width, height).settled()
    return ready if (width, height) == (ready.width, ready.height) else ready.resized("crop", width, height, x=0, y=0)


def tagged(picture: Any, rate: Fraction) -> Any:
    """Return a picture node marked as what it is, for the encoder: constant rate, BT.709."""
    return picture.filter("fps", fps=str(rate), start_time=0).filter(
        "setparams", colorspace="bt709", color_primaries="bt709", color_trc="bt709", range="tv"
    )
