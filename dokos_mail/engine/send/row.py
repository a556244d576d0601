"""What a queued message is, given what became of each recipient. Pure: states in, state out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

WAITING, IN_FLIGHT, DEFERRED = "Waiting", "In Flight", "Deferred"
SENT, REFUSED, UNCERTAIN, CANCELLED, BOUNCED = "Sent", "Refused", "Uncertain", "Cancelled", "Bounced"
#: A recipient in one of these is still to be seen to.
OPEN = (WAITING, IN_FLIGHT, DEFERRED)
#: These got it, as far as the server that took it is concerned.
DONE = (SENT, BOUNCED)
#: What *Try Again* begins anew.
AGAIN = (DEFERRED, REFUSED, UNCERTAIN, CANCELLED, WAITING)

SENDING, PARTLY_REFUSED, PARTLY_BOUNCED = "Sending", "Partly Refused", "Partly Bounced"
#: States of a message that a server took for somebody.
LEFT = (SENT, PARTLY_REFUSED, BOUNCED, PARTLY_BOUNCED)


@dataclass(frozen=True)
class RowState:
	"""``status`` is the host's word for the message, ``state`` ours; ``send_after`` when there is more to do."""

	status: str
	state: str
	send_after: datetime | None = None


def state_of(status: str | None, delivery_state: str | None) -> str:
	"""A recipient's state, also where only the host has written anything (before this app, or beside it)."""
	if status == "Sent":
		return delivery_state if delivery_state in DONE else SENT
	return WAITING if delivery_state in (None, "", SENT) else delivery_state


def row_state(recipients: Sequence[tuple[str, datetime | None]]) -> RowState:
	"""The message's state from its recipients': each one's state and, where it waits, the time of its next try."""
	states = [state for state, _next in recipients]
	sent = any(state in DONE for state in states)
	if any(state in OPEN for state in states):
		times = [moment for state, moment in recipients if state in OPEN]
		after = min(filter(None, times)) if all(times) else None
		state = DEFERRED if all(state != WAITING for state in states if state in OPEN) else WAITING
		return RowState("Partially Sent" if sent else "Not Sent", state, after)
	if UNCERTAIN in states:
		return RowState("Error", UNCERTAIN)
	if REFUSED in states:
		return RowState("Error", PARTLY_REFUSED if sent else REFUSED)
	if CANCELLED in states:
		return RowState("Sent" if sent else "Expired", CANCELLED)
	if BOUNCED in states:
		return RowState("Sent", BOUNCED if all(state == BOUNCED for state in states) else PARTLY_BOUNCED)
	return RowState("Sent", SENT)
