"""Small real inputs of every awkward kind, made once by ffmpeg when a test first asks for them."""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
from PIL import Image

WIDTH, HEIGHT = 64, 48
SECONDS = 0.6
RATE = 25
FRAMES = 15

CORNERS = {
    (0.25, 0.25): (200, 0, 0),
    (0.75, 0.25): (0, 160, 0),
    (0.25, 0.75): (0, 0, 200),
    (0.75, 0.75): (220, 220, 220),
}
"""Colours of the picture's quarters, by their middle."""

_X264 = "-c:v libx264 -preset ultrafast -qp 8 -pix_fmt yuv420p"
_AAC = "-c:a aac -b:a 96k"


def _quarters(
    seconds: float = SECONDS, rate: str = str(RATE), size: tuple[int, int] = (WIDTH, HEIGHT), then: str = ""
) -> str:
    """Four coloured quarters, stored as BT.709; two grey marks in the middle tell the number of the frame.

    The left one is lighter with its remainder by 7, the right one by 6, in steps that survive encoding.
    """
    w, h = size
    boxes = (
        f"drawbox=x=0:y=0:w={w // 2}:h={h // 2}:c=0xc80000:t=fill,drawbox=x={w // 2}:y=0:w={w}:h={h // 2}:c=0x00a000:t=fill,"
        f"drawbox=x=0:y={h // 2}:w={w // 2}:h={h}:c=0x0000c8:t=fill,drawbox=x={w // 2}:y={h // 2}:w={w}:h={h}:c=0xdcdcdc:t=fill"
    )
    mark = f"color=s=16x16:r={rate}:d={seconds},format=gray,geq=lum='16+30*if(lt(X\\,8)\\,mod(N\\,7)\\,mod(N\\,6))',format=rgb24"
    tagged = "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
    return f"color=s={w}x{h}:r={rate}:d={seconds},format=rgb24,{boxes}[q];{mark}[m];[q][m]overlay=x={w // 2 - 8}:y={h // 2 - 8}:format=rgb,{tagged}{then}"


def _video(
    seconds: float = SECONDS, rate: str = str(RATE), size: tuple[int, int] = (WIDTH, HEIGHT), then: str = ""
) -> str:
    return f'-f lavfi -i "{_quarters(seconds, rate, size, then)}"'


def _tone(seconds: float = SECONDS, hertz: int = 440, rate: int = 44100) -> str:
    return f"-f lavfi -i sine=f={hertz}:d={seconds}:r={rate}"


_UNEVEN = ",select='lt(n,5)+gt(n,14)*not(mod(n,3))'"
_TAGS = "-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -color_range tv"
_PQ = "color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv"

CLIPS: dict[str, str] = {
    "plain.mp4": f"{_video()} {_tone()} {_X264} {_AAC}",
    "silent.mp4": f"{_video()} {_X264}",
    "keyed.mp4": f"{_video(1.6)} {_tone(1.6)} {_X264} -g 10 -bf 0 -sc_threshold 0 {_AAC}",
    "bframes.mp4": f"{_video()} {_tone()} -c:v libx264 -preset medium -bf 3 -g 10 -sc_threshold 0 -qp 8 -pix_fmt yuv420p {_AAC}",
    "ntsc.mp4": f"{_video(0.6, '30000/1001')} {_tone()} {_X264} {_AAC}",
    "vfr.mkv": f"{_video(1.2, then=_UNEVEN)} {_tone(1.2)} {_X264} -fps_mode vfr {_AAC}",
    "odd.mp4": f"{_video(then=',format=yuv444p,crop=63:47:0:0:exact=1')} {_tone()} -c:v libx264 -preset ultrafast -qp 8 -pix_fmt yuv444p {_AAC}",
    "sar.mp4": f"{_video(then=',setsar=4/3')} {_tone()} {_X264} {_AAC}",
    "full_range.mp4": f"{_video(then=',scale=in_range=tv:out_range=pc,setparams=range=pc')} -c:v libx264 -preset ultrafast -qp 8 -pix_fmt yuvj420p",
    "ten_bit.mp4": f"{_video(then=',format=yuv420p10le')} {_tone()} -c:v libx264 -preset ultrafast -qp 8 -pix_fmt yuv420p10le {_AAC}",
    "hdr.mp4": f"{_video(then=f',format=yuv420p10le,setparams={_PQ}')} {_tone()} -c:v libx265 -preset ultrafast -x265-params log-level=0 {_TAGS} -tag:v hvc1 {_AAC}",
    "hevc.mp4": f"{_video()} -c:v libx265 -preset ultrafast -x265-params log-level=0:bframes=0:qp=8 -pix_fmt yuv420p -tag:v hvc1",
    "interlaced.mp4": f"{_video(then=',interlace')} -c:v libx264 -preset ultrafast -flags +ilme+ildct -x264-params interlaced=1 -pix_fmt yuv420p",
    "opus.mkv": f"{_video()} {_tone(rate=48000)} {_X264} -c:a libopus",
    "refresh.mp4": f"{_video(1.6)} -c:v libx264 -preset veryfast -qp 8 -g 10 -bf 0 -x264-params intra-refresh=1:scenecut=0 -pix_fmt yuv420p",
    "opengop.mp4": f"{_video(1.6)} -c:v libx264 -preset veryfast -qp 8 -g 10 -x264-params open-gop=1:scenecut=0:b-bias=-100 -pix_fmt yuv420p",
    "single.mp4": f"{_video(0.04)} {_X264}",
    "webm.webm": f"{_video()} {_tone(rate=48000)} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -crf 20 -b:v 0 -c:a libopus",
    "alpha.webm": f'-f lavfi -i "color=0xff0000@0.5:s={WIDTH}x{HEIGHT}:r={RATE}:d={SECONDS},format=yuva420p" -c:v libvpx-vp9 -deadline realtime -cpu-used 8',
    "moving.gif": f"{_video(0.6, '10')}",
    "two_sounds.mp4": f"{_video()} {_tone(hertz=440)} {_tone(hertz=880)} -map 0 -map 1 -map 2 {_X264} {_AAC}",
    "surround.mp4": f'{_video()} {_tone()} -filter_complex "[1]pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0[a]" -map 0 -map [a] {_X264} {_AAC}',
    "mono8k.mp4": f"{_video()} {_tone(rate=8000)} {_X264} {_AAC}",
    "long_sound.mp4": f"{_video()} {_tone(1.0)} {_X264} {_AAC}",
    "blue.mp4": f"-f lavfi -i color=0x0000ff:s=96x40:r=30:d=0.5 {_X264}",
    "green_screen.mp4": f'{_video(then="")} -filter_complex "color=0x00ff00:s={WIDTH}x{HEIGHT}:r={RATE}:d={SECONDS},format=rgb24,drawbox=x=16:y=12:w=32:h=24:c=0xc80000:t=fill,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,setparams=colorspace=bt709:range=tv[v]" -map [v] {_X264}',
    "green_edge.mp4": f'{_video(then="")} -filter_complex "color=0x00b140:s={WIDTH}x{HEIGHT}:r={RATE}:d={SECONDS},format=rgb24,drawbox=x=48:y=12:w=16:h=24:c=0xc80000:t=fill,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,setparams=colorspace=bt709:range=tv[v]" -map [v] {_X264}',
    "voice.wav": '-f lavfi -i "sine=f=300:d=1.0:r=22050,volume=4" -ac 1',
    "short_voice.wav": '-f lavfi -i "sine=f=300:d=0.3:r=22050,volume=4" -ac 1',
    "voice8k.mp3": '-f lavfi -i "sine=f=300:d=0.5:r=8000,volume=4" -ac 1',
    "voice51.m4a": '-f lavfi -i "sine=f=300:d=0.5:r=48000,volume=4" -af "pan=5.1|c0=c0|c1=c0|c2=c0|c4=c0" -c:a aac',
    "music.mp3": '-f lavfi -i "anoisesrc=d=0.4:c=pink:a=0.3:r=44100:seed=1" -ac 2',
}
"""Arguments of ffmpeg by the name of the file."""

DERIVED: dict[str, tuple[str, str]] = {
    "rotated.mp4": ("plain.mp4", "-display_rotation 90 -i {} -c copy"),
    "mirrored.mp4": ("plain.mp4", "-display_hflip -i {} -c copy"),
    "late.mp4": ("plain.mp4", "-itsoffset 1.5 -i {} -c copy"),
    "late_sound.mp4": ("plain.mp4", "-i {0} -itsoffset 0.2 -i {0} -map 0:v -map 1:a -c copy"),
    "late_picture.mp4": ("plain.mp4", "-itsoffset 0.2 -i {0} -i {0} -map 0:v -map 1:a -c copy"),
    "faststart.mp4": ("plain.mp4", "-i {} -c copy -movflags +faststart"),
    "plain.mkv": ("plain.mp4", "-i {} -c copy"),
    "ntsc.mkv": ("ntsc.mp4", "-i {} -c copy"),
    "plain.mov": ("plain.mp4", "-i {} -c copy"),
}
"""Clips made of others without encoding."""

VIDEOS = tuple(
    name
    for name in (*CLIPS, *DERIVED)
    if Path(name).suffix in (".mp4", ".mkv", ".mov", ".webm", ".gif")
    and name not in ("blue.mp4", "green_screen.mp4", "green_edge.mp4", "alpha.webm", "refresh.mp4", "opengop.mp4")
)
"""Every video that shows the four quarters."""


@cache
def folder() -> Path:
    made = Path(tempfile.mkdtemp(prefix="clips-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


@cache
def clip(name: str) -> Path:
    """Return the clip of this name."""
    target = folder() / name
    arguments = CLIPS.get(name)
    if arguments is None:
        original, template = DERIVED[name]
        arguments = template.format(clip(original))
    ffmpeg(f"{arguments} {target}")
    return target


def ffmpeg(arguments: str) -> None:
    """Run ffmpeg itself, for making inputs and for judging outputs by another way than the one under test."""
    command = f"{imageio_ffmpeg.get_ffmpeg_exe()} -nostdin -v error -y {arguments}"
    done = subprocess.run(command, shell=True, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stderr}"


@cache
def still(name: str) -> Path:
    """Return a picture of the quarters, 96x64; its suffix decides the format."""
    picture = Image.new("RGB", (96, 64))
    for (x, y), colour in CORNERS.items():
        picture.paste(
            colour, (48 if x > 0.5 else 0, 32 if y > 0.5 else 0, 96 if x > 0.5 else 48, 64 if y > 0.5 else 32)
        )
    path = folder() / name
    picture.save(path)
    return path


def hostile(name: str, kind: str) -> Path:
    """Write a playlist or script that names another file, under the name of a video."""
    plain = clip("plain.mp4")
    texts = {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n{plain.name}\n#EXT-X-ENDLIST\n",
        "ffconcat": f"ffconcat version 1.0\nfile {plain.name}\n",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        "text": "this is not a video\n",
    }
    path = folder() / name
    path.write_text(texts[kind])
    return path


def truncated(share: float = 0.6, name: str = "faststart.mp4") -> Path:
    """Return a file that lacks its end, though its header promises it."""
    data = clip(name).read_bytes()
    path = folder() / f"truncated-{share}-{name}"
    path.write_bytes(data[: int(len(data) * share)])
    return path


def damaged(name: str = "faststart.mp4") -> Path:
    """Return a file whose header is whole and whose coded data has flipped bits."""
    data = bytearray(clip(name).read_bytes())
    begin = data.index(b"mdat") + 400
    for place in range(begin, len(data), 97):
        data[place] ^= 0x55
    path = folder() / f"damaged-{name}"
    path.write_bytes(data)
    return path


def sparse(seconds: int = 36_000) -> Path:
    """Return a tiny file of four frames, the last of them hours later."""
    path = folder() / f"sparse-{seconds}.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for at in (0, 1, 2, seconds * 25):
            frame = av.VideoFrame.from_image(Image.new("RGB", (32, 32)))
            frame.pts = at
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def frame(path: Path, number: int = 3) -> Image.Image:
    """Return a frame as ffmpeg itself shows it."""
    out = folder() / f"frame-{os.getpid()}.png"
    ffmpeg(
        f'-i {path} -vf "select=eq(n\\,{number}),scale=in_color_matrix=bt709:out_range=pc,format=rgb24" -frames:v 1 -update 1 {out}'
    )
    with Image.open(out) as picture:
        return picture.convert("RGB").copy()


def marks(path: Path) -> list[int]:
    """Return the number that each frame bears in its middle (see `_quarters`), in order."""
    with av.open(str(path)) as container:
        found: list[int] = []
        for shown in container.decode(video=0):
            grey = shown.reformat(format="gray").to_ndarray()
            height, width = grey.shape
            rows = grey[height // 2 - 3 : height // 2 + 3]
            left, right = (
                rows[:, width // 2 - 5 : width // 2 - 2].mean(),
                rows[:, width // 2 + 2 : width // 2 + 5].mean(),
            )
            by7, by6 = (round((float(level) - 16) / 30) for level in (left, right))
            found.append((by7 * 36 + by6 * 7) % 42)
        return found


def packet_digests(path: Path) -> list[str]:
    """Return a digest of each video packet, in decoding order: equal when the stream was copied."""
    with av.open(str(path)) as container:
        return [hashlib.sha256(bytes(packet)).hexdigest() for packet in container.demux(video=0) if packet.size]


def sound_seconds(path: Path) -> float:
    """Return how long the sound is when it is decoded, sample by sample."""
    with av.open(str(path)) as container:
        return (
            sum(shown.samples for shown in container.decode(audio=0))
            / container.streams.audio[0].codec_context.sample_rate
        )


def near(found: tuple[int, ...], wanted: tuple[int, ...], slack: int = 30) -> bool:
    """Whether two colours are nearly equal."""
    return all(abs(a - b) <= slack for a, b in zip(found[:3], wanted, strict=True))


def shows_quarters(
    picture: Image.Image, corners: dict[tuple[float, float], tuple[int, int, int]] | None = None, slack: int = 30
) -> bool:
    """Whether a picture has the four colours at their places."""
    return all(
        near(picture.getpixel((int(x * picture.width), int(y * picture.height))), colour, slack)
        for (x, y), colour in (corners or CORNERS).items()
    )


def spectrum(path: Path, hertz: int, start_s: float = 0.0, end_s: float | None = None) -> float:
    """Return how strong a tone is in the sound of a file, as an amplitude from 0 to 1."""
    with av.open(str(path)) as container:
        rate = container.streams.audio[0].codec_context.sample_rate
        floats = av.AudioResampler(format="fltp")
        parts = [
            each.to_ndarray().mean(axis=0) for shown in container.decode(audio=0) for each in floats.resample(shown)
        ]
    wave = np.concatenate(parts)[int(start_s * rate) : None if end_s is None else int(end_s * rate)]
    turns = np.exp(-2j * np.pi * hertz * np.arange(len(wave)) / rate)
    return float(2 * abs((wave * turns).mean()))
