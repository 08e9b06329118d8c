"""Program that speaks one text with the espeak-ng library. Standard library only; run by path, never imported.

    python -I espeak.py LIBRARY DATA VOICE RATE PITCH < text > answer

The library keeps state between calls (the same text gives other samples the second time) and may crash or hang on odd
input, so every text gets a process of its own.

The answer is one line of JSON, then 16-bit little-endian mono samples. Exit codes: 0 spoken; 3 unknown voice (the line
lists the known ones); 4 the library does not load or start (the line says why).
"""

import ctypes
import json
import os
import sys

SYNCHRONOUS = 2
DONT_EXIT = 0x8000
RATE, PITCH = 1, 3
UTF8, END_PAUSE = 1, 0x1000
CHARACTER = 1
ENDED, WORD = 0, 1
UNKNOWN_VOICE, NO_LIBRARY = 3, 4


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


class _Voice(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("spare", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("more", ctypes.c_void_p),
    ]


Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def voices(library: ctypes.CDLL) -> list[str]:
    """List the language names by which a voice can be chosen; some that the library lists do not work."""
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    found = library.espeak_ListVoices(None)
    names: set[bytes] = set()
    index = 0
    while found[index]:
        # A row of a priority byte and a zero-ended name, ended by a zero.
        place = found[index].contents.languages
        while priority_and_name := ctypes.string_at(place):
            names.add(priority_and_name[1:])
            place += len(priority_and_name) + 1
        index += 1
    return sorted(name.decode() for name in names if not library.espeak_SetVoiceByName(ctypes.c_char_p(name)))


def speak(library: ctypes.CDLL, text: str) -> tuple[bytes, list[tuple[float, int]]]:
    """Return samples, and for each word its start in seconds and its position in the text."""
    samples: list[bytes] = []
    words: list[tuple[float, int]] = []

    def receive(wave: "ctypes._Pointer[ctypes.c_short]", count: int, event: "ctypes._Pointer[_Event]") -> int:
        if wave and count > 0:
            samples.append(ctypes.string_at(wave, count * 2))
        index = 0
        while event and event[index].type != ENDED:
            if event[index].type == WORD:
                words.append((event[index].audio_position / 1000, event[index].text_position - 1))
            index += 1
        return 0

    callback = Callback(receive)  # kept until the end of the call, or ctypes frees it
    library.espeak_SetSynthCallback(callback)
    data = text.encode() + b"\0"
    arguments = ctypes.c_size_t(len(data)), 0, CHARACTER, 0, UTF8 | END_PAUSE, None, None
    if library.espeak_Synth(ctypes.c_char_p(data), *arguments):
        raise OSError("espeak_Synth failed")
    library.espeak_Synchronize()
    return b"".join(samples), words


def answer(code: int, header: dict[str, object], data: bytes = b"") -> int:
    """Write the answer and return the exit code."""
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n" + data)
    sys.stdout.buffer.flush()
    return code


def main(path: str, data: str, voice: str, rate: str, pitch: str) -> int:
    """Speak the text on standard input."""
    try:
        library = ctypes.CDLL(path)
        rate_hz = library.espeak_Initialize(SYNCHRONOUS, 0, ctypes.c_char_p(os.fsencode(data)), DONT_EXIT)
        if rate_hz <= 0:
            raise OSError(f"espeak_Initialize returned {rate_hz}")
    except (OSError, AttributeError) as exc:
        return answer(NO_LIBRARY, {"error": str(exc)})
    if library.espeak_SetVoiceByName(ctypes.c_char_p(voice.encode())):
        return answer(UNKNOWN_VOICE, {"voices": voices(library)})
    library.espeak_SetParameter(RATE, int(rate), 0)
    library.espeak_SetParameter(PITCH, int(pitch), 0)
    samples, words = speak(library, sys.stdin.buffer.read().decode())
    return answer(0, {"rate_hz": rate_hz, "words": words}, samples)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:6]))
