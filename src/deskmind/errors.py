"""The error tree.

Every error says what happened, why, and what to do about it, and maps to one RFC 9457 problem type::

    DeskmindError
    ├── ConfigurationError            settings cannot be used as they are
    │   ├── MissingExtraError         an optional package is not installed
    │   └── KeyringError              a key is missing, unreadable or too widely readable
    ├── InvalidRequestError           the caller's input cannot be accepted
    │   ├── QuestionTooLongError
    │   ├── ContentBlockedError       the text holds what the redaction policy refuses
    │   ├── PromptError               a prompt cannot be made or used like this
    │   │   ├── PromptSyntaxError
    │   │   ├── PromptVariableError
    │   │   └── PromptRenderError
    │   └── DocumentError             one document cannot be taken in
    │       ├── DocumentTooLargeError
    │       ├── UnsupportedDocumentError
    │       ├── UnreadableDocumentError
    │       └── EncryptedDocumentError
    ├── NotFoundError                 the named thing does not exist for this desk
    │   ├── TenantNotFoundError
    │   ├── PrincipalNotFoundError
    │   ├── PromptNotFoundError
    │   └── ConversationNotFoundError
    ├── ConflictError                 the thing exists already, or changed meanwhile
    │   ├── LegalHoldError            a legal hold forbids to remove it
    │   └── SuppressedError           it would bring back a person who was erased
    ├── AuthenticationError           who is asking could not be established
    ├── PermissionDeniedError         who is asking may not do this
    ├── LimitExceededError            more requests than a limit admits
    ├── UnavailableError              a part we depend on does not answer
    │   ├── OverloadedError           too many requests are under way
    │   ├── DatabaseUnavailableError
    │   │   └── EmbeddedServerError
    │   ├── StorageFullError
    │   └── EmbedderUnavailableError
    ├── ModelError                    a model call did not succeed
    │   ├── RateLimitedError          the provider wants fewer calls
    │   ├── ContextTooLongError       the request exceeds what the model can read, by its word or by our count
    │   ├── ContentFilteredError      the provider refuses the content
    │   ├── ProviderAuthenticationError   the provider refuses our credentials
    │   ├── ModelTimeoutError         no answer in time
    │   ├── ModelUnavailableError     no deployment could be reached
    │   │   └── StreamBrokenError     a stream ended in the middle
    │   ├── ModelRequestError         the provider finds the request wrong
    │   └── BudgetExceededError       the call would exceed a budget
    │       └── UnknownPriceError     a budget in dollars, and no price
    ├── SourceError                   a connected system did not do what it was asked
    │   ├── SourceAuthenticationError     it refuses our credentials
    │   ├── SourcePermissionError         our credentials may not do this
    │   ├── SourceRequestError            it finds the request wrong
    │   ├── SourceRateLimitedError        it wants fewer requests
    │   ├── SourceUnavailableError        it does not answer, or not in time
    │   ├── SourceReplyError              its answer cannot be used: truncated, not JSON, too large
    │   ├── ForbiddenAddressError         an address that is not the configured system's; nothing was sent
    │   └── OutcomeUnknownError           whether a write was done is not known
    ├── AgentError                    a run of an agent did not come to its end
    │   ├── AgentLimitError               it would exceed its limits
    │   ├── AgentOutputError              the model gave no output of the wanted form
    │   ├── AgentCancelledError           somebody cancelled it
    │   ├── LeaseLostError                another worker has taken the run over
    │   ├── StepFailedError               a step of a workflow failed, also when tried again
    │   └── WorkflowChangedError          a run cannot go on: its workflow is not the one it began as
    ├── TriageModelError              a stored triage model is damaged, or of another format
    ├── SchemaVersionError            database and release do not fit together
    └── UncacheableValueError         a value does not survive the codec of its cache
"""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = [
    "AgentCancelledError",
    "AgentError",
    "AgentLimitError",
    "AgentOutputError",
    "AuthenticationError",
    "BudgetExceededError",
    "ConfigurationError",
    "ConflictError",
    "ContentBlockedError",
    "ContentFilteredError",
    "ContextTooLongError",
    "ConversationNotFoundError",
    "DatabaseUnavailableError",
    "DeskmindError",
    "DocumentError",
    "DocumentTooLargeError",
    "EmbeddedServerError",
    "EmbedderUnavailableError",
    "EncryptedDocumentError",
    "ForbiddenAddressError",
    "InvalidRequestError",
    "KeyringError",
    "LeaseLostError",
    "LegalHoldError",
    "LimitExceededError",
    "MissingExtraError",
    "ModelError",
    "ModelRequestError",
    "ModelTimeoutError",
    "ModelUnavailableError",
    "NotFoundError",
    "OutcomeUnknownError",
    "OverloadedError",
    "PermissionDeniedError",
    "PrincipalNotFoundError",
    "PromptError",
    "PromptNotFoundError",
    "PromptRenderError",
    "PromptSyntaxError",
    "PromptVariableError",
    "ProviderAuthenticationError",
    "QuestionTooLongError",
    "RateLimitedError",
    "SchemaVersionError",
    "SourceAuthenticationError",
    "SourceError",
    "SourcePermissionError",
    "SourceRateLimitedError",
    "SourceReplyError",
    "SourceRequestError",
    "SourceUnavailableError",
    "StepFailedError",
    "StorageFullError",
    "StreamBrokenError",
    "SuppressedError",
    "TenantNotFoundError",
    "TriageModelError",
    "UnavailableError",
    "UncacheableValueError",
    "UnknownPriceError",
    "UnreadableDocumentError",
    "UnsupportedDocumentError",
    "WorkflowChangedError",
]


class DeskmindError(Exception):
    """Something Deskmind was asked to do did not happen.

    Attributes:
        what: what happened, one sentence.
        why: the cause, as far as it is known.
        remedy: what the reader can do next.
        details: facts safe to show to the caller (never content or secrets).
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, why: str = "", remedy: str = "", **details: Any) -> None:
        self.what = what
        self.why = why
        self.remedy = remedy
        self.details: dict[str, Any] = details
        super().__init__(what)

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.why, self.remedy) if part)

    def problem(self) -> dict[str, Any]:
        """The error as an RFC 9457 problem document."""
        return {
            "type": f"urn:deskmind:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": str(self),
            "remedy": self.remedy,
            **self.details,
        }


class ConfigurationError(DeskmindError):
    """Settings cannot be used as they are."""

    code, status, title, exit_code = "configuration", 500, "Configuration is not usable", 78


class MissingExtraError(ConfigurationError):
    """An optional package is needed and not installed."""

    code, title = "missing-extra", "An optional part is not installed"

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} is not installed.",
            why=f"It belongs to the extra '{extra}'.",
            remedy=f'Install it with: pip install "deskmind[{extra}]"',
        )


class KeyringError(ConfigurationError):
    """A key is missing, unreadable, or readable by others."""

    code, title = "keyring", "A key cannot be used"


class InvalidRequestError(DeskmindError):
    """The caller's input cannot be accepted."""

    code, status, title, exit_code = "invalid-request", 422, "The request is not valid", 65


class QuestionTooLongError(InvalidRequestError):
    """A question or query exceeds the configured length."""

    code, title = "question-too-long", "The question is too long"


class ContentBlockedError(InvalidRequestError):
    """The text holds data of a type that the redaction policy refuses."""

    code, title = "content-blocked", "The text holds data that may not be sent"
    status = 400


class PromptError(InvalidRequestError):
    """A prompt cannot be made or used like this."""

    code, title = "prompt", "The prompt cannot be used"


class PromptSyntaxError(PromptError):
    """A template is not written correctly, or uses what templates may not."""

    code, title = "prompt-syntax", "The prompt's template is not valid"


class PromptVariableError(PromptError):
    """A variable is missing, unknown, of the wrong type or too long."""

    code, title = "prompt-variable", "A variable of the prompt is not valid"


class PromptRenderError(PromptError):
    """A template cannot be rendered with these values, or within its limits."""

    code, title = "prompt-render", "The prompt cannot be rendered"


class DocumentError(InvalidRequestError):
    """One document cannot be taken in; others are unaffected."""

    code, title = "document", "The document cannot be read"


class DocumentTooLargeError(DocumentError):
    """A file, or what it unpacks to, exceeds the configured size."""

    code, status, title = "document-too-large", 413, "The document is too large"


class UnsupportedDocumentError(DocumentError):
    """No loader takes this kind of file."""

    code, status, title = "unsupported-document", 415, "This kind of document is not supported"


class UnreadableDocumentError(DocumentError):
    """The file is empty, broken, or not what its name says."""

    code, title = "unreadable-document", "The document cannot be read"


class EncryptedDocumentError(DocumentError):
    """The file needs a password."""

    code, title = "encrypted-document", "The document is encrypted"


class NotFoundError(DeskmindError):
    """The named thing does not exist, or not for this desk."""

    code, status, title, exit_code = "not-found", 404, "Not found", 66


class TenantNotFoundError(NotFoundError):
    """No tenant has this name."""

    code, title = "tenant-not-found", "The tenant does not exist"


class PrincipalNotFoundError(NotFoundError):
    """No user, service or group of the tenant has this name."""

    code, title = "principal-not-found", "The user does not exist"


class PromptNotFoundError(NotFoundError):
    """No prompt, version or label has this name."""

    code, title = "prompt-not-found", "The prompt does not exist"


class ConversationNotFoundError(NotFoundError):
    """The asker has no conversation of this id: it is not theirs, erased, expired, or never was."""

    code, title = "conversation-not-found", "The conversation does not exist"


class ConflictError(DeskmindError):
    """The thing exists already, or was changed by someone else."""

    code, status, title, exit_code = "conflict", 409, "Conflict", 73


class LegalHoldError(ConflictError):
    """A legal hold stands: nothing of the person, or of the tenant, may be removed."""

    code, title = "legal-hold", "A legal hold stands"


class SuppressedError(ConflictError):
    """The identifiers are those of a person who was erased."""

    code, title = "suppressed", "The person was erased"


class AuthenticationError(DeskmindError):
    """Who is asking could not be established."""

    code, status, title, exit_code = "authentication", 401, "Authentication is needed", 77


class PermissionDeniedError(DeskmindError):
    """Who is asking may not do this."""

    code, status, title, exit_code = "permission-denied", 403, "Not permitted", 77


class LimitExceededError(DeskmindError):
    """More requests came than a limit admits. The details carry ``limit`` and ``retry_after`` in seconds."""

    code, status, title, exit_code = "limit-exceeded", 429, "Too many requests", 75


class UnavailableError(DeskmindError):
    """A part Deskmind depends on does not answer."""

    code, status, title, exit_code = "unavailable", 503, "Temporarily unavailable", 69


class OverloadedError(UnavailableError):
    """Too many requests are under way; this one was not begun. The details carry ``retry_after`` in seconds."""

    code, title, exit_code = "overloaded", "The service is at its limit", 75


class DatabaseUnavailableError(UnavailableError):
    """PostgreSQL cannot be reached or refuses us."""

    code, title = "database-unavailable", "The database is unavailable"


class EmbeddedServerError(DatabaseUnavailableError):
    """The embedded PostgreSQL could not be started or stopped."""

    code, title = "embedded-server", "The embedded database is unavailable"


class StorageFullError(UnavailableError):
    """No space is left for data or temporary files."""

    code, status, title, exit_code = "storage-full", 507, "Storage is full", 74


class EmbedderUnavailableError(UnavailableError):
    """The embedding model cannot be used."""

    code, title = "embedder-unavailable", "The embedding model is unavailable"


class SchemaVersionError(DeskmindError):
    """The database schema and this release do not fit together."""

    code, status, title, exit_code = "schema-version", 503, "Database and release do not fit", 78


class ModelError(DeskmindError):
    """A model call did not succeed.

    The details carry ``model`` (the configured name), ``provider``, ``attempts`` (one line each: deployment,
    outcome, milliseconds), and ``retry_after`` in seconds where the provider named one.
    """

    code, status, title, exit_code = "model", 502, "The model call failed", 69


class RateLimitedError(ModelError):
    """The provider wants fewer calls."""

    code, status, title = "rate-limited", 429, "The provider limits the rate"


class ContextTooLongError(ModelError):
    """The request exceeds what the model can read, by the provider's word or by our own count."""

    code, status, title, exit_code = "context-too-long", 400, "The request is too long for the model", 65


class ContentFilteredError(ModelError):
    """The provider refuses the content."""

    code, status, title, exit_code = "content-filtered", 422, "The provider refused the content", 65


class ProviderAuthenticationError(ModelError):
    """The provider refuses our credentials."""

    code, status, title, exit_code = (
        "provider-authentication",
        502,
        "The provider refused our credentials",
        78,
    )


class ModelTimeoutError(ModelError):
    """The model did not answer in time."""

    code, status, title = "model-timeout", 504, "The model did not answer in time"


class ModelUnavailableError(ModelError):
    """No deployment of the model could be reached."""

    code, status, title = "model-unavailable", 503, "The model is unavailable"


class StreamBrokenError(ModelUnavailableError):
    """A stream ended in the middle; what had arrived was delivered."""

    code, status, title = "stream-broken", 502, "The stream broke off"


class ModelRequestError(ModelError):
    """The provider finds the request wrong."""

    code, status, title, exit_code = "model-request", 422, "The model request is not valid", 65


class BudgetExceededError(ModelError):
    """The call would exceed a budget; nothing was sent."""

    code, status, title, exit_code = "budget-exceeded", 429, "The budget is used up", 77


class UnknownPriceError(BudgetExceededError):
    """A budget in dollars applies and the price of the model is not known; nothing was sent."""

    code, title = "unknown-price", "The price of the model is unknown"


class SourceError(DeskmindError):
    """A connected system did not do what it was asked.

    The details carry ``source`` (its host), ``attempts``, and ``retry_after`` in seconds where it named one.
    """

    code, status, title, exit_code = "source", 502, "The connected system failed", 69


class SourceAuthenticationError(SourceError):
    """The connected system refuses our credentials."""

    code, title, exit_code = "source-authentication", "The connected system refused our credentials", 78


class SourcePermissionError(SourceError):
    """The credentials for the connected system may not do this."""

    code, title, exit_code = "source-permission", "The connected system does not permit it", 77


class SourceRequestError(SourceError):
    """The connected system finds the request wrong."""

    code, status, title, exit_code = "source-request", 422, "The connected system refused the request", 65


class SourceRateLimitedError(SourceError):
    """The connected system wants fewer requests."""

    code, status, title = "source-rate-limited", 429, "The connected system limits the rate"


class SourceUnavailableError(SourceError):
    """The connected system does not answer, or not in time."""

    code, status, title = "source-unavailable", 503, "The connected system is unavailable"


class SourceReplyError(SourceError):
    """The connected system's answer cannot be used: truncated, not JSON, too large, not as documented."""

    code, title = "source-reply", "The connected system's answer cannot be read"


class ForbiddenAddressError(SourceError):
    """An address that is not the configured system's; nothing was sent."""

    code, status, title, exit_code = "forbidden-address", 422, "The address is not permitted", 65


class OutcomeUnknownError(SourceError):
    """A write was sent and no answer came: whether it was done is not known. Reconcile it before sending again."""

    code, title = "outcome-unknown", "It is not known whether the write was done"


class AgentError(DeskmindError):
    """A run of an agent did not come to its end."""

    code, status, title, exit_code = "agent", 502, "The agent did not come to its end", 69


class AgentLimitError(AgentError):
    """A run would exceed its limit of steps, tokens, dollars, seconds or tool calls."""

    code, status, title = "agent-limit", 422, "The agent's limit is reached"


class AgentOutputError(AgentError):
    """A model gave no output of the wanted form, also when asked again."""

    code, title = "agent-output", "The agent gave no output of the wanted form"


class AgentCancelledError(AgentError):
    """Somebody cancelled the run."""

    code, status, title = "agent-cancelled", 409, "The run was cancelled"


class LeaseLostError(AgentError):
    """Another worker has taken the run over; what this one does no longer counts."""

    code, status, title = "lease-lost", 409, "Another worker has the run"


class StepFailedError(AgentError):
    """A step of a workflow failed, also when it was tried again; ``problem`` in the details is the code of its error."""

    code, status, title = "step-failed", 422, "A step of the workflow failed"


class WorkflowChangedError(AgentError):
    """A run meets other steps than those that are recorded: its workflow was changed, or does not do the same each time."""

    code, status, title = "workflow-changed", 409, "The workflow is not the one the run began as"


class TriageModelError(DeskmindError):
    """A stored triage model is damaged, not what was written, or of another format."""

    code, status, title, exit_code = "triage-model", 500, "The triage model cannot be used", 65


class UncacheableValueError(DeskmindError):
    """A value cannot be written by its cache's codec, or is not what is read back."""

    code, title = "uncacheable-value", "A value cannot be cached"
