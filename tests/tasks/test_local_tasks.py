"""Every task over a local operation: makes the right thing once, answers from the cache, makes lost media again, refuses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from prefect.events.clients import AssertingEventsClient
from prefect.events.worker import EventsWorker
from prefect.states import State

import prefect_media as pm
from prefect_media import Audio, Image, MediaError, ParameterError, UnsupportedMediaError, Video
from prefect_media.media.facts import Facts, Span, facts_of
from prefect_media.media.intake import admit_bytes
from prefect_media.media.planning.predictions import predict
from prefect_media.media.provenance import Provenance, read_provenance
from prefect_media.media.samples.making import sample_audio, sample_image, sample_video
from prefect_media.media.types import Media, Origin, Word
from prefect_media.media.videos.deferred import Deferred
from prefect_media.tasks.local import HOMES, convert, operation_named

WORDS = tuple(Word(text=text, start_s=at, end_s=at + 0.15) for text, at in (("one", 0.1), ("two", 0.4), ("three", 0.7)))
SUBTITLES = "1\n00:00:00,100 --> 00:00:00,700\nHello\n"


@dataclass(frozen=True)
class Shelf:
    """Small media to work on."""

    image: Image
    cutout: Image
    video: Video
    other: Video
    voice: Audio
    music: Audio


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(
        image=_image(sample_image(96, 64)),
        cutout=_image(sample_image(48, 32, look="cutout", variant=1)),
        video=_video(sample_video(64, 48, 1.0, frame_rate=10, sound=True)),
        other=_video(sample_video(48, 64, 0.8, frame_rate=12, variant=2)),
        voice=_audio(sample_audio(1.0, format="wav", sample_rate_hz=16_000), WORDS),
        music=_audio(sample_audio(1.5, format="mp3", variant=3)),
    )


def _image(data: bytes) -> Image:
    media = admit_bytes(data)
    assert isinstance(media, Image)
    return media


def _video(data: bytes) -> Video:
    media = admit_bytes(data)
    assert isinstance(media, Video)
    return media


def _audio(data: bytes, words: tuple[Word, ...] = ()) -> Audio:
    media = admit_bytes(data, words=words)
    assert isinstance(media, Audio)
    return media


@dataclass(frozen=True)
class Job:
    """One call of a task, and what is to come of it."""

    task: Any
    given: Callable[[Shelf], Mapping[str, Any]]
    kind: type[Media]
    facts: Mapping[str, Any]


def job(task: Any, kind: type[Media], given: Callable[[Shelf], Mapping[str, Any]], **facts: Any) -> Job:
    return Job(task, given, kind, facts)


def texts(audio: Audio) -> list[tuple[str, float]]:
    return [(word.text, round(word.start_s, 2)) for word in audio.words]


LAYER = {"position": "top-left", "scale": 0.25, "start_s": 0.2}
CUES = [{"start_s": 0.1, "end_s": 0.8, "text": "Hello"}]
STEPS = [{"do": "trim", "seconds": 0.5}, {"do": "fit", "width": 32, "height": 48}, {"do": "mute"}]

JOBS = [
    job(pm.fit_image, Image, lambda s: {"image": s.image, "width": 32, "height": 32, "format": "webp"},
        size=(32, 32), media_type="image/webp"),
    job(pm.crop_image, Image, lambda s: {"image": s.image, "left": 0.25, "top": 0.0, "right": 0.75, "bottom": 0.5}, size=(48, 32)),
    job(pm.rotate_image, Image, lambda s: {"image": s.image, "degrees": 90}, size=(64, 96)),
    job(pm.adjust_image, Image, lambda s: {"image": s.image, "saturation": 0.0}, size=(96, 64)),
    job(pm.convert_image, Image, lambda s: {"image": s.image, "format": "jpeg"}, size=(96, 64), media_type="image/jpeg"),
    job(pm.flatten_image, Image, lambda s: {"image": s.cutout}, size=(48, 32), has_alpha=False),
    job(pm.thumbnail, Image, lambda s: {"media": s.video, "width": 32, "height": 32}, size=(32, 24), media_type="image/jpeg"),
    job(pm.contact_sheet, Image, lambda s: {"media": [s.image, s.video], "labels": ["a", "b"]}, media_type="image/jpeg"),
    job(pm.overlay, Image, lambda s: {"media": s.image, "top": s.cutout}, size=(96, 64)),
    job(pm.overlay, Image, lambda s: {"media": s.image, "text": "Cape", "scale": 0.3}, size=(96, 64)),
    job(pm.overlay, Video, lambda s: {"media": s.video, "top": s.cutout, "fade_s": 0.1}, size=(64, 48), duration_s=1.0),
    job(pm.overlay, Video, lambda s: {"media": s.video, "top": s.other, "scale": 0.5}, size=(64, 48), duration_s=1.0),
    job(pm.overlay_video, Video, lambda s: {"video": s.video, "tops": [s.cutout, s.other], "layers": [LAYER, {}]}, duration_s=1.0),
    job(pm.ken_burns, Video, lambda s: {"image": s.image, "seconds": 0.5, "width": 64, "height": 48, "fps": 12},
        size=(64, 48), duration_s=0.5),
    job(pm.still_to_video, Video, lambda s: {"image": s.image, "seconds": 0.4, "fps": 10}, size=(96, 64), duration_s=0.4),
    job(pm.merge, Video, lambda s: {"video": s.other, "voice": s.voice}, size=(48, 64), has_audio=True),
    job(pm.merge, Video, lambda s: {"video": s.video, "voice": s.voice, "steps": [STEPS[1], {"do": "caption", "voice": s.voice}]},
        size=(32, 48), duration_s=1.0, has_audio=True),
    job(pm.concat, Video, lambda s: {"media": [s.video, s.other]}, size=(64, 48), duration_s=1.8, has_audio=True),
    job(pm.concat, Audio, lambda s: {"media": [s.voice, s.voice], "gap_s": 0.5}, media_type="audio/wav", duration_s=2.5),
    job(pm.trim, Video, lambda s: {"media": s.video, "start_s": 0.2, "end_s": 0.7}, duration_s=0.5, media_type="video/mp4"),
    job(pm.trim, Audio, lambda s: {"media": s.voice, "start_s": 0.3, "seconds": 0.5}, duration_s=0.5, media_type="audio/wav"),
    job(pm.loop_video, Video, lambda s: {"video": s.video, "times": 2}, duration_s=2.0),
    job(pm.reverse_video, Video, lambda s: {"video": s.other}, duration_s=0.8),
    job(pm.resample_video, Video, lambda s: {"video": s.other, "fps": 24}, frame_rate=Fraction(24)),
    job(pm.change_speed, Video, lambda s: {"video": s.other, "factor": 2}, duration_s=0.4),
    job(pm.fade_video, Video, lambda s: {"video": s.other, "in_s": 0.2, "out_s": 0.2}, duration_s=0.8),
    job(pm.fit_video, Video, lambda s: {"video": s.other, "width": 32, "height": 32}, size=(32, 32)),
    job(pm.reframe_video, Video, lambda s: {"video": s.video, "ratio": "9:16", "height": 64}, size=(36, 64)),
    job(pm.transcode, Video, lambda s: {"video": s.other, "to": "mkv"}, media_type="video/x-matroska"),
    job(pm.transcode, Image, lambda s: {"video": s.other, "to": "gif"}, media_type="image/gif"),
    job(pm.chroma_key, Video, lambda s: {"video": s.video, "backdrop": s.image}, size=(64, 48), duration_s=1.0),
    job(pm.extract_frame, Image, lambda s: {"video": s.video, "at": "last"}, size=(64, 48), media_type="image/png"),
    job(pm.extract_audio, Audio, lambda s: {"video": s.video}, codec="aac", media_type="audio/mp4"),
    job(pm.remove_audio, Video, lambda s: {"video": s.video}, has_audio=False, duration_s=1.0),
    job(pm.edit_video, Video, lambda s: {"video": s.video, "steps": STEPS}, size=(32, 48), duration_s=0.5, has_audio=False),
    job(pm.caption, Video, lambda s: {"video": s.video, "voice": s.voice, "highlight": "word"}, size=(64, 48), duration_s=1.0),
    job(pm.caption, Video, lambda s: {"video": s.video, "words": s.voice.words}, size=(64, 48)),
    job(pm.caption, Video, lambda s: {"video": s.video, "cues": CUES, "burn": False}, size=(64, 48), has_audio=True),
    job(pm.mix, Audio, lambda s: {"sounds": [s.voice, s.music], "offsets_s": [0.5, 0.0], "speech": 0, "format": "flac"},
        media_type="audio/flac", duration_s=1.5),
    job(pm.normalize_loudness, Audio, lambda s: {"media": s.voice, "loudness_lufs": -20.0}, media_type="audio/wav", duration_s=1.0),
    job(pm.normalize_loudness, Video, lambda s: {"media": s.video}, media_type="video/mp4", has_audio=True),
    job(pm.change_volume, Audio, lambda s: {"audio": s.voice, "gain_db": -6.0}, duration_s=1.0),
    job(pm.fade_audio, Audio, lambda s: {"audio": s.voice, "in_s": 0.2}, duration_s=1.0),
    job(pm.convert_audio, Audio, lambda s: {"audio": s.voice, "format": "mp3"}, media_type="audio/mpeg"),
    job(pm.write_provenance, Image, lambda s: {"media": s.image, "made": "composite"}, size=(96, 64), media_type="image/png"),
    job(pm.write_provenance, Audio, lambda s: {"media": s.music, "made": "model"}, media_type="audio/mpeg"),
    job(pm.trim_silence, Audio, lambda s: {"audio": s.voice}, media_type="audio/wav"),
]  # fmt: skip


def _name(one: Job) -> str:
    return f"{one.task.fn.__name__}-{one.kind.__name__}"


async def run(task: Any, given: Mapping[str, Any]) -> State[Any]:
    return await task(**given, return_state=True)


def agrees(facts: Facts, made: Facts) -> list[str]:
    """Return facts of what was made that the prediction excludes."""
    wrong: list[str] = []
    for name, foreseen in facts:
        found = getattr(made, name)
        if isinstance(foreseen, Span) and isinstance(found, Span):
            if not foreseen.low - 0.001 <= found.likely <= foreseen.high + 0.001:
                wrong.append(f"{name}: {foreseen} was foreseen, {found} was made")
        elif foreseen is not None and found is not None and foreseen != found:
            wrong.append(f"{name}: {foreseen} was foreseen, {found} was made")
    return wrong


def _facts(value: Any) -> Any:
    return [facts_of(item) for item in value] if isinstance(value, list) else facts_of(value)


@pytest.mark.parametrize("one", JOBS, ids=_name)
async def test_a_task_makes_the_right_thing_once(one: Job, shelf: Shelf) -> None:
    given = one.given(shelf)
    first = await run(one.task, given)
    made: Any = await first.aresult()
    assert isinstance(made, one.kind)
    assert made.made.made_by in {"concat_videos", "concat_audio", "trim_video", "trim_audio", "overlay_image", "overlay_video",
                                 "flatten", one.task.fn.__name__}  # fmt: skip
    for name, value in one.facts.items():
        found = getattr(made, name)
        assert found == (pytest.approx(value, abs=0.06) if isinstance(value, float) else value), name

    again = await run(one.task, given)
    assert (first.name, again.name) == ("Completed", "Cached")
    assert await again.aresult() == made

    made.path().unlink()
    lost = await run(one.task, given)
    assert lost.name == ("Cached" if isinstance(made, Deferred) else "Completed")
    assert (await lost.aresult()).digest == made.digest, "equal inputs gave other bytes"
    assert made.exists()

    medias = {
        name: _facts(value)
        for name, value in given.items()
        if isinstance(value, Media) or name in ("media", "tops", "sounds")
    }
    foreseen = predict(
        one.task.fn.__name__, medias, {name: value for name, value in given.items() if name not in medias}
    )
    assert foreseen is not None, "a plan does not know what this task makes"
    assert agrees(foreseen, facts_of(made)) == []
    whole = made.rendered()
    assert facts_of(whole).model_copy(update={"size_bytes": None}) == facts_of(made).model_copy(
        update={"size_bytes": None}
    ), "it is not what it was said to be before it was encoded"


def test_every_local_task_is_tried_here() -> None:
    import prefect_media.tasks as tasks
    from prefect_media.tasks._verbs import VerbTask

    tried = {one.task.fn.__name__ for one in JOBS} | {"import_media", "sign_media"}  # no signature is like another
    calls = {name for name in tasks.__all__ if isinstance(getattr(tasks, name), VerbTask)}
    assert set(tasks.__all__) - tried - calls == set()


WRONG: list[tuple[Any, Callable[[Shelf], Mapping[str, Any]], str]] = [
    (pm.fit_image, lambda s: {"image": s.video}, "fit_image: image: video was given, image is wanted."),
    (pm.merge, lambda s: {"video": s.image, "voice": s.video},
     "merge: video: image was given, video is wanted.\nmerge: voice: video was given, audio is wanted."),
    (pm.merge, lambda s: {"video": [s.video]}, "merge: video: a list was given, video is wanted. Give one of its elements."),
    (pm.merge, lambda s: {"video": "clip.mp4"},
     "merge: video: found str 'clip.mp4', video is wanted. Media comes from a task; bring a file in with import_media(path)."),
    (pm.concat, lambda s: {"media": s.video},
     "concat: media: one video was given, a list of video or audio is wanted. Put it in brackets."),
    (pm.concat, lambda s: {"media": [s.video, s.voice]},
     "concat: media: videos and sounds are mixed. Join the videos, and merge the sound afterwards."),
    (pm.concat, lambda s: {"media": [s.voice], "width": 64, "fps": 25},
     "concat: width, fps can only be set for videos, not for sounds. Leave it out."),
    (pm.concat, lambda s: {"media": [s.video], "gap_s": 1}, "concat: gap_s can only be set for sounds, not for videos. Leave it out."),
    (pm.concat, lambda s: {"media": [s.video], "curve": "linear"}, "concat: curve can only be set for sounds, not for videos. Leave it out."),
    (pm.concat, lambda s: {"media": [s.voice, s.voice], "transition": "crossfade", "curve": "round"}, "curve='round' is not known. Allowed: linear, smooth, equal-power."),
    (pm.merge, lambda s: {"video": s.video, "voice": s.voice, "true_peak": 3}, "true_peak=3 is out of range. Allowed: -20 to 0 (dBTP)."),
    (pm.merge, lambda s: {"video": s.video, "voice": s.voice, "own_gain_db": 30}, "own_gain_db=30 is out of range. Allowed: -60 to 20 dB."),
    (pm.concat, lambda s: {"media": [s.voice], "transition": "wipe"},
     "concat: transition='wipe' is for videos. Sounds know 'cut' and 'crossfade'."),
    (pm.trim, lambda s: {"media": s.image}, "trim: media: image was given, video or audio is wanted."),
    (pm.normalize_loudness, lambda s: {"media": s.image}, "normalize_loudness: media: image was given, audio or video is wanted."),
    (pm.mix, lambda s: {"sounds": [s.voice, s.image]}, "mix: sounds: image was given, audio or video is wanted."),
    (pm.mix, lambda s: {"sounds": []}, "mix: there is no sound. Give at least one."),
    (pm.overlay, lambda s: {"media": s.voice, "top": s.image}, "overlay: media: audio was given, image or video is wanted."),
    (pm.overlay, lambda s: {"media": s.image, "top": s.video},
     "overlay: a video cannot lie over an image. Make a video of it first with still_to_video, or take a picture of the video "
     "with extract_frame."),
    (pm.overlay, lambda s: {"media": s.video}, "overlay: there is nothing to lay over the video. Give an image or a video as top."),
    (pm.overlay, lambda s: {"media": s.image, "top": s.cutout, "start_s": 1.0, "repeat": True},
     "overlay: start_s, repeat can only be set for videos, not for images. Leave it out."),
    (pm.overlay, lambda s: {"media": s.video, "text": "Cape"},
     "overlay: text can only be set for images, not for videos. Leave it out."),
    (pm.caption, lambda s: {"video": s.video, "voice": s.video}, "caption: voice: video was given, audio is wanted."),
    (pm.caption, lambda s: {"video": s.video, "voice": s.music},
     "caption: the voice has no word timings (unknown). Take speech from a model that gives them, or give subtitles, cues or words."),
    (pm.caption, lambda s: {"video": s.video, "voice": s.voice, "words": s.voice.words},
     "caption: voice and words are both given. Give one of them."),
    (pm.caption, lambda s: {"video": s.video, "subtitles": "no-such.srt"},
     "caption: subtitles='no-such.srt' does not exist. Expected a file."),
    (pm.caption, lambda s: {"video": s.video}, "Cannot caption: give one of subtitles (a file), cues or words."),
    (pm.edit_video, lambda s: {"video": s.video, "steps": ["mute"]},
     "edit_video: step 1 is 'mute'. Expected a mapping such as {'do': 'mute'}."),
    (pm.edit_video, lambda s: {"video": s.video, "steps": [{"do": "caption", "voice": s.image}]},
     "edit_video: step 1: voice: image was given, audio is wanted."),
    (pm.transcode, lambda s: {"video": s.video, "to": "wmv"}, "to='wmv' is unknown"),
    (pm.thumbnail, lambda s: {"media": s.image, "format": "svg"},
     "format='svg' is unknown. Known: png, jpeg, jpg, webp, avif, gif, tiff, bmp."),
    (pm.write_provenance, lambda s: {"media": s.image},
     "write_provenance: how this was made is not known (unknown). Say made='model', 'procedure' or 'composite'."),
    (pm.convert_audio, lambda s: {"audio": s.voice, "format": "wma"},
     "format='wma' is unknown. Known: wav, flac, mp3, m4a, aac, ogg, opus, weba."),
]  # fmt: skip


@pytest.mark.parametrize(("task", "given", "message"), WRONG, ids=lambda value: getattr(value, "name", None))
async def test_what_is_wrong_is_refused_with_a_clear_message(
    task: Any, given: Callable[[Shelf], Mapping[str, Any]], message: str, shelf: Shelf
) -> None:
    with pytest.raises(ParameterError) as refused:
        await task(**given(shelf))
    assert str(refused.value).startswith(message) if message.endswith("unknown") else str(refused.value) == message


async def test_a_video_that_is_put_off_is_called_a_video(shelf: Shelf) -> None:
    later = await pm.fit_video(shelf.video, width=32, height=32)
    with pytest.raises(ParameterError, match="merge: voice: video was given, audio is wanted"):
        await pm.merge(shelf.video, later)


async def test_a_video_without_sound_has_none_to_give(shelf: Shelf) -> None:
    with pytest.raises(UnsupportedMediaError, match="it has none"):
        await pm.extract_audio(shelf.other)


async def test_raw_aac_is_not_written_again_and_again(shelf: Shelf) -> None:
    """It cannot say how much of its start is the encoder's own, so each time the sound would be later."""
    raw = _audio(sample_audio(1.0, format="aac", sample_rate_hz=8_000))
    assert raw.media_type == "audio/aac"
    louder = await pm.change_volume(raw, gain_db=3)
    assert louder.media_type == "audio/mp4"
    assert louder.duration_s == pytest.approx(raw.duration_s, abs=0.001)
    assert (await pm.convert_audio(louder, format="aac")).media_type == "audio/aac"


async def test_a_planned_conversion_is_named_after_what_it_does(shelf: Shelf) -> None:
    await EventsWorker.instance().drain()  # what earlier tests told; the next one is new
    await convert(shelf.image, "fit_image", {"width": 32}, ".png")
    await EventsWorker.instance().drain()
    told = [event for client in AssertingEventsClient.all for event in client.events]
    assert "fit-image" in {event.resource["prefect.resource.name"] for event in told}


async def test_lost_input_is_named(shelf: Shelf) -> None:
    shelf.image.path().unlink()
    with pytest.raises(MediaError, match="does not hold"):
        await pm.fit_image(shelf.image, width=10)


# -- word timings --


async def test_words_follow_the_sound(shelf: Shelf) -> None:
    trimmed = await pm.trim(shelf.voice, start_s=0.3, seconds=0.35)
    assert texts(trimmed) == [("two", 0.1)]
    joined = await pm.concat([shelf.voice, trimmed], gap_s=0.25)
    assert texts(joined) == [("one", 0.1), ("two", 0.4), ("three", 0.7), ("two", 1.35)]
    mixed = await pm.mix([shelf.music, shelf.voice], offsets_s=[0, 0.6], length="first", format="wav")
    assert texts(mixed) == [("one", 0.7), ("two", 1.0), ("three", 1.3)]
    shorter = await pm.mix([shelf.voice, shelf.music], length=0.5, format="wav")
    assert texts(shorter) == [("one", 0.1), ("two", 0.4)]
    assert texts(await pm.change_volume(shelf.voice, gain_db=3)) == texts(shelf.voice)


async def test_words_move_when_silence_is_cut(shelf: Shelf) -> None:
    silence = _audio(sample_audio(0.5, format="wav", sample_rate_hz=16_000, look="silent"))
    late = await pm.concat([silence, shelf.voice])
    assert texts(late)[0] == ("one", 0.6)
    tight = await pm.trim_silence(late, keep_s=0.0)
    assert tight.duration_s == pytest.approx(1.0, abs=0.1)
    assert tight.words[0].start_s == pytest.approx(0.1, abs=0.06)


async def test_other_words_on_the_same_sound_are_another_result(shelf: Shelf) -> None:
    other = shelf.voice.model_copy(update={"words": (Word(text="uno", start_s=0.1, end_s=0.3),)})
    assert other == shelf.voice
    assert texts(await pm.change_volume(shelf.voice, gain_db=3)) != texts(await pm.change_volume(other, gain_db=3))
    assert await pm.caption(shelf.video, shelf.voice) != await pm.caption(shelf.video, other)
    steps = [[{"do": "caption", "voice": voice}] for voice in (shelf.voice, other)]
    assert await pm.edit_video(shelf.video, steps=steps[0]) != await pm.edit_video(shelf.video, steps=steps[1])


# -- files of the user --


async def test_a_subtitle_file_counts_by_its_content(shelf: Shelf, tmp_path: Path) -> None:
    first, second = tmp_path / "a.srt", tmp_path / "b.srt"
    first.write_text(SUBTITLES)
    second.write_text(SUBTITLES)
    made = await pm.caption(shelf.video, subtitles=first)
    state = await run(pm.caption, {"video": shelf.video, "subtitles": str(second)})
    assert (state.name, await state.aresult()) == ("Cached", made)

    first.write_text(SUBTITLES.replace("Hello", "Goodbye"))
    state = await run(pm.caption, {"video": shelf.video, "subtitles": first})
    assert state.name == "Completed"
    assert await state.aresult() != made

    edited = await run(pm.edit_video, {"video": shelf.video, "steps": [{"do": "caption", "subtitles": str(second)}]})
    second.write_text(SUBTITLES.replace("Hello", "Goodbye"))
    again = await run(pm.edit_video, {"video": shelf.video, "steps": [{"do": "caption", "subtitles": str(second)}]})
    assert (edited.name, again.name) == ("Completed", "Completed")
    assert await edited.aresult() != await again.aresult()


async def test_a_chain_in_one_encoding_shows_what_its_steps_show(shelf: Shelf) -> None:
    chained = await pm.edit_video(
        shelf.video, steps=[{"do": "fit", "width": 32, "height": 48}, {"do": "speed", "factor": 2}]
    )
    fitted = await pm.fit_video(shelf.video, width=32, height=48)
    apart = await pm.change_speed(fitted, factor=2)
    assert (chained.size, chained.duration_s, chained.frame_rate) == (apart.size, apart.duration_s, apart.frame_rate)


async def test_a_result_remembers_what_its_inputs_were_degraded_from(shelf: Shelf) -> None:
    origin = shelf.voice.made.model_copy(update={"degraded_from": ("elevenlabs:x: refused",)})
    voice = shelf.voice.model_copy(update={"origin": origin})
    made = await pm.concat([shelf.voice, voice])
    assert made.made.degraded_from == ("elevenlabs:x: refused",)


async def test_the_examples_of_the_page_run(shelf: Shelf) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    code = "\n".join(block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "async def" in block)
    names: dict[str, Any] = {}
    exec(code, names)
    film = await names["finish"]([shelf.video, shelf.other], shelf.voice, shelf.cutout)
    assert (film.size, film.has_audio) == ((64, 48), True)
    assert film.duration_s == pytest.approx(1.6, abs=0.11)
    upright = await names["vertical"](shelf.video, shelf.voice)
    assert upright.size == (36, 64)
    assert (await names["upright"](shelf.video, shelf.voice)).size == (144, 256)
    assert upright.has_audio


async def test_what_a_call_made_says_so_itself(shelf: Shelf) -> None:
    origin = Origin(made_by="fal:fal-ai/flux/dev", call_key="ab" * 32)
    written = await pm.write_provenance(shelf.image.model_copy(update={"origin": origin}))
    assert read_provenance(written.path()) == Provenance(made="model", model="fal:fal-ai/flux/dev", call_key="ab" * 32)
    assert written.made == origin
    local = await pm.write_provenance(
        shelf.image.model_copy(update={"origin": Origin(made_by="local:landscape", call_key="cd" * 32)})
    )
    assert read_provenance(local.path()) == Provenance(made="procedure", model="local:landscape", call_key="cd" * 32)
    assert read_provenance(shelf.image.path()) is None


async def test_a_planned_conversion_keeps_the_words_that_are_left(shelf: Shelf) -> None:
    cut = await convert(shelf.voice, "trim_audio", {"seconds": 0.6}, ".wav")
    assert isinstance(cut, Audio)
    assert texts(cut) == [("one", 0.1), ("two", 0.4)]


@pytest.mark.parametrize("name", sorted(HOMES))
def test_the_module_named_for_an_operation_has_it(name: str) -> None:
    home = import_module(f"prefect_media.media.{HOMES[name]}")
    assert operation_named(name) in vars(home).values()
