"""Prefect tasks: calls to models, and local media operations."""
