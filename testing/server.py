"""The simulator as an HTTP server."""

from __future__ import annotations

import asyncio
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.requests import ClientDisconnect
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from ..errors import ConfigurationError
from .control import control_routes
from .delivery import delivery_routes
from .elevenlabs import elevenlabs_routes
from .elevenlabs_account import elevenlabs_account_routes
from .fal import fal_routes
from .fal_storage import fal_storage_routes
from .intercept import make_authority, start_proxy
from .openai import openai_routes
from .options import Options
from .replicate import replicate_routes
from .reply import Abort, Reply, abort_connection
from .site import local_path
from .state import Simulation
from .uploads import replicate_file_routes

__all__ = ["Options", "Running", "listen", "run", "serve"]

HOST = "127.0.0.1"
IDLE_S = 3600  # an idle connection that the server closes looks to its client like a lost answer


def make_app(sim: Simulation) -> ASGIApp:
    """Return the ASGI application of a simulator."""
    delivery = delivery_routes(sim)
    # By the first part of the path, so that a request is not held against every other provider's routes.
    routers = {
        name: Router(routes, redirect_slashes=False)
        for name, routes in {
            "replicate": [*replicate_routes(sim), *replicate_file_routes(sim)],
            "files": delivery,
            "fal": [*delivery, *fal_storage_routes(sim), *fal_routes(sim)],
            "openai": openai_routes(sim),
            "elevenlabs": [*elevenlabs_routes(sim), *elevenlabs_account_routes(sim)],
            "_sim": control_routes(sim),
        }.items()
    }
    nowhere = Router([], redirect_slashes=False)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        path = local_path(host, scope["path"])
        if path is not None:
            scope = {**scope, "path": path, "raw_path": path.encode(), "simulated_host": host}
        try:
            await routers.get(scope["path"].split("/")[1], nowhere)(scope, receive, send)
        except Reply as reply:
            await reply.response(scope, receive, send)
        except Abort:
            abort_connection(getattr(getattr(send, "__self__", None), "transport", None))
        except ClientDisconnect:
            sim.event("disconnect", path=path or scope["path"])

    return app


def make_server(sim: Simulation, **settings: Any) -> uvicorn.Server:
    """Return a uvicorn server for a simulator, not started."""
    config = uvicorn.Config(
        make_app(sim),
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=1,
        backlog=4096,
        **settings,
    )
    return uvicorn.Server(config)


def listen(port: int = 0) -> socket.socket:
    """Return a listening socket on loopback; port 0 takes a free one."""
    # With the protocol named, asyncio switches off Nagle's delay on its connections.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as exc:
        listener.close()
        raise ConfigurationError(
            f"Cannot listen on {HOST}:{port}: {exc.strerror}. Choose another port, or 0 for a free one."
        ) from exc
    listener.listen(4096)
    return listener


@dataclass
class Running:
    """A simulator that takes requests: its root, the variables that send unmodified clients to it, and how to stop it."""

    url: str
    intercepting: Mapping[str, str]
    servers: list[uvicorn.Server]

    def stop(self) -> None:
        """Ask it to end, without waiting for its clients."""
        for server in self.servers:
            server.should_exit = server.force_exit = True


async def run(
    sim: Simulation, listener: socket.socket, announce: Callable[[Running], None], *, intercept: bool = False
) -> None:
    """Serve until stopped; `announce` is called as soon as connections are taken."""
    running = Running(f"http://{HOST}:{listener.getsockname()[1]}", {}, [make_server(sim)])
    tasks = [asyncio.ensure_future(running.servers[0].serve([listener]))]
    proxy = None
    if intercept:
        authority = make_authority(sim.folder)
        secured, proxied = listen(), listen()
        tls = make_server(sim, ssl_certfile=str(authority.certificate), ssl_keyfile=str(authority.key))
        tasks.append(asyncio.ensure_future(tls.serve([secured])))
        proxy = await start_proxy(proxied, (HOST, secured.getsockname()[1]))
        running.servers.append(tls)
        running.intercepting = authority.environment(f"http://{HOST}:{proxied.getsockname()[1]}")
    announce(running)
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    running.stop()
    if proxy:
        proxy.close()
    await asyncio.gather(*tasks)
    for server in running.servers:
        for connection in list(server.server_state.connections):
            connection.transport.abort()  # requests that hang on purpose would outlive the loop
    await asyncio.sleep(0)
    sim.close()


def serve(port: int = 0, *, options: Options | None = None, announce: Callable[[Running], None] | None = None) -> None:
    """Run a simulator until it is interrupted.

    Args:
        port: Port on 127.0.0.1; 0 takes a free one.
        options: How it behaves.
        announce: Called once it can be reached.

    Raises:
        ConfigurationError: The options are not valid, or the port is taken.
    """
    options = options or Options()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: None)  # the servers stop at it; then the folder of uploads is removed
    with tempfile.TemporaryDirectory(prefix="prefect-media-simulator-") as folder, listen(port) as listener:
        sim = Simulation(Path(folder), options)
        asyncio.run(run(sim, listener, announce or (lambda _: None), intercept=options.intercept))
