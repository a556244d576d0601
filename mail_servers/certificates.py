"""Certificates for servers on loopback: good ones, and each kind of bad one a client must refuse.

All are made by trustme, in memory and quickly, and written as PEM files below one folder.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import trustme

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class ServerCertificate:
	"""A certificate with its chain, and its key, as two PEM files."""

	chain: Path
	key: Path

	def server_context(self) -> ssl.SSLContext:
		"""A context for a server that shows this certificate."""
		context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		context.load_cert_chain(self.chain, self.key)
		return context


class Certificates:
	"""An authority of our own and what it signs, kept in ``folder``; an existing folder is read again.

	``authority`` is the file to name as ``ca_file``. ``good`` is for localhost and 127.0.0.1; ``expired`` ended
	yesterday; ``early`` begins tomorrow; ``other_name`` is for another host; ``foreign`` is signed by an authority
	that ``authority`` does not hold.
	"""

	KINDS = ("good", "expired", "early", "other_name", "foreign")

	def __init__(self, folder: Path | str) -> None:
		self.folder = Path(folder)
		self.authority = self.folder / "authority.pem"
		self.foreign_authority = self.folder / "foreign-authority.pem"
		if not all(self._pair(kind).key.exists() for kind in self.KINDS):
			self._make()

	def __getitem__(self, kind: str) -> ServerCertificate:
		if kind not in self.KINDS:
			raise KeyError(kind)
		return self._pair(kind)

	@property
	def good(self) -> ServerCertificate:
		return self._pair("good")

	def _pair(self, kind: str) -> ServerCertificate:
		return ServerCertificate(self.folder / f"{kind}.pem", self.folder / f"{kind}.key")

	def _make(self) -> None:
		self.folder.mkdir(parents=True, exist_ok=True)
		now = datetime.now(timezone.utc).replace(tzinfo=None)
		day = timedelta(days=1)
		ours = trustme.CA()
		theirs = trustme.CA(organization_name="Somebody else's authority")
		self.authority.write_bytes(ours.cert_pem.bytes())
		self.foreign_authority.write_bytes(theirs.cert_pem.bytes())
		self._write("expired", ours.issue_cert(*LOCAL_NAMES, not_before=now - 30 * day, not_after=now - day))
		self._write("early", ours.issue_cert(*LOCAL_NAMES, not_before=now + day, not_after=now + 30 * day))
		self._write("other_name", ours.issue_cert("mail.elsewhere.test"))
		self._write("foreign", theirs.issue_cert(*LOCAL_NAMES))
		self._write("good", ours.issue_cert(*LOCAL_NAMES))

	def _write(self, kind: str, leaf: trustme.LeafCert) -> None:
		pair = self._pair(kind)
		pair.chain.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
		pair.key.write_bytes(leaf.private_key_pem.bytes())
		pair.key.chmod(0o600)
