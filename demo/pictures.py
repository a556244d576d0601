"""The pictures of the administrator's guides: `make pictures`, after `make demo`.

Drives the demo's desk with the system's Chromium, in French and in English, and writes ``docs/images``.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from demo import mail, site
from demo.__main__ import end, in_background, until_it_answers
from demo.place import ROOT, Place, need_port

IMAGES = ROOT / "docs" / "images"
PORT = 8099
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"

#: Name of the picture in each language, route, and the part of the page to bring into view.
PICTURES = (
	({"fr": "espace", "en": "workspace"}, "/app/dokos-mail", None),
	({"fr": "domaine", "en": "domain"}, "/app/email-domain/{domain}", None),
	({"fr": "compte", "en": "account"}, "/app/email-account/{account}", None),
	({"fr": "recus", "en": "received"}, "/app/incoming-email", None),
	({"fr": "lecture", "en": "reading"}, "/app/opportunity/{opportunity}", "iframe"),
	({"fr": "file", "en": "queue"}, "/app/email-queue", None),
)


def names(place: Place) -> dict[str, str]:
	"""The documents that the pictures show."""
	with site.connected(place) as frappe:
		return {
			"domain": frappe.get_all("Email Domain", pluck="name")[0],
			"account": frappe.get_all("Email Account", filters={"enable_incoming": 1}, pluck="name")[0],
			"opportunity": frappe.get_all("Opportunity", pluck="name", order_by="creation asc")[0],
		}


def speak(place: Place, language: str) -> None:
	with site.connected(place) as frappe:
		frappe.db.set_value("User", "Administrator", "language", language)


def take(page: Page, folder: Path, language: str, shown: dict[str, str]) -> None:
	for name, route, part in PICTURES:
		page.goto(route.format(**shown), wait_until="networkidle")
		if part:
			page.locator(part).first.evaluate('frame => frame.closest(".timeline-item").scrollIntoView()')
		page.screenshot(path=folder / f"{name[language]}.png")


def main() -> int:
	place = Place(ROOT / ".demo")
	if not place.memory.made:
		print("There is no demo yet: run `make demo` first.", file=sys.stderr)
		return 1
	need_port(PORT, "end it first")
	with mail.servers_of(place), sync_playwright() as playwright:
		desk = in_background(place, "serve", "--port", str(PORT))
		try:
			until_it_answers(desk, PORT, place.folder / "desk.log")
			browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
			for language in ("fr", "en"):
				speak(place, language)
				folder = IMAGES / language
				folder.mkdir(parents=True, exist_ok=True)
				context = browser.new_context(
					base_url=f"http://localhost:{PORT}", locale=language, viewport={"width": 1200, "height": 800}
				)
				login = {"usr": "Administrator", "pwd": place.memory.admin_password}
				context.request.post("/api/method/login", form=login)
				take(context.new_page(), folder, language, names(place))
				context.close()
			browser.close()
		finally:
			end(desk)
	print(f"{2 * len(PICTURES)} pictures in {IMAGES.relative_to(ROOT)}")
	return 0


if __name__ == "__main__":
	sys.exit(main())
