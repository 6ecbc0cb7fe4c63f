"""The caller asked for what cannot be done, or may not."""

from __future__ import annotations

from deskmind.errors._base import DeskmindError

__all__ = [
    "AuthenticationError",
    "ClaimLostError",
    "ConflictError",
    "ContentBlockedError",
    "ConversationNotFoundError",
    "DocumentError",
    "DocumentTooLargeError",
    "EncryptedDocumentError",
    "InsufficientScopeError",
    "InvalidRequestError",
    "KeyReusedError",
    "LegalHoldError",
    "LimitExceededError",
    "NotFoundError",
    "PermissionDeniedError",
    "PreconditionFailedError",
    "PrincipalNotFoundError",
    "PromptError",
    "PromptNotFoundError",
    "PromptRenderError",
    "PromptSyntaxError",
    "PromptVariableError",
    "QuestionTooLongError",
    "RequestInProgressError",
    "ResultLostError",
    "StreamGoneError",
    "SuppressedError",
    "TenantNotFoundError",
    "UnreadableDocumentError",
    "UnsupportedDocumentError",
]


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


class StreamGoneError(NotFoundError):
    """The stream of an answer is not kept any more, or elsewhere."""

    code, status, title = "stream-gone", 410, "The stream cannot be gone on with"


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


class ClaimLostError(ConflictError):
    """A request that is to be done once was taken over by another attempt; this one changes nothing."""

    code, title = "claim-lost", "The request was taken over"


class KeyReusedError(InvalidRequestError):
    """An ``Idempotency-Key`` was used for another request before."""

    code, title = "idempotency-key-reused", "The Idempotency-Key belongs to another request"


class RequestInProgressError(ConflictError):
    """The same request is under way. The details carry ``retry_after`` in seconds."""

    code, title, exit_code = "request-in-progress", "The request is under way", 75


class ResultLostError(ConflictError):
    """A request was done, and its response was lost with the process that did it."""

    code, title = "result-lost", "The request was done, its response is lost"


class PreconditionFailedError(ConflictError):
    """The resource is not what ``If-Match`` expects."""

    code, status, title = "precondition-failed", 412, "The resource was changed meanwhile"


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


class InsufficientScopeError(PermissionDeniedError):
    """A token's scopes permit too little. The details carry ``scope``, which would permit it."""

    code = "insufficient-scope"


class LimitExceededError(DeskmindError):
    """More requests came than a limit admits. The details carry ``limit`` and ``retry_after`` in seconds."""

    code, status, title, exit_code = "limit-exceeded", 429, "Too many requests", 75
