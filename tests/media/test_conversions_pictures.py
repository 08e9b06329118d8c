"""For random pictures and contracts: carried out, a conversion keeps the contract, or it was refused with the reason."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from prefect_media.errors import MediaLimitError, ParameterError
from prefect_media.media.contracts import ImageContract, violations
from prefect_media.media.facts import Facts, Span, facts_of
from prefect_media.media.images.fit import convert_image, fit_image
from prefect_media.media.intake import admit, admit_bytes
from prefect_media.media.planning.conversions import Conversion, plan_conversion
from prefect_media.media.planning.image_targets import FORMATS
from prefect_media.media.planning.size_choice import choose_size, loss, room_of

OPERATIONS = {"fit_image": fit_image, "convert_image": convert_image}
RATIOS = ("1:1", "4:3", "16:9", "9:16", "21:9", "2:3")
side = st.integers(1, 300)


@st.composite
def pictures(draw: st.DrawFn) -> bytes:
    """Files of every format, of noise or one colour, with and without transparency, some of them animated."""
    kind = draw(st.sampled_from(list(FORMATS.values())))
    width, height = draw(side), draw(side)
    mode = draw(st.sampled_from(["RGB", "RGBA", "opaque"])) if kind not in ("jpeg", "bmp") else "RGB"
    seeds = np.random.default_rng(draw(st.integers(0, 9)))
    noise = seeds.integers(0, 256, (height, width, 4), dtype=np.uint8) // draw(st.sampled_from([1, 255]))
    if mode == "opaque":
        noise[..., 3] = 255
    image = Image.fromarray(noise, "RGBA").convert("RGB" if mode == "RGB" else "RGBA")
    frames = draw(st.integers(1, 3)) if kind in ("gif", "webp", "png") else 1
    more = [image.rotate(180 * n) for n in range(1, frames)]
    out = io.BytesIO()
    image.save(out, kind.upper(), **({"save_all": True, "append_images": more, "duration": 100} if more else {}))
    return out.getvalue()


def pairs(values: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[int | None, int | None]]:
    """A lower and an upper limit, either of them none."""

    def ordered(two: tuple[int | None, int | None]) -> tuple[int | None, int | None]:
        low, high = two
        return (low, high) if low is None or high is None or low <= high else (high, low)

    return st.tuples(st.none() | values, st.none() | values).map(ordered)


@st.composite
def contracts(draw: st.DrawFn) -> ImageContract:
    limits: dict[str, Any] = {}
    for name, values in (("width_px", side), ("height_px", side), ("pixels", st.integers(1, 60_000))):
        if draw(st.integers(0, 3)) == 0:
            limits[f"min_{name}"], limits[f"max_{name}"] = draw(pairs(values))
    shape = draw(st.sampled_from(["none", "none", "sizes", "ratios", "range"]))
    if shape == "sizes":
        limits["sizes"] = draw(st.lists(st.tuples(side, side), min_size=1, max_size=3))
    elif shape == "ratios":
        limits["ratios"] = draw(st.lists(st.sampled_from(RATIOS), min_size=1, max_size=3, unique=True))
    elif shape == "range":
        limits["min_ratio"], limits["max_ratio"] = draw(
            st.sampled_from([(None, "1:1"), ("1:2.5", "2.5:1"), ("16:9", None)])
        )
    limits["multiple"] = draw(st.sampled_from([None, None, None, 2, 8, 16, 64]))
    limits["media_types"] = draw(st.lists(st.sampled_from([*FORMATS, "image/heic"]), max_size=3, unique=True))
    limits["max_bytes"] = draw(st.none() | st.integers(20, 200_000))
    limits["alpha"] = draw(st.sampled_from(["any", "any", "forbidden", "required"]))
    limits["animation"] = draw(st.sampled_from(["forbidden", "forbidden", "any", "required"]))
    return ImageContract(**limits)


def attempted(facts: Facts, contract: ImageContract, **policy: Any) -> Conversion | ParameterError:
    """Return the plan, or why there is none."""
    try:
        return plan_conversion(facts, contract, **policy)
    except ParameterError as exc:
        return exc


def carried_out(plan: Conversion, media: Any) -> Any:
    """Return what the steps make of a picture."""
    with tempfile.TemporaryDirectory() as folder:
        for number, step in enumerate(plan.steps):
            target = Path(folder) / f"{number}{step.suffix}"
            OPERATIONS[step.operation](media.path(), target, **step.parameters)
            media = admit(target)
    return media


def differing(found: Facts, foretold: Facts) -> list[str]:
    """Return the facts that are not as foretold."""
    wrong: list[str] = []
    for name in Facts.model_fields:
        actual, expected = getattr(found, name), getattr(foretold, name)
        inside = expected is None or actual == expected or (
            hasattr(expected, "low") and actual is not None and expected.low - 1e-6 <= actual.low <= expected.high + 1e-6
        )  # fmt: skip
        if not inside and name not in ("ratio",):
            wrong.append(f"{name} is {actual}, not {expected}")
    return wrong


@given(
    pictures(),
    contracts(),
    st.sampled_from(["cover", "contain", "pad", "stretch"]),
    st.sampled_from(["auto", "top-left", "bottom"]),
    st.sampled_from([None, None, (0.2, 0.9)]),
)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_converted_picture_keeps_contract(
    data: bytes, contract: ImageContract, fit: str, gravity: str, focus: tuple[float, float] | None
) -> None:
    picture = admit_bytes(data)
    plan = attempted(facts_of(picture), contract, fit=fit, gravity=gravity, focus=focus)
    if isinstance(plan, ParameterError):
        assert any(word in str(plan) for word in ("allowed", "required", "forbidden"))
        assert set(violations(contract, picture)) == {problem.split(". ")[0] for problem in plan.problems}
        return
    assert violations(contract, plan.facts) == []
    try:
        media = carried_out(plan, picture)
    except MediaLimitError:
        assert any("is known when it is written" in line for line in plan.doubts)
        return
    broken = violations(contract, media)
    assert not broken or (contract.alpha == "required" and any("transparency" in line for line in plan.doubts))
    assert differing(facts_of(media), plan.facts) == []
    assert broken or plan_conversion(facts_of(media), contract, fit="refuse").steps == ()


@st.composite
def rooms(draw: st.DrawFn) -> ImageContract:
    limits: dict[str, Any] = {"max_width_px": draw(st.integers(1, 60)), "max_height_px": draw(st.integers(1, 60))}
    limits["min_width_px"] = draw(st.integers(1, limits["max_width_px"]))
    limits["min_height_px"] = draw(st.integers(1, limits["max_height_px"]))
    limits["min_pixels"], limits["max_pixels"] = draw(pairs(st.integers(1, 4000)))
    limits["multiple"] = draw(st.sampled_from([None, None, 2, 3, 8, 16]))
    limits["ratios"] = draw(st.lists(st.sampled_from(RATIOS), max_size=3, unique=True))
    limits["min_ratio"] = draw(st.sampled_from([None, "1:2.5", "1:1"]))
    return ImageContract(**limits)


@given(st.integers(1, 200), st.integers(1, 200), rooms(), st.sampled_from(["cover", "pad", "stretch"]))
@settings(max_examples=150, deadline=None)
def test_size_is_found_where_there_is_one_and_loses_least(
    width: int, height: int, contract: ImageContract, fit: str
) -> None:
    room = room_of(contract)
    every = [(w, h) for w in range(1, 61) for h in range(1, 61) if room.allows(w, h)]
    chosen = choose_size(width, height, room, fit)
    if not every:
        assert chosen is None
        return
    assert chosen in every
    assert (
        violations(contract, Facts(kind="image", width_px=Span.exactly(chosen[0]), height_px=Span.exactly(chosen[1])))
        == []
    )
    least = min(loss((width, height), size, room, fit) for size in every)
    assert loss((width, height), chosen, room, fit) <= least + 0.05
