"""Translations: each app's translations/<lang>.csv (source, translation, context)."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from frappe.host.context import local


def get_all_translations(lang: str) -> dict[str, str]:
	"""{source: translation} of the installed apps, a later app over an earlier one; `source:context` where there is a context."""
	if not lang or lang == "en":
		return {}
	if getattr(local, "db", None) is None:
		return {}
	return local.db.process_cached("translations", lang, lambda: _load(lang))


def _load(lang: str) -> dict[str, str]:
	from frappe.host.apps import get_app_path, get_installed_apps

	found: dict[str, str] = {}
	parent = lang.split("-")[0]
	for code in dict.fromkeys((parent, lang)):
		for app in get_installed_apps():
			path = Path(get_app_path(app), "translations", f"{code}.csv")
			if path.is_file():
				found.update(_read(path))
	return found


def _read(path: Path) -> dict[str, str]:
	out = {}
	with path.open(encoding="utf-8", newline="") as file:
		for row in csv.reader(file):
			if len(row) == 2:
				out[row[0]] = row[1]
			elif len(row) == 3:
				out[f"{row[0]}:{row[2]}" if row[2] else row[0]] = row[1]
	return {source: text for source, text in out.items() if text}


def _(msg: Any, lang: str | None = None, context: str | None = None) -> str:
	"""The text in the language of the request (or `lang`), as it is where there is no translation."""
	if msg is None or msg == "":
		return ""
	msg = str(msg).strip()
	lang = lang or getattr(local, "lang", None) or "en"
	if lang == "en":
		return msg
	translations = get_all_translations(lang)
	if context and f"{msg}:{context}" in translations:
		return translations[f"{msg}:{context}"]
	return translations.get(msg, msg)
