"""Fitting keeps its promises for any size, any mode, any limit."""

import io
import tempfile
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from prefect_media.errors import ParameterError
from prefect_media.media.images.fit import fit_image
from prefect_media.media.images.fitting import Fit, Fitted, Gravity, fitted_size

side = st.integers(1, 9000)
maybe = st.none() | side
shapes = st.fixed_dictionaries(
    {
        "fit": st.sampled_from([fit for fit in get_args(Fit) if fit != "exact"]),
        "gravity": st.sampled_from(get_args(Gravity)),
        "focus": st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1)),
        "multiple": st.none() | st.sampled_from([1, 2, 8, 16, 32, 64]),
        "max_megapixels": st.none() | st.floats(0.001, 4),
    }
)


def planned(width: int, height: int, options: dict[str, Any]) -> Fitted:
    try:
        return fitted_size(width, height, **options)
    except ParameterError:
        assume(False)
        raise


@given(side, side, maybe, maybe, shapes)
@settings(max_examples=400, deadline=None)
def test_sizes_are_as_promised(
    width: int, height: int, wide: int | None, high: int | None, shape: dict[str, Any]
) -> None:
    options = {"width": wide, "height": high, **shape}
    plan = planned(width, height, options)
    multiple = shape["multiple"] or 1
    out = (plan.width_px, plan.height_px)
    assert out[0] >= 1
    assert out[1] >= 1
    assert out[0] % multiple == out[1] % multiple == 0
    if shape["max_megapixels"]:
        assert out[0] * out[1] <= shape["max_megapixels"] * 1e6
    elif wide and high and shape["fit"] != "contain":
        assert out == (wide // multiple * multiple, high // multiple * multiple)
    if wide and high:
        assert out[0] <= wide
        assert out[1] <= high
    left, top, right, bottom = plan.box
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert 0 <= plan.crop_share < 1
    x, y, inner_wide, inner_high = plan.inner
    assert x >= 0
    assert y >= 0
    assert x + inner_wide <= out[0]
    assert y + inner_high <= out[1]
    assert plan.describe()


@given(side, side, side, side, shapes)
@settings(max_examples=300, deadline=None)
def test_each_fit_loses_only_what_it_may(width: int, height: int, wide: int, high: int, shape: dict[str, Any]) -> None:
    plan = planned(width, height, {"width": wide, "height": high, **shape})
    whole = plan.box == (0, 0, width, height)
    # A side of few pixels cannot keep the aspect ratio; elsewhere rounding is worth at most one pixel.
    slack = 1 / min(plan.inner[2:]) + 1 / min(plan.width_px, plan.height_px)
    if shape["fit"] in ("pad", "stretch"):
        assert whole
        assert plan.crop_share == 0
    if shape["fit"] != "pad":
        assert plan.bar_share == 0
    if shape["fit"] == "cover":
        assert plan.distortion <= 1e-6 + slack * 1e-3
    if shape["fit"] == "pad" and min(plan.inner[2:]) > 1:  # one pixel has no shape
        assert plan.distortion <= slack
    if shape["fit"] == "contain" and not shape["multiple"]:
        assert whole


@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"]),
    st.none() | st.integers(1, 150),
    st.none() | st.integers(1, 150),
    shapes,
    st.sampled_from([".png", ".jpg", ".webp"]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_files_have_the_promised_size(
    width: int, height: int, mode: str, wide: int | None, high: int | None, shape: dict[str, Any], suffix: str
) -> None:
    options = {"width": wide, "height": high, **shape}
    plan = planned(width, height, options)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "source.jpg" if mode == "CMYK" else "source.png")
        Image.new(mode, (width, height), 1).save(source)
        target = Path(folder, f"target{suffix}")
        fit_image(source, target, **options)
        with Image.open(io.BytesIO(target.read_bytes())) as image:
            image.load()
            assert image.size == (plan.width_px, plan.height_px)
            assert image.mode in ("RGB", "RGBA")


def test_sizes_of_nothing_are_refused() -> None:
    with pytest.raises(ParameterError, match="source_width=0"):
        fitted_size(0, 10, width=5, height=5)
