"""A TCP proxy that cuts its connections when told to."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Proxy:
    """Passes bytes between clients on `port` and a server, until `cut`."""

    def __init__(self) -> None:
        self.server: tuple[str, int] | None = None
        self.n_cut = 0
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])

    def accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            assert self.server is not None
            try:
                server = socket.create_connection(self.server, 2)
            except OSError:
                client.close()
                continue
            self._pairs.add((client, server))
            threading.Thread(target=self._pass, args=(client, server), daemon=True).start()

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        with suppress(OSError, ValueError):
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    data = ready.recv(65_536)
                    if not data:
                        raise OSError
                    other[ready].sendall(data)
        self._pairs.discard((client, server))
        client.close(), server.close()

    def cut(self) -> None:
        """End every connection that there is, in the middle of whatever it carries."""
        for pair in list(self._pairs):
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            self.n_cut += 1

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()


@contextmanager
def proxy() -> Iterator[Proxy]:
    made = Proxy()
    thread = threading.Thread(target=made.accept)
    thread.start()
    try:
        yield made
    finally:
        made.close()
        thread.join()
