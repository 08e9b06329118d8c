"""However a flow comes by its tasks, flows and helpers: the plan follows them, or says that it cannot. It never runs them."""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from prefect import Flow, Task, artifacts, flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.context import FlowRunContext
from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_EPHEMERAL_ENABLED, temporary_settings
from prefect.variables import Variable

import prefect_media
from prefect_media import Image, generate_image, plan
from prefect_media.tasks import thumbnail

ran: list[str] = []


@pytest.fixture(autouse=True)
def nothing_runs() -> Iterator[None]:
    """No body of a task runs, and Prefect would have no server to ask."""
    ran.clear()
    with temporary_settings({PREFECT_SERVER_EPHEMERAL_ENABLED: False}, restore_defaults={PREFECT_API_URL}):
        yield
    assert ran == []


@task
def styled(prompt: str) -> str:
    ran.append(prompt)
    return f"{prompt}, oil on canvas"


@task
async def styled_later(prompt: str) -> str:
    ran.append(prompt)
    return prompt


@flow
def framed(prompt: str) -> Image:
    return thumbnail.submit(generate_image.submit(styled(prompt), model="local:landscape"), width=64).result()


@flow
async def framed_later(prompt: str) -> Image:
    return await thumbnail(await generate_image(await styled_later(prompt), model="local:landscape"), width=64)


async def helper(prompt: str) -> Any:
    return await generate_image(await styled_later(prompt), model="local:landscape")


def twice(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def both(*args: Any) -> Any:
        return [await function(*args), await function(*args)]

    return both


@twice
async def decorated(prompt: str) -> Any:
    return await styled_later(prompt)


def countdown(number: int) -> Any:
    styled(str(number))
    return countdown(number - 1) if number else None


LISTED = [styled, styled]
partial = functools.partial(styled, "a")
CALLS = 0


class Steps:
    own = styled
    later = styled_later
    picture = framed
    picture_later = framed_later

    @task
    def method(self, prompt: str) -> str:
        ran.append(prompt)
        return prompt

    def work(self) -> None:
        self.method("a")


def tasks_of(found: Any) -> list[str]:
    return [item.task for item in found.items]


@flow
def calls_tasks() -> None:
    styled("a")
    styled.submit("a").result()
    styled.map(["a", "b"]).result()
    styled.with_options(name="other")("a")
    styled.delay("a")
    for each in LISTED:
        each("a")
    partial()
    assert isinstance(styled, Task)
    assert styled.name == "styled"


@flow
async def calls_helpers() -> None:
    await helper("a")
    await decorated("b")
    countdown(1)

    async def inside(prompt: str) -> Any:
        return await styled_later(prompt)

    await asyncio.gather(inside("c"), *[inside(x) for x in "de"])


@flow
async def calls_flows() -> None:
    framed("a")
    await framed_later("b")
    await asyncio.to_thread(framed.with_options(name="other"), "c")
    assert isinstance(framed, Flow)


@flow
async def keeps_its_own_globals() -> None:
    global CALLS
    CALLS += 1
    assert CALLS == 1
    await styled_later("a")


@flow
def talks() -> None:
    get_run_logger().info("hello")
    create_markdown_artifact("# hello", key="hello")
    artifacts.create_link_artifact("https://example.com", key="hello")
    styled("a")


@flow
async def talks_later() -> None:
    get_run_logger().info("hello")
    assert await artifacts.acreate_table_artifact([{"a": 1}], key="hello")
    await create_markdown_artifact("# hello", key="hello")
    await styled_later("a")


@flow
async def imports_inside() -> None:
    import prefect_media as media
    from prefect_media.flows.clip import clip

    image = await media.generate_image("a", model="local:landscape")
    await media.flows.clip.clip(prompt="b")
    await clip(prompt="c")
    await prefect_media.tasks.thumbnail(image, width=32)


ONE = ["styled"]
PICTURE = ["styled", "generate_image", "thumbnail"]
LATER = ["styled_later", "generate_image", "thumbnail"]


@pytest.mark.parametrize(
    ("pipeline", "expected"),
    [
        (calls_tasks, ONE * 9),
        (calls_helpers, ["styled_later", "generate_image", *["styled_later"] * 2, *ONE * 2, *["styled_later"] * 3]),
        (calls_flows, PICTURE + LATER + PICTURE),
        (keeps_its_own_globals, ["styled_later"]),
        (talks, ONE),
        (talks_later, ["styled_later"]),
        (imports_inside, ["generate_image", *["generate_image", "generate_video"] * 2, "thumbnail"]),
    ],
    ids=lambda value: value.name if isinstance(value, Flow) else "",
)
def test_what_the_code_names_is_followed(pipeline: Any, expected: list[str]) -> None:
    found = plan(pipeline)
    assert found.ok, found.problems
    assert not found.unforeseen
    assert tasks_of(found) == expected
    assert CALLS == 0


def load(folder: Path, name: str, text: str) -> ModuleType:
    (folder / f"{name}.py").write_text(text)
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_tasks_and_flows_of_imported_modules_are_followed(tmp_path: Path) -> None:
    load(tmp_path, "plan_reach_steps", """
from prefect import flow, task
@task
def write(prompt): raise AssertionError("it ran")
@flow
def part(prompt): return helped(prompt)
def helped(prompt): return write(prompt)
""")  # fmt: skip
    pipeline = load(tmp_path, "plan_reach_pipeline", """
from prefect import flow
import plan_reach_steps as steps
import plan_reach_steps
from plan_reach_steps import helped
@flow
def whole():
    steps.write("a")
    plan_reach_steps.part("b")
    steps.helped("c")
    helped("d")
    from plan_reach_steps import write
    write("e")
""")  # fmt: skip
    found = plan(pipeline.whole)
    assert found.ok, found.problems
    assert not found.unforeseen
    assert tasks_of(found) == ["write"] * 5


def test_tasks_in_closures_are_followed() -> None:
    @task
    async def local(prompt: str) -> str:
        raise AssertionError("it ran")

    count = 0

    async def counted(prompt: str, depth: int = 1) -> Any:
        nonlocal count
        count += 1
        await local(prompt)
        return await counted(prompt, depth - 1) if depth else None

    @flow
    async def outer() -> None:
        await counted("a")
        assert count == 2

    found = plan(outer)
    assert found.ok, found.problems
    assert tasks_of(found) == ["local", "local"]


def anything(name: str) -> Any:
    return getattr(Steps, name)


@flow
def finds_a_task() -> None:
    anything("own")("a")
    generate_image.submit("a", model="local:landscape")


@flow
async def finds_an_asynchronous_task() -> None:
    await anything("later")("a")


@flow
def finds_a_flow() -> None:
    anything("picture")("a")


@flow
async def finds_an_asynchronous_flow() -> None:
    await anything("picture_later")("a")


@flow
def calls_a_method() -> None:
    Steps().work()


@flow
def takes_no_for_an_answer() -> None:
    try:
        anything("own")("a")
    except Exception:
        generate_image.submit("a", model="local:landscape")


@flow
def forgets_the_context() -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(styled, "a").result()


@flow
def pays_without_a_context() -> None:
    with ThreadPoolExecutor(1) as pool:
        list(pool.map(generate_image, ["a"]))


@flow
def writes_to_the_server() -> None:
    Variable.set("hello", 1)


@flow
async def reads_from_no_server() -> None:
    await Variable.aget("hello")


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        (finds_a_task, "styled is called in a way that the plan cannot follow"),
        (finds_an_asynchronous_task, "styled_later is called in a way"),
        (finds_a_flow, "a flow is called in a way that the plan cannot follow"),
        (finds_an_asynchronous_flow, "a flow is called in a way"),
        (calls_a_method, "method is called in a way"),
        (takes_no_for_an_answer, "styled is called in a way"),
        (forgets_the_context, "styled is called in a thread that knows nothing of the flow"),
        (pays_without_a_context, "generate-image is called in a thread that knows nothing of the flow"),
        (writes_to_the_server, "Prefect's server"),
        (reads_from_no_server, "reads from Prefect's server (read_variable_by_name), and none is configured"),
    ],
    ids=lambda value: value.name if isinstance(value, Flow) else "",
)
def test_what_cannot_be_followed_is_told_and_not_run(pipeline: Any, words: str) -> None:
    found = plan(pipeline)
    assert found.ok, found.problems
    assert found.is_floor
    assert words in " ".join(found.unforeseen)


def test_submitted_tasks_are_planned_however_they_are_found() -> None:
    @flow
    def submits() -> Any:
        text = anything("own").submit("a")
        anything("own").map(["a", "b"])
        return generate_image.submit(text, model="local:landscape").result()

    found = plan(submits)
    assert found.ok, found.problems
    assert tasks_of(found) == ["styled"] * 3 + ["generate_image"]


def test_nothing_of_prefect_is_changed() -> None:
    before = [dict(vars(owner)) for owner in (Flow, Task, artifacts.Artifact, FlowRunContext)]
    plan(calls_flows)
    assert [dict(vars(owner)) for owner in (Flow, Task, artifacts.Artifact, FlowRunContext)] == before
    assert FlowRunContext.get() is None


def test_a_plan_in_one_thread_leaves_a_run_in_another_alone() -> None:
    met = threading.Barrier(2, timeout=30)
    heard: list[str] = []

    @task
    def real() -> None:
        heard.append("it ran")

    @flow
    def planned() -> None:
        met.wait()
        met.wait()

    def run() -> None:
        met.wait()
        real.fn()
        heard.append(str(FlowRunContext.get()))
        met.wait()

    other = threading.Thread(target=run)
    other.start()
    assert plan(planned).ok
    other.join()
    assert heard == ["it ran", "None"]
