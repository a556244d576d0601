"""Installed apps take part in mail (row H5), as the example app does; one that fails costs nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from types import ModuleType, SimpleNamespace

import frappe
import pytest

from dokos_mail.inbound import store
from dokos_mail.inbound.apps import ReceivedMail
from dokos_mail.jobs import process_again, sweep_journal
from dokos_mail.outbound.render import ask_other_apps
from tests.app.test_placing import PASS, SERVER, last, received, signed
from tests.app.test_pull import communication, journal
from tests.mailbox import Mailbox, raw


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
	"""``app.choose`` and ``app.tell`` are what an installed app names in its hooks besides the example's."""
	functions = SimpleNamespace(choose=None, tell=None)
	module = ModuleType("crm.other")
	module.choose = lambda mail: functions.choose(mail) if functions.choose else None
	module.tell = lambda communication, mail: functions.tell(communication, mail) if functions.tell else None
	monkeypatch.setitem(sys.modules, "crm.other", module)
	ask = frappe.get_hooks

	def get_hooks(hook: str | None = None, *args: object, **kwargs: object) -> object:
		more = {"mail_before_place": ["crm.other.choose"], "mail_after_store": ["crm.other.tell"]}.get(hook)
		return [*ask(hook, *args, **kwargs), *more] if more else ask(hook, *args, **kwargs)

	monkeypatch.setattr(frappe, "get_hooks", get_hooks)
	return functions


# The example app


def test_the_example_chooses_a_document_by_its_name_for_its_contact_alone(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(append_to="Opportunity", authserv_id=SERVER)
	first = received(mailbox, raw("Toiture"))
	subject = f"A propos de {first.reference_name}"
	assert received(mailbox, raw(subject)).reference_name != first.reference_name
	stranger = signed(raw(subject, sender="a@ailleurs.test"), PASS.replace("client.test", "ailleurs.test"))
	assert received(mailbox, stranger).reference_name != first.reference_name
	row = received(mailbox, signed(raw(subject), PASS))
	assert (row.rule, row.reference_name) == ("app", first.reference_name)


def test_the_example_refuses(mailbox: Mailbox, site_config: Callable[..., None]) -> None:
	site_config(crm_refused_domains=["concurrent.test"])
	row = received(mailbox, raw("offre", sender="a@concurrent.test"))
	assert (row.state, row.rule, row.communication) == ("Ignored", "refused", None)
	assert "concurrent.test writes nothing" in row.reason
	site_config(crm_refused_domains=[])
	process_again([row.name])
	assert (last(mailbox).state, last(mailbox).reference_doctype) == ("Processed", "Opportunity")


def test_the_example_wants_no_document_for_orders(mailbox: Mailbox) -> None:
	row = received(mailbox, raw("Commande 12", X_Web_Shop_Order="12"))
	assert (row.state, row.rule, row.reference_name) == ("Processed", "app", None)
	assert frappe.db.exists("Communication", row.communication)


def test_the_example_looks_again_at_lost_customers(mailbox: Mailbox) -> None:
	first = received(mailbox, raw("Devis", message_id="perdu@client.test"))
	frappe.db.set_value("Opportunity", first.reference_name, "status", "Lost")
	frappe.db.commit()
	row = received(mailbox, raw("Finalement", In_Reply_To="<perdu@client.test>"))
	assert frappe.db.get_value("Opportunity", first.reference_name, "status") == "Open"
	assert not row.hooks_due


def test_the_example_names_the_opportunity_in_what_is_sent(site: object) -> None:
	message = EmailMessage()
	message["Subject"], message["X-Opportunity"] = "Devis", "fausse"
	row = frappe._dict(name="q", reference_doctype="Opportunity", reference_name="OPP-1")
	assert ask_other_apps(message, row, "elodie@client.test").get_all("X-Opportunity") == ["OPP-1"]
	other = frappe._dict(name="q", reference_doctype="Contact", reference_name="C")
	assert ask_other_apps(message, other, "elodie@client.test").get_all("X-Opportunity") == ["fausse"]


# Any app


def test_an_app_chooses_any_document(mailbox: Mailbox, app: SimpleNamespace) -> None:
	contact = frappe.get_doc({"doctype": "Contact", "first_name": "Cible"}).insert().name
	app.choose = lambda mail: {"doctype": "Contact", "name": contact}
	row = received(mailbox, raw("un"))
	assert (row.reference_doctype, row.reference_name, row.rule) == ("Contact", contact, "app")
	app.choose = lambda mail: {"doctype": "Contact", "name": "il n'y en a pas"}
	assert received(mailbox, raw("deux")).rule == "append_to"


def test_an_app_chooses_the_type_of_the_new_document(make_mailbox: Callable[..., Mailbox], app: SimpleNamespace) -> None:
	app.choose = lambda mail: {"doctype": "Opportunity", "reason": "vu"} if "devis" in mail.text else None
	mailbox = make_mailbox()
	row = received(mailbox, raw("un", "un devis svp\n"))
	assert (row.rule, row.reference_doctype) == ("app", "Opportunity")
	assert "crm: vu" in row.trace
	assert received(mailbox, raw("deux")).reference_doctype is None


def test_what_an_app_sees(make_mailbox: Callable[..., Mailbox], app: SimpleNamespace) -> None:
	seen: list[ReceivedMail] = []
	app.choose = seen.append
	mailbox = make_mailbox(append_to="Opportunity", authserv_id=SERVER)
	row = received(mailbox, signed(raw("Devis", X_Spam_Flag="YES"), PASS))
	(mail,) = seen
	assert (mail.account, mail.folder, mail.subject, mail.sender) == (mailbox.account, "INBOX", "Devis", "elodie@client.test")
	assert (mail.authentication, mail.junk, mail.trial, mail.sent, mail.row) == (
		"pass",
		"X-Spam-Flag: YES",
		False,
		False,
		row.name,
	)
	assert mail.text.strip() == "Un message."
	assert mail.message.header("Date")


def test_junk_is_put_on_no_document_even_if_an_app_wants_it_there(mailbox: Mailbox, app: SimpleNamespace) -> None:
	app.choose = lambda mail: {"doctype": "Opportunity"}
	assert received(mailbox, raw("gagnez", X_Spam_Flag="YES")).rule == "junk"
	app.choose = lambda mail: {"refuse": "pourriel"}
	assert received(mailbox, raw("gagnez encore", X_Spam_Flag="YES")).state == "Ignored"


@pytest.mark.parametrize(
	"answer", [7, "OPP-1", {"name": "x"}, {}, {"doctype": "Pas de tel type"}, RuntimeError("cassé")], ids=str
)
def test_an_app_that_fails_is_named_and_the_mail_is_placed(mailbox: Mailbox, app: SimpleNamespace, answer: object) -> None:
	def choose(mail: ReceivedMail) -> object:
		frappe.get_doc({"doctype": "Contact", "first_name": f"Reste de {mail.row}"}).insert()
		if isinstance(answer, Exception):
			raise answer
		return answer

	app.choose = choose
	row = received(mailbox, raw("un"))
	assert (row.state, row.rule, row.reference_doctype) == ("Processed", "append_to", "Opportunity")
	assert "crm" in row.reason
	assert "mail_before_place" in row.reason
	assert not frappe.db.exists("Contact", {"first_name": f"Reste de {row.name}"})


def test_a_name_that_leads_nowhere_is_its_apps_error_alone(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
	ask = frappe.get_hooks

	def get_hooks(hook: str | None = None, *args: object, **kwargs: object) -> object:
		return ["crm.nowhere.choose"] if hook in ("mail_before_place", "mail_after_store") else ask(hook, *args, **kwargs)

	monkeypatch.setattr(frappe, "get_hooks", get_hooks)
	logged = frappe.db.count("Error Log")
	row = received(mailbox, raw("un"))
	assert (row.state, row.rule, row.reference_doctype) == ("Processed", "append_to", "Opportunity")
	assert row.reason.count("crm") >= 2
	assert "mail_before_place" in row.reason and "mail_after_store" in row.reason
	assert frappe.db.count("Error Log") == logged + 2


def test_an_app_is_told_of_what_is_stored_and_committed(mailbox: Mailbox, app: SimpleNamespace) -> None:
	told = []

	def tell(doc: frappe._dict, mail: ReceivedMail) -> None:
		frappe.db.rollback()
		told.append((doc.name, frappe.db.get_value("Incoming Email", mail.row, "state")))
		frappe.db.set_value("Communication", doc.name, "phone_no", "vu")

	app.tell = tell
	row = received(mailbox, raw("un"))
	assert told == [(row.communication, "Processed")]
	assert communication(row).phone_no == "vu"
	assert not row.hooks_due


def test_an_app_that_fails_afterwards_loses_nothing(mailbox: Mailbox, app: SimpleNamespace) -> None:
	def tell(doc: frappe._dict, mail: ReceivedMail) -> None:
		frappe.delete_doc("Communication", doc.name, force=True)
		raise RuntimeError("cassé")

	app.tell = tell
	row = received(mailbox, raw("un"))
	assert row.state == "Processed"
	assert frappe.db.exists("Communication", row.communication)
	assert "mail_after_store" in row.reason
	assert "cassé" in row.reason
	assert not row.hooks_due


def test_an_app_is_told_although_the_process_ended_before(mailbox: Mailbox, app: SimpleNamespace) -> None:
	told = []

	def cut(doc: frappe._dict, mail: ReceivedMail) -> None:
		raise KeyboardInterrupt

	app.tell = cut
	mailbox.put(raw("un"))
	with pytest.raises(KeyboardInterrupt):
		received(mailbox)
	frappe.db.rollback()
	(row,) = journal(mailbox)
	assert (row.state, row.hooks_due) == ("Processed", 1)
	app.tell = lambda doc, mail: told.append(doc.name)
	frappe.db.set_value("Incoming Email", row.name, "modified", "2020-01-01 00:00:00", update_modified=False)
	frappe.db.commit()
	sweep_journal()
	assert told == [row.communication]
	assert not journal(mailbox)[0].hooks_due
	sweep_journal()
	assert len(told) == 1


def test_an_app_is_told_once_whatever_becomes_of_the_next_mail(
	mailbox: Mailbox, app: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
	"""That it was told is written with the next commit, also when what came in between was undone."""
	told = []

	def tell(doc: frappe._dict, mail: ReceivedMail) -> None:
		told.append(mail.subject)
		if mail.subject == "trois":
			raise RuntimeError("en panne")

	app.tell = tell
	errors = frappe.db.count("Error Log")
	make = store.make_document

	def make_or_fail(doctype: str, message: object, note: Callable[..., None]) -> str:
		name = make(doctype, message, note)
		if message.subject == "deux":
			raise ValueError("cassé")
		return name

	monkeypatch.setattr(store, "make_document", make_or_fail)
	for subject in ("un", "deux", "trois", "deux", "quatre"):
		mailbox.put(raw(subject, message_id=f"{frappe.generate_hash(length=10)}@client.test"))
	received(mailbox)
	assert told == ["un", "trois", "quatre"]
	assert [(row.subject, row.state, row.hooks_due) for row in journal(mailbox)] == [
		("un", "Processed", 0),
		("deux", "Failed", 0),
		("trois", "Processed", 0),
		("deux", "Failed", 0),
		("quatre", "Processed", 0),
	]
	assert "en panne" in journal(mailbox)[2].reason
	# What is said of a failure stays, whatever is undone after it.
	assert frappe.db.count("Error Log") == errors + 3
