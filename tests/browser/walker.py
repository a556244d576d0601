"""Somebody before the screen who follows a page of instructions: finds what it names by its words, in its order."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

ROOT = Path(__file__).resolve().parents[2]

#: Files of the French: the app's first, since its pages are followed.
FRENCH = (
	"dokos_mail/translations/fr.csv",
	"embedded_host/frappe/translations/fr.csv",
	"examples/crm/crm/translations/fr.csv",
)

SEEN = """() => [...document.querySelectorAll(".layout .field")].map((field) => [
	field.checkVisibility() ? (field.querySelector(":scope > .label, :scope > .check > span")?.textContent ?? "") : null,
])"""


def english() -> dict[str, str]:
	"""The English of every French text, so that the same page can be followed on an English desk."""
	found: dict[str, str] = {}
	for name in FRENCH:
		with (ROOT / name).open(encoding="utf-8", newline="") as file:
			for row in csv.reader(file):
				# the page names a field without its unit
				found.setdefault(row[1].removesuffix(" (Mo)"), row[0].removesuffix(" (MB)"))
	return found


@dataclass
class Walker:
	"""What is told to it is in French; on a desk of another language it looks for the same text there.

	``at`` is where on the form the last field was: the next one must stand behind it.
	"""

	page: Page
	language: str = "fr"
	pictures: Path | None = None
	at: int = -1

	def say(self, french: str) -> str:
		return french if self.language == "fr" else english()[french]

	def button(self, name: str, within: Page | Locator | None = None) -> Locator:
		return (within or self.page).get_by_role("button", name=self.say(name), exact=True)

	def start(self) -> None:
		"""Begin a form at its top, once it stands."""
		self.page.wait_for_selector("body.ready .layout")
		self.at = -1

	def chapter(self, title: str) -> Locator:
		"""The section of this title, unfolded; fields that follow stand below its head."""
		head = self.page.locator(".layout section > .title", has_text=self.say(title)).filter(visible=True).first
		expect(head.locator("h3")).to_have_text(self.say(title))
		if head.get_attribute("aria-expanded") == "false":
			head.click()
		section = head.locator("xpath=..")
		first = section.locator(".field").first
		above = first.evaluate("field => [...document.querySelectorAll('.layout .field')].indexOf(field)")
		assert above > self.at, f"{title} stands above what was told before it"
		self.at = above - 1
		return section

	def field(self, label: str) -> Locator:
		"""The field of this label: the next one, in the order in which the form is read."""
		wanted = self.say(label)
		shown = [each[0] for each in self.page.evaluate(SEEN)]
		for index in range(self.at + 1, len(shown)):
			if (shown[index] or "").removesuffix(" (Mo)").removesuffix(" (MB)") == wanted:
				self.at = index
				return self.page.locator(".layout .field").nth(index)
		raise AssertionError(f"no {wanted!r} below {shown[self.at] if self.at >= 0 else 'the top'!r}, but {shown[self.at + 1 :]}")

	def tick(self, label: str) -> Locator:
		field = self.field(label)
		field.get_by_role("checkbox").check()
		return field

	def fill(self, label: str, value: str) -> Locator:
		field = self.field(label)
		field.locator("input, textarea, [contenteditable]").first.fill(value)
		self.page.keyboard.press("Tab")
		return field

	def choose(self, label: str, option: str) -> Locator:
		field = self.field(label)
		field.locator("select").select_option(label=option if option.isdigit() else self.say(option))
		return field

	def hint(self, field: Locator, french: str) -> None:
		"""What stands below a field says this, in French at least."""
		if self.language == "fr":
			expect(field.locator(".help")).to_contain_text(french)

	def saved(self) -> None:
		"""Save by the keyboard; the form says so and holds nothing else."""
		self.page.keyboard.press("Control+s")
		expect(self.page.locator(".toast.green").last).to_be_visible()
		expect(self.page.locator(".head").get_by_text(self.say("Non enregistré"))).to_be_hidden()

	def picture(self, name: str, part: Locator | None = None) -> None:
		"""Keep a picture for the guides where somebody wants them: of the screen, or of a part of it."""
		if not self.pictures:
			return
		folder = self.pictures / self.language
		folder.mkdir(parents=True, exist_ok=True)
		self.page.evaluate("document.querySelectorAll('.toast').forEach((each) => each.remove())")
		if part is None:
			self.page.screenshot(path=folder / f"{name}.png")
		else:
			part.screenshot(path=folder / f"{name}.png")
