"""SQL functions for `frappe.qb`: PyPika's, and the few that frappe adds."""

from __future__ import annotations

from pypika.functions import *  # noqa: F403
