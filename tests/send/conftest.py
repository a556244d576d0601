"""Postfix is started by root only: what needs it is not collected elsewhere. The faults are tried everywhere."""

from __future__ import annotations

from mail_servers.postfix import find_postfix

collect_ignore = [] if find_postfix() else ["test_smtp_postfix.py"]
