"""Cache keys of local tasks: what a step does is part of them."""

from __future__ import annotations

import pytest

from prefect_media.media.captions.captioning import caption
from prefect_media.media.videos.edit import edit_video, fit_video
from prefect_media.tasks._keys import key_of
from prefect_media.tasks._task import content_key
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


def test_a_whole_number_has_one_key_however_it_is_written() -> None:
    """A default of 5 is 5.0 where Prefect has checked a flow's parameters."""
    keys = [content_key("trim", 1, {"end_s": value}) for value in (5, 5.0, 5.5, True)]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
