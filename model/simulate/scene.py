"""What happens to the speech of a conversation: levels, room, noise, music, faults of the recorder, line, codec."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from model.simulate.codecs import CODECS, available
from model.simulate.rooms import POSITIONS, ROOMS
from schemas.errors import UserError

Random = np.random.Generator
MOST_SPEAKERS: Final = POSITIONS
EVALUATION_ROOMS: Final = 10_000
"""Numbers of image rooms from here on are never drawn for training."""


class SceneError(UserError):
    """A scene that is not known; the message names those that are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that is done to a conversation; the defaults do nothing but set its level.

    levels_db: of each speaker, relative. tilts_db: of each speaker's microphone, per octave around 500 Hz. speeds:
    over 1, a voice is faster and higher. level_dbfs: of the whole, RMS where anyone speaks. room: "" (none), "near",
    "far", "near-live", "far-live" (image method), "recorded"; room_number: which. noise_db, music_db: signal-to-noise
    ratio, None for none; coloured: noise that is made, not out of the folder. floor_dbfs: hiss of the recorder.
    band_hz: what the line lets through. dc: offset. clipped: share of the samples that are clipped. codec, bit_rate:
    see codecs.
    """

    name: str = "clean"
    levels_db: tuple[float, ...] = (0.0,) * MOST_SPEAKERS
    tilts_db: tuple[float, ...] = (0.0,) * MOST_SPEAKERS
    speeds: tuple[float, ...] = (1.0,) * MOST_SPEAKERS
    level_dbfs: float = -26.0
    room: str = ""
    room_number: int = 0
    noise_db: float | None = None
    coloured: bool = False
    music_db: float | None = None
    floor_dbfs: float | None = None
    band_hz: tuple[float, float] | None = None
    dc: float = 0.0
    clipped: float = 0.0
    codec: str = ""
    bit_rate: int = 0


def draw_scene(random: Random, kind: str = "train") -> Scene:
    """A scene of a kind. "train" mixes all conditions, "varied" voices too. Raises SceneError for an unknown one."""
    if kind not in SCENES:
        raise SceneError(f"scene {kind!r} is not known: give one of {', '.join(SCENES)}")
    return replace(SCENES[kind](random), name=kind)


def _train(random: Random) -> Scene:
    """A third clean, a third telephone, a third with room and noise, a third of which is far away."""
    made = (_close, _close, _close, _line, _line, _line, _wide, _wide, _distant)[int(random.integers(9))](random)
    if random.random() < 0.04:
        made = replace(made, dc=float(random.uniform(-0.1, 0.1)))
    if random.random() < 0.05:
        made = replace(made, clipped=float(10 ** random.uniform(-3.0, -0.7)))
    if random.random() < 0.03:
        made = replace(made, levels_db=(float(random.choice((-40.0, -30.0, -20.0))), *made.levels_db[1:]))
    return made


def _varied(random: Random) -> Scene:
    """As for training, with voices that are mostly faster or slower than their speakers: more kinds of voices."""
    scene = _train(random)
    if random.random() < 0.3:
        return scene
    return replace(scene, speeds=tuple(round(float(s), 3) for s in random.uniform(0.86, 1.16, MOST_SPEAKERS)))


def _tilts(random: Random, mean_db: float, share: float) -> tuple[float, ...]:
    """Tilts around a mean, none in all but a share of the cases."""
    drawn = random.normal(mean_db, 1.2, MOST_SPEAKERS).clip(-7.0, 4.0)
    return tuple(round(float(t), 2) for t in drawn) if random.random() < share else (0.0,) * MOST_SPEAKERS


def _levels(random: Random, spread_db: float) -> tuple[float, ...]:
    drawn = random.normal(0.0, spread_db / np.sqrt(2.0), MOST_SPEAKERS).clip(-2 * spread_db, 2 * spread_db)
    return tuple(round(float(level), 2) for level in drawn)


def _some(random: Random, share: float, low: float, high: float) -> float | None:
    """A uniform value, or None in all but a share of the cases."""
    value = round(float(random.uniform(low, high)), 2)
    return value if random.random() < share else None


def _with_codec(random: Random, scene: Scene, names: tuple[str, ...], share: float) -> Scene:
    usable = [n for n in names if n in available()]
    if not usable or random.random() >= share:
        return scene
    name = usable[int(random.integers(len(usable)))]
    rates = CODECS[name].bit_rates
    return replace(scene, codec=name, bit_rate=rates[int(random.integers(len(rates)))])


def _close(random: Random) -> Scene:
    """Each speaker close to a microphone: no room or a little of it, hiss at most."""
    scene = Scene(
        levels_db=_levels(random, 4.0),
        tilts_db=_tilts(random, 0.0, 0.4),
        level_dbfs=round(float(random.uniform(-38.0, -14.0)), 2),
        room="near" if random.random() < 0.25 else "",
        room_number=int(random.integers(ROOMS)),
        floor_dbfs=_some(random, 0.8, -85.0, -55.0),
    )
    return _with_codec(random, scene, ("opus", "mp3", "mp3-16k"), 0.15)


def _line(random: Random) -> Scene:
    """A telephone call: its band, its codecs, some noise."""
    narrow = random.random() < 0.75
    low, high = (random.uniform(150, 330), random.uniform(3_200, 3_600)) if narrow else (40.0, 3_850.0)
    scene = Scene(
        levels_db=_levels(random, 5.0),
        tilts_db=_tilts(random, 0.0, 0.6),
        level_dbfs=round(float(random.uniform(-38.0, -14.0)), 2),
        room="near" if random.random() < 0.3 else "",
        room_number=int(random.integers(ROOMS)),
        noise_db=_some(random, 0.4, 12.0, 40.0),
        coloured=random.random() < 0.5,
        floor_dbfs=_some(random, 0.9, -75.0, -44.0),
        band_hz=(round(float(low), 1), round(float(high), 1)),
    )
    return _with_codec(random, scene, ("g711-mu", "g711-a", "amr-nb", "opus-nb"), 0.45)


def _wide(random: Random) -> Scene:
    """A room with noise at 5 to 30 dB, sometimes music."""
    rooms = ("near", "near", "near-live", "far", "recorded", "")
    scene = Scene(
        levels_db=_levels(random, 4.0),
        tilts_db=_tilts(random, 0.0, 0.4),
        level_dbfs=round(float(random.uniform(-42.0, -14.0)), 2),
        room=rooms[int(random.integers(len(rooms)))],
        room_number=int(random.integers(ROOMS)),
        noise_db=_some(random, 0.85, 5.0, 30.0),
        coloured=random.random() < 0.35,
        music_db=_some(random, 0.15, 5.0, 25.0),
        floor_dbfs=_some(random, 0.7, -75.0, -50.0),
    )
    return _with_codec(random, scene, ("opus", "mp3", "mp3-16k"), 0.15)


def _distant(random: Random) -> Scene:
    """A meeting: voices far from the microphone, low and often dull."""
    return Scene(
        levels_db=_levels(random, 5.0),
        tilts_db=_tilts(random, float(random.uniform(-5.0, 0.5)), 0.8),
        level_dbfs=round(float(random.uniform(-56.0, -28.0)), 2),
        room=("far", "far-live", "recorded")[int(random.integers(3))],
        room_number=int(random.integers(ROOMS)),
        noise_db=round(float(random.uniform(5.0, 25.0)), 2),
        coloured=random.random() < 0.6,
        floor_dbfs=round(float(random.uniform(-80.0, -65.0)), 2),
    )


def _evaluation(**fields: object) -> Callable[[Random], Scene]:
    """A named scene: natural level differences, a room outside those of training, and what is given."""

    def draw(random: Random) -> Scene:
        levels = _levels(random, 4.0)
        number = EVALUATION_ROOMS + int(random.integers(ROOMS))
        scene = Scene(levels_db=levels, room_number=number, floor_dbfs=-70.0)
        return replace(scene, **fields)  # type: ignore[arg-type]

    return draw


_PHONE: Final = {"band_hz": (300.0, 3_400.0), "codec": "g711-mu"}
SCENES: Final[dict[str, Callable[[Random], Scene]]] = {
    "train": _train,
    "varied": _varied,
    "clean": _evaluation(floor_dbfs=None),
    "telephone": _evaluation(**_PHONE),
    "noise10": _evaluation(noise_db=10.0),
    "music10": _evaluation(music_db=10.0),
    "reverb": _evaluation(room="near-live"),
    "far": _evaluation(room="far", level_dbfs=-46.0, noise_db=15.0, floor_dbfs=-75.0, coloured=True),
    "uneven": _evaluation(levels_db=(0.0, -40.0, -40.0, -40.0, -40.0)),
    "clipped": _evaluation(clipped=0.3),
    "offset": _evaluation(dc=0.2),
    "band4k": _evaluation(band_hz=(0.0, 4_000.0)),
    "amr": _evaluation(band_hz=(150.0, 3_600.0), codec="amr-nb", bit_rate=7_950),
    "opus": _evaluation(codec="opus", bit_rate=16_000),
    "mp3": _evaluation(codec="mp3", bit_rate=32_000),
}
"""What each named scene is; all but "train" and "varied" are for evaluation."""
