"""`python -m frappe` is `bench`."""

from __future__ import annotations

from frappe.bench import run

run()
