"""The command line `prefect-media`."""

from .main import app, main

__all__ = ["app", "main"]
