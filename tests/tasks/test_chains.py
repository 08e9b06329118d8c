"""Chains of operations on a video: put off, done in one encode, and never another result for that."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path
from typing import Any, NamedTuple

import cloudpickle
import pytest
from prefect import flow
from prefect.serializers import JSONSerializer
from pydantic import BaseModel, ValidationError

import prefect_media as pm
from prefect_media import Audio, Budget, BudgetExceeded, EncodeError, MediaMissingError, ParameterError, Video, tasks
from prefect_media.flows.results import RowReport
from prefect_media.media.control import cancellation
from prefect_media.media.intake import admit_bytes
from prefect_media.media.samples.making import sample_audio, sample_video
from prefect_media.media.store import Store
from prefect_media.media.videos.deferred import LOCKS, Deferred
from prefect_media.media.videos.edit import edit_video
from prefect_media.tasks._task import MediaTask
from prefect_media.tasks._verbs import VerbTask
from prefect_media.testing import Simulator

from ..media.make_clips import clip, packet_digests

CUES = [{"start_s": 0.1, "end_s": 0.8, "text": "word"}]
FIT = {"do": "fit", "width": 64, "height": 96}
CAPTION = {"do": "caption", "cues": CUES}


@pytest.fixture
def video() -> Video:
    found = admit_bytes(sample_video(96, 64, 1.0, frame_rate=10, sound=True))
    assert isinstance(found, Video)
    return found


def _voice(seconds: float) -> Audio:
    found = admit_bytes(sample_audio(seconds, format="wav", sample_rate_hz=16_000))
    assert isinstance(found, Audio)
    return found


def stored() -> set[str]:
    return {each.digest for each in Store.current().files()}


async def captioned(video: Video) -> Video:
    return await pm.caption(await pm.fit_video(video, width=64, height=96), cues=CUES)


@pytest.fixture
def at_once(video: Video, tmp_path: Path) -> Path:
    """What one encode makes of the chain, without tasks."""
    target = tmp_path / "once.mp4"
    edit_video(video.path(), target, steps=[FIT, CAPTION])
    return target


async def test_a_chain_is_one_encode(video: Video, at_once: Path) -> None:
    before = stored()
    made = await captioned(video)
    assert stored() == before, "a step was encoded by itself"
    assert made.path().read_bytes() == at_once.read_bytes()
    assert stored() == before | {made.digest}


async def test_a_merge_copies_what_a_chain_encoded_once(video: Video, at_once: Path) -> None:
    voices = [_voice(0.8), _voice(0.9)]
    before = stored()
    made = await captioned(video)
    merged = [await pm.merge(made, voice) for voice in voices]
    assert stored() == before | {made.digest, *(each.digest for each in merged)}
    assert all(packet_digests(each.path()) == packet_digests(at_once) for each in merged)


async def test_a_merge_that_encodes_does_the_chain_in_the_same_encode(video: Video) -> None:
    voice = _voice(1.6)
    before = stored()
    merged = await pm.merge(await captioned(video), voice)
    assert stored() == before | {merged.digest}
    steps = await pm.merge(video, voice, steps=[FIT, CAPTION])
    assert merged.digest == steps.digest
    assert (merged.size, merged.duration_s) == ((64, 96), pytest.approx(1.6, abs=0.1))
    assert merged.made.notes == ("fit, caption: in the same encode", "last picture held for 0.60 s")


async def test_what_is_put_off_tells_what_it_will_be(video: Video) -> None:
    made = await captioned(video)
    assert isinstance(made, Deferred)
    assert not made.is_rendered
    told = (made.size, made.duration_s, made.frame_rate, made.codec, made.pixel_format, made.audio_codec)
    assert told == ((64, 96), 1.0, 10, "h264", "yuv420p", "aac")
    assert made.made.made_by == "caption"
    assert made.made.made_from == (await pm.trim(video, seconds=0.5)).made.made_from
    whole = made.rendered()
    assert type(whole) is Video
    assert (whole.size, whole.duration_s, whole.frame_rate, whole.codec, whole.pixel_format, whole.audio_codec) == told
    assert whole.made == made.made


@pytest.mark.parametrize("use", [lambda v: v.digest, lambda v: v.size_bytes, lambda v: v.read(), lambda v: v.exists(),
                                 lambda v: v.model_dump(), lambda v: v.model_dump_json(), hash, lambda v: v == v])  # fmt: skip
async def test_whatever_looks_at_the_bytes_has_it_encoded(video: Video, use: Any) -> None:
    before = stored()
    use(await pm.fit_video(video, width=32, height=32))
    assert len(stored() - before) == 1


async def test_it_is_a_plain_video_as_json(video: Video) -> None:
    class Shelf(BaseModel):
        media: Video

    made = await pm.fit_video(video, width=32, height=32)
    assert isinstance(made, Deferred)
    again = Video.model_validate_json(made.model_dump_json())
    assert (again, again.size) == (made, (32, 32))
    assert set(made.model_dump()) == set(video.model_dump())
    other = await pm.fit_video(video, width=32, height=64)
    assert Shelf.model_validate_json(Shelf(media=other).model_dump_json()).media == other
    third = await pm.fit_video(video, width=64, height=64)
    report = RowReport(id="1", status="succeeded", media=(third,))
    assert RowReport.model_validate_json(report.model_dump_json()).media == (third,)


async def test_prefects_json_gives_back_a_plain_video(video: Video) -> None:
    made = await pm.fit_video(video, width=32, height=32)
    again = JSONSerializer[Any]().loads(JSONSerializer[Any]().dumps(made))
    assert (type(again), again) == (Video, made)


async def test_it_can_be_sent_to_another_process_without_being_encoded(video: Video) -> None:
    before = stored()
    made = await captioned(video)
    sent = pickle.loads(pickle.dumps(made))
    assert isinstance(sent, Deferred)
    assert stored() == before
    assert sent == made


@pytest.mark.parametrize("name", tasks.__all__)
def test_another_process_runs_the_task_itself_not_a_copy_of_its_code(name: str) -> None:
    task: MediaTask[Any, Any] = getattr(tasks, name)
    for own in (task, task.with_options(name="mine", retries=3)):
        sent = pickle.loads(cloudpickle.dumps(own))
        assert type(sent) is type(own)
        assert sent.fn is own.fn  # a copy would lack what only its annotations name
        assert (sent.name, sent.retries, sent.cache_policy) == (own.name, own.retries, own.cache_policy)


async def test_a_budget_reaches_what_another_process_runs(media_simulator: Simulator) -> None:
    with Budget("0.0001 USD"):
        sent = cloudpickle.dumps(pm.generate_image.as_submitted())
    with pytest.raises(BudgetExceeded, match="0.0001 USD"):
        await pickle.loads(sent)("a cat", model="fal:fal-ai/flux/schnell")
    assert media_simulator.events() == []


async def test_a_rerun_answers_from_the_cache_and_encodes_nothing(video: Video) -> None:
    made = await captioned(video)
    before = stored()
    state = await pm.fit_video(video, width=64, height=96, return_state=True)
    assert state.name == "Cached"
    fitted = await state.aresult()
    again = await pm.caption(fitted, cues=CUES, return_state=True)
    assert again.name == "Cached"
    assert stored() == before
    whole = made.rendered()
    record = whole.path().stat().st_mtime_ns
    assert (await again.aresult()).rendered() == whole
    assert whole.path().stat().st_mtime_ns == record


async def test_what_is_lost_is_encoded_again(video: Video) -> None:
    first = (await captioned(video)).rendered()
    first.path().unlink()
    again = await captioned(video)
    assert again.rendered() == first
    assert first.exists()


@pytest.mark.parametrize("use", [lambda v, _: v.path().read_bytes(), lambda v, _: v.read(),
                                 lambda v, folder: v.save(folder / "out.mp4").read_bytes()])  # fmt: skip
async def test_what_is_lost_is_encoded_again_whoever_asks(video: Video, use: Any, tmp_path: Path) -> None:
    made = await pm.fit_video(video, width=32, height=32)
    content = made.read()
    made.path().unlink()
    assert use(made, tmp_path) == content


async def test_who_waits_for_anothers_encode_can_be_cancelled(video: Video) -> None:
    made = await pm.fit_video(video, width=32, height=32)
    assert isinstance(made, Deferred)
    cancel = threading.Event()
    cancel.set()
    with (
        LOCKS[int(made.identity[:8], 16) % len(LOCKS)],
        cancellation(cancel),
        pytest.raises(EncodeError, match="it was cancelled"),
    ):
        made.rendered()


async def test_without_its_source_a_kept_result_is_a_miss(video: Video) -> None:
    made = await pm.fit_video(video, width=32, height=32)
    content = video.read()
    video.path().unlink()
    with pytest.raises(MediaMissingError, match="does not hold"):
        made.rendered()
    restored = admit_bytes(content)
    assert restored == video
    assert (await pm.fit_video(video, width=32, height=32)).rendered().exists()


async def test_several_are_encoded_before_something_else_takes_them(video: Video) -> None:
    parts = [await pm.fit_video(video, width=32, height=32), await pm.change_speed(video, factor=2)]
    joined = await pm.concat(parts)
    assert joined.size == (32, 32)
    assert joined.duration_s == pytest.approx(1.5, abs=0.1)
    assert all(isinstance(part, Deferred) and part.is_rendered for part in parts)


class Shots(NamedTuple):
    """How a user may name the parts of a film."""

    first: Video
    last: Video


async def test_those_in_a_named_tuple_are_encoded_too(video: Video) -> None:
    fitted = await pm.fit_video(video, width=32, height=32)
    assert (await pm.concat(Shots(fitted, video))).duration_s == pytest.approx(2.0, abs=0.1)


async def test_what_would_only_be_copied_is_done_at_once(video: Video) -> None:
    for made in (
        await pm.fit_video(video, width=96),
        await pm.remove_audio(video),
        await pm.edit_video(video, steps=[{"do": "mute"}]),
        await pm.trim(video, start_s=0),
    ):
        assert type(made) is Video
        assert packet_digests(made.path()) == packet_digests(video.path())


async def test_a_files_content_is_not_put_off(video: Video, tmp_path: Path) -> None:
    subtitles = tmp_path / "a.srt"
    subtitles.write_text("1\n00:00:00,100 --> 00:00:00,700\nHello\n")
    before = stored()
    fitted = await pm.fit_video(video, width=64, height=96)
    made = await pm.caption(fitted, subtitles=subtitles)
    assert type(made) is Video
    assert stored() == before | {made.digest}, "the fit was encoded by itself"
    assert made.size == (64, 96)


async def test_wrong_values_are_refused_where_they_are_given(video: Video) -> None:
    with pytest.raises(ParameterError, match="width=33 is not even"):
        await pm.fit_video(video, width=33)
    with pytest.raises(ParameterError, match="factor='quick' is not a number"):
        await pm.change_speed(video, factor="quick")  # type: ignore[arg-type]
    fitted = await pm.fit_video(video, width=32)
    with pytest.raises(ParameterError, match="it lasts 1.000 s"):
        await pm.trim(fitted, start_s=2)


async def test_too_large_a_result_is_refused_before_it_is_encoded(
    video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_MAX_VIDEO_PIXELS", "10000")
    with pytest.raises(pm.MediaError, match="PREFECT_MEDIA_MAX_VIDEO_PIXELS"):
        await pm.fit_video(video, width=320, height=320)


async def test_nothing_is_put_off_where_that_is_not_wanted(video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_FUSE", "0")
    made = await pm.fit_video(video, width=32, height=32)
    assert type(made) is Video
    assert made.exists()


async def test_what_was_put_off_before_is_not_wanted_any_more(video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(await pm.fit_video(video, width=32, height=32), Deferred)
    monkeypatch.setenv("PREFECT_MEDIA_FUSE", "0")
    state = await pm.fit_video(video, width=32, height=32, return_state=True)
    made = await state.aresult()
    assert type(made) is Video
    assert made.exists()
    again = await pm.fit_video(video, width=32, height=32, return_state=True)
    assert (again.name, await again.aresult()) == ("Cached", made)


async def test_keys_do_not_depend_on_whether_it_is_encoded(video: Video) -> None:
    fitted = await pm.fit_video(video, width=32, height=32)
    first = await pm.contact_sheet([fitted], columns=1)
    fitted.rendered()
    state = await pm.contact_sheet([fitted], columns=1, return_state=True)
    assert state.name == "Cached"
    assert await state.aresult() == first


async def test_a_models_input_is_known_by_its_content(video: Video) -> None:
    assert isinstance(pm.lip_sync, VerbTask)
    fitted = await pm.fit_video(video, width=32, height=32)
    asked = pm.lip_sync.ask({"model": "replicate:wav2lip", "video": fitted, "audio": _voice(1.0)})
    assert asked.inputs["video"].digest == fitted.rendered().digest


@flow
async def lips(video: Video, voice: Audio) -> Any:
    fitted = await pm.fit_video(video, width=32, height=32)
    return await pm.lip_sync(fitted, voice, model="replicate:bytedance/latentsync")


async def test_a_plan_encodes_nothing_for_a_model_that_takes_what_is_put_off(
    video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPLICATE_API_TOKEN", "a-key-of-nobody")
    given = {"video": video, "voice": _voice(1.0)}
    fitted, before = await pm.fit_video(video, width=32, height=32), stored()
    first = pm.plan(lips, **given)
    assert stored() == before, "the plan encoded it"
    fitted.rendered()
    second = pm.plan(lips, **given)
    for found in (first, second):
        tasks = [(item.task, item.status, item.after) for item in found.items]
        assert tasks == [("fit_video", "cached", ()), ("lip_sync", "new", (0,))]
        assert found.price.expected > 0


def test_a_kept_record_that_is_damaged_is_an_error() -> None:
    with pytest.raises((ValidationError, KeyError)):
        Deferred.of_record({"width_px": 3})


async def test_a_rendered_video_needs_its_source_no_more(video: Video) -> None:
    made = await pm.fit_video(video, width=64, height=96)
    whole = made.rendered()
    video.path().unlink()
    assert (await pm.fade_video(made, in_s=0.2)).rendered().size == (64, 96)
    assert (await pm.merge(made, _voice(1.6))).size == (64, 96)
    again = await pm.fit_video(video, width=64, height=96, return_state=True)
    assert again.name == "Cached"
    assert await again.aresult() == whole


async def test_a_sound_that_is_taken_out_does_not_make_the_picture_longer(tmp_path: Path) -> None:
    found = admit_bytes(clip("long_sound.mp4").read_bytes())
    assert isinstance(found, Video)
    silent = await pm.remove_audio(found)
    assert packet_digests(silent.path()) == packet_digests(found.path())
    fitted = await pm.fit_video(silent, width=32, height=32)
    assert fitted.duration_s == pytest.approx(0.6)


async def test_a_step_begins_with_what_the_one_before_would_have_written() -> None:
    odd = admit_bytes(clip("odd.mp4").read_bytes())
    assert isinstance(odd, Video)
    slow = await pm.change_speed(odd, factor=0.5)
    assert isinstance(slow, Deferred)
    assert slow.size == (62, 46)
    chained = await pm.reframe_video(slow, ratio="9:16", fill="crop")
    apart = await pm.reframe_video(slow.rendered(), ratio="9:16", fill="crop")
    assert chained.size == apart.size
    assert (chained.duration_s, chained.frame_rate) == (apart.duration_s, apart.frame_rate)


async def test_what_cannot_be_encoded_is_said_in_a_notebook(video: Video) -> None:
    made = await pm.fit_video(video, width=32, height=32)
    video.path().unlink()
    (shown,) = made._repr_mimebundle_().values()
    assert shown.startswith("Video(video/mp4, 32x32, 1.00 s, 10 fps, with sound)\n")
    assert "no longer holds" in shown or "does not hold" in shown
