"""HTML bodies made harmless: nothing runs, nothing is sent, nothing is loaded from elsewhere, nothing covers the page.

What stays is what a mail needs to look as meant: structure, tables, inline styles from an allow-list, links that open
elsewhere, images that came with the message. Remote images keep their address in ``data-remote-src`` (backgrounds in
``data-remote-background``), which no browser loads; the desk restores them when the reader agrees.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from html import escape
from urllib.parse import quote, unquote

import nh3

from .markup import bare_text, bounded

_TAGS = frozenset(
	"a abbr acronym address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del details "
	"dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nav ol p pre q "
	"rp rt ruby s samp section small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr".split()
)
#: Elements that go with all they hold: their text is not meant for the reader.
_DROPPED = frozenset(
	"script style title template noscript iframe frame frameset object embed applet audio video canvas svg math select textarea xmp noembed".split()
)
_ATTRIBUTES: dict[str, set[str]] = {
	"*": {"style", "dir", "lang", "title", "align", "valign", "bgcolor", "width", "height"},
	"a": {"href"},
	"img": {"src", "alt", "border", "hspace", "vspace"},
	"font": {"color", "face", "size"},
	"table": {"border", "cellpadding", "cellspacing", "background", "summary", "rules", "frame"},
	"td": {"colspan", "rowspan", "nowrap", "background", "headers", "abbr"},
	"th": {"colspan", "rowspan", "nowrap", "background", "headers", "abbr", "scope"},
	"tr": {"background"},
	"col": {"span"},
	"colgroup": {"span"},
	"ol": {"start", "type", "reversed"},
	"ul": {"type"},
	"li": {"value", "type"},
	"hr": {"size", "noshade", "color"},
	"blockquote": {"type"},
	"time": {"datetime"},
	"details": {"open"},
}
_SCHEMES = {"http", "https", "mailto", "tel", "cid", "data"}
#: Image types that cannot hold script; SVG can.
_DATA_IMAGE = re.compile(r"data:image/(?:png|gif|jpe?g|webp|bmp);base64,[A-Za-z0-9+/=\s]*", re.I)
_HTTP = re.compile(r"https?://[^\s]", re.I)
_LINK = re.compile(r"(?:https?://|mailto:|tel:)[^\s]", re.I)
_BLANKS = re.compile(r"[\x00-\x20\x7f-\xa0\u200b\u2028\u2029\ufeff]+")

_PROPERTIES = frozenset(
	"background-color border border-bottom border-bottom-color border-bottom-left-radius border-bottom-right-radius "
	"border-bottom-style border-bottom-width border-collapse border-color border-left border-left-color border-left-style "
	"border-left-width border-radius border-right border-right-color border-right-style border-right-width border-spacing "
	"border-style border-top border-top-color border-top-left-radius border-top-right-radius border-top-style "
	"border-top-width border-width caption-side clear color direction display empty-cells float font font-family font-size "
	"font-style font-variant font-weight height letter-spacing line-height list-style-position list-style-type margin "
	"margin-bottom margin-left margin-right margin-top max-height max-width min-height min-width overflow-wrap padding "
	"padding-bottom padding-left padding-right padding-top table-layout text-align text-decoration text-indent "
	"text-transform vertical-align white-space width word-break word-spacing word-wrap background".split()
)
_DISPLAY = frozenset(
	"block inline inline-block none table table-row table-cell table-row-group table-header-group table-footer-group "
	"inline-table list-item flex inline-flex".split()
)
#: Letters, numbers, colours, quoted font names, ``rgb()``/``rgba()``/``hsl()``. No address, no escape, no other function.
_VALUE = re.compile(r"(?:[\w\s.,%#!'\"/+-]|(?<=rgb)\(|(?<=rgba)\(|(?<=hsl)\(|(?<=hsla)\(|\))*", re.I)
#: One address in a style; what it names is looked up, never loaded as it is.
_URL = re.compile(r"""url\(\s*['"]?((?:cid:)?[^\s'"()<>]{1,500})['"]?\s*\)""", re.I)
_OF_ADDRESSES = "/%?=&+@:~.,-_"
_NEGATIVE = re.compile(r"(?:^|[\s,])-\s*[\d.]")
_HUGE = re.compile(r"\d{5,}")
_MAY_BE_NEGATIVE = frozenset(("letter-spacing", "word-spacing", "vertical-align"))


def sanitise(html: str, *, images: Mapping[str, str] | None = None) -> str:
	"""``html`` safe to show in a page of ours.

	``images`` maps Content-IDs (without angle brackets) and Content-Locations to addresses of ours, of what came with
	the message; images, and backgrounds of elements and of styles, are replaced only where the whole identifier is
	equal. Those without a match lose their source and keep their ``alt``.
	"""
	cheap = bounded(html)
	if cheap is None:
		return text_to_html(bare_text(html))
	mark = secrets.token_hex(12)  # unknown to the sender, who could otherwise write the marker himself
	cleaned = nh3.clean(
		cheap,
		tags=set(_TAGS),
		clean_content_tags=set(_DROPPED),
		attributes=_ATTRIBUTES,
		attribute_filter=_filter(images or {}, mark),
		url_schemes=_SCHEMES,
		link_rel="noopener noreferrer",
		set_tag_attribute_values={"a": {"target": "_blank"}},
		strip_comments=True,
	)
	return cleaned.replace(f'src="{mark}', 'data-remote-src="').replace(f'background="{mark}', 'data-remote-background="')


def _filter(images: Mapping[str, str], mark: str) -> Callable[[str, str, str], str | None]:
	"""The attribute filter: the value to keep, or None. Remote addresses come out with ``mark`` in front."""

	def keep(tag: str, attribute: str, value: str) -> str | None:
		if attribute == "style":
			return safe_style(value, images) or None
		if attribute == "href":
			return _address(value) if _LINK.match(_BLANKS.sub("", value)) else None
		if attribute == "src":
			return _image(value.strip(), images, mark)
		if attribute == "background":
			return _background(value.strip(), images, mark)
		return value.replace("<", "").replace(">", "") if len(value) <= 1000 else None

	return keep


def _enclosed(value: str, images: Mapping[str, str]) -> str | None:
	"""Our address of an image that came with the message, by its Content-ID (RFC 2392) or Content-Location (RFC 2557)."""
	wanted = value[4:] if value[:4].lower() == "cid:" else value
	return images.get(wanted) or images.get(unquote(wanted)) if wanted else None


def _background(value: str, images: Mapping[str, str], mark: str) -> str | None:
	if enclosed := _enclosed(value, images):
		return _address(enclosed)
	return mark + _address(value) if _HTTP.match(value) else None


def _image(value: str, images: Mapping[str, str], mark: str) -> str | None:
	if (enclosed := _enclosed(value, images)) or value[:4].lower() == "cid:":
		return enclosed
	if value[:5].lower() == "data:":
		return value if _DATA_IMAGE.fullmatch(value) else None
	if value.startswith("//"):
		value = "https:" + value
	return mark + _address(value) if _HTTP.match(value) else None


def _address(value: str) -> str:
	"""An address without the characters that only matter to whoever parses the page badly."""
	return value.strip().replace("<", "%3C").replace(">", "%3E")


def safe_style(style: str, images: Mapping[str, str] | None = None) -> str:
	"""The declarations of an inline style that can neither load, nor move or cover what is around them.

	Backgrounds may show ``images`` that came with the message.
	"""
	if len(style) > 10_000 or "\\" in style:
		return ""
	kept: list[str] = []
	for declaration in style.split(";"):
		name, colon, value = declaration.partition(":")
		name, value = name.strip().lower(), value.strip()
		if colon and images and name in ("background", "background-image") and (found := _URL.search(value)):
			rest = (value[: found.start()] + value[found.end() :]).strip()
			enclosed = _enclosed(found.group(1), images)
			if enclosed and (not rest or _safe_value(name, rest)):
				address = f"url('{quote(enclosed, safe=_OF_ADDRESSES)}')"
				kept.append(f"{name}: {value[: found.start()]}{address}{value[found.end() :]}")
		elif colon and name in _PROPERTIES and value and _safe_value(name, value):
			kept.append(f"{name}: {value}")
	return "; ".join(kept)


def _safe_value(name: str, value: str) -> bool:
	if not _VALUE.fullmatch(value) or _HUGE.search(value) or len(value) > 500 or "/*" in value:
		return False
	if name not in _MAY_BE_NEGATIVE and _NEGATIVE.search(value):
		return False  # negative margins and indents move text over other text
	return name != "display" or value.lower().replace("!important", "").strip() in _DISPLAY


def text_to_html(text: str) -> str:
	"""Plain text as HTML that looks the same."""
	return f'<div style="white-space: pre-wrap">{escape(text, quote=False)}</div>'
