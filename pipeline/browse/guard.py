"""What stands before every page: who may ask, how, and what a browser may do with the answer.

The server listens on this machine only, but any page that a person has open can send requests to it: by a name that
is made to point here (DNS rebinding), or across sites. So the Host must be ours, no other site's page may load
anything, and nothing but GET and HEAD is answered.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
PICTURE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
HEADERS: Final = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
LONGEST: Final = 16_000
"""Bytes of an address."""
_METHODS: Final = ("GET", "HEAD")
_PAGES: Final = ("/", "/withdraw")


@dataclass(frozen=True, slots=True)
class Guard:
    """ASGI middleware. `hosts`: what the Host header may say, as `127.0.0.1:8765`."""

    app: ASGIApp
    hosts: frozenset[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on; every answer gets the headers that it does not set itself."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return  # no web sockets

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refused = self._refused(scope)
        await (refused or self.app)(scope, receive, with_headers)

    def _refused(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        if headers.getlist("host") not in [[host] for host in self.hosts]:
            return _line("this server answers only to its own address", 421)
        if scope["method"] not in _METHODS:
            return _line("only GET and HEAD are answered: nothing can be changed from here", 405, Allow="GET, HEAD")
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST:
            return _line("the address is too long", 414)
        origin = headers.get("origin")
        if origin is not None and origin not in {f"http://{host}" for host in self.hosts}:
            return _line("other sites may not ask", 403)
        site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "")
        if site not in ("same-origin", "none") and not (mode == "navigate" and scope["path"] in _PAGES):
            return _line("other sites may not ask", 403)
        return None


def _line(text: str, status: int, **headers: str) -> PlainTextResponse:
    return PlainTextResponse(f"{text}\n", status, headers)


def hosts_of(port: int) -> frozenset[str]:
    """Our own names on a port."""
    names: Iterable[str] = ("127.0.0.1", "localhost")
    return frozenset({f"{name}:{port}" for name in names} | (set(names) if port == 80 else set()))
