"""Captions: what is seen in frames, what a subtitle stream says, and what is refused."""

from __future__ import annotations

import gc
import subprocess
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
import pytest

from prefect_media.errors import MediaError, ParameterError, UnsupportedMediaError
from prefect_media.media.captions.captioning import caption
from prefect_media.media.captions.script import Script
from prefect_media.media.captions.styles import STYLES
from prefect_media.media.captions.subtitles import Cue, write_subtitles
from prefect_media.media.container import scan
from prefect_media.media.images.fonts import embedded_font, find_font, load_font
from prefect_media.media.videos.edit import edit_video
from prefect_media.media.videos.fusing import fuse

GREY = 110
WORDS = [
    {"text": "one", "start_s": 0.2, "end_s": 0.5},
    {"text": "two,", "start_s": 0.5, "end_s": 0.8},
    {"text": "three", "start_s": 0.9, "end_s": 1.2},
]


def clip(
    path: Path, *, size: tuple[int, int] = (192, 108), length: float = 1.5, sound: bool = True, codec: str = "libx264"
) -> Path:
    """Write a plain grey video of 10 frames a second, with a tone."""
    with av.open(str(path), "w") as out:
        video = out.add_stream(codec, rate=10)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        audio = out.add_stream("libopus" if path.suffix == ".webm" else "aac", rate=48_000, layout="mono")
        for number in range(round(length * 10)):
            frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), GREY, np.uint8), format="rgb24")
            frame.pts = number
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if sound:
            count = round(length * 48_000) // 960 * 960
            tone = (0.2 * np.sin(np.arange(count) / 20)).astype(np.float32)[None]
            whole = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            whole.sample_rate, whole.pts = 48_000, 0
            context = audio.codec_context
            size_ = 960 if path.suffix == ".webm" else 1024
            for piece in av.AudioResampler(context.format or "fltp", "mono", 48_000, size_).resample(whole):
                out.mux(audio.encode(piece))
            out.mux(audio.encode(None))
    return path


def frames(path: Path) -> list[Any]:
    """Return all frames as RGB, shape (h, w, 3)."""
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in file.decode(video=0)]


def inked(frame: Any) -> Any:
    """Return which pixels differ from the plain grey, shape (h, w)."""
    return np.abs(frame - GREY).max(axis=2) > 40


def text_of(path: Path, folder: Path) -> str:
    """Return the subtitle stream as SRT, by the bare program."""
    out = folder / "extracted.srt"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(path), "-map", "0:s:0", str(out)]
    subprocess.run(command, check=True)
    return out.read_text(encoding="utf-8")


# Burnt in -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("size", [(480, 270), (270, 480)])
def test_captions_are_seen_while_they_last_and_only_then(tmp_path: Path, style: str, size: tuple[int, int]) -> None:
    source, target = clip(tmp_path / "in.mp4", size=size), tmp_path / "out.mp4"
    caption(source, target, cues=[{"start_s": 0.5, "end_s": 1.0, "text": "Hello world"}], style=style)
    pictures = [inked(frame) for frame in frames(target)]
    amounts = [int(picture.sum()) for picture in pictures]
    assert len(amounts) == 15
    assert all(amount == 0 for amount in amounts[:5] + amounts[10:])
    assert all(amount > 60 for amount in amounts[5:10])
    bright = (frames(target)[7].min(axis=2) > 200).sum()
    assert bright > 15
    rows, columns = np.nonzero(pictures[7])
    assert rows.min() > size[1] * 0.5
    assert abs((columns.min() + columns.max()) / 2 - size[0] / 2) < 4


@pytest.mark.parametrize(("position", "low", "high"), [("top", 0, 0.35), ("middle", 0.35, 0.65), ("bottom", 0.65, 1)])
def test_position_and_colour_are_as_asked(tmp_path: Path, position: str, low: float, high: float) -> None:
    source, target = clip(tmp_path / "in.mp4"), tmp_path / "out.mp4"
    caption(
        source, target, cues=[{"start_s": 0, "end_s": 9, "text": "WWW"}], position=position, size=0.15, colour="#00f"
    )
    picture = frames(target)[5]
    rows = np.nonzero(inked(picture))[0] / picture.shape[0]
    assert low <= rows.min() <= rows.max() <= high
    blue = (picture[..., 2] > 150) & (picture[..., 0] < 90)
    assert blue.sum() > 50


def test_letters_have_the_size_that_was_asked_for(tmp_path: Path) -> None:
    source, target = clip(tmp_path / "in.mp4", size=(320, 240)), tmp_path / "out.mp4"
    heights = []
    for size in (0.1, 0.2):
        caption(source, target, cues=[{"start_s": 0, "end_s": 9, "text": "HIH"}], size=size, style="shadow")
        rows = np.nonzero(frames(target)[5].min(axis=2) > 200)[0]
        heights.append(rows.max() - rows.min() + 1)
    # Capitals are about 0.72 em high
    assert heights[0] == pytest.approx(0.72 * 24, abs=2.5)
    assert heights[1] == pytest.approx(0.72 * 48, abs=4)


def test_the_spoken_word_is_lit_and_the_line_does_not_move(tmp_path: Path) -> None:
    source, target = clip(tmp_path / "in.mp4", size=(384, 216)), tmp_path / "out.mp4"
    caption(source, target, words=WORDS, highlight="word", highlight_colour="#ff0000", size=0.1)
    pictures = frames(target)
    middles: list[float | None] = []
    for picture in pictures:
        red = (picture[..., 0] > 150) & (picture[..., 1] < 90)
        middles.append(float(np.nonzero(red)[1].mean()) if red.sum() > 3 else None)
    assert middles[:2] == [None, None]
    spots = [middles[3], middles[6], middles[10]]
    assert None not in spots
    assert spots[0] < 160 < spots[1] < 200 < spots[2]  # pyright: ignore[reportOptionalOperand]
    extents = {
        tuple(int(edge) for edge in (c.min(), c.max())) for c in (np.nonzero(inked(pictures[n]))[1] for n in (3, 6, 10))
    }
    assert max(a for a, _ in extents) - min(a for a, _ in extents) <= 1
    plain = tmp_path / "plain.mp4"
    caption(source, plain, words=WORDS, size=0.1)
    assert not any(((p[..., 0] > 150) & (p[..., 1] < 90)).sum() > 3 for p in frames(plain))


HOSTILE = "{\\an8}{\\fs200}a \\N b {\\p1}m 0 0 l 99 99{\\p0} \\h,;:'%[v]"


def test_no_text_can_carry_codes_into_the_picture(tmp_path: Path) -> None:
    source = clip(tmp_path / "in.mp4", size=(640, 96))
    caption(source, tmp_path / "odd.mp4", cues=[{"start_s": 0, "end_s": 9, "text": HOSTILE}], size=0.15)
    rows, columns = np.nonzero(inked(frames(tmp_path / "odd.mp4")[5]))
    assert rows.min() > 48  # neither at the top nor 200 pixels high
    assert rows.max() - rows.min() < 0.15 * 96 * 2  # one line
    # All characters are drawn: the line is as wide as the font says.
    width = embedded_font().at(100).getlength(HOSTILE) * 0.15 * 96 / 100
    assert columns.max() - columns.min() == pytest.approx(width, rel=0.06)


def test_long_text_wraps_shrinks_and_is_refused_at_last(tmp_path: Path) -> None:
    source, target = clip(tmp_path / "in.mp4"), tmp_path / "out.mp4"
    for text in ("word " * 25, "Pneumonoultramicroscopicsilicovolcanoconiosis"):
        caption(source, target, cues=[{"start_s": 0, "end_s": 9, "text": text}], size=0.08)
        rows, columns = np.nonzero(inked(frames(target)[5]))
        assert columns.min() > 2
        assert columns.max() < 190
        assert rows.min() > 25
    with pytest.raises(ParameterError, match=r"at 0\.25 s \('word word.*does not fit into 192x108"):
        caption(source, target, cues=[{"start_s": 0.25, "end_s": 9, "text": "word " * 900}])


def test_burning_in_works_on_a_machine_without_fonts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "fonts.conf"
    empty.write_text('<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig></fontconfig>')
    monkeypatch.setenv("FONTCONFIG_FILE", str(empty))
    monkeypatch.setattr("prefect_media.media.images.fonts._system_fonts", tuple)
    source, target = clip(tmp_path / "in.mp4"), tmp_path / "out.mp4"
    caption(source, target, cues=[{"start_s": 0, "end_s": 9, "text": "Hello — world"}], size=0.12)
    assert inked(frames(target)[5]).sum() > 200
    with pytest.raises(ParameterError) as caught:
        caption(source, tmp_path / "no.mp4", cues=[{"start_s": 0, "end_s": 9, "text": "灯台 é"}])
    assert str(caught.value) == (
        "Cannot draw the text: neither the built-in font nor any one font of this system has a glyph for "
        "'灯' (U+706F cjk unified ideograph-706f), '台' (U+53F0 cjk unified ideograph-53f0), "
        "'é' (U+00E9 latin small letter e with acute). Name a font file that covers it."
    )
    assert not (tmp_path / "no.mp4").exists()


def test_a_font_of_ones_own_is_used(tmp_path: Path) -> None:
    font = tmp_path / "mine.ttf"
    font.write_bytes(embedded_font().data)
    source = clip(tmp_path / "in.mp4")
    cues = [{"start_s": 0, "end_s": 9, "text": "Hello"}]
    caption(source, tmp_path / "a.mp4", cues=cues, font=str(font))
    caption(source, tmp_path / "b.mp4", cues=cues)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    for bad, words in ((tmp_path / "none.ttf", "No such file"), (source, "Give a TrueType or OpenType file")):
        with pytest.raises(ParameterError, match=words):
            caption(source, tmp_path / "c.mp4", cues=cues, font=str(bad))
    with pytest.raises(ParameterError, match="'Aileron' has no glyph for 'é'"):
        caption(source, tmp_path / "c.mp4", cues=[{"start_s": 0, "end_s": 9, "text": "é"}], font=str(font))


def test_coverage_is_read_from_the_font_itself() -> None:
    font = embedded_font()
    assert font.missing("Plain text, “quoted” – 100%.") == ""
    assert font.missing("é日é") == "é日"
    assert font.missing("–", strict=True) == "–"
    assert font.drawable("a–b “c”") == "a-b “c”"
    # The font's own metrics agree: a missing glyph is drawn as its placeholder.
    face = font.at(40)
    placeholder = bytes(face.getmask("\uffff"))
    for char in "Aé日~™":
        assert (bytes(face.getmask(char)) == placeholder) == bool(font.missing(char)), char
    assert find_font("plain") is font


def test_damaged_fonts_are_refused_or_cover_nothing(tmp_path: Path) -> None:
    data = embedded_font().data
    dice = np.random.RandomState(3)
    for number in range(60):
        spoilt = bytearray(data)
        for place in dice.randint(0, 1500, 20):
            spoilt[place] = dice.randint(256)
        path = tmp_path / f"{number}.ttf"
        path.write_bytes(bytes(spoilt[: dice.randint(1, len(data))]))
        try:
            load_font(path).missing("abc")
        except ParameterError:
            continue


# What happens to the rest of the video ------------------------------------------------------------------------------


def packets(path: Path, kind: str) -> list[bytes]:
    with av.open(str(path)) as file:
        stream = next(s for s in file.streams if s.type == kind)
        return [bytes(packet) for packet in file.demux(stream) if packet.size]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_sound_is_copied_and_length_rate_and_size_stay(tmp_path: Path, suffix: str) -> None:
    source, target = clip(tmp_path / "in.mp4"), tmp_path / f"out{suffix}"
    caption(source, target, cues=[{"start_s": 0, "end_s": 1, "text": "Hello"}])
    assert packets(target, "audio") == packets(source, "audio")
    before, after = scan(source), scan(target)
    assert after.picture is not None
    assert after.picture.frames == 15
    assert after.picture.frame_rate == Fraction(10)
    assert after.picture.display_size == (192, 108)
    assert before.sound is not None
    assert after.sound is not None
    assert abs(after.sound.duration_s - before.sound.duration_s) < 0.001


def test_webm_gets_opus_and_a_video_without_sound_stays_silent(tmp_path: Path) -> None:
    cues = [{"start_s": 0, "end_s": 1, "text": "Hello"}]
    caption(clip(tmp_path / "in.mp4"), tmp_path / "out.webm", cues=cues, size=0.1)
    sound = scan(tmp_path / "out.webm").sound
    assert sound is not None
    assert sound.codec == "opus"
    assert inked(frames(tmp_path / "out.webm")[3]).sum() > 60
    caption(clip(tmp_path / "mute.mp4", sound=False), tmp_path / "mute2.mp4", cues=cues)
    assert scan(tmp_path / "mute2.mp4").sound is None


def test_equal_inputs_give_equal_bytes(tmp_path: Path) -> None:
    source = clip(tmp_path / "in.mp4")
    for burn, suffixes in ((True, (".mp4", ".webm")), (False, (".mp4", ".mkv"))):
        for suffix in suffixes:
            for name in "ab":
                caption(
                    source, tmp_path / f"{name}{suffix}", words=WORDS, burn=burn, highlight="word" if burn else None
                )
            assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_subtitle_files_are_burnt_in_too(tmp_path: Path) -> None:
    source = clip(tmp_path / "in.mp4")
    for name in ("a.srt", "b.vtt"):
        write_subtitles([Cue(start_s=0.5, end_s=1.0, text="From a file")], tmp_path / name)
        caption(source, tmp_path / "out.mp4", subtitles=tmp_path / name)
        amounts = [int(inked(frame).sum()) for frame in frames(tmp_path / "out.mp4")]
        assert min(amounts[5:10]) > 60
        assert max(amounts[:5] + amounts[10:]) == 0


# A subtitle stream --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_a_subtitle_stream_is_added_and_all_else_copied(tmp_path: Path, suffix: str) -> None:
    source = clip(tmp_path / f"in{suffix}", codec="libvpx-vp9" if suffix == ".webm" else "libx264")
    target = tmp_path / f"out{suffix}"
    cues = [
        {"start_s": 0.1, "end_s": 0.6, "text": "<b>Tom</b> & Jerry\nsecond line --> 3"},
        {"start_s": 0.7, "end_s": 99, "text": "{\\an8}end \\N"},
        {"start_s": 50, "end_s": 60, "text": "after the end"},
    ]
    caption(source, target, cues=cues, burn=False, language="eng")
    assert packets(target, "video") == packets(source, "video")
    assert packets(target, "audio") == packets(source, "audio")
    found = scan(target)
    assert found.subtitles == 1
    assert abs(found.duration_s - scan(source).duration_s) < 0.03
    text = text_of(target, tmp_path)
    assert text.count(" --> ") == 2
    assert "00:00:00,100 --> 00:00:00,600" in text
    assert "after" not in text
    plain = text.replace("\u2060", "")
    assert "second line -> 3" in plain
    assert "Tom" in plain
    assert "Jerry" in plain
    with av.open(str(target)) as file:
        assert next(s for s in file.streams if s.type == "subtitle").metadata.get("language") == "eng"


def test_a_second_subtitle_stream_joins_the_first(tmp_path: Path) -> None:
    source = clip(tmp_path / "in.mp4")
    caption(source, tmp_path / "one.mp4", words=WORDS, burn=False, language="eng")
    caption(
        tmp_path / "one.mp4",
        tmp_path / "two.mp4",
        cues=[{"start_s": 0, "end_s": 1, "text": "eins"}],
        burn=False,
        language="deu",
    )
    assert scan(tmp_path / "two.mp4").subtitles == 2
    assert "one two, three" in text_of(tmp_path / "two.mp4", tmp_path)


def test_a_stream_that_players_do_not_expect_is_refused(tmp_path: Path) -> None:
    source = clip(tmp_path / "in.webm", codec="libvpx-vp9")
    with pytest.raises(UnsupportedMediaError, match=r"in a \.mp4 file: players do not expect vp9"):
        caption(source, tmp_path / "out.mp4", words=WORDS, burn=False)
    assert not (tmp_path / "out.mp4").exists()


# Refusals -----------------------------------------------------------------------------------------------------------

CUE = {"start_s": 0, "end_s": 1, "text": "x"}


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, r"give one of subtitles \(a file\), cues or words"),
        ({"cues": [CUE], "words": WORDS}, "give one of"),
        (
            {"cues": [{"start_s": 2, "end_s": 1, "text": "x"}]},
            r"cues\[0\] is not valid: .*ends \(1\.0 s\) before it starts",
        ),
        ({"cues": [CUE, {"start_s": 0, "text": "x"}]}, r"cues\[1\]\.end_s is not valid: Field required"),
        ({"words": [{"text": "a", "start_s": -1, "end_s": 1}]}, r"words\[0\]\.start_s is not valid"),
        ({"words": [{"text": " ", "start_s": 0, "end_s": 1}]}, "there is no text"),
        (
            {"cues": [{"start_s": 50, "end_s": 60, "text": "x"}]},
            r"first caption starts at 50\.00 s, the video ends at 1\.50 s",
        ),
        ({"cues": [CUE], "style": "neon"}, "style='neon' is unknown. Known: outline, box, shadow, bold"),
        ({"cues": [CUE], "highlight": "line"}, "highlight='line' is unknown"),
        ({"cues": [CUE], "highlight": "word"}, "needs the times of words"),
        ({"cues": [CUE], "position": "left"}, "position='left' is unknown"),
        ({"cues": [CUE], "size": 2}, r"size=2 is out of range\. Allowed: 0\.02 to 0\.25"),
        ({"cues": [CUE], "colour": "blurple"}, "colour='blurple' is not a colour"),
        ({"cues": [CUE], "burn": False, "language": "english"}, "language='english' is not three small letters"),
    ],
)
def test_bad_parameters_are_refused_and_leave_nothing(tmp_path: Path, parameters: dict[str, Any], words: str) -> None:
    source = clip(tmp_path / "in.mp4", size=(32, 32))
    with pytest.raises(ParameterError, match=words):
        caption(source, tmp_path / "out.mp4", **parameters)
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["in.mp4"]


@pytest.mark.parametrize(
    "spoil",
    [lambda p: p.write_bytes(b"junk"), lambda p: p.write_bytes(p.read_bytes()[:2000]), lambda p: p.unlink()],
)
def test_bad_videos_are_refused(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    source = clip(tmp_path / "in.mp4")
    spoil(source)
    with pytest.raises(MediaError):
        caption(source, tmp_path / "out.mp4", cues=[CUE])
    assert not (tmp_path / "out.mp4").exists()


# In one graph with others -------------------------------------------------------------------------------------------


def test_captions_join_other_steps_in_one_encoding(tmp_path: Path) -> None:
    source = clip(tmp_path / "in.mp4", length=2.0)
    calls = [
        ("trim_video", {"start_s": 0.5}),
        ("fit_video", {"width": 320, "height": 180}),
        ("caption", {"cues": [{"start_s": 0.5, "end_s": 1.0, "text": "Later"}], "size": 0.1, "burn": True}),
    ]
    [(name, parameters)] = fuse(calls)
    assert name == "edit_video"
    edit_video(source, tmp_path / "out.mp4", **parameters)
    pictures = frames(tmp_path / "out.mp4")
    amounts = [int(inked(picture).sum()) for picture in pictures]
    assert pictures[0].shape == (180, 320, 3)
    assert len(amounts) == 15
    assert min(amounts[5:10]) > 100
    assert max(amounts[:5] + amounts[10:]) == 0


def test_the_files_of_a_graph_are_gone_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    source = clip(tmp_path / "in.mp4")
    caption(source, tmp_path / "out.mp4", cues=[CUE])
    with pytest.raises(ParameterError):
        caption(source, tmp_path / "out.mp4", cues=[{**CUE, "text": "word " * 900}])
    gc.collect()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_subtitle_stream_is_not_drawn_into_a_fused_graph() -> None:
    calls = [
        ("fade_video", {}),
        ("caption", {"cues": [CUE], "burn": False}),
        ("fit_video", {"width": 64, "height": 64}),
    ]
    assert fuse(calls) == calls


CHINESE = "昨天晚上我们一起去了海边，看到了「非常美丽」的日落。后来大家都说，这是今年最值得纪念的一天！"


@pytest.mark.parametrize("style", ["outline", "bold"])
def test_a_long_line_without_spaces_is_broken_between_its_letters(style: str) -> None:
    # No font here has these letters; its box for what it lacks is as wide as they are.
    script = Script(STYLES[style], embedded_font(), 360, 640)
    laid, scale = script.lines(Cue(start_s=0, end_s=5, text=CHINESE))
    lines = ["".join(token.text for token in line) for line in laid]
    assert scale == 1
    assert "".join(lines) == CHINESE
    assert 1 < len(lines) < 8
    assert not any(line[0] in "，「」。！" and line[0] != "「" for line in lines)
    assert not any(line.endswith("「") for line in lines)


def test_a_long_line_keeps_the_marks_of_its_letters() -> None:
    script = Script(STYLES["bold"], embedded_font(), 360, 640)
    text = "か\u3099き\u3099" * 20 + " Wort " + "漢字" * 4
    laid, _ = script.lines(Cue(start_s=0, end_s=5, text=text))
    assert not any(line[0].text.startswith("\u3099") for line in laid)
    assert sum(token.text == "WORT" for line in laid for token in line) == 1


@pytest.mark.parametrize("position", ["top", "bottom"])
def test_a_box_does_not_cover_the_caption_beside_it(tmp_path: Path, position: str) -> None:
    source, shown = clip(tmp_path / "in.mp4", size=(320, 240)), {"style": "box", "position": position, "size": 0.1}
    first, second = ({"start_s": start, "end_s": 1.5, "text": "gypsy"} for start in (0.0, 1.0))
    caption(source, tmp_path / "alone.mp4", cues=[first], **shown)
    caption(source, tmp_path / "both.mp4", cues=[first, second], **shown)
    alone, both = ((frames(tmp_path / f"{name}.mp4")[12].min(axis=2) > 150) for name in ("alone", "both"))
    assert both[alone].mean() > 0.97
    assert both.sum() == pytest.approx(2 * alone.sum(), rel=0.05)
