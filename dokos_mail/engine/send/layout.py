"""The page around a mail's text: logo, title, text, foot.

A host that lays out mail itself marks the places with the class ``email-body`` and the attribute
``data-email-footer``; ours carries the same marks, so that one code fills both.
"""

from __future__ import annotations

import re
from html import escape

import css_inline

from .extents import Element, Extents, has_class

_FONT = "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:14px;line-height:1.5"


def page(content: str, *, title: str = "", heading: str = "", container: bool = False) -> str:
	"""The HTML of a mail around its text. ``container`` puts it into a narrow column, as notices have it."""
	heading = f'<tr><td><h1 class="email-header-title" style="font-size:18px">{escape(heading)}</h1></td></tr>' if heading else ""
	width = ' width="600" style="max-width:600px"' if container else ' width="100%"'
	return (
		'<!DOCTYPE html><html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8">'
		'<meta name="viewport" content="width=device-width, initial-scale=1">'
		f"<title>{escape(title)}</title></head>"
		f'<body style="{_FONT};color:#1f272e;margin:0"><table class="email-container" role="presentation" border="0" '
		f'cellpadding="0" cellspacing="0"{width}>{heading}'
		f'<tr><td class="email-body" style="padding:8px">{content}</td></tr>'
		'<tr><td data-email-footer="true" style="padding:8px"></td></tr></table></body></html>'
	)


def body_of(html: str) -> tuple[int, int]:
	"""Where the text of a laid out mail stands; the whole page's body, or everything, where nothing is marked."""
	found = Extents(html)
	marked = found.first(lambda element: has_class(element, "email-body"))
	if marked and marked.tag == "table":
		cell = found.first(lambda element: element.tag == "td" and element.start > marked.start and element.end <= marked.end)
		marked = cell or marked
	chosen = marked or found.first(lambda element: element.tag == "body")
	return (chosen.inner_start, chosen.inner_end) if chosen else (0, len(html))


def with_footer(html: str, footer: str) -> str:
	"""The page with this foot in the place of the host's own; what an app put there beside it stays."""
	found = Extents(html)
	own = found.first(lambda element: has_class(element, "email-footer-container"))
	if own:
		return html[: own.start] + footer + html[own.end :]
	place = found.first(lambda element: "data-email-footer" in element.attributes)
	at = place.inner_end if place else _last(found)
	return html[:at] + footer + html[at:]


def with_logo(html: str, address: str, home: str) -> str:
	"""The page with the brand's logo above everything, once."""
	found = Extents(html)
	if found.first(lambda element: element.tag == "img" and has_class(element, "brand-logo")):
		return html
	logo = (
		f'<div class="email-logo" style="padding:8px 0"><a href="{escape(home)}">'
		f'<img class="brand-logo" src="{escape(address)}" alt="" height="40" style="border:0"></a></div>'
	)
	page_ = found.first(lambda element: element.tag == "body")
	at = page_.inner_start if page_ else 0
	return html[:at] + logo + html[at:]


def _last(found: Extents) -> int:
	page_: Element | None = found.first(lambda element: element.tag == "body")
	return page_.inner_end if page_ else len(found.html)


def css_inlined(html: str, sheets: str = "") -> str:
	"""Style sheets as attributes, since many mail programs heed nothing else. Loads nothing: ``<link>`` is removed.

	Rules that cannot be attributes, such as those for narrow screens, stay in a ``<style>``.
	"""
	inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True, extra_css=sheets or None)
	return inliner.inline(html)


_RELATIVE = re.compile(r"""(\s(?:href|src|background)\s*=\s*["']?)/(?![/"'])""", re.I)


def absolute(html: str, home: str) -> str:
	"""The page with addresses of the site in full, since a mail is not read on the site."""
	return _RELATIVE.sub(lambda found: f"{found[1]}{home.rstrip('/')}/", html)
