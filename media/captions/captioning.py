"""Captions on a video: burnt into the picture, or as a subtitle stream that a player can switch off."""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ...errors import EncodeError, ParameterError, UnsupportedMediaError
from .. import ffmpeg
from ..container import Container, scan
from ..images.fonts import find_font
from ..operation import operation
from ..scratch import scratch_beside
from ..sounds.formats import conform
from ..streams import VideoStream
from ..types import Word
from ..videos.opening import open_reel, picture_of
from ..videos.reel import Reel
from ..videos.targets import Target, target_of
from ..videos.writing import write_reel
from .cues import cues_from_words, one_at_a_time
from .script import Script, write_script
from .styles import CaptionStyle, style_of
from .subtitles import Cue, read_subtitles, write_subtitles

__all__ = ["add_captions", "caption", "captions_of", "draw_captions"]

SOFT_FORMS = {
    ".mp4": ("srt", "mov_text"),
    ".mov": ("srt", "mov_text"),
    ".mkv": ("srt", "copy"),
    ".webm": ("webvtt", "copy"),
}
"""What a subtitle stream is made from, and how. FFmpeg's encoders leave escapes in the text, so it is copied where it can
be; for mov_text, the way from SRT adds none."""
QUICKTIME_LANGUAGES = {
    "deu": "ger", "nld": "dut", "swe": "sve", "ell": "gre", "isl": "ice", "zho": "chi", "sqi": "alb", "mkd": "mac", "fas": "per",
    "fre": "fra", "cze": "ces", "slo": "slk", "rum": "ron",
}  # fmt: skip
"""Languages that FFmpeg knows in .mov by another of their names, and leaves out by this one."""
SCRIPT_NAME = "captions.ass"
SOFT_LINE_CHARS, SOFT_LINES = 42, 2


def captions_of(
    *,
    subtitles: Path | None = None,
    cues: Sequence[Cue | Mapping[str, Any]] = (),
    words: Sequence[Word | Mapping[str, Any]] = (),
    style: CaptionStyle | None = None,
) -> list[Cue]:
    """Return cues from exactly one of a subtitle file, cues, or word timings.

    Args:
        subtitles: SRT, WebVTT or ASS.
        cues: Cues, or mappings with `start_s`, `end_s`, `text`.
        words: Words, or mappings likewise; they are grouped to suit the style.
        style: For burning in; None for a subtitle stream.

    Raises:
        ParameterError: None or several are given, one is malformed, or there is no text in them.
        MediaError: The file cannot be read.
    """
    _check_types(subtitles=subtitles, cues=cues, words=words)
    if sum(bool(given) for given in (subtitles, cues, words)) != 1:
        raise ParameterError("Cannot caption: give one of subtitles (a file), cues or words.")
    if subtitles is not None:
        found = read_subtitles(Path(subtitles))
    elif cues:
        found = sorted(_each(Cue, "cues", cues), key=lambda cue: (cue.start_s, cue.end_s))
    elif style is not None:
        found = cues_from_words(
            _each(Word, "words", words), line_chars=style.line_chars, lines=style.lines, max_s=style.max_s
        )
    else:
        found = cues_from_words(_each(Word, "words", words), line_chars=SOFT_LINE_CHARS, lines=SOFT_LINES)
    if not found:
        raise ParameterError("Cannot caption: there is no text in what was given.")
    return found


def _check_types(*, subtitles: Any, cues: Any, words: Any) -> None:
    if not isinstance(subtitles, str | Path | None):
        raise ParameterError(f"subtitles={subtitles!r:.80} is not a path. Allowed: an SRT, WebVTT or ASS file.")
    for name, values in (("cues", cues), ("words", words)):
        if not isinstance(values, Sequence | None) or isinstance(values, str | bytes):
            raise ParameterError(
                f"{name}={values!r:.80} is not a list. Allowed: a list of objects with start_s, end_s and text."
            )


def _each(kind: Any, name: str, values: Sequence[Any]) -> list[Any]:
    made: list[Any] = []
    for number, value in enumerate(values):
        try:
            made.append(kind.model_validate(value))
        except ValidationError as exc:
            first = exc.errors()[0]
            where = ".".join([f"{name}[{number}]", *map(str, first["loc"])])
            raise ParameterError(f"{where} is not valid: {first['msg']}. Found: {value!r:.120}.") from exc
    return made


def draw_captions(
    reel: Reel, cues: Sequence[Cue], style: CaptionStyle, *, highlight: bool = False, font: str | Path | None = None
) -> Reel:
    """Return a reel with captions drawn into its picture.

    Args:
        reel: The video.
        cues: Captions, in seconds of the reel.
        style: How they look.
        highlight: Light each word while it is spoken.
        font: A font file; by default as `find_font` chooses.

    Raises:
        ParameterError: No font covers the text, a cue does not fit, or words to highlight have no times.
        ConfigurationError: The ffmpeg program cannot draw subtitles.
    """
    ffmpeg.require(filters=("ass",))
    if highlight and (silent := next((cue for cue in cues if not cue.words), None)):
        raise ParameterError(
            f"highlight='word' needs the times of words, which the caption at {silent.start_s:.2f} s lacks. "
            "Give words, or leave highlight out."
        )
    whole = "".join(cue.text for cue in cues)
    chosen = find_font(whole.upper() + whole if style.upper else whole, font)
    drawable = [
        cue.model_copy(
            update={
                "text": chosen.drawable(cue.text),
                "words": tuple(w.model_copy(update={"text": chosen.drawable(w.text)}) for w in cue.words),
            }
        )
        for cue in cues
    ]
    ready = reel.settled()
    folder = Path(tempfile.mkdtemp(prefix="captions-"))
    try:
        fonts = folder / "fonts"
        fonts.mkdir()
        (fonts / f"font{chosen.suffix}").write_bytes(chosen.data)
        write_script(
            Script(style, chosen, ready.width, ready.height), drawable, folder / SCRIPT_NAME, highlight=highlight
        )
        drawn = ready.seen("ass", filename=str(folder / SCRIPT_NAME), fontsdir=str(fonts))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    # ffmpeg reads these files when the graph runs, so they stay for as long as somebody holds the graph.
    weakref.finalize(drawn.picture.node, shutil.rmtree, folder, ignore_errors=True)
    return drawn


def add_captions(
    reel: Reel,
    *,
    subtitles: Path | None = None,
    cues: Sequence[Cue | Mapping[str, Any]] = (),
    words: Sequence[Word | Mapping[str, Any]] = (),
    style: str = "outline",
    highlight: str | None = None,
    position: str | None = None,
    size: float | None = None,
    colour: str | None = None,
    highlight_colour: str | None = None,
    font: str | None = None,
) -> Reel:
    """Burn captions in, as a step of a larger graph; parameters and errors as for `caption`."""
    looks = style_of(style, position=position, size=size, colour=colour, highlight_colour=highlight_colour)
    _check_highlight(highlight)
    if not isinstance(font, str | Path | None):
        raise ParameterError(f"font={font!r:.80} is not a path. Allowed: a TrueType or OpenType file, or None.")
    given = captions_of(subtitles=subtitles, cues=cues, words=words, style=looks)
    shown = _within(given, float(reel.duration), reel.name)
    return draw_captions(reel, shown, looks, highlight=highlight == "word", font=font)


def _check_highlight(highlight: str | None) -> None:
    if highlight not in (None, "word"):
        raise ParameterError(f"highlight={highlight!r} is unknown. Known: 'word', or None.")


@dataclass(frozen=True)
class _Job:
    """The video and where it goes."""

    source: Path
    target: Path
    kind: Target
    found: Container

    @property
    def picture(self) -> VideoStream:
        return picture_of(self.found, self.source)

    @property
    def what(self) -> str:
        return f"caption '{self.source.name}'"

    @property
    def keeps_kind(self) -> bool:
        return self.source.suffix.lower() == self.target.suffix.lower()


@operation(version=4)
def caption(
    source: Path,
    target: Path,
    *,
    subtitles: Path | None = None,
    cues: Sequence[Cue | Mapping[str, Any]] = (),
    words: Sequence[Word | Mapping[str, Any]] = (),
    burn: bool = True,
    style: str = "outline",
    highlight: str | None = None,
    position: str | None = None,
    size: float | None = None,
    colour: str | None = None,
    highlight_colour: str | None = None,
    font: str | None = None,
    language: str | None = None,
) -> None:
    """Caption a video, from exactly one of a subtitle file, cues, or word timings.

    Burnt in, the picture is encoded anew and the sound copied where the target takes it. As a subtitle stream, everything
    is copied, and a player can switch the captions off; then only `language` of the options below counts.

    Args:
        source: Any video.
        target: `.mp4`, `.mov`, `.mkv` or `.webm`.
        subtitles: SRT, WebVTT or ASS file (its own styles are left out).
        cues: Each with `start_s`, `end_s`, `text`, and optionally `words`.
        words: Each with `text`, `start_s`, `end_s`, as speech comes with.
        burn: False for a subtitle stream.
        style: `outline`, `box`, `shadow` or `bold`.
        highlight: `word` lights each word while it is spoken.
        position: `bottom`, `middle` or `top`; the style has its own.
        size: Of the letters, as a fraction of the frame's shorter side, 0.02 to 0.25.
        colour: Of the letters, as `#rrggbb` or a name.
        highlight_colour: Of the spoken word.
        font: A font file, for scripts that the built-in font lacks.
        language: Three letters (ISO 639-2), for the subtitle stream.

    Raises:
        ParameterError: A value is not possible, no font covers the text, or all captions begin after the end.
        MediaError: A file cannot be used, or the target not written.
    """
    job = _Job(source, target, target_of(target), scan(source))
    if burn:
        parameters: dict[str, Any] = {
            "subtitles": subtitles, "cues": cues, "words": words, "style": style, "highlight": highlight, "position": position,
            "size": size, "colour": colour, "highlight_colour": highlight_colour, "font": font,
        }  # fmt: skip
        write_reel(add_captions(open_reel(job.source, found=job.found), **parameters), job.target, what=job.what)
        return
    length = max(job.picture.duration_s, job.found.duration_s)
    shown = _within(captions_of(subtitles=subtitles, cues=cues, words=words), length, source.name)
    with scratch_beside(target) as scratch:
        _soft(job, shown, scratch, _checked_language(language))


def _within(cues: Sequence[Cue], length_s: float, name: str) -> list[Cue]:
    inside = [
        cue if cue.end_s <= length_s else cue.model_copy(update={"end_s": length_s})
        for cue in cues
        if cue.start_s < length_s - 0.001
    ]
    if not inside:
        raise ParameterError(
            f"Cannot caption '{name}': the first caption starts at {cues[0].start_s:.2f} s, the video ends at "
            f"{length_s:.2f} s. Check that they belong together."
        )
    return inside


def _checked_language(language: str | None) -> str | None:
    if language is not None and not (isinstance(language, str) and re.fullmatch("[a-z]{3}", language)):
        raise ParameterError(f"language={language!r} is not three small letters (ISO 639-2), such as 'eng'.")
    return language


def _soft_file(cues: Sequence[Cue], folder: Path, form: str, codec: str) -> Path:
    """Write what ffmpeg makes the subtitle stream from."""
    path = folder / ("captions.srt" if form == "srt" else "captions.vtt")
    write_subtitles(one_at_a_time(cues) if codec == "mov_text" else cues, path)
    if codec == "mov_text":
        # The encoder breaks the line at a written \n or \N; an empty tag, of which nothing remains, parts the two.
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"\\(?=[nN])", r"\\<i></i>", text), encoding="utf-8", newline="\n")
    return path


def _soft(job: _Job, cues: Sequence[Cue], scratch: Path, language: str | None) -> None:
    if not (job.keeps_kind or job.kind.takes(job.picture)):
        raise UnsupportedMediaError(
            f"Cannot caption '{job.source.name}' in a {job.kind.suffix} file: players do not expect {job.picture.codec} "
            f"({job.picture.pixel_format}) there. Transcode it first, or burn the captions in."
        )
    form, codec = SOFT_FORMS[job.kind.suffix]
    path = _soft_file(cues, scratch, form, codec)
    start, old = ffmpeg.source(job.source), job.found.subtitles if job.keeps_kind else 0
    nodes, options = [start[str(job.picture.index)]], job.kind.copying(job.picture)
    for number, sound in enumerate(job.found.audio):
        if job.keeps_kind or job.kind.takes_sound(sound):
            nodes.append(start[str(sound.index)])
            options[f"c:a:{number}"] = "copy"
        else:
            nodes.append(conform(start[str(sound.index)], sound, job.kind.sound))
            options |= job.kind.sound.options(f"a:{number}")
    for number in range(old):
        nodes.append(start[f"s:{number}"])
        options[f"c:s:{number}"] = "copy"
    nodes.append(ffmpeg.source(path, formats=form)["s:0"])
    options[f"c:s:{old}"] = codec
    options |= {f"map_metadata:s:a:{n}": f"0:s:a:{n}" for n in range(len(job.found.audio))}  # languages and names
    options |= {f"map_metadata:s:s:{n}": f"0:s:s:{n}" for n in range(old)}
    if language:
        name = QUICKTIME_LANGUAGES.get(language, language) if job.kind.suffix == ".mov" else language
        options[f"metadata:s:s:{old}"] = f"language={name}"
    length = job.found.duration_s

    def check(part: Path) -> None:
        made = scan(part)
        if made.subtitles != old + 1 or abs(made.duration_s - length) > 0.1:
            raise EncodeError(f"Cannot {job.what}: the subtitle stream did not get in.", reason="wrong")

    ffmpeg.write(job.target, *nodes, what=job.what, duration_s=length + 1, options=options, check=check)
