"""Places that cannot be written to: one clear error from every operation, before anything is encoded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from prefect_media.errors import EncodeError
from prefect_media.media.ffmpeg import publish
from prefect_media.media.videos.concat import concat_videos
from prefect_media.media.videos.edit import fit_video
from prefect_media.media.videos.extract import extract_frame, extract_frames
from prefect_media.media.videos.merge import merge
from prefect_media.media.videos.timing import trim_video

from .make_clips import clip

OPERATIONS: dict[str, Callable[[Path], object]] = {
    "trim": lambda target: trim_video(clip("plain.mp4"), target, end_s=0.2),
    "copy": lambda target: trim_video(clip("keyed.mp4"), target, start_s=0.4, end_s=0.8),
    "fit": lambda target: fit_video(clip("plain.mp4"), target, width=32, height=32),
    "concat": lambda target: concat_videos([clip("plain.mp4"), clip("plain.mp4")], target),
    "merge": lambda target: merge(clip("plain.mp4"), clip("voice.wav"), None, target),
    "frame": lambda target: extract_frame(clip("plain.mp4"), target.with_suffix(".png")),
}


def _folder(place: Path) -> Path:
    for suffix in (".mp4", ".png"):
        (place / f"out{suffix}").mkdir()
    return place / "out.mp4"


def _in_a_file(place: Path) -> Path:
    (place / "file").write_bytes(b"")
    return place / "file" / "out.mp4"


def _below_a_file(place: Path) -> Path:
    return _in_a_file(place).parent / "deeper" / "out.mp4"


def _long_name(place: Path) -> Path:
    return place / f"{'x' * 256}.mp4"


def _closed_folder(place: Path) -> Path:
    return Path("/proc/out.mp4")  # not even the root user may write there


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (_folder, "Is a directory"),
        (_in_a_file, "its folder is a file"),
        (_below_a_file, "its folder is a file"),
        (_long_name, "File name too long"),
        (_closed_folder, ""),
    ],
)
def test_a_target_that_cannot_be_written_is_told_by_name(
    operation: str, place: Callable[[Path], Path], reason: str, tmp_path: Path
) -> None:
    target = place(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(EncodeError, match=f"^Cannot write '.*{target.stem}.*': .*{reason}.*\\.$"):
        OPERATIONS[operation](target)
    assert sorted(tmp_path.rglob("*")) == before


def test_pictures_go_beside_a_folder_of_any_name(tmp_path: Path) -> None:
    (tmp_path / "frame").mkdir()
    assert len(extract_frames(clip("plain.mp4"), tmp_path, count=2)) == 2
    with pytest.raises(EncodeError, match="its folder is a file"):
        extract_frames(clip("plain.mp4"), tmp_path / "frame-00001.png", count=2)


def test_a_finished_file_that_cannot_get_its_name_is_told(tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(b"done")
    (tmp_path / "out.mp4").mkdir()
    with pytest.raises(EncodeError, match=r"Cannot write '.*out\.mp4': Is a directory\.") as caught:
        publish(part, tmp_path / "out.mp4")
    assert isinstance(caught.value.__cause__, OSError)
