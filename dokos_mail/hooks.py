"""All that the host calls, on one page."""

app_name = "dokos_mail"
app_title = "Dokos Mail"
app_publisher = "Dokos Mail contributors"
app_description = "The mail engine of Dokos, ERPNext and every Frappe site"
app_email = "hello@dokos.io"
app_license = "MIT"

before_install = "dokos_mail.install.before_install"
after_app_install = "dokos_mail.install.after_app_install"
after_install = "dokos_mail.install.after_install"
before_migrate = ["dokos_mail.install.before_migrate"]
after_migrate = ["dokos_mail.install.after_migrate"]
before_uninstall = "dokos_mail.install.before_uninstall"
after_uninstall = "dokos_mail.install.after_uninstall"

override_doctype_class = {
	"IMAP Folder": "dokos_mail.doctype.imap_folder.imap_folder.IMAPFolder",
	"Email Domain": "dokos_mail.doctype.email_domain.email_domain.EmailDomain",
	"Email Account": "dokos_mail.doctype.email_account.email_account.EmailAccount",
	"Email Queue": "dokos_mail.doctype.email_queue.email_queue.EmailQueue",
}

# The host asks its own class for accounts, never ours: two of its answers are corrected in every process. So are two
# functions that read files and load style sheets for mail before any hook is asked.
before_request = ["dokos_mail.asked_of_core.correct_finders", "dokos_mail.outbound.host_body.correct_body"]
before_job = ["dokos_mail.asked_of_core.correct_finders", "dokos_mail.outbound.host_body.correct_body"]

# Asked once for each mail that the host composes; what needs the document is done when the Email Queue row is made.
make_email_body_message = "dokos_mail.outbound.compose.before_serialising"

# A mail in a timeline is read in a frame, without remote images until its reader agrees; passwords that are waited for;
# addresses that mail does not reach, said before the next mail goes to them.
app_include_js = [
	"/assets/dokos_mail/js/received_mail.js",
	"/assets/dokos_mail/js/awaiting_password.js",
	"/assets/dokos_mail/js/composer.js",
	"/assets/dokos_mail/js/plain_text.js",
]

# Hosts without a mail module of their own call this for frappe.sendmail.
sendmail = "dokos_mail.outbound.sendmail.sendmail"

doctype_js = {
	"Email Domain": "doctype/email_domain/email_domain.js",
	"Email Account": "doctype/email_account/email_account.js",
	"Email Queue": "doctype/email_queue/email_queue.js",
	"Communication": "doctype/email_queue/communication.js",
}

doctype_list_js = {
	"Email Domain": "doctype/email_domain/email_domain_list.js",
	"Email Account": "doctype/email_account/email_account_list.js",
	"Email Queue": "doctype/email_queue/email_queue_list.js",
}

doc_events = {
	"Communication": {
		"onload": "dokos_mail.inbound.read_status.opened",
		"before_validate": ["dokos_mail.inbound.filed.before_validate", "dokos_mail.outbound.compose.signatures_later"],
		"validate": "dokos_mail.inbound.filed.validate",
		"after_insert": "dokos_mail.inbound.unreplied.consider_sent",
	},
	"Email Flag Queue": {"after_insert": "dokos_mail.jobs.carry_read_status"},
}

# A role that reads Communications reads no other user's mail.
has_permission = {"Communication": "dokos_mail.mail_access.has_permission"}
permission_query_conditions = {"Communication": "dokos_mail.mail_access.in_lists"}

# Over HTTP the desk gets our answers to these; the host's own let anybody set or see what is others'.
override_whitelisted_methods = {
	"frappe.email.inbox.create_email_flag_queue": "dokos_mail.api.mark_as_read_or_unread",
	"frappe.desk.form.load.get_docinfo": "dokos_mail.timeline.get_docinfo",
	"frappe.desk.form.load.getdoc": "dokos_mail.timeline.getdoc",
	"frappe.desk.form.save.cancel": "dokos_mail.timeline.cancel",
	"frappe.desk.form.save.discard": "dokos_mail.timeline.discard",
	"frappe.desk.form.save.savedocs": "dokos_mail.timeline.savedocs",
	"frappe.core.doctype.user.user.get_email_awaiting": "dokos_mail.api.get_email_awaiting",
	"frappe.email.doctype.email_account.email_account.get_append_to": "dokos_mail.append_to.append_to_query",
	"frappe.email.doctype.email_account.email_account.pull_emails": "dokos_mail.api.pull_emails",
	"frappe.email.doctype.email_account.email_account.set_email_password": "dokos_mail.api.set_email_password",
	"frappe.core.doctype.communication.email.mark_email_as_seen": "dokos_mail.recipients.hosts_pixel",
	"frappe.email.queue.unsubscribe": "dokos_mail.recipients.hosts_unsubscribe",
	"frappe.email.doctype.email_queue.email_queue.bulk_retry": "dokos_mail.api.try_emails_again",
	"frappe.email.doctype.email_queue.email_queue.retry_sending": "dokos_mail.api.try_emails_again",
	"frappe.email.doctype.email_queue.email_queue.send_now": "dokos_mail.api.send_email_now",
}

# Records about mail must not keep anybody from deleting what they are about.
ignore_links_on_delete = [
	"Document Email Address",
	"Incoming Email",
	"Email Folder",
	"Email Account Status",
	"Email Reaction",
	"Remote Image Sender",
	"Undeliverable Address",
]

scheduler_events = {
	"cron": {
		"* * * * *": ["dokos_mail.jobs.pull_mailboxes", "dokos_mail.jobs.react", "dokos_mail.jobs.send_waiting_mail"],
		"*/10 * * * *": ["dokos_mail.jobs.look_at_certificates"],
	},
	"hourly": ["dokos_mail.jobs.sweep_journal"],
	"daily": ["dokos_mail.jobs.tidy_raw_files"],
}
