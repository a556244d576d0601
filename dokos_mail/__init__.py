"""Dokos Mail: the mail engine of Dokos, ERPNext and every Frappe site.

This module imports nothing of the host, so that ``dokos_mail.engine`` can be used without one.
"""

__version__ = "0.1.0"
