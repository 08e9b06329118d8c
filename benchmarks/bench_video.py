"""Video operations against the bare ffmpeg commands that do the same, and against moviepy where it is installed.

All figures are ratios of one run; see `race`. `python benchmarks/bench_video.py [ROUNDS]`
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from race import Contender, race

from prefect_media.media.ffmpeg import ffmpeg_exe
from prefect_media.media.operation import OPERATIONS
from prefect_media.media.videos.concat import concat_videos
from prefect_media.media.videos.edit import edit_video, fit_video
from prefect_media.media.videos.fusing import fuse
from prefect_media.media.videos.merge import merge
from prefect_media.media.videos.timing import trim_video

SIZE, RATE = "1280x720", 25
LONG_S, CLIP_S, CLIPS = 30, 2, 20
X264 = "-c:v libx264 -preset veryfast -crf 18 -pix_fmt yuv420p -threads 2"
MOVIEPY: dict[str, Any] = {"preset": "veryfast", "threads": 2, "ffmpeg_params": ["-crf", "18"]}
"""The encoder at the same settings as the others."""


def ffmpeg(arguments: str) -> None:
    """Run a bare command."""
    subprocess.run([ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *arguments.split()], check=True)


def inputs(folder: Path) -> None:
    """Make a long video, clips of one encoder, a clip of another size, and a voice."""
    pattern = f"-f lavfi -i testsrc2=s={SIZE}:r={RATE}"
    ffmpeg(f"{pattern}:d={LONG_S} {X264} {folder}/long.mp4")
    for number in range(CLIPS):
        tone = f"-f lavfi -i sine=f={300 + 20 * number}:d={CLIP_S}:r=44100"
        ffmpeg(f"{pattern}:d={CLIP_S} {tone} {X264} -c:a aac {folder}/clip{number:02d}.mp4")
    ffmpeg(f"-f lavfi -i sine=f=200:d={LONG_S - 2}:r=22050 {folder}/voice.wav")
    (folder / "list.txt").write_text("".join(f"file clip{number:02d}.mp4\n" for number in range(CLIPS)))


def merging(folder: Path, rounds: int) -> None:
    """Narration over a video whose picture is copied."""
    video, voice, target = folder / "long.mp4", folder / "voice.wav", folder / "merged.mp4"
    filters = f"[1:a]aresample=48000,aformat=sample_fmts=fltp:channel_layouts=stereo,apad=whole_dur={LONG_S}[a]"
    bare = (
        f"-i {video} -i {voice} -filter_complex {filters} -map 0:v -map [a] -c:v copy -c:a aac -b:a 192k -t {LONG_S} "
        f"-movflags +faststart {folder}/bare.mp4"
    )
    contenders: dict[str, Contender] = {
        "bare ffmpeg command": lambda: ffmpeg(bare),
        "merge, loudness as it is": lambda: merge(video, voice, None, target, lufs=None),
        "merge, loudness measured and set": lambda: merge(video, voice, None, target),
    }
    title = f"merge by copy, {LONG_S} s {SIZE}"
    race(title, contenders, 5 * rounds, "1.2 without loudness")
    if importlib.util.find_spec("moviepy"):
        contenders = {
            "merge, loudness as it is": contenders["merge, loudness as it is"],
            "moviepy": lambda: _moviepy_merge(video, voice, folder / "moviepy.mp4"),
        }
        race(title, contenders, max(1, rounds // 2), "moviepy at least 5 times slower")


def joining(folder: Path, rounds: int) -> None:
    """Twenty clips, equal ones by copy and encoded."""
    clips = [folder / f"clip{number:02d}.mp4" for number in range(CLIPS)]
    target = folder / "joined.mp4"
    # The list alone, with copied sound, is faster and wrong: 27 ms of sound too much at each seam.
    listed = (
        f"-f concat -i {folder}/list.txt -c:v copy -af aresample=48000:async=1 -c:a aac -b:a 192k -movflags +faststart "
        f"{folder}/listed.mp4"
    )
    sources = " ".join(f"-i {clip}" for clip in clips)
    pads = "".join(f"[{number}:v][{number}:a]" for number in range(CLIPS))
    encoded = (
        f"{sources} -filter_complex {pads}concat=n={CLIPS}:v=1:a=1[c][a];[c]scale=640:360[v] -map [v] -map [a] {X264} -c:a aac "
        f"{folder}/encoded.mp4"
    )
    contenders: dict[str, Contender] = {
        "bare concat demuxer, sound encoded": lambda: ffmpeg(listed),
        "concat_videos, picture copied": lambda: concat_videos(clips, target),
    }
    if importlib.util.find_spec("moviepy"):
        contenders["moviepy"] = lambda: _moviepy_join(clips, folder / "moviepy.mp4", None)
    race(f"join {CLIPS} equal clips of {CLIP_S} s", contenders, max(1, rounds // 2), "moviepy at least 5 times slower")
    contenders = {
        "bare concat filter": lambda: ffmpeg(encoded),
        "concat_videos to 640x360": lambda: concat_videos(clips, target, width=640, height=360),
    }
    if importlib.util.find_spec("moviepy"):
        contenders["moviepy"] = lambda: _moviepy_join(clips, folder / "moviepy.mp4", (640, 360))
    race(
        f"join {CLIPS} clips of {CLIP_S} s, encoded", contenders, max(1, rounds // 2), "moviepy at least 5 times slower"
    )


def chaining(folder: Path, rounds: int) -> None:
    """Trim, fit and merge one by one, and fused."""
    video, voice = folder / "long.mp4", folder / "voice.wav"
    calls: list[tuple[str, dict[str, Any]]] = [
        ("trim_video", {"start_s": 5.0, "seconds": 10.0}),
        ("fit_video", {"width": 720, "height": 720}),
    ]

    def one_by_one() -> None:
        trim_video(video, folder / "one.mp4", **calls[0][1])
        fit_video(folder / "one.mp4", folder / "two.mp4", **calls[1][1])
        merge(folder / "two.mp4", voice, None, folder / "three.mp4", duration="video")

    def fused() -> None:
        ((name, parameters),) = fuse([*calls, ("merge", {"duration": "video"})])
        OPERATIONS[name](video, voice, None, folder / "fused.mp4", **parameters)

    race("trim, fit and merge 10 s", {"one by one": one_by_one, "fused into one graph": fused}, rounds)


def fitting(folder: Path, rounds: int) -> None:
    """One encode against the same filter and encoder."""
    video = folder / "clip00.mp4"
    bare = f"-i {video} -vf scale=640:360 {X264} -c:a aac {folder}/bare.mp4"
    race(
        f"fit {CLIP_S} s to 640x360",
        {
            "bare ffmpeg command": lambda: ffmpeg(bare),
            "fit_video": lambda: fit_video(video, folder / "fit.mp4", width=640, height=360),
            "edit_video, the same and a cut": lambda: edit_video(
                video, folder / "fit.mp4", steps=[{"do": "trim", "end_s": 1.0}, {"do": "fit", "width": 640}]
            ),
        },
        rounds,
    )


def _moviepy_merge(video: Path, voice: Path, target: Path) -> None:
    from moviepy import AudioFileClip, VideoFileClip

    with VideoFileClip(str(video)) as picture, AudioFileClip(str(voice)) as sound:
        picture.with_audio(sound).write_videofile(str(target), logger=None, **MOVIEPY)


def _moviepy_join(clips: Sequence[Path], target: Path, size: tuple[int, int] | None) -> None:
    from moviepy import VideoFileClip, concatenate_videoclips

    opened = [VideoFileClip(str(clip)) for clip in clips]
    opened = [clip.resized(size) for clip in opened] if size else opened
    concatenate_videoclips(opened).write_videofile(str(target), logger=None, **MOVIEPY)
    for clip in opened:
        clip.close()


def main() -> None:
    """Run every race."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inputs(folder)
        merging(folder, rounds)
        joining(folder, rounds)
        chaining(folder, rounds)
        fitting(folder, rounds)


if __name__ == "__main__":
    main()
