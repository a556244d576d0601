"""Known mail providers: the settings that an administrator would otherwise look up and type (feature A2).

Facts come from the providers' own help pages, linked from each entry. They are proposals: whatever stands in a form
already is the administrator's, and nothing here connects anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from dokos_mail.engine.errors import N_

#: What the person must do on the provider's side first. Texts are English, the caller translates.
ENABLE_IMAP = N_("IMAP must be enabled in the settings of the mailbox.")
APP_PASSWORD = N_("Use an application password, not the password of the mailbox.")
APP_PASSWORD_IF_TWO_STEP = N_("With two-step verification, use an application password.")
OAUTH_ONLY = N_("Password logins are closed here: choose the OAuth method and a Connected App.")
KEY_LOGIN = N_("The login is a fixed word and the password is an API key.")
WEBMAIL_PASSWORD = N_("The login is the whole email address.")


@dataclass(frozen=True)
class Server:
	"""A server's name and how to speak to it. ``security`` "tls" is TLS from the first byte, "starttls" after a command."""

	host: str
	port: int
	security: str = "tls"


@dataclass(frozen=True)
class Provider:
	"""One provider. ``imap`` None means that it only sends; ``domains`` are those whose every address is a mailbox there."""

	service: str
	imap: Server | None
	smtp: Server
	pop3: Server | None = None
	domains: tuple[str, ...] = ()
	help_url: str = ""
	password_url: str = ""
	hints: tuple[str, ...] = ()
	oauth: bool = False
	login: str = ""

	def settings(self, *, pop3: bool = False) -> dict[str, object]:
		"""The settings under the field names of Email Account and Email Domain.

		:param pop3: propose POP3 where the provider has it, instead of IMAP.
		Security boxes are always given, so that those of a provider chosen before are unset. A provider that only
		sends gives no incoming setting.
		"""
		values: dict[str, object] = {
			"smtp_server": self.smtp.host,
			"smtp_port": str(self.smtp.port),
			"use_tls": int(self.smtp.security == "starttls"),
			"use_ssl_for_outgoing": int(self.smtp.security == "tls"),
		}
		incoming = self.pop3 if pop3 and self.pop3 else self.imap
		if incoming:
			values |= {
				"email_server": incoming.host,
				"incoming_port": str(incoming.port),
				"use_imap": int(incoming is self.imap),
				"use_ssl": int(incoming.security == "tls"),
				"use_starttls": int(incoming.security == "starttls"),
			}
		return values

	def account_settings(self, *, pop3: bool = False) -> dict[str, object]:
		""":meth:`settings`, and what an Email Account has besides: the login method and a login that is no address."""
		values = self.settings(pop3=pop3) | {"auth_method": "OAuth" if self.oauth else "Basic"}
		if self.login:
			values |= {"login_id_is_different": 1, "login_id": self.login}
		return values


def _tls(host: str, port: int) -> Server:
	return Server(host, port, "tls")


def _starttls(host: str, port: int = 587) -> Server:
	return Server(host, port, "starttls")


#: In the order of the Service field: the hosts' own list first, then ours.
PROVIDERS: tuple[Provider, ...] = (
	Provider(
		"GMail",
		_tls("imap.gmail.com", 993),
		_starttls("smtp.gmail.com"),
		_tls("pop.gmail.com", 995),
		("gmail.com", "googlemail.com"),
		"https://support.google.com/mail/answer/7126229",
		"https://support.google.com/accounts/answer/185833",
		(ENABLE_IMAP, APP_PASSWORD),
	),
	Provider(
		"Sendgrid",
		None,
		_starttls("smtp.sendgrid.net"),
		help_url="https://www.twilio.com/docs/sendgrid/for-developers/sending-email/integrating-with-the-smtp-api",
		hints=(KEY_LOGIN,),
		login="apikey",
	),
	Provider(
		"SparkPost",
		None,
		_starttls("smtp.sparkpostmail.com"),
		help_url="https://developers.sparkpost.com/api/smtp/",
		hints=(KEY_LOGIN,),
		login="SMTP_Injection",
	),
	Provider(
		"Yahoo Mail",
		_tls("imap.mail.yahoo.com", 993),
		_tls("smtp.mail.yahoo.com", 465),
		_tls("pop.mail.yahoo.com", 995),
		("yahoo.com", "yahoo.fr", "yahoo.co.uk", "yahoo.de", "yahoo.es", "yahoo.it", "ymail.com", "rocketmail.com"),
		"https://help.yahoo.com/kb/SLN4075.html",
		"https://help.yahoo.com/kb/SLN15241.html",
		(APP_PASSWORD,),
	),
	Provider(
		"Outlook.com",
		_tls("outlook.office365.com", 993),
		_starttls("smtp-mail.outlook.com"),
		_tls("outlook.office365.com", 995),
		("outlook.com", "outlook.fr", "hotmail.com", "hotmail.fr", "live.com", "live.fr", "msn.com"),
		"https://support.microsoft.com/office/c82de912-adcc-4787-8283-45a1161f3cc3",
		hints=(OAUTH_ONLY,),
		oauth=True,
	),
	Provider(
		"Yandex.Mail",
		_tls("imap.yandex.com", 993),
		_tls("smtp.yandex.com", 465),
		_tls("pop.yandex.com", 995),
		("yandex.com", "yandex.ru", "ya.ru"),
		"https://yandex.com/support/mail/mail-clients/others.html",
		hints=(ENABLE_IMAP, APP_PASSWORD),
	),
	Provider(
		"iCloud",
		_tls("imap.mail.me.com", 993),
		_starttls("smtp.mail.me.com"),
		domains=("icloud.com", "me.com", "mac.com"),
		help_url="https://support.apple.com/102525",
		password_url="https://support.apple.com/102654",
		hints=(APP_PASSWORD,),
	),
	Provider(
		"OVH",
		_tls("ssl0.ovh.net", 993),
		_tls("ssl0.ovh.net", 465),
		_tls("ssl0.ovh.net", 995),
		help_url="https://help.ovhcloud.com/",
		hints=(WEBMAIL_PASSWORD,),
	),
	Provider(
		"Gandi",
		_tls("mail.gandi.net", 993),
		_tls("mail.gandi.net", 465),
		_tls("mail.gandi.net", 995),
		help_url="https://docs.gandi.net/en/gandimail/",
		hints=(WEBMAIL_PASSWORD,),
	),
	Provider(
		"Infomaniak",
		_tls("mail.infomaniak.com", 993),
		_tls("mail.infomaniak.com", 465),
		_tls("mail.infomaniak.com", 995),
		("ik.me", "ikmail.com", "etik.com"),
		"https://www.infomaniak.com/en/support/faq/admin2/email-service",
		hints=(WEBMAIL_PASSWORD,),
	),
	Provider(
		"Ionos",
		_tls("imap.ionos.fr", 993),
		_tls("smtp.ionos.fr", 465),
		_tls("pop.ionos.fr", 995),
		help_url="https://www.ionos.fr/assistance/email/",
		hints=(WEBMAIL_PASSWORD,),
	),
	Provider(
		"Orange",
		_tls("imap.orange.fr", 993),
		_tls("smtp.orange.fr", 465),
		_tls("pop.orange.fr", 995),
		("orange.fr", "wanadoo.fr"),
		"https://assistance.orange.fr/",
		hints=(ENABLE_IMAP,),
	),
	Provider(
		"Free",
		_tls("imap.free.fr", 993),
		_tls("smtp.free.fr", 465),
		_tls("pop.free.fr", 995),
		("free.fr",),
		"https://assistance.free.fr/",
	),
	Provider(
		"SFR",
		_tls("imap.sfr.fr", 993),
		_tls("smtp.sfr.fr", 465),
		_tls("pop.sfr.fr", 995),
		("sfr.fr", "neuf.fr", "cegetel.net", "club-internet.fr"),
		"https://assistance.sfr.fr/",
	),
	Provider(
		"La Poste",
		_tls("imap.laposte.net", 993),
		_tls("smtp.laposte.net", 465),
		_tls("pop.laposte.net", 995),
		("laposte.net",),
		"https://aide.laposte.net/",
		hints=(ENABLE_IMAP,),
	),
	Provider(
		"Zoho",
		_tls("imap.zoho.eu", 993),
		_tls("smtp.zoho.eu", 465),
		_tls("pop.zoho.eu", 995),
		("zoho.eu", "zohomail.eu"),
		"https://www.zoho.com/mail/help/imap-access.html",
		hints=(ENABLE_IMAP, APP_PASSWORD_IF_TWO_STEP),
	),
	Provider(
		"Fastmail",
		_tls("imap.fastmail.com", 993),
		_tls("smtp.fastmail.com", 465),
		_tls("pop.fastmail.com", 995),
		("fastmail.com", "fastmail.fm"),
		"https://www.fastmail.help/hc/en-us/articles/1500000278342",
		"https://www.fastmail.help/hc/en-us/articles/360058752854",
		(APP_PASSWORD,),
	),
)

SERVICES: tuple[str, ...] = tuple(provider.service for provider in PROVIDERS)


def domain_of(address: str) -> str:
	"""The domain of an address (or a domain itself), in lower case; empty when there is none."""
	return address.strip().rpartition("@")[2].strip().rstrip(".").lower()


def provider(service_or_address: str) -> Provider | None:
	"""The provider of that name, or the one whose domains hold the address or domain; None when unknown.

	Only domains that belong to the provider count: an address in a company's own domain says nothing about who
	hosts it.
	"""
	wanted = service_or_address.strip()
	for known in PROVIDERS:
		if known.service.lower() == wanted.lower():
			return known
	domain = domain_of(wanted)
	return next((known for known in PROVIDERS if domain and domain in known.domains), None)


def settings_for(service_or_address: str, *, pop3: bool = False) -> dict[str, object]:
	"""The settings to propose for a service, an address or a domain; empty when the provider is not known."""
	known = provider(service_or_address)
	return known.settings(pop3=pop3) if known else {}
