"""Secrets: Password fields encrypted with the site's key, users' passwords as salted hashes, both in `__Auth`."""

from __future__ import annotations

import json
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from werkzeug.security import check_password_hash, generate_password_hash

import frappe.exceptions as errors
from frappe.host.context import local
from frappe.host.messages import throw


def get_encryption_key() -> str:
	"""The site's key; made and written to site_config.json where there is none."""
	if not local.conf.encryption_key:
		path = Path(local.site_path, "site_config.json")
		config = json.loads(path.read_text(encoding="utf-8"))
		config.setdefault("encryption_key", Fernet.generate_key().decode())
		path.write_text(json.dumps(config, indent=1, sort_keys=True), encoding="utf-8")
		local.conf.encryption_key = config["encryption_key"]
	return local.conf.encryption_key


def encrypt(txt: str, encryption_key: str | None = None) -> str:
	return Fernet((encryption_key or get_encryption_key()).encode()).encrypt(str(txt).encode()).decode()


def decrypt(txt: str, encryption_key: str | None = None, key: str | None = None) -> str:
	from frappe.translate import _

	try:
		return Fernet((encryption_key or get_encryption_key()).encode()).decrypt(txt.encode()).decode()
	except (InvalidToken, ValueError):
		throw(_("Encryption key is invalid! Please check site_config.json"))


def set_encrypted_password(doctype: str, name: str, pwd: str, fieldname: str = "password") -> None:
	local.db.execute_built(
		"INSERT OR REPLACE INTO __Auth (doctype, name, fieldname, password, encrypted) VALUES (?, ?, ?, ?, 1)",
		(doctype, name, fieldname, encrypt(pwd)),
	)


def get_decrypted_password(doctype: str, name: str, fieldname: str = "password", raise_exception: bool = True) -> str | None:
	from frappe.translate import _

	rows = local.db.execute_built(
		"SELECT password FROM __Auth WHERE doctype=? AND name=? AND fieldname=? AND encrypted=1", (doctype, name, fieldname)
	)
	if rows and rows[0][0]:
		return decrypt(rows[0][0])
	if raise_exception:
		throw(_("Password not found for {0} {1} {2}").format(_(doctype), name, fieldname), errors.AuthenticationError)
	return None


def remove_encrypted_password(doctype: str, name: str, fieldname: str = "password") -> None:
	if local.db.execute_built("SELECT 1 FROM __Auth WHERE doctype=? AND name=? AND fieldname=?", (doctype, name, fieldname)):
		local.db.execute_built("DELETE FROM __Auth WHERE doctype=? AND name=? AND fieldname=?", (doctype, name, fieldname))


def update_password(
	user: str, pwd: str, doctype: str = "User", fieldname: str = "password", logout_all_sessions: bool = False
) -> None:
	"""Set a user's password (a scrypt hash; the clear text is kept nowhere)."""
	local.db.execute_built(
		"INSERT OR REPLACE INTO __Auth (doctype, name, fieldname, password, encrypted) VALUES (?, ?, ?, ?, 0)",
		(doctype, user, fieldname, generate_password_hash(pwd)),
	)
	if logout_all_sessions:
		from frappe.sessions import clear_sessions

		clear_sessions(user=user, keep_current=True, force=True)


def check_password(user: str, pwd: str, doctype: str = "User", fieldname: str = "password") -> str:
	"""The user's name as it is written in the database; AuthenticationError if the password is wrong."""
	from frappe.translate import _

	rows = local.db.execute_built(
		"SELECT name, password FROM __Auth WHERE doctype=? AND name=? AND fieldname=? AND encrypted=0", (doctype, user, fieldname)
	)
	if not rows or not check_password_hash(rows[0][1], pwd):
		raise errors.AuthenticationError(_("Incorrect User or Password"))
	return rows[0][0]
