"""What a signature claims: how the file came about, and what it was made from.

Source: C2PA specification 2.2, sections 18.15 (ingredients) and 18.16 (actions); IPTC digital source types.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..provenance import SOURCE_TYPES, VOCABULARY
from ..types import Made

__all__ = ["Ingredient", "claim", "ingredient_record"]

ELEMENTS = "composite"
"""IPTC's word for a mix of elements, any of which may or may not be generated."""
GENERATOR = "prefect-media"


class Ingredient(BaseModel):
    """What is told of something that a file was made from.

    Attributes:
        made_by: Card id, name of an operation, `import` or `unknown`.
        digest: SHA-256 of its bytes.
        made: How it came about, when known.
        role: `parent` when the file is an edit of it; the others as in `Part`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    made_by: Annotated[str, Field(max_length=500)] = "unknown"
    digest: str = ""
    made: Made | None = None
    role: Literal["parent", "component", "input"] = "component"


def claim(
    made: Made | None, made_by: str, ingredients: Sequence[Ingredient], *, edited: bool, title: str | None
) -> Any:
    """Return the manifest's definition. No prompt is part of it.

    Args:
        made: How the file came about; None when that is not known.
        made_by: Card id or name of the operation.
        ingredients: In the order in which they are added.
        edited: Whether the file differs from its parent.
        title: Name of the file for viewers.
    """
    parents = [number for number, each in enumerate(ingredients) if each.role == "parent"]
    if parents:
        actions = [_action("c2pa.opened", ingredients[parents[0]].made or made, None, parents[0])]
        if edited:
            actions.append(_action("c2pa.edited", made, made_by))
    else:
        actions = [
            _action("c2pa.created", made, made_by) | {"digitalSourceType": _source_type(made) or VOCABULARY + ELEMENTS}
        ]
    actions += [
        _action("c2pa.placed", each.made, each.made_by, number)
        for number, each in enumerate(ingredients)
        if each.role == "component"
    ]
    definition = {
        "claim_generator_info": [{"name": GENERATOR, "version": _version()}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
    }
    return definition | ({"title": title} if title else {})


def _action(name: str, made: Made | None, agent: str | None, ingredient: int | None = None) -> dict[str, Any]:
    action: dict[str, Any] = {"action": name}
    if (source_type := _source_type(made)) is not None:
        action["digitalSourceType"] = source_type
    if agent is not None:
        action["softwareAgent"] = {"name": agent}
    if ingredient is not None:
        action["parameters"] = {"ingredientIds": [_label(ingredient)]}
    return action


def _source_type(made: Made | None) -> str | None:
    return None if made is None else VOCABULARY + SOURCE_TYPES[made]


def _label(number: int) -> str:
    return f"ingredient-{number}"


def ingredient_record(number: int, ingredient: Ingredient, media_type: str) -> dict[str, Any]:
    """Return what the manifest says of one ingredient, apart from what its file tells."""
    relationship = {"parent": "parentOf", "component": "componentOf", "input": "inputTo"}[ingredient.role]
    record = {
        "title": f"{media_type.partition('/')[0]} by {ingredient.made_by}",
        "relationship": relationship,
        "label": _label(number),
    }
    return record | ({"description": f"SHA-256 {ingredient.digest}"} if ingredient.digest else {})


def _version() -> str:
    from importlib.metadata import version

    return version("prefect-media")
