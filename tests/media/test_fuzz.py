"""Damaged files never crash the process, never hang it, write nothing outside the store, and are refused as MediaError.

`PREFECT_MEDIA_FUZZ=2000 pytest tests/media/test_fuzz.py` makes a larger run. The files are read in a child process, so
that a crash in a decoder is a failure with a file to look at, not the end of the tests.
"""

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from prefect_media.errors import MediaError, OutputMismatchError
from prefect_media.media.images.compose import thumbnail
from prefect_media.media.images.fit import fit_image
from prefect_media.media.intake import admit
from prefect_media.media.quality import check_output
from prefect_media.media.samples.making import sample_audio
from prefect_media.media.videos.merge import merge

BUDGET = int(os.environ.get("PREFECT_MEDIA_FUZZ") or 120)
SLOWEST_S = 20.0
MEMORY = 6 << 30


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Flip bits, cut, overwrite, repeat or remove parts; headers more often than the rest."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        size = len(changed)
        if size < 8:
            break
        reach = rng.choice((min(64, size), min(512, size), size))
        at = rng.randrange(reach)
        how = rng.randrange(8)
        if how <= 1:
            for _ in range(rng.choice((1, 4, 40))):
                changed[rng.randrange(reach)] ^= 1 << rng.randrange(8)
        elif how == 2:
            del changed[rng.randrange(size) :]
        elif how == 3:
            changed[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\0\1"))
        elif how == 4:
            length = rng.randrange(1, 64)
            changed[at : at + length] = rng.randbytes(length)
        elif how == 5:
            del changed[at : at + rng.randrange(1, 200)]
        elif how == 6:
            part = changed[at : at + rng.randrange(1, 400)]
            changed[at:at] = part * rng.randrange(1, 8)
        else:
            changed[at : at + 400] = bytes(400)
    return bytes(changed)


def use(path: Path, out: Path) -> str:
    """Do with a file what a run does with an output, and say what became of it."""
    try:
        media = admit(path)
    except MediaError as exc:
        return f"refused: {type(exc).__name__}"
    try:
        check_output(media)
        if media.kind == "image":
            fit_image(media.path(), out / "fitted.jpg", width=40, height=30)
        elif media.kind == "video":
            thumbnail(media.path(), out / "thumbnail.png", width=32, height=32)
            if path.name.endswith("7"):
                merge(media.path(), out / "voice.wav", None, out / "merged.mp4")
    except (MediaError, OutputMismatchError) as exc:
        return f"admitted {media.kind}, then {type(exc).__name__}"
    return f"admitted {media.kind}"


def main(folder: Path) -> None:
    """Child process: one line of JSON before and after each file."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    (folder / "out").mkdir()
    (folder / "out" / "voice.wav").write_bytes(sample_audio(0.5, format="wav"))
    for path in sorted((folder / "in").iterdir()):
        print(json.dumps({"file": path.name}), flush=True)
        begun = time.monotonic()
        outcome = use(path, folder / "out")
        print(json.dumps({"outcome": outcome, "seconds": time.monotonic() - begun}), flush=True)


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_damaged_files_are_refused_or_used_but_never_harm(every_type: dict[str, bytes], tmp_path: Path) -> None:
    rng = random.Random(20_260_101)
    folder, elsewhere = tmp_path / "work", tmp_path / "elsewhere"
    (folder / "in").mkdir(parents=True)
    elsewhere.mkdir()
    names = sorted(every_type)
    for number in range(BUDGET):
        name = names[number % len(names)]
        (folder / "in" / f"{number:05}-{name}-{number % 10}").write_bytes(mutated(every_type[name], rng))
    before = tree(folder / "in")
    environment = {"PREFECT_MEDIA_HOME": str(tmp_path / "home"), "TMPDIR": str(elsewhere), "HOME": str(elsewhere)}
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, str(folder)],
        env=os.environ | environment,
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=False,
        timeout=60 + 2 * BUDGET,
    )
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    files = [line["file"] for line in lines if "file" in line]
    ends = [line for line in lines if "outcome" in line]
    assert ended.returncode == 0, f"{files[-1:]} in {folder}: {ended.returncode}\n{ended.stderr[-2000:]}"
    assert len(ends) == BUDGET
    slow = [(file, end) for file, end in zip(files, ends, strict=True) if end["seconds"] > SLOWEST_S]
    assert slow == []
    outcomes = Counter(end["outcome"].split(":")[0].split(",")[0] for end in ends)
    assert outcomes["refused"] > BUDGET / 5, "the mutations do damage"
    assert outcomes["admitted image"] > 0, "and some survive it"
    assert tree(folder / "in") == before
    assert tree(elsewhere) == set()
    assert tree(folder / "out") <= {"voice.wav", "fitted.jpg", "thumbnail.png", "merged.mp4"}
    assert all(name.startswith("store/") and ".part-" not in name for name in tree(tmp_path / "home"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
