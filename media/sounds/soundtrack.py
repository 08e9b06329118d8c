"""The sound of a merge: voice, music under it, the video's own sound, at one loudness and one exact length."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import ffmpeg
from ..videos.targets import AAC, SAMPLE_RATE_HZ
from ._job import Sound, exactly
from .loudness import Level, level_stream
from .mixing import duck, speech_spans
from .tempo import in_tempo

__all__ = ["Soundtrack", "looped"]

MUSIC_IN_S, MUSIC_OUT_S = 0.15, 1.2
"""Fades of the music, at most a quarter of the whole."""
CUT_FADE_S = 0.03
LOSSY_ROOM_DB = 0.5
"""What an AAC or Opus encoder may add to true peaks."""
RAW = {"f": "f32le", "c:a": "pcm_f32le"}
RAW_INPUT = {"f": "f32le", "ar": SAMPLE_RATE_HZ, "ac": AAC.channels}


@dataclass(frozen=True)
class Soundtrack:
    """What is heard.

    Attributes:
        samples: Length, at 48 kHz.
        voice: Speech; None without.
        voice_tempo: Factor by which it is spoken faster.
        music: Laid under everything, repeated when it is shorter; None without.
        own: The video's own sound as a node, as long as the whole; None without.
        music_gain_db, own_gain_db: Levels of the beds.
        duck_db: How far the beds go down while the voice speaks.
        lufs, true_peak: Loudness of the whole (None leaves it) and its ceiling.
        what: Completes "Cannot ..." in errors.
    """

    samples: int
    voice: Sound | None
    voice_tempo: float
    music: Sound | None
    own: Any
    music_gain_db: float
    own_gain_db: float
    duck_db: float
    lufs: float | None
    true_peak: float
    what: str

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples / SAMPLE_RATE_HZ

    def node(self, scratch: Path) -> Any:
        """Return the sound as a node of exactly `samples`; measuring runs happen here.

        Args:
            scratch: Folder that exists until the graph has run.

        Raises:
            EncodeError: ffmpeg could not run it.
        """
        beds = self._beds(scratch)
        nodes = [*([self._voice_node(self.voice, scratch)] if self.voice else []), *beds]
        if len(nodes) == 1 and self.lufs is None:
            return exactly(nodes[0], self.samples)
        mixed = nodes[0] if len(nodes) == 1 else self._sum(nodes)
        ceiling = self.true_peak - LOSSY_ROOM_DB
        if self.lufs is None:
            return exactly(Level(0.0, ceiling).apply(mixed, SAMPLE_RATE_HZ), self.samples)
        raw = scratch / "mixed.f32"  # mixed once, then measured as often as it takes
        bound = ffmpeg.number(self.duration_s + 1)
        ffmpeg.render({raw: ([exactly(mixed, self.samples)], {**RAW, "t": bound})}, what=self.what)
        node = ffmpeg.source(raw, formats="f32le", **RAW_INPUT)["a:0"].filter("aformat", sample_fmts="fltp")
        level = level_stream(
            node,
            sample_rate_hz=SAMPLE_RATE_HZ,
            lufs=self.lufs,
            true_peak=ceiling,
            what=self.what,
            duration_s=self.duration_s + 1,
        )
        return exactly(level, self.samples)

    def _sum(self, nodes: list[Any]) -> Any:
        module = ffmpeg.graph_module()
        return exactly(module.filter(nodes, "amix", inputs=len(nodes), normalize=0, duration="longest"), self.samples)

    def _voice_node(self, voice: Sound, scratch: Path) -> Any:
        node = voice.node(AAC)
        if self.voice_tempo != 1:
            node = self._quickened(node, voice.duration_s, scratch)
        if voice.duration_s / self.voice_tempo > self.duration_s + CUT_FADE_S:
            node = node.filter("afade", t="out", st=f"{self.duration_s - CUT_FADE_S:.6f}", d=CUT_FADE_S)
        return exactly(node, self.samples)

    def _quickened(self, node: Any, seconds: float, scratch: Path) -> Any:
        plain, quick = scratch / "voice.f32", scratch / "quick.f32"
        ffmpeg.render({plain: ([node], {**RAW, "t": ffmpeg.number(seconds + 1)})}, what=self.what)
        in_tempo(
            plain, quick, factor=self.voice_tempo, sample_rate_hz=SAMPLE_RATE_HZ, channels=AAC.channels, what=self.what
        )
        plain.unlink()
        node = ffmpeg.source(quick, formats="f32le", **RAW_INPUT)["a:0"]
        return node.filter("aformat", sample_fmts="fltp", channel_layouts=AAC.layout)

    def _beds(self, scratch: Path) -> list[Any]:
        spans: list[tuple[float, float]] = []
        if self.voice and self.duck_db and (self.music or self.own is not None):
            tempo = self.voice_tempo
            spans = [(start / tempo, end / tempo) for start, end in speech_spans(self.voice)]
        beds: list[Any] = []
        for node, gain in ((self._music_node(), self.music_gain_db), (self.own, self.own_gain_db)):
            if node is None:
                continue
            bed = node.filter("volume", f"{gain:.3f}dB", precision="float") if gain else node
            beds.append(duck(bed, spans, AAC, length_s=self.duration_s, depth_db=self.duck_db, scratch=scratch))
        return beds

    def _music_node(self) -> Any:
        if self.music is None:
            return None
        node = looped(self.music, self.samples)
        quarter = self.duration_s / 4
        rise, fall = min(MUSIC_IN_S, quarter), min(MUSIC_OUT_S, quarter)
        node = node.filter("afade", t="in", d=f"{rise:.6f}")
        return node.filter("afade", t="out", st=f"{self.duration_s - fall:.6f}", d=f"{fall:.6f}", curve="hsin")


def looped(sound: Sound, samples: int) -> Any:
    """Return a sound repeated, without a gap, to so many samples."""
    node = sound.node(AAC, use=1)
    own = sound.samples(AAC)
    if own < samples:
        node = node.filter("aloop", loop=-1, size=own)
    return exactly(node, samples)
