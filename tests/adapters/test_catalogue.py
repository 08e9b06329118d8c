"""Models are found by id, family, capability and words; users add and replace cards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from prefect_media.adapters.catalogue import all_cards, candidates, entries, find, get, search
from prefect_media.errors import CardError, UnknownModelError
from prefect_media.settings import get_settings

OWN = """
id = "{id}"
version = 1
family = "mine"
title = "My model"
capability = "text-to-image"
source = "me"
date = 2026-11-01
price = {{ rule = "output", usd = 0.5 }}
times = {{ expected_s = 1, deadline_s = 10 }}
[parameters.prompt]
type = "text"
required = true
"""


def own_card(name: str, card_id: str, text: str = OWN) -> Path:
    path = get_settings().home / "cards" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.format(id=card_id))
    return path


def test_a_card_is_found_by_its_id() -> None:
    card = get("fal:fal-ai/flux/schnell")
    assert (card.family, card.provider, card.model) == ("flux-schnell", "fal", "fal-ai/flux/schnell")
    assert find("fal:fal-ai/flux/schnell", "text-to-image") is card


def test_a_family_is_first_who_has_credentials_then_the_cheaper_then_the_unpriced() -> None:
    hosts = ["fal:fal-ai/flux/schnell", "replicate:black-forest-labs/flux-schnell"]
    assert [card.id for card in candidates("flux-schnell", "text-to-image")] == hosts
    assert find("flux-schnell", "text-to-image", {"replicate"}).id == hosts[1]
    assert find("flux-schnell", "text-to-image", {"replicate", "fal"}).id == hosts[0]
    # 0.08 USD for 1,000 characters at ElevenLabs itself, 0.10 through fal
    assert find("eleven-v3", "speech").provider == "elevenlabs"
    assert find("eleven-v3", "speech", ["fal"]).provider == "fal"
    # fal names no price for rembg
    assert [card.provider for card in candidates("background-remover")] == ["replicate", "fal"]


def test_without_any_credentials_a_family_still_resolves_so_that_a_plan_can_name_the_missing_key() -> None:
    assert find("kling-2.5-turbo-pro", "image-to-video", ()).family == "kling-2.5-turbo-pro"


def test_offline_models_need_no_credentials() -> None:
    assert find("ken-burns", "image-to-video", ()).id == "local:ken-burns"


def test_capability_chooses_among_the_cards_of_a_family_and_of_an_endpoint() -> None:
    assert find("kling-2.5-turbo-pro", "text-to-video", ["fal"]).id.endswith("/text-to-video")
    assert find("kling-2.5-turbo-pro", "image-to-video", ["fal"]).id.endswith("/image-to-video")
    endpoint = "replicate:kwaivgi/kling-v2.5-turbo-pro"
    assert find(endpoint, "image-to-video").id == f"{endpoint}#image-to-video"
    assert find(endpoint, "text-to-video").id == find(endpoint).id == endpoint
    assert find(f"{endpoint}#image-to-video", "image-to-video").model == "kwaivgi/kling-v2.5-turbo-pro"


@pytest.mark.parametrize(
    ("model", "capability", "expected"),
    [
        ("flux-schnel", None, "Unknown model 'flux-schnel'. Did you mean 'flux-schnell'? `prefect-media models` lists all."),
        (
            "fal:fal-ai/flux/scnell",
            None,
            "Unknown model 'fal:fal-ai/flux/scnell'. Did you mean 'fal:fal-ai/flux/schnell'? `prefect-media models` lists "
            "all.",
        ),
        (
            "black-forest-labs/flux-dev",
            None,
            "Unknown model 'black-forest-labs/flux-dev'. Did you mean 'replicate:black-forest-labs/flux-dev'?",
        ),
        (
            "midjourney:v7",
            None,
            "Unknown model 'midjourney:v7'. There is no provider 'midjourney'; there are elevenlabs, fal, local, openai, "
            "replicate. `prefect-media models` lists all.",
        ),
        ("zzz", None, "Unknown model 'zzz'. `prefect-media models` lists all."),
        (
            "fal:fal-ai/veo3.1",
            "image-to-video",
            "Model 'fal:fal-ai/veo3.1' does text-to-video, not image-to-video. Use 'fal:fal-ai/veo3.1/image-to-video'.",
        ),
        ("whisper", "upscale", "Model 'whisper' does transcribe, not upscale. "
         "Models that do: clarity-upscaler, lanczos, real-esrgan."),
        ("flux-dev", "text-to-imag", "Unknown capability 'text-to-imag'. Known: text-to-image, image-to-image, "
         "image-to-video, text-to-video, speech, music, sound, transcribe, lip-sync, upscale, remove-background. "
         "Did you mean 'text-to-image'?"),
    ],
)  # fmt: skip
def test_unknown_models_are_refused_with_what_to_use(model: str, capability: str | None, expected: str) -> None:
    with pytest.raises(UnknownModelError) as caught:
        find(model, capability)
    assert str(caught.value) == expected


def test_get_takes_full_ids_only() -> None:
    with pytest.raises(UnknownModelError, match="Did you mean 'flux-schnell'"):
        get("flux-schnell!")


def test_search_wants_every_word() -> None:
    assert [card.id for card in search("offline picture speech")] == []
    assert {card.family for card in search("UPSCALE fal")} == {"clarity-upscaler", "real-esrgan"}
    assert len(search()) == len(all_cards()) == len(entries())


def test_a_users_card_is_found_at_once_and_again_after_a_change() -> None:
    assert "fal:me/mine" not in entries()
    path = own_card("mine.toml", "fal:me/mine")
    assert find("mine").title == "My model"
    path.write_text(path.read_text().replace("My model", "My new model"))
    assert find("mine").title == "My new model"
    assert get("fal:me/mine").cancel.queued == "free"  # shared facts of the provider lie under it
    path.unlink()
    assert "fal:me/mine" not in entries()


def test_a_users_card_replaces_a_packaged_one() -> None:
    own_card("deep/er/flux.toml", "fal:fal-ai/flux/dev")
    assert get("fal:fal-ai/flux/dev").family == "mine"


def test_wrong_cards_of_a_user_name_their_file() -> None:
    own_card("first.toml", "fal:me/one", "title = 'x'")
    with pytest.raises(CardError, match=r"^Card cards/first.toml is not valid: id: missing, or below a table header.$"):
        entries()
    own_card("first.toml", "fal:me/one")
    own_card("second.toml", "fal:me/one")
    with pytest.raises(CardError, match=r"^Two cards say id 'fal:me/one': cards/first.toml and cards/second.toml.$"):
        entries()
    own_card("second.toml", "fal:me/two", OWN.replace("usd = 0.5", "usd = -1"))
    with pytest.raises(CardError, match=r"^Card cards/second.toml is not valid: price.output.usd: .*\(found -1\)"):
        get("fal:me/two")


def test_packaged_ids_are_unique_and_file_names_follow_them() -> None:
    folder = entries()["local:voice"].path.parent.parent
    files = [path for path in folder.rglob("*.toml") if path.name != "_provider.toml"]
    assert len(files) == len(entries())
    for card_id, entry in entries().items():
        provider, _, rest = card_id.partition(":")
        assert entry.path.parent.name == provider
        assert entry.path.stem == rest.replace("#", "--").replace("/", "--")


def test_one_look_up_parses_one_card() -> None:
    code = (
        "from prefect_media.adapters import catalogue, card\n"
        "catalogue.get('local:voice')\n"
        "print(catalogue._parsed.cache_info().currsize)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
