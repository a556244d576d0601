"""What a form does beside saving."""

from __future__ import annotations

from typing import Any

import frappe


@frappe.whitelist(methods=["POST", "PUT"])
def add_comment(reference_doctype: str, reference_name: str, content: str, comment_email: str, comment_by: str) -> Any:
	"""Insert a comment on a document that the user may read."""
	frappe.get_doc(reference_doctype, reference_name).check_permission()
	values = {"reference_doctype": reference_doctype, "reference_name": reference_name, "content": content}
	comment = {
		"doctype": "Comment",
		"comment_type": "Comment",
		"comment_email": comment_email,
		"comment_by": comment_by,
		**values,
	}
	return frappe.get_doc(comment).insert(ignore_permissions=True)
