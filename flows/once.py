"""One run of a flow with plain parameters: what `prefect-media run` does."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..media.types import Media
from ..tasks._whole import whole
from ..tasks.budgets import Budget, spending
from ..tasks.tally import Tally, tallying
from ._outputs import save_outputs, save_value, usable_folder
from .parameters import Parameters
from .pipelines import Pipeline
from .results import media_in, plain_value
from .sources import imported

__all__ = ["Once", "run_once"]


@dataclass(frozen=True)
class Once:
    """Outcome of one flow run.

    Attributes:
        value: What the flow returned.
        media: Every media value in it.
        paths: Where each is: in the folder that was asked for, else in the store. A value that is no media is a file in the
            folder alone.
        tally: Its calls.
    """

    value: Any
    media: tuple[Media, ...]
    paths: tuple[Path, ...]
    tally: Tally

    def summary(self) -> dict[str, Any]:
        """Return the outcome as JSON values."""
        return {
            "output": str(self.paths[0]) if self.paths else None,
            "outputs": [str(path) for path in self.paths],
            "media": [media.model_dump(mode="json") for media in self.media],
            "calls": len(self.tally.calls),
            "submitted": self.tally.submissions,
            "reused": self.tally.count("reused"),
            "reattached": self.tally.count("reattached"),
            "cost_usd": float(self.tally.cost_usd),
            "cost_unknown_calls": self.tally.unknown,
            "saved_usd": float(self.tally.saved_usd),
            "degraded": self.tally.degraded,
        }


async def run_once(
    pipeline: Pipeline, given: Mapping[str, Any], *, budget: str | Budget | None = None, out: Path | None = None
) -> Once:
    """Run a flow once.

    Args:
        pipeline: The flow.
        given: Its parameters; paths and URLs stand for media.
        budget: Most that the run may spend.
        out: Folder to copy the output into, named after the flow.

    Raises:
        ValidationError: A parameter does not fit; explain it with `Parameters.explain`.
    """
    parameters = Parameters(pipeline.flow)
    checked = parameters.check(given)
    cap = Budget.of(budget) if budget is not None else None
    if out is not None:
        usable_folder(out)
    with tallying() as tally, cap or spending(None):
        values = await imported({name: checked[name] for name in given})
        value = pipeline.flow(**values)
        if inspect.isawaitable(value):
            value = await value
    media = tuple(await whole(list(media_in(value))))
    if out is None:
        paths = tuple(item.path() for item in media)
    else:
        name = pipeline.flow.name
        save_outputs(out, name, media)
        many = len(media) > 1
        paths = tuple(
            out / (f"{name}-{n}{item.suffix}" if many else f"{name}{item.suffix}") for n, item in enumerate(media, 1)
        )
        if (text := save_value(out, name, plain_value(value))) is not None:
            paths = (out / text,)
    return Once(value, media, paths, tally)
