"""Pulling a real mailbox: what arrives, what it becomes, what the mailbox looks like afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from email.utils import formatdate
from pathlib import Path

import frappe
import pytest

from dokos_mail.engine.receive.imap import ImapSession
from dokos_mail.inbound.account import raw_store
from dokos_mail.inbound.place import Facts, Placement, World
from dokos_mail.jobs import process_again, pull_account
from tests.mailbox import Mailbox, raw


def journal(mailbox: Mailbox, **filters: object) -> list[frappe._dict]:
	"""The journal rows of a mailbox, as received."""
	return frappe.get_all(
		"Incoming Email",
		filters={"email_account": mailbox.account} | filters,
		fields=["*"],
		order_by="received_on asc, creation asc, idx asc",
	)


def communication(row: frappe._dict) -> frappe._dict:
	return frappe.db.get_value("Communication", row.communication, "*", as_dict=True)


def pull(mailbox: Mailbox) -> None:
	result = pull_account(mailbox.account)
	assert result is not None
	assert result.error is None


def test_a_first_mail_becomes_a_document_with_its_communication(mailbox: Mailbox) -> None:
	# a bench keeps the documents of earlier runs, which an answer without a thread would join by its subject
	name = frappe.generate_hash(length=8)
	mailbox.put(raw("Re: café menu été", sender=f'"Martin, Élodie" <{name.upper()}@Client.test>', message_id="first@client.test"))
	pull(mailbox)
	(row,) = journal(mailbox)
	assert (row.state, row.reference_doctype, row.rule) == ("Processed", "Opportunity", "append_to")
	opportunity = frappe.get_doc("Opportunity", row.reference_name)
	assert opportunity.title == "Re: café menu été"
	assert opportunity.contact_email.lower() == f"{name}@client.test"
	assert opportunity.party_name == "Martin, Élodie"
	mail = communication(row)
	assert (mail.reference_doctype, mail.reference_name) == ("Opportunity", opportunity.name)
	assert (mail.sent_or_received, mail.communication_medium, mail.status) == ("Received", "Email", "Linked")
	assert mail.message_id == "first@client.test"
	assert mail.incoming_email == row.name
	assert "Un message." in mail.content


def test_a_pull_asks_for_many_at_once_and_leaves_the_account_as_it_is(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
	"""Flaw 43: the host asks twice for each message, header and all, and changes the account under whoever has its form open."""
	commands: list[bytes] = []
	send = ImapSession.send

	def noted(session: ImapSession, command: bytes) -> bytes:
		commands.append(command)
		return send(session, command)

	monkeypatch.setattr(ImapSession, "send", noted)
	before = frappe.db.get_value("Email Account", mailbox.account, ["modified", "uidnext"])
	asked = []
	for count in (2, 2, 30):
		commands.clear()
		for number in range(count):
			mailbox.put(raw(f"{count} {number}"))
		pull(mailbox)
		asked.append(len(commands))
	assert len(journal(mailbox)) == 34
	assert asked[2] <= asked[1] + 1 < 10, commands
	assert frappe.db.get_value("Email Account", mailbox.account, ["modified", "uidnext"]) == before


def test_replies_join_their_thread_by_either_header(mailbox: Mailbox) -> None:
	mailbox.put(raw("Devis", message_id="root@client.test"))
	pull(mailbox)
	mailbox.put(
		raw("Re: Devis", message_id="reply@client.test", In_Reply_To="<root@client.test>"),
		raw("TR: Devis", message_id="third@client.test", References="<root@client.test> <reply@client.test>"),
		raw("Tout autre chose", message_id="other@client.test"),
	)
	pull(mailbox)
	root, reply, third, other = journal(mailbox)
	assert reply.reference_name == third.reference_name == root.reference_name
	assert (reply.rule, third.rule, other.rule) == ("in_reply_to", "references", "append_to")
	assert other.reference_name != root.reference_name
	assert communication(third).in_reply_to == reply.communication


def test_a_name_in_the_subject_reaches_no_document(mailbox: Mailbox) -> None:
	mailbox.put(raw("Secret"))
	pull(mailbox)
	(first,) = journal(mailbox)
	mailbox.put(raw(first.reference_name), raw(f"Re: Secret #{first.reference_name}"))
	pull(mailbox)
	assert len({row.reference_name for row in journal(mailbox)}) == 3


def test_pulling_changes_nothing_in_the_mailbox(mailbox: Mailbox) -> None:
	mailbox.put(raw("un"), raw("deux"))
	before = mailbox.flags()
	pull(mailbox)
	assert mailbox.flags() == before
	assert not any("\\Seen" in flags for flags in mailbox.flags().values())


def test_read_is_marked_on_the_server_when_asked(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(mark_as_read=1)
	mailbox.put(raw("un"), raw("deux"))
	pull(mailbox)
	assert all("\\Seen" in flags for flags in mailbox.flags().values())
	assert all(row.acknowledged for row in journal(mailbox))


def test_nothing_is_marked_on_the_server_before_it_is_kept(
	make_mailbox: Callable[..., Mailbox], monkeypatch: pytest.MonkeyPatch
) -> None:
	mailbox = make_mailbox(mark_as_read=1)
	mark, marked = ImapSession.mark_seen, []

	def mark_what_is_kept(self: ImapSession, uids: Iterable[int], seen: bool = True) -> None:
		uids = list(uids)
		frappe.db.rollback()  # what is not committed is not kept
		kept = {row.uid for row in journal(mailbox) if raw_store().path(row.raw_path).is_file()}
		assert kept.issuperset(map(str, uids))
		marked.extend(uids)
		mark(self, uids, seen)

	monkeypatch.setattr(ImapSession, "mark_seen", mark_what_is_kept)
	for subject in ("un", "deux"):
		mailbox.put(raw(subject))
	pull(mailbox)
	mailbox.put(raw("trois"))
	pull(mailbox)
	assert marked == [1, 2, 3]


def test_every_new_message_once_whatever_its_flags(mailbox: Mailbox) -> None:
	mailbox.put(raw("un"))
	pull(mailbox)
	mailbox.put(raw("lu ailleurs"), flags=("\\Seen",))
	mailbox.put(raw("non lu"))
	pull(mailbox)
	pull(mailbox)
	assert [row.subject for row in journal(mailbox)] == ["un", "lu ailleurs", "non lu"]


def test_first_sync_takes_the_most_recent_unread(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(email_sync_option="UNSEEN", initial_sync_count="100")
	mailbox.put(*(raw(f"non lu {n}") for n in range(110)))
	mailbox.put(*(raw(f"lu {n}") for n in range(20)), flags=("\\Seen",))
	pull(mailbox)
	assert [row.subject for row in journal(mailbox)] == [f"non lu {n}" for n in range(10, 110)]
	mailbox.put(raw("nouveau"))
	pull(mailbox)
	assert journal(mailbox)[-1].subject == "nouveau"
	assert len(journal(mailbox)) == 101


def test_folders_with_accents_each_with_its_own_document_type(make_mailbox: Callable[..., Mailbox]) -> None:
	folders = [
		{"folder_name": "INBOX"},
		{"folder_name": "Demandes/Éléments reçus", "append_to": "Opportunity"},
	]
	mailbox = make_mailbox(imap_folder=folders)
	mailbox.server.create_folder(mailbox.user, "Demandes/Éléments reçus")
	mailbox.put(raw("à plat"))
	mailbox.put(raw("en dossier"), folder="Demandes/Éléments reçus")
	pull(mailbox)
	by_subject = {row.subject: row for row in journal(mailbox)}
	assert by_subject["à plat"].reference_doctype is None
	assert by_subject["en dossier"].reference_doctype == "Opportunity"


def test_a_missing_folder_holds_back_no_other(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(imap_folder=[{"folder_name": "Nulle part"}, {"folder_name": "INBOX"}])
	mailbox.put(raw("arrivé quand même"))
	result = pull_account(mailbox.account)
	assert result.error.kind == "folder_missing"
	assert "Nulle part" in frappe.db.get_value("Email Account Status", {"email_account": mailbox.account}, "error")
	assert [row.state for row in journal(mailbox)] == ["Processed"]


def test_uidvalidity_changes_without_duplicates(mailbox: Mailbox) -> None:
	mailbox.put(raw("un", message_id="un@client.test"), raw("deux", message_id=None))
	pull(mailbox)
	# unknown mail of a renumbered folder that is older than a week is not processed
	mailbox.put(raw("trois", message_id="trois@client.test", date=formatdate()))
	mailbox.server.change_uidvalidity(mailbox.user, 987654)
	pull(mailbox)
	pull(mailbox)
	states = [(row.subject, row.state) for row in journal(mailbox, uidvalidity="987654")]
	assert sorted(states) == [("deux", "Duplicate"), ("trois", "Processed"), ("un", "Duplicate")]
	assert frappe.db.count("Communication", {"email_account": mailbox.account}) == 3


def test_the_same_message_in_two_folders_is_one(make_mailbox: Callable[..., Mailbox]) -> None:
	mailbox = make_mailbox(imap_folder=[{"folder_name": "INBOX"}, {"folder_name": "Archives"}])
	mailbox.server.create_folder(mailbox.user, "Archives")
	message = raw("deux fois", message_id="double@client.test")
	mailbox.put(message)
	mailbox.put(message, folder="Archives")
	pull(mailbox)
	first, second = journal(mailbox)
	assert [first.state, second.state] == ["Processed", "Duplicate"]
	assert first.communication == second.communication
	assert second.other_copy == first.name


def test_the_same_message_to_two_accounts_is_two_that_know_of_each_other(make_mailbox: Callable[..., Mailbox]) -> None:
	one, two = make_mailbox(append_to="Opportunity"), make_mailbox()
	message = raw("à tous deux", message_id=f"both.{one.account}@client.test")
	one.put(message)
	two.put(message)
	pull(one)
	pull(two)
	(first,), (second,) = journal(one), journal(two)
	assert (first.state, second.state) == ("Processed", "Processed")
	assert first.communication != second.communication
	assert (first.other_copy, second.other_copy) == (second.name, first.name)


def test_one_message_id_with_other_content_is_kept_and_marked(mailbox: Mailbox) -> None:
	mailbox.put(
		raw("numérisation", "page 1\n", message_id="scanner@copieur.test"),
		raw("numérisation", "page 2\n", message_id="scanner@copieur.test"),
	)
	pull(mailbox)
	first, second = journal(mailbox)
	assert (first.state, second.state) == ("Processed", "Processed")
	assert (first.possible_duplicate, second.possible_duplicate) == (0, 1)


def test_the_original_is_kept_byte_for_byte(mailbox: Mailbox) -> None:
	mailbox.put(raw("intact"))
	pull(mailbox)
	(row,) = journal(mailbox)
	kept = raw_store().read(row.raw_path)
	assert kept == mailbox.server.raw(mailbox.user, int(row.uid))
	assert len(kept) == row.size
	assert row.raw_path.endswith(f"{hashlib.sha256(kept).hexdigest()}.eml")


def test_a_message_that_cannot_be_processed_holds_nothing_back(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
	from dokos_mail.inbound import decide

	whole = decide.place

	def place_but_not_that_one(facts: Facts, world: World) -> Placement:
		if facts.in_reply_to == "poison@client.test":
			raise RuntimeError("no place for that")
		return whole(facts, world)

	mailbox.put(raw("avant"), raw("poison", In_Reply_To="<poison@client.test>"), raw("après"))
	with monkeypatch.context() as patch:
		patch.setattr(decide, "place", place_but_not_that_one)
		pull(mailbox)
	before, poison, after = journal(mailbox)
	assert [before.state, poison.state, after.state] == ["Processed", "Failed", "Processed"]
	assert "no place for that" in poison.reason
	assert raw_store().read(poison.raw_path)
	process_again([poison.name])
	assert [row.state for row in journal(mailbox)] == ["Processed"] * 3
	pull(mailbox)
	assert len(journal(mailbox)) == 3


def test_a_message_that_cannot_be_read_holds_nothing_back(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
	"""Several are read before their turn: one that cannot be costs the others nothing."""
	from dokos_mail.inbound import ahead

	parse = ahead.parse

	def parse_but_not_that_one(path: Path, **options: object) -> object:
		if b"poison" in path.read_bytes():
			raise ValueError("what is that")
		return parse(path, **options)

	mailbox.put(raw("avant"), raw("poison"), raw("après"))
	with monkeypatch.context() as patch:
		patch.setattr(ahead, "parse", parse_but_not_that_one)
		pull(mailbox)
	assert [row.state for row in journal(mailbox)] == ["Processed", "Failed", "Processed"]
	assert "what is that" in journal(mailbox)[1].reason
	process_again([journal(mailbox)[1].name])
	assert [row.state for row in journal(mailbox)] == ["Processed"] * 3


def test_attachments_and_inline_images_are_private_files(mailbox: Mailbox) -> None:
	from email.message import EmailMessage

	mail = EmailMessage()
	mail["From"], mail["To"], mail["Subject"] = "a@client.test", mailbox.user, "pièces"
	mail.set_content("texte")
	mail.add_alternative('<p onclick="x()">vu <img src="cid:logo@x"><script>alert(1)</script></p>', subtype="html")
	png = b"\x89PNG\r\n\x1a\n" + bytes(64)
	mail.get_payload()[1].add_related(png, "image", "png", cid="<logo@x>", filename="logo.png")
	mail.add_attachment(b"%PDF-1.4 devis", maintype="application", subtype="pdf", filename="Devis n° 3 été.pdf")
	mailbox.put(mail.as_bytes())
	pull(mailbox)
	(row,) = journal(mailbox)
	files = {
		file.file_name: file
		for file in frappe.get_all(
			"File",
			filters={"attached_to_doctype": "Communication", "attached_to_name": row.communication},
			fields=["name", "file_name", "file_url", "is_private"],
		)
	}
	assert any(name.startswith("Devis n° 3 été") for name in files)
	assert all(file.is_private and file.file_url.startswith("/private/files/") for file in files.values())
	content = communication(row).content
	(logo,) = (file for name, file in files.items() if name.startswith("logo"))
	assert logo.file_url in content
	assert "script" not in content
	assert "onclick" not in content


def test_deleting_an_account_keeps_its_communications(mailbox: Mailbox) -> None:
	mailbox.put(raw("reste"))
	pull(mailbox)
	(row,) = journal(mailbox)
	frappe.delete_doc("Email Account", mailbox.account)
	frappe.db.commit()
	assert frappe.db.exists("Communication", row.communication)
	assert not frappe.db.exists("Email Folder", {"email_account": mailbox.account})


def test_renaming_an_account_goes_on_where_it_was(mailbox: Mailbox) -> None:
	mailbox.put(raw("avant"))
	pull(mailbox)
	mailbox.account = frappe.rename_doc("Email Account", mailbox.account, f"{mailbox.account}-autre")
	frappe.db.commit()
	mailbox.put(raw("après"))
	pull(mailbox)
	assert [row.subject for row in journal(mailbox)] == ["avant", "après"]


def test_a_message_too_large_to_be_read_says_so_and_keeps_its_original(
	mailbox: Mailbox, site_config: Callable[..., None]
) -> None:
	site_config(mail_read_in_full_up_to=2000)
	mailbox.put(raw("énorme", "x" * 70 + "\n" + "y" * 70 * 100))
	pull(mailbox)
	(row,) = journal(mailbox)
	assert (row.state, row.subject) == ("Processed", "énorme")
	assert frappe.db.exists("Opportunity", row.reference_name)
	content = communication(row).content
	assert "yyyy" not in content
	assert row.reason
	assert row.reason in frappe.utils.strip_html(content)
	assert len(raw_store().read(row.raw_path)) == row.size > 7000
