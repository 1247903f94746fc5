"""A network between a host and the server, that can fail: everything goes through a port of the loopback device."""

from __future__ import annotations

import contextlib
import re
import selectors
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit, urlunsplit

CHUNK = 65_536
_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: closing resets the connection, as a machine that is gone does."""


class Proxy:
    """Passes on what comes to `port`. `cut` ends what is connected, `refuse` also takes no others, `silence` passes
    nothing on; `mend` ends these two."""

    delay = 0.0
    """Seconds that data are on their way."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._listener = self._listening(0)
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._peers: dict[socket.socket, socket.socket] = {}
        self._on_their_way: deque[tuple[float, socket.socket, bytes]] = deque()
        self._silent = False
        self._lock = threading.RLock()
        self._bell, self._ringer = socket.socketpair()
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._ended = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _listening(self, port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
        return listener

    def url(self, url: str) -> str:
        """The URL of a database of the server, through here."""
        parts = urlsplit(url)
        place = f"{quote(parts.username or '')}:{quote(parts.password or '')}@127.0.0.1:{self.port}"
        return urlunsplit(parts._replace(netloc=place))

    def cut(self) -> int:
        """Reset every connection; how many there were."""
        with self._lock:
            found = list(self._peers)
            for one in found:
                self._end(one)
        return len(found) // 2

    def refuse(self) -> None:
        """Reset every connection, and take no others."""
        with self._lock:
            self._selector.unregister(self._listener)
            self._listener.close()
            self.cut()

    def silence(self) -> None:
        """Keep every connection, take others, and pass nothing on."""
        with self._lock:
            self._silent = True
            self._on_their_way.clear()
            for one in self._peers:
                with contextlib.suppress(KeyError):
                    self._selector.unregister(one)

    def mend(self) -> None:
        """Be a network again; what was connected while it was silent is reset."""
        with self._lock:
            if self._silent:
                for one in list(self._peers):
                    self._selector.register(one, selectors.EVENT_READ)
                self.cut()
                self._silent = False
            else:
                self._listener = self._listening(self.port)
                self._selector.register(self._listener, selectors.EVENT_READ)
        self._ringer.send(b"!")

    def passed(self, data: bytes) -> bytes:
        """What is passed on of some data."""
        return data

    def close(self) -> None:
        """Be gone."""
        self._ended = True
        self._ringer.send(b"!")
        self._thread.join(10)
        self.cut()
        for one in (self._listener, self._bell, self._ringer):
            one.close()
        self._selector.close()

    def _serve(self) -> None:
        while not self._ended:
            for key, _ in self._selector.select(self._to_next()):
                with self._lock, contextlib.suppress(OSError, KeyError):
                    self._attend(key.fileobj)  # type: ignore[arg-type]
            with self._lock:
                self._deliver()

    def _to_next(self) -> float | None:
        """Seconds until something arrives that is on its way; None where nothing is."""
        with self._lock:
            return max(0.0, self._on_their_way[0][0] - time.monotonic()) if self._on_their_way else None

    def _deliver(self) -> None:
        """Pass on what has been on its way for long enough; what comes to a connection that is gone is lost."""
        while self._on_their_way and self._on_their_way[0][0] <= time.monotonic():
            _, one, data = self._on_their_way.popleft()
            peer = self._peers.get(one)
            try:
                if peer is not None and data:
                    peer.sendall(data)
            except OSError:
                data = b""
            if not data:
                self._end(one)

    def _attend(self, one: socket.socket) -> None:
        if one is self._bell:
            one.recv(CHUNK)
        elif one is self._listener:
            self._take_in(one.accept()[0])
        elif one in self._peers:
            try:
                data = one.recv(CHUNK)
            except OSError:
                data = b""
            if not data:
                self._selector.unregister(one)  # Nothing follows but the end, which is on its way as well.
            self._on_their_way.append((time.monotonic() + self.delay, one, self.passed(data)))

    def _take_in(self, client: socket.socket) -> None:
        server = socket.create_connection(self._server, 10)
        for one, other in ((client, server), (server, client)):
            self._peers[one] = other
            if not self._silent:
                self._selector.register(one, selectors.EVENT_READ)

    def _end(self, one: socket.socket) -> None:
        for end in (one, self._peers.get(one)):
            if end is not None and self._peers.pop(end, None) is not None:
                with contextlib.suppress(KeyError, ValueError):
                    self._selector.unregister(end)
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                end.close()


class Slow(Proxy):
    """Takes its time for everything, each way, as a server far away does; many things may be on their way at once."""

    delay = 0.01


class Pooler(Proxy):
    """Says of who serves a client what no server would: as a pooler does, which may let others serve it."""

    def passed(self, data: bytes) -> bytes:
        """The data, with another process in the message of the protocol that names it."""
        return _SERVED_BY.sub(lambda found: found[0][:5] + b"\x7f\xff\xff\xff", data, count=1)


_SERVED_BY = re.compile(rb"K\x00\x00\x00\x0c.{4}", re.DOTALL)
"""BackendKeyData: its length, and the pid; then follows the key by which a query can be cancelled."""


@contextmanager
def proxy_to(url: str, kind: type[Proxy] = Proxy) -> Iterator[Proxy]:
    """A network to the server of a URL that names a host and a port."""
    parts = urlsplit(url)
    proxy = kind((parts.hostname or "", parts.port or 5432))
    try:
        yield proxy
    finally:
        proxy.close()
