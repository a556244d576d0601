"""A folder of a mailbox that an account reads, and what its mail becomes."""

from __future__ import annotations

from dokos_mail import host


class IMAPFolder(host.base_class("IMAP Folder")):
	"""A row of Email Account. ``append_to`` empty means the account's.

	``uidvalidity`` and ``uidnext`` are the host's and stay as they are: the position we read from is kept apart, in
	Email Folder, because a form saved late would write old values back.
	"""

	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		append_condition: DF.SmallText | None
		append_to: DF.Link | None
		folder_name: DF.Data
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		uidnext: DF.Data | None
		uidvalidity: DF.Data | None
	# end: auto-generated types
