"""Recognises signed and encrypted messages (RFC 1847, RFC 8551, RFC 3156). Nothing is verified or decrypted here."""

from __future__ import annotations

from .structure import Part

_OPAQUE = frozenset(("application/pkcs7-mime", "application/x-pkcs7-mime"))
_SMIME_TYPES = {"signed-data": "S/MIME signed", "enveloped-data": "S/MIME encrypted", "authenveloped-data": "S/MIME encrypted"}


def protection(root: Part, text: str | None) -> str:
	"""What protects the message, or "" for nothing: see :class:`~dokos_mail.engine.message.model.Message`."""
	part: Part | None = root
	while part is not None:
		if part.type == "multipart/signed":
			return "S/MIME signed" if "pkcs7" in _protocol(part) else "PGP signed" if "pgp" in _protocol(part) else ""
		if part.type == "multipart/encrypted":
			return "PGP encrypted"
		if part.type in _OPAQUE:
			return _SMIME_TYPES.get((part.content_type.get("smime-type") or "").lower(), "S/MIME")
		# A list or a gateway may have wrapped the message once more.
		part = part.children[0] if part.children and part.type == "multipart/mixed" else None
	if text and "-----BEGIN PGP " in text:
		if "-----BEGIN PGP SIGNED MESSAGE-----" in text:
			return "PGP signed"
		return "PGP encrypted" if "-----BEGIN PGP MESSAGE-----" in text else "PGP"
	return ""


def _protocol(part: Part) -> str:
	return (part.content_type.get("protocol") or "").lower() or " ".join(child.type for child in part.children or [])
