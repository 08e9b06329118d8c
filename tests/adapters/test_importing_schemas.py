"""Awkward answers over real HTTP: what can be read of them is, and what cannot is refused with a reason."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from prefect_media.adapters.importing.run import Imported, import_card
from prefect_media.errors import CardError, ProviderError, UnknownModelError
from prefect_media.settings import get_settings

MODEL = "/models/acme/thing"
ENDPOINT = "acme/thing"


@pytest.fixture(autouse=True)
def pointed(server: Any, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLICATE_API_TOKEN", secret)
    monkeypatch.setenv("REPLICATE_BASE_URL", server.base)
    monkeypatch.setenv("FAL_KEY", secret)
    monkeypatch.setenv("FAL_BASE_URL", server.base)


def version(inputs: Any, output: Any = None, **components: Any) -> dict[str, Any]:
    """Return Replicate's answer for a model with these schemas."""
    schemas = {"Input": {"type": "object", **inputs}, **components}
    schemas |= {} if output is None else {"Output": output}
    return {
        "is_official": True,
        "latest_version": {"id": "1" * 64, "openapi_schema": {"components": {"schemas": schemas}}},
    }


URI = {"type": "string", "format": "uri"}
PROMPT = {"type": "string", "x-order": 0}


async def replicate(
    server: Any, properties: dict[str, Any], output: Any = URI, said: str = "text-to-image", **more: Any
) -> Imported:
    required = more.pop("required", ["prompt"])
    inputs = {"properties": {"prompt": PROMPT, **properties}, "required": required}
    server.on("GET", MODEL, json_=version(inputs, output, **more))
    return await import_card(f"replicate:{ENDPOINT}" + (f"#{said}" if said else ""))


def rule(done: Imported, name: str) -> dict[str, Any]:
    found = done.card.options.get(name) or done.card.parameters[name]
    return found.model_dump(exclude_defaults=True)


# ---- what can be read ----


async def test_choices_behind_references_and_alternatives(server: Any) -> None:
    done = await replicate(
        server,
        {
            "style": {"allOf": [{"$ref": "#/components/schemas/style"}], "default": "ink", "description": "Look."},
            "direct": {"$ref": "#/components/schemas/style"},
            "maybe": {"anyOf": [{"$ref": "#/components/schemas/style"}, {"type": "null"}], "default": None},
            "both": {"oneOf": [{"enum": ["a"], "type": "string"}, {"enum": ["b"], "type": "string"}]},
            "only": {"const": "x"},
            "levels": {"enum": [1, 2, 4], "type": "integer", "default": 2},
        },
        style={"type": "string", "enum": ["ink", "oil"], "description": "An enumeration."},
    )
    choice = {"type": "choice", "choices": ("ink", "oil")}
    assert rule(done, "style") == choice | {"default": "ink", "help": "Look."}
    assert rule(done, "direct") == rule(done, "maybe") == choice
    assert rule(done, "both") == {"type": "choice", "choices": ("a", "b")}
    assert rule(done, "only") == {"type": "choice", "choices": ("x",)}
    assert rule(done, "levels") == {"type": "choice", "choices": (1, 2, 4), "default": 2}


async def test_types_limits_and_defaults(server: Any) -> None:
    done = await replicate(
        server,
        {
            "nullable": {"type": ["integer", "null"], "minimum": 1, "maximum": 9, "default": None},
            "old": {"type": "number", "nullable": True, "exclusiveMinimum": True, "minimum": 0, "maximum": 1},
            "above": {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 10},
            "either": {"anyOf": [{"type": "integer"}, {"type": "number"}], "default": 0.5},
            "step": {"type": "integer", "minimum": 10, "maximum": 100, "multipleOf": 8, "default": 16},
            "crossed": {"type": "integer", "minimum": 9, "maximum": 1},
            "wrong": {"type": "integer", "minimum": 1, "maximum": 4, "default": 99},
            "guess": {"default": True},
            "words": {"type": "array", "items": {"type": "string"}, "maxItems": 3, "default": []},
            "nested": {"type": "object", "properties": {"a": {"type": "integer"}}, "default": {"a": 1}},
            "nothing": {},
        },
    )
    assert rule(done, "nullable") == {"type": "integer", "min": 1, "max": 9}
    assert rule(done, "old") == {"type": "number", "min": 0, "max": 1}
    assert rule(done, "above") == {"type": "integer", "min": 1, "max": 9}
    assert rule(done, "either") == {"type": "number", "default": 0.5}
    assert rule(done, "step") == {"type": "integer", "min": 16, "max": 100, "step": 8, "default": 16}
    assert rule(done, "crossed") == {"type": "integer"}
    assert rule(done, "wrong") == {"type": "integer", "min": 1, "max": 4}
    assert rule(done, "guess") == {"type": "boolean", "default": True}
    assert rule(done, "words") == {"type": "list", "max_length": 3, "default": []}
    assert rule(done, "nested") == {"type": "object", "default": {"a": 1}}
    assert "nothing" not in done.card.options
    assert done.remarks == (
        "wrong: its default '99' is not a value that it allows.",
        "nothing: its type is not said; it is left out.",
    )


async def test_the_order_is_the_published_one(server: Any) -> None:
    names = ["c", "a", "b"]
    done = await replicate(server, {name: {"type": "integer", "x-order": 9 - at} for at, name in enumerate(names)})
    assert list(done.card.options) == ["b", "a", "c"]


async def test_a_schema_that_refers_to_itself_ends(server: Any) -> None:
    done = await replicate(
        server,
        {
            "tree": {"$ref": "#/components/schemas/Tree"},
            "loop": {"allOf": [{"$ref": "#/components/schemas/A"}], "default": "x"},
            "away": {"$ref": "https://example.com/schema.json", "type": "string"},
            "lost": {"$ref": "#/components/schemas/Missing", "type": "string"},
        },
        Tree={"type": "object", "properties": {"left": {"$ref": "#/components/schemas/Tree"}}},
        A={"allOf": [{"$ref": "#/components/schemas/B"}]},
        B={"anyOf": [{"$ref": "#/components/schemas/A"}, {"type": "string"}]},
    )
    assert {name: item.type for name, item in done.card.options.items()} == {
        "tree": "object", "loop": "text", "away": "text", "lost": "text",
    }  # fmt: skip
    assert server.requests("GET", "/schema.json") == []


@pytest.mark.parametrize(
    ("output", "field", "kind"),
    [
        ({"type": "array", "items": URI}, "", "image"),
        ({"type": "object", "properties": {"note": {"type": "string"}, "image": URI}}, "image", "image"),
        (None, "", "image"),
    ],
)
async def test_outputs(server: Any, output: Any, field: str, kind: str) -> None:
    done = await replicate(server, {}, output)
    assert (done.card.output.field, done.card.output_kind) == (field, kind)


async def test_text_that_comes_piece_by_piece_is_text(server: Any) -> None:
    pieces = {"type": "array", "items": {"type": "string"}, "x-cog-array-type": "iterator"}
    done = await replicate(server, {"audio_file": {**URI, "x-order": 1}, "audio": URI}, pieces, "", required=["audio"])
    assert (done.card.capability, done.card.output_kind) == ("transcribe", "text")


async def test_hostile_text_names_and_values_do_no_harm(server: Any) -> None:
    done = await replicate(
        server,
        {
            "path": {
                "type": "string",
                "default": '"""\n[price]\nrule = "free"\n',
                "description": "a\x1b[31m\u202eb\r\n" + "c" * 999,
            },
            "a.b": {"type": "string"},
            "__proto__ x": {"type": "string"},
            "pick": {"enum": ["ok", "bad\x00", "\ud800", "d" * 999, {"a": 1}, None, ""], "default": "ok"},
            "many": {"enum": [f"v{n}" for n in range(5000)]},
            "bell": {"type": "string", "default": "a\x07"},
            "long": {"type": "string", "default": "x" * 5000},
            "vast": {"type": "integer", "minimum": -1e300, "maximum": 1e300, "default": 10**40},
            "aspect_ratio": {"enum": ["1:1", "1e99999999:1", "0:1", "tall"], "default": "1:1"},
            "seed": {"type": "integer", "minimum": -1, "default": -1},
            "scale": {"type": "number", "default": 2},
            "size": {"type": "string", "default": "big"},
        },
    )
    card = done.card
    assert card.price.rule == "unknown"
    assert card.options["path"].default == '"""\n[price]\nrule = "free"\n'
    assert card.options["path"].help == "a[31mb " + "c" * 152 + "…"
    assert not {"a.b", "__proto__ x"} & set(card.options)
    assert (card.options["pick"].choices, card.options["pick"].default) == (("ok",), "ok")
    assert card.options["many"].type == "text"
    assert card.options["bell"].default is card.options["long"].default is card.options["vast"].default is None
    assert card.size is not None
    assert [row.ratio for row in card.size.rows] == ["1:1", "", "", ""]  # type: ignore[union-attr]
    assert (card.parameters["seed"].default, card.parameters["seed"].min) == (1, 0)
    assert (card.parameters["scale"].default, card.options["size_option"].field) == (2, "size")
    tomllib.loads(done.path.read_text())


async def test_fal_says_everything_of_a_file_by_its_name(server: Any) -> None:
    schema = {
        "openapi": "3.0.4",
        "components": {
            "schemas": {
                "ThingInput": {
                    "type": "object",
                    "required": ["prompt", "image_urls"],
                    "x-fal-order-properties": ["image_urls", "prompt"],
                    "properties": {
                        "prompt": {"type": "string", "minLength": 3, "maxLength": 5000},
                        "image_urls": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
                        "lora_url": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                        "image_size": {
                            "anyOf": [
                                {"$ref": "#/components/schemas/Size"},
                                {"enum": ["square_hd", "auto"], "type": "string"},
                            ],
                            "default": "auto",
                        },
                    },
                },
                "ThingOutput": {
                    "properties": {"image": {"$ref": "#/components/schemas/File"}, "seed": {"type": "integer"}}
                },
                "File": {"type": "object", "properties": {"url": {"type": "string"}}},
                "Size": {"type": "object"},
            }
        },
        "paths": {
            f"/{ENDPOINT}": {
                "post": {
                    "requestBody": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ThingInput"}}}
                    }
                }
            }
        },
    }
    entry = {
        "endpoint_id": ENDPOINT,
        "openapi": schema,
        "metadata": {"display_name": "The\nThing", "category": "image-to-image", "status": "deprecated"},
    }
    server.on("GET", "/_platform/v1/models", json_={"models": [entry]})
    server.on("GET", "/_platform/v1/models/pricing", 404, json_={"error": {"type": "not_found", "message": "none"}})
    card = (await import_card(f"fal:{ENDPOINT}")).card
    assert (card.title, card.capability, card.price.rule) == ("The Thing on fal", "image-to-image", "unknown")
    assert card.notes == ("fal calls this model deprecated.",)
    assert card.inputs["images"].model_dump(exclude_defaults=True) == {
        "field": "image_urls", "kind": "image", "required": True, "max_count": 3,
    }  # fmt: skip
    assert card.parameters["prompt"].model_dump(exclude_defaults=True) == {
        "type": "text", "required": True, "min_length": 3, "max_length": 5000,
    }  # fmt: skip
    assert card.options["lora_url"].type == "text"
    assert card.size is not None
    assert [(row.sends, row.px, row.follow) for row in card.size.rows] == [  # type: ignore[union-attr]
        (("auto",), None, "images"), (("square_hd",), (1024, 1024), ""),
    ]  # fmt: skip
    seen = server.requests("GET", "/_platform/v1/models")[0]
    assert seen.query == "endpoint_id=acme%2Fthing&expand=openapi-3.0"


@pytest.mark.parametrize(
    ("price", "rule_name", "usd"),
    [
        ({"unit_price": 0.05, "unit": "images", "currency": "USD"}, "output", "0.05"),
        ({"unit_price": 0.05, "unit": "megapixels", "currency": "USD"}, "megapixel", "0.05"),
        ({"unit_price": 0.05, "unit": "compute seconds", "currency": "USD"}, "unknown", "0.05"),
        ({"unit_price": 0.05, "unit": "bananas", "currency": "USD"}, "unknown", "0.05"),
        ({"unit_price": 0, "unit": "images", "currency": "USD"}, "unknown", "None"),
        ({"unit_price": -1, "unit": "images", "currency": "USD"}, "unknown", "None"),
        ({"unit_price": "NaN", "unit": "images", "currency": "USD"}, "unknown", "None"),
        ({"unit_price": 0.05, "unit": "images", "currency": "EUR"}, "unknown", "None"),
        ("free", "unknown", "None"),
    ],
)
async def test_a_price_that_is_not_clear_is_unknown_and_never_0(
    server: Any, price: Any, rule_name: str, usd: str
) -> None:
    schema = {
        "paths": {f"/{ENDPOINT}": {}},
        "components": {
            "schemas": {
                "In Input": {"properties": {"prompt": {"type": "string"}}},
                "Output": {"properties": {"images": {"type": "array", "items": {"properties": {"url": {}}}}}},
            }
        },
    }
    entry = {"endpoint_id": ENDPOINT, "openapi": schema, "metadata": {"category": "text-to-image"}}
    server.on("GET", "/_platform/v1/models", json_={"models": [entry]})
    listed = price | {"endpoint_id": ENDPOINT} if isinstance(price, dict) else price
    server.on("GET", "/_platform/v1/models/pricing", json_={"prices": [listed]})
    tariff = (await import_card(f"fal:{ENDPOINT}")).card.price
    assert (tariff.rule, str(tariff.usd)) == (rule_name, usd)


# ---- what cannot ----

PROPERTIES = {"prompt": {"type": "string"}}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"body": b"<html>Sign in</html>", "headers": {"Content-Type": "text/html"}}, "the answer is not a JSON object (20 bytes)"),
        ({"body": b'{"latest_version": {'}, "the answer is not a JSON object"),
        ({"body": b"[" * 100_000}, "the answer is not a JSON object"),
        ({"json_": []}, "the answer is not a JSON object"),
        ({"json_": {"latest_version": None}}, "Replicate publishes no schema for acme/thing: it has no version."),
        ({"json_": {"latest_version": {"id": "x", "openapi_schema": "none"}}}, "Replicate publishes no schema for acme/thing"),
        ({"json_": {"latest_version": {"openapi_schema": {}}}}, "names no input fields. Write the card by hand."),
        ({"json_": version({"properties": []}, URI)}, "names no input fields"),
        ({"json_": version({"properties": {"a b": {}}, "required": ["a b"]}, URI)}, "needs a field named 'a b'; a card can hold"),
        ({"json_": version({"properties": {f"f{n}": {} for n in range(300)}}, URI)}, "has 300 fields; at most 200 are read."),
        ({"json_": version({"properties": PROPERTIES}, {"type": "string"})}, "cannot be told from its schema. It returns text."),
        ({"json_": version({"properties": PROPERTIES})}, "cannot be told from its schema. What it returns is not said."),
        ({"json_": version({"properties": {"x": {"allOf": [{"$ref": "#/components/schemas/L0"}]}}}, URI, **{
            f"L{n}": {"allOf": [{"$ref": f"#/components/schemas/L{n + 1}"}] * 3} for n in range(30)
        })}, "is too large to be read: over 20000 parts."),
        ({"body": json.dumps({"latest_version": {"openapi_schema": {"x": "y" * (5 << 20)}}}).encode()}, "bytes; at most 4194304 are read."),
    ],
)  # fmt: skip
async def test_schemas_that_make_no_card(server: Any, answer: dict[str, Any], message: str) -> None:
    server.on("GET", MODEL, **answer)
    with pytest.raises(CardError) as caught:
        await import_card(f"replicate:{ENDPOINT}")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (get_settings().home / "cards").exists()


@pytest.mark.parametrize(
    ("status", "body", "cls"),
    [
        (404, b"<html>no</html>", UnknownModelError),
        (401, b'{"title": "Unauthenticated", "detail": "bad token"}', ProviderError),
        (500, b"<html>oops</html>", ProviderError),
        (302, b"", ProviderError),
    ],
)
async def test_refusals_of_the_provider(
    server: Any, status: int, body: bytes, cls: type[Exception], clean: Any, tmp_path: Path
) -> None:
    server.on("GET", MODEL, status, body=body, headers={"Location": "https://elsewhere.example/"})
    server.on("GET", "/_platform/v1/models", status, body=body)
    for model in (f"replicate:{ENDPOINT}", f"fal:{ENDPOINT}"):
        with pytest.raises(cls) as caught:
            await import_card(model, out=tmp_path / "card.toml")
        clean(caught.value)
    assert not (tmp_path / "card.toml").exists()


@pytest.mark.parametrize(
    ("answer", "cls", "message"),
    [
        ({"json_": {"models": []}}, UnknownModelError, "fal knows no model acme/thing."),
        (
            {"json_": {"models": [{"endpoint_id": "acme/other", "metadata": {}}]}},
            UnknownModelError,
            "fal knows no model",
        ),
        (
            {"json_": {"models": [7, None, {"endpoint_id": ENDPOINT}]}},
            UnknownModelError,
            "fal knows no model acme/thing.",
        ),
        (
            {"body": b"<html></html>"},
            CardError,
            "the answer holds no list of models (13 bytes). Check FAL_PLATFORM_URL.",
        ),
        (
            {"json_": {"models": [{"endpoint_id": ENDPOINT, "metadata": {}, "openapi": {"error": {"code": "x"}}}]}},
            CardError,
            "fal publishes no schema for acme/thing. Write the card by hand.",
        ),
    ],
)
async def test_answers_of_fal_without_a_schema(
    server: Any, answer: dict[str, Any], cls: type[Exception], message: str
) -> None:
    server.on("GET", "/_platform/v1/models", **answer)
    with pytest.raises(cls) as caught:
        await import_card(f"fal:{ENDPOINT}")
    assert message in str(caught.value)


async def test_the_key_goes_where_the_platform_is(server: Any, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAL_PLATFORM_URL", f"{server.base}/elsewhere")
    server.on("GET", "/elsewhere/v1/models", json_={"models": []})
    with pytest.raises(UnknownModelError):
        await import_card(f"fal:{ENDPOINT}")
    assert [seen.headers["authorization"] for seen in server.seen] == [f"Key {secret}"]
