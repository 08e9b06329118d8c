"""What the verbs that call a model share: from a verb's parameters to the request that they stand for, and its answer.

A verb's cache key, its call and its plan come from one function, `ask`, so that they never disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Literal, ParamSpec, TypeVar, cast

from ._candidates import Wanted, request_key
from ._generate import generate
from ._planning import PLANNER
from ._task import MediaTask, media_task
from ._whole import unmade, whole
from .budgets import Budget

__all__ = ["Cap", "FitPolicy", "Model", "Options", "VerbTask", "answer", "asking", "verb", "wanted"]

P = ParamSpec("P")
R = TypeVar("R")

Model = str | list[str]
FitPolicy = Literal["cover", "contain", "pad", "stretch", "refuse"]
Options = Mapping[str, Any] | None
Cap = Budget | str | float | None
Ask = Callable[[Mapping[str, Any]], Wanted]

COMMON = ("model", "options", "fit", "strict", "take", "budget")
MEDIA = ("image", "last_image", "images", "mask", "video", "audio")


class VerbTask(MediaTask[P, R]):
    """A task that calls a model.

    Attributes:
        ask: Gives the request that the task's parameters stand for.
    """

    ask: Ask

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task. Its cache key needs the content of its media, so videos that are put off are encoded before."""
        if PLANNER.get() is not None or not unmade((args, kwargs)):
            return super().__call__(*args, **kwargs)

        async def run() -> Any:
            return await super(VerbTask, self).__call__(*await whole(args), **await whole(kwargs))

        running = run()
        running.__name__ = self.name
        return running

    def with_options(self, *args: Any, **kwargs: Any) -> VerbTask[P, R]:
        """Return a copy with other options, as `Task.with_options`."""
        copy = cast("VerbTask[P, R]", super().with_options(*args, **kwargs))
        copy.ask = self.ask
        return copy


def verb(
    ask: Ask,
) -> Callable[[Callable[P, Coroutine[Any, Any, R]]], VerbTask[P, Coroutine[Any, Any, R]]]:
    """Declare an asynchronous function as a verb. Its parameters are those of the request; its body is `answer`."""

    def declare(function: Callable[P, Coroutine[Any, Any, R]]) -> VerbTask[P, Coroutine[Any, Any, R]]:
        made = media_task(key=lambda parameters: request_key(ask(parameters)), kind=VerbTask)(function)
        made = cast("VerbTask[P, Coroutine[Any, Any, R]]", made)
        made.ask = ask
        return made

    return declare


async def answer(task: VerbTask[..., Any], parameters: Mapping[str, Any]) -> Any:
    """Call the model, or the first fallback that answers, for the parameters of a verb."""
    return await generate(task.ask(parameters), parameters["budget"])


def asking(capability: str) -> Ask:
    """Return what asks for one capability, whatever the parameters."""
    return lambda parameters: wanted(capability, parameters)


def wanted(capability: str, parameters: Mapping[str, Any]) -> Wanted:
    """Return the request for a capability."""
    model = parameters["model"]
    given = {name: value for name, value in parameters.items() if name not in (*COMMON, *MEDIA)}
    size = given.get("size")
    if isinstance(size, list | tuple):
        given["size"] = "x".join(str(side) for side in size)
    return Wanted(
        capability=capability,
        models=(model,) if isinstance(model, str) else tuple(model),
        given=given,
        inputs={name: parameters[name] for name in MEDIA if parameters.get(name) is not None},
        options=parameters.get("options") or {},
        fit=parameters.get("fit", "cover"),
        strict=parameters.get("strict", False),
        take=parameters.get("take", 0),
    )
