"""The simulator's facts about models, spot-checked against what the providers publish."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from prefect_media.errors import ConfigurationError
from prefect_media.media.measure import Measured
from prefect_media.testing.fields import Field, Problem
from prefect_media.testing.models import Catalogue
from prefect_media.testing.pricing import Price

STANDARD = Catalogue.standard()


@pytest.mark.parametrize(
    ("endpoint", "payload", "size"),
    [
        ("replicate:black-forest-labs/flux-schnell", {"aspect_ratio": "21:9"}, (1536, 640)),
        ("replicate:black-forest-labs/flux-dev", {"aspect_ratio": "1:1", "megapixels": "0.25"}, (512, 512)),
        ("replicate:stability-ai/sdxl", {"width": 768, "height": 1344}, (768, 1344)),
        ("replicate:google/nano-banana", {"aspect_ratio": "3:2"}, (1248, 832)),
        ("replicate:google/nano-banana-pro", {"aspect_ratio": "16:9", "resolution": "2K"}, (2752, 1536)),
        ("fal:fal-ai/flux/dev", {}, (1024, 768)),
        ("fal:fal-ai/flux/dev", {"image_size": "square"}, (512, 512)),
        ("fal:fal-ai/flux/dev", {"image_size": {"width": 640, "height": 320}}, (640, 320)),
        ("fal:fal-ai/gpt-image-1.5", {"image_size": "1024x1536"}, (1024, 1536)),
        ("fal:fal-ai/veo3.1", {"resolution": "4k", "aspect_ratio": "9:16"}, (2160, 3840)),
        ("fal:fal-ai/wan/v2.2-a14b/text-to-video", {"resolution": "480p"}, (832, 480)),
        ("fal:fal-ai/kling-video/v2.5-turbo/pro/text-to-video", {"aspect_ratio": "9:16"}, (1080, 1920)),
        ("replicate:minimax/video-01", {}, (1280, 720)),
    ],
)
def test_sizes(endpoint: str, payload: dict[str, Any], size: tuple[int, int]) -> None:
    product = STANDARD.find(*endpoint.split(":", 1)).product(payload, [])
    assert (product.width, product.height) == size


@pytest.mark.parametrize(
    ("endpoint", "payload", "expected"),
    [
        ("replicate:nightmareai/real-esrgan", {"scale": 3}, (120, 90)),
        ("fal:fal-ai/clarity-upscaler", {}, (80, 60)),
        ("fal:fal-ai/birefnet/v2", {}, (40, 30)),
        ("fal:fal-ai/kling-video/v2.5-turbo/pro/image-to-video", {}, (1080, 1080)),
        ("fal:fal-ai/sync-lipsync/v2", {}, (40, 30)),
    ],
)
def test_sizes_that_follow_the_input(endpoint: str, payload: dict[str, Any], expected: tuple[int, int]) -> None:
    given = [Measured("video" if "lipsync" in endpoint else "image", 40, 30), Measured("audio", seconds=2.5)]
    product = STANDARD.find(*endpoint.split(":", 1)).product(payload, given)
    assert (product.width, product.height) == expected


@pytest.mark.parametrize(
    ("endpoint", "payload", "seconds"),
    [
        ("fal:fal-ai/kling-video/v2.5-turbo/pro/text-to-video", {"duration": "10"}, 10),
        ("fal:fal-ai/veo3.1", {}, 8),
        ("fal:fal-ai/luma-dream-machine/ray-2", {"duration": "9s"}, 9),
        ("replicate:bytedance/seedance-1-pro", {"duration": 3}, 3),
        ("fal:fal-ai/wan/v2.2-a14b/text-to-video", {"num_frames": 80, "frames_per_second": 20}, 4),
        ("fal:fal-ai/hunyuan-video", {"num_frames": "85"}, 85 / 24),
        ("fal:fal-ai/elevenlabs/music", {"music_length_ms": 12_000}, 12),
        ("fal:fal-ai/stable-audio-25/text-to-audio", {}, 190),
        ("fal:fal-ai/elevenlabs/tts/eleven-v3", {"text": "x" * 60}, 4),
    ],
)
def test_lengths(endpoint: str, payload: dict[str, Any], seconds: float) -> None:
    assert STANDARD.find(*endpoint.split(":", 1)).product(payload, []).seconds == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("endpoint", "payload", "usd"),
    [
        ("replicate:black-forest-labs/flux-schnell", {"num_outputs": 4}, "0.012"),
        ("fal:fal-ai/flux/schnell", {"image_size": {"width": 1025, "height": 1024}}, "0.006"),
        ("fal:fal-ai/flux-2-pro", {"image_size": {"width": 2048, "height": 1536}}, "0.060"),
        ("fal:fal-ai/nano-banana-2", {"resolution": "4K"}, "0.16"),
        ("fal:fal-ai/kling-video/v2.5-turbo/pro/text-to-video", {"duration": "10"}, "0.70"),
        ("fal:fal-ai/wan-25-preview/text-to-video", {"resolution": "720p"}, "0.50"),
        ("fal:fal-ai/minimax/hailuo-2.3/pro/text-to-video", {}, "0.49"),
        ("fal:fal-ai/elevenlabs/tts/eleven-v3", {"text": "x" * 500}, "0.05"),
    ],
)
def test_prices(endpoint: str, payload: dict[str, Any], usd: str) -> None:
    model = STANDARD.find(*endpoint.split(":", 1))
    charge = model.charge(payload, model.product(payload, []), model.run_s)
    assert charge is not None
    assert charge.usd == Decimal(usd)


def test_gpu_seconds_are_priced_by_time() -> None:
    price = Price.parse("0.001/gpu-s")
    model = STANDARD.find("replicate", "stability-ai/sdxl")
    assert price.charge({}, model.product({}, []), 7.5).usd == Decimal("0.0075")


@pytest.mark.parametrize(
    ("endpoint", "kind"), [("new/super-video", "video"), ("new/some-tts", "audio"), ("new/picture-maker", "image")]
)
def test_unknown_models_have_a_generic_shape_and_no_price(endpoint: str, kind: str) -> None:
    model = STANDARD.find("fal", endpoint)
    product = model.product({}, [])
    assert (product.kind, model.known, model.charge({}, product, 1.0)) == (kind, False, None)


def test_parameters_are_checked() -> None:
    fields = {
        "size": Field.parse("size enum a|b = a"),
        "steps": Field.parse("steps* int 1..4"),
        "share": Field.parse("share float -1..1 = 0.5"),
        "image": Field.parse("image file"),
    }
    assert (fields["size"].default, fields["share"].default, fields["steps"].required) == ("a", 0.5, True)
    assert fields["size"].check("c") == Problem("size", "enum", None, "c", ("a", "b"))
    assert fields["steps"].check(5) == Problem("steps", "less_than_equal", 4, 5)
    assert fields["steps"].check(0) == Problem("steps", "greater_than_equal", 1, 0)
    assert fields["steps"].check(1.5) == Problem("steps", "type", "integer", 1.5)
    assert fields["steps"].check(True) == Problem("steps", "type", "integer", True)
    assert fields["share"].check(-1) is None
    assert fields["image"].check(3) == Problem("image", "type", "string", 3)


@pytest.mark.parametrize("line", ["prompt text", "prompt", "size enumeration a|b"])
def test_unreadable_parameters_are_refused(line: str) -> None:
    with pytest.raises(ConfigurationError, match="Cannot read parameter"):
        Field.parse(line)


@pytest.mark.parametrize("text", ["free", "0.1/dozen", "0.1"])
def test_unreadable_prices_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"Cannot read price .*0\.003/image"):
        Price.parse(text)


def test_own_models_are_checked() -> None:
    with pytest.raises(ConfigurationError, match=r"A \[\[model\]\] of the simulator is not valid: kind"):
        Catalogue.standard([{"ids": ["fal:a/b"], "kind": "picture"}])
    assert Catalogue.standard([{"ids": ["fal:a/b"], "kind": "image"}]).find("fal", "a/b").known
