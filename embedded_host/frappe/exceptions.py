"""The exceptions of the frappe API, with the HTTP status each one answers with."""

from __future__ import annotations


class SiteNotSpecifiedError(Exception): ...


class ValidationError(Exception):
	http_status_code = 417


class FrappeTypeError(TypeError):
	http_status_code = 417


class AuthenticationError(Exception):
	http_status_code = 401


class SessionExpired(Exception):
	http_status_code = 401


class PermissionError(Exception):
	http_status_code = 403


class DoesNotExistError(ValidationError):
	http_status_code = 404


class PageDoesNotExistError(ValidationError):
	http_status_code = 404


class NameError(Exception):
	http_status_code = 409


class OutgoingEmailError(Exception):
	http_status_code = 501


class SessionStopped(Exception):
	http_status_code = 503


class UnsupportedMediaType(Exception):
	http_status_code = 415


class Redirect(Exception):
	http_status_code = 301


class CSRFTokenError(Exception):
	http_status_code = 400


class TooManyRequestsError(Exception):
	http_status_code = 429


class DuplicateEntryError(NameError): ...


class DataError(ValidationError): ...


class MandatoryError(ValidationError): ...


class NonNegativeError(ValidationError): ...


class InvalidSignatureError(ValidationError): ...


class RateLimitExceededError(ValidationError): ...


class CannotChangeConstantError(ValidationError): ...


class CharacterLengthExceededError(ValidationError): ...


class UpdateAfterSubmitError(ValidationError): ...


class LinkValidationError(ValidationError): ...


class CancelledLinkError(LinkValidationError): ...


class DocstatusTransitionError(ValidationError): ...


class TimestampMismatchError(ValidationError): ...


class EmptyTableError(ValidationError): ...


class LinkExistsError(ValidationError): ...


class InvalidEmailAddressError(ValidationError): ...


class InvalidNameError(ValidationError): ...


class InvalidPhoneNumberError(ValidationError): ...


class TemplateNotFoundError(ValidationError): ...


class UniqueValidationError(ValidationError): ...


class AppNotInstalledError(ValidationError): ...


class IncorrectSitePath(Exception):
	http_status_code = 404


class ImplicitCommitError(ValidationError): ...


class RetryBackgroundJobError(Exception): ...


class DocumentLockedError(ValidationError): ...


class SecurityException(Exception):
	http_status_code = 403


class InvalidColumnName(ValidationError): ...


class DataTooLongException(ValidationError): ...


class FileAlreadyAttachedException(Exception): ...


class AttachmentLimitReached(ValidationError): ...


class QueryTimeoutError(Exception): ...


class QueryDeadlockError(Exception): ...


class InReadOnlyMode(ValidationError):
	http_status_code = 503
