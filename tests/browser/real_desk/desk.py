"""A bench's desk in Chromium, used as a person uses it: by what is on the screen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

#: Milliseconds within which a desk answers, also on a small machine that has much else to do.
PATIENCE = 120_000
#: The rows below a link field: Dokos and Frappe mark them differently.
OFFERED = "[role=listbox] li, [role=listbox] [role=option]"


@dataclass
class Desk:
	"""A page on which somebody has logged in. ``pictures``, when given, is a folder for screenshots."""

	page: Page
	base: str
	pictures: Path | None = None

	def open(self, route: str) -> None:
		"""Go to a route of the desk and wait until it is drawn."""
		self.page.goto(f"{self.base}/app/{route}", wait_until="load")
		self.page.wait_for_function("window.frappe && frappe.boot && frappe.get_route && (frappe.get_route() || [])[0]")
		if route.endswith("/new") or route.count("/") == 1:
			self.page.wait_for_function(
				"window.cur_frm && cur_frm.doc && cur_frm.layout && document.querySelector('.frappe-control:not([data-fieldname=\"\"])')"
			)
		self.settle()

	def open_list(self, route: str) -> None:
		"""Go to a list or a workspace."""
		self.page.goto(f"{self.base}/app/{route}", wait_until="load")
		self.page.wait_for_function("window.frappe && frappe.boot && frappe.get_route && (frappe.get_route() || [])[0]")
		self.settle()

	def tab(self, number: int) -> None:
		"""Choose a tab of a form that has tabs."""
		tabs = self.page.locator(".page-container:visible .form-tabs .nav-link:visible")
		if tabs.count() > number:
			tabs.nth(number).click()

	def settle(self) -> None:
		"""Wait until the desk is up and waits for no answer of its server."""
		self.page.wait_for_function("window.frappe && frappe.request && !frappe.request.ajax_count")

	def form(self) -> Locator:
		return self.page.locator(".page-container:visible .form-page, .page-container:visible .form-layout").first

	def field(self, name: str) -> Locator:
		"""A field of the form on the screen, by its name."""
		return self.page.locator(
			f".page-container:visible .frappe-control[data-fieldname='{name}']:not(.grid-static-col *)"
		).first

	def label(self, name: str) -> str:
		label = self.field(name).locator("label .label-area, .control-label, label").first
		return " ".join(label.inner_text().split())

	def fill(self, name: str, value: str) -> None:
		"""Type into a field and leave it."""
		entry = self.field(name).locator("input:visible, textarea:visible").first
		entry.fill(value)
		entry.press("Tab")
		self.settle()

	def value(self, name: str) -> str:
		return self.field(name).locator("input, textarea, select").first.input_value()

	def tick(self, name: str, on: bool = True) -> None:
		self.field(name).locator("input[type=checkbox]:not([disabled])").set_checked(on)
		self.settle()

	def choose(self, name: str, option: str) -> None:
		self.field(name).locator("select").select_option(option)
		self.settle()

	def link(self, name: str, value: str) -> None:
		"""Type into a link field and take the first of what is offered."""
		entry = self.field(name).locator("input:visible").first
		entry.click()
		entry.fill(value)
		self.field(name).locator(OFFERED, has_text=value).first.click()
		self.settle()

	def offered_values(self, name: str, text: str) -> list[str]:
		"""What a link field offers for what is typed."""
		entry = self.field(name).locator("input:visible").first
		entry.click()
		entry.fill(text)
		self.settle()
		expect(self.field(name).locator(OFFERED).first).to_be_visible()
		return [" ".join(each.split()) for each in self.field(name).locator(OFFERED).all_inner_texts()]

	def save(self) -> None:
		"""Save by the button, and wait until the form is saved."""
		self.page.locator(".page-container:visible .primary-action:visible").first.click()
		expect(
			self.page.locator(".page-container:visible .indicator-pill.orange:visible", has_text=re.compile("Sauv|Saved|Enreg"))
		).to_have_count(0)
		self.page.wait_for_function("cur_frm && !cur_frm.is_new() && !cur_frm.is_dirty()")
		self.settle()

	def press(self, label: str) -> None:
		"""Press a button at the top of the form, also where the screen is narrow and they are in a menu."""
		self.page.locator(".page-container:visible .page-actions button:visible", has_text=label).first.click()

	@property
	def headline(self) -> Locator:
		"""What the form says at its top."""
		return self.page.locator(".page-container:visible .form-message").first

	@property
	def dialog(self) -> Locator:
		return self.page.locator(".modal.show").last

	def arrived(self) -> Locator:
		"""The dialog, once it has come in: until then it takes no key, and then it moves the focus."""
		self.page.wait_for_function(
			"(shown => shown && $(shown).data('bs.modal') && !$(shown).data('bs.modal')._isTransitioning)"
			"([...document.querySelectorAll('.modal.show')].pop())"
		)
		return self.dialog

	def answer(self, yes: bool) -> None:
		"""Answer the question asked, by its button; what that is called is the host's affair."""
		self.arrived().locator(f".btn-modal-{'primary' if yes else 'secondary'}").click()

	def close_dialog(self) -> None:
		self.arrived()
		self.page.keyboard.press("Escape")
		expect(self.page.locator(".modal.show")).to_have_count(0)

	def open_notices(self) -> Locator:
		"""Press the bell; what there is to know, the latest first."""
		self.page.locator(".notifications-icon:visible").first.click()
		return self.page.locator(".notifications-list:visible .notification-item")

	def picture(self, name: str) -> None:
		"""Keep a screenshot where somebody wants them."""
		if self.pictures:
			self.pictures.mkdir(parents=True, exist_ok=True)
			self.page.screenshot(path=str(self.pictures / f"{name}.png"))
