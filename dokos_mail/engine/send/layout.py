"""The page around a mail's text: logo, title, text, foot.

A host that lays out mail itself marks the places with the class ``email-body`` and the attribute
``data-email-footer``; ours carries the same marks, so that one code fills both.
"""

from __future__ import annotations

import re
from html import escape

import css_inline

from .extents import Element, Extents, has_class

_FONT = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
#: Fonts are said on each cell, since Outlook hands none down into tables; what is in ``@media`` stays a style sheet.
#: Filters also take a page of few octets with a picture in it, such as a logo, for an advertisement.
_STYLES = f"""
body {{ margin: 0; padding: 0; color: #1f272e; background-color: #ffffff; font-family: {_FONT}; font-size: 14px; line-height: 1.5;
 -webkit-text-size-adjust: 100%; -ms-text-size-adjust: 100% }}
table.email-page, table.email-container {{ border-collapse: collapse; mso-table-lspace: 0; mso-table-rspace: 0; font-family: {_FONT};
 font-size: 14px; line-height: 1.5 }}
td.email-page-cell, td.email-header, td.email-body, td.email-foot {{ font-family: {_FONT}; line-height: 1.5; text-align: left;
 vertical-align: top; word-break: break-word; overflow-wrap: break-word }}
td.email-header {{ padding: 8px 16px; font-size: 14px }}
td.email-body {{ padding: 8px 16px; font-size: 14px; color: #1f272e }}
td.email-foot {{ padding: 8px 16px 16px 16px; font-size: 12px; color: #687178 }}
.email-header-title {{ margin: 0; font-size: 18px; font-weight: 600; line-height: 1.4 }}
.email-body img {{ max-width: 100%; height: auto }}
.email-body blockquote {{ margin: 0 0 0 4px; padding: 0 0 0 12px; border-left: 2px solid #dce0e3; color: #505a62 }}
.email-body pre {{ white-space: pre-wrap; font-family: Consolas,Menlo,monospace }}
.ql-editor p {{ margin: 0 }}
@media only screen and (max-width: 640px) {{
 table.email-container {{ width: 100% !important; max-width: 100% !important }}
 .email-logo, td.email-header, td.email-body, td.email-foot {{ padding-left: 8px !important; padding-right: 8px !important }}
 .email-header-title {{ font-size: 16px !important }}
 .email-body blockquote {{ margin-left: 0 !important; padding-left: 8px !important }}
 img {{ max-width: 100% !important; height: auto !important }}
}}
@media print {{ .email-unsubscribe, .email-pixel {{ display: none !important }} a {{ color: #1f272e !important; text-decoration: none !important }} }}
"""


#: Outlook on Windows draws mail with Word: it needs to be told the scale of pictures, and takes no list of fonts.
_FOR_OUTLOOK = (
	"<!--[if mso]><style>body, table, td, p, a { font-family: Arial, Helvetica, sans-serif !important } "
	"p { mso-line-height-rule: exactly } table { border-collapse: collapse }</style>"
	"<xml><o:OfficeDocumentSettings><o:AllowPNG/><o:PixelsPerInch>96</o:PixelsPerInch></o:OfficeDocumentSettings></xml><![endif]-->"
)


def page(content: str, *, title: str = "", heading: str = "", container: bool = False) -> str:
	"""The HTML of a mail around its text. ``container`` puts it into a narrow column, as notices have it."""
	heading = f'<tr><td class="email-header"><h1 class="email-header-title">{escape(heading)}</h1></td></tr>' if heading else ""
	width = 'width="600" style="width:600px;max-width:600px"' if container else 'width="100%"'
	table = 'role="presentation" border="0" cellpadding="0" cellspacing="0"'
	return (
		'<!DOCTYPE html><html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8">'
		'<meta name="viewport" content="width=device-width, initial-scale=1">'
		'<meta name="format-detection" content="telephone=no, date=no, address=no, email=no">'
		'<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
		'<meta name="x-apple-disable-message-reformatting">'
		f"<title>{escape(title)}</title><style>{_STYLES}</style>{_FOR_OUTLOOK}</head>"
		f'<body><table class="email-page" {table} width="100%"><tr><td class="email-page-cell">'
		f'<table class="email-container" {table} {width}>{heading}'
		f'<tr><td class="email-body">{content}</td></tr>'
		'<tr><td class="email-foot" data-email-footer="true"></td></tr></table></td></tr></table></body></html>'
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
	# our page has its margins in its cells, a host's around everything
	own = found.first(lambda element: has_class(element, "email-page"))
	logo = (
		f'<div class="email-logo" style="padding:{"16px 16px 8px 16px" if own else "0 0 8px 0"}"><a href="{escape(home)}">'
		f'<img class="brand-logo" src="{escape(address)}" alt="" height="40" style="border:0"></a></div>'
	)
	page_ = found.first(lambda element: element.tag == "body")
	at = page_.inner_start if page_ else 0
	return html[:at] + logo + html[at:]


def _last(found: Extents) -> int:
	page_: Element | None = found.first(lambda element: element.tag == "body")
	return page_.inner_end if page_ else len(found.html)


_LINK = re.compile(r"<link\b[^>]*>", re.I)


_SCRIPT = re.compile(r"<script\b[^<>]*>.*?</script\s*>", re.I | re.S)
#: Of what is drawn in a mail nothing is shown either, and what it leaves open swallows as much.
_SCRIPT_MARK = re.compile(r"</?(?:script|svg|math)\b[^<>]*>?", re.I)


_STYLE = re.compile(r"<style>(.*?)</style>", re.S)
_BETWEEN_RULES = re.compile(r"(?<=\})\s*(?=@)")


def _each_once(style: re.Match[str]) -> str:
	"""The rules that stay, each once: a page whose styles are inlined again has those of the first time as well."""
	return f"<style>{' '.join(dict.fromkeys(_BETWEEN_RULES.split(style[1].strip())))}</style>"


def css_inlined(html: str, sheets: str = "") -> str:
	"""Style sheets as attributes, since many mail programs heed nothing else. Loads nothing: ``<link>`` is removed.

	Scripts, which no mail program runs, are removed: one that is not closed would swallow all that stands below it.
	Rules that cannot be attributes, such as those for narrow screens, stay in a ``<style>``.
	"""
	html = _SCRIPT_MARK.sub("", _SCRIPT.sub("", html))
	inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True, extra_css=sheets or None)
	try:
		return _STYLE.sub(_each_once, inliner.inline(html), count=1)
	except css_inline.InlineError:
		# one broken rule or attribute; what it is in is shown as it was written
		return _LINK.sub("", html)


_RELATIVE = re.compile(r"""(\s(?:href|src|background)\s*=\s*["']?)/(?![/"'])""", re.I)


def absolute(html: str, home: str) -> str:
	"""The page with addresses of the site in full, since a mail is not read on the site."""
	return _RELATIVE.sub(lambda found: f"{found[1]}{home.rstrip('/')}/", html)
