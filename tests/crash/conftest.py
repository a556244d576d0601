from tests.mail_fixtures import dovecot, mailbox, make_mailbox, site_config, unused_tcp_port

__all__ = ["dovecot", "mailbox", "make_mailbox", "site_config", "unused_tcp_port"]
