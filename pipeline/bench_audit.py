"""How fast and how large: questions to the index of a large dataset, whose clips are made up.

    python -m pipeline.bench_audit [CLIPS]

makes an index of 500,000 clips in a temporary folder and prints how long `duplexset audit` and `duplexset browse`
take on it, and the memory that they take at most.
"""

import http
import http.client
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import typer

from schemas.arrow import schema_of, to_table
from schemas.clip import ClipInfo, Provenance
from schemas.conversation import Quality, Segment, TurnEvent, TurnKind
from schemas.licence import Consent, Licence, Rights
from schemas.shard import ClipRow, Loss, RecordingRow, Split

_BLOCK: Final = 1_000  # clips of a row group, as a build writes them
_CLIPS_OF_RECORDING: Final = 10
LICENCES: Final = ("CC-BY-4.0", "CC-BY-NC-4.0", "CC0-1.0", "LicenseRef-acme", "NOASSERTION")
REASONS: Final = ("leakage", "withdrawn")


def made_index(out: Path, n_clips: int, seed: int = 0) -> None:
    """Write OUT/index with made-up clips, ten of a recording, nine tenths of them kept, and their recordings."""
    rng = np.random.default_rng(seed)
    (out / "index").mkdir(parents=True, exist_ok=True)
    base = to_table(ClipRow, [_row(at, rng) for at in range(_BLOCK)])
    with pq.ParquetWriter(out / "index" / "clips.parquet", schema_of(ClipRow), compression="zstd") as writer:
        for first in range(0, n_clips, _BLOCK):
            table = base.slice(0, min(_BLOCK, n_clips - first))
            writer.write_table(_renamed(table, first).cast(schema_of(ClipRow)))
    with pq.ParquetWriter(out / "index" / "recordings.parquet", schema_of(RecordingRow)) as writer:
        for first in range(0, max(n_clips // _CLIPS_OF_RECORDING, 1), _BLOCK):
            last = min(first + _BLOCK, n_clips // _CLIPS_OF_RECORDING)
            writer.write_table(to_table(RecordingRow, [_recording(at) for at in range(first, last)]))


def _row(at: int, rng: np.random.Generator) -> ClipRow:
    n_frames = int(rng.integers(200, 2_000))
    length_s = n_frames * 0.08
    kept = at % 10 != 9
    edges = np.sort(rng.uniform(0.0, length_s, 24)).round(3).tolist()
    turns = [(n % 2, a, b) for n, (a, b) in enumerate(zip(edges[::2], edges[1::2], strict=True))]
    events = [TurnEvent(kind=TurnKind.TURN, channel=c, start_s=a, end_s=b) for c, a, b in turns]
    events += [
        TurnEvent(kind=TurnKind.TRANSFER, channel=c, start_s=a, end_s=a, offset_s=float(rng.normal(0.2, 0.5)))
        for c, a, _ in turns[1:]
    ]
    events.append(TurnEvent(kind=TurnKind.OVERLAP_TERMINAL, channel=0, start_s=edges[3], end_s=edges[4]))
    quality = Quality(
        speech_s=(0.5 * length_s, float(rng.uniform(0.1, 0.5)) * length_s),
        overlap_s=float(rng.uniform(0.0, 0.3)) * length_s,
        silence_s=0.1 * length_s,
        level_db=(-20.0, -23.0),
        leakage_db=(float(rng.uniform(-80.0, -10.0)), -60.0),
        overlap_confidence=float(rng.uniform()) if at % 3 == 0 else None,
        n_words=(40, 50) if at % 2 else None,
    )
    info = ClipInfo(
        clip_id="",
        recording_id="",
        start_s=0.0,
        end_s=length_s,
        n_frames=n_frames,
        speakers=("", ""),
        language=("en", "de", None)[at % 3],
        licence=_licence(at),
        quality=quality,
        segments=tuple(Segment(channel=c, start_s=a, end_s=b) for c, a, b in turns),
        provenance=_provenance(at),
        events=tuple(events),
    )
    return ClipRow(
        clip_id="",
        kept=kept,
        reason=None if kept else REASONS[at // 10 % 2],
        split=_split(at) if kept else None,
        shard=f"{_split(at)}-{at % 7:05d}.tar" if kept else None,
        offset=512 * at if kept else None,
        length=512 if kept else None,
        sha256="0" * 64 if kept else None,
        n_frames=n_frames,
        duration_s=length_s,
        unlicensed=_licence(at).unlicensed,
        info=info,
        detail=None if kept else "made up",
    )


def _split(at: int) -> Split:
    return Split.TRAIN if at % 10 < 7 else Split.VALIDATION if at % 10 < 8 else Split.TEST


def _licence(at: int) -> Licence:
    return Licence(
        spdx=LICENCES[at // 10 % len(LICENCES)],
        holder=f"Holder {at // 10 % 40}",
        source_url=f"https://example.org/set/{at // 10 % 25}",
        consent=tuple(Consent)[at // 10 % 4],
        rights=Rights(commercial_use=(True, False, True, None, None)[at // 10 % len(LICENCES)]),
    )


def _provenance(at: int) -> Provenance:
    return Provenance(
        uri="",
        uri_b=None,
        container="wav",
        source_codec="pcm_s16le",
        source_sample_rate_hz=8_000,
        layout="separate",
        codec="builtin",
        codec_sha256="0" * 64,
        fingerprint="f" * 64,
        separated=at % 3 == 0,
    )


def _renamed(table: pa.Table, first: int) -> pa.Table:
    """The block with its own ids, recordings, speakers and files; the rest is the same in every block."""
    numbers = np.arange(first, first + table.num_rows)
    recordings = numbers // _CLIPS_OF_RECORDING
    ids = pa.array([f"{n * 0x9E3779B97F4A7C15 % 2**64:016x}{n:016x}" for n in numbers.tolist()])
    info = table["info"].combine_chunks()
    voices = pa.array([[f"s{r % 5_000}a", f"s{r % 5_000}b"] for r in recordings.tolist()], pa.list_(pa.string()))
    info = _with(
        info,
        clip_id=ids,
        recording_id=pa.array([f"{r:064x}" for r in recordings.tolist()]),
        speakers=voices,
        provenance=_with(info.field("provenance"), uri=pa.array([f"calls/{r:06d}.wav" for r in recordings.tolist()])),
    )
    return table.set_column(0, "clip_id", ids).set_column(table.column_names.index("info"), "info", info)


def _with(struct: pa.StructArray, **fields: pa.Array) -> pa.StructArray:
    names = [field.name for field in struct.type]
    return pa.StructArray.from_arrays([fields.get(name, struct.field(name)) for name in names], names)


def _recording(at: int) -> RecordingRow:
    lost = Loss(stage="split", reason="silence" if at % 4 else "too_short", detail="made up", start_s=0.0, end_s=9.0)
    read = at % 20 != 0
    return RecordingRow(
        uri=f"calls/{at:06d}.wav",
        uri_b=None,
        origin="made up",
        recording_id=f"{at:064x}" if read else None,
        licence=LICENCES[at % len(LICENCES)],
        unlicensed=False,
        language="en",
        duration_s=709.0 if read else 0.0,
        kept_s=700.0 if read else 0.0,
        n_clips=9 if read else 0,
        lost=(lost,) if read else (Loss(stage="ingest", reason="not_audio", detail="", start_s=0.0, end_s=0.0),),
    )


def _commands(out: Path, later: Path, other: Path) -> Iterator[tuple[str, list[str]]]:
    """What an auditor asks; later: the same with a fiftieth gone; other: every clip is changed."""
    hours = "SELECT licence, consent, count(*) AS clips, sum(duration_s) / 3600 AS hours FROM clips GROUP BY ALL"
    yield "summary", ["summary", str(out)]
    yield "query, hours by licence and consent", ["query", str(out), hours]
    yield "query, a clip's licence", ["query", str(out), "SELECT info.licence FROM clips WHERE file_row_number = 9"]
    yield "show", ["show", str(out), "0" * 32]
    yield "notice", ["notice", str(out), "--to", str(out / "NOTICE.txt")]
    yield "diff, a fiftieth gone", ["diff", str(out), str(later)]
    yield "diff, every clip changed", ["diff", str(out), str(other)]


def _audited(out: Path, n_clips: int) -> None:
    """Seconds and memory of `duplexset audit`, the start of its processes included; the best of three runs."""
    later, other = out / "later", out / "other"
    made_index(later, n_clips - n_clips // 50)
    made_index(other, n_clips, seed=1)
    for name, arguments in _commands(out, later, other):
        runs = [_run([sys.executable, "-m", "pipeline.cli", "audit", *arguments]) for _ in range(3)]
        seconds, kilobytes = min(s for s, _ in runs), max(k for _, k in runs)
        typer.echo(f"audit {name}: {1_000 * seconds:.0f} ms, {kilobytes / 1024:.0f} MiB at most")


_LAUNCHER: Final = """
import resource, subprocess, sys, time
start = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, code)
"""
"""A small process of its own: the memory of a child begins with that of who started it."""


def _run(command: list[str]) -> tuple[float, int]:
    """Seconds and kilobytes of a command and what it starts."""
    launched = subprocess.run(  # noqa: S603
        [sys.executable, "-c", _LAUNCHER, *command], capture_output=True, text=True, check=True
    )
    seconds, kilobytes, code = launched.stdout.split()
    if int(code) not in (0, 1):  # 1: there is no shard
        raise RuntimeError(f"{command}: exit code {code}")
    return float(seconds), int(kilobytes)


QUESTIONS: Final = (
    ("first page", "clips"),
    ("one licence", "clips?licence=CC0-1.0"),
    ("three filters, most overlap first", "clips?licence=CC0-1.0&overlap=5..20&leakage=..-30&sort=-overlap"),
    ("text", "clips?q=00421"),
    ("a speaker", "clips?speaker=s42a"),
    ("page 9,000", "clips?page=9000"),
    ("longest first, page 3,000", "clips?sort=-length&page=3000"),
    ("a clip", "clip?id=00000000000000000000000000000000"),
    ("recordings that lost something", "lost?reason=silence"),
    ("withdrawal of a licence", "withdraw?licence=CC0-1.0"),
    ("withdrawal of a speaker", "withdraw?speaker=s42a"),
    ("totals, first time", "totals"),
)


def _pages(out: Path) -> None:
    """What `duplexset browse` takes to start and to answer, over HTTP; the median of seven requests."""
    command = [sys.executable, "-m", "pipeline.cli", "browse", str(out), "--no-open", "--port", "0"]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603
        address = (server.stdout.readline() if server.stdout else "").split()[0]
        port = int(address.rstrip("/").rpartition(":")[2])
        _say("browse: start", time.perf_counter() - start)
        for name, path in QUESTIONS:
            times = sorted(_asked(port, path) for _ in range(1 if path == "totals" else 7))
            _say(f"browse: {name}", times[len(times) // 2])
        for line in Path(f"/proc/{server.pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM"):
                typer.echo(f"browse: memory at most: {int(line.split()[1]) / 1024:.0f} MiB")
        server.terminate()


def _asked(port: int, path: str) -> float:
    start = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", f"/api/{path}")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise RuntimeError(f"{path}: {answer.status}")
    return time.perf_counter() - start


def _say(name: str, seconds: float) -> None:
    typer.echo(f"{name}: {1_000 * seconds:.0f} ms")


def main() -> None:
    """Make the index, then ask."""
    n_clips = int(sys.argv[1]) if len(sys.argv) > 1 else 500_000
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        made_index(out, n_clips)
        size = (out / "index" / "clips.parquet").stat().st_size
        typer.echo(f"{n_clips:,} made-up clips, {size / 2**20:.0f} MiB of index")
        _audited(out, n_clips)
        _pages(out)


if __name__ == "__main__":
    main()
