"""Email Account: a mailbox that is read, an identity that sends (seed page, section 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import frappe
from frappe import _
from frappe.utils import cint, escape_html, validate_email_address

from dokos_mail import asked_of_core, host
from dokos_mail.doctype.email_account.inbox_users import forget_inbox, set_up_inbox
from dokos_mail.doctype.email_domain.email_domain import shared_settings, tidy_server_settings
from dokos_mail.outbound import host_body

# Nothing of the engine is imported at run time up here: on Dokos 3 an import that fails while migrating makes the host
# take the DocType for an orphan.
if TYPE_CHECKING:
	from dokos_mail.engine.connect.settings import Protocol, Security, ServerSettings

#: Boxes that at most one account may have, and the box without which they mean nothing.
ONLY_ONE = {
	"default_incoming": "enable_incoming",
	"default_outgoing": "enable_outgoing",
	"enable_automatic_linking": "enable_incoming",
}
#: Services that the host speaks to in a way of its own.
HOST_SERVICES = ("Frappe Mail",)
LOCAL_SERVERS = ("localhost", "127.0.0.1", "::1")


class EmailAccount(host.base_class("Email Account")):
	"""Saving never connects, so it never waits for a server nor is refused by one: see :meth:`on_update`.

	On a bench this derives from core's class, and core's finders return instances of it.
	"""

	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from dokos_mail.doctype.imap_folder.imap_folder import IMAPFolder

		add_signature: DF.Check
		always_use_account_email_id_as_sender: DF.Check
		always_use_account_name_as_sender_name: DF.Check
		append_emails_to_sent_folder: DF.Check
		append_condition: DF.SmallText | None
		append_to: DF.Link | None
		ascii_encode_password: DF.Check
		attachment_limit: DF.Int
		authserv_id: DF.Data | None
		auth_method: DF.Literal["Basic", "OAuth"]
		auto_reply_message: DF.TextEditor | None
		awaiting_password: DF.Check
		brand_logo: DF.AttachImage | None
		connected_app: DF.Link | None
		connected_user: DF.Link | None
		connection_state: DF.Literal["", "Checking", "Working", "Failing"]
		create_contact: DF.Check
		default_incoming: DF.Check
		default_outgoing: DF.Check
		delete_from_server: DF.Check
		domain: DF.Link | None
		email_account_name: DF.Data | None
		email_id: DF.Data
		email_server: DF.Data | None
		email_sync_option: DF.Literal["ALL", "UNSEEN"]
		enable_auto_reply: DF.Check
		enable_automatic_linking: DF.Check
		enable_incoming: DF.Check
		enable_outgoing: DF.Check
		enforce_attachment_limit: DF.Check
		footer: DF.TextEditor | None
		imap_folder: DF.Table[IMAPFolder]
		incoming_port: DF.Data | None
		initial_sync_count: DF.Literal["100", "250", "500"]
		keep_read_status: DF.Check
		leave_on_server_days: DF.Int
		login_id: DF.Data | None
		login_id_is_different: DF.Check
		mark_as_read: DF.Check
		no_failed: DF.Int
		no_smtp_authentication: DF.Check
		notify_if_unreplied: DF.Check
		password: DF.Password | None
		send_notification_to: DF.SmallText | None
		send_unsubscribe_message: DF.Check
		sent_folder_name: DF.Data | None
		service: DF.Literal[
			"",
			"GMail",
			"Sendgrid",
			"SparkPost",
			"Yahoo Mail",
			"Outlook.com",
			"Yandex.Mail",
			"iCloud",
			"OVH",
			"Gandi",
			"Infomaniak",
			"Ionos",
			"Orange",
			"Free",
			"SFR",
			"La Poste",
			"Zoho",
			"Fastmail",
		]
		signature: DF.TextEditor | None
		smtp_port: DF.Data | None
		smtp_server: DF.Data | None
		track_email_status: DF.Check
		uidnext: DF.Int
		uidvalidity: DF.Data | None
		unreplied_by: DF.Literal["Us", "The Correspondent"]
		unreplied_for_mins: DF.Int
		use_imap: DF.Check
		use_ssl: DF.Check
		use_ssl_for_outgoing: DF.Check
		use_starttls: DF.Check
		use_tls: DF.Check
		validate_ssl_certificate: DF.Check
		validate_ssl_certificate_for_outgoing: DF.Check
		watch_sent_folder: DF.Check
	# end: auto-generated types

	def autoname(self) -> None:
		"""The account's name; made of the address when nobody gave one."""
		if not self.email_account_name:
			words = (self.email_id or "").partition("@")[0]
			for separator in "._-+":
				words = words.replace(separator, " ")
			self.email_account_name = " ".join(words.split()).title() or self.email_id
		self.name = self.email_account_name

	def before_validate(self) -> None:
		"""Take over the settings of the domain or, where nobody typed any, of the service."""
		self.email_id = (self.email_id or "").strip()
		self._choose_domain_or_service()
		if self.domain and frappe.db.exists("Email Domain", self.domain):
			self.update(shared_settings(frappe.get_doc("Email Domain", self.domain)))

	def _choose_domain_or_service(self) -> None:
		if self.domain and self.service:
			frappe.msgprint(
				_("The settings of the domain {0} are used: the service was emptied.").format(frappe.bold(self.domain))
			)
			self.service = ""
		if self.domain or self.email_server or self.smtp_server or not (self.enable_incoming or self.enable_outgoing):
			return
		from dokos_mail.engine.providers import domain_of, settings_for

		if self.service:
			self.update(settings_for(self.service))
		elif frappe.db.exists("Email Domain", domain_of(self.email_id)):
			self.domain = domain_of(self.email_id)

	def validate(self) -> None:
		"""Refuse what cannot work whatever the server says.

		Does not call the host's own validation, which logs in to the servers (row A6), unless the service is the
		host's own affair. An account with nothing but an address is valid: the host's setup makes one.
		"""
		if self.is_hosts_service():
			return super().validate()
		validate_email_address(self.email_id, True)
		if not self.login_id_is_different:
			self.login_id = None
		elif not (self.login_id or "").strip():
			frappe.throw(_("Type the login, or say that it is the email address."))
		tidy_server_settings(self)
		self._validate_servers()
		self._validate_password()
		self._validate_folders()
		self._validate_conditions()
		self._validate_notification()

	def _validate_servers(self) -> None:
		if self.enable_incoming and not self.email_server and not self.awaiting_password:
			frappe.throw(_("{0}: the account cannot receive without one.").format(frappe.bold(_("Email Server"))))
		if self.enable_outgoing and not self.smtp_server and not self.awaiting_password:
			frappe.throw(_("{0}: the account cannot send without one.").format(frappe.bold(_("SMTP Server"))))

	def _validate_password(self) -> None:
		if self.auth_method == "OAuth":
			self.awaiting_password = 0
			return
		password = self.get_password("password", raise_exception=False) or ""
		if cint(self.ascii_encode_password) and not password.isascii():
			text = _("{0} has characters other than ASCII, and the account is set to use ASCII only.")
			frappe.throw(text.format(frappe.bold(_("Password"))))
		if password:
			return
		sends_with_login = self.enable_outgoing and not self.no_smtp_authentication and self.smtp_server not in LOCAL_SERVERS
		if (self.enable_incoming or sends_with_login) and not self.awaiting_password:
			text = _("{0}: type it, or tick “{1}” so that its user is asked for it.")
			frappe.throw(text.format(frappe.bold(_("Password")), _("Awaiting password")))

	def _validate_folders(self) -> None:
		if not self.enable_incoming:
			return
		from dokos_mail.append_to import append_to_doctypes

		names = [folder_key(row.folder_name) for row in self.imap_folder]
		for row in self.imap_folder:
			if names.count(folder_key(row.folder_name)) > 1:
				frappe.throw(_("The folder {0} stands in more than one row.").format(frappe.bold(row.folder_name)))
		wanted = {doctype for doctype in (self.append_to, *(row.append_to for row in self.imap_folder)) if doctype}
		if unknown := sorted(wanted.difference(append_to_doctypes())):
			frappe.throw(
				_("Emails cannot be appended to {0}. An app offers a document type by naming it under {1} in its hooks.").format(
					frappe.bold(_(unknown[0])), "<code>email_append_to</code>"
				)
			)

	def _validate_conditions(self) -> None:
		from dokos_mail.engine.message.condition import ConditionBroken, check

		for row in (self, *self.imap_folder):
			expression = (row.get("append_condition") or "").strip()
			try:
				if expression:
					check(expression)
			except ConditionBroken as error:
				where = f" ({row.folder_name})" if row is not self else ""
				frappe.throw(
					_("The condition for a new document cannot be evaluated{0}: {1}").format(
						where, f"<code>{escape_html(str(error))}</code>"
					)
				)

	def _validate_notification(self) -> None:
		if not self.notify_if_unreplied:
			return
		if not self.get_unreplied_notification_emails():
			frappe.throw(_("Say to whom a notification is sent when nobody replies."))
		for address in self.get_unreplied_notification_emails():
			validate_email_address(address, True)

	def before_save(self) -> None:
		"""A box that means nothing without another one is unset, and that is said."""
		from dokos_mail.health import expected, summary

		for field, needed in ONLY_ONE.items():
			if self.get(field) and not self.get(needed):
				self.set(field, 0)
				frappe.msgprint(
					_("{0} was unset: it needs {1}.").format(
						frappe.bold(_(self.meta.get_label(field))), frappe.bold(_(self.meta.get_label(needed)))
					)
				)

		self.connection_state = summary(*expected(self))

	def on_update(self) -> None:
		"""What follows from the new settings. The connection is tried by a job, once this save is final."""
		self._be_the_only_one()
		set_up_inbox(self)
		from dokos_mail.health import mark_checking

		mark_checking(self)
		if self.connection_state:
			frappe.enqueue("dokos_mail.jobs.check_account", account=self.name, enqueue_after_commit=True)

	def _be_the_only_one(self) -> None:
		for field in ONLY_ONE:
			if not self.get(field):
				continue
			for other in frappe.get_all("Email Account", filters={field: 1, "name": ("!=", self.name)}, pluck="name"):
				frappe.db.set_value("Email Account", other, field, 0)
				frappe.clear_document_cache("Email Account", other)
				frappe.msgprint(
					_("{0}: {1} takes the place of {2}.").format(
						_(self.meta.get_label(field)), frappe.bold(self.name), frappe.bold(other)
					)
				)

	def on_trash(self) -> None:
		"""Communications stay, without their account; users lose the inbox; what only describes the account goes."""
		communication = frappe.qb.DocType("Communication")
		frappe.qb.update(communication).set(communication.email_account, None).where(
			communication.email_account == self.name
		).run()
		forget_inbox(self.name)
		for doctype in ("Email Folder", "Email Account Status"):
			frappe.db.delete(doctype, {"email_account": self.name})

	def after_rename(self, old: str, new: str, merge: bool = False) -> None:
		"""The account's name is the document's."""
		frappe.db.set_value("Email Account", new, "email_account_name", new)

	# What others ask of an account

	def is_hosts_service(self) -> bool:
		"""Whether the service is one that the host speaks to in a way of its own."""
		return self.get("service") in HOST_SERVICES and host.owns_mail()

	def is_left_to_host(self) -> bool:
		"""Whether receiving is the host's own class's affair: its services and OAuth logins."""
		return host.owns_mail() and (self.is_hosts_service() or self.auth_method == "OAuth")

	def receives_here(self) -> bool:
		"""Whether this app reads the mailbox."""
		return bool(self.enable_incoming) and not self.is_left_to_host()

	def sends_here(self) -> bool:
		"""Whether this app knows how to reach the server that sends."""
		return bool(self.enable_outgoing) and not self.is_hosts_service()

	def incoming_settings(self) -> ServerSettings:
		"""How to reach the mailbox. Holds the password, which is not in its repr: never log it otherwise."""
		protocol = "imap" if self.use_imap else "pop3"
		security = "tls" if self.use_ssl else "starttls" if self.use_starttls else "plain"
		return self._settings(protocol, self.email_server, self.incoming_port, security, self.get("validate_ssl_certificate"))

	def outgoing_settings(self) -> ServerSettings:
		"""How to reach the server that sends; without a login where it wants none."""
		security = "tls" if self.use_ssl_for_outgoing else "starttls" if self.use_tls else "plain"
		verify = self.get("validate_ssl_certificate_for_outgoing")
		stored = self.get_password("password", raise_exception=False) or self.auth_method == "OAuth"
		login = not self.no_smtp_authentication and bool(stored or self.smtp_server not in LOCAL_SERVERS)
		return self._settings("smtp", self.smtp_server, self.smtp_port, security, verify, login=login)

	def _settings(
		self, protocol: Protocol, server: str, port: str, security: Security, verify: int | None, login: bool = True
	) -> ServerSettings:
		from dokos_mail.engine.connect.settings import ServerSettings

		return ServerSettings(
			host=server or "",
			login=(self.login_id or self.email_id) if login else "",
			password=(self.get_password("password", raise_exception=False) or "") if login else "",
			port=cint(port) or None,
			security=security,
			protocol=protocol,
			verify=verify is None or bool(cint(verify)),
			ca_file=frappe.conf.get("ssl_ca_file"),
			ascii_password=bool(self.ascii_encode_password),
			access_token=self._access_token() if login and protocol == "smtp" else "",
		)

	def _access_token(self) -> str:
		"""The token of an account that logs in by OAuth, which the host gets, keeps and renews; empty for others.

		Raises TokenMissing where the host has none, or none that is still good.
		"""
		from dokos_mail.engine.errors import TokenMissing

		if self.auth_method != "OAuth":
			return ""
		token = self.get_oauth_token() if host.owns_mail() else None
		found = token.get_password("access_token", raise_exception=False) if token else ""
		if not found:
			raise TokenMissing(host=self.smtp_server or "", login=self.login_id or self.email_id)
		return found

	def folders(self) -> list[tuple[str, str | None]]:
		"""The folders to read, in order, each with the document type its mail becomes. Without a row: INBOX."""
		rows = [(row.folder_name, row.append_to or self.append_to or None) for row in self.imap_folder] if self.use_imap else []
		return rows or [("INBOX", self.append_to or None)]

	def receive(self) -> None:
		"""Pull the account.

		The host's own job comes here too, and stays as it is, so that mail goes on should this app vanish from the
		bench. Its worker has little time: a pull that is due is enqueued for one that has more.
		"""
		if self.is_left_to_host():
			return super().receive()
		from dokos_mail.jobs import is_hosts_pull, pull_account, pull_if_due

		if is_hosts_pull():
			pull_if_due(self.name)
		else:
			pull_account(self.name)

	@property
	def default_sender(self) -> str | None:
		"""``Name <address>``, or None for an account without an address."""
		from email.utils import formataddr

		return formataddr((self.name, self.email_id)) if self.email_id else None

	def is_exists_in_db(self) -> bool:
		"""Whether this account is stored, or was made up for one mail."""
		return bool(self.name and frappe.db.exists("Email Account", self.name))

	def get_unreplied_notification_emails(self) -> list[str]:
		"""Addresses to notify, one per line or separated by commas."""
		return [
			address.strip() for address in (self.send_notification_to or "").replace(",", "\n").split("\n") if address.strip()
		]

	def get_smtp_server(self) -> object:
		"""What sends for this account, not connected yet; it has ``session.sendmail`` and ``quit`` as the host's has."""
		if self.is_hosts_service():
			return super().get_smtp_server()
		from dokos_mail.outbound.account import courier_for

		return courier_for(self)

	@frappe.whitelist()
	def get_domain_values(self, domain: str) -> dict[str, object]:
		"""The settings that the account would have from a domain (asked by the form)."""
		return shared_settings(frappe.get_doc("Email Domain", domain))


def folder_key(name: str) -> str:
	"""A folder's name as servers compare it: INBOX in any letters is one folder (RFC 3501, 5.1)."""
	name = (name or "").strip()
	return "INBOX" if name.upper() == "INBOX" else name


@frappe.whitelist()
def mailbox_services() -> list[str]:
	"""Names of the services that offer mailboxes, for a form to choose from."""
	from dokos_mail.append_to import only_for_readers_of_accounts
	from dokos_mail.engine.providers import PROVIDERS

	only_for_readers_of_accounts()
	return [known.service for known in PROVIDERS if known.imap]


@frappe.whitelist()
def propose_settings(service_or_address: str, pop3: int | str = 0) -> dict[str, object]:
	"""What is known of a service, or of the provider of an address: settings, hints and links for the form.

	An address whose domain is an Email Domain of the site gives that domain. Nothing is looked up anywhere else.
	"""
	from dokos_mail.append_to import only_for_readers_of_accounts
	from dokos_mail.engine.providers import domain_of, provider

	only_for_readers_of_accounts()

	if "@" in service_or_address and frappe.db.exists("Email Domain", domain_of(service_or_address)):
		return {"domain": domain_of(service_or_address)}
	known = provider(service_or_address)
	if not known:
		return {}
	return {
		"service": known.service,
		"settings": known.account_settings(pop3=bool(cint(pop3))),
		"hints": [_(hint) for hint in known.hints],
		"help_url": known.help_url,
		"password_url": known.password_url,
	}


# Whatever composes a mail looks for an account first, and so comes by here: also where no hook is run (`bench console`).
asked_of_core.correct_finders()
host_body.correct_body()
