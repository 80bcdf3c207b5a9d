"""Datasets that others made: a description, an index, a shard or a list of withdrawals that lies, by name."""

# ruff: noqa: E501
import json
import pickle
import tarfile
from collections.abc import Iterator
from typing import Final

import pyarrow as pa

from tests.hostile.forging import (
    Evil,
    Forge,
    columned,
    described,
    headed,
    indexed,
    link,
    npy,
    pickled,
    put,
    sampled,
    with_bytes,
)

DESCRIPTIONS: Final[dict[str, Forge]] = {
    "empty": with_bytes("dataset.json", b""),
    "not JSON": with_bytes("dataset.json", b"{"),
    "not UTF-8": with_bytes("dataset.json", b"\xff\xfe"),
    "a list": with_bytes("dataset.json", b"[]"),
    "null": with_bytes("dataset.json", b"null"),
    "deep": with_bytes("dataset.json", b"[" * 200_000),
    "a huge number": with_bytes("dataset.json", b'{"duplexset": ' + b"9" * 9_000 + b"}"),
    "no part": described(lambda d: d.pop("duplexset")),
    "a part that is a text": described(lambda d: d.update(duplexset="x")),
    "no configuration": described(lambda d: d["duplexset"].pop("configuration")),
    "an empty configuration": described(lambda d: d["duplexset"].update(configuration={})),
    **{f"no {name} in the configuration": described(lambda d, n=name: d["duplexset"]["configuration"].pop(n))
       for name in ("codec", "flac", "split_percent", "policy")},
    "stages without versions": described(lambda d: d["duplexset"].update(stages=[{"stage": "split"}])),
    "no weights": described(lambda d: d["duplexset"].update(weights={})),
    "empty totals": described(lambda d: d["duplexset"].update(totals={})),
    "a configuration that is a list": described(lambda d: d["duplexset"].update(configuration=[])),
    "a policy that is a text": described(lambda d: d["duplexset"]["configuration"].update(policy="\x1b[31m")),
    "a policy without end": described(lambda d: d["duplexset"]["configuration"].update(policy={"deny": ["*a" * 300]})),
    "a codec of the hub": described(lambda d: d["duplexset"]["configuration"].update(codec="mimi:evil/evil")),
    "a codec that is a secret": described(lambda d: d["duplexset"]["configuration"].update(codec="/etc/passwd")),
    "a codec with an escape": described(lambda d: d["duplexset"]["configuration"].update(codec="\x1b]0;x\x07")),
    "a codec that is a number": described(lambda d: d["duplexset"]["configuration"].update(codec=7)),
    "splits that are texts": described(lambda d: d["duplexset"]["configuration"].update(split_percent="abc")),
    "stages that are hostile": described(lambda d: d["duplexset"].update(stages=[{"stage": "<script>", "version": {}}])),
    "stages that are numbers": described(lambda d: d["duplexset"].update(stages=7)),
    "weights that are a list": described(lambda d: d["duplexset"].update(weights=["x"])),
    "weights with escapes": described(lambda d: d["duplexset"].update(weights={"\x1b[31m": "<script>"})),
    "no totals": described(lambda d: d["duplexset"].pop("totals")),
    "totals that are texts": described(lambda d: d["duplexset"].update(totals={"recordings": "x", "splits": 1})),
    "totals that are infinite": described(lambda d: d["duplexset"]["totals"].update(splits={"train": float("inf")})),
    "files outside": described(lambda d: d["distribution"].append(
        {"contentUrl": "../outside/secret.txt", "sha256": "0" * 64, "contentSize": "1 B"})),
    "files of the system": described(lambda d: d["distribution"].append(
        {"contentUrl": "/etc/passwd", "sha256": "0" * 64, "contentSize": "1 B"})),
    "files without end": described(lambda d: d["distribution"].append(
        {"contentUrl": "/dev/zero", "sha256": "0" * 64, "contentSize": "1 B"})),
    "files that are numbers": described(lambda d: d["distribution"].append({"contentUrl": 7, "sha256": None})),
    "files with escapes": described(lambda d: d["distribution"].append({"contentUrl": "\x1b[31m\0", "sha256": "\x1b"})),
    "no files": described(lambda d: d.update(distribution=None)),
    "a link to a secret": link("dataset.json", "outside/secret.txt"),
}  # fmt: skip

INDEXES: Final[dict[str, Forge]] = {
    "empty": with_bytes("index/clips.parquet", b""),
    "no Parquet": with_bytes("index/clips.parquet", b"PAR1" + b"x" * 90 + b"PAR1"),
    "recordings empty": with_bytes("index/recordings.parquet", b""),
    "a link to a secret": link("index/clips.parquet", "outside/secret.parquet"),
    "another table": columned("clips", lambda t: pa.table({"clip_id": ["x"]})),
    "no rows": columned("clips", lambda t: t.slice(0, 0)),
    "other types": columned("clips", lambda t: pa.table({n: pa.array(["x"] * len(t)) for n in t.column_names})),
    "an own column": columned("clips", lambda t: t.append_column("<script>", pa.array(["x"] * len(t)))),
    "a column twice": columned("clips", lambda t: t.append_column("clip_id", t["clip_id"])),
    "no recordings": columned("recordings", lambda t: t.slice(0, 0)),
    "other recordings": columned("recordings", lambda t: pa.table({"uri": [1]})),
    **{f"a shard {name}": indexed("clips", lambda r, v=value: r.update(shard=v)) for name, value in {
        "up": "../../outside/secret.txt", "absolute": "/etc/passwd", "of the system": "/dev/zero", "with a nul": "a\0.tar",
        "with an escape": "\x1b[31m.tar", "of markup": "<img src=x onerror=window.hit=1>.tar", "that is long": "x" * 9_000,
        "that is empty": "", "that is none": None, "that is a folder": ".", "that is an address": "http://127.0.0.1:9/x.tar",
    }.items()},
    **{f"a clip id {name}": indexed("clips", lambda r, v=value: r.update(clip_id=v)) for name, value in {
        "up": "../../../outside/hit", "absolute": "/etc/passwd", "of markup": "<script>window.hit=1</script>",
        "with an escape": "\x1b]0;x\x07", "in SQL": "' OR 1=1 --", "that is long": "0" * 90_000, "that is empty": "",
        "that is a formula": "=1+1",
    }.items()},
    **{f"a place {name}": indexed("clips", lambda r, v=value: r.update(v)) for name, value in {
        "below zero": {"offset": -5}, "past the end": {"offset": 2**62}, "without end": {"length": 2**62},
        "of less than nothing": {"length": -2**40}, "that is none": {"offset": None, "length": None},
        "of nothing": {"length": 0},
    }.items()},
    **{f"frames {value}": indexed("clips", lambda r, v=value: r.update(n_frames=v)) for value in (0, -7, 2**40)},
    **{f"seconds {value}": indexed("clips", lambda r, v=value: r.update(duration_s=v))
       for value in (float("nan"), float("inf"), -1e9, 1e308)},
    **{f"{name} {value}": indexed("clips", lambda r, n=name, v=value: r["info"].update({n: v})) for name, value in (
        ("start_s", float("nan")), ("end_s", float("inf")), ("recording_id", "../../x"), ("speakers", []),
        ("speakers", ["x"]), ("speakers", ["a", "b", "c"]), ("segments", [{"channel": 9, "start_s": float("nan"), "end_s": 1e300}]),
        ("segments", [{"channel": -1, "start_s": 5.0, "end_s": -5.0}]), ("roles", []), ("voices", []),
        ("events", [{"kind": "<script>", "channel": 7, "start_s": -1.0, "end_s": float("inf"), "offset_s": None}]),
        ("language", "\x1b[31m<script>"),
    )},
    **{f"quality {name}": indexed("clips", lambda r, v=value: r["info"]["quality"].update(v)) for name, value in {
        "of no channels": {"speech_s": [], "level_db": [], "leakage_db": []}, "of NaN": {"speech_s": [float("nan")] * 2},
        "of three": {"n_words": [1, 2, 3]}, "that is infinite": {"overlap_s": float("inf")},
    }.items()},
    **{f"a licence {name}": indexed("clips", lambda r, v=value: r["info"]["licence"].update(v)) for name, value in {
        "that is none": {"spdx": ")("}, "of markup": {"spdx": "<script>window.hit=1</script>"}, "with an escape": {"spdx": "\x1b[31m"},
        "taken": {"taken": ")("}, "consent": {"consent": "whatever"}, "evidence up": {"evidence": "../../x", "evidence_sha256": "../x"},
        "dates": {"retain_until": "9999-99-99", "evidence_date": "\x1b"}, "text up": {"licence_text": "x", "licence_text_sha256": "*"},
    }.items()},
    **{f"a recording {name}": indexed("recordings", lambda r, v=value: r.update(v)) for name, value in {
        "of NaN": {"duration_s": float("nan"), "kept_s": float("inf")}, "of less than nothing": {"n_clips": -5},
        "with a name": {"uri": "\x1b[2J<script>", "origin": "\x1b]0;x\x07"}, "with a reason": {"licence": ")(\x1b"},
    }.items()},
    "a reason of another kind": indexed("clips", lambda r: r.update(kept=False, reason="<script>", detail="\x1b[31m")),
    "a split of another kind": indexed("clips", lambda r: r.update(split="../../hit")),
}  # fmt: skip

SHARDS: Final[dict[str, Forge]] = {
    "empty": lambda out: [path.write_bytes(b"") for path in (out / "shards").iterdir()] and None,
    "no tar": lambda out: [path.write_bytes(b"x" * path.stat().st_size) for path in (out / "shards").iterdir()] and None,
    "a link out": lambda out: [(link(f"shards/{path.name}", "outside/secret.txt")(out)) for path in list((out / "shards").iterdir())] and None,
    "a folder that leads out": link("shards", "outside"),
    "a pickle": sampled(put("codes.npy", pickled())),
    "a pickle of turns": sampled(put("turns.npy", pickled())),
    "a pickle alone": sampled(put("codes.npy", pickle.dumps(Evil()))),
    "objects": sampled(put("codes.npy", npy("(2, 8, 100)", "|O"))),
    "a huge shape": sampled(put("codes.npy", npy("(2, 8, 1000000000000)"))),
    "a shape below zero": sampled(put("codes.npy", npy("(2, 8, -100)"))),
    "a shape of much": sampled(put("codes.npy", npy("(" + "1," * 40 + ")"))),
    "a shape that is code": sampled(put("codes.npy", npy("(__import__('os'),)"))),
    "other numbers": sampled(put("codes.npy", npy("(2, 8, 100)", "<f8", bytes(12_800)))),
    "records": sampled(put("codes.npy", npy("(1,)", "V64"))),
    "codes past the card": sampled(put("codes.npy", npy("(2, 8, 100)", data=b"\xff\x7f" * 1_600))),
    "no npy": sampled(put("codes.npy", b"")),
    "an npz": sampled(put("codes.npy", b"PK\x03\x04" + bytes(100))),
    "words that are deep": sampled(put("words.json", b"[" * 200_000)),
    "words that are a number": sampled(put("words.json", b"7")),
    "words of another form": sampled(put("words.json", b'[[["a"]], [null, 7, {"x": 1}]]')),
    "words of NaN": sampled(put("words.json", b'[[["a", NaN, Infinity, -Infinity]], []]')),
    "words of texts": sampled(put("words.json", b'[[["a", "0", "1", "2"]], []]')),
    "words of long numbers": sampled(put("words.json", b"[[[" + b"9" * 9_000 + b",0,1,1]],[]]")),
    "words of surrogates": sampled(put("words.json", b'[[["\\ud800", 0, 1, 1]], []]')),
    "words of one channel": sampled(put("words.json", b"[[]]")),
    "words that are not UTF-8": sampled(put("words.json", b"\xff\xfe")),
    "facts that are a list": sampled(put("json", b"[]")),
    "a sound that is a playlist": sampled(put("flac", b"#EXTM3U\n#EXTINF:9,\n/etc/passwd\n#EXT-X-ENDLIST\n")),
    "a sound that is empty": sampled(put("flac", b"")),
    "a sound that is a bomb": sampled(put("flac", b"fLaC\0\0\0\x22" + b"\xff" * 4_000)),
    "a name up": headed(lambda info: setattr(info, "name", "../../outside/hit")),
    "a name that is absolute": headed(lambda info: setattr(info, "name", "/etc/hit")),
    "a name with an escape": headed(lambda info: setattr(info, "name", "\x1b[31m")),
    "a name that is long": headed(lambda info: setattr(info, "name", "x" * 5_000)),
    "a pax header": headed(lambda info: info.pax_headers.update(path="../../hit"), tarfile.PAX_FORMAT),
    "a pax size": headed(lambda info: info.pax_headers.update(size="99999999999999"), tarfile.PAX_FORMAT),
    "a link": headed(lambda info: (setattr(info, "type", tarfile.SYMTYPE), setattr(info, "linkname", "/etc/passwd"))),
    "a hard link": headed(lambda info: (setattr(info, "type", tarfile.LNKTYPE), setattr(info, "linkname", "../x"))),
    "a device": headed(lambda info: setattr(info, "type", tarfile.CHRTYPE)),
    "a pipe": headed(lambda info: setattr(info, "type", tarfile.FIFOTYPE)),
    "a folder": headed(lambda info: setattr(info, "type", tarfile.DIRTYPE)),
    "a sparse file": headed(lambda info: setattr(info, "type", tarfile.GNUTYPE_SPARSE)),
    "a long name": headed(lambda info: setattr(info, "type", tarfile.GNUTYPE_LONGNAME)),
    "a huge size": headed(lambda info: setattr(info, "size", 2**62)),
    "a size of half": headed(lambda info: setattr(info, "size", 7)),
}  # fmt: skip

WITHDRAWALS: Final[dict[str, Forge]] = {
    name: with_bytes("withdrawn.jsonl", data)
    for name, data in {
        "not JSON": b"nonsense\n", "deep": b"[" * 200_000, "not UTF-8": b"\xff\n", "a number": b'{"clip_id": 7}\n',
        "a surrogate": b'{"clip_id": "\\ud800"}\n', "a path": b'{"clip_id": "../../outside/secret.txt"}\n',
        "an escape": b'{"recording_id": "\\u001b]0;x\\u0007"}\n', "markup": b'{"licence": "<script>window.hit=1</script>"}\n',
        "a withdrawal that nobody began": b'{"withdrawal": "x", "state": "done"}\n',
        "a head that is hostile": json.dumps({"withdrawal": "\x1b[31m", "kind": "<script>", "reason": "\x1b]0;x\x07" * 9,
            "date": "\x1b", "clips": 1, "seconds": float("inf"), "recordings": 1, "keep_evidence": False}).encode() + b"\n",
        "a state of another kind": b'{"withdrawal": "x", "state": "<script>"}\n',
        "a long number": b'{"clip_id": ' + b"9" * 9_000 + b"}\n", "a long line": b'{"clip_id": "' + b"x" * 9_000_000 + b'"}\n',
        "shards outside": b'{"withdrawal": "x", "state": "marked", "shards": ["../../outside/secret.txt"]}\n',
        "a salt that is a list": b'{"speaker_sha256": "x", "salt": []}\n', "a nul": b'{"clip_id": "\\u0000"}\n',
    }.items()
}  # fmt: skip


def every() -> Iterator[tuple[str, str, Forge]]:
    """(family, name, what forges it)."""
    families = {"description": DESCRIPTIONS, "index": INDEXES, "shard": SHARDS, "withdrawals": WITHDRAWALS}
    for family, forges in families.items():
        yield from ((family, name, forge) for name, forge in forges.items())
