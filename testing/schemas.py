"""What the simulated providers publish about their models, in the shape in which the real ones do.

Replicate hides choices behind a reference in `allOf` and marks files as `uri`; fal writes them out, says "may be null" by
`anyOf`, and gives addresses of files as plain text.
"""

from __future__ import annotations

from typing import Any

from .fields import Field
from .models import Model

__all__ = ["fal_category", "fal_schema", "replicate_example", "replicate_schema"]

FILES = {"image": "Image", "video": "File", "audio": "File"}


def _required(model: Model) -> dict[str, Any]:
    required = [name for name, field in model.fields.items() if field.required]
    return {"required": required} if required else {}


def _cog(field: Field, order: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a property, and the schema of its choices."""
    schema = field.schema() | {"x-order": order}
    if not field.choices:
        return schema, {}
    outside = {key: schema[key] for key in ("default", "x-order") if key in schema}
    choices = {"title": field.name, "type": "string", "enum": schema["enum"], "description": "An enumeration."}
    return {"allOf": [{"$ref": f"#/components/schemas/{field.name}"}], **outside}, {field.name: choices}


def replicate_schema(model: Model) -> dict[str, Any]:
    """Return `openapi_schema` of a version."""
    properties: dict[str, Any] = {}
    components: dict[str, Any] = {}
    for order, (name, field) in enumerate(model.fields.items()):
        properties[name], choices = _cog(field, order)
        components |= choices
    uri = {"type": "string", "format": "uri"}
    output = {"type": "array", "items": uri, "title": "Output"} if model.output == "list" else uri | {"title": "Output"}
    components["Input"] = {"type": "object", "title": "Input", "properties": properties} | _required(model)
    components["Output"] = output
    return {
        "openapi": "3.0.2",
        "info": {"title": "Cog", "version": "0.1.0"},
        "paths": {},
        "components": {"schemas": components},
    }


def replicate_example(name: str, version: str, model: Model) -> dict[str, Any]:
    """Return `default_example`: a prediction that somebody made and published."""
    suffix = model.product({}, ()).suffix
    url = f"https://replicate.delivery/xezq/simulated/out-0{suffix}"
    return {
        "id": "simulated0example0000000000",
        "model": name,
        "version": version,
        "status": "succeeded",
        "source": "web",
        "logs": "",
        "created_at": "2026-01-01T00:00:00.000000Z",
        "started_at": "2026-01-01T00:00:01.000000Z",
        "completed_at": "2026-01-01T00:01:00.000000Z",
        "urls": {},
        "input": {name: field.default for name, field in model.fields.items() if field.default is not None},
        "output": [url] if model.output == "list" else url,
        "error": None,
        "metrics": {"predict_time": model.run_s},
    }


def fal_category(endpoint: str, model: Model) -> str:
    """Return fal's own word for what a model does."""
    files = {name.partition("_")[0] for name, field in model.fields.items() if field.takes_files and field.required}
    if model.kind == "audio":
        return "text-to-speech" if str(model.seconds).startswith("speech") else "text-to-audio"
    source = "video" if "video" in files else "image" if files else "text"
    return f"{source}-to-{model.kind}"


def _fal_property(field: Field) -> dict[str, Any]:
    schema = field.schema()
    schema.pop("format", None)
    if field.type == "files":
        schema["items"] = {"type": "string"}
    if field.type == "size":
        schema["anyOf"] = [{"$ref": "#/components/schemas/ImageSize"}, *schema["anyOf"][1:]]
    elif not field.required and field.default is None and "type" in schema:
        title = schema.pop("title")
        return {"anyOf": [schema, {"type": "null"}], "title": title}
    return schema


def fal_schema(endpoint: str, model: Model) -> dict[str, Any]:
    """Return the OpenAPI document of an endpoint's queue."""
    title = "".join(part.capitalize() for part in endpoint.replace("/", "-").replace(".", "").split("-"))
    file = {"$ref": f"#/components/schemas/{FILES[model.kind]}"}
    field = model.output or {"image": "images"}.get(model.kind, model.kind)
    output = {field: {"type": "array", "items": file} if field == "images" else file}
    side = {"type": "integer", "exclusiveMinimum": 0, "maximum": 14142, "default": 512}
    located = {"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url"]}
    schemas = {
        f"{title}Input": {
            "type": "object",
            "properties": {name: _fal_property(field) for name, field in model.fields.items()},
            "x-fal-order-properties": list(model.fields),
        }
        | _required(model),
        f"{title}Output": {"type": "object", "properties": output, "required": list(output)},
        "ImageSize": {"type": "object", "properties": {"width": side, "height": side}},
        "Image": located | {"title": "Image"},
        "File": located | {"title": "File"},
        "QueueStatus": {"type": "object", "properties": {"status": {"type": "string"}}},
    }
    at = f"/{endpoint}/requests/{{request_id}}"
    return {
        "openapi": "3.0.4",
        "info": {
            "title": f"Queue OpenAPI for {endpoint}",
            "version": "1.0.0",
            "x-fal-metadata": {"endpointId": endpoint, "category": fal_category(endpoint, model)},
        },
        "components": {"schemas": schemas},
        "paths": {
            f"{at}/status": {"get": {"responses": {"200": _json("QueueStatus")}}},
            f"{at}/cancel": {"put": {"responses": {"200": {"description": "The request was cancelled."}}}},
            f"/{endpoint}": {
                "post": {
                    "requestBody": {"required": True, **_json(f"{title}Input")},
                    "responses": {"200": _json("QueueStatus")},
                }
            },
            at: {"get": {"responses": {"200": _json(f"{title}Output")}}},
        },
        "servers": [{"url": "https://queue.fal.run"}],
    }


def _json(name: str) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}
