"""Settings of the temporary Prefect server that a command starts when none is configured."""

from __future__ import annotations

import os

__all__ = ["prepare"]

QUIET = {
    # One database statement for many task runs instead of one each: 4 to 8 times less work for the server.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # Services for schedules and deployments have nothing to do in a server that lives for one command.
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}
LOGGING = {
    "PREFECT_LOGGING_LEVEL": "WARNING",
    # A failed row is told in one line by the command; the UI still gets the traceback.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
}


def prepare() -> None:
    """Set defaults for what the user has not set. Call before Prefect is imported: it reads them once."""
    for name, value in {**QUIET, **LOGGING}.items():
        os.environ.setdefault(name, value)
