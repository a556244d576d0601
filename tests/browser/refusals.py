"""What large providers answer at login where somebody has to do something on their website, and what the form says then."""

from __future__ import annotations

#: The command that is refused, the server's own words, what the French form says of them, and the remedy.
REFUSALS = (
	(
		"AUTHENTICATE",
		b"NO [ALERT] Your account is not enabled for IMAP use. Please visit your Gmail settings page and enable it. (Failure)",
		"cet accès est désactivé",
		"Activez IMAP (POP3, SMTP) dans les paramètres de la boîte, sur le site du fournisseur.",
	),
	(
		"AUTHENTICATE",
		b"NO [ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)",
		"un mot de passe d'application, et non celui de son site web",
		"Créez un mot de passe d'application",
	),
	(
		"EXAMINE",
		b"BAD User is authenticated but not connected.",
		"mais n'ouvre pas sa boîte",
		"Vérifiez que l'accès IMAP est activé pour cette boîte",
	),
)
