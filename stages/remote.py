"""Addresses of recordings: which are opened, and that the web's do not lead to this machine or a private network.

What a manifest names was written by others: a scheme that reads local files or wraps others is refused, and so is a
web address that leads inside, by its name or by a redirect; it is looked at where the connection is made.
"""

import errno
import ipaddress
import socket
from typing import Any, BinaryIO, Final, cast

import fsspec

STORES: Final = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oci", "oss", "hf", "memory")
WEB: Final = ("http", "https")
_INSIDE: Final = "leads to this machine or a private network"


class AddressError(Exception):
    """An address that is not opened: why, and what to do."""


def is_remote(uri: str) -> bool:
    """True for an address (`s3://…`), False for a path."""
    return "://" in uri


def open_remote(uri: str) -> BinaryIO:
    """The bytes at an address. Raises AddressError, and what fsspec does."""
    scheme = uri.partition("://")[0].lower()
    if scheme not in (*STORES, *WEB):
        known = ", ".join(f"{name}://" for name in (*WEB, *STORES))
        raise AddressError(f"{uri} cannot be opened: {known} are read; fetch it and give its path")
    options = {"get_client": _client} if scheme in WEB else {}
    try:
        return cast("BinaryIO", fsspec.open(uri, "rb", **options).open())
    except OSError as error:
        if _leads_inside(error):
            raise AddressError(f"{uri} {_INSIDE}: fetch it and give its path") from error
        raise


def _leads_inside(error: BaseException | None) -> bool:
    while error is not None and _INSIDE not in str(error):
        error = error.__cause__ or error.__context__
    return error is not None


async def _client(**settings: Any) -> Any:
    """A client for fsspec whose every connection goes through `_public_socket`, those of redirects too."""
    import aiohttp

    return aiohttp.ClientSession(**settings, connector=aiohttp.TCPConnector(socket_factory=_public_socket))


def _public_socket(found: tuple[Any, ...]) -> socket.socket:
    """found: what getaddrinfo gives. Raises OSError where the address is none of the public internet."""
    family, kind, protocol, _, address = found
    if not is_public(address[0]):
        raise OSError(errno.EACCES, f"{address[0]} {_INSIDE}")
    return socket.socket(family=family, type=kind, proto=protocol)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, also where IPv6 wraps one of IPv4."""
    found: Any = ipaddress.ip_address(address.partition("%")[0])
    if found.version == 6:
        found = found.ipv4_mapped or found.sixtofour or found
    return bool(found.is_global and not found.is_multicast)
