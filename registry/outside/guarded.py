"""The guarded way out by HTTP, to addresses that others name: webhook endpoints and outboxes.

Rules of this room:
- https only, to public addresses only. A setting opens private networks for tests and closed ones, and then plain http
  to this machine, too.
- A name is judged after it was resolved, and the connection goes to the very address that was judged, while `Host`,
  SNI and certificate stay the name's: a name that points elsewhere a moment later (rebinding) changes nothing.
- No redirect is followed; no proxy, cookie or netrc of the environment is used; no answer is longer or slower than
  was said.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, ProtocolError
from urllib3.exceptions import TimeoutError as PoolTimeoutError

from registry.errors import InvalidInputError
from registry.outside.http import user_agent

Resolve = Callable[[str, int], Sequence[str]]

LONGEST_ADDRESS = 2000
_DIALLED = 4  # of the addresses of a name, at most so many are tried
_PIECE = 65_536
_GLOBAL = IPv6Network("2000::/3")
_MAPPED, _NAT64 = IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96")
_RELAYS = (IPv6Network("2002::/16"), IPv6Network("2001::/23"), IPv6Network("3fff::/20"))  # 6to4, Teredo, documentation


class NotReachedError(Exception):
    """Nobody there who may be asked, or no answer that may be taken: a slug that holds no address."""

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug


@dataclass(frozen=True, slots=True)
class Patience:
    """How long (seconds) to wait for a connection, for the next bytes, for all of it; how many bytes to take."""

    connect_s: float = 5.0
    read_s: float = 10.0
    whole_s: float = 20.0
    most_bytes: int = 64_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: status, headers (names in any case), the body as it was before it was packed."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the open internet, also inside IPv6 forms that hold an IPv4 one."""
    found = ip_address(address)
    if isinstance(found, IPv4Address):
        return found.is_global and not (found.is_multicast or found.is_reserved) and found.packed[:3] != b"\xc0\x58\x63"
    if found in _MAPPED or found in _NAT64:
        return is_public(str(IPv4Address(found.packed[12:])))
    return found in _GLOBAL and found.is_global and not any(found in relay for relay in _RELAYS)


def is_loopback(address: str) -> bool:
    """Whether an IP address is this machine's own."""
    found = ip_address(address)
    if isinstance(found, IPv6Address) and found in _MAPPED:
        return IPv4Address(found.packed[12:]).is_loopback
    return found.is_loopback


def check_address(address: str, *, allow_private: bool) -> None:
    """Raises InvalidInputError bad_address for what can't be asked by this way, as far as its text says."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
        plain = not (parts.username or parts.password or parts.fragment) and address.isascii() and address.isprintable()
    except ValueError:
        host, port, plain = "", None, False
    schemes = {"https", "http"} if allow_private else {"https"}
    if not (plain and host and port != 0 and parts.scheme in schemes) or " " in address or "\\" in address:
        raise InvalidInputError("This needs an https address without name and password.", code="bad_address")
    if len(address) > LONGEST_ADDRESS:
        raise InvalidInputError("This address is too long.", code="bad_address")
    with contextlib.suppress(ValueError):  # names are judged when they are resolved
        if not allow_private and not is_public(host):
            raise InvalidInputError("An address inside a private network is not asked.", code="private_address")


def resolved(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as the system resolves it. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Way:
    """A session of guarded requests; for one thread at a time. `resolve` is how names become addresses."""

    def __init__(self, *, allow_private: bool, patience: Patience, resolve: Resolve = resolved) -> None:
        self._allow_private = allow_private
        self._patience = patience
        self._resolve = resolve
        self._connection: HTTPConnection | None = None
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        self._session.headers.update({"User-Agent": user_agent(), "Accept-Encoding": "gzip"})
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, _Adapter(self))

    def __enter__(self) -> Way:
        return self

    def __exit__(self, *_error: object) -> None:
        self._session.close()

    def ask(
        self, method: str, address: str, *, headers: Mapping[str, str], query: Mapping[str, str] | None = None,
        body: bytes | None = None, want_body: bool = True,
    ) -> Answer:  # fmt: skip
        """Ask once. Without `want_body` the status counts alone, and what else comes is dropped.

        Raises NotReachedError: bad_address, private_address, no_such_host, no_answer, bad_certificate, too_slow,
        too_big, bad_encoding, cut_short.
        """
        try:
            check_address(address, allow_private=self._allow_private)
        except InvalidInputError as error:
            raise NotReachedError(error.code) from None
        patience = self._patience
        with self._watched() as late:
            try:
                with self._session.request(
                    method, address, params=query or None, data=body, headers=dict(headers), allow_redirects=False,
                    stream=True, timeout=(patience.connect_s, patience.read_s),
                ) as answer:  # fmt: skip
                    content = self._body(answer) if want_body else self._dropped(answer)
                    if late.is_set():  # headers that were cut off look like short ones
                        raise NotReachedError("too_slow")
                    return Answer(answer.status_code, answer.headers, content)
            except NotReachedError as error:
                raise NotReachedError("too_slow") if late.is_set() else error from None
            except requests.exceptions.SSLError as error:
                raise NotReachedError("too_slow" if late.is_set() else "bad_certificate") from error
            except (requests.Timeout, PoolTimeoutError) as error:
                raise NotReachedError("too_slow") from error
            except (requests.RequestException, HTTPError, OSError, UnicodeError, AttributeError) as error:
                if isinstance(error, AttributeError) and not late.is_set():
                    raise  # a socket that was closed under a reader shows as one; anything else is our own mistake
                raise NotReachedError("too_slow" if late.is_set() else "no_answer") from error

    def dial(self, connection: HTTPConnection, *, plain: bool) -> socket.socket:
        """A socket to an address of the connection's host that was judged. Raises NotReachedError."""
        self._connection = connection
        host = connection.host.strip("[]")
        try:
            addresses = list(self._resolve(host, connection.port))[:_DIALLED]
            if not addresses or not all(self._may(address, plain=plain) for address in addresses):
                raise NotReachedError("private_address" if addresses else "no_such_host")
        except (OSError, UnicodeError, ValueError) as error:
            raise NotReachedError("no_such_host") from error
        until = time.monotonic() + self._patience.connect_s
        for address in addresses:
            left = until - time.monotonic()
            if left <= 0:
                break
            with contextlib.suppress(OSError):
                dialled = socket.create_connection((address, connection.port), timeout=left)
                dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return dialled
        raise NotReachedError("no_answer")

    def _may(self, address: str, *, plain: bool) -> bool:
        if plain:
            return self._allow_private and is_loopback(address)
        return self._allow_private or is_public(address)

    @contextlib.contextmanager
    def _watched(self) -> Iterator[threading.Event]:
        """Ends what takes longer in all than it may: the event is set then, and the socket shut."""
        done, late = threading.Event(), threading.Event()

        def watch() -> None:
            while not done.wait(0.1 if late.is_set() else self._patience.whole_s):
                late.set()
                found = getattr(self._connection, "sock", None)
                if found is not None:
                    with contextlib.suppress(OSError):
                        socket.socket.shutdown(found, socket.SHUT_RDWR)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield late
        finally:
            done.set()
            watcher.join()

    def _body(self, answer: requests.Response) -> bytes:
        """The body, unpacked as it comes, so that a small body that unpacks to a huge one costs nothing."""
        packed = answer.headers.get("Content-Encoding", "identity").strip().lower()
        if packed not in {"identity", "", "gzip", "x-gzip"}:
            raise NotReachedError("bad_encoding")
        most, body, taken = self._patience.most_bytes, bytearray(), 0
        unpacker = _Unpacker() if packed.endswith("gzip") else None
        for piece in _pieces(answer):
            taken += len(piece)
            body += unpacker.take(piece, most + 1 - len(body)) if unpacker else piece
            if len(body) > most or taken > most:
                raise NotReachedError("too_big")
        if unpacker and not unpacker.whole:
            raise NotReachedError("cut_short")
        return bytes(body)

    def _dropped(self, answer: requests.Response) -> bytes:
        """Read a short answer, so that the connection serves again; the status counts whatever happens here."""
        taken = 0
        with contextlib.suppress(NotReachedError, HTTPError, OSError, AttributeError):
            for piece in _pieces(answer):
                taken += len(piece)
                if taken > _PIECE:
                    break
        return b""


def _pieces(answer: requests.Response) -> Iterator[bytes]:
    """The bytes of a body as they arrive, still packed."""
    try:
        while piece := answer.raw.read1(_PIECE, decode_content=False):
            yield piece
    except ProtocolError as error:
        raise NotReachedError("cut_short") from error


class _Unpacker:
    """Unpacks gzip, also of several members, never more than asked for."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(31)
        self._begun = False

    @property
    def whole(self) -> bool:
        """Whether the last member came to its end (or nothing came at all)."""
        return self._member.eof or not self._begun

    def take(self, piece: bytes, most: int) -> bytes:
        """What a piece unpacks to, at most so many bytes. Raises NotReachedError bad_encoding."""
        out = bytearray()
        while piece and len(out) < most:
            if self._member.eof:
                self._member = zlib.decompressobj(31)
            self._begun = True
            try:
                out += self._member.decompress(piece, most - len(out))
            except zlib.error as error:
                raise NotReachedError("bad_encoding") from error
            piece = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
        return bytes(out)


class _Adapter(HTTPAdapter):
    """An adapter whose connections are dialled by a Way."""

    def __init__(self, way: Way) -> None:
        self._way = way
        super().__init__(max_retries=0, pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *sizes: Any, **options: Any) -> None:
        """As always, with our connections in the pools."""
        super().init_poolmanager(*sizes, **options)
        way = self._way

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return way.dial(self, plain=True)

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return way.dial(self, plain=False)

        pools = {"http": (HTTPConnectionPool, Plain), "https": (HTTPSConnectionPool, Secure)}
        self.poolmanager.pool_classes_by_scheme = {
            scheme: type("Pool", (pool,), {"ConnectionCls": connection}) for scheme, (pool, connection) in pools.items()
        }
