"""Hostile files by hand: manifests, transcripts, licence files, policies, recordings. Each makes a file's bytes."""

# ruff: noqa: E501, PLW0108
import gzip
import io
import json
import struct
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Make = Callable[[], bytes]


def parquet(**columns: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, compression="zstd")
    return sink.getvalue()


def rows(*values: object) -> bytes:
    return "\n".join(json.dumps(value) for value in values).encode()


def _bomb() -> bytes:
    """A Parquet file of 50 kB that holds 8 GB of text."""
    big = pa.array(["x" * 2**20])
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(8_000, np.int32)), big)
    return parquet(path=column)


MANIFESTS: Final[dict[str, tuple[str, Make]]] = {
    "empty": (".csv", lambda: b""),
    "only a head": (".csv", lambda: b"path\n"),
    "nul": (".csv", lambda: b"path\n\0.wav\n"),
    "utf 16": (".csv", lambda: "path\na.wav\n".encode("utf-16")),
    "not utf 8": (".csv", lambda: b"path\n\xff\xfe.wav\n"),
    "no end of a quote": (".csv", lambda: b'path\n"a.wav\n'),
    "a field of a megabyte": (".csv", lambda: b"path\n" + b"a" * 1_000_000),
    "a line of 30 megabytes": (".csv", lambda: b"path\n" + b"a," * 15_000_000),
    "a million columns": (".csv", lambda: b"a," * 1_000_000 + b"\n1\n"),
    "a column with an escape": (".csv", lambda: b"path,\x1b[31m\na.wav,x\n"),
    "a column of a megabyte": (".csv", lambda: b"path," + b"x" * 100_000 + b"\na.wav,x\n"),
    "a column that is code": (".csv", lambda: b"path,__class__\na.wav,x\n"),
    "a formula": (".csv", lambda: b"path\n=cmd|'/c calc'!A0\n"),
    "not rows": (".jsonl", lambda: b"[1]\n2\nnull\n"),
    "deep": (".jsonl", lambda: b'{"path":' + b"[" * 100_000),
    "a deep value": (".jsonl", lambda: b'{"path":' + b"[" * 900 + b"]" * 900 + b"}"),
    "a huge number": (".jsonl", lambda: b'{"path": ' + b"9" * 100_000 + b"}"),
    "not a number": (".jsonl", lambda: b'{"path": NaN, "channels": Infinity}'),
    "a long number": (".jsonl", lambda: b'{"path": 1e400, "channels": -0}'),
    "a name twice": (".jsonl", lambda: b'{"path": "a.wav", "path": "../x"}'),
    "a path that is an object": (".jsonl", lambda: rows({"path": {"__proto__": 1}})),
    "lone surrogates": (".jsonl", lambda: b'{"path": "\\ud800.wav", "speakers": "\\udc00|x"}'),
    "escapes": (".jsonl", lambda: rows({"path": "a\x1b]0;x\x07.wav", "holder": "\x1b[2J"})),
    "channels without end": (".jsonl", lambda: rows({"path": "a.wav", "channels": "9" * 5_000 + ",1"})),
    "channels that are huge": (".jsonl", lambda: rows({"path": "good.wav", "channels": "99999999999999999999,1"})),
    "channels in other digits": (".jsonl", lambda: rows({"path": "good.wav", "channels": "\u0663,\u0664"})),
    "dates that are none": (".jsonl", lambda: rows({"path": "a.wav", "licence": "MIT", "retain_until": "9999-99-99"})),
    "a licence without end": (".jsonl", lambda: rows({"path": "a.wav", "licence": "(" * 5_000 + "MIT"})),
    "licences without end": (".jsonl", lambda: rows({"path": "a.wav", "licence": " OR ".join(["MIT"] * 5_000)})),
    "licences that multiply": (
        ".jsonl",
        lambda: rows({"path": "a.wav", "licence": " AND ".join(f"(LicenseRef-a{n} OR LicenseRef-b{n})" for n in range(40))}),
    ),
    "a line of 30 megabytes in JSON": (".jsonl", lambda: b'{"path": "' + b"a" * 30_000_000 + b'"}'),
    "lines that are empty": (".jsonl", lambda: b"\n" * 1_000_000),
    "no Parquet": (".parquet", lambda: b"PAR1" + b"\0" * 100 + b"PAR1"),
    "a huge footer": (".parquet", lambda: b"PAR1" + b"\0" * 8 + struct.pack("<I", 2**32 - 1) + b"PAR1"),
    "no columns": (".parquet", lambda: parquet()),
    "binary paths": (".parquet", lambda: parquet(path=[b"\xff\xfe\x00"])),
    "nested paths": (".parquet", lambda: parquet(path=[[["a.wav"]]])),
    "dates past the end": (".parquet", lambda: parquet(path=["a.wav"], retrieved=pa.array([2**62], pa.timestamp("us")))),
    "paths that are figures": (".parquet", lambda: parquet(path=[float("nan"), float("inf")])),
    "a bomb": (".parquet", _bomb),
}  # fmt: skip
"""Manifests: suffix and bytes."""

_UTTERANCE: Final = '{"start": %s, "end": %s, "text": "x", "speaker": "a"}'


def segments(start: object, end: object) -> bytes:
    return f'{{"segments": [{_UTTERANCE % (start, end)}]}}'.encode()


TRANSCRIPTS: Final[dict[str, tuple[str, Make]]] = {
    "json deep": (".json", lambda: b"[" * 200_000),
    "json huge numbers": (".json", lambda: segments("9" * 5_000, "9" * 5_001)),
    "json infinite": (".json", lambda: segments("-Infinity", "NaN")),
    "json beyond": (".json", lambda: segments("1e308", "1e309")),
    "json backwards": (".json", lambda: segments(9, 1)),
    "json below zero": (".json", lambda: segments(-5, -1)),
    "json true": (".json", lambda: segments("true", "null")),
    "json surrogates": (".json", lambda: b'{"segments": [{"start": 0, "end": 1, "text": "\\ud800", "speaker": "\\udfff"}]}'),
    "json names": (".json", lambda: b'{"__class__": {"__init__": 1}, "segments": {"start": 1}}'),
    "gzip bomb": (".jsonl.gz", lambda: gzip.compress(b'{"recording_id": "' + b"x" * 30_000_000)),
    "gzip of gzip": (".jsonl.gz", lambda: gzip.compress(gzip.compress(b"x"))),
    "gzip cut": (".jsonl.gz", lambda: gzip.compress(b"x" * 10_000)[:-20]),
    "vtt scripts": (".vtt", lambda: b"WEBVTT\n\n00:00.000 --> 00:04.000\n<v <script>x</script>><b onclick=x>\x1b[31m\n"),
    "vtt clocks": (".vtt", lambda: b"WEBVTT\n\n999999999999:99:99.999 --> 00:00.000\nx\n"),
    "vtt styles": (".vtt", lambda: b"WEBVTT\n\nSTYLE\n::cue{background:url(http://127.0.0.1)}\n\n00:00.000 --> 00:01.000\nx\n"),
    "srt numbers": (".srt", lambda: b"9" * 5_000 + b"\n00:00:00,000 --> 00:00:01,000\n\x00\n"),
    "textgrid sizes": (".TextGrid", lambda: b'"ooTextFile"\n"TextGrid"\n\n0\n9\n<exists>\n99999999999\n"IntervalTier"\n'),
    "textgrid infinite": (".TextGrid", lambda: b'"ooTextFile"\n"TextGrid"\n\n-inf\nnan\n<exists>\n1\n"IntervalTier"\n"a"\n0\n9\n1\n0\nnan\n"x"\n'),
    "textgrid binary": (".TextGrid", lambda: b"ooBinaryFile\x08TextGrid" + b"\xff" * 100),
    "ctm times": (".ctm", lambda: b"talk A 1e999 -1 x\ntalk A nan inf y\n"),
    "stm recursion": (".stm", lambda: b"talk 1 a 0 1 " + b"{ " * 50_000 + b"\n"),
    "rttm": (".rttm", lambda: b"SPEAKER talk 1 0 -1 <NA> <NA> ../../x <NA> <NA>\n"),
    "csv quotes": (".csv", lambda: b'speaker,start,end,text\n"a,0,1,x\n'),
    "csv long": (".csv", lambda: b"speaker,start,end,text\na,0,1," + b"x" * 900_000 + b"\n"),
    "tsv formula": (".tsv", lambda: b"speaker\tstart\tend\tword\n=1+1\t0\t1\t@SUM(1)\n"),
    "txt nul": (".txt", lambda: b"ANNA: \x00\x1b]0;x\x07\n"),
    "txt bidi": (".txt", lambda: "ANNA: \u202egnp.exe\u2066\n".encode()),
    "txt combining": (".txt", lambda: ("ANNA: Z" + "\u0300" * 400_000 + "\n").encode()),
}  # fmt: skip
"""Transcripts that lie beside a recording: suffix and bytes."""

LICENCES: Final[dict[str, bytes]] = {
    "not TOML": b"licence = ",
    "deep": b"licence = " + b"[" * 50_000,
    "a table": b"[licence]\nx = 1\n",
    "a date": b"holder = 1979-05-27T07:32:00Z\nlicence = 'MIT'\n",
    "an unknown key": b'"\x7f" = 1\n',
    "a key with an escape": b'"\\u001b[31m" = "x"\n',
    "control characters": b'licence = "MIT"\nholder = "\\u001b]0;x\\u0007"\n',
    "evidence outside": b'licence = "MIT"\nevidence = "../outside/secret.txt"\n',
    "evidence absolute": b'licence = "MIT"\nevidence = "/etc/passwd"\n',
    "evidence by a link": b'licence = "MIT"\nevidence = "link.txt"\n',
    "evidence of a fifo": b'licence = "MIT"\nevidence = "fifo.wav"\n',
    "evidence on the web": b'licence = "MIT"\nevidence = "http://127.0.0.1:9/x"\n',
    "evidence file address": b'licence = "MIT"\nevidence = "file:///etc/passwd"\n',
    "a text outside": b'licence = "LicenseRef-x"\nlicence_text = "../outside/passwd"\n',
    "a password": b'licence = "MIT"\nsource_url = "https://a:b@example.org"\n',
    "a script as address": b'licence = "MIT"\nsource_url = "javascript:window.hit=1"\n',
    "not UTF-8": b"licence = '\xff'\n",
    "a megabyte": b"licence = '" + b"x" * 2_000_000 + b"'\n",
}
"""LICENSE.toml beside recordings."""

POLICIES: Final[dict[str, bytes]] = {
    "not TOML": b"allow = ",
    "deep": b"allow = " + b"[" * 50_000,
    "an unknown key": b'"\\u001b[31m" = 1\n',
    "patterns without end": b'deny = ["' + b"*a" * 400 + b'b"]\n',
    "a huge number": b"[require]\nretention_days = 99999999999999999999\n",
    "a number below zero": b"[require]\nretention_days = -1\n",
    "days past the calendar": b"[require]\nretention_days = 999999999\n",
    "an expiry that is text": b'expires = "\\u001b[31m"\n',
    "a nested rule": b"[require]\nconsent = [[['x']]]\n",
}
"""--policy FILE."""


def wav(
    data: bytes, *, rate: int = 8_000, channels: int = 2, bits: int = 16, kind: int = 1, size: int | None = None
) -> bytes:
    """A wav with a header that may lie."""
    align = channels * bits // 8
    head = struct.pack(
        "<4sIHHIIHH", b"fmt ", 16, kind, channels, rate, rate * align & 0xFFFFFFFF, align & 0xFFFF, bits
    )
    stated = len(data) if size is None else size
    return (
        struct.pack("<4sI4s", b"RIFF", min(36 + stated, 2**32 - 1), b"WAVE")
        + head
        + struct.pack("<4sI", b"data", stated)
        + data
    )


def tone(seconds: float = 1.0) -> bytes:
    sink = io.BytesIO()
    with wave.open(sink, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8_000)
        time_s = np.arange(int(8_000 * seconds)) / 8_000
        file.writeframes((np.stack([np.sin(2_000 * time_s)] * 2, axis=1) * 9_000).astype("<i2").tobytes())
    return sink.getvalue()


def tagged() -> bytes:
    """A wav whose LIST tags are hostile."""
    text = b"\x1b]0;x\x07<script>window.hit=1</script>\xff\xfe\x00"
    info = b"INFO" + b"".join(
        k + struct.pack("<I", len(text)) + text + b"\0" * (len(text) % 2) for k in (b"INAM", b"IART")
    )
    body = tone()[12:] + b"LIST" + struct.pack("<I", len(info)) + info
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def floats(value: float) -> bytes:
    return wav(np.full(16_000, value, "<f4").tobytes(), bits=32, kind=3)


ZEROS: Final = bytes(32_000)
PLAYLIST: Final = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n%s\n#EXT-X-ENDLIST\n"
RECORDINGS: Final[dict[str, Make]] = {
    "zero length": lambda: b"",
    "one byte": lambda: b"R",
    "a header alone": lambda: wav(b""),
    "half a frame": lambda: wav(b"\1"),
    "cut off": lambda: wav(ZEROS, size=1_000_000),
    "10^12 samples": lambda: wav(ZEROS, size=2**32 - 1),
    "no channels": lambda: wav(ZEROS, channels=0),
    "255 channels": lambda: wav(bytes(255 * 2 * 100), channels=255),
    "65535 channels": lambda: wav(ZEROS, channels=65_535),
    "1 Hz": lambda: wav(ZEROS, rate=1),
    "0 Hz": lambda: wav(ZEROS, rate=0),
    "4 GHz": lambda: wav(ZEROS, rate=2**32 - 1),
    "a rate that is a prime": lambda: wav(ZEROS, rate=999_983),
    "1 bit": lambda: wav(ZEROS, bits=1),
    "255 bits": lambda: wav(ZEROS, bits=255),
    "an unknown codec": lambda: wav(ZEROS, kind=0xFFFE),
    "NaN": lambda: floats(float("nan")),
    "infinite": lambda: floats(float("-inf")),
    "huge samples": lambda: floats(3e38),
    "denormals": lambda: floats(1e-42),
    "hostile tags": tagged,
    "chunks in a circle": lambda: b"RIFF" + struct.pack("<I", 100) + b"WAVE" + b"LIST" + struct.pack("<I", 2**32 - 8) + ZEROS,
    "m3u8 of a file": lambda: PLAYLIST % b"{secret}",
    "m3u8 of the web": lambda: PLAYLIST % b"http://127.0.0.1:{port}/x.ts",
    "m3u8 with a key": lambda: PLAYLIST.replace(b"#EXTINF", b'#EXT-X-KEY:METHOD=AES-128,URI="http://127.0.0.1:{port}/k"\n#EXTINF') % b"good.wav",
    "concat": lambda: b"ffconcat version 1.0\nfile '{secret}'\nfile 'http://127.0.0.1:{port}/x.wav'\n",
    "edl": lambda: b"# mplayer EDL file, version 2\n{secret},0,9\nhttp://127.0.0.1:{port}/x,0,9\n",
    "pls": lambda: b"[playlist]\nFile1=http://127.0.0.1:{port}/x.wav\nNumberOfEntries=1\n",
    "sdp": lambda: b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP 0\n",
    "dash": lambda: b'<?xml version="1.0"?><MPD><Period><AdaptationSet><Representation><BaseURL>http://127.0.0.1:{port}/</BaseURL></Representation></AdaptationSet></Period></MPD>',
    "asx": lambda: b'<asx version="3.0"><entry><ref href="http://127.0.0.1:{port}/x"/></entry></asx>',
    "imf": lambda: b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "http://127.0.0.1:{port}/">]><CompositionPlaylist>&a;</CompositionPlaylist>',
    "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1:{port}/x.png"/></svg>',
    "subtitles": lambda: b"1\n00:00:00,000 --> 00:00:01,000\n<font>x</font>\n",
    "png": lambda: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xff\xff\0\0\xff\xff\x08\2\0\0\0" + bytes(64),
    "a script": lambda: b"#!/bin/sh\ntouch hit\n",
    "lavfi": lambda: b"amovie={secret}",
    "rtsp": lambda: b"RTSPtext\nrtsp://127.0.0.1:{port}/x\n",
    "mov with a reference": lambda: _mov(),
    "id3 without end": lambda: b"ID3\4\0\0\x7f\x7f\x7f\x7f" + bytes(4_000),
    "ogg of nothing": lambda: b"OggS" + b"\xff" * 4_000,
    "flac without end": lambda: b"fLaC\0\0\0\x22" + b"\xff" * 34 + bytes(4_000),
    "matroska without end": lambda: b"\x1a\x45\xdf\xa3\x01" + b"\xff" * 4_000,
    "au of 10^9 Hz": lambda: struct.pack(">4sIIIII", b".snd", 24, 2**32 - 1, 3, 10**9, 2) + ZEROS,
    "caf of NaN Hz": lambda: b"caff\0\1\0\0desc" + struct.pack(">q", 32) + struct.pack(">d", float("nan")) + b"lpcm" + bytes(20),
}  # fmt: skip
"""What is in files named .wav; {secret}, {port}: as in `inputs.py`."""


def _mov() -> bytes:
    """A film whose sound lies in another file, by an alias."""

    def box(kind: bytes, *parts: bytes) -> bytes:
        data = b"".join(parts)
        return struct.pack(">I4s", 8 + len(data), kind) + data

    url = box(b"url ", b"\0\0\0\0", b"http://127.0.0.1:{port}/x.mov\0")
    dref = box(b"dref", struct.pack(">II", 0, 1), url)
    entry = struct.pack(">6xHHHIHHHHI", 1, 0, 0, 0, 2, 16, 0, 0, 8_000 << 16)
    table = box(
        b"stbl",
        box(b"stsd", struct.pack(">II", 0, 1), box(b"sowt", entry)),
        box(b"stts", struct.pack(">IIII", 0, 1, 8_000, 1)),
        box(b"stsc", struct.pack(">IIIII", 0, 1, 1, 8_000, 1)),
        box(b"stsz", struct.pack(">III", 0, 4, 8_000)),
        box(b"stco", struct.pack(">III", 0, 1, 0)),
    )  # fmt: skip
    header = box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, 8_000, 8_000, 0, 0))
    handler = box(b"hdlr", struct.pack(">II4s12x", 0, 0, b"soun"), b"x\0")
    media = box(b"mdia", header, handler, box(b"minf", box(b"dinf", dref), table))
    track = box(b"trak", box(b"tkhd", struct.pack(">IIIII", 7, 0, 0, 1, 0), bytes(64)), media)
    movie = box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 8_000, 8_000), bytes(80))
    return box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"moov", movie, track)


def filled(data: bytes, secret: Path, port: int) -> bytes:
    """With the secret's path and the server's port in it."""
    return data.replace(b"{secret}", str(secret).encode()).replace(b"{port}", str(port).encode())
