"""Deliberately broken flows: each is refused by its plan, before anything is sent, with a line that says what to do.

A line of the table: what is broken, the words that the problem has to name (task, value, what is allowed, what to do), and
the flow.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from prefect import flow

from prefect_media import (
    Budget,
    PlanError,
    Video,
    edit_image,
    fit_image,
    fit_video,
    generate_image,
    generate_music,
    generate_sound,
    generate_speech,
    generate_video,
    import_media,
    lip_sync,
    plan,
    remove_background,
    together,
    transcribe,
    upscale_image,
)
from prefect_media.flows.clip import clip
from prefect_media.tasks import concat, contact_sheet, ken_burns, merge, thumbnail
from prefect_media.testing import Simulator

FLUX = "fal:fal-ai/flux/schnell"
KLING = "fal:fal-ai/kling-video/v2.5-turbo/pro/image-to-video"
SVD = "replicate:stability-ai/stable-video-diffusion"
SDXL = "replicate:stability-ai/sdxl"
VOICE = "elevenlabs:eleven_multilingual_v2"
WHISPER = "fal:fal-ai/whisper"
ESRGAN = "replicate:nightmareai/real-esrgan"


@dataclass(frozen=True)
class Broken:
    name: str
    words: tuple[str, ...]
    flow: Any
    parameters: dict[str, Any] = field(default_factory=dict)
    budget: str | None = None
    without: tuple[str, ...] = ()


TABLE: list[Broken] = []
Body = Callable[..., Coroutine[Any, Any, Any]]


def broken(
    *words: str, budget: str | None = None, without: tuple[str, ...] = (), **parameters: Any
) -> Callable[[Body], Body]:
    def declare(body: Body) -> Body:
        name = body.__name__.replace("_", " ")
        TABLE.append(Broken(name, words, flow(body, name=name, validate_parameters=True), parameters, budget, without))
        return body

    return declare


# -- models and keys --


@broken("generate_image", "flux-schnel", "Did you mean 'flux-schnell'", "prefect-media models")
async def misspelt_model() -> None:
    await generate_image("a cat", model="flux-schnel")


@broken("generate_image", "fall:fal-ai/flux/dev", "Did you mean 'fal:fal-ai/flux/dev'")
async def unknown_provider() -> None:
    await generate_image("a cat", model="fall:fal-ai/flux/dev")


@broken("generate_video", SDXL, "text-to-image, not image-to-video", "Models that do: ")
async def a_model_of_another_capability() -> None:
    await generate_video("a cat", image=await generate_image("a cat"), model=SDXL)


@broken("generate_image", "model", "empty list", "Expected a card id or a family name")
async def no_model_at_all() -> None:
    await generate_image("a cat", model=[])


@broken("generate_image", FLUX, "FAL_KEY", "set", without=("FAL_KEY",))
async def missing_key() -> None:
    await generate_image("a cat", model=FLUX)


@broken(
    "generate_speech",
    "ELEVENLABS_API_KEY",
    "REPLICATE_API_TOKEN",
    without=("ELEVENLABS_API_KEY", "REPLICATE_API_TOKEN"),
)
async def two_missing_keys() -> None:
    await together(generate_speech("hello", model=VOICE), generate_image("a cat", model=SDXL))


@broken("generate_image", "Unknown model 'no-such-model'", "prefect-media models")
async def a_misspelt_fallback() -> None:
    await generate_image("a fallback is wrong", model=[FLUX, "no-such-model"])


# -- parameters of models --


@broken("generate_image", SDXL, "4096", "256 to 2048", size="4096x4096")
async def too_large_a_picture(size: str) -> None:
    await generate_image("a cat", model=SDXL, size=size)


@broken("generate_image", "size='huge'", "1280x720")
async def a_size_that_is_none() -> None:
    await generate_image("a cat", model=FLUX, size="huge")


@broken("generate_video", KLING, "seconds=30", "5 or 10", "nearest is 10")
async def too_long_a_video() -> None:
    await generate_video("it walks", image=await generate_image("a cat"), model=KLING, seconds=30)


@broken("generate_video", "seconds=-1", "positive number")
async def a_negative_length() -> None:
    await generate_video("it walks", image=await generate_image("a cat"), model=KLING, seconds=-1)


@broken("generate_video", KLING, "seed=3", "does not take 'seed'", "It takes prompt")
async def a_parameter_that_the_model_lacks() -> None:
    await generate_video("it walks", image=await generate_image("a cat"), model=KLING, seed=3)


@broken("generate_image", "num_inference_steps", "9000", "1 to 500")
async def an_option_out_of_range() -> None:
    await generate_image("a cat", model=SDXL, options={"num_inference_steps": 9000})


@broken("generate_image", "num_inference_step", "not an option of this model", "Did you mean")
async def a_misspelt_option() -> None:
    await generate_image("a cat", model=SDXL, options={"num_inference_step": 20})


@broken("generate_image", "scheduler", "'FAST'", "DDIM", "K_EULER")
async def an_option_that_is_no_choice() -> None:
    await generate_image("a cat", model=SDXL, options={"scheduler": "FAST"})


@broken("generate_image", "format='bmp'", "png, jpeg, webp")
async def a_format_that_nothing_makes() -> None:
    await generate_image("a cat", model=FLUX, format="bmp")


@broken("generate_image", "prompt", "at least 1")
async def an_empty_prompt() -> None:
    await generate_image("", model=SDXL)


@broken("generate_speech", "text", "20000 characters", "at most 10000", text="word " * 4000)
async def too_long_a_text(text: str) -> None:
    await generate_speech(text, model="local:voice")


@broken("generate_image", "take=-1", "whole number from 0")
async def a_negative_take() -> None:
    await generate_image("a cat", model=FLUX, take=-1)


@broken("generate_video", "strict=True", "4 s was asked", KLING)
async def a_strict_length_between_two() -> None:
    await generate_video("it walks", image=await generate_image("a cat"), model=KLING, seconds=4, strict=True)


@broken("generate_music", "seconds=4000", "local:score", "0.5 to 300")
async def music_longer_than_the_model_makes() -> None:
    await generate_music("calm", model="local:score", seconds=4000)


@broken("generate_image", "missing a required argument: 'prompt'", "Parameters: prompt, model")
async def a_missing_argument() -> None:
    await generate_image(model=FLUX)  # type: ignore[call-arg]


@broken("generate_image", "unexpected keyword argument 'sized'", "Parameters: prompt, model, size")
async def a_misspelt_argument() -> None:
    await generate_image("a cat", model=FLUX, sized="64x64")  # type: ignore[call-arg]


# -- media that does not fit --


@broken("generate_video", SVD, "1024x1024", "1024x576")
async def a_square_picture_that_must_not_be_cropped() -> None:
    image = await generate_image("a cat", model=SDXL)
    await generate_video("it walks", image=image, model=SVD, fit="refuse")


@broken("generate_video", "image: video was given, image is wanted")
async def a_video_where_a_picture_goes() -> None:
    moving = await generate_video("a cat", image=await generate_image("a cat"), model="local:ken-burns")
    await generate_video("more", image=moving, model="local:ken-burns")  # type: ignore[arg-type]


@broken("merge", "voice: image was given, audio is wanted")
async def a_picture_where_sound_goes() -> None:
    image = await generate_image("a cat")
    await merge(await ken_burns(image), image)  # type: ignore[arg-type]


@broken("generate_video", "image", "found str 'cat.png'", "import_media(path)")
async def a_path_where_media_goes() -> None:
    await generate_video("it walks", image="cat.png", model=KLING)  # type: ignore[arg-type]


@broken("generate_video", "image", "found list", "A list is not taken here")
async def a_list_where_one_picture_goes() -> None:
    await generate_video("it walks", image=[await generate_image("a cat")], model=KLING)  # type: ignore[arg-type]


@broken("transcribe", "audio", "video was given", "audio is wanted")
async def a_video_to_write_down() -> None:
    await transcribe(await ken_burns(await generate_image("a cat")), model=WHISPER)  # type: ignore[arg-type]


@broken("lip_sync", "audio", "found NoneType", "audio is wanted")
async def lip_sync_without_sound() -> None:
    await lip_sync(await ken_burns(await generate_image("a cat")), None, model="replicate:bytedance/latentsync")  # type: ignore[arg-type]


@broken("upscale_image", "scale", "local:lanczos", "1 to 8")
async def too_much_upscaling() -> None:
    await upscale_image(await generate_image("a cat"), model="local:lanczos", scale=20)


@broken("edit_image", "image", "found NoneType", "image is wanted")
async def editing_nothing() -> None:
    await edit_image(None, "make it blue", model="local:remix")  # type: ignore[arg-type]


@broken("remove_background", "no-such", "Unknown model")
async def a_background_remover_that_is_not_there() -> None:
    await remove_background(await generate_image("a cat"), model="no-such")


@broken("generate_sound", "seconds=900", "local:ambience", "0.2 to 120")
async def too_long_a_sound() -> None:
    await generate_sound("rain", model="local:ambience", seconds=900)


# -- local operations --


@broken("ken_burns", "width is 641", "even", "642")
async def an_odd_frame() -> None:
    await ken_burns(await generate_image("a cat"), width=641)


@broken("concat", "there are none", "at least one")
async def joining_nothing() -> None:
    await concat([])


@broken("concat", "transition='swirl'", "crossfade")
async def an_unknown_transition() -> None:
    shot = await ken_burns(await generate_image("a cat"))
    await concat([shot, shot], transition="swirl")  # type: ignore[arg-type]


@broken("concat", "transition_s=9", "half of the shortest")
async def a_transition_longer_than_the_shots() -> None:
    shot = await ken_burns(await generate_image("a cat"), seconds=2)
    await concat([shot, shot], transition="crossfade", transition_s=9)


@broken("merge", "no voice, no music", "Give one of them")
async def merging_with_nothing() -> None:
    await merge(await ken_burns(await generate_image("a cat")))


@broken("merge", "duration='stretch'", "extend, loop, trim")
async def an_unknown_way_to_merge() -> None:
    voice = await generate_speech("hello", model="local:voice")
    await merge(await ken_burns(await generate_image("a cat")), voice, duration="stretch")  # type: ignore[arg-type]


@broken("fit_image", "multiple=0", "at least 1")
async def fitting_to_multiples_of_nothing() -> None:
    await fit_image(await generate_image("a cat"), width=64, height=64, multiple=0)


@broken("contact_sheet", "labels", "2 lines for 1")
async def labels_for_pictures_that_are_not_there() -> None:
    await contact_sheet([await generate_image("a cat")], labels=["one", "two"])


@broken("thumbnail", "media", "audio was given")
async def a_thumbnail_of_a_voice() -> None:
    await thumbnail(await generate_speech("hello", model="local:voice"))  # type: ignore[arg-type]


@broken("import_media", "nowhere.png", "Expected a file")
async def a_file_that_is_not_there() -> None:
    await import_media("nowhere.png")


# -- the flow itself --


@broken("generate_image", "1", "lists of different lengths", "unmapped")
async def mapping_lists_of_different_lengths() -> None:
    generate_image.map(["a", "b"], size=["64x64"], model=FLUX)


@broken("thumbnail", "unmapped(media)")
async def mapping_over_one_picture() -> None:
    thumbnail.map(await generate_image("a cat"), width=[32, 64])


@broken("field 'seconds'", "'long'", "Expected float", seconds="long")
async def a_parameter_of_the_wrong_type(seconds: float) -> None:
    await generate_music("calm", model="local:score", seconds=seconds)


@broken("field 'prompt' is missing", "Expected str")
async def a_missing_parameter(prompt: str) -> None:
    await generate_image(prompt, model=FLUX)


@broken("flow clip", "seconds", "less than or equal to 60")
async def a_flow_inside_with_a_bad_parameter() -> Video:
    return await clip("a cat", seconds=600)


@broken("flow refusing by itself raises ValueError: only cats", what="a dog")
async def refusing_by_itself(what: str) -> None:
    if "cat" not in what:
        raise ValueError("only cats")
    await generate_image(what, model=FLUX)


# -- money and time --


@broken("expected price is 0.70 USD", "budget of 0.50 USD", "Raise the budget", budget="0.50 USD")
async def over_budget() -> None:
    image = await generate_image("a cat")
    await together(
        generate_video("it walks", image=image, model=KLING), generate_video("it runs", image=image, model=KLING)
    )


@broken("generate_video", KLING, "0.3675", "budget=0.10 USD", "cheaper model")
async def a_call_over_its_own_budget() -> None:
    await generate_video("it walks", image=await generate_image("a cat"), model=KLING, budget="0.1 USD")


@broken("generate_video", "Budget('0.5 USD')", "0.7")
async def over_a_budget_inside() -> None:
    image = await generate_image("a cat")
    with Budget("0.5 USD"):
        await generate_video("it walks", image=image, model=KLING)
        await generate_video("it runs", image=image, model=KLING)


@broken("generate_video", "timeout_seconds=5", "usually takes", "Allow more")
async def too_little_time() -> None:
    image = await generate_image("a cat")
    await generate_video.with_options(timeout_seconds=5)("it walks", image=image, model=KLING)


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.name)
def test_a_broken_flow_is_refused(
    case: Broken, running: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in running.env.items():
        if name not in case.without:
            monkeypatch.setenv(name, value)
    found = plan(case.flow, budget=case.budget, **case.parameters)
    assert not found.ok
    text = "\n".join(found.problems)
    assert [word for word in case.words if word not in text] == [], text
    with pytest.raises(PlanError) as caught:
        found.raise_for_problems()
    assert caught.value.problems == tuple(found.problems)
    assert running.events() == []


def test_there_are_enough_of_them() -> None:
    assert len(TABLE) >= 40


def test_all_problems_are_told_at_once() -> None:
    @flow
    async def much_is_wrong() -> None:
        image, voice = await together(
            generate_image("a cat", model="flux-schnel"), generate_speech("", model="local:voice")
        )
        video = await generate_video("it walks", image=image, model=KLING, seconds=30)
        await merge(video, voice, duration="stretch")  # type: ignore[arg-type]

    problems = plan(much_is_wrong).problems
    assert [line.partition(":")[0] for line in problems] == [
        "generate_image",
        "generate_speech",
        "generate_video",
        "merge",
    ]


@flow
async def of_two_files(clip: Video, other: str) -> Video:
    """Both kinds of import: one whose kind is known, one whose kind is not."""
    fitted = await fit_video(clip, width=32, height=32)
    return await concat([fitted, await import_media(other)])


def test_what_takes_a_file_that_is_no_media_is_no_problem_more(tmp_path: Path) -> None:
    first, second = tmp_path / "first.mp4", tmp_path / "second.mp4"
    for path in (first, second):
        path.write_text("hello")
    problems = plan(of_two_files, clip=str(first), other=str(second)).problems
    assert [line.partition(":")[0] for line in problems] == ["import_media", "import_media"]
