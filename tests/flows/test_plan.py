"""What a plan finds out: task runs, facts, prices, time, what is there already, what cannot be foreseen."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from prefect import flow, get_run_logger, task, unmapped
from prefect.artifacts import create_markdown_artifact
from prefect.futures import wait

import prefect_media as pm
from prefect_media import (
    Image,
    Video,
    generate_image,
    generate_music,
    generate_speech,
    generate_video,
    import_media,
    plan,
    together,
    transcribe,
)
from prefect_media.flows.clip import clip
from prefect_media.flows.storyboard import storyboard
from prefect_media.tasks import concat, fit_image, ken_burns, merge, thumbnail

FLUX = "fal:fal-ai/flux/schnell"
KLING = "fal:fal-ai/kling-video/v2.5-turbo/pro/image-to-video"
VOICE = "elevenlabs:eleven_multilingual_v2"
MODELS = {"image_model": FLUX, "voice_model": VOICE}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FAL_KEY", "ELEVENLABS_API_KEY", "REPLICATE_API_TOKEN"):
        monkeypatch.setenv(name, "a-key-of-nobody")


def tasks_of(found: Any) -> list[str]:
    return [item.task for item in found.items]


def facts_of(found: Any, name: str) -> str:
    return next(item.makes for item in found.items if item.task == name)


def test_the_ready_clip_is_planned_with_shapes_prices_and_time() -> None:
    found = plan(clip, prompt="a lighthouse", narration="The sea.", seconds=4, music="calm", **MODELS)
    assert found.ok, found.problems
    assert tasks_of(found) == ["generate_image", "generate_speech", "generate_video", "generate_music", "merge"]
    assert facts_of(found, "generate_image") == "image 1280x720, jpeg"
    assert facts_of(found, "generate_video") == "video 1280x720, 3.95-4.05 s, 24 fps, mp4"
    assert [item.after for item in found.items] == [(), (), (0,), (), (1, 2, 3)]
    assert found.price.low == found.price.expected > Decimal("0.003")
    assert found.price.high == 2 * found.price.expected  # one more paid attempt for each call
    assert not found.is_floor
    # Picture and voice at the same time, then motion and music.
    starts = {item.task: item.start_s for item in found.items}
    assert starts["generate_image"] == starts["generate_speech"] == 0
    assert starts["generate_video"] == starts["generate_music"] > 0
    assert found.seconds[1] == pytest.approx(max(item.start_s + item.seconds for item in found.items))


def test_lengths_that_only_a_run_knows_widen_the_price() -> None:
    @flow
    async def sung(text: str) -> Any:
        voice = await generate_speech(text, model=VOICE)
        return await generate_music("calm", model="elevenlabs:music_v1", seconds=max(3.0, voice.duration_s))

    found = plan(sung, text="word " * 100)
    assert found.ok, found.problems
    assert found.price.low < found.price.expected < found.price.high / 2
    assert any("duration_s of generate_speech" in line for line in found.warnings)


def test_a_storyboard_takes_its_scenes_from_the_length_of_the_voice() -> None:
    found = plan(storyboard, scenes=["one", "two", "three"], narration="It was a dark night. " * 4, music="calm")
    assert found.ok, found.problems
    assert tasks_of(found).count("generate_video") == 3
    assert tasks_of(found)[-3:] == ["concat", "generate_music", "merge"]
    assert found.price.high == 0


def test_tasks_can_be_submitted_and_mapped_in_either_kind_of_flow() -> None:
    @flow
    def in_threads(prompts: list[str]) -> list[Image]:
        pictures = generate_image.map(prompts, model=FLUX, size=unmapped("512x512"))
        small = thumbnail.map(pictures, width=[64] * len(prompts))
        wait(small)
        return [*small.result(), thumbnail.submit(pictures[0], width=32).result()]

    found = plan(in_threads, prompts=["a", "b", "c"])
    assert found.ok, found.problems
    assert tasks_of(found) == ["generate_image"] * 3 + ["thumbnail"] * 4
    assert [item.after for item in found.items[3:]] == [(0,), (1,), (2,), (0,)]
    assert found.items[-1].makes == "image 32x32, jpeg"
    one = plan(in_threads, prompts=["a"])
    assert found.price.expected == 3 * one.price.expected
    assert found.seconds[1] < 2 * one.seconds[1]  # they run side by side


def test_flows_inside_and_gather_and_threads_work() -> None:
    @flow
    def inner(image: Image) -> Image:
        return thumbnail.submit(image, width=64).result()

    @flow
    async def outer(prompt: str) -> list[Any]:
        image, other = await asyncio.gather(generate_image(prompt, model=FLUX), generate_image("b", model=FLUX))
        async with asyncio.TaskGroup() as group:
            third = group.create_task(generate_image("c", model=FLUX))
        return [inner(image), await asyncio.to_thread(inner, other), third.result(), await clip(prompt)]

    found = plan(outer, prompt="a")
    assert found.ok, found.problems
    assert tasks_of(found) == ["generate_image"] * 3 + ["thumbnail"] * 2 + ["generate_image", "generate_video"]


def test_logging_and_artifacts_of_a_flow_need_no_server() -> None:
    @flow
    def talks() -> None:
        get_run_logger().info("hello")
        generate_image.submit("a", model=FLUX)
        create_markdown_artifact("# hello", key="hello")

    found = plan(talks)
    assert found.ok, found.problems
    assert tasks_of(found) == ["generate_image"]


def test_code_that_the_plan_cannot_see_makes_the_price_a_floor() -> None:
    @task
    async def write_prompt() -> str:
        raise AssertionError("a plan runs nothing")

    @flow
    async def blind() -> Any:
        await generate_image("a", model=FLUX)
        text = await write_prompt()
        if "cat" in text:
            await generate_image(text, model=FLUX)

    found = plan(blind)
    assert found.ok
    assert tasks_of(found) == ["generate_image", "write_prompt"]
    assert found.is_floor
    assert "looks at what write_prompt gives" in found.unforeseen[0]
    assert found.to_dict()["is_floor"] is True


def test_a_task_that_calls_tasks_makes_the_price_a_floor() -> None:
    @task
    async def paints() -> Image:
        return await generate_image("a", model=FLUX)

    @task
    async def counts() -> int:
        raise AssertionError("a plan runs nothing")

    @flow
    async def hides(paint: bool) -> Any:
        return await (paints() if paint else counts())

    hidden, plain = plan(hides, paint=True), plan(hides, paint=False)
    assert (hidden.is_floor, plain.is_floor) == (True, False)
    assert "paints calls tasks or flows by itself" in hidden.unforeseen[0]
    assert plain.warnings == ["counts runs code that the plan cannot see."]


def test_what_a_model_writes_can_be_handed_on_but_not_read() -> None:
    @flow
    async def echoed(read: bool) -> Any:
        voice = await generate_speech("hello there", model=VOICE)
        text = await transcribe(voice, model="fal:fal-ai/whisper")
        return await generate_speech(text.upper() if read else text, model=VOICE)

    handed, read = plan(echoed, read=False), plan(echoed, read=True)
    assert handed.ok
    assert tasks_of(handed) == ["generate_speech", "transcribe", "generate_speech"]
    assert tasks_of(read) == ["generate_speech", "transcribe"]
    assert "(.upper) the text of transcribe" in read.unforeseen[0]


@pytest.mark.parametrize("look", [lambda image: image.path(), lambda image: image.read(), lambda image: image.exists(),
                                  lambda image: image.size_bytes, lambda image: image.save("x.png")])  # fmt: skip
def test_bytes_that_do_not_exist_yet_end_the_evaluation(look: Any) -> None:
    @flow
    async def looks() -> Any:
        try:
            look(await generate_image("a", model=FLUX))
        except Exception:
            return None
        return await generate_image("b", model=FLUX)

    found = plan(looks)
    assert found.ok
    assert tasks_of(found) == ["generate_image"]
    assert "generate_image" in found.unforeseen[0]


def test_exact_facts_are_plain_values() -> None:
    @flow
    async def asks() -> Any:
        image = await generate_image("a", model=FLUX, size="640x480")
        assert isinstance(image, Image)
        assert (image.width_px, image.height_px, image.size, image.kind) == (640, 480, (640, 480), "image")
        video = await ken_burns(image, seconds=2, width=320, height=240)
        assert (video.duration_s, video.has_audio, video.frame_rate) == (2.0, False, 24)
        big = await fit_image(image, width=100)
        assert big.height_px == 75
        return await merge(await concat([video, video]), await generate_speech("hello", model="local:voice"))

    found = plan(asks)
    assert found.ok, found.problems
    assert not found.unforeseen


def test_fallbacks_are_in_the_high_price_and_missing_keys_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    @flow
    async def careful() -> Video:
        image = await generate_image("a", model="local:landscape", size="1280x720")
        return await generate_video("it walks", image=image, model=[KLING, "local:ken-burns"], seconds=5)

    both = plan(careful)
    assert (both.price.low, both.price.expected, both.price.high) == (0, Decimal("0.35"), Decimal("0.735"))
    assert both.items[1].fallbacks == ("local:ken-burns",)
    monkeypatch.delenv("FAL_KEY")
    without = plan(careful)
    assert without.ok
    assert without.price.high == 0
    assert any("is skipped" in line and "FAL_KEY" in line for line in without.warnings)


def test_a_repeated_call_is_paid_once() -> None:
    @flow
    async def twice() -> None:
        await together(*(generate_image("a", model=FLUX) for _ in range(3)), generate_image("a", model=FLUX, take=1))

    found = plan(twice)
    assert [item.status for item in found.items] == ["new", "repeated", "repeated", "new"]
    assert found.price.expected == 2 * found.items[0].price.expected


def test_a_length_between_steps_is_a_conversion_of_the_result() -> None:
    @flow
    async def shorter() -> Video:
        image = await generate_image("a", model=FLUX, size="1280x720")
        return await generate_video("it walks", image=image, model=KLING, seconds=4)

    found = plan(shorter)
    last = found.items[-1]
    assert (last.task, last.kind, last.after) == ("trim_video", "conversion", (1,))
    assert "4 s was asked" in last.about


def test_an_unpriced_model_is_named_and_never_free() -> None:
    @flow
    async def unpriced() -> None:
        await generate_image("a", model="replicate:bytedance/seedream-4")
        await generate_image("a", model=FLUX)

    found = plan(unpriced)
    if found.price.unpriced:  # its card may learn the price
        assert found.to_dict()["high_usd"] is None
        assert "no price known" in str(found)
        assert plan(unpriced, budget="5 USD").problems


def test_a_local_file_is_planned_with_its_real_facts(tmp_path: Path) -> None:
    from PIL import Image as Pictures

    file = tmp_path / "cat.png"
    Pictures.new("RGB", (640, 360), (200, 40, 40)).save(file)

    @flow
    async def animated(image: Image) -> Video:
        other = await import_media(file)
        assert other == image
        return await generate_video("it walks", image=image, model="local:ken-burns", seconds=2, size="320x180")

    found = plan(animated, image=str(file))
    assert found.ok, found.problems
    assert facts_of(found, "import_media") == "image 640x360, png"


def test_a_chain_of_operations_is_planned_as_one_encode(monkeypatch: pytest.MonkeyPatch) -> None:
    @flow
    async def upright() -> Any:
        video = await pm.ken_burns(await pm.generate_image("a lighthouse", model="local:landscape"), seconds=4)
        video = await pm.fit_video(await pm.remove_audio(video), width=144, height=256)
        return await pm.caption(
            await pm.change_speed(video, factor=2), cues=[{"start_s": 0, "end_s": 1, "text": "word"}]
        )

    def notes() -> dict[str, tuple[str, ...]]:
        return {item.task: item.notes for item in plan(upright).items if item.kind == "local"}

    assert notes() == {
        "ken_burns": (), "remove_audio": (), "fit_video": (),
        "change_speed": ("change_speed: in one encode with fit_video",), "caption": ("caption: in one encode with change_speed",),
    }  # fmt: skip
    monkeypatch.setenv("PREFECT_MEDIA_FUSE", "0")
    assert set(notes().values()) == {()}


def test_a_plan_shows_itself_everywhere() -> None:
    found = plan(clip, prompt='a "light" <b>house</b>', narration="The sea.", **MODELS)
    assert json.loads(json.dumps(found.to_dict()))["calls"]["new"] == 3
    assert "generate_image" in str(found)
    assert found.graph().startswith("flowchart LR")
    assert "<b>" not in found.graph()
    assert found.svg().startswith("<svg")
    assert "<table>" in found._repr_html_()


def test_a_plan_of_rows_counts_equal_calls_once_and_names_bad_rows() -> None:
    rows = [{"id": f"r{n}", "prompt": f"a cat {n}", "narration": "The same words."} for n in range(4)]
    found = plan("clip", [row | MODELS for row in rows])
    assert found.ok
    assert len(found.rows) == 4
    speech = next(group for group in found.groups if group.task == "generate_speech")
    assert speech.counts == {"new": 1, "repeated": 3}
    bad = plan("clip", [*rows, {"id": "bad", "prompt": "a", "image_model": "flux-schnel"}])
    assert [row.status for row in bad.rows] == ["run"] * 4 + ["refused"]
    assert bad.problems[0].startswith("row 5: generate_image: Unknown model")
    wrong = plan("clip", [{"promt": "a cat"}])
    assert [line.split(":")[0] for line in wrong.problems] == ["row 1", "row 1"]
