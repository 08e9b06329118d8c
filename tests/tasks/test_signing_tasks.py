"""Content credentials through tasks: what media was made from is known, kept and signed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prefect import flow

import prefect_media as pm
from prefect_media import Audio, ConfigurationError, Image, MediaMissingError, ParameterError, Video, read_credentials
from prefect_media.media.intake import admit, admit_bytes
from prefect_media.media.lineage import made_of, parts_of
from prefect_media.media.provenance import read_provenance
from prefect_media.media.samples.making import sample_audio, sample_image, sample_video
from prefect_media.media.signing.sign import sign_media as sign_file
from prefect_media.media.types import Media, Origin

from ..certificates import Signing


def called(data: bytes, model: str, *given: Media) -> Any:
    """Return media as a call to a model gives it."""
    parts = tuple(part.model_copy(update={"role": "input"}) for media in given for part in parts_of(media))
    key = f"{abs(hash(model)):064x}"[:64]
    return admit_bytes(data, origin=Origin(made_by=model, call_key=key, made_from=parts))


@pytest.fixture
def photo() -> Image:
    media = admit_bytes(sample_image(64, 48), origin=Origin(made_by="import"))
    assert isinstance(media, Image)
    return media


@pytest.fixture
def painted() -> Image:
    return called(sample_image(64, 48, variant=1), "fal:fal-ai/flux/dev")


@pytest.fixture
def moved(painted: Image) -> Video:
    return called(sample_video(64, 48, 0.5, frame_rate=10), "local:ken-burns", painted)


@pytest.fixture
def voice() -> Audio:
    return called(sample_audio(0.5, format="wav", sample_rate_hz=16_000), "elevenlabs:eleven_v3")


def found_in(media: Media, signing: Signing) -> Any:
    found = read_credentials(media, trust=signing.authority)
    assert found is not None
    assert found.state == "Trusted", found
    return found


async def test_a_clip_knows_its_parts_and_signs_them(
    moved: Video, voice: Audio, painted: Image, certified: Signing
) -> None:
    clip = await pm.merge(await pm.fade_video(moved, in_s=0.1, out_s=0.1), await pm.change_volume(voice, gain_db=-3))
    roles = {part.digest: part.role for part in clip.made.made_from}
    assert roles == {moved.digest: "component", painted.digest: "input", voice.digest: "component"}
    assert made_of(clip) == "composite"
    assert read_credentials(clip) is None, "nothing is signed unless it is asked for"

    signed = await pm.sign_media(clip)
    assert (signed.size, signed.duration_s, signed.has_audio) == (clip.size, clip.duration_s, True)
    assert signed != clip
    found = found_in(signed, certified)
    assert found.source_types[0] == "compositeWithTrainedAlgorithmicMedia"
    assert found.actions == ("c2pa.created", "c2pa.placed", "c2pa.placed")
    assert [(each.title, each.relationship) for each in found.ingredients] == [
        ("video by local:ken-burns", "componentOf"),
        ("image by fal:fal-ai/flux/dev", "inputTo"),
        ("audio by elevenlabs:eleven_v3", "componentOf"),
    ]
    assert (signed.made.made_by, signed.made.signed) == ("merge", True)


@pytest.mark.parametrize(
    ("model", "source_type"),
    [("fal:fal-ai/flux/dev", "trainedAlgorithmicMedia"), ("local:landscape", "algorithmicMedia")],
)
async def test_what_a_call_made_says_what_made_it(model: str, source_type: str, certified: Signing) -> None:
    image = called(sample_image(64, 48), model)
    found = found_in(await pm.sign_media(image), certified)
    assert (found.source_types, found.actions, found.ingredients) == ((source_type,), ("c2pa.created",), ())
    fitted = found_in(await pm.sign_media(await pm.fit_image(image, width=32)), certified)
    assert fitted.source_types == (source_type,)
    assert [each.relationship for each in fitted.ingredients] == ["componentOf"]


async def test_a_signature_is_cached_by_what_is_signed(
    painted: Image, photo: Image, certified: Signing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(**options: Any) -> tuple[str, Image]:
        state = await pm.sign_media(**{"media": painted, **options}, return_state=True)
        return state.name, await state.aresult()

    first = await run()
    assert first[0] == "Completed"
    assert await run() == ("Cached", first[1])
    assert (await run(ingredients=[photo]))[0] == "Completed"
    assert (await run(title="Cape"))[0] == "Completed"
    same_bytes = painted.model_copy(update={"origin": Origin(made_by="local:landscape", call_key="ab" * 32)})
    assert (await run(media=same_bytes))[0] == "Completed", "another record of the same bytes"
    chain, key = certified.issue("Other")
    monkeypatch.setenv("PREFECT_MEDIA_C2PA_CERTIFICATE", str(chain))
    monkeypatch.setenv("PREFECT_MEDIA_C2PA_KEY", str(key))
    assert (await run())[0] == "Completed", "another signer"
    first[1].path().unlink()
    assert painted.exists()


async def test_credentials_that_came_in_survive_or_their_loss_is_told(
    photo: Image, certified: Signing, tmp_path: Path
) -> None:
    sign_file(photo.path(), [], tmp_path / "photo.png", made="model", made_by="camera")
    brought = await pm.import_media(tmp_path / "photo.png")
    assert found_in(brought, certified).is_generated
    assert brought.save(tmp_path / "saved.png").read_bytes() == (tmp_path / "photo.png").read_bytes()

    fitted = await pm.fit_image(brought, width=32)  # type: ignore[arg-type]
    small = await pm.crop_image(fitted, left=0.1, top=0.0, right=0.9, bottom=1.0)
    assert read_credentials(small) is None
    told = (
        f"The content credentials of {brought.digest[:12]}.png (import) are not carried on by local operations. sign_media "
        "on the result keeps them.",
    )
    assert small.made.lost_credentials == told

    signed = await pm.sign_media(small)
    found = found_in(signed, certified)
    assert (found.actions, found.is_generated) == (("c2pa.opened", "c2pa.edited"), True)
    assert [(each.title, each.relationship, each.is_signed) for each in found.ingredients] == [
        ("image by import", "parentOf", True)
    ]
    assert signed.made.lost_credentials == ()

    written = await pm.write_provenance(signed, made="model")
    assert read_credentials(written) is None
    assert read_provenance(written.path()) is not None
    assert (len(written.made.lost_credentials), written.made.signed) == (1, False)


async def test_what_is_made_of_something_signed_has_it_as_its_parent(
    moved: Video, voice: Audio, certified: Signing
) -> None:
    clip = await pm.sign_media(await pm.merge(moved, voice))
    later = await pm.sign_media(await pm.fade_video(clip, in_s=0.1, out_s=0.1))
    found = found_in(later, certified)
    assert [(each.relationship, each.is_signed) for each in found.ingredients] == [("parentOf", True)]
    assert found.source_types[0] == "compositeWithTrainedAlgorithmicMedia"
    assert "trainedAlgorithmicMedia" in found.source_types, "of the voice, in the credentials of the clip"


async def test_what_is_known_of_origin_serves_written_records_too(moved: Video, voice: Audio) -> None:
    clip = await pm.merge(moved, voice)
    record = read_provenance((await pm.write_provenance(clip)).path())
    assert record is not None
    assert (record.made, record.model) == ("composite", "local:ken-burns, elevenlabs:eleven_v3")
    assert record.call_key == f"{moved.made.call_key}, {voice.made.call_key}"


async def test_a_record_knows_the_call_after_a_conversion(painted: Image) -> None:
    record = read_provenance((await pm.write_provenance(await pm.convert_image(painted, format="jpeg"))).path())
    assert record is not None
    assert (record.made, record.model, record.call_key) == ("model", "fal:fal-ai/flux/dev", painted.made.call_key)


async def test_lost_ingredients_are_named_and_can_be_left_out(painted: Image, photo: Image, certified: Signing) -> None:
    small = await pm.overlay(painted, photo)
    photo.path().unlink()
    with pytest.raises(MediaMissingError, match=f"does not hold {photo.digest[:12]}"):
        await pm.sign_media(small)
    found = found_in(await pm.sign_media(small, ingredients=[painted]), certified)
    assert [each.title for each in found.ingredients] == ["image by fal:fal-ai/flux/dev"]
    assert found_in(await pm.sign_media(small, ingredients=[]), certified).ingredients == ()


async def test_signing_is_refused_without_a_certificate(painted: Image) -> None:
    with pytest.raises(ConfigurationError, match="PREFECT_MEDIA_C2PA_CERTIFICATE and PREFECT_MEDIA_C2PA_KEY not set"):
        await pm.sign_media(painted)
    with pytest.raises(ParameterError, match="ingredients: found str 'a.png', image or video or audio is wanted"):
        await pm.sign_media(painted, ingredients=["a.png"])  # type: ignore[list-item]


async def test_word_timings_stay_with_a_signed_voice(voice: Audio, certified: Signing, tmp_path: Path) -> None:
    words = (pm.media.types.Word(text="one", start_s=0.1, end_s=0.2),)
    spoken = admit(voice.path(), words=words, origin=voice.origin)
    signed = await pm.sign_media(spoken)
    assert isinstance(signed, Audio)
    assert signed.words == words


@flow
async def signed_picture(photo: str) -> Image:
    return await pm.sign_media(await pm.fit_image(await pm.import_media(photo, kind="image"), width=32))  # type: ignore[arg-type,return-value]


async def test_a_plan_warns_of_credentials_and_refuses_what_cannot_be_signed(
    photo: Image, certified: Signing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_file(photo.path(), [], tmp_path / "photo.png", made="model")
    found = pm.plan(signed_picture, photo=str(tmp_path / "photo.png"))
    assert found.problems == []
    assert (
        "'photo.png' carries content credentials. Local operations do not carry them on; sign_media on what is made of it "
        "does." in found.warnings
    )
    photo.save(tmp_path / "plain.png")
    assert pm.plan(signed_picture, photo=str(tmp_path / "plain.png")).warnings == []
    monkeypatch.delenv("PREFECT_MEDIA_C2PA_KEY")
    refused = pm.plan(signed_picture, photo=str(tmp_path / "plain.png"))
    assert len(refused.problems) == 1
    assert refused.problems[0].startswith("sign_media: Cannot sign: PREFECT_MEDIA_C2PA_KEY not set.")
