"""Configuration from `PREFECT_MEDIA_*` environment variables.

`get_settings()` is the only way in. It reads the environment at each call (cheaply), so that a test or a notebook
that changes a variable sees the change at once.
"""

from __future__ import annotations

import os
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from .errors import ConfigurationError

__all__ = ["Settings", "get_settings"]

PREFIX = "PREFECT_MEDIA_"


class Settings(BaseSettings):
    """All settings, with their defaults. Sizes are in bytes or pixels, times in seconds, money in USD."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, env_ignore_empty=True)

    home: Path = Field(Path("~/.prefect-media"), description="Folder of the default store and ledger.")
    store: str = Field("", description="fsspec URL of the store; default `<home>/store`.")
    ledger: str = Field("", description="SQLAlchemy URL of the ledger; default `<home>/ledger.db`.")
    keep_parameters: bool = Field(
        True, description="Whether the ledger records parameters of calls (prompts among them)."
    )
    resubmit_below: Decimal = Field(
        Decimal("0.05"),
        ge=0,
        description="An unknown submission estimated at most this much is sent again; above, held.",
    )
    concurrency: int = Field(32, ge=1, le=10_000, description="Rows of a batch that run at the same time.")

    max_media_bytes: int = Field(2_000_000_000, gt=0, description="Largest file that may enter the store.")
    min_free_bytes: int = Field(
        200_000_000, ge=0, description="Nothing is bought while the disk of the store has less room than this."
    )
    max_image_pixels: int = Field(100_000_000, gt=0, description="Largest picture, width times height.")
    max_video_pixels: int = Field(34_000_000, gt=0, description="Largest video frame, width times height.")
    max_duration_s: float = Field(4 * 3600.0, gt=0, description="Longest audio or video.")
    max_streams: int = Field(8, ge=1, description="Most streams in one container.")
    media_timeout_s: float = Field(900.0, gt=0, description="Longest one ffmpeg run may take.")
    media_stall_s: float = Field(60.0, gt=0, description="Longest an ffmpeg run may make no progress.")
    media_memory_bytes: int = Field(4_000_000_000, gt=0, description="Address space of one ffmpeg run (Linux).")
    media_workers: int = Field(0, ge=0, description="Local media operations at a time; 0 means one for each core.")
    fuse: bool = Field(True, description="Whether a chain of operations on a video is put off and done in one encode.")

    c2pa_certificate: Path | None = Field(None, description="Certificate chain to sign media with, PEM.")
    c2pa_key: Path | None = Field(None, description="Private key of that certificate, PEM.")

    @field_validator("home", "c2pa_certificate", "c2pa_key")
    @classmethod
    def _expand(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @property
    def store_url(self) -> str:
        """fsspec URL (or plain path) of the store."""
        return self.store or str(self.home / "store")

    @property
    def ledger_url(self) -> str:
        """SQLAlchemy URL of the ledger."""
        return self.ledger or f"sqlite:///{self.home / 'ledger.db'}"

    @property
    def workers(self) -> int:
        """Local media operations that run at a time."""
        return self.media_workers or os.cpu_count() or 1


NAMES = tuple(PREFIX + name.upper() for name in Settings.model_fields)


@lru_cache(maxsize=8)
def _load(_values: tuple[str | None, ...]) -> Settings:
    from pydantic import ValidationError

    try:
        return Settings()  # pyright: ignore[reportCallIssue] - the environment gives the values
    except ValidationError as exc:
        first = exc.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper()
        raise ConfigurationError(
            f"{name}={first['input']!r} is not valid: {first['msg']}. Correct or unset the variable."
        ) from exc


def get_settings() -> Settings:
    """Return the settings as the environment gives them now.

    Raises:
        ConfigurationError: A `PREFECT_MEDIA_*` variable has a value that is not valid.
    """
    return _load(tuple(os.environ.get(name) for name in NAMES))
