// Runs after the host's own script for this form.

// The host's handlers for these fill in settings of their own, which may be out of date, and warn of duplicates that
// cannot happen here.
for (const event of ["service", "use_imap", "email_sync_option"]) {
	frappe.ui.form.off("Email Account", event);
}

frappe.ui.form.on("Email Account", {
	onload(frm) {
		const query = "dokos_mail.append_to.append_to_query";
		frm.set_query("append_to", () => ({ query }));
		frm.set_query("append_to", "imap_folder", () => ({ query }));
	},

	refresh(frm) {
		if (frm.is_new()) {
			return;
		}
		frm.events.show_status(frm);
		if (frm.doc.enable_incoming && !frm.doc.awaiting_password && !frm.is_dirty() && frm.perm[0].write) {
			frm.add_custom_button(__("Fetch Emails Now"), () =>
				frappe.call("dokos_mail.api.pull_now", { account: frm.doc.name }).then(() => {
					frappe.show_alert({ message: __("Emails are being fetched."), indicator: "blue" });
				})
			);
		}
	},

	// How the last connection went: the save itself never connects.
	show_status(frm) {
		if (!frm.doc.enable_incoming || frm.doc.awaiting_password || !frm.perm[0].write) {
			return;
		}
		frappe.call("dokos_mail.api.account_status", { account: frm.doc.name }).then(({ message }) => {
			if (!message) {
				return;
			}
			const said = (text) => frappe.utils.escape_html(text || "");
			if (message.state === "Failing") {
				frm.dashboard.set_headline_alert(
					`<b>${said(message.error)}</b><br>${said(message.remedy)}`,
					"red"
				);
			} else if (message.state === "Working") {
				frm.dashboard.set_headline_alert(__("The connection to the incoming server works."), "green");
			} else if (message.state === "Checking") {
				frm.dashboard.set_headline_alert(__("The connection is being checked."), "blue");
			}
		});
	},

	email_id(frm) {
		if (frm.doc.domain || frm.doc.service || frm.doc.email_server || frm.doc.smtp_server) {
			return;
		}
		frm.events.propose(frm, frm.doc.email_id, ({ domain, service }) => {
			frm.set_value(domain ? "domain" : "service", domain || service);
		});
	},

	service(frm) {
		frm.events.propose(frm, frm.doc.service, ({ settings, hints, help_url, password_url }) => {
			for (const [field, value] of Object.entries(settings || {})) {
				if (frm.fields_dict[field]) {
					frm.set_value(field, value);
				}
			}
			frm.events.show_hints(frm, hints || [], help_url, password_url);
		});
	},

	use_imap(frm) {
		if (frm.doc.service && !frm.doc.domain) {
			frm.events.propose(frm, frm.doc.service, ({ settings }) => {
				if (settings && settings.email_server) {
					frm.set_value("email_server", settings.email_server);
					frm.set_value("incoming_port", settings.incoming_port);
				}
			});
		}
	},

	// `service_or_address` that nobody knows proposes nothing.
	propose(frm, service_or_address, callback) {
		if (!service_or_address) {
			return;
		}
		frappe
			.call("dokos_mail.doctype.email_account.email_account.propose_settings", {
				service_or_address,
				pop3: frm.doc.enable_incoming && frm.doc.email_server && !frm.doc.use_imap ? 1 : 0,
			})
			.then(({ message }) => {
				if (message && Object.keys(message).length) {
					callback(message);
				}
			});
	},

	show_hints(frm, hints, help_url, password_url) {
		const link = (url, text) =>
			url ? ` <a href="${url}" target="_blank" rel="noopener">${text}</a>` : "";
		const text =
			hints.map((hint) => frappe.utils.escape_html(hint)).join("<br>") +
			link(help_url, __("Settings of the provider")) +
			link(password_url, __("Application passwords"));
		frm.set_df_property("service", "description", text);
	},
});
