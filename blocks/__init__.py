"""Prefect blocks: who calls a provider, and how much may be spent.

Register them with `prefect block register -m prefect_media.blocks`; Prefect also finds them by its entry-point group.
"""

from ._using import credentials_in_use, known_default_credentials, load_default_credentials, using_credentials
from .budget import MediaBudget
from .credentials import (
    BLOCKS,
    ElevenLabsCredentials,
    FalCredentials,
    OpenAICredentials,
    ProviderCredentials,
    ReplicateCredentials,
)

__all__ = [
    "BLOCKS",
    "ElevenLabsCredentials",
    "FalCredentials",
    "MediaBudget",
    "OpenAICredentials",
    "ProviderCredentials",
    "ReplicateCredentials",
    "credentials_in_use",
    "known_default_credentials",
    "load_default_credentials",
    "using_credentials",
]
