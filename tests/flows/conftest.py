"""Flow runs need a server: one for the whole session."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def prefect_server(prefect_url: str) -> Iterator[str]:
    """Point Prefect in this process at the session's server; gives the address of its API."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: prefect_url}):
        yield prefect_url


@pytest.fixture
def own_results(tmp_path: Path) -> Iterator[None]:
    """Keep this test's task results apart from those of others: nothing is cached from before."""
    from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings

    with temporary_settings({PREFECT_LOCAL_STORAGE_PATH: tmp_path / "results"}):
        yield


@pytest.fixture
def task_states(prefect_server: str) -> Callable[..., Awaitable[list[list[str]]]]:
    """Ask the server for the state names of the task runs of each flow run of a name, oldest flow run first."""
    from prefect import flow, get_client, task
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, FlowRunFilterName
    from prefect.client.schemas.sorting import FlowRunSort

    @task
    async def mark() -> None:
        """Leave a trace behind everything that was recorded before."""

    @flow
    async def marking() -> None:
        await mark()

    async def states_of(client: Any, flow_run: Any) -> list[str]:
        only = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run.id]))
        return [run.state_name for run in await client.read_task_runs(flow_run_filter=only, limit=200)]

    async def ask(name: str, at_least: int = 0) -> list[list[str]]:
        # Task runs reach the server as events, in order: when the mark is there, so is what came before it.
        state = await marking(return_state=True)
        marked = FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
        async with get_client() as client:
            for _ in range(600):
                runs = await client.read_task_runs(flow_run_filter=marked)
                if runs and runs[0].state_name == "Completed":
                    break
                await asyncio.sleep(0.1)
            else:
                raise AssertionError("the server did not record a task run within a minute")
            named = FlowRunFilter(name=FlowRunFilterName(any_=[name]))
            flow_runs = await client.read_flow_runs(flow_run_filter=named, sort=FlowRunSort.START_TIME_ASC)
            found = [await states_of(client, flow_run) for flow_run in flow_runs]
        assert len(found[-1]) >= at_least, found
        return found

    return ask


@pytest.fixture
def browser() -> Iterator[Any]:
    """Start a headless Chromium of the machine; without one a test is skipped, in CI it fails.

    For one test only, and after asynchronous fixtures: it keeps an event loop running in this thread.
    """
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium found; install it: apt-get install chromium")
        pytest.skip("no Chromium found")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()
