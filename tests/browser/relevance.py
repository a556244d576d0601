"""Which fields of an Email Account appear with which choice: a form that asks for nothing that would mean nothing."""

from __future__ import annotations

#: Choices one after the other on a new form, each with what appears (+) and goes (-) by it.
STEPS: tuple[tuple[dict[str, object], set[str], set[str]], ...] = (
	({"login_id_is_different": 1}, {"login_id"}, set()),
	(
		{"enable_incoming": 1},
		{
			*(
				"use_imap",
				"email_server",
				"use_ssl",
				"use_starttls",
				"incoming_port",
				"attachment_limit",
				"enforce_attachment_limit",
			),
			*("append_to", "append_condition", "default_incoming", "initial_sync_count", "delete_from_server", "create_contact"),
			*("authserv_id", "enable_automatic_linking", "notify_if_unreplied", "enable_auto_reply"),
		},
		set(),
	),
	({"delete_from_server": 1}, {"leave_on_server_days"}, set()),
	({"use_ssl": 1}, {"validate_ssl_certificate"}, {"use_starttls"}),
	(
		{"use_imap": 1},
		{"email_sync_option", "mark_as_read", "keep_read_status", "imap_folder", "watch_sent_folder"},
		{"delete_from_server", "leave_on_server_days"},
	),
	({"watch_sent_folder": 1}, {"sent_folder_name"}, set()),
	({"enable_automatic_linking": 1}, {"accept_unsigned_addresses"}, set()),
	({"notify_if_unreplied": 1}, {"unreplied_for_mins", "unreplied_by", "send_notification_to"}, set()),
	({"enable_auto_reply": 1}, {"auto_reply_message"}, set()),
	({"add_signature": 1}, {"signature"}, set()),
	(
		{"enable_outgoing": 1},
		{
			*("smtp_server", "use_tls", "use_ssl_for_outgoing", "smtp_port", "default_outgoing", "no_smtp_authentication"),
			*("always_use_account_email_id_as_sender", "always_use_account_name_as_sender_name", "send_unsubscribe_message"),
			*("track_email_status", "append_emails_to_sent_folder", "uncertain_delivery"),
			*("send_limit_minute", "send_limit_hour", "send_limit_day"),
		},
		set(),
	),
	({"use_ssl_for_outgoing": 1}, {"validate_ssl_certificate_for_outgoing"}, {"use_tls"}),
	({"service": "OVH"}, set(), {"domain"}),
	({"service": ""}, {"domain"}, set()),
	(
		{"auth_method": "OAuth"},
		{"connected_app", "connected_user"},
		{"password", "awaiting_password", "ascii_encode_password"},
	),
	(
		{"auth_method": "Basic"},
		{"password", "awaiting_password", "ascii_encode_password"},
		{"connected_app", "connected_user"},
	),
)
#: What a domain settles is not asked for again: the last step, with the name of a domain.
OF_THE_DOMAIN = {
	*("service", "use_imap", "email_server", "use_ssl", "incoming_port", "validate_ssl_certificate", "attachment_limit"),
	*("smtp_server", "use_ssl_for_outgoing", "smtp_port", "validate_ssl_certificate_for_outgoing"),
	*("append_emails_to_sent_folder", "sent_folder_name"),
}
