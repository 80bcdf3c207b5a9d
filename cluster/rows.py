"""How rows travel between operators: an envelope that says which unit a row belongs to and where in it."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from schemas.arrow import from_table, to_table
from schemas.rejection import Rejection
from stages.contract import Row, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A unit whose work raised in every attempt; `trace` is the traceback, for the quarantine."""

    error: str
    trace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """Stands for a row that led to none, so that the count of its unit stays whole."""

    unit: int


@dataclass(frozen=True, slots=True)
class Envelope:
    """A row with its place: `path` numbers it among its siblings at each operator, `last` marks the final sibling."""

    unit: int
    path: tuple[int, ...]
    last: tuple[bool, ...]
    row: Row


ENVELOPE_SCHEMA = pa.schema(
    [
        pa.field("unit", pa.int64()),
        pa.field("path", pa.list_(pa.int64())),
        pa.field("last", pa.list_(pa.bool_())),
        pa.field("kind", pa.string()),
        pa.field("payload", pa.large_binary()),
    ]
)


class RowCodec:
    """Envelopes to tables and back, for the row types that a list of stages can meet."""

    def __init__(self, stages: Iterable[Stage], extra: Iterable[type] = ()) -> None:
        types = {Rejection, Failed, Nothing, *extra}
        for stage in stages:
            types |= {stage.reads, stage.writes}
        self._types = {t.__name__: t for t in types}

    def encode(self, envelope: Envelope) -> pa.Table:
        """One envelope as a table of one row; the row itself is an Arrow IPC stream."""
        kind = type(envelope.row)
        if self._types.get(kind.__name__) is not kind:
            raise TypeError(f"a stage gave a {kind.__name__}, which no stage declares")
        table = to_table(kind, [envelope.row])
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        small = [[envelope.unit], [list(envelope.path)], [list(envelope.last)], [kind.__name__]]
        arrays = [pa.array(c, type=f.type) for c, f in zip(small, ENVELOPE_SCHEMA, strict=False)]
        return pa.Table.from_arrays([*arrays, _one_value(sink.getvalue())], schema=ENVELOPE_SCHEMA)

    def decode(self, table: pa.Table) -> Iterable[Envelope]:
        """The envelopes of a table."""
        for i in range(table.num_rows):
            unit, path, last, kind = (table.column(n)[i].as_py() for n in ("unit", "path", "last", "kind"))
            with pa.ipc.open_stream(table.column("payload")[i].as_buffer()) as reader:
                rows: list[Row] = list(from_table(self._types[kind], reader.read_all()))
            yield Envelope(unit, tuple(path), tuple(last), rows[0])


def _one_value(data: pa.Buffer) -> pa.Array:
    """A large_binary array of one value, without a copy of it."""
    offsets = pa.array([0, data.size], type=pa.int64()).buffers()[1]
    return pa.Array.from_buffers(pa.large_binary(), 1, [None, offsets, data])
