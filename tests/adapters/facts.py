"""Facts of media that were never made, and the problems that a call tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from prefect_media.errors import ParameterError
from prefect_media.media.facts import Facts, Span

__all__ = ["picture", "problems_of", "sounding"]


def picture(width: int, height: int, **facts: Any) -> Facts:
    known = {"media_type": "image/png", "has_alpha": False, "size_bytes": Span.exactly(1000), **facts}
    return Facts(kind="image", width_px=Span.exactly(width), height_px=Span.exactly(height), **known)


def sounding(seconds: float) -> Facts:
    return Facts(kind="audio", duration_s=Span.exactly(seconds), media_type="audio/mpeg")


def problems_of(call: Callable[[], object]) -> tuple[str, ...]:
    with pytest.raises(ParameterError) as caught:
        call()
    return caught.value.problems
