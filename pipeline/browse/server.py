"""The server of `duplexset browse`: pages, their data as JSON, sound by byte range. It only reads."""

import contextlib
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import duckdb
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from pipeline.browse.audio import Sounds, pieces
from pipeline.browse.clip_page import clip_page
from pipeline.browse.filters import filter_of
from pipeline.browse.guard import PICTURE_POLICY, Guard, hosts_of
from pipeline.browse.lost import lost
from pipeline.browse.store import ChangedError, Store
from pipeline.browse.text import BrowseError
from pipeline.browse.totals import Totals
from pipeline.browse.withdraw import preview, selection_of
from pipeline.visible import clean, shown
from schemas.errors import UserError

ADDRESS: Final = "127.0.0.1"
_PAGE: Final = Path(__file__).parent / "page"
_KINDS: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
ASSETS: Final = {path.name: _KINDS[path.suffix] for path in sorted(_PAGE.iterdir()) if path.suffix in _KINDS}
"""The page's own files, which come with the package, and what they are."""
_RANGE: Final = re.compile(r"bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))")


class ServerError(UserError):
    """The server cannot start: why, and what to do."""


@dataclass(frozen=True, slots=True)
class Site:
    """What the pages are made of. `facets`: read once."""

    store: Store
    sounds: Sounds
    totals: Totals
    facets: Mapping[str, Any]

    def start(self) -> dict[str, Any]:
        """What the page needs before it shows anything."""
        return {"name": shown(str(self.store.out), 120), "facets": self.facets, "static": False}

    def clip(self, clip_id: str) -> dict[str, Any]:
        """The page of a clip."""
        return clip_page(self.store.out, self.store.record(clip_id), self.sounds)


def site_of(store: Store, sounds: Sounds) -> Site:
    """The site of an open dataset."""
    return Site(store, sounds, Totals(store), store.facets())


def app_of(site: Site, port: int) -> Guard:
    """The whole application, behind its guard."""
    data: dict[str, Callable[[Request], Any]] = {
        "start": lambda request: site.start(),
        "clips": lambda request: site.store.clips(filter_of(request.query_params.multi_items())),
        "clip": lambda request: site.clip(_id(request)),
        "wave": lambda request: site.sounds.wave(site.store.record(_id(request))),
        "lost": lambda request: lost(site.store, request.query_params.multi_items()),
        "totals": lambda request: site.totals.figures(),
        "withdraw": lambda request: preview(site.store, selection_of(request.query_params.multi_items())),
    }
    files = {name: asset(name) for name in ASSETS}
    html = page_html("server")
    routes = [
        Route("/", lambda request: Response(html, media_type="text/html")),
        Route("/withdraw", lambda request: Response(html, media_type="text/html")),
        *(Route(f"/{name}", partial(_file, files[name], ASSETS[name])) for name in ASSETS),
        *(Route(f"/api/{name}", partial(_json, work)) for name, work in data.items()),
        Route("/api/audio", partial(_audio, site)),
        Route("/plots/{name}", partial(_plot, site)),
    ]
    handlers: Any = {UserError: _trouble, HTTPException: _missing, duckdb.Error: _trouble}
    return Guard(Starlette(routes=routes, exception_handlers=handlers), hosts_of(port))


def asset(name: str) -> bytes:
    """One of the page's own files."""
    return (_PAGE / name).read_bytes()


def page_html(mode: str) -> str:
    """The page, for `server` or `static`."""
    return asset("page.html").decode("utf-8").replace("{{ mode }}", mode)


def _id(request: Request) -> str:
    return request.query_params.get("id", "")


def _json(work: Callable[[Request], Any], request: Request) -> Response:
    return JSONResponse(work(request))


def _file(data: bytes, kind: str, request: Request) -> Response:
    return Response(data, media_type=kind)


def _plot(site: Site, request: Request) -> Response:
    svg = site.totals.plot(request.path_params["name"])
    return Response(svg, media_type="image/svg+xml", headers={"Content-Security-Policy": PICTURE_POLICY})


def _audio(site: Site, request: Request) -> Response:
    """A clip's FLAC, whole or the one range that is asked for."""
    sound = site.sounds.of(site.store.record(_id(request)))
    size = len(sound) if isinstance(sound, bytes) else sound.size
    span = byte_range(request.headers.get("range"), size)
    if span is None:
        return PlainTextResponse("there are no such bytes\n", 416, {"Content-Range": f"bytes */{size}"})
    first, last = span
    headers = {"Accept-Ranges": "bytes", "Content-Length": str(last - first + 1)}
    partly = "range" in request.headers
    if partly:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    body = iter([sound[first : last + 1]]) if isinstance(sound, bytes) else pieces(sound, first, last)
    return StreamingResponse(body, 206 if partly else 200, headers, media_type="audio/flac")


def byte_range(text: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte of a Range header, all without one; None for what cannot be served. One range at most."""
    if text is None:
        return (0, size - 1) if size else None
    found = _RANGE.fullmatch(text.strip())
    if not found or not size:
        return None
    first, last, tail = found.groups()
    if tail is not None:
        return (max(0, size - int(tail)), size - 1) if int(tail) else None
    begin, end = int(first), min(int(last or size - 1), size - 1)
    return (begin, end) if begin <= end else None


def _trouble(request: Request, error: Exception) -> Response:
    line = str(error) if isinstance(error, UserError) else "the index cannot answer that"
    status = 404 if isinstance(error, BrowseError) else 409 if isinstance(error, ChangedError) else 500
    return PlainTextResponse(f"{clean(line)}\n", status)


def _missing(request: Request, error: Exception) -> Response:
    return PlainTextResponse("there is nothing here\n", getattr(error, "status_code", 404))


def bound(port: int) -> socket.socket:
    """A socket on this machine only; port 0 takes any free one. Raises ServerError."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((ADDRESS, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise ServerError(f"--port {port}: {error.strerror}; give another one, or 0 for any that is free") from error
    return listener


def serve(site: Site, listener: socket.socket) -> None:
    """Answer until Ctrl-C."""
    import uvicorn

    port = listener.getsockname()[1]
    config = uvicorn.Config(
        app_of(site, port),
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        limit_concurrency=64,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    try:
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])
    finally:
        site.store.close()
