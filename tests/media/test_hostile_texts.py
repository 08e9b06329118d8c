"""Texts and names that would hang, and what runs out of memory: one error at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from prefect_media.errors import DecodeError, EncodeError, ParameterError
from prefect_media.media.captions.captioning import caption
from prefect_media.media.captions.subtitles import Cue, read_subtitles
from prefect_media.media.images.fonts import load_font
from prefect_media.media.videos.edit import fit_video
from prefect_media.tasks._keys import key_of

from .make_clips import clip

READ = "import sys; from pathlib import Path; from prefect_media.media.captions.subtitles import read_subtitles\n"
TIMES = "00:00:00.000 --> 00:00:02.000\n"
FIELDS = "Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"
SCRIPT = f"[Script Info]\n\n[Events]\nFormat: {FIELDS}\nDialogue: 0,0:00:00.00,0:00:02.00,Default,,0,0,0,,"


@pytest.mark.parametrize(
    "head", [f"1\n{TIMES.replace('.', ',')}", f"WEBVTT\n\n{TIMES}", SCRIPT], ids=["srt", "vtt", "ass"]
)
@pytest.mark.parametrize("part", ["-", "{\\", "<a", "<", "{", "</a", "{\\a}{"])
def test_reading_takes_no_longer_than_its_length(tmp_path: Path, head: str, part: str) -> None:
    path = tmp_path / "hostile"
    path.write_text(head + part * (1_000_000 // len(part)) + "\n")
    code = READ + "assert len(read_subtitles(Path(sys.argv[1]))) <= 1"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60)


def test_what_is_hidden_from_the_reader_is_read_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "some.srt"
    path.write_text(f"1\n{TIMES.replace('.', ',')}a < b <i>c</i> <d {{e}} --\n")
    assert [cue.text for cue in read_subtitles(path)] == ["a < b c <d {e} --"]


def test_a_long_wrong_time_is_not_told_whole(tmp_path: Path) -> None:
    path = tmp_path / "wrong.ass"
    path.write_text(
        f"[Script Info]\n\n[Events]\nFormat: {FIELDS}\nDialogue: 0,{'x' * 100_000},0:00:02.00,Default,,0,0,0,,a\n"
    )
    with pytest.raises(DecodeError, match=r"Cannot read subtitles 'wrong\.ass' as ASS") as caught:
        read_subtitles(path)
    assert len(str(caught.value)) < 400


def test_a_caption_of_a_book_is_refused(tmp_path: Path) -> None:
    cue = Cue(start_s=0, end_s=0.5, text="word " * 600_000)
    with pytest.raises(ParameterError, match=r"has 2999999 characters, at most 5000 can be drawn"):
        caption(clip("plain.mp4"), tmp_path / "out.mp4", cues=[cue])


def test_pipes_and_devices_are_no_fonts_and_no_subtitles(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    key = key_of(caption, files=("subtitles", "font"))
    for path in (pipe, Path("/dev/zero"), tmp_path):
        assert key({"video": None, "subtitles": str(path)}) is None
        with pytest.raises(ParameterError, match=r"it is a (named pipe|device|folder)\. Name a font file"):
            load_font(path)


def test_what_needs_too_much_memory_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_MEDIA_MEMORY_BYTES", "300000000")
    with pytest.raises(EncodeError, match=r"more memory than the 300000000 bytes of PREFECT_MEDIA_MEDIA_MEMORY_BYTES"):
        fit_video(clip("plain.mp4"), tmp_path / "out.mp4", width=8000, height=4000)
