"""Media for the pictures of the documentation, made offline once, and the calls that are made on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from prefect_media.media.offline.score import compose as compose_music
from prefect_media.media.offline.voice import speak
from prefect_media.media.painting.landscape import paint_picture
from prefect_media.media.videos import ken_burns

WIDTH, HEIGHT, RATE = 256, 144, 12
SECONDS = 1.5
TEXT = "Every evening the keeper climbs the stairs, and lights the lamp."


@dataclass
class Studio:
    """Where sources are made once and operations are run.

    Attributes:
        folder: For everything.
        calls: What ran since the last picture, as one would write it.
    """

    folder: Path
    calls: list[str] = field(default_factory=list)
    count: int = 0

    def path(self, suffix: str) -> Path:
        """Return the name of a new file."""
        self.count += 1
        return self.folder / f"{self.count:03d}{suffix}"

    def run(self, operation: Any, *sources: Any, suffix: str, **parameters: Any) -> Path:
        """Run an operation, and note the call."""
        target = self.path(suffix)
        operation(*sources, target, **parameters)
        shown = [
            f"{name}={value!r}" for name, value in parameters.items() if name not in ("cues", "words", "subtitles")
        ]
        shown = [f"{name}=..." for name in ("cues", "words", "subtitles") if name in parameters] + shown
        self.calls.append(f"{operation.name}({', '.join(shown)})".replace("'", '"'))
        return target

    def once(self, name: str, make: Callable[[Path], Any]) -> Path:
        """Return a source file, made when it is first asked for."""
        path = self.folder / name
        if not path.exists():
            make(path)
        return path

    @property
    def lighthouse(self) -> Path:
        return self.once("a.png", lambda p: paint_picture(p, prompt="a lighthouse at dawn", width=512, height=288))

    @property
    def night(self) -> Path:
        return self.once("b.png", lambda p: paint_picture(p, prompt="a mountain lake at night", width=288, height=288))

    @property
    def mark(self) -> Path:
        return self.once("mark.png", _mark)

    @property
    def clip(self) -> Path:
        return self.once("a.mp4", lambda p: _move(self.lighthouse, p, "zoom-in"))

    @property
    def other(self) -> Path:
        return self.once("b.mp4", lambda p: _move(self.night, p, "pan-right"))

    @property
    def screen(self) -> Path:
        return self.once("green.mp4", _green_screen)

    @property
    def speech(self) -> Path:
        return self.once("voice.wav", lambda p: speak(TEXT, p))

    @property
    def music(self) -> Path:
        return self.once("music.wav", lambda p: compose_music("hopeful", p, seconds=6.0))

    @property
    def words(self) -> list[dict[str, Any]]:
        return [word.model_dump() for word in speak(TEXT, self.path(".wav")).words]


def _mark(path: Path) -> None:
    rows, columns = np.indices((96, 96)) - 47.5
    ring = np.abs(np.hypot(rows, columns) - 34) < 9
    bar = (np.abs(columns) < 6) & (np.abs(rows) < 20)
    mark = np.zeros((96, 96, 4), np.uint8)
    mark[ring | bar] = (255, 236, 170, 255)
    Image.fromarray(mark).save(path)


def _move(source: Path, path: Path, motion: str) -> None:
    ken_burns.ken_burns(source, path, seconds=SECONDS, width=WIDTH, height=HEIGHT, fps=RATE, motion=motion, zoom=1.5)


def _green_screen(path: Path) -> None:
    rows, columns = np.indices((HEIGHT, WIDTH))
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(round(SECONDS * RATE)):
            ball = np.hypot(rows - 84, columns - 50 - 9 * number) < 34
            image = np.where(ball[..., None], (236, 140, 52), (30, 190, 60)).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
