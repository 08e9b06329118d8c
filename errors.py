"""Every error that prefect-media raises on purpose.

    PrefectMediaError
      ConfigurationError (+ValueError)      the user can fix it; raised before anything is spent; never retried
        MissingCredentialsError
        MissingExtraError (+ImportError)
        UnknownAdapterError (+LookupError)
        UnknownModelError (+LookupError)
        ParameterError                      a parameter of a call or a local operation
        CardError                           a model card that does not validate
        RowsError                           a file of rows; carries every problem found
        PlanError                           a plan with problems; carries every one of them
      MediaError                            bad bytes or media that cannot be used; never retried
        ProbeError                          not readable as media
        UnsupportedMediaError               readable, but not something we handle
        MediaLimitError                     over a size, pixel, duration or stream limit
        DecodeError
        EncodeError
        MediaMissingError (+FileNotFoundError)
        MediaCorruptError                   stored bytes no longer match their digest
      ProviderError                         carries provider, model, remote_id, status_code
        TransientProviderError              the only branch that is retried
          RateLimitedError                  carries retry_after_s
          ProviderTimeoutError (+TimeoutError)
          ProviderUnavailableError
        PermanentProviderError
          AuthenticationError
          RequestRejectedError              the provider refused the request as invalid
          ContentRejectedError              the provider's content policy refused it
          QuotaExceededError                no money or quota left at the provider
          JobFailedError                    the remote job ran and failed
          JobCanceledError                  the remote job was canceled
      OutputMismatchError                   the provider answered, but not with what was promised
        DegenerateOutputError               black picture, silence, frozen video, empty file
      BudgetExceeded                        nothing was sent
      SubmissionUnknown                     whether a paid request was accepted is not known
      CallsFailed                           a model and all its fallbacks failed; carries each error
      LedgerError                           the ledger's database cannot be used
        ClaimLostError                      another process has taken the call over
        CallOrderError                      a call was moved in an order that its life does not allow

Every error survives `pickle`, because a task's error crosses processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

__all__ = [
    "AuthenticationError",
    "BudgetExceeded",
    "CallOrderError",
    "CallsFailed",
    "CardError",
    "ClaimLostError",
    "ConfigurationError",
    "ContentRejectedError",
    "DecodeError",
    "DegenerateOutputError",
    "EncodeError",
    "JobCanceledError",
    "JobFailedError",
    "LedgerError",
    "MediaCorruptError",
    "MediaError",
    "MediaLimitError",
    "MediaMissingError",
    "MissingCredentialsError",
    "MissingExtraError",
    "OutputMismatchError",
    "ParameterError",
    "PermanentProviderError",
    "PlanError",
    "PrefectMediaError",
    "ProbeError",
    "ProviderError",
    "ProviderTimeoutError",
    "ProviderUnavailableError",
    "QuotaExceededError",
    "RateLimitedError",
    "RequestRejectedError",
    "RowsError",
    "SubmissionUnknown",
    "TransientProviderError",
    "UnknownAdapterError",
    "UnknownModelError",
    "UnsupportedMediaError",
]


def _restore(cls: type[PrefectMediaError], args: tuple[Any, ...], fields: dict[str, Any]) -> PrefectMediaError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(fields)
    return error


class PrefectMediaError(Exception):
    """Base of every error raised by prefect-media."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self.__dict__)


class ConfigurationError(PrefectMediaError, ValueError):
    """Something the user wrote or set is wrong; nothing was spent."""


class MissingCredentialsError(ConfigurationError):
    """A provider's key is neither in the environment nor in a block."""


class MissingExtraError(ConfigurationError, ImportError):
    """An optional dependency is not installed; the message names the extra."""


class UnknownAdapterError(ConfigurationError, LookupError):
    """No adapter goes by that name."""


class UnknownModelError(ConfigurationError, LookupError):
    """No card or family goes by that name."""


class ParameterError(ConfigurationError):
    """One or more parameters are missing, unknown or out of range."""

    def __init__(self, message: str, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems) or (message,)


class CardError(ConfigurationError):
    """A model card does not validate."""


class RowsError(ConfigurationError):
    """A file of rows cannot be run; `problems` holds one line for each thing wrong."""

    def __init__(self, message: str, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems) or (message,)


class PlanError(ConfigurationError):
    """A plan found problems; `problems` holds one line for each."""

    def __init__(self, message: str, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems) or (message,)


class MediaError(PrefectMediaError):
    """Media bytes are bad or cannot be used."""


class ProbeError(MediaError):
    """The bytes cannot be read as media."""


class UnsupportedMediaError(MediaError):
    """The bytes are readable, but of a kind or format that is not handled."""


class MediaLimitError(MediaError):
    """Media is over a size, pixel, duration or stream limit."""


class DecodeError(MediaError):
    """Media opened, but its content does not decode."""


class EncodeError(MediaError):
    """Media could not be written.

    Attributes:
        command: Shell command that reproduces the failure, when a program failed.
        log: Last lines that the program wrote.
        reason: `failed`, `cancelled`, `deadline`, `stall`, or `wrong` for an output that is not what was asked.
    """

    def __init__(self, message: str, *, command: str = "", log: Sequence[str] = (), reason: str = "failed") -> None:
        super().__init__(message)
        self.command = command
        self.log = tuple(log)
        self.reason = reason


class MediaMissingError(MediaError, FileNotFoundError):
    """The store no longer holds the bytes that a media value refers to."""


class MediaCorruptError(MediaError):
    """Stored bytes no longer match their digest."""


class ProviderError(PrefectMediaError):
    """A provider answered with an error, or did not answer.

    Attributes:
        provider: Adapter name, for example `fal`.
        model: Card id, when known.
        remote_id: The provider's id of the job or request, when known.
        status_code: HTTP status, when there was an answer.
        billed: Whether the provider charges for this outcome; None when it is not known.
    """

    def __init__(
        self,
        message: str,
        *,
        provider: str = "",
        model: str | None = None,
        remote_id: str | None = None,
        status_code: int | None = None,
        billed: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.provider = provider
        self.model = model
        self.remote_id = remote_id
        self.status_code = status_code
        self.billed = billed


class TransientProviderError(ProviderError):
    """The same request may succeed later.

    Attributes:
        retry_after_s: Seconds the provider asked to wait, when it did.
        accepted: False when the request surely did not reach the model, so sending it again cannot be a second
            purchase; None when that is not known.
    """

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, accepted: bool | None = None, **fields: Any
    ) -> None:
        super().__init__(message, **fields)
        self.retry_after_s = retry_after_s
        self.accepted = accepted


class RateLimitedError(TransientProviderError):
    """Too many requests, or too many at once."""


class ProviderTimeoutError(TransientProviderError, TimeoutError):
    """The provider did not answer in time."""


class ProviderUnavailableError(TransientProviderError):
    """The provider could not be reached, or answered that it is overloaded or broken."""


class PermanentProviderError(ProviderError):
    """The same request will not succeed later."""


class AuthenticationError(PermanentProviderError):
    """The provider did not accept the key."""


class RequestRejectedError(PermanentProviderError):
    """The provider refused the request as invalid."""


class ContentRejectedError(PermanentProviderError):
    """The provider's content policy refused the request or its result."""


class QuotaExceededError(PermanentProviderError):
    """The account has no money or quota left."""


class JobFailedError(PermanentProviderError):
    """The remote job ran and failed."""


class JobCanceledError(PermanentProviderError):
    """The remote job was canceled."""


class OutputMismatchError(PrefectMediaError):
    """The provider answered, but not with what was promised (wrong kind, wrong size, truncated)."""


class DegenerateOutputError(OutputMismatchError):
    """The output is readable but worthless: one colour, silent, frozen, or empty."""


class BudgetExceeded(PrefectMediaError):  # noqa: N818 - fixed public name
    """A reservation did not fit under a budget's cap; nothing was sent.

    Attributes:
        budget: Name of the budget.
        cap, spent, reserved: The budget in USD at that moment, when known.
        asked: What was to be reserved, in USD; None for a call without a price.
    """

    def __init__(
        self,
        message: str,
        *,
        budget: str = "",
        cap: Decimal | None = None,
        spent: Decimal | None = None,
        reserved: Decimal | None = None,
        asked: Decimal | None = None,
    ) -> None:
        super().__init__(message)
        self.budget = budget
        self.cap = cap
        self.spent = spent
        self.reserved = reserved
        self.asked = asked


class SubmissionUnknown(PrefectMediaError):  # noqa: N818 - fixed public name
    """A paid request was sent, its answer was lost, and look-up could not tell whether it was accepted.

    Attributes:
        call_key: Key of the held call; `prefect-media calls resolve KEY --as ...` settles it.
    """

    def __init__(self, message: str, *, call_key: str = "") -> None:
        super().__init__(message)
        self.call_key = call_key


class CallsFailed(PrefectMediaError):  # noqa: N818 - reads as an outcome
    """A model and every fallback failed.

    Attributes:
        errors: One error for each model tried, in order.
    """

    def __init__(self, message: str, errors: Sequence[BaseException] = ()) -> None:
        super().__init__(message)
        self.errors = tuple(errors)


class LedgerError(PrefectMediaError):
    """The ledger's database is damaged, full, locked for too long, or out of reach."""


class ClaimLostError(LedgerError):
    """The claim on a call expired and another process has taken the call over.

    Attributes:
        call_key: Key of the call. Claim it again: the answer is its result, its new owner, or the claim.
    """

    def __init__(self, message: str, *, call_key: str = "") -> None:
        super().__init__(message)
        self.call_key = call_key


class CallOrderError(LedgerError):
    """A call was moved in an order that its life does not allow; nothing was written."""
