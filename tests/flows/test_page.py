"""The report of a batch in a real browser: it plays, it is quiet, and a prompt cannot become markup."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from prefect_media import batch

EVIL = """</p><script>document.title = "owned"</script><img src=x onerror="document.title='owned'"> "quoted" & <b>bold</b>"""
ROWS = [
    {"id": "sea", "prompt": "a calm sea", "narration": "The sea.", "seconds": 0.5, "size": "160x96"},
    {"id": "evil", "prompt": EVIL, "seconds": 0.5, "size": "160x96"},
]


@pytest.fixture
async def report(prefect_server: str, own_results: None, tmp_path: Path) -> Path:
    """Make the page of a batch of two rows."""
    made = await batch("clip", ROWS, out=tmp_path / "out")
    assert made.count("succeeded") == 2, [row.error for row in made.rows]
    return tmp_path / "out" / "report.html"


def look(page: Any, path: Path) -> list[str]:
    """Open a page and return what its console complained about."""
    complaints: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url[:200]))
    page.on("request", lambda request: complaints.append(request.url) if request.url.startswith("http") else None)
    page.goto(path.as_uri())
    return complaints


def test_the_report_plays_and_escapes_prompts(report: Path, browser: Any) -> None:
    page = browser.new_page()
    complaints = look(page, report)
    assert page.locator("article").count() == 2
    assert page.title() != "owned"
    assert page.locator("#evil .prompt").inner_text() == EVIL
    assert page.locator("article script, article b, article p img").count() == 0
    shown = page.evaluate(
        """async () => {
            const seen = [];
            for (const video of document.querySelectorAll("video")) {
                const poster = new Image();
                poster.src = video.poster;
                await poster.decode();
                video.muted = true;
                await video.play();
                seen.push([poster.naturalWidth, video.videoWidth, video.videoHeight, video.duration > 0.4]);
            }
            return seen;
        }"""
    )
    assert [entry[1:] for entry in shown] == [[160, 96, True], [160, 96, True]], json.dumps(shown)
    assert all(entry[0] > 0 for entry in shown)
    assert complaints == []
