"""`frappe.sendmail`: the host checks the arguments; the app that sends mail names its function in the hook `sendmail`."""

from __future__ import annotations

import inspect
from typing import Any

from frappe.host.apps import get_attr, get_hooks

PARAMETERS = (
	"recipients sender subject message as_markdown delayed reference_doctype reference_name unsubscribe_method unsubscribe_params "
	"unsubscribe_message add_unsubscribe_link attachments content doctype name reply_to queue_separately cc bcc message_id "
	"in_reply_to send_after expose_recipients send_priority communication retry now read_receipt is_notification inline_images "
	"template args header print_letterhead with_container email_read_tracker_url x_priority email_headers raw_html add_css_inline"
).split()
_SIGNATURE = inspect.Signature(
	[inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None) for name in PARAMETERS]
)


def sendmail(*args: Any, **kwargs: Any) -> Any:
	"""Queue a mail. TypeError for an argument the real call does not have; an error that says so where no app sends mail."""
	given = _SIGNATURE.bind(*args, **kwargs).arguments
	methods = get_hooks("sendmail")
	if not methods:
		raise NotImplementedError("frappe.sendmail: no installed app sends mail (none names a function in its hook `sendmail`)")
	return get_attr(methods[-1])(**given)
