from tests.mail_fixtures import dovecot, mailbox, make_mailbox

__all__ = ["dovecot", "mailbox", "make_mailbox"]
