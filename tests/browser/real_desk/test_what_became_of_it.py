"""What mail sets off, looked at: a report of a real Postfix on a recipient who does not exist, the answer that an account gives
by itself, the notice that nobody answered, and the page to unsubscribe.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.utils import format_datetime
from time import monotonic
from typing import Any
from uuid import uuid4

import frappe
import pytest
from frappe.core.doctype.communication.email import make
from playwright.sync_api import expect
from time_machine import Traveller

from dokos_mail import jobs
from mail_servers.dovecot import Dovecot
from mail_servers.postfix import Postfix, auth_service
from mail_servers.server import free_port
from tests.mail_fixtures import clock
from tests.mailbox import PASSWORD, account_values, raw

__all__ = ["clock"]

#: Seconds within which Postfix says that it could not deliver.
REPORTED = 60


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postfix]:
	folder, port = tmp_path_factory.mktemp("post"), free_port()
	with Dovecot(folder / "dovecot", {"anna@masociete.test": PASSWORD}, extra=auth_service(port)) as dovecot:
		with Postfix(folder, dovecot, auth_port=port) as server:
			yield server


@pytest.fixture
def account(post: Postfix, forget: list[tuple[str, str]], site: Any) -> Iterator[tuple[str, str]]:
	"""The account that sends and receives: its name, and its address."""
	user = f"commercial-{uuid4().hex[:6]}@masociete.test"
	post.dovecot.add_user(user, PASSWORD)
	others = frappe.get_all("Email Account", filters={"default_outgoing": 1}, pluck="name")
	sends = {"enable_outgoing": 1, "smtp_server": post.host, "smtp_port": str(post.ports["smtp"]), "no_smtp_authentication": 1}
	more = {"append_to": "Opportunity", "default_outgoing": 1, "send_unsubscribe_message": 1}
	name = frappe.get_doc(account_values(post.dovecot, user, **sends, **more)).insert().name
	frappe.db.commit()
	forget.append(("Email Account", name))
	yield name, user
	frappe.db.rollback()
	for other in others:
		frappe.db.set_value("Email Account", other, "default_outgoing", 1)
	frappe.db.commit()


def wait_for_mail(post: Postfix, user: str) -> bytes:
	"""The last message of a user's mailbox, once there is one."""
	until = monotonic() + REPORTED
	while not (uids := post.dovecot.uids(user)):
		assert monotonic() < until, post.log_tail()
	return post.dovecot.raw(user, uids[-1])


@pytest.fixture
def returned(account: tuple[str, str], post: Postfix, forget: list[tuple[str, str]]) -> frappe._dict:
	"""A mail to two, one of whom Postfix could not deliver to, after its report was received."""
	name, user = account
	jobs.pull_account(name)
	lost = f"perdu-{uuid4().hex[:6]}@masociete.test"
	document = frappe.get_doc({"doctype": "Opportunity", "title": "Rénovation", "contact_email": lost}).insert()
	forget.insert(0, ("Opportunity", document.name))
	about = {"doctype": "Opportunity", "name": document.name, "communication_medium": "Email", "send_email": 1}
	answer = make(subject="Votre devis", content="<p>Voici notre devis.</p>", recipients=f"anna@masociete.test, {lost}", **about)
	frappe.db.commit()
	jobs.send_account_mail(name)
	wait_for_mail(post, user)
	result = jobs.pull_account(name)
	assert result and result.error is None
	jobs.react()
	frappe.db.commit()
	row = frappe.db.get_value("Email Queue", {"communication": answer["name"]}, "name")
	return frappe._dict(account=name, user=user, lost=lost, document=document.name, mail=answer["name"], row=row)


WORDS = {
	"en": {
		"bounced": "Bounced",
		"partly": "Partly Bounced",
		"arrive": "the last email did not arrive",
		"all the same": "Send it all the same?",
	},
	"fr": {
		"bounced": "Rejeté",
		"partly": "Rejeté en partie",
		"arrive": "le dernier email n'est pas arrivé",
		"all the same": "L'envoyer quand même ?",
	},
}


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_recipient_who_does_not_exist(
	returned: frappe._dict, make_user: Callable[..., str], enter: Callable[..., Any], language: str
) -> None:
	words = WORDS[language]
	desk = enter(make_user(language))
	page = desk.page

	desk.open(f"opportunity/{returned.document}")
	item = page.locator(".page-container:visible .timeline-item[data-doctype=Communication]").first
	expect(item).to_contain_text(returned.lost)
	expect(item.get_by_text(words["bounced"], exact=True)).to_have_count(2)
	desk.picture(f"rapport-{language}-1-document")

	desk.open(f"email-queue/{returned.row}")
	desk.picture(f"rapport-{language}-2-file")

	desk.open(f"communication/{returned.mail}")
	desk.picture(f"rapport-{language}-3-email")

	desk.open_list("email-queue")
	listed = page.locator(f".page-container:visible .list-row:has([data-name='{returned.row}'])")
	expect(listed.get_by_text(words["partly"], exact=True).filter(visible=True)).to_have_count(1)
	expect(listed).to_contain_text(f"{returned.lost}: 550 5.1.1")
	desk.picture(f"rapport-{language}-4-liste")

	address = frappe.db.get_value("Undeliverable Address", {"address": returned.lost}, "name")
	desk.open(f"undeliverable-address/{address}")
	desk.picture(f"rapport-{language}-5-adresse")

	desk.open(f"opportunity/{returned.document}")
	page.evaluate(
		# in braces, so that the window itself is not handed back: it holds dates that Python cannot read
		"""([to]) => { new frappe.views.CommunicationComposer({doc: cur_frm.doc, frm: cur_frm, recipients: to, subject: "Relance"}) }""",
		[returned.lost],
	)
	composer = desk.arrived()
	# the desk puts the cursor there once the window is open: what is typed before would go there
	expect(composer.locator(".frappe-control[data-fieldname=recipients] input")).to_be_focused()
	editor = composer.locator(".ql-editor").first
	editor.press_sequentially("Avez-vous reçu notre devis ? ")
	composer.locator(".standard-actions .btn-primary").click()
	question = page.locator(".modal.show", has_text=words["all the same"])
	expect(question).to_contain_text(returned.lost)
	expect(question).to_contain_text(words["arrive"])
	desk.arrived()
	desk.picture(f"rapport-{language}-6-question")
	desk.answer(False)
	expect(question).to_have_count(0)
	frappe.db.rollback()
	assert not frappe.db.exists("Communication", {"subject": "Relance", "reference_name": returned.document})


def html_of(message: bytes) -> str:
	return message_from_bytes(message, policy=policy.default).get_body(("html",)).get_content()


def test_what_an_account_writes_by_itself(
	account: tuple[str, str], post: Postfix, browser: Any, clock: Traveller, request: pytest.FixtureRequest
) -> None:
	name, user = account
	reader, boss = (f"{who}-{uuid4().hex[:6]}@masociete.test" for who in ("lectrice", "chef"))
	for one in (reader, boss):
		post.dovecot.add_user(one, PASSWORD)
	values = {
		"enable_auto_reply": 1,
		"auto_reply_message": "<p>Bonjour {{ sender_full_name }}, nous avons bien reçu « {{ subject }} ».</p>",
	}
	values |= {"notify_if_unreplied": 1, "unreplied_for_mins": 30, "send_notification_to": boss}
	frappe.db.set_value("Email Account", name, values)
	frappe.clear_document_cache("Email Account", name)
	frappe.db.commit()
	jobs.pull_account(name)
	post.send_plain(
		reader, user, raw("Question", sender=f"Léa <{reader}>", to=user, date=format_datetime(datetime.now(timezone.utc)))
	)
	wait_for_mail(post, user)
	jobs.pull_account(name)
	jobs.react()
	clock.shift(timedelta(minutes=31))
	jobs.react()
	jobs.send_account_mail(name)
	answer, notice = (html_of(wait_for_mail(post, one)) for one in (reader, boss))
	assert "Bonjour Léa, nous avons bien reçu « Question »." in answer
	link = re.search(r'href="([^"]*recipients\.unsubscribe[^"]*)"', answer).group(1).replace("&amp;", "&")
	assert reader in notice and link not in notice

	base, pictures = request.config.getoption("--url"), request.config.getoption("--pictures")
	for language, (ask, done, again) in PAGES.items():
		context = browser.new_context(
			locale=language, viewport={"width": 900, "height": 700}, extra_http_headers={"Accept-Language": language}
		)
		page = context.new_page()
		for number, shown in enumerate((answer, notice)):
			page.set_content(shown)
			if pictures:
				page.screenshot(path=f"{pictures}/ecrit-{language}-{number}.png")
		page.goto(base + "/" + link.split("/", 3)[3])
		assert not frappe.db.exists("Email Unsubscribe", {"email": reader})
		if pictures:
			page.screenshot(path=f"{pictures}/desinscription-{language}.png")
		page.get_by_role("button", name=ask).click()
		expect(page.get_by_role("heading", name=done)).to_be_visible()
		if pictures:
			page.screenshot(path=f"{pictures}/desinscrit-{language}.png")
		frappe.db.rollback()
		assert frappe.db.exists("Email Unsubscribe", {"email": reader})
		page.get_by_role("button", name=again).click()
		expect(page.get_by_role("button", name=ask)).to_be_visible()
		frappe.db.rollback()
		assert not frappe.db.exists("Email Unsubscribe", {"email": reader})
		context.close()


#: The button, what stands there then, and the button back.
PAGES = {
	"fr-FR": ("Se désinscrire", "Vous êtes désinscrit", "S'inscrire de nouveau"),
	"en-GB": ("Unsubscribe", "You are unsubscribed", "Subscribe again"),
}
