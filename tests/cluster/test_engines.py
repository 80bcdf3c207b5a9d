"""Both engines: every row once and in order, retries, quarantine, fused operators."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from cluster.engine import Engine, EngineError, open_engine
from cluster.gather import UnitDone
from cluster.operator import fuse
from cluster.rows import Failed
from stages.contract import Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    value: str
    payload: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountDown:
    """n -> n, n-1, ..., 1; nothing for 0."""

    name: ClassVar[str] = "count_down"
    reads: ClassVar[type] = Number
    writes: ClassVar[type] = Number
    needs: ClassVar[Needs] = Needs()
    version: ClassVar[int] = 1

    def load(self, device: str) -> Callable[[Number], Iterator[Number]]:
        return lambda row: (Number(value=v) for v in range(row.value, 0, -1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """A number as text; raises at `bad`, or as long as the file `flaky` does not exist, which it then makes."""

    bad: int = -1
    flaky: str = ""
    name: ClassVar[str] = "spell"
    reads: ClassVar[type] = Number
    writes: ClassVar[type] = Text
    needs: ClassVar[Needs] = Needs(cpus=0.5)
    version: ClassVar[int] = 1

    def load(self, device: str) -> Callable[[Number], Text]:
        def spell(row: Number) -> Text:
            if row.value == self.bad:
                raise ValueError(f"cannot spell {row.value}")
            if self.flaky and not Path(self.flaky).exists():
                Path(self.flaky).touch()
                raise OSError("gone for a moment")
            return Text(value=str(row.value), payload=bytes(row.value))

        return spell


@pytest.fixture(scope="module", params=["inline", pytest.param("ray", marks=pytest.mark.ray)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    opened = open_engine(request.param, workers=2)
    yield opened
    opened.close()


def by_unit(engine: Engine, numbers: list[int], *stages: object) -> dict[int, list[object]]:
    result: dict[int, list[object]] = {}
    for unit, row in engine.run([Number(value=n) for n in numbers], stages):  # type: ignore[arg-type]
        result.setdefault(unit, []).append(row)
    return result


def test_every_row_once_in_the_order_of_its_unit(engine: Engine) -> None:
    got = by_unit(engine, [3, 0, 5], CountDown(), Spell())
    for unit, n in enumerate([3, 0, 5]):
        expected = [Text(value=str(v), payload=bytes(v)) for v in range(n, 0, -1)]
        assert got[unit] == [*expected, UnitDone()]


def test_two_levels_of_children_keep_their_order(engine: Engine) -> None:
    got = by_unit(engine, [3], CountDown(), CountDown(), Spell())
    assert [r.value for r in got[0][:-1]] == ["3", "2", "1", "2", "1", "1"]  # type: ignore[attr-defined]


def test_an_outage_is_tried_again(engine: Engine, tmp_path: Path) -> None:
    got = by_unit(engine, [2], CountDown(), Spell(flaky=str(tmp_path / "up")))
    assert [r.value for r in got[0][:-1]] == ["2", "1"]  # type: ignore[attr-defined]


def test_a_unit_that_keeps_failing_is_reported_and_the_others_go_on(engine: Engine) -> None:
    got = by_unit(engine, [2, 4], CountDown(), Spell(bad=3))
    assert got[0] == [Text(value="2", payload=bytes(2)), Text(value="1", payload=bytes(1)), UnitDone()]
    failed = [r for r in got[1] if isinstance(r, Failed)]
    assert len(failed) == 1
    assert failed[0].error == "ValueError: cannot spell 3"
    assert "in spell" in failed[0].trace


def test_no_units_give_no_rows(engine: Engine) -> None:
    assert list(engine.run([], [Spell()])) == []


def test_equal_needs_are_fused_and_gpu_stages_fall_back_to_the_cpu() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class OnGpu(CountDown):
        needs: ClassVar[Needs] = Needs(gpus=0.25)

    stages = [CountDown(), CountDown(), OnGpu(), Spell()]
    assert [len(group) for _, group in fuse(stages, gpus=1)] == [2, 1, 1]
    assert [len(group) for _, group in fuse(stages, gpus=0)] == [3, 1]


def test_an_unknown_engine_is_named() -> None:
    with pytest.raises(EngineError, match="'spark' is not known"):
        open_engine("spark", None)
