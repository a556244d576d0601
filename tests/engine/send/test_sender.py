"""Every way to ask for a sender gives the account, the names and the reason that the page and the rows A9, I11, O2, O3 say."""

from __future__ import annotations

from itertools import product

import pytest

from dokos_mail.engine.send.addresses import Mailbox
from dokos_mail.engine.send.sender import REASONS, Account, Choice, Person, choose, fails_dmarc

JEAN = Mailbox("Jean Dupond", "jean@masociete.com")
NOTICES = Account("Notifications", "notifications@masociete.com", default_outgoing=True)
JEANS = Account("Jean", "jean@masociete.com", receives=True)
SALES = Account("Commercial", "commercial@masociete.com", receives=True, appends_to=frozenset({"Opportunity"}))
SILENT = Account("Muet", "muet@masociete.com", sends=False, receives=True)
ALL = (NOTICES, JEANS, SALES, SILENT)


def chosen(*accounts: Account, **asked: object) -> tuple[str, str] | None:
	choice = choose(accounts or ALL, **asked)
	return (choice.account, choice.reason) if choice else None


def test_a_user_with_an_account_sends_through_it_and_one_without_through_the_default() -> None:
	assert chosen(asked=JEAN, person=Person(JEAN)) == ("Jean", "asked")
	assert chosen(person=Person(JEAN)) == ("Jean", "own")
	marie = Mailbox("Marie", "marie@masociete.com")
	assert chosen(asked=marie, person=Person(marie)) == ("Notifications", "default")
	assert chosen(asked=marie, person=Person(marie, ["Commercial"])) == ("Commercial", "own")
	assert chosen(asked=marie, person=Person(marie, ["Muet", "Commercial"])) == ("Commercial", "own")
	# one's own address comes before the other inboxes that one reads
	assert chosen(person=Person(JEAN, ["Commercial", "Jean"])) == ("Jean", "own")


def test_automatic_mail_leaves_through_the_default_account() -> None:
	assert chosen() == ("Notifications", "default")
	assert chosen(doctype="ToDo") == ("Notifications", "default")


def test_mail_about_a_document_leaves_through_the_account_that_feeds_its_type() -> None:
	assert chosen(doctype="Opportunity") == ("Commercial", "document type")
	both = Account("Ventes", "ventes@masociete.com", default_outgoing=True, appends_to=frozenset({"Opportunity"}))
	assert chosen(SALES, both, doctype="Opportunity") == ("Ventes", "document type")
	assert chosen(asked=JEAN, person=Person(JEAN), doctype="Opportunity") == ("Jean", "asked")


def test_no_account_sends() -> None:
	assert chosen(SILENT) is None
	assert chosen(SALES) is None, "an account that is nobody's default does not send what was not asked of it"
	assert choose([]) is None


def test_an_answer_leaves_from_the_address_that_the_correspondent_wrote_to() -> None:
	answer = {"asked": JEAN, "person": Person(JEAN, ["Jean"]), "written_to": ["client@x.fr", "Commercial@MaSociete.com"]}
	choice = choose(ALL, **answer)
	assert (choice.account, choice.reason) == ("Commercial", "written to")
	assert choice.from_ == Mailbox("Jean Dupond", "commercial@masociete.com")
	assert choice.envelope_sender == "commercial@masociete.com"


@pytest.mark.parametrize(
	("written_to", "account"),
	[
		(["jean@masociete.com", "commercial@masociete.com"], "Jean"),
		(["commercial@masociete.com", "jean@masociete.com"], "Jean"),  # it was written to the asked one as well
		(["muet@masociete.com"], "Jean"),  # ours, but it does not send
		(["muet@masociete.com", "commercial@masociete.com"], "Commercial"),
		(["commercial+opp-7@masociete.com"], "Commercial"),
		(["client@x.fr"], "Jean"),
		([], "Jean"),
	],
)
def test_which_of_several_addresses(written_to: list[str], account: str) -> None:
	assert chosen(asked=JEAN, person=Person(JEAN), written_to=written_to)[0] == account


def test_a_sender_that_was_chosen_on_purpose_stays_in_an_answer() -> None:
	choice = choose(
		ALL, asked=Mailbox("Jean Dupond", NOTICES.address), person=Person(JEAN), written_to=["commercial@masociete.com"]
	)
	assert (choice.account, choice.reason) == ("Notifications", "asked")


BOXES = {
	(False, False): Mailbox("Jean Dupond", "jean@masociete.com"),
	(True, False): Mailbox("info@masociete.com", "info@masociete.com"),
	(False, True): Mailbox("Info", "jean@masociete.com"),
	(True, True): Mailbox("Info", "info@masociete.com"),
}


@pytest.mark.parametrize(("boxes", "expected"), BOXES.items())
def test_the_two_boxes(boxes: tuple[bool, bool], expected: Mailbox) -> None:
	account = Account("Info", "info@masociete.com", default_outgoing=True, address_as_sender=boxes[0], name_as_sender=boxes[1])
	choice = choose([account], asked=JEAN, person=Person(JEAN))
	assert choice.from_ == expected
	assert choice.envelope_sender == "info@masociete.com"


@pytest.mark.parametrize(
	("boxes", "name"),
	[((False, False), "Info"), ((True, False), "info@masociete.com"), ((False, True), "Info"), ((True, True), "Info")],
)
def test_the_two_boxes_on_automatic_mail(boxes: tuple[bool, bool], name: str) -> None:
	account = Account("Info", "info@masociete.com", default_outgoing=True, address_as_sender=boxes[0], name_as_sender=boxes[1])
	assert choose([account]).from_ == Mailbox(name, "info@masociete.com")


DEFAULT_IN = Account("Réponses", "reponses@masociete.com", receives=True, default_incoming=True)


def test_reply_to() -> None:
	def reply_to(*accounts: Account, **asked: object) -> tuple[Mailbox, ...]:
		return choose(accounts, **asked).reply_to

	marie = {"asked": Mailbox("Marie", "marie@masociete.com")}
	assert reply_to(NOTICES, DEFAULT_IN, **marie) == (Mailbox("", "reponses@masociete.com"),)
	assert reply_to(NOTICES, SALES, **marie) == (), "the person is the From already"
	receiving = Account("Accueil", "accueil@masociete.com", receives=True, default_outgoing=True)
	assert reply_to(receiving, DEFAULT_IN, **marie) == (), "the sending account receives"
	masked = Account("Notifications", "notifications@masociete.com", default_outgoing=True, address_as_sender=True)
	assert reply_to(masked, **marie) == (Mailbox("Marie", "marie@masociete.com"),)
	assert reply_to(masked) == (), "automatic mail without anybody to answer"
	deaf = Account("Ancien", "ancien@masociete.com", default_incoming=True)
	assert reply_to(NOTICES, deaf, DEFAULT_IN, **marie) == (Mailbox("", "reponses@masociete.com"),), "it receives no more"
	wanted = [Mailbox("Achat", "achat@x.fr"), Mailbox("", "b@x.fr")]
	assert reply_to(receiving, DEFAULT_IN, reply_to=wanted, **marie) == tuple(wanted)


def test_every_combination_gives_a_consistent_choice() -> None:
	"""All that can be asked of all sets of accounts: what holds whatever the answer is."""
	flags = list(product((False, True), repeat=2))
	count = 0
	for (default_out, receives), (address_box, name_box), (has_default_in, sends) in product(flags, flags, flags):
		first = Account(
			"Un",
			"un@a.fr",
			sends=sends,
			receives=receives,
			default_outgoing=default_out,
			address_as_sender=address_box,
			name_as_sender=name_box,
			appends_to=frozenset({"Issue"}),
		)
		second = Account("Deux", "deux@b.fr", receives=has_default_in, default_incoming=has_default_in)
		accounts = [first, second]
		people = [None, Person(JEAN), Person(JEAN, ["Un"]), Person(JEAN, ["Deux", "Un"])]
		senders = [None, JEAN, Mailbox("", "UN@A.fr"), Mailbox("Autre", "autre@ailleurs.org")]
		for person, asked, doctype, written_to in product(people, senders, (None, "Issue"), ([], ["deux@b.fr"], ["un+x@a.fr"])):
			choice = choose(accounts, asked=asked, person=person, doctype=doctype, written_to=written_to)
			count += 1
			if choice is None:
				assert not (sends and default_out)
				continue
			_check(choice, {each.name: each for each in accounts}, asked, person)
	assert count == 4**3 * 4 * 4 * 2 * 3


def _check(choice: Choice, accounts: dict[str, Account], asked: Mailbox | None, person: Person | None) -> None:
	account = accounts[choice.account]
	assert account.sends
	assert choice.reason in REASONS
	assert choice.envelope_sender == account.address
	if account.address_as_sender:
		assert choice.from_.address == account.address
		assert choice.from_.name == (account.name if account.name_as_sender else account.address)
	elif account.name_as_sender:
		assert choice.from_.name == account.name
	if account.receives:
		assert choice.reply_to == ()
	assert choice.from_.key not in {each.key for each in choice.reply_to}
	if choice.reason == "own":
		assert person and (asked is None or asked.key == person.mailbox.key)


@pytest.mark.parametrize(
	("shown", "account", "fails"),
	[
		("jean@masociete.com", "contact@masociete.com", False),
		("jean@Masociete.COM", "contact@masociete.com.", False),
		("jean@mail.masociete.com", "contact@masociete.com", False),
		("jean@masociete.com", "contact@mail.masociete.com", False),
		("jean@gmail.com", "contact@masociete.com", True),
		("jean@autremasociete.com", "contact@masociete.com", True),
		("jean@société.fr", "contact@xn--socit-esab.fr", False),
		("", "contact@masociete.com", False),
	],
)
def test_a_from_that_fails_the_domains_dmarc(shown: str, account: str, fails: bool) -> None:
	assert fails_dmarc(shown, account) is fails
