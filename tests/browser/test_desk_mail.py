"""Mail on the embedded host's desk: an administrator sets it up, somebody reads and answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import frappe
import pytest
from playwright.sync_api import Page, Route, expect

from dokos_mail import jobs
from dokos_mail.engine.message.html import sanitise
from mail_servers.faults import FaultyImap
from tests.browser.conftest import another_origin, go
from tests.browser.relevance import OF_THE_DOMAIN, STEPS
from tests.browser.test_desk import field, saved
from tests.engine.message.test_html_bodies import ATTACKS

pytestmark = pytest.mark.embedded
LogIn = Callable[..., Page]


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
	"""Another origin, and what was asked of it."""
	yield from another_origin()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
	"""What the host was asked to send, in place of an app that sends."""
	mails: list[dict] = []
	monkeypatch.setattr(frappe, "sendmail", lambda **mail: mails.append(mail))
	return mails


def message(contact: str, **values: Any) -> Any:
	about = {"reference_doctype": "Contact", "reference_name": contact, "sent_or_received": "Received"}
	mail = {"subject": "Devis", "sender": "Paul Martin <paul@client.example>", "sender_full_name": "Paul Martin"}
	doc = {
		"doctype": "Communication",
		"communication_type": "Communication",
		"communication_medium": "Email",
		**mail,
		**about,
		**values,
	}
	made = frappe.get_doc(doc).insert()
	frappe.db.commit()
	return made


@pytest.fixture
def contact(desk: str) -> str:
	name = frappe.get_doc({"doctype": "Contact", "first_name": "Paul"}).insert().name
	frappe.db.commit()
	return name


def test_an_administrator_sets_up_a_domain_and_an_account(logged_in: LogIn) -> None:
	page = logged_in("/app/email-domain")
	page.get_by_role("button", name="Créer le premier : Nom de domaine email").click()
	field(page, "domain_name").fill("masociete.example")
	field(page, "email_server").fill("imap.masociete.example")
	field(page, "use_imap").check()
	field(page, "use_ssl").check()
	expect(field(page, "use_starttls")).to_be_hidden()
	field(page, "smtp_server").fill("smtp.masociete.example")
	page.keyboard.press("Control+s")
	page.wait_for_url("**/app/email-domain/masociete.example")
	saved(page)

	go(page, "/app/email-account/new")
	expect(field(page, "email_id")).to_be_focused()
	page.keyboard.type("support@masociete.example")
	page.keyboard.press("Tab")
	# the app's form script proposes the domain that it knows
	expect(field(page, "domain")).to_have_value("masociete.example")
	field(page, "password").fill("s3cret")
	field(page, "enable_incoming").check()
	expect(field(page, "email_server")).to_be_hidden()
	field(page, "notify_if_unreplied").check()
	field(page, "unreplied_for_mins").fill("60*24*2")
	page.keyboard.press("Tab")
	expect(field(page, "unreplied_for_mins")).to_have_value("2880")
	field(page, "unreplied_for_mins").fill("two days")
	page.keyboard.press("Control+s")
	expect(page.locator("[data-fieldname=unreplied_for_mins] .error")).to_have_text("two days n'est pas un nombre")
	field(page, "unreplied_for_mins").fill("60*24*2")
	field(page, "send_notification_to", "textarea").fill("chef@masociete.example")
	page.keyboard.press("Control+s")
	page.wait_for_url("**/app/email-account/Support")
	saved(page)
	# what is stored is never shown, and stays when something else is saved
	expect(field(page, "password")).to_have_value("")
	assert "s3cret" not in page.content()
	field(page, "login_id_is_different").check()
	field(page, "login_id").fill("jean123")
	page.keyboard.press("Control+s")
	saved(page)
	frappe.db.rollback()
	account = frappe.get_doc("Email Account", "Support")
	assert (account.domain, account.unreplied_for_mins, account.login_id) == ("masociete.example", 2880, "jean123")
	assert account.get_password("password") == "s3cret"


def test_above_a_mail_stands_whom_it_did_not_reach(logged_in: LogIn, contact: str) -> None:
	"""Its pill says that something is wrong; which of its recipients, and what the server said, is told in full."""
	log = [{"on": "2026-11-20 10:00:00", "state": "Sent", "words": "250 ok"}]
	bounced = [*log, {"on": "2026-11-20 10:01:00", "state": "Bounced", "words": "550 <paul@client.example>: <b>unknown</b>"}]
	mail = message(contact, sent_or_received="Sent", recipients="paul@client.example, ines@client.example", content="<p>Oui</p>")
	row = frappe.get_doc({"doctype": "Email Queue", "message": "x", "status": "Sent", "communication": mail.name})
	for address, entries in (("paul@client.example", bounced), ("ines@client.example", log)):
		state = {"status": "Sent", "delivery_state": entries[-1]["state"], "delivery_log": frappe.as_json(entries)}
		row.append("recipients", {"recipient": address, **state})
	row.db_insert()
	for child in row.recipients:
		child.update({"parent": row.name, "parenttype": "Email Queue", "parentfield": "recipients"}).db_insert()
	frappe.db.commit()
	page = logged_in(f"/app/contact/{contact}")
	lines = page.locator(".mail-deliveries li")
	expect(lines).to_have_text(["paul@client.example Rejeté 550 <paul@client.example>: <b>unknown</b>"])
	# why it is here is asked of what came; the answer that brought the line said of none that it did
	expect(page.locator(".why-is-it-here")).to_have_count(0)
	# in its document's timeline as where it is read alone
	go(page, f"/app/communication/{mail.name}")
	expect(page.locator(".dokos-mail-delivery")).to_contain_text("Mis en file d'attente")


def test_a_mail_is_read_and_answered(logged_in: LogIn, contact: str, sent: list[dict]) -> None:
	message(contact, recipients="support@masociete.example, Ines <ines@client.example>", content="<p>Un <b>devis</b> ?</p>")
	file = {"doctype": "File", "file_name": "plan.txt", "content": b"x", "is_private": 1}
	frappe.get_doc({**file, "attached_to_doctype": "Contact", "attached_to_name": contact}).insert()
	frappe.db.commit()
	page = logged_in(f"/app/contact/{contact}")
	mail = page.locator(".timeline-item")
	expect(mail).to_contain_text("Paul Martin")
	expect(mail.frame_locator("iframe").get_by_text("devis")).to_be_visible()
	assert "allow-scripts" not in (mail.locator("iframe").get_attribute("sandbox") or "")
	expect(mail.get_by_role("button", name="Pourquoi est-il ici ?")).to_be_visible()

	mail.get_by_role("button", name="Répondre à tous").click()
	dialog = page.get_by_role("dialog")
	expect(field(page, "recipients")).to_have_value("Paul Martin <paul@client.example>")
	expect(field(page, "cc")).to_have_value("support@masociete.example, Ines <ines@client.example>")
	expect(field(page, "subject")).to_have_value("Re: Devis")
	expect(dialog.locator("blockquote")).to_contain_text("Un devis ?")
	dialog.get_by_role("textbox", name="Message").click()
	page.keyboard.press("Control+Home")
	page.keyboard.type("Le voici.")
	dialog.get_by_label("plan.txt").check()
	dialog.get_by_role("button", name="Envoyer").click()
	expect(dialog).to_be_hidden()
	expect(page.locator(".timeline-item")).to_have_count(2)
	(given,) = sent
	assert given["recipients"] == ["Paul Martin <paul@client.example>"]
	assert given["content"].startswith("<p>Le voici.") and "<blockquote>" in given["content"]
	assert len(given["attachments"]) == 1
	frappe.db.rollback()
	answer = frappe.get_doc("Communication", given["communication"])
	assert (answer.subject, answer.sent_or_received, answer.reference_name) == ("Re: Devis", "Sent", contact)


def test_what_keeps_a_mail_from_being_sent_is_said_and_what_was_written_stays(
	logged_in: LogIn, contact: str, monkeypatch: pytest.MonkeyPatch
) -> None:
	monkeypatch.setattr(frappe, "sendmail", lambda **_mail: frappe.throw("No account can send.", frappe.OutgoingEmailError))
	page = logged_in(f"/app/contact/{contact}")
	page.get_by_role("button", name="Nouvel email").click()
	dialog = page.get_by_role("dialog").first
	dialog.get_by_role("button", name="Envoyer").click()
	expect(page.locator("[data-fieldname=recipients] .error")).to_have_text("Ce champ est obligatoire.")
	field(page, "recipients").fill("paul@client.example")
	dialog.get_by_role("button", name="Envoyer").click()
	expect(page.get_by_role("dialog").last).to_contain_text("No account can send.")
	page.keyboard.press("Escape")
	expect(field(page, "recipients")).to_have_value("paul@client.example")
	frappe.db.rollback()
	assert frappe.db.count("Communication") == 0


def test_before_a_mail_to_an_address_that_mail_did_not_reach_its_writer_is_asked(
	logged_in: LogIn, contact: str, sent: list[dict]
) -> None:
	known = {"address": "paul@client.example", "kind": "Bounced", "reason": "550 5.1.1 <b>inconnu</b>", "times": 1}
	frappe.get_doc({"doctype": "Undeliverable Address", **known}).insert(ignore_permissions=True)
	frappe.db.commit()
	page = logged_in(f"/app/contact/{contact}")
	page.get_by_role("button", name="Nouvel email").click()
	page.get_by_label("À", exact=True).fill("paul@client.example")
	page.get_by_role("button", name="Envoyer", exact=True).click()
	question = page.get_by_role("dialog").last
	expect(question).to_contain_text("le dernier email n'est pas arrivé")
	expect(question).to_contain_text("550 5.1.1 <b>inconnu</b>")
	question.get_by_role("button", name="Non").click()
	expect(page.get_by_role("dialog")).to_have_count(1)
	assert sent == []
	page.get_by_role("button", name="Envoyer", exact=True).click()
	page.get_by_role("dialog").last.get_by_role("button", name="Oui").click()
	expect(page.get_by_role("dialog")).to_have_count(0)
	assert len(sent) == 1


def test_a_comment_and_older_mails(logged_in: LogIn, contact: str) -> None:
	for number in range(22):
		message(contact, subject=f"Mail {number:02}", content="x", communication_date=f"2026-01-{number + 1:02} 10:00:00")
	page = logged_in(f"/app/contact/{contact}")
	mails = page.locator(".timeline-item")
	expect(mails).to_have_count(20)
	expect(mails.first).to_contain_text("Mail 21")
	page.get_by_role("button", name="Plus anciens").click()
	expect(mails).to_have_count(22)
	page.get_by_label("Commentaire").fill("À <b>rappeler</b>")
	page.get_by_role("button", name="Enregistrer le commentaire").click()
	expect(page.locator(".entry .text")).to_have_text("À <b>rappeler</b>")


def without_a_policy(route: Route) -> None:
	answer = route.fetch()
	headers = {name: value for name, value in answer.headers.items() if name != "content-security-policy"}
	route.fulfill(response=answer, headers=headers)


@pytest.mark.parametrize("page_has_policy", [True, False], ids=["the page has a policy", "the frames alone have one"])
def test_what_a_stranger_wrote_runs_nothing_and_asks_nobody(
	logged_in: LogIn, contact: str, elsewhere: tuple[str, list[str]], page_has_policy: bool
) -> None:
	"""Also where the pages of the desk have no policy, as those of the hosts: each frame has its own."""
	url, asked = elsewhere
	content = f"""<p>Hello</p><img src="{url}/pixel"><img src=x onerror="parent.document.title='owned'">
		<script>parent.document.title = "owned"</script><link rel=stylesheet href="{url}/style">
		<meta http-equiv="refresh" content="0;url={url}/refresh"><base href="{url}/">
		<img src="/api/method/logout"><a href="javascript:parent.document.title='owned'">Click</a>
		<style>@import url({url}/import); p {{ background: url({url}/background) }}</style><iframe src="{url}/frame"></iframe>
		<form action="{url}/form"><button>Go</button></form>"""
	subject = "<img src=x onerror=alert(1)>"
	mail = message(contact)
	# as it came, whatever the host made of it
	frappe.db.set_value("Communication", mail.name, {"subject": subject, "content": content, "sender_full_name": subject})
	frappe.db.commit()
	page = logged_in("/app")
	if not page_has_policy:
		page.route(re.compile("/app/"), without_a_policy)
	go(page, f"/app/communication/{mail.name}")
	expect(page.frame_locator("[data-fieldname=content] iframe").get_by_text("Hello")).to_be_visible()
	go(page, f"/app/contact/{contact}")
	expect(page.frame_locator(".timeline-item iframe").get_by_text("Hello")).to_be_visible()
	expect(page.locator(".timeline-item header")).to_contain_text(subject)
	# quoted in an answer it is as harmless
	page.get_by_role("button", name="Répondre", exact=True).click()
	expect(page.get_by_role("dialog").locator("blockquote")).to_contain_text("Hello")
	page.wait_for_load_state("networkidle")
	assert "owned" not in page.title()
	assert asked == []
	assert page.get_by_role("dialog").locator("script, style, iframe, form form, base, meta").count() == 0


@pytest.mark.parametrize("as_stored", [True, False], ids=["sanitised", "as it came"])
def test_known_attacks_are_harmless_in_the_frame(logged_in: LogIn, contact: str, as_stored: bool) -> None:
	"""The attacks that our own sanitiser is tested with, in the desk's frame: with its help, and without."""
	dialogs: list[str] = []
	for number, attack in enumerate(ATTACKS):
		mail = message(contact, subject=f"Attack {number}")
		content = f"<p>Attack {number}</p>{sanitise(attack) if as_stored else attack}"
		frappe.db.set_value("Communication", mail.name, "content", content)
	frappe.db.commit()
	page = logged_in(f"/app/contact/{contact}")
	page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
	frames = page.locator(".timeline-item iframe")
	expect(frames.first).to_be_visible()
	for shown in range(40, len(ATTACKS) + 20, 20):
		page.get_by_role("button", name="Plus anciens").click()
		expect(frames).to_have_count(min(shown, len(ATTACKS)))
	expect(frames).to_have_count(len(ATTACKS))
	page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
	assert dialogs == []


def test_a_user_is_asked_for_the_password_that_an_account_waits_for(logged_in: LogIn, monkeypatch: pytest.MonkeyPatch) -> None:
	import dokos_mail.api
	from dokos_mail.engine.errors import LoginRefused

	def refused(account: Any) -> LoginRefused | None:
		wrong = account.password == "wrong"
		return LoginRefused(host="imap.example.com", port=993, login=account.email_id, detail="") if wrong else None

	monkeypatch.setattr(dokos_mail.api, "refused", refused)
	servers = {"email_server": "imap.example.com", "smtp_server": "smtp.example.com", "use_imap": 1, "enable_incoming": 1}
	values = {"email_account_name": "Marie", "email_id": "marie@example.com", "awaiting_password": 1}
	frappe.get_doc({"doctype": "Email Account", **values, **servers}).insert()
	frappe.db.commit()
	page = logged_in("/app/contact")
	dialog = page.get_by_role("dialog")
	expect(dialog).to_contain_text("Mot de passe de marie@example.com")
	page.keyboard.type("wrong")
	page.keyboard.press("Enter")
	expect(dialog.locator("[data-fieldname=password] .text-danger")).to_be_visible()
	expect(field(page, "password")).to_be_focused()
	page.keyboard.press("Control+a")
	page.keyboard.type("right")
	page.keyboard.press("Enter")
	expect(dialog).to_be_hidden()
	go(page, "/app/role")
	frappe.db.rollback()
	account = frappe.get_doc("Email Account", "Marie")
	assert (account.awaiting_password, account.get_password("password")) == (0, "right")


#: What is said of no server, of no password, and of one of other letters than the account takes.
REFUSED = {
	"fr": ("recevoir d'emails sans lui", "Mot de passe : saisissez-le, ou cochez", "autres qu'ASCII"),
	"en": ("cannot receive without one", "Password: type it, or tick", "other than ASCII"),
}


@pytest.mark.parametrize("language", ["fr", "en"])
def test_what_an_account_lacks_is_said_beside_the_field(logged_in: LogIn, desk: str, language: str) -> None:
	no_server, no_password, not_ascii = REFUSED[language]
	frappe.db.set_value("User", "marie@example.com", "language", language)
	frappe.db.commit()
	page = logged_in("/app/email-account/new", locale=language)
	field(page, "email_id").fill("support@masociete.example")
	field(page, "enable_incoming").check()
	for name, said, then in (
		("email_server", no_server, "imap.masociete.example"),
		("password", no_password, "é"),
		("password", not_ascii, "e"),
	):
		error = page.locator(f"[data-fieldname={name}] > .error")
		page.keyboard.press("Control+s")
		expect(page.get_by_role("dialog")).to_contain_text(said)
		page.keyboard.press("Escape")
		expect(error).to_contain_text(said)
		expect(page.locator(".error")).to_have_count(1)
		expect(field(page, name)).to_be_focused()
		page.keyboard.press("Control+a")
		page.keyboard.type(then)
		expect(error).to_have_count(0)
		field(page, "ascii_encode_password").check()
	page.keyboard.press("Control+s")
	page.wait_for_url("**/app/email-account/Support")


ON_THE_FORM = """() => Object.entries(cur_frm.fields_dict)
	.filter(([_name, control]) => !control.wrapper.hidden && !control.wrapper.closest("section[hidden], .column[hidden]"))
	.map(([name]) => name)"""


def test_fields_appear_as_they_become_relevant(logged_in: LogIn) -> None:
	servers = {"email_server": "imap.masociete.example", "smtp_server": "smtp.masociete.example", "use_imap": 1, "use_ssl": 1}
	frappe.get_doc({"doctype": "Email Domain", "domain_name": "masociete.example", **servers}).insert()
	frappe.db.commit()
	page = logged_in("/app/email-account/new")
	seen = set(page.evaluate(ON_THE_FORM))
	for choice, come, go_ in (*STEPS, ({"domain": "masociete.example"}, set(), OF_THE_DOMAIN)):
		page.evaluate("async (choice) => { await cur_frm.set_value(choice); await cur_frm.work; }", choice)
		now = set(page.evaluate(ON_THE_FORM))
		assert (now - seen, seen - now) == (come, go_), choice
		seen = now


def test_a_providers_settings_are_filled_in_where_nothing_was_typed(logged_in: LogIn) -> None:
	page = logged_in("/app/email-domain/new")
	field(page, "email_id").fill("jean@gmail.com")
	page.keyboard.press("Tab")
	expect(field(page, "domain_name")).to_have_value("gmail.com")
	expect(field(page, "email_server")).to_have_value("imap.gmail.com")
	expect(field(page, "smtp_server")).to_have_value("smtp.gmail.com")
	help = page.locator("[data-fieldname=provider_help]")
	expect(help).to_contain_text("Utilisez un mot de passe d'application")
	expect(help.get_by_role("link").first).to_have_attribute("href", "https://support.google.com/mail/answer/7126229")

	page.reload()
	page.wait_for_selector("body.ready")
	field(page, "email_server").fill("imap.masociete.example")
	field(page, "email_id").fill("jean@gmail.com")
	page.keyboard.press("Tab")
	expect(field(page, "domain_name")).to_have_value("gmail.com")
	page.wait_for_load_state("networkidle")
	expect(field(page, "email_server")).to_have_value("imap.masociete.example")

	# a domain of one's own says nothing of who hosts it: that is chosen, and taken whatever stands there
	page.get_by_role("button", name="Paramètres d'un fournisseur").click()
	page.get_by_role("dialog").get_by_role("combobox").select_option("OVH")
	page.get_by_role("button", name="Utiliser ces paramètres").click()
	expect(field(page, "email_server")).to_have_value("ssl0.ovh.net")


def test_the_form_says_what_to_do_on_the_side_of_the_chosen_service(logged_in: LogIn) -> None:
	page = logged_in("/app/email-account/new")
	help = page.locator("[data-fieldname=provider_help]")
	expect(help.get_by_role("link", name="Outlook")).to_be_visible()
	field(page, "service", "select").select_option("GMail")
	expect(help).to_contain_text("L'accès IMAP doit être activé dans les paramètres de la messagerie.")
	links = help.get_by_role("link")
	expect(links).to_have_text(["Paramètres du fournisseur", "Mots de passe d'application"])
	expect(links.first).to_have_attribute("href", "https://support.google.com/mail/answer/7126229")
	field(page, "service", "select").select_option("")
	for name, address in (
		("Gmail", "support.google.com/mail/answer/7126229"),
		("Outlook", "support.microsoft.com/office/c82de912-"),
	):
		expect(help.get_by_role("link", name=name)).to_have_attribute("href", re.compile(re.escape(address)))


def test_remote_images_are_loaded_once_their_reader_agrees(
	logged_in: LogIn, contact: str, elsewhere: tuple[str, list[str]]
) -> None:
	url, asked = elsewhere
	url = url.replace("127.0.0.1", "localhost")

	def mail_with(picture: str, **values: Any) -> None:
		mail = message(contact, content="x", **values)
		content = f'<p>Bonjour</p><img data-remote-src="{url}/{picture}" width="60" height="40">'
		frappe.db.set_value("Communication", mail.name, "content", content)
		frappe.db.commit()

	mail_with("of-paul")
	# a page of its own: every other page of these tests may ask nobody
	page = logged_in("/app").context.new_page()
	go(page, f"/app/contact/{contact}")
	mails = page.locator(".timeline-item")
	show = mails.get_by_role("button", name="Afficher les images")
	expect(show).to_be_visible()
	assert asked == []
	with page.expect_response(f"{url}/of-paul"):
		show.click()
	expect(show).to_have_count(0)

	# that was once: the next time one is asked again
	page.reload()
	expect(show).to_be_visible()
	assert asked == ["/of-paul"]
	with page.expect_response(f"{url}/of-paul"):
		mails.get_by_role("button", name="Toujours pour cet expéditeur").click()
	mail_with("of-ines", sender="ines@client.example", sender_full_name="Ines")
	with page.expect_response(f"{url}/of-paul"):
		page.reload()
	expect(mails).to_have_count(2)
	expect(show).to_have_count(1)
	assert asked == ["/of-paul"] * 3


def test_failed_mail_is_processed_again_from_its_list(logged_in: LogIn, monkeypatch: pytest.MonkeyPatch) -> None:
	asked: list[tuple[str, dict[str, Any]]] = []
	for number in range(3):
		row = {"subject": f"Mail {number}", "sender": "paul@client.example", "state": "Failed", "reason": "No such type."}
		received = frappe.get_doc({"doctype": "Incoming Email", "email_account": "Support", "trace": "[]", **row})
		received.update({"name": f"{number:040x}"}).db_insert()
	frappe.db.commit()
	page = logged_in("/app/incoming-email?state=Failed")
	expect(page.locator(".result .pill.red")).to_have_text(["Échec"] * 3)
	monkeypatch.setattr(frappe, "enqueue", lambda method, **kwargs: asked.append((method, kwargs)))
	for number in (0, 2):
		page.get_by_role("row", name=f"Mail {number}").get_by_role("checkbox").check()
	page.locator("summary", has_text="Actions").click()
	page.get_by_role("menuitem", name="Traiter à nouveau").click()
	expect(page.locator(".toast")).to_contain_text("traités à nouveau")
	[(method, kwargs)] = asked
	assert (method, sorted(kwargs["names"])) == ("dokos_mail.jobs.process_again", [f"{number:040x}" for number in (0, 2)])


def test_the_form_follows_a_check_until_it_has_ended(logged_in: LogIn) -> None:
	"""Saving is instant; what the check found stands on the form without anybody's doing."""
	with FaultyImap() as server:
		values = {"email_id": "support@masociete.example", "email_account_name": "Support", "password": "x", "enable_incoming": 1}
		reached = {"email_server": server.host, "incoming_port": str(server.port), "use_imap": 1}
		name = frappe.get_doc({"doctype": "Email Account", **values, **reached}).insert().name
		frappe.db.commit()
		page = logged_in(f"/app/email-account/{name}")
		notice = page.locator(".notice")
		expect(notice).to_contain_text("La connexion est en cours de vérification.")
		expect(page.locator(".title-area .pill")).to_have_text("En cours de vérification")
		jobs.check_account(name)
		expect(notice).to_contain_text("La connexion fonctionne.")
		expect(page.locator(".title-area .pill")).to_have_text("Fonctionne")
