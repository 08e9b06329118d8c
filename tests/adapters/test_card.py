"""Cards are checked when they are loaded; errors name file and field."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from prefect_media.adapters import registry
from prefect_media.adapters.card import Card, merged, parse_card
from prefect_media.adapters.catalogue import all_cards
from prefect_media.errors import CardError

GOOD = """
id = "fal:test/model"
version = 1
family = "test"
title = "Test"
capability = "text-to-image"
source = "made up"
date = 2026-01-01
price = { rule = "free" }
times = { expected_s = 1, deadline_s = 10 }

[parameters.prompt]
type = "text"
required = true
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "cards" / "model.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_a_good_card_loads(tmp_path: Path) -> None:
    card = parse_card(written(tmp_path, GOOD))
    assert (card.provider, card.model, card.output_kind, card.is_local) == ("fal", "test/model", "image", False)
    assert card.accepted == ("prompt",)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (("version = 1", "version = 0"), "version: Input should be greater than or equal to 1 (found 0)"),
        (("text-to-image", "text-to-picture"), "capability: Input should be 'text-to-image', 'image-to-image'"),
        (('title = "Test"\n', ""), "title: Field required"),
        (('title = "Test"', 'title = "Test"\ncolour = "red"'), "colour: Extra inputs are not permitted (found 'red')"),
        (("fal:test/model", "no provider"), "id: String should match pattern"),
        (("2026-01-01", '"yesterday"'), "date: Input should be a valid date"),
        (
            ('rule = "free"', 'rule = "per_banana"'),
            "price: Input tag 'per_banana' found using 'rule' does not match any",
        ),
        (
            ('rule = "free"', 'rule = "output", usd = "many"'),
            "price.output.usd: Input should be a valid decimal (found 'many')",
        ),
        (("[parameters.prompt]", "[parameters.promt]"), "parameters.promt: not one of prompt, negative_prompt"),
        (("[parameters.prompt]", "[parameters.promt]"), "Did you mean 'prompt'? Use `options`."),
        (('type = "text"', 'type = "txt"'), "parameters.prompt.type: Input should be 'text', 'integer'"),
        (
            ("required = true", "required = true\ndefault = 'x'"),
            "parameters.prompt: a required parameter has no default",
        ),
    ],
)
def test_a_wrong_field_is_named_with_file_and_value(tmp_path: Path, wrong: tuple[str, str], expected: str) -> None:
    assert wrong[0] in GOOD
    with pytest.raises(CardError, match=re.escape(expected)) as caught:
        parse_card(written(tmp_path, GOOD.replace(*wrong)))
    assert str(caught.value).startswith("Card cards/model.toml is not valid: ")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ('[parameters.seed]\ntype = "integer"\ndefault = "a"', "parameters.seed: default 'a' is not a whole number."),
        (
            '[options.steps]\ntype = "integer"\nmin = 1\nmax = 4\ndefault = 9',
            "options.steps: default 9 is not allowed; allowed is integer from 1 to 4. The nearest is 4.",
        ),
        ('[options.style]\ntype = "choice"', "options.style: `choices` goes with type 'choice'"),
        (
            '[options.seed]\ntype = "integer"',
            "options.seed: this is a unified name; use `parameters`, `size` or `seconds`.",
        ),
        (
            '[options.text]\ntype = "text"\n[fixed]\nn = 1\n[options.n]\ntype = "integer"',
            "options.text: this is a unified name",
        ),
        (
            '[options.n]\ntype = "integer"\n[fixed]\nn = 1',
            "fixed.n: provider field 'n' is also written by options.n.",
        ),
        (
            '[inputs.picture]\nkind = "image"',
            "inputs.picture: not one of image, last_image, images, mask, video, audio.",
        ),
        (
            '[inputs.image]\nkind = "image"\n[inputs.image.contract]\nkind = "audio"',
            "inputs.image: the contract is for audio, the input is image",
        ),
        ('[size]\nstrategy = "input"\ninput = "image"', "size.input: 'image' is not an input of this card."),
        (
            '[size]\nstrategy = "pixels"\ndefault = [100, 64]\nmax_px = 128\nmultiple = 8',
            "size.pixels: default size is off the grid",
        ),
        (
            '[size]\nstrategy = "choices"\nfields = ["aspect_ratio"]\nrows = [{ is = ["1:1", "1K"], px = [8, 8] }]',
            "size.choices: row '1:1 1K (8x8)' has 2 values for 1 fields",
        ),
        (
            '[size]\nstrategy = "choices"\nrows = [{ is = [], ratio = "16x9" }]',
            "'16x9' is not an aspect ratio such as '16:9'",
        ),
        (
            '[seconds]\nstrategy = "choices"\nchoices = [5, 10]\ndefault = 6',
            "seconds.choices: `choices` must be sorted and hold `default`",
        ),
        ('[seconds]\nstrategy = "range"\nmin_s = 5\nmax_s = 3', "seconds.range: min_s <= default <= max_s must hold"),
        ('[seconds]\nstrategy = "frames"\ndefault = 14', "seconds.fps: 'fps' is neither a parameter nor an option"),
        ('[seconds]\nstrategy = "input"\ninput = "video"', "seconds.input: 'video' is not an input of this card."),
        ('[output]\nformat = "tga"', "output: format 'tga' is not one of png, jpeg"),
        (
            '[output]\nhas_audio = "sound"',
            "output.has_audio: 'sound' is neither a parameter nor an option of this card.",
        ),
    ],
)
def test_sections_are_checked_against_each_other(tmp_path: Path, more: str, expected: str) -> None:
    with pytest.raises(CardError, match=re.escape(expected)):
        parse_card(written(tmp_path, GOOD + more))


def test_every_wrong_field_is_in_one_error(tmp_path: Path) -> None:
    with pytest.raises(CardError) as caught:
        parse_card(written(tmp_path, GOOD.replace("version = 1", 'version = "x"').replace("Test", "") + "[times2]\n"))
    assert "version: " in str(caught.value)
    assert "times2: Extra inputs are not permitted" in str(caught.value)


def test_a_file_that_is_no_toml_or_not_there_is_a_card_error(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"^Card cards/model.toml is not valid TOML: .*line 1"):
        parse_card(written(tmp_path, "id = ?\n"))
    (tmp_path / "cards" / "model.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(CardError, match="is not valid TOML"):
        parse_card(tmp_path / "cards" / "model.toml")
    with pytest.raises(CardError, match=r"^Cannot read the card cards/none.toml: No such file"):
        parse_card(tmp_path / "cards" / "none.toml")


def test_what_a_provider_shares_lies_under_the_card() -> None:
    shared = {"source": "theirs", "cancel": {"queued": "free", "running": "billed"}}
    over = {"cancel": {"running": "impossible"}, "version": 2}
    assert merged(shared, over) == {
        "source": "theirs", "cancel": {"queued": "free", "running": "impossible"}, "version": 2,
    }  # fmt: skip
    assert shared["cancel"] == {"queued": "free", "running": "billed"}


CARDS = all_cards()


def test_there_are_cards_for_the_offline_models_and_at_least_forty_others() -> None:
    local = [card.family for card in CARDS if card.is_local]
    assert local == ["ambience", "ken-burns", "lanczos", "landscape", "remix", "score", "voice"]
    remote = {card.provider for card in CARDS} - {"local"}
    assert remote == {"elevenlabs", "fal", "openai", "replicate"}
    assert len(CARDS) - len(local) >= 40
    assert {card.capability for card in CARDS} == {
        "text-to-image", "image-to-image", "image-to-video", "text-to-video", "speech", "music", "sound", "transcribe",
        "lip-sync", "upscale", "remove-background",
    }  # fmt: skip


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_every_card_has_an_adapter_a_place_and_plausible_times(card: Card) -> None:
    assert card.provider in registry.names()
    assert card.times.expected_s < card.times.deadline_s
    assert card.date.year >= 2026
    assert card.id.partition("#")[2] in ("", card.capability)


@pytest.mark.parametrize("card", [card for card in CARDS if card.provider == "replicate"], ids=lambda card: card.id)
def test_community_models_on_replicate_name_their_version(card: Card) -> None:
    """Only official models can be called without one."""
    owner = card.model.partition("/")[0]
    community = owner in {"stability-ai", "nightmareai", "philz1337x", "851-labs", "meta"} and "audio" not in card.model
    version: Any = card.extra.get("version", "")
    assert bool(re.fullmatch("[0-9a-f]{64}", version)) == (community or card.family == "latentsync")


@pytest.mark.parametrize("card", [card for card in CARDS if not card.is_local], ids=lambda card: card.id)
def test_what_nobody_confirms_is_said(card: Card) -> None:
    if not card.price.verified or card.price.rule == "unknown" or getattr(card.size, "exact", True) is False:
        assert card.uncertain
