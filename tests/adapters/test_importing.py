"""Cards imported over real HTTP from the simulator's schemas, held against the hand-made ones, and called."""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prefect_media.adapters.card import Card, parse_text
from prefect_media.adapters.catalogue import entries, find, get
from prefect_media.adapters.importing.run import import_card
from prefect_media.adapters.prices import actual, estimate
from prefect_media.adapters.registry import create
from prefect_media.adapters.resolve import request_of, resolve
from prefect_media.errors import (
    AuthenticationError,
    CardError,
    MissingCredentialsError,
    ParameterError,
    ProviderUnavailableError,
    UnknownAdapterError,
    UnknownModelError,
)
from prefect_media.media.intake import admit
from prefect_media.media.samples.making import sample_image
from prefect_media.media.types import Image
from prefect_media.settings import get_settings
from prefect_media.testing.models import _builtin
from prefect_media.testing.simulator import Simulator

VERSION = "a" * 64
PAINTER: dict[str, Any] = {
    "ids": ["fal:acme/painter/fast"], "kind": "image", "output": "images", "size": "image_size", "count": "num_images",
    "price": "0.01/image", "run_s": 0.2,
    "input": [
        "prompt* string", "image_size size = landscape_4_3", "num_images int 1..4 = 1", "seed int",
        "guidance float 0..20 = 3.5", "style enum ink|oil = oil", "output_format enum jpeg|png = png", "sync_mode bool = false",
    ],
}  # fmt: skip
WALKER: dict[str, Any] = {
    "ids": ["replicate:acme/walker"], "kind": "video", "output": "one", "size": "input", "seconds": "duration",
    "versions": [VERSION], "run_s": 0.2,
    "input": ["prompt string", "image* file", "duration enum 1|2 = 1", "motion int 1..10 = 5", "seed int"],
}  # fmt: skip
SINGER: dict[str, Any] = {
    "ids": ["replicate:acme/reader"], "kind": "audio", "output": "one", "seconds": "speech text", "versions": ["b" * 64],
    "run_s": 0.2, "input": ["text* string", "voice enum Ann|Bob = Ann", "speed float 0.5..2 = 1"],
}  # fmt: skip


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(faults={"model": [PAINTER, WALKER, SINGER]}) as running:
        yield running


@pytest.fixture(autouse=True)
def pointed(simulator: Simulator, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (simulator.env | {"REPLICATE_API_TOKEN": secret, "FAL_KEY": secret}).items():
        monkeypatch.setenv(name, value)
    simulator.reset()


def cards() -> Path:
    return get_settings().home / "cards"


# ---- against the hand-made cards ----

HOSTED = sorted(
    card_id
    for model in _builtin()
    for card_id in model.ids
    if card_id.startswith(("fal:", "replicate:")) and card_id in entries()
)
SILENT = (None, (), "text")
"""What an imported parameter says where the schema says nothing."""
KNOWN: dict[tuple[str, str], str] = {
    ("fal:fal-ai/fast-sdxl", "format.field"): "the hand-made card renames nothing",
    ("fal:fal-ai/birefnet/v2", "format.choices"): "animations are left out by hand",
    ("replicate:nightmareai/real-esrgan", "scale.min"): "a factor below 1 is left out by hand",
    ("fal:fal-ai/latentsync", "options.loop_mode.type"): "the hand-made card takes any text",
    (
        "fal:fal-ai/elevenlabs/music",
        "seconds.default",
    ): "fal names none; by hand one is sent, so that the price is known",
    (
        "replicate:stability-ai/stable-video-diffusion",
        "options.sizing_strategy.choices",
    ): "its own crop is left out by hand: crops are planned as conversions",
    ("fal:fal-ai/hunyuan-video", "options.enable_safety_checker.default"): "on by default by hand",
}
TEXT_NUMBERS = ("options.bitrate", "options.sample_rate")
"""The simulator publishes choices of numbers as texts."""


def facts(rule: Any) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in ("type", "field", "default", "min", "max", "step", "choices")}


def differences(packaged: Card, imported: Card) -> Iterator[tuple[str, Any, Any]]:
    """Give each fact of a parameter that both cards have and that differs, where the schema is not silent."""
    ours = packaged.parameters | {f"options.{name}": rule for name, rule in packaged.options.items()}
    theirs = imported.parameters | {f"options.{name}": rule for name, rule in imported.options.items()}
    for name in sorted(ours.keys() & theirs.keys()):
        found = facts(theirs[name])
        for fact, value in facts(ours[name]).items():
            if found[fact] != value and found[fact] not in SILENT and not name.startswith(TEXT_NUMBERS):
                yield f"{name}.{fact}", value, found[fact]
    if packaged.seconds and imported.seconds and packaged.seconds.strategy == imported.seconds.strategy:
        for fact, value in packaged.seconds.model_dump(exclude={"tolerance_s", "longest"}).items():
            if getattr(imported.seconds, fact) != value:
                yield f"seconds.{fact}", value, getattr(imported.seconds, fact)


async def test_what_a_schema_says_agrees_with_every_hand_made_card(tmp_path: Path) -> None:
    wrong: list[str] = []
    for card_id in HOSTED:
        packaged = get(card_id)
        done = await import_card(card_id, out=tmp_path / "card.toml", replace=True)
        for where, value, found in differences(packaged, done.card):
            if (card_id, where) not in KNOWN:
                wrong.append(f"{card_id} {where}: by hand {value!r}, imported {found!r}")
        if (missing := set(packaged.parameters) - set(done.card.parameters)) - {"voice", "format"}:
            wrong.append(f"{card_id}: imported without {missing}")
        assert done.card.output_kind == packaged.output_kind, card_id
        # Kontext makes pictures from nothing as well, which its hand-made card at Replicate does not offer.
        if card_id != "replicate:black-forest-labs/flux-kontext-pro":
            assert done.card.capability == packaged.capability, card_id
        assert done.card.price.rule == "unknown" or not done.card.price.verified
        assert "times" in {item.where for item in done.left}
    assert wrong == [], "\n".join(wrong)


async def test_inputs_and_sizes_are_placed(tmp_path: Path) -> None:
    done = await import_card("fal:fal-ai/bytedance/seedance/v1/pro/image-to-video", out=tmp_path / "card.toml")
    packaged, size = get(done.card.id), done.card.size
    assert {name: (rule.field, rule.kind, rule.required) for name, rule in done.card.inputs.items()} == {
        "image": ("image_url", "image", True),
        "last_image": ("end_image_url", "image", False),
    }
    assert size is not None
    assert size.strategy == "choices"
    rows = {row.sends: row.px for row in packaged.size.rows if row.ratio != "21:9"}  # type: ignore[union-attr]
    found = {row.sends: row.px for row in size.rows}
    assert {sends: found[sends] for sends in rows} == rows
    assert size.rows[0].model_dump(by_alias=True) == {
        "is": ("auto", "1080p"),
        "px": None,
        "ratio": "",
        "follow": "image",
    }


# ---- where cards go, and what is never written over ----


async def test_an_imported_card_is_found_and_says_what_is_left() -> None:
    done = await import_card("fal:acme/painter/fast")
    assert done.path == cards() / "fal" / "acme--painter--fast.toml"
    text = done.path.read_text()
    assert text.startswith(
        "# Imported from what fal publishes; `prefect-media models show` tells it.\n# What the schema"
    )
    assert "# COMPLETE: 0.01 USD for each of 'images' is published; whether options change it is not.\n[price]" in text
    assert [item.where for item in done.left] == ["size", "price", "times"]
    card = find("painter-fast", "text-to-image")
    assert card == done.card == Card.model_validate(tomllib.loads(text) | {"cancel": card.cancel})
    assert (card.version, card.fixed, card.options["style"].choices) == (
        1, {"num_images": 1, "sync_mode": False}, ("ink", "oil"),
    )  # fmt: skip
    assert (done.former, done.replaces, done.how) == (None, False, "")


async def test_what_was_completed_by_hand_is_kept() -> None:
    done = await import_card("replicate:acme/walker")
    completed = done.path.read_text().replace('rule = "unknown"', 'rule = "output"\nusd = 0.2')
    done.path.write_text(completed)
    with pytest.raises(
        CardError, match=r"walker.toml is there already, and may hold what was completed by hand\. With --rep"
    ):
        await import_card("replicate:acme/walker")
    assert done.path.read_text() == completed
    again = await import_card("replicate:acme/walker", replace=True)
    assert again.former is not None
    assert again.former.read_text() == completed
    assert again.card.version == 1  # the same request is sent as before, so finished calls stay good
    third = await import_card("replicate:acme/walker", replace=True)
    assert third.former is not None
    assert third.former != again.former
    assert get("replicate:acme/walker").price.rule == "unknown"


async def test_the_version_rises_when_another_request_would_be_sent() -> None:
    done = await import_card("replicate:acme/walker")
    done.path.write_text(done.path.read_text().replace("default = 5", "default = 7"))
    assert (await import_card("replicate:acme/walker", replace=True)).card.version == 2


async def test_a_packaged_card_is_only_replaced_when_asked() -> None:
    card_id = "fal:fal-ai/flux/dev"
    with pytest.raises(
        CardError, match=r"^fal:fal-ai/flux/dev is a packaged card, made and completed by hand; .* --replace"
    ):
        await import_card(card_id)
    assert not cards().exists()
    before = get(card_id)
    done = await import_card(card_id, replace=True)
    assert (done.replaces, done.former, done.card.version) == (True, None, before.version + 1)
    assert (done.card.family, get(card_id)) == (before.family, done.card)
    done.path.unlink()
    assert get(card_id) == before


async def test_a_file_of_ones_own_choice(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "card.toml"
    done = await import_card("fal:fal-ai/flux/dev", out=target)
    assert (done.path, done.replaces) == (target, False)
    assert get("fal:fal-ai/flux/dev").source != done.card.source
    with pytest.raises(CardError, match="is there already"):
        await import_card("fal:fal-ai/flux/dev", out=target)
    with pytest.raises(CardError, match="is a folder"):
        await import_card("fal:fal-ai/flux/dev", out=tmp_path)
    with pytest.raises(CardError, match=r"^Cannot write the card .*below.toml: File exists\.$"):
        await import_card("fal:fal-ai/flux/dev", out=target / "below.toml")


async def test_one_id_has_one_file_and_one_file_one_card() -> None:
    mine = cards() / "mine.toml"
    done = await import_card("replicate:acme/walker", out=mine)
    assert (
        await import_card("replicate:acme/walker", replace=True)
    ).path == mine  # where the card is, wherever that is
    with pytest.raises(CardError, match=r"mine.toml holds the card replicate:acme/walker\. Move it"):
        await import_card("fal:acme/painter/fast", out=mine, replace=True)
    with pytest.raises(CardError, match="holds the card replicate:acme/walker"):
        await import_card("replicate:acme/walker", out=cards() / "other.toml")
    assert done.card.id in entries()


async def test_a_family_of_others_is_not_joined_unasked() -> None:
    own = cards() / "own.toml"
    own.parent.mkdir(parents=True)
    done = await import_card("replicate:acme/walker", out=own)
    own.write_text(own.read_text().replace("acme/walker", "else/reader").replace('"walker"', '"reader"'))
    assert (await import_card("replicate:acme/reader")).card.family == "acme-reader"
    assert done.card.family == "walker"


# ---- what is asked for ----


async def test_a_capability_that_is_said_makes_a_card_of_its_own() -> None:
    done = await import_card("replicate:black-forest-labs/flux-dev#image-to-image", replace=True)
    assert (done.card.id, done.card.capability) == (
        "replicate:black-forest-labs/flux-dev#image-to-image",
        "image-to-image",
    )
    assert done.card.inputs["image"].required
    assert done.how == ""
    plain = await import_card("replicate:black-forest-labs/flux-dev", replace=True)
    assert plain.card.inputs == {}
    assert "Made for use without pictures: image can be had with a card of another capability." in plain.remarks


async def test_a_version_that_is_named_is_pinned() -> None:
    done = await import_card(f"replicate:acme/walker:{VERSION}")
    assert (done.card.id, done.card.extra) == ("replicate:acme/walker", {"version": VERSION})
    with pytest.raises(
        UnknownModelError, match=rf"^Replicate knows no acme/walker:{'c' * 64}, or this token may not see it"
    ):
        await import_card(f"replicate:acme/walker:{'c' * 64}", replace=True)


@pytest.mark.parametrize(
    ("model", "cls", "message"),
    [
        ("flux", UnknownModelError, "Cannot import 'flux'. Expected provider:id, such as fal:fal-ai/flux/dev."),
        ("fal:", UnknownModelError, "Cannot import 'fal:'. Expected"),
        ("nix:a/b", UnknownAdapterError, "Unknown adapter 'nix'. Known: 'elevenlabs', 'fal'"),
        (
            "openai:gpt-image-2",
            CardError,
            "'openai' publishes no schemas of its models; fal and replicate do. Write the card",
        ),
        ("local:voice", CardError, "'local' publishes no schemas"),
        ("fal:fal-ai/nothing", UnknownModelError, "fal knows no model fal-ai/nothing. See fal.ai/models"),
        ("replicate:acme/nothing", UnknownModelError, "Replicate knows no acme/nothing, or this token may not see it."),
        ("replicate:acme", UnknownModelError, "'acme' is not the name of a model at Replicate. Expected owner/name"),
        ("replicate:acme/walker:1.0", UnknownModelError, "'acme/walker:1.0' is not the name of a model at Replicate."),
        ("fal:flux", UnknownModelError, "'flux' is not the name of a model at fal. Expected owner/alias"),
        ("fal:../../../etc/passwd", UnknownModelError, "'../../../etc/passwd' is not the name of a model at fal."),
        ("fal:a/b/../../c", UnknownModelError, "'a/b/../../c' is not the name of a model at fal."),
        ("fal:a/b%2f..%2fc", UnknownModelError, "'a/b%2f..%2fc' is not the name"),
        ("fal:a/b?x=1", UnknownModelError, "'a/b?x=1' is not the name"),
        ("fal:a/\x1b[31mb\nc", UnknownModelError, "'a/[31mb c' is not the name"),
        ("replicate:a/b\\..\\c", UnknownModelError, "is not the name of a model at Replicate."),
        ("fal:acme/painter/fast#paint", UnknownModelError, "Unknown capability 'paint'. Known: text-to-image"),
        ("fal:acme/painter/fast#upscale", CardError, "fal:acme/painter/fast takes no image that is known by its name"),
        (
            "fal:acme/painter/fast#speech",
            CardError,
            "fal:acme/painter/fast returns image, not audio, so it does not do speech.",
        ),
    ],
)
async def test_what_cannot_be_imported_is_refused_before_anything_is_written(
    model: str, cls: type[Exception], message: str
) -> None:
    with pytest.raises(cls) as caught:
        await import_card(model)
    assert str(caught.value).startswith(message) or message in str(caught.value)
    assert not cards().exists()


async def test_a_missing_key_a_wrong_key_and_a_broken_provider(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.faults.add("auth", moment="describe", count=1)
    with pytest.raises(
        AuthenticationError, match="replicate: could not read what is published|read what is published about"
    ):
        await import_card("replicate:acme/walker")
    simulator.faults.add("server-error", moment="describe", status=503, count=1)
    with pytest.raises(ProviderUnavailableError):
        await import_card("fal:acme/painter/fast")
    monkeypatch.delenv("FAL_KEY")
    with pytest.raises(MissingCredentialsError, match="set FAL_KEY"):
        await import_card("fal:acme/painter/fast")
    assert not cards().exists()


# ---- and then called ----


@pytest.mark.parametrize(
    ("model", "given", "options", "inputs"),
    [
        ("fal:acme/painter/fast", {"prompt": "a", "aspect_ratio": "16:9", "format": "jpeg"}, {"style": "ink"}, ()),
        ("replicate:acme/walker", {"seconds": 1.5}, {"motion": 3}, ("image",)),
        ("replicate:acme/reader", {"text": "Good evening", "voice": "Bob"}, None, ()),
        ("replicate:black-forest-labs/flux-schnell", {"prompt": "a", "aspect_ratio": "4:5"}, None, ()),
        ("fal:fal-ai/kling-video/v2.5-turbo/pro/image-to-video", {"prompt": "a", "seconds": 5}, None, ("image",)),
        ("fal:fal-ai/chatterbox/text-to-speech", {"text": "Good evening"}, {"temperature": 0.5}, ()),
    ],
)
async def test_a_call_runs_with_an_imported_card(
    simulator: Simulator,
    scratch: Path,
    photograph: Image,
    model: str,
    given: dict[str, Any],
    options: dict[str, Any] | None,
    inputs: tuple[str, ...],
) -> None:
    card = (await import_card(model, replace=True)).card
    resolved = resolve(card, given, options, dict.fromkeys(inputs, photograph))
    adapter = create(card.provider)
    try:
        submission = await adapter.submit(request_of(card, resolved), scratch)
        snapshot = submission.snapshot
        while not snapshot.status.ended:
            await asyncio.sleep(0.02)
            snapshot = await adapter.check(submission.job, scratch)
        assert snapshot.error is None
        await adapter.fetch(snapshot.outputs[0], scratch / "made")
    finally:
        await adapter.aclose()
    media = admit(scratch / "made", kind=card.output_kind)
    bill = simulator.bill
    assert bill.calls == 1
    price = estimate(card, resolved)
    assert price.known == (card.provider == "fal")
    if price.known:  # fal publishes one price for each, and the simulator bills by it
        assert actual(card, resolved, snapshot.usage, [media]) == bill.usd


@pytest.fixture
def photograph(tmp_path: Path) -> Image:
    path = tmp_path / "photograph.png"
    path.write_bytes(sample_image(640, 360, format="png"))
    found = admit(path, kind="image")
    assert isinstance(found, Image)
    return found


async def test_a_size_in_pixels_is_refused_where_pixels_are_not_known(tmp_path: Path) -> None:
    card = (await import_card("fal:fal-ai/imagen4/preview/fast", out=tmp_path / "card.toml")).card
    assert resolve(card, {"prompt": "a", "aspect_ratio": "9:16"}).payload["aspect_ratio"] == "9:16"
    with pytest.raises(
        ParameterError, match=r"size='1024x1024': how many pixels this model makes is not known\. Ask for an"
    ):
        resolve(card, {"prompt": "a", "size": "1024x1024"})


def snippets() -> list[str]:
    """Return the examples of rules on the page about one's own cards, each with its table's head."""
    page = (Path(__file__).parents[2] / "docs" / "own-cards.md").read_text()
    found: list[str] = []
    for block in re.findall(r"```toml\n(.*?)```", page.partition("## Write the price")[2], re.DOTALL):
        for part in block.split("\n\n"):
            found.append(part if part.startswith("[") else "[price]\n" + part)
    return found


@pytest.mark.parametrize("snippet", snippets())
def test_the_rules_on_the_page_are_valid(snippet: str) -> None:
    text = """
        id = "fal:me/mine"
        version = 1
        family = "mine"
        title = "Mine"
        capability = "image-to-video"
        source = "me"
        date = 2026-11-01
        [times]
        expected_s = 1
        deadline_s = 10
        [inputs.image]
        kind = "image"
    """ + ("" if snippet.startswith("[price]") else '[price]\nrule = "unknown"\n')
    assert parse_text(f"{text}\n{snippet}", "of the page").id == "fal:me/mine"
