"""Silence about untrusted pictures: what Pillow warns of is for whoever made the file, and may be thousands of lines.

`warnings.catch_warnings` is of no use here: it changes, and later puts back, what every thread sees (up to Python 3.14).
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["quietly"]

_mine = threading.local()


class _Inside(type):
    """Makes every warning one of this class, in a thread that is inside `quietly`, and none in any other."""

    def __subclasscheck__(cls, subclass: type) -> bool:
        return getattr(_mine, "depth", 0) > 0


class _Unheard(Warning, metaclass=_Inside):
    """A warning that nobody hears."""


@contextmanager
def quietly() -> Generator[None]:
    """Drop the warnings of this thread; those of others, and their filters, stay as they are."""
    if not warnings.filters or warnings.filters[0][2] is not _Unheard:
        warnings.simplefilter("ignore", _Unheard)
    _mine.depth = getattr(_mine, "depth", 0) + 1
    try:
        yield
    finally:
        _mine.depth -= 1
