"""HTML that may be shown."""

from __future__ import annotations

import json
import re
from typing import Any

import nh3

#: What begins a tag, a comment or a declaration: without one there is no HTML.
_MARKUP = re.compile("<[A-Za-z/!?]")
_TAGS = nh3.ALLOWED_TAGS | {
	"html",
	"head",
	"body",
	"style",
	"font",
	"section",
	"button",
	"center",
	"label",
	"figure",
	"video",
	"audio",
}
_TAGS -= {"script"}
_ATTRIBUTES = {
	"*": {"class", "id", "style", "title", "align", "width", "height", "bgcolor", "color", "dir", "lang", "name", "role"}
}
for _tag, _names in nh3.ALLOWED_ATTRIBUTES.items():
	_ATTRIBUTES[_tag] = set(_names) | _ATTRIBUTES.get(_tag, set())
_ATTRIBUTES["a"] = _ATTRIBUTES.get("a", set()) | {"href", "target"}
_ATTRIBUTES["img"] = _ATTRIBUTES.get("img", set()) | {"src", "alt", "border"}
_SCHEMES = {"http", "https", "mailto", "tel", "cid", "data", "ftp", "xmpp", "callto", "sms"}


def is_json(text: str) -> bool:
	try:
		json.loads(text)
	except ValueError:
		return False
	return True


def sanitize_html(html: Any, linkify: bool = False, always_sanitize: bool = False, **kwargs: Any) -> Any:
	"""Without scripts, handlers and other active content. What is no HTML, or is JSON, stays as it is."""
	if not isinstance(html, str) or "<" not in html:
		return html
	if not always_sanitize and (not _MARKUP.search(html) or is_json(html)):
		return html
	return nh3.clean(
		html,
		tags=_TAGS,
		clean_content_tags={"script"},
		attributes=_ATTRIBUTES,
		generic_attribute_prefixes={"data-"},
		url_schemes=_SCHEMES,
		link_rel=None,
		strip_comments=False,
	)
