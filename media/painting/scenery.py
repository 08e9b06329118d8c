"""What a prompt asks to see: light, ground, water, weather and figures, read from its words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .noise import Noise

__all__ = ["GROUNDS", "MOODS", "Mood", "Scene", "read_scene"]


@dataclass(frozen=True)
class Mood:
    """The light of a scene. Colours are `#rrggbb`.

    Attributes:
        words: Prompt words that choose it.
        sky: From the zenith to the horizon.
        light: Colour of the sun or moon.
        ambient: Light in the shade; ground colours are multiplied with it.
        haze: What distance fades into.
        clouds: Lit and shaded side.
        direct: How strongly the light falls on slopes, 0 to 1.
        height: Where the light stands, lowest and highest, as a share of the sky above the horizon.
        body: `sun`, `moon` or nothing (behind clouds).
        stars: 0 to 1.
        cover: Share of the sky that is clouded.
        fog: Thickness of mist between the ranges, 0 to 1.
        backlit: How far near things are only dark shapes before the light, 0 to 1.
    """

    words: str
    sky: tuple[str, ...]
    light: str
    ambient: str
    haze: str
    clouds: tuple[str, str]
    direct: float
    height: tuple[float, float]
    body: str = "sun"
    stars: float = 0.0
    cover: float = 0.35
    fog: float = 0.45
    backlit: float = 0.0


MOODS = {
    "aurora": Mood(
        r"aurora|northern light|polar light|极光",
        ("#040a1f", "#07142e", "#0b2440", "#103a52", "#1a5560"),
        "#b8ffe0", "#1c3350", "#173f50", ("#1d4a58", "#0d2236"), 0.10, (0.5, 0.8), "", 1.0, 0.10, 0.35, 0.75,
    ),
    "neon": Mood(
        r"neon|cyber|synthwave|vaporwave|retro ?wave|futuris",
        ("#0d0827", "#25104f", "#5b1a7c", "#c0328c", "#ff8d77"),
        "#ffd0a0", "#3a1f66", "#b23a8e", ("#ff7fb0", "#4a1d6e"), 0.30, (0.10, 0.26), "sun", 0.5, 0.25, 0.35, 0.8,
    ),
    "storm": Mood(
        r"storm|thunder|tempest|lightning|hurricane|dramatic|暴",
        ("#1d242e", "#2c3742", "#465460", "#6b797e", "#a9aea2"),
        "#e6e2c8", "#4a5661", "#7d8a8e", ("#8d989c", "#252c35"), 0.18, (0.2, 0.5), "", 0.0, 0.95, 0.55, 0.3,
    ),
    "night": Mood(
        r"night|midnight|moon|star(s|ry|light)?\b|milky way|dark\b|夜|月|星",
        ("#050a1e", "#0a1533", "#122650", "#1e4070", "#3a658f"),
        "#e4ecff", "#22355c", "#2b4f7c", ("#5a7ba8", "#14233f"), 0.28, (0.35, 0.72), "moon", 1.0, 0.30, 0.4, 0.6,
    ),
    "mist": Mood(
        r"fog|mist|haze|hazy|overcast|gr[ae]y|cloudy|drizzle|\brain(?!bow)|gloom|雾|霧|雨",
        ("#8c9eab", "#a6b4bc", "#c2cbcd", "#dbdfdb", "#ece8de"),
        "#fff6e0", "#8d9ba1", "#dde0dc", ("#eff0ec", "#a9b3b8"), 0.12, (0.3, 0.6), "sun", 0.0, 0.75, 0.95, 0.15,
    ),
    "golden": Mood(
        r"golden|autumn|fall\b|harvest|amber|savanna|safari|秋",
        ("#5e7fa3", "#93a7b3", "#d3c39f", "#f6d48e", "#ffe7ae"),
        "#fff0c4", "#806a5a", "#f2cf98", ("#fff0cf", "#c39f84"), 0.55, (0.14, 0.34), "sun", 0.0, 0.35, 0.6, 0.3,
    ),
    "dusk": Mood(
        r"sunset|dusk|twilight|evening|romantic|crimson|夕|黄昏",
        ("#211a4d", "#55306f", "#a9486f", "#ec785c", "#ffc27c"),
        "#ffe2a8", "#4d3a66", "#d8796b", ("#ffa887", "#5d3a6b"), 0.42, (0.05, 0.22), "sun", 0.25, 0.5, 0.4, 0.78,
    ),
    "dawn": Mood(
        r"dawn|sunrise|morning|daybreak|first light|blossom|sakura|spring|pastel|朝|晨|春|黎明",
        ("#3c5488", "#7d88b8", "#c9a6bd", "#f6c3ab", "#ffe4c0"),
        "#fff0d2", "#6f6a8e", "#f0bfae", ("#ffdccb", "#9d93b6"), 0.45, (0.08, 0.26), "sun", 0.0, 0.4, 0.7, 0.5,
    ),
    "winter": Mood(
        r"winter|snow|\bice\b|icy|frozen|arctic|glacier|polar|christmas|冬|雪",
        ("#6f95bf", "#97b4d3", "#bfd1e2", "#e0e5ea", "#f6ebe0"),
        "#fff7e8", "#8ea3bd", "#dde5ec", ("#ffffff", "#b3c2d3"), 0.45, (0.25, 0.5), "sun", 0.0, 0.4, 0.6, 0.05,
    ),
    "warm": Mood(
        r"desert|dune|sahara|mars\b|canyon|mesa|western|沙漠",
        ("#3a7fb4", "#74adc9", "#b6d0cf", "#ecd9b4", "#fbe4ba"),
        "#fff3d6", "#9c8478", "#f0d5aa", ("#fff6e6", "#d3b79e"), 0.60, (0.35, 0.66), "sun", 0.0, 0.15, 0.4, 0.1,
    ),
    "tropical": Mood(
        r"tropic|palm|caribbean|lagoon|paradise|island|beach|maldives|hawaii|岛|島",
        ("#1f7fcb", "#45a5e0", "#83cbec", "#bfe8ee", "#ecf6e8"),
        "#fffbe4", "#7f9b9a", "#c6e6e6", ("#ffffff", "#a9cadb"), 0.55, (0.4, 0.7), "sun", 0.0, 0.4, 0.25, 0.1,
    ),
    "day": Mood(
        r"\bday\b|daylight|sunny|noon|summer|bright|blue sky|meadow|garden|afternoon|\bgreen\b|昼|晴|夏",
        ("#2c74c2", "#5799da", "#8fc3e8", "#c3e0f0", "#eaf4f2"),
        "#fffbe8", "#84979f", "#cbdfe8", ("#ffffff", "#b2c6d8"), 0.55, (0.4, 0.72), "sun", 0.0, 0.45, 0.4, 0.0,
    ),
}  # fmt: skip
ANY_MOOD = ("dawn", "day", "dusk", "golden", "mist", "dawn", "day", "night")

GROUNDS = {
    "mountains": r"mountain|alps|alpine|peak|summit|himalaya|fuji|fjord|cliff|ridge|volcano|norway|patagonia|山",
    "dunes": r"desert|dune|sahara|sand\b|mars\b|沙漠",
    "mesas": r"canyon|mesa|western|utah|arizona",
    "forest": r"forest|wood(s|land)?\b|pine|jungle|taiga|trees\b|treetop|deer|森|林|木",
    "city": r"city|skyline|skyscraper|new york|tokyo|manhattan|urban|downtown|street|metropolis|building|neon|cyber|都市|城|街",
    "meadow": r"meadow|field|grass|garden|flower|farm|prairie|savanna|village|horse|草|花",
    "hills": r"hill|valley|countryside|vineyard|tuscany|highland|scotland|丘|谷",
}
WATERS = {
    "sea": r"\bseas?\b|seaside|ocean|beach|coast|shore|lighthouse|\bships?\b|sail|island|harbou?r|\bwaves?\b|whale|dolphin|surf|"
    r"\bbay\b|lagoon|pirate|海|波|岛|島",
    "lake": r"\blakes?\b|pond|river|reflect|fjord|canal|loch|calm water|\bboat|canoe|kayak|swan|湖|河|川|池",
}
FIGURES = {
    "lighthouse": r"lighthouse|灯台|灯塔",
    "boat": r"\bboats?\b|sail|\bships?\b|yacht|fisher|canoe|kayak|船|舟",
    "balloons": r"balloon|airship|气球|気球",
    "cabin": r"cabin|\bhouses?\b|cottage|\bhut\b|chalet|\bbarn|\bfarm|village|home\b|家|村",
    "tree": r"\btree\b|\boak\b|blossom|sakura|樱|桜",
    "acacia": r"acacia|savanna|baobab|safari",
    "birds": r"bird|gull|geese|crane|swallow|eagle|raven|flock|freedom|鸟|鳥",
    "rainbow": r"rainbow|虹",
}
ABSTRACT = (
    r"abstract|pattern|stained|mosaic|geometric|crystal|marble|\bink\b|fluid|paint|texture|logo|poster|wallpaper|"
    r"shapes?\b|gradient|silk|ribbon|bauhaus|minimal|music|sound|idea|抽象"
)
SPACE = r"galaxy|nebula|cosmos|cosmic|planet|outer space|universe|asteroid|spaceship|astronaut|saturn|jupiter|宇宙|银河"
STUDIO = (
    r"product|bottle|sneaker|shoes?\b|\bmug\b|\bcups?\b|perfume|wrist ?watch|still ?life|studio|chair|lamp|vase|headphone|"
    r"packshot|podium|cosmetic|jewel|teapot|candle|on a table|on an? \w+ table"
)
HUES = {
    "red": (r"\bred\b|crimson|scarlet|ruby|红|赤", 25.0),
    "orange": (r"orange|copper|rust\b|橙", 58.0),
    "yellow": (r"yellow|lemon|gold\b|黄", 95.0),
    "green": (r"green|emerald|mint|jade|绿|緑", 150.0),
    "teal": (r"teal|turquoise|cyan|aqua", 200.0),
    "blue": (r"\bblue\b|azure|cobalt|sapphire|indigo|蓝|青", 255.0),
    "purple": (r"purple|violet|lavender|lilac|magenta|紫", 310.0),
    "pink": (r"\bpink\b|\brose\b|fuchsia|粉", 355.0),
}


@dataclass(frozen=True)
class Scene:
    """A reading of a prompt.

    Attributes:
        kind: `landscape`, `abstract`, `space` or `studio`.
        mood: Key of `MOODS`.
        grounds: Keys of `GROUNDS`, in the order in which the prompt names them.
        water: `sea`, `lake` or nothing.
        figures: Keys of `FIGURES`.
        snowy: Snow lies on the ground.
        falling: `rain`, `snow` or nothing.
        hue: Colour that the prompt names, as an angle in OKLCH, or None.
    """

    kind: str
    mood: str
    grounds: tuple[str, ...]
    water: str
    figures: tuple[str, ...]
    snowy: bool
    falling: str
    hue: float | None


def _found(words: dict[str, str], text: str) -> tuple[str, ...]:
    places = {name: match.start() for name, pattern in words.items() if (match := re.search(pattern, text))}
    return tuple(sorted(places, key=places.__getitem__))


def read_scene(prompt: str, noise: Noise) -> Scene:
    """Read a prompt. What it leaves open is drawn from `noise`, so that two prompts rarely look alike."""
    text = prompt.lower()
    random = noise.stream("scene")
    kind = "landscape"
    for name, pattern in (("abstract", ABSTRACT), ("space", SPACE), ("studio", STUDIO)):
        if re.search(pattern, text):
            kind = name
            break
    moods = [name for name, mood in MOODS.items() if re.search(mood.words, text)]
    mood = moods[0] if moods else ANY_MOOD[random.randint(len(ANY_MOOD))]
    grounds, waters, figures = _found(GROUNDS, text), _found(WATERS, text), _found(FIGURES, text)
    if not grounds and not (waters and waters[0] == "sea"):
        grounds = (("mountains",), ("hills",), ("mountains", "forest"), ("hills", "meadow"))[random.randint(4)]
    water = waters[0] if waters else ""
    if not waters and random.rand() < (0.8 if "city" in grounds else 0.0 if _found(GROUNDS, text) else 0.5):
        water = "lake"
    snowy = bool(re.search(r"snow|winter|\bice\b|icy|frozen|arctic|glacier|polar|christmas|blizzard|冬|雪", text))
    falling = "snow" if re.search(r"snowing|snowfall|blizzard|snowstorm|falling snow|christmas", text) else ""
    if re.search(r"\brain(y|ing|fall|storm)?\b|downpour|drizzle|\bstorm|monsoon|雨", text) and not snowy:
        falling = "rain"
    hue = next((angle for pattern, angle in HUES.values() if re.search(pattern, text)), None)
    return Scene(kind, mood, grounds, water, figures, snowy, falling, hue)
