"""What can be wrong with a file."""

from __future__ import annotations

from frappe.exceptions import ValidationError


class MaxFileSizeReachedError(ValidationError): ...
