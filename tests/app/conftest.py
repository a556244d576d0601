from tests.mail_fixtures import clock, dovecot, mailbox, make_mailbox, site_config, unused_tcp_port

__all__ = ["clock", "dovecot", "mailbox", "make_mailbox", "site_config", "unused_tcp_port"]
