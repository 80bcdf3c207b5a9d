"""The server: who may ask and how, byte ranges, plain errors, and hostile names as plain data."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.browse.guard import LONGEST
from pipeline.browse.server import ASSETS, ServerError, bound, byte_range, page_html

Serve = Callable[[Path], Any]


@pytest.fixture
def site(world: Any, serve: Serve) -> Any:
    return serve(world.out)


def test_every_answer_has_the_headers(site: Any, world: Any) -> None:
    clip_id = next(iter(world.clips))
    for path in (
        "/",
        "/app.js",
        "/style.css",
        "/api/start",
        "/api/totals",
        f"/api/audio?id={clip_id}",
        "/plots/plot-0.svg",
        "/x",
    ):
        for method in ("GET", "HEAD"):
            _, headers, body = site.get(path, method)
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["content-security-policy"].startswith("default-src 'none'")
            assert "unsafe-eval" not in headers["content-security-policy"]
            assert ("unsafe-inline" in headers["content-security-policy"]) == path.startswith("/plots/")
            assert "access-control-allow-origin" not in headers
            assert method == "GET" or body == b""


def test_only_its_own_name_is_answered(site: Any, world: Any) -> None:
    name = str(world.out).encode()
    for host in (
        "evil.example",
        f"evil.example:{site.port}",
        "127.0.0.1",
        f"127.0.0.1:{site.port}.evil.example",
        "",
        "0.0.0.0:80",
    ):
        status, _, body = site.get("/api/start", Host=host)
        assert status in (400, 421)
        assert name not in body
    assert name in site.get("/api/start", Host=f"localhost:{site.port}")[2]


def test_other_sites_may_not_ask(site: Any) -> None:
    assert site.get("/api/start", Origin="https://evil.example")[0] == 403
    assert site.get("/api/start", Origin="null")[0] == 403
    assert site.get("/api/start", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")[0] == 403
    assert site.get("/api/start", Sec_Fetch_Site="same-site", Sec_Fetch_Mode="cors")[0] == 403
    assert site.get("/api/totals", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")[0] == 403
    assert site.get("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")[0] == 200  # a link to the page
    assert site.get("/api/start", Origin=site.address.rstrip("/"), Sec_Fetch_Site="same-origin")[0] == 200


def test_nothing_can_be_changed(site: Any) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        status, headers, _ = site.get("/api/clips", method)
        assert (status, headers["allow"]) == (405, "GET, HEAD")


OUTSIDE = (
    "/../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/api/../dataset.json",
    "/dataset.json", "/shards/train-00000.tar", "/index/clips.parquet", "/work/quarantine", "/plots/..%2fserver.py",
    "/plots/../server.py", "/server.py", "/page.html", "/__init__.py", "/api/", "/api/x", "/favicon.ico", "/%00",
)  # fmt: skip


def test_nothing_outside_is_served(site: Any) -> None:
    for path in OUTSIDE:
        status, headers, body = site.get(path)
        assert status == 404
        assert headers["content-type"].startswith("text/plain")
        assert body.count(b"\n") == 1
        assert b"Traceback" not in body
        assert b"root:" not in body


def test_an_id_is_looked_up_and_never_a_path(site: Any) -> None:
    for value in ("", "../../etc/passwd", "' OR 1=1 --", "\x00", "<script>", "é" * 100, "x" * 9_000, "\u202e"):
        for page in ("clip", "wave", "audio"):
            status, headers, body = site.get(f"/api/{page}?{urlencode({'id': value})}")
            assert (status, headers["content-type"]) == (404, "text/plain; charset=utf-8")
            assert body.count(b"\n") == 1


def test_wrong_questions_are_one_plain_line(site: Any) -> None:
    for path in (
        "/api/clips?nope=1",
        "/api/clips?overlap=x",
        "/api/lost?kept=x",
        "/api/withdraw",
        "/api/withdraw?a=b",
    ):
        status, headers, body = site.get(path)
        assert (status, headers["content-type"]) == (404, "text/plain; charset=utf-8")
        assert body.decode().endswith("\n")
        assert body.count(b"\n") == 1
    assert site.get(f"/api/clips?q={'x' * LONGEST}")[0] == 414


def test_pages_and_assets(site: Any) -> None:
    page = page_html("server").encode()
    assert site.get("/")[2] == site.get("/withdraw?speaker=x")[2] == page
    assert page.count(b"<script") == 1
    assert b'<script type="module" src="app.js"></script>' in page
    assert b"style=" not in page
    assert not [word for word in (b"onclick", b"http://", b"https://", b"//cdn") if word in page]
    for name, kind in ASSETS.items():
        status, headers, body = site.get(f"/{name}")
        assert status == 200
        assert headers["content-type"].startswith(kind)
        assert b"http://" not in body.replace(b"http://www.w3.org/", b"")
        assert not [
            word for word in (b"innerHTML", b"insertAdjacentHTML", b"document.write", b"eval(") if word in body
        ]


def test_hostile_names_are_bounded_and_visible(site: Any, world: Any) -> None:
    for path in ("start", "clips", "lost", "totals"):
        status, headers, body = site.get(f"/api/{path}")
        assert (status, headers["content-type"]) == (200, "application/json")
        assert len(body) < 200_000
        assert "\u202e" not in json.dumps(json.loads(body), ensure_ascii=False)
    for clip_id in world.clips:
        page = json.loads(site.get(f"/api/clip?id={clip_id}")[2])
        links = [
            link
            for _, _, link in (*page["licence"], *(f for step in page["provenance"] for f in step["facts"]))
            if link
        ]
        assert set(links) <= {"https://example.org/set"}
        assert page["words"][1][0][0] == "<script>window.hit=1</script>"
        assert page["timeline"]["overlaps"] == [[3.5, 4.0, "terminal", None]]
        assert page["timeline"]["backchannels"] == [[1, 1.0, 1.4]]
        assert page["timeline"]["turns"] == [[0, 0.5, 4.0], [1, 3.5, 7.0]]
        facts = {name: text for name, text, _ in page["licence"]}
        assert facts["evidence date"] is None
        assert facts["share alike"] is None
        assert facts["derivatives"] == "yes"
        assert facts["consent"] == "informed-consent"


def test_a_clip_that_is_withdrawn_is_shown_and_not_heard(world: Any, serve: Serve) -> None:
    clip_id = next(iter(world.clips))
    (world.out / "withdrawn.jsonl").write_text(f'{{"clip_id": "{clip_id}"}}\n')
    site = serve(world.out)
    page = json.loads(site.get(f"/api/clip?id={clip_id}")[2])
    assert (page["withdrawn"], page["sound"], page["words"]) == (True, "none", [[], []])
    assert site.get(f"/api/audio?id={clip_id}")[0] == 404
    assert [c["id"] for c in json.loads(site.get("/api/clips?withdrawn=yes")[2])["clips"]] == [clip_id]


def test_sound_by_range(site: Any, world: Any) -> None:
    clip_id, clip = next((i, c) for i, c in world.clips.items() if c.flac is not None)
    path = f"/api/audio?id={clip_id}"
    status, headers, body = site.get(path)
    assert (status, headers["content-type"], headers["accept-ranges"], body) == (
        200,
        "audio/flac",
        "bytes",
        clip.flac,
    )
    n = len(clip.flac)
    for text, first, last in (
        ("0-9", 0, 9),
        ("5-", 5, n - 1),
        ("-7", n - 7, n - 1),
        (f"{n - 1}-99999999", n - 1, n - 1),
    ):
        status, headers, body = site.get(path, Range=f"bytes={text}")
        assert (status, body) == (206, clip.flac[first : last + 1])
        assert headers["content-range"] == f"bytes {first}-{last}/{n}"
        assert int(headers["content-length"]) == last - first + 1
    for text in (f"{n}-", "5-2", "-0", "0-1,4-5", "a-b", "", "-", "0x1-2", "99999999999999999999-"):
        status, headers, body = site.get(path, Range=f"bytes={text}")
        assert (status, headers["content-range"]) == (416, f"bytes */{n}")


@given(st.text("bytes=0123456789-, ", max_size=30), st.integers(0, 1_000))
def test_a_range_never_leaves_the_file(text: str, size: int) -> None:
    found = byte_range(text, size)
    assert found is None or 0 <= found[0] <= found[1] < size


def test_a_sound_without_flac_is_decoded_and_says_so(site: Any, world: Any) -> None:
    clip_id = next(i for i, c in world.clips.items() if c.flac is None)
    assert json.loads(site.get(f"/api/clip?id={clip_id}")[2])["sound"] == "decoded"
    first = site.get(f"/api/audio?id={clip_id}", Range="bytes=0-3")
    assert (first[0], first[2]) == (206, b"fLaC")
    assert site.get(f"/api/audio?id={clip_id}")[2] == site.get(f"/api/audio?id={clip_id}")[2]


def test_plots_are_pictures_that_run_nothing(site: Any) -> None:
    totals = json.loads(site.get("/api/totals")[2])
    assert [p["title"] for p in totals["plots"]][:2] == ["Floor-transfer offsets", "Gaps"]
    for plot in totals["plots"]:
        status, headers, body = site.get(f"/plots/{quote(plot['name'])}")
        assert (status, headers["content-type"]) == (200, "image/svg+xml")
        assert "sandbox" in headers["content-security-policy"]
        assert b"<script" not in body
        assert b"prefers-color-scheme:dark" in body


def test_a_port_that_is_taken() -> None:
    taken = bound(0)
    taken.listen()
    with pytest.raises(ServerError, match="give another one, or 0"):
        bound(taken.getsockname()[1])
    taken.close()


def test_what_is_withdrawn_meanwhile_is_not_heard_any_more(site: Any, world: Any) -> None:
    gone, other = sorted(one for one, clip in world.clips.items() if clip.flac)[:2]
    pages = [f"/api/{page}?id={gone}" for page in ("audio", "wave")]
    assert [site.get(page)[0] for page in pages] == [200, 200]
    seconds = json.loads(site.get("/api/totals")[2])["withdrawn"]
    (world.out / "withdrawn.jsonl").write_text(f'{{"clip_id": "{gone}"}}\n')
    assert [site.get(page)[0] for page in pages] == [404, 404]
    page = json.loads(site.get(f"/api/clip?id={gone}")[2])
    assert (page["withdrawn"], page["sound"], page["words"]) == (True, "none", [[], []])
    assert json.loads(site.get("/api/totals")[2])["withdrawn"] == seconds + 1
    assert json.loads(site.get("/api/clips?withdrawn=yes")[2])["total"] == 1
    assert site.get(f"/api/audio?id={other}")[0] == 200
    (world.out / "withdrawn.jsonl").write_text("nonsense\n")
    status, _, body = site.get(f"/api/audio?id={gone}")
    assert (status, b"withdrawn.jsonl" in body, body.count(b"\n")) == (500, True, 1)
    (world.out / "withdrawn.jsonl").unlink()
    assert site.get(f"/api/audio?id={gone}")[0] == 200


def test_a_dataset_that_was_built_anew_is_not_called_damaged(site: Any, world: Any) -> None:
    clip_id = next(iter(world.clips))
    for shard in (world.out / "shards").iterdir():
        shard.write_bytes(b"another")
    index = world.out / "index" / "clips.parquet"
    (index.parent / "new").write_bytes(index.read_bytes())
    (index.parent / "new").replace(index)
    for page in ("clips", "totals", "lost", f"clip?id={clip_id}", f"audio?id={clip_id}", f"wave?id={clip_id}"):
        status, headers, body = site.get(f"/api/{page}")
        assert (status, headers["content-type"]) == (409, "text/plain; charset=utf-8")
        assert body == b"the dataset was built anew or changed: end browse with Ctrl-C and start it again\n"


def test_a_shard_that_was_cut_off_is_said_to_be_damaged(site: Any, world: Any) -> None:
    clip_id = next(one for one, clip in world.clips.items() if clip.flac)
    row = site.site.store.record(clip_id)
    with (world.out / "shards" / row["shard"]).open("r+b") as tar:
        tar.truncate(row["offset"] + row["length"] - 4_096)
    page = json.loads(site.get(f"/api/clip?id={clip_id}")[2])
    assert (page["sound"], "is damaged" in page["trouble"]) == ("none", True)
    status, _, body = site.get(f"/api/audio?id={clip_id}")
    assert (status, b"is damaged" in body) == (404, True)
