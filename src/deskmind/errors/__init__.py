"""The error tree.

Every error says what happened, why, and what to do about it, and maps to one RFC 9457 problem type::

    DeskmindError
    ├── ConfigurationError            settings cannot be used as they are
    │   ├── MissingExtraError         an optional package is not installed
    │   └── KeyringError              a key is missing, unreadable or too widely readable
    ├── InvalidRequestError           the caller's input cannot be accepted
    │   ├── QuestionTooLongError
    │   ├── KeyReusedError            an Idempotency-Key of another request
    │   ├── NotRemoteError            a command for the service's own machine was given a server
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
    │   ├── ConversationNotFoundError
    │   └── StreamGoneError           the stream of an answer is not kept any more
    ├── ConflictError                 the thing exists already, or changed meanwhile
    │   ├── ClaimLostError            another attempt at the same request took over
    │   ├── RequestInProgressError    the same request is under way
    │   ├── ResultLostError           the request was done, its response is lost
    │   ├── PreconditionFailedError   the resource is not what If-Match expects
    │   ├── LegalHoldError            a legal hold forbids to remove it
    │   └── SuppressedError           it would bring back a person who was erased
    ├── AuthenticationError           who is asking could not be established
    ├── PermissionDeniedError         who is asking may not do this
    │   └── InsufficientScopeError    a token's scopes permit too little
    ├── LimitExceededError            more requests than a limit admits
    ├── UnavailableError              a part we depend on does not answer
    │   ├── OverloadedError           too many requests are under way
    │   ├── RequestTimeoutError       a request took too long
    │   ├── DatabaseUnavailableError
    │   │   └── EmbeddedServerError
    │   ├── StorageFullError
    │   ├── WorkerDiedError           its workers died while they did it
    │   ├── ServerUnreachableError    the service does not answer its client
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
    ├── ClosedError                   the client or application was closed
    ├── ServerReplyError              what answers a client is no service of ours, or of another release
    ├── SchemaVersionError            database and release do not fit together
    └── UncacheableValueError         a value does not survive the codec of its cache
"""

from __future__ import annotations

from deskmind.errors._agents import (
    AgentCancelledError,
    AgentError,
    AgentLimitError,
    AgentOutputError,
    LeaseLostError,
    StepFailedError,
    WorkflowChangedError,
)
from deskmind.errors._base import DeskmindError
from deskmind.errors._installation import (
    ConfigurationError,
    DatabaseUnavailableError,
    EmbeddedServerError,
    EmbedderUnavailableError,
    KeyringError,
    MissingExtraError,
    OverloadedError,
    RequestTimeoutError,
    SchemaVersionError,
    StorageFullError,
    UnavailableError,
    WorkerDiedError,
)
from deskmind.errors._models import (
    BudgetExceededError,
    ContentFilteredError,
    ContextTooLongError,
    ModelError,
    ModelRequestError,
    ModelTimeoutError,
    ModelUnavailableError,
    ProviderAuthenticationError,
    RateLimitedError,
    StreamBrokenError,
    UnknownPriceError,
)
from deskmind.errors._requests import (
    AuthenticationError,
    ClaimLostError,
    ConflictError,
    ContentBlockedError,
    ConversationNotFoundError,
    DocumentError,
    DocumentTooLargeError,
    EncryptedDocumentError,
    InsufficientScopeError,
    InvalidRequestError,
    KeyReusedError,
    LegalHoldError,
    LimitExceededError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionFailedError,
    PrincipalNotFoundError,
    PromptError,
    PromptNotFoundError,
    PromptRenderError,
    PromptSyntaxError,
    PromptVariableError,
    QuestionTooLongError,
    RequestInProgressError,
    ResultLostError,
    StreamGoneError,
    SuppressedError,
    TenantNotFoundError,
    UnreadableDocumentError,
    UnsupportedDocumentError,
)
from deskmind.errors._service import ClosedError, NotRemoteError, ServerReplyError, ServerUnreachableError
from deskmind.errors._sources import (
    ForbiddenAddressError,
    OutcomeUnknownError,
    SourceAuthenticationError,
    SourceError,
    SourcePermissionError,
    SourceRateLimitedError,
    SourceReplyError,
    SourceRequestError,
    SourceUnavailableError,
)
from deskmind.errors._stored import TriageModelError, UncacheableValueError

__all__ = [
    "AgentCancelledError",
    "AgentError",
    "AgentLimitError",
    "AgentOutputError",
    "AuthenticationError",
    "BudgetExceededError",
    "ClaimLostError",
    "ClosedError",
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
    "InsufficientScopeError",
    "InvalidRequestError",
    "KeyReusedError",
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
    "NotRemoteError",
    "OutcomeUnknownError",
    "OverloadedError",
    "PermissionDeniedError",
    "PreconditionFailedError",
    "PrincipalNotFoundError",
    "PromptError",
    "PromptNotFoundError",
    "PromptRenderError",
    "PromptSyntaxError",
    "PromptVariableError",
    "ProviderAuthenticationError",
    "QuestionTooLongError",
    "RateLimitedError",
    "RequestInProgressError",
    "RequestTimeoutError",
    "ResultLostError",
    "SchemaVersionError",
    "ServerReplyError",
    "ServerUnreachableError",
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
    "StreamGoneError",
    "SuppressedError",
    "TenantNotFoundError",
    "TriageModelError",
    "UnavailableError",
    "UncacheableValueError",
    "UnknownPriceError",
    "UnreadableDocumentError",
    "UnsupportedDocumentError",
    "WorkerDiedError",
    "WorkflowChangedError",
]
