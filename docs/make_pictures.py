"""Make the pictures of docs/operations.md by running every operation on small media made offline.

    python docs/make_pictures.py [--out FOLDER] [--only NAME ...]

Prints a line for each picture: its name and the calls that made it, separated by tabs. A test runs this, and holds
the lines against the page.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from panels import PANEL_HEIGHT, Panel, column, fitted, picture, reel, row, wave
from PIL import Image
from sources import HEIGHT, RATE, SECONDS, WIDTH, Studio

from prefect_media.media.captions import captioning as captions
from prefect_media.media.images import compose
from prefect_media.media.images import edit as image_edit
from prefect_media.media.images import fit as images
from prefect_media.media.painting import remix
from prefect_media.media.sounds import edit as audio
from prefect_media.media.sounds import loudness, mixing, silence
from prefect_media.media.videos import (
    concat,
    extract,
    ken_burns,
    keying,
    layers,
    merge,
    slides,
    timing,
    tracks,
    transcode,
)
from prefect_media.media.videos import edit as video


def _before(path: Path, label: str = "source") -> Panel:
    return label, fitted(picture(path))


# Images -------------------------------------------------------------------------------------------------------------


def fit_image(studio: Studio) -> Image.Image:
    panels = [_before(studio.lighthouse, "512x288")]
    for fit in ("cover", "contain", "pad", "stretch"):
        made = studio.run(images.fit_image, studio.lighthouse, suffix=".jpg", width=288, height=288, fit=fit)
        shown = picture(made)
        panels.append((fit, fitted(shown, round(shown.height * PANEL_HEIGHT / 288))))
    return row(panels)


def crop_image(studio: Studio) -> Image.Image:
    made = studio.run(
        image_edit.crop_image, studio.lighthouse, suffix=".jpg", left=0.1, top=0.02, right=0.6, bottom=0.72
    )
    return row([_before(studio.lighthouse), ("cropped", fitted(picture(made)))])


def rotate_image(studio: Studio) -> Image.Image:
    turned = studio.run(image_edit.rotate_image, studio.lighthouse, suffix=".png", degrees=12)
    flipped = studio.run(image_edit.rotate_image, studio.lighthouse, suffix=".png", flip="horizontal")
    return row([("degrees=12", fitted(picture(turned))), ("flipped", fitted(picture(flipped)))])


def adjust_image(studio: Studio) -> Image.Image:
    panels = [_before(studio.lighthouse)]
    for parameters in ({"brightness": 1.3}, {"contrast": 1.5}, {"saturation": 0.0}):
        made = studio.run(image_edit.adjust_image, studio.lighthouse, suffix=".jpg", **parameters)
        panels.append((next(iter(parameters)), fitted(picture(made), 90)))
    return row(panels)


def overlay_image(studio: Studio) -> Image.Image:
    marked = studio.run(
        image_edit.overlay_image, studio.lighthouse, studio.mark, suffix=".jpg", scale=0.18, opacity=0.8
    )
    written = studio.run(
        image_edit.overlay_image, studio.lighthouse, None, suffix=".jpg", text="North Cape", position="top", scale=0.12
    )
    return row([("a picture", fitted(picture(marked))), ("text", fitted(picture(written)))])


def remix_image(studio: Studio) -> Image.Image:
    panels = [_before(studio.lighthouse)]
    for prompt in ("at sunset", "vintage"):
        made = studio.run(remix.remix_image, studio.lighthouse, suffix=".jpg", prompt=prompt)
        panels.append((prompt, fitted(picture(made))))
    return row(panels)


def flatten(studio: Studio) -> Image.Image:
    made = studio.run(images.flatten, studio.mark, suffix=".png", background="#28405c")
    return row([("transparent", fitted(picture(studio.mark))), ("flattened", fitted(picture(made)))])


def upscale_image(studio: Studio) -> Image.Image:
    small = studio.once("small.png", lambda p: images.fit_image(studio.lighthouse, p, width=117, height=66))
    made = studio.run(images.upscale_image, small, suffix=".png", factor=2.0)
    return row([("117x66", picture(small)), ("234x132", picture(made))])


def convert_image(studio: Studio) -> Image.Image:
    panels: list[Panel] = []
    for limit in (20_000, 9_000):
        made = studio.run(images.convert_image, studio.lighthouse, suffix=".jpg", max_bytes=limit)
        panels.append((f"{made.stat().st_size} bytes", fitted(picture(made))))
    return row(panels)


def thumbnail(studio: Studio) -> Image.Image:
    made = studio.run(compose.thumbnail, studio.clip, suffix=".jpg", width=96, height=96, fit="cover")
    return row([("a video", reel(studio.clip)), ("thumbnail", picture(made))])


def contact_sheet(studio: Studio) -> Image.Image:
    sources = [studio.lighthouse, studio.clip, studio.night, studio.other]
    labels = ["dawn", "dawn, moving", "night", "night, moving"]
    made = studio.run(compose.contact_sheet, sources, suffix=".png", columns=4, labels=labels)
    return row([("one sheet", fitted(picture(made), 170))])


# Video --------------------------------------------------------------------------------------------------------------


def ken_burns_(studio: Studio) -> Image.Image:
    made = studio.run(
        ken_burns.ken_burns, studio.lighthouse, suffix=".mp4",
        seconds=SECONDS, width=WIDTH, height=HEIGHT, fps=RATE, motion="zoom-in", zoom=1.5,
    )  # fmt: skip
    return row([_before(studio.lighthouse, "a picture"), ("moving", reel(made, 2))])


def still_to_video(studio: Studio) -> Image.Image:
    made = studio.run(slides.still_to_video, studio.night, suffix=".mp4", seconds=1, fps=RATE, width=144, height=144)
    return row([_before(studio.night, "a picture"), ("a video of 1 s", reel(made))])


def fit_video(studio: Studio) -> Image.Image:
    panels: list[Panel] = [("256x144", reel(studio.clip, 1))]
    for fit in ("cover", "pad"):
        made = studio.run(video.fit_video, studio.clip, suffix=".mp4", width=144, height=144, fit=fit)
        panels.append((f"144x144, {fit}", reel(made, 2)))
    return row(panels)


def reframe_video(studio: Studio) -> Image.Image:
    panels: list[Panel] = [("16:9", reel(studio.clip, 1))]
    for fill, more in (("blur", {}), ("crop", {"focus": (0.3, 0.5)})):
        made = studio.run(video.reframe_video, studio.clip, suffix=".mp4", ratio="9:16", height=256, fill=fill, **more)
        panels.append((f"9:16, {fill}", reel(made, 2)))
    return row(panels)


def timing_(studio: Studio) -> Image.Image:
    cut = studio.run(timing.trim_video, studio.clip, suffix=".mp4", start_s=0.5, end_s=1.0)
    back = studio.run(timing.reverse_video, studio.clip, suffix=".mp4")
    shown = {"source": studio.clip, "from 0.5 s to 1 s": cut, "reversed": back}
    return column([(name, reel(path, 4, height=84)) for name, path in shown.items()])


def speed(studio: Studio) -> Image.Image:
    fast = studio.run(video.change_speed, studio.clip, suffix=".mp4", factor=2)
    twice = studio.run(timing.loop_video, studio.clip, suffix=".mp4", times=2)
    slow = studio.run(timing.resample_video, studio.clip, suffix=".mp4", fps=6)
    shown = {"twice as fast": (fast, 2), "two times": (twice, 8), "6 frames a second": (slow, 4)}
    return column([(name, reel(path, count, height=66)) for name, (path, count) in shown.items()])


def fade_video(studio: Studio) -> Image.Image:
    made = studio.run(video.fade_video, studio.clip, suffix=".mp4", in_s=0.5, out_s=0.5)
    return row([("faded", reel(made, 5, first=0.02, last=0.98))])


def edit_video(studio: Studio) -> Image.Image:
    steps = [{"do": "trim", "end_s": 1.0}, {"do": "fit", "width": 144, "height": 144}, {"do": "fade", "out_s": 0.5}]
    made = studio.run(video.edit_video, studio.clip, suffix=".mp4", steps=steps)
    return row([("three steps, encoded once", reel(made, 4))])


def concat_(studio: Studio) -> Image.Image:
    cut = studio.run(concat.concat_videos, [studio.clip, studio.other], suffix=".mp4")
    mixed = studio.run(
        concat.concat_videos, [studio.clip, studio.other], suffix=".mp4", transition="crossfade", transition_s=0.6
    )
    return column([("cut", reel(cut, 4, first=0.2, last=0.8)), ("cross-faded", reel(mixed, 4, first=0.2, last=0.8))])


def overlay_video(studio: Studio) -> Image.Image:
    small = [{"position": "top-right", "scale": 0.35}]
    inset = studio.run(layers.overlay_video, studio.clip, [studio.other], suffix=".mp4", layers=small)
    late = [{"position": "bottom-left", "scale": 0.2, "start_s": 0.5, "fade_s": 0.3}]
    logo = studio.run(layers.overlay_video, studio.clip, [studio.mark], suffix=".mp4", layers=late)
    return row([("picture in picture", reel(inset, 1, first=0.5)), ("a mark that fades in", reel(logo, 2))])


def chroma_key(studio: Studio) -> Image.Image:
    made = studio.run(keying.chroma_key, studio.screen, studio.lighthouse, suffix=".mp4", colour="#1ebe3c")
    return row([("green screen", reel(studio.screen, 1, first=0.5)), ("keyed", reel(made, 2))])


def transcode_(studio: Studio) -> Image.Image:
    panels: list[Panel] = []
    for to, suffix in (("web-mp4", ".mp4"), ("webm", ".webm"), ("gif", ".gif")):
        made = studio.run(transcode.transcode, studio.clip, suffix=suffix, to=to)
        panels.append((f"{to}, {made.stat().st_size // 1000} kB", reel(made, 1, first=0.5)))
    return row(panels)


def extract_frame(studio: Studio) -> Image.Image:
    made = studio.run(extract.extract_frame, studio.clip, suffix=".png", at="last")
    return row([("a video", reel(studio.clip)), ("its last picture", fitted(picture(made)))])


# Sound --------------------------------------------------------------------------------------------------------------


def merge_(studio: Studio) -> Image.Image:
    made = studio.run(
        merge.merge, studio.clip, studio.speech, studio.music, suffix=".mp4", duration="loop", duck_db=14.0
    )
    only = studio.run(tracks.extract_audio, made, suffix=".wav")
    mute = studio.run(tracks.remove_audio, made, suffix=".mp4")
    return column(
        [("picture, repeated for the voice", reel(mute, 4)), ("voice over music", wave(only, width=4 * 234 + 6))]
    )


def mix(studio: Studio) -> Image.Image:
    made = studio.run(
        mixing.mix, [studio.speech, studio.music], suffix=".wav", offsets_s=[1.0, 0.0], levels_db=[0.0, 6.0], speech=0
    )
    bed = studio.run(
        mixing.mix, [_silent_copy(studio), studio.music], suffix=".wav", levels_db=[0.0, 6.0], length="longest"
    )
    studio.calls.pop()
    span = 6.0
    return column(
        [
            ("music", wave(bed, "music", span_s=span, width=480)),
            ("voice, from 1 s", wave(_delayed(studio), "voice", span_s=span, width=480)),
            ("mixed: the music goes down for the voice", wave(made, span_s=span, width=480)),
        ]
    )


def _silent_copy(studio: Studio) -> Path:
    return studio.once("silent.wav", lambda p: audio.change_volume(studio.speech, p, gain_db=-60))


def _delayed(studio: Studio) -> Path:
    return studio.once("late.wav", lambda p: mixing.mix([studio.speech], p, offsets_s=[1.0]))


def normalize_loudness(studio: Studio) -> Image.Image:
    quiet = studio.once("quiet.wav", lambda p: audio.change_volume(studio.speech, p, gain_db=-18))
    made = studio.run(loudness.normalize_loudness, quiet, suffix=".wav", lufs=-16.0, true_peak=-1.5)
    panels: list[Panel] = []
    for path in (quiet, made):
        found = loudness.measure(path)
        panels.append((f"{found.integrated_lufs:.1f} LUFS, {found.true_peak_dbtp:.1f} dBTP", wave(path, "voice")))
    return row(panels)


def silence_(studio: Studio) -> Image.Image:
    gaps = studio.once("gaps.wav", lambda p: audio.concat_audio([studio.speech, studio.speech], p, gap_s=1.5))
    made = studio.run(silence.trim_silence, gaps, suffix=".wav", max_pause_s=0.15, keep_s=0.0)
    span = 8.5
    return row([("source", wave(gaps, "voice", span_s=span)), ("without pauses", wave(made, "voice", span_s=span))])


def sounds(studio: Studio) -> Image.Image:
    part = studio.run(audio.trim_audio, studio.music, suffix=".wav", start_s=1.0, end_s=4.0)
    faded = studio.run(audio.fade_audio, part, suffix=".wav", in_s=1.0, out_s=1.0)
    louder = studio.run(audio.change_volume, faded, suffix=".wav", gain_db=9.0)
    joined = studio.run(audio.concat_audio, [louder, faded], suffix=".wav", crossfade_s=0.8)
    low = studio.run(audio.convert_audio, joined, suffix=".mp3", sample_rate_hz=16_000, channels=1)
    named = {"music": studio.music, "trimmed": part, "faded": faded, "louder": louder, "joined": joined, "as mp3": low}
    made = [(name, wave(path, "music", span_s=6.0, width=230)) for name, path in named.items()]
    top, bottom = row(made[:3]), row(made[3:])
    sheet = Image.new("RGB", (top.width, top.height + bottom.height))
    sheet.paste(top, (0, 0))
    sheet.paste(bottom, (0, top.height))
    return sheet


# Captions -----------------------------------------------------------------------------------------------------------


def caption_styles(studio: Studio) -> Image.Image:
    cues = [{"start_s": 0, "end_s": 9, "text": "And lights the lamp."}]
    panels: list[Panel] = []
    for style in ("outline", "box", "shadow", "bold"):
        made = studio.run(captions.caption, _larger(studio), suffix=".mp4", cues=cues, style=style, size=0.09)
        panels.append((style, reel(made, 1, first=0.5)))
    return row(panels)


def _larger(studio: Studio) -> Path:
    return studio.once("large.mp4", lambda p: video.fit_video(studio.clip, p, width=426, height=240))


def caption_words(studio: Studio) -> Image.Image:
    tall = studio.once(
        "tall.mp4",
        lambda p: video.reframe_video(_larger(studio), p, ratio="9:16", height=384, fill="crop", focus=(0.3, 0.5)),
    )
    words = [word for word in studio.words if word["start_s"] < SECONDS]
    made = studio.run(captions.caption, tall, suffix=".mp4", words=words, style="bold", highlight="word")
    return row([("each word lights up while it is spoken", reel(made, 4, height=220, first=0.2, last=0.85))])


PICTURES: dict[str, Callable[[Studio], Image.Image]] = {
    "fit-image": fit_image, "crop-image": crop_image, "rotate-image": rotate_image, "adjust-image": adjust_image,
    "overlay-image": overlay_image, "remix-image": remix_image, "flatten": flatten, "upscale-image": upscale_image,
    "convert-image": convert_image, "thumbnail": thumbnail, "contact-sheet": contact_sheet,
    "ken-burns": ken_burns_, "still-to-video": still_to_video, "fit-video": fit_video,
    "reframe-video": reframe_video, "trim-reverse": timing_, "speed-loop": speed, "fade-video": fade_video,
    "edit-video": edit_video, "concat": concat_, "overlay-video": overlay_video, "chroma-key": chroma_key,
    "transcode": transcode_, "extract-frame": extract_frame, "merge": merge_, "mix": mix,
    "normalize-loudness": normalize_loudness, "trim-silence": silence_, "sounds": sounds,
    "caption-styles": caption_styles, "caption-words": caption_words,
}  # fmt: skip


def main() -> int:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("pictures"))
    parser.add_argument("--only", nargs="*", choices=list(PICTURES))
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        studio = Studio(Path(folder))
        for name in chosen.only or PICTURES:
            PICTURES[name](studio).save(chosen.out / f"{name}.jpg", quality=82, optimize=True)
            print("\t".join([name, *studio.calls]))
            studio.calls.clear()
    return 0


if __name__ == "__main__":
    sys.exit(main())
