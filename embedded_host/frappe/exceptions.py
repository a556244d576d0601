"""The exceptions of the frappe API, with the HTTP status each one answers with."""

from __future__ import annotations


class ValidationError(Exception):
	http_status_code = 417


class AuthenticationError(Exception):
	http_status_code = 401


class SessionExpired(Exception):
	http_status_code = 401


class PermissionError(Exception):
	http_status_code = 403


class DoesNotExistError(ValidationError):
	http_status_code = 404


class NameError(Exception):
	http_status_code = 409


class OutgoingEmailError(Exception):
	http_status_code = 501


class CSRFTokenError(Exception):
	http_status_code = 400


class DuplicateEntryError(NameError): ...


class DataError(ValidationError): ...


class MandatoryError(ValidationError): ...


class NonNegativeError(ValidationError): ...


class CannotChangeConstantError(ValidationError): ...


class CharacterLengthExceededError(ValidationError): ...


class LinkValidationError(ValidationError): ...


class TimestampMismatchError(ValidationError): ...


class LinkExistsError(ValidationError): ...


class InvalidEmailAddressError(ValidationError): ...


class UniqueValidationError(ValidationError): ...


class AppNotInstalledError(ValidationError): ...


class IncorrectSitePath(Exception):
	http_status_code = 404


class ImplicitCommitError(ValidationError): ...


class SecurityException(Exception):
	http_status_code = 403


class InvalidColumnName(ValidationError): ...


class QueryDeadlockError(Exception): ...
