"""How long the simulated providers take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..errors import ConfigurationError

__all__ = ["Latency"]


@dataclass(frozen=True)
class Latency:
    """Times in seconds.

    Attributes:
        answer: Before any request is answered.
        queue: How long a job waits.
        run: How long a job runs; a synchronous provider answers after it.
        spread: How much longer it may run, by chance: evenly between `run` and `run + spread`.
        typical: When positive, a job runs so many times the model's usual time instead of `run`.
    """

    answer: float = 0.0
    queue: float = 0.0
    run: float = 0.05
    spread: float = 0.0
    typical: float = 0.0

    def run_s(self, usual_s: float, chance: float = 0.0) -> float:
        """Return how long a job runs, given its model's usual time and a chance between 0 and 1."""
        return (self.typical * usual_s if self.typical else self.run) + self.spread * chance

    @staticmethod
    def parse(value: Latency | float | str | Mapping[str, Any] | None) -> Latency:
        """Read a number (`run`), a range (`1-5`), a mapping, or text such as `queue=2,run=10` or `typical=0.1`.

        Raises:
            ConfigurationError: It is none of these, or negative.
        """
        if isinstance(value, Latency):
            return value
        names = [field.name for field in fields(Latency)]
        try:
            if isinstance(value, str) and "=" in value:
                value = dict(part.split("=", 1) for part in value.replace(" ", "").split(",") if part)
            elif isinstance(value, str) and "-" in value:
                least, _, most = value.partition("-")
                value = {"run": float(least), "spread": float(most) - float(least)}
            parts: Mapping[str, Any] = value if isinstance(value, Mapping) else {} if value is None else {"run": value}
            times = {name: float(number) for name, number in parts.items()}
            if set(times) <= set(names) and all(number >= 0 for number in times.values()):
                return Latency(**times)
        except ValueError:
            pass
        raise ConfigurationError(
            f"Cannot use latency {value!r}. Give seconds, a range such as '1-5', or name=seconds pairs of {', '.join(names)} such as 'queue=2,run=10'."
        )
