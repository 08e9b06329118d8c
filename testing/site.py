"""Addresses of the simulated providers: under one root by path, or under the providers' own host names."""

from __future__ import annotations

from starlette.requests import Request

__all__ = ["AREAS", "HOSTS", "link", "local_path"]

# Path prefix under the simulator's root, and the address that stands for it in the provider's documentation.
AREAS = {
    "replicate": ("/replicate/v1", "https://api.replicate.com/v1"),
    "replicate-files": ("/files/replicate", "https://replicate.delivery"),
    "fal": ("/fal", "https://queue.fal.run"),
    "fal-sync": ("/fal/_sync", "https://fal.run"),
    "fal-rest": ("/fal/_rest", "https://rest.fal.ai"),
    "fal-cdn": ("/fal/_cdn", "https://v3.fal.media"),
    "fal-platform": ("/fal/_platform", "https://api.fal.ai"),
    "openai": ("/openai", "https://api.openai.com"),
    "elevenlabs": ("/elevenlabs", "https://api.elevenlabs.io"),
}
HOSTS = {
    "api.replicate.com": "/replicate",
    "replicate.delivery": "/files/replicate",
    "queue.fal.run": "/fal",
    "fal.run": "/fal/_sync",
    "rest.fal.ai": "/fal/_rest",
    "v3.fal.media": "/fal/_cdn",
    "api.fal.ai": "/fal/_platform",
    "api.openai.com": "/openai",
    "api.elevenlabs.io": "/elevenlabs",
}
"""Where each host name of a provider leads when a client was sent here by a proxy setting instead of a base URL."""


def local_path(host: str, path: str) -> str | None:
    """Return the path under the simulator's root for a request to a provider's own host; None for another host."""
    prefix = HOSTS.get(host.partition(":")[0])
    return None if prefix is None else prefix + path


def link(request: Request, area: str, path: str) -> str:
    """Return a URL that the client of `request` can follow into an area."""
    prefix, public = AREAS[area]
    if request.scope.get("simulated_host"):
        return public + path
    return f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}{prefix}{path}"
