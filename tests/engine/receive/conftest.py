from tests.mail_fixtures import dovecot

__all__ = ["dovecot"]
