"""Cache keys of local tasks: what a step does is part of them."""

from __future__ import annotations

import pytest

from prefect_media.media.captions.captioning import caption
from prefect_media.media.videos.edit import edit_video, fit_video
from prefect_media.tasks._keys import key_of
from prefect_media.tasks.local import _key

STEPS = [{"do": "fit", "width": 64}]


def test_a_step_that_changes_what_it_makes_changes_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    key = key_of(edit_video)
    before = (
        key({"steps": STEPS}),
        _key({"operation": "edit_video", "parameters": {"steps": STEPS}}),
        key({"steps": []}),
    )
    for operation in (fit_video, caption):
        monkeypatch.setattr(operation, "version", operation.version + 1)
        after = (
            key({"steps": STEPS}),
            _key({"operation": "edit_video", "parameters": {"steps": STEPS}}),
            key({"steps": []}),
        )
        assert after[0] != before[0]
        assert after[1] != before[1]
        assert after[2] == before[2], "without steps nothing of it is used"
        before = after
