"""Where a file came from, written into the file itself, when the user asks for it.

Nothing is written unless asked for, and never a prompt unless it is given here: prompts are private. Content keys are
taken before, from the file without it.
"""

from __future__ import annotations

import mmap
import re
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import DecodeError, EncodeError, ParameterError, UnsupportedMediaError
from .comments import flac, id3, ogg, wav
from .container import scan
from .images.embedding import XMP_FORMATS, embed_xmp, extract_xmp
from .images.encoding import publish
from .operation import operation
from .probe import probe
from .scratch import scratch_beside, writing
from .sniff import sniff
from .streams import Container
from .xmp import packet_with, record_in

__all__ = ["Provenance", "read_provenance", "write_provenance"]

KEYWORD = "prefect-media"
SOURCE_TYPES = {
    "model": "trainedAlgorithmicMedia",
    "procedure": "algorithmicMedia",
    "composite": "compositeWithTrainedAlgorithmicMedia",
}
"""IPTC's words for how media was made (Source: cv.iptc.org/newscodes/digitalsourcetype, edition of 2024-09-17)."""
VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
TAGGED = ("video/mp4", "video/quicktime", "video/webm", "video/x-matroska", "audio/mp4", "audio/mpeg", "audio/wav",
          "audio/flac", "audio/ogg")  # fmt: skip
COMMENTS: dict[str, Any] = {"wav": wav, "mp3": id3, "mpeg": id3, "flac": flac}
"""What reads and writes the comment alone, by FFmpeg's name of the format and by the media type's."""
LONGEST_TAG = 100_000
LONGEST_COMMENT = 130_000
"""In bytes. It is handed to ffmpeg as one argument, and Linux lets none have over 128 KiB."""
LONGEST_TEXT = 500
BREAKS = re.compile("[\x80-\x9f\u2028\u2029\ufffe\uffff]")
"""What JSON has as it is, but some programs break lines at, or XML refuses."""
KEYED = b"hdlr" + bytes(8) + b"mdta"
"""How metadata by keys begins (Source: QuickTime File Format, metadata atoms)."""
OWN_TAGS = ("major_brand", "minor_version", "compatible_brands")
"""What FFmpeg tells of a container as if it were metadata, and would write as such."""
SAME_S = 0.03
"""A copied stream may gain or lose this much to the rounding of its container."""


class Provenance(BaseModel):
    """What is written into a file.

    Attributes:
        made: `model` for the output of a generative model, `procedure` for that of an algorithm without one, `composite`
            for something put together with such parts.
        model: Card id; several are separated by commas, likewise call keys.
        flow_run: Id of the flow run.
        call_key: Key of the call in the ledger.
        prompt: Only when the user wants it there.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: Literal[1] = 1
    made: Literal["model", "procedure", "composite"] = "model"
    model: str | None = Field(None, max_length=LONGEST_TEXT)
    flow_run: str | None = Field(None, max_length=LONGEST_TEXT)
    call_key: str | None = Field(None, max_length=LONGEST_TEXT)
    prompt: str | None = Field(None, max_length=20_000)

    @property
    def digital_source_type(self) -> str:
        """The IPTC term, as an address."""
        return VOCABULARY + SOURCE_TYPES[self.made]

    def to_json(self) -> str:
        """One line of JSON, in characters that XML can hold."""
        text = re.sub(BREAKS, lambda found: f"\\u{ord(found[0]):04x}", self.model_dump_json(exclude_none=True))
        return f'{{"{KEYWORD}":{text}}}'


class _Envelope(BaseModel):
    record: Provenance = Field(alias=KEYWORD)


@operation(version=5)
def write_provenance(
    source: Path,
    target: Path,
    *,
    made: Literal["model", "procedure", "composite"] = "model",
    model: str | None = None,
    flow_run: str | None = None,
    call_key: str | None = None,
    prompt: str | None = None,
) -> None:
    """Copy a file with a record of its origin in its metadata; picture and sound are not touched.

    What else the metadata says stays: an XMP packet keeps all but an earlier record and its IPTC source type, and a comment
    gets the record as a line of its own. Where that cannot be, nothing is written. MP4, MOV, WebM and MKV are muxed anew, and
    lose what FFmpeg has no place for: freeform tags of iTunes, names of tracks, tracks of data.

    Content credentials of the source are left out: any change makes them invalid. Write the record first, then sign.

    Args:
        source: PNG, JPEG, WebP, MP4, MOV, WebM, MKV, M4A, MP3, WAV, FLAC or Ogg.
        target: File to write, of the same format.
        made: See `Provenance`, likewise the rest.
        model: See `made`.
        flow_run: See `made`.
        call_key: See `made`.
        prompt: See `made`.

    Raises:
        ParameterError: A text is too long, or `made` is unknown.
        UnsupportedMediaError: The format has no place for it.
        DecodeError: The file is damaged, or its XMP packet or comment cannot be kept.
        ProbeError, MediaLimitError, EncodeError: It cannot be read or written, or has no room left.
    """
    try:
        record = Provenance(made=made, model=model, flow_run=flow_run, call_key=call_key, prompt=prompt)
    except ValidationError as exc:
        problems = [f"{error['loc'][0]}: {error['msg']}." for error in exc.errors()]
        raise ParameterError("Cannot write this record: " + " ".join(problems), problems) from exc
    media_type = probe(source, decode=False).media_type
    if media_type in XMP_FORMATS:
        data = source.read_bytes()
        xmp = packet_with(extract_xmp(data, media_type), record.digital_source_type, record.to_json())
        publish(embed_xmp(data, media_type, xmp, {KEYWORD: record.to_json()}), target)
    elif media_type in TAGGED:
        _tag(source, target, record)
    else:
        raise UnsupportedMediaError(
            f"Cannot write the origin of '{source.name}' into it: {media_type} has no place for that. "
            f"Allowed: {', '.join((*XMP_FORMATS, *TAGGED))}."
        )


def _tag(source: Path, target: Path, record: Provenance) -> None:
    from . import ffmpeg

    before = scan(source)

    def check(part: Path) -> None:
        after = scan(part)
        if read_provenance(part) != record or not _same(before, after):
            raise EncodeError(f"Cannot write the origin of '{source.name}': the copy is not like the file.")

    comments = [_beside(source, each, record) for each in _comments(source)]
    with scratch_beside(target) as folder:
        part = folder / f"out{target.suffix.lower()}"
        with writing(target):
            is_edited = _edited(source, part, before.format, comments)
        if is_edited:
            check(part)
            ffmpeg.publish(part, target)
            return
    node = ffmpeg.source(source)
    kinds = {"v": len(before.video) + before.covers, "a": len(before.audio), "s": before.subtitles, "t": _fonts(source)}
    names = [f"metadata:s:a:{number}" for number in range(len(comments))] if before.format == "ogg" else ["metadata"]
    tags = {name: f"comment={comment}" for name, comment in zip(names, comments, strict=True)}
    ffmpeg.write(
        target,
        *(node[kind] for kind, count in kinds.items() if count),
        what=f"write the origin of '{source.name}' into it",
        options={"c": "copy", "map_metadata": "0", **tags, **_by_keys(source, before)},
        check=check,
    )


def _edited(source: Path, part: Path, format: str, comments: list[str]) -> bool:
    """Whether the comments could be put into a copy that has everything else to the byte."""
    if format == "ogg":
        return ogg.write_comments(source, part, comments)
    return format in COMMENTS and COMMENTS[format].write_comment(source, part, comments[0])


def _by_keys(source: Path, container: Container) -> dict[str, str]:
    """What keeps metadata by QuickTime's keys, as phones write it; FFmpeg has either those or iTunes' few in an MP4 or MOV."""
    if "mp4" not in container.format or not _holds(source, KEYED):
        return {}
    shot, _, _ = container.tags.get("creation_time", "").partition(
        ";"
    )  # twice where FFmpeg wrote it: in the header, too
    changed = [*(f"{name}=" for name in OWN_TAGS), f"creation_time={shot}"]
    tags = {f"metadata:g:{number}": tag for number, tag in enumerate(changed)}
    return {"movflags": "+faststart+use_metadata_tags", **tags}


def _holds(path: Path, part: bytes) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(part) >= 0


def _beside(source: Path, comment: str, record: Provenance) -> str:
    """Return a comment that says what it said, and has the record in a line of its own in place of an earlier one."""
    if "\ufffd" in comment:
        raise DecodeError(
            f"Cannot write the origin of '{source.name}' into it: its comment is not UTF-8 text, and would be damaged. "
            "Write the file without metadata first."
        )
    kept = [line for line in comment.split("\n") if _parsed(line) is None] if comment else []
    text = "\n".join([*kept, record.to_json()])
    if (size := len(text.encode())) > LONGEST_COMMENT:
        raise EncodeError(
            f"Cannot write the origin of '{source.name}' into it: its comment would have {size} bytes, at most "
            f"{LONGEST_COMMENT} are possible. Shorten it, or the record."
        )
    return text


def _same(before: Container, after: Container) -> bool:
    pairs = zip((*before.video, *before.audio), (*after.video, *after.audio), strict=False)
    counts = (len(before.video), len(before.audio)) == (len(after.video), len(after.audio))
    return counts and all(
        one.codec == two.codec and abs(one.duration_s - two.duration_s) < SAME_S for one, two in pairs
    )


def read_provenance(path: Path) -> Provenance | None:
    """Return the record that a file carries, None when it carries none that can be understood.

    Anyone can write such a record; it proves nothing.

    Raises:
        ProbeError, MediaLimitError: The file cannot be read as media.
    """
    media_type = sniff(path)
    if media_type in XMP_FORMATS:
        packet = extract_xmp(path.read_bytes(), media_type)
        return _parsed((packet and record_in(packet)) or "")
    if media_type in TAGGED:
        lines = (line for comment in _comments(path) for line in reversed(comment.split("\n")))
        return next((record for line in lines if (record := _parsed(line))), None)
    return None


def _comments(path: Path) -> list[str]:
    """The comment of a file; that of each sound stream of an Ogg file, which keeps them there.

    What a stream of another file calls its comment is the sort of a cover.
    """
    from .container import open_guarded

    name = (sniff(path) or "").removeprefix("audio/")
    if name == "ogg" and (comments := ogg.read_comments(path)) is not None:
        return comments
    own = COMMENTS.get(name)
    if own and (comment := own.read_comment(path)) is not None:
        return [comment]
    with open_guarded(path) as container:
        holders = container.streams.audio if container.format.name == "ogg" else [container]
        lowered = [{key.lower(): value for key, value in holder.metadata.items()} for holder in holders]
    return [each.get("comment", "") for each in lowered]


def _fonts(path: Path) -> int:
    """How many files are attached to a Matroska file, apart from covers."""
    from .container import open_guarded

    with open_guarded(path) as container:
        return len(container.streams.attachments)


def _parsed(text: str) -> Provenance | None:
    if KEYWORD not in text or len(text) > LONGEST_TAG:
        return None
    try:
        return _Envelope.model_validate_json(text).record
    except ValidationError:
        return None
