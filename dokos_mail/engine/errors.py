"""What can go wrong between us and a mail server, in words an administrator understands.

One root, :class:`MailError`; each child says what happened (``template``), what to do (``remedy``), whose fault it is
(``fault``) and whether trying again makes sense (``retry``). Texts are English and are translated by the caller: the
engine knows no host.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

Fault = Literal["settings", "server", "network", "site"]


def N_(text: str) -> str:
	"""Mark a text for translation without translating it (gettext's convention)."""
	return text


class Words(str):
	"""A text of ours that stands as a parameter in another one, and is translated with it: ``Words(N_("..."))``."""


def quoted(text: bytes | str, *secrets: str, limit: int = 200) -> str:
	"""What a server said, fit to be shown: one line of at most ``limit`` characters, without any of ``secrets``.

	A server may echo what it was sent, so that its words go through here before they are kept anywhere.
	"""
	words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
	for secret in secrets:
		if secret:
			words = words.replace(secret, "•••")
	words = re.sub(r"[^\x20-\x7e\xa0-\U0010ffff]+", " ", words)
	words = " ".join(words.split())
	return words if len(words) <= limit else words[: limit - 1] + "…"


class MailError(Exception):
	"""Root of all errors of the engine.

	``kind`` is stable and machine-readable. ``retry`` is True when the same attempt may succeed later without anybody
	changing a setting. ``fault`` says where to look: our settings, the server, the network, this site. ``params`` fill
	the texts; they never hold a secret.
	"""

	kind = "error"
	retry = True
	fault: Fault = "server"
	template = N_("The mail server could not be used: {detail}")
	remedy = N_("Try again later. If it goes on, ask whoever runs the mail server.")

	def __init__(self, **params: object) -> None:
		self.params: dict[str, object] = {"host": "", "port": "", "detail": "", "login": "", "folder": ""} | params
		super().__init__(self.message())

	def __reduce__(self) -> tuple[object, ...]:
		return _rebuild, (type(self), self.params)

	def message(self, translate: Callable[[str], str] = str) -> str:
		"""What happened, in one sentence."""
		return translate(self.template).format(**self._translated(translate)).strip()

	def advice(self, translate: Callable[[str], str] = str) -> str:
		"""What to do next, in one sentence."""
		return translate(self.remedy).format(**self._translated(translate)).strip()

	def _translated(self, translate: Callable[[str], str]) -> dict[str, object]:
		return {name: translate(value) if isinstance(value, Words) else value for name, value in self.params.items()}


def _rebuild(kind: type[MailError], params: dict[str, object]) -> MailError:
	return kind(**params)


# Reaching the machine


class HostNotFound(MailError):
	"""The name does not exist."""

	kind = "host_not_found"
	retry = False
	fault = "settings"
	template = N_("There is no server named {host}.")
	remedy = N_("Check the server's name for a typing mistake.")


class NameServiceFailed(MailError):
	"""The name could not be looked up: whether it exists is not known."""

	kind = "name_service_failed"
	fault = "network"
	template = N_("The name {host} could not be looked up: the name service gave no answer.")
	remedy = N_("Check this machine's network and DNS settings. It is tried again by itself.")


class ConnectionRefused(MailError):
	"""The machine is there and nothing listens on the port."""

	kind = "connection_refused"
	template = N_("{host} refuses connections on port {port}.")
	remedy = N_("Check the port and whether SSL/TLS is right for it. If both are right, the server's mail service is down.")


class Unreachable(MailError):
	"""No route, or no answer to a connection attempt."""

	kind = "unreachable"
	fault = "network"
	template = N_("{host} cannot be reached on port {port}: {detail}")
	remedy = N_("Check the port, and whether a firewall lets this machine connect to it.")


class Silence(MailError):
	"""Connected, and then nothing was said, or too slowly, for as long as we wait."""

	kind = "silence"
	template = N_("{host} accepted the connection on port {port} and then kept silent {detail}")
	remedy = N_(
		"Check that SSL/TLS and the port belong together (IMAP 993 with SSL, 143 without; POP3 995 and 110; SMTP 465 and 587). "
		"If they do, the server or a firewall before it is stuck."
	)


class ConnectionLost(MailError):
	"""The server, or something on the way, ended the connection."""

	kind = "connection_lost"
	template = N_("{host} ended the connection {detail}")
	remedy = N_(
		"Nothing to do: it goes on from where it was at the next attempt. If it goes on, ask whoever runs the mail server."
	)


# TLS


class TLSFailed(MailError):
	"""No encrypted connection could be agreed on, and it is not the certificate."""

	kind = "tls_failed"
	template = N_("No encrypted connection to {host} on port {port}: {detail}")
	remedy = N_("Check that the port is the one for SSL/TLS, or choose STARTTLS if the port begins without encryption.")


class StartTLSMissing(MailError):
	"""The server has no STARTTLS on this port. Going on without encryption is not an option."""

	kind = "starttls_missing"
	retry = False
	fault = "settings"
	template = N_("{host} does not offer STARTTLS on port {port}.")
	remedy = N_("Use SSL/TLS with the port that belongs to it, or ask whoever runs the mail server.")


class CertificateError(TLSFailed):
	"""The server's certificate is not one to trust: root of the certificate errors."""

	kind = "certificate"
	retry = False
	template = N_("The certificate of {host} cannot be trusted: {detail}")
	remedy = N_("Ask whoever runs the mail server. Until it is put right, the login and password are not sent.")


class CertificateExpired(CertificateError):
	"""The certificate's time is over. Servers renew theirs without our doing anything."""

	kind = "certificate_expired"
	retry = True
	template = N_("The certificate of {host} has expired.")
	remedy = N_(
		"Ask whoever runs the mail server to renew it. If other servers' certificates fail too, check this machine's clock."
	)


class CertificateNotYetValid(CertificateError):
	"""The certificate's time has not begun, or our clock is behind."""

	kind = "certificate_not_yet_valid"
	retry = True
	template = N_("The certificate of {host} is not valid yet.")
	remedy = N_("Check this machine's clock. If it is right, ask whoever runs the mail server.")


class CertificateForeign(CertificateError):
	"""A certificate for another name."""

	kind = "certificate_foreign"
	fault = "settings"
	template = N_("The certificate shown by {host} is for another name: {detail}")
	remedy = N_("Enter the server under the name its provider gives for it, which is the one in the certificate.")


class CertificateUntrusted(CertificateError):
	"""Signed by an authority that this machine does not know, or by itself."""

	kind = "certificate_untrusted"
	template = N_("The certificate of {host} was issued by an authority that this machine does not know: {detail}")
	remedy = N_(
		"If the authority is your own, name its file as ssl_ca_file in the site's configuration. Otherwise somebody may be listening in."
	)


class AuthorityFileUnusable(TLSFailed):
	"""``ca_file`` cannot be read or holds no certificate."""

	kind = "authority_file"
	retry = False
	fault = "site"
	template = N_("The file of certificate authorities cannot be used: {detail}")
	remedy = N_("Check ssl_ca_file in the site's configuration: a readable file with certificates in PEM form.")


# Greeting and login


class BadGreeting(MailError):
	"""Something answered that is not a server of this protocol."""

	kind = "bad_greeting"
	fault = "settings"
	template = N_("What answers at {host} on port {port} is not the mail server expected: {detail}")
	remedy = N_("Check the port, and whether the account uses IMAP or POP3.")


class LoginRefused(MailError):
	"""The server does not accept this login with this password."""

	kind = "login_refused"
	retry = False
	fault = "settings"
	template = N_("{host} refuses the login {login}: {detail}")
	remedy = N_(
		"Check the login and the password. With two-step verification, most providers want an app password made for this purpose; "
		"some want IMAP or POP3 switched on first."
	)


class AppPasswordNeeded(LoginRefused):
	"""The provider wants a password made for programs, not the one its owner types on its website."""

	kind = "app_password_needed"
	template = N_("{host} wants an app password for {login}, not the password of its website: {detail}")
	remedy = N_("Make an app password in the security settings on the provider's website, and enter it here as the password.")


class AccessSwitchedOff(LoginRefused):
	"""The provider lets no program at this mailbox until somebody lets it."""

	kind = "access_switched_off"
	template = N_("{host} lets no program use the mailbox of {login}, because such access is switched off: {detail}")
	remedy = N_(
		"Switch on IMAP (POP3, SMTP) in the mailbox's settings on the provider's website. In a company's account its administrator "
		"may have to allow it first."
	)


class PasswordsNotTaken(LoginRefused):
	"""The provider takes no password from programs any more."""

	kind = "passwords_not_taken"
	template = N_("{host} no longer lets {login} in by a password: {detail}")
	remedy = N_("Choose the sign-in that the provider asks for, such as OAuth.")


class LoginDisabled(MailError):
	"""The server takes no password on this connection, because it is not encrypted (LOGINDISABLED, PRIVACYREQUIRED)."""

	kind = "login_disabled"
	retry = False
	fault = "settings"
	template = N_("{host} accepts no password on a connection without encryption.")
	remedy = N_("Choose SSL/TLS or STARTTLS for this account.")


class LoginMethodMissing(MailError):
	"""The server takes no password at all, only other ways to log in (OAuth and the like)."""

	kind = "login_method_missing"
	retry = False
	fault = "settings"
	template = N_("{host} does not accept a password. It offers: {detail}")
	remedy = N_("Choose the sign-in that the provider asks for, such as OAuth.")


class TokenRefused(LoginRefused):
	"""OAuth: the server does not accept the token: it was withdrawn, or is for another mailbox or another use."""

	kind = "token_refused"
	template = N_("{host} refuses the OAuth sign-in of {login}: {detail}")
	remedy = N_(
		"Sign in again with the provider, on the account's form. If that does not help, see that the Connected App asks for the "
		"scope for sending mail, and that the one who signs in may use this mailbox."
	)


class TokenMissing(MailError):
	"""OAuth: there is no token, or it has ended and the provider gave no new one."""

	kind = "token_missing"
	retry = False
	fault = "settings"
	template = N_(
		"There is no valid OAuth sign-in for {login}: nobody has signed in yet, or it has ended and could not be renewed."
	)
	remedy = N_("Sign in again with the provider, on the account's form.")


class TokenNotTaken(LoginMethodMissing):
	"""OAuth: the server has no XOAUTH2."""

	kind = "token_not_taken"
	template = N_("{host} does not accept an OAuth sign-in (XOAUTH2). It offers: {detail}")
	remedy = N_("Check the server and the port, or choose a password for this account.")


class PasswordMissing(MailError):
	"""No password is stored."""

	kind = "password_missing"
	retry = False
	fault = "settings"
	template = N_("There is no password for {login}.")
	remedy = N_("Enter the password of the account.")


class PasswordNotASCII(MailError):
	"""The password has characters outside ASCII and the account insists on ASCII."""

	kind = "password_not_ascii"
	retry = False
	fault = "settings"
	template = N_("The password of {login} has characters outside ASCII, and this account sends its password in ASCII.")
	remedy = N_("Switch off the ASCII password option, or choose a password of plain letters, digits and signs.")


class Throttled(MailError):
	"""The server asks us to come back later: too many connections, too much traffic, or trouble of its own."""

	kind = "throttled"
	template = N_("{host} asks to try again later: {detail}")
	remedy = N_(
		"Nothing to do: it is tried again by itself, at longer intervals. If it goes on, other programs may use the account heavily."
	)


class MailboxNotConnected(Throttled):
	"""Microsoft 365: the login is right and the mailbox behind it stays closed, for a while or until it is let in."""

	kind = "mailbox_not_connected"
	template = N_("{host} accepts the login {login} and does not open its mailbox: {detail}")
	remedy = N_(
		"See whether IMAP access is switched on for this mailbox, and whether this login may open it. If both are so, it is tried "
		"again by itself."
	)


class MailboxInUse(Throttled):
	"""POP3: another session has the mailbox open, which only one may (RFC 2449, IN-USE)."""

	kind = "mailbox_in_use"
	template = N_("{host} says that another program has the mailbox open: {detail}")
	remedy = N_(
		"POP3 lets one program at a time read a mailbox. It is tried again by itself; if it goes on, look for another program "
		"or telephone that reads it, or use IMAP."
	)


class MailboxBroken(MailError):
	"""The server has trouble with this mailbox that does not pass by itself (RFC 3206, SYS/PERM)."""

	kind = "mailbox_broken"
	retry = False
	template = N_("{host} cannot open the mailbox of {login}: {detail}")
	remedy = N_("Ask whoever runs the mail server: it says that this does not pass by itself.")


# Once logged in


class FolderMissing(MailError):
	"""A folder of the account does not exist on the server, or cannot be opened."""

	kind = "folder_missing"
	retry = False
	fault = "settings"
	template = N_("The folder {folder} cannot be opened on {host}: {detail}")
	remedy = N_("Check the folder's name against those that the server has, or remove it from the account.")


class CommandRefused(MailError):
	"""The server answered NO or BAD to a command that it should know."""

	kind = "command_refused"
	template = N_("{host} refused a request: {detail}")
	remedy = N_("Try again later. If it goes on, ask whoever runs the mail server.")


class ProtocolError(MailError):
	"""The server said something that has no meaning in its protocol."""

	kind = "protocol"
	template = N_("{host} answered in a way that cannot be understood: {detail}")
	remedy = N_("Try again later. If it goes on, report it with the server's name and these words.")


# Sending


class ServerRefuses(MailError):
	"""SMTP: the server does not want this machine's mail at all."""

	kind = "server_refuses"
	template = N_("{host} refuses mail from this machine: {detail}")
	remedy = N_(
		"Read the server's words. This machine's address may be on a blocklist, or the server is not the one to send through."
	)


class QuotaReached(Throttled):
	"""SMTP: the account has sent all that its provider lets it send for now."""

	kind = "quota_reached"
	template = N_("{host} takes no more emails from this account for now: {detail}")
	remedy = N_(
		"Nothing to do: emails wait and leave later by themselves. The limits can be typed on the account, so that they are kept."
	)


class LoginNotOffered(MailError):
	"""SMTP: the account has a login and the server takes none."""

	kind = "login_not_offered"
	retry = False
	fault = "settings"
	template = N_("{host} offers no login on port {port}.")
	remedy = N_("Check the port (587 with STARTTLS, 465 with SSL/TLS). If the server wants no login, say so on the account.")


class MessageTooLarge(MailError):
	"""SMTP: larger than the server says it takes (RFC 1870). Nothing was sent."""

	kind = "message_too_large"
	retry = False
	fault = "settings"
	template = N_("The message has {size} MB, and {host} takes {limit} MB at most.")
	remedy = N_("Send smaller attachments, or a link to them.")


class AddressUnusable(MailError):
	"""An address that cannot stand in an SMTP command."""

	kind = "address_unusable"
	retry = False
	fault = "settings"
	template = N_("This is not an email address: {detail}")
	remedy = N_("Correct the address.")


class AddressNeedsSMTPUTF8(MailError):
	"""An address with letters that the server cannot take (no SMTPUTF8, RFC 6531)."""

	kind = "address_needs_smtputf8"
	retry = False
	template = N_("{host} cannot send to {detail}: it takes only plain letters before the @.")
	remedy = N_("Ask the correspondent for another address, or send through a server with SMTPUTF8.")


# This machine


class StorageFailed(MailError):
	"""A raw message could not be kept. Nothing of it is visible, and the server still has it."""

	kind = "storage_failed"
	fault = "site"
	template = N_("A message could not be stored on this machine: {detail}")
	remedy = N_("Check the disk that holds the site's private files. The message is still on the mail server.")


class StorageFull(StorageFailed):
	"""No room left for raw messages, or a quota is reached."""

	kind = "storage_full"
	template = N_("The disk that holds the site's private files is full.")
	remedy = N_("Make room. Mail stays on the mail server until then, and is fetched by itself afterwards.")
