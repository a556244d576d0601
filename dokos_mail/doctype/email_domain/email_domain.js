// Runs after the host's own script for this form.
frappe.ui.form.on("Email Domain", {
	email_id(frm) {
		const domain = (frm.doc.email_id || "").split("@").pop().trim().toLowerCase();
		if (frm.is_new() && domain && (frm.doc.email_id || "").includes("@")) {
			frm.set_value("domain_name", domain);
		}
		frm.trigger("propose_settings");
	},

	domain_name(frm) {
		frm.trigger("propose_settings");
	},

	// Fills in what is known of the provider, never over what somebody typed.
	propose_settings(frm) {
		const asked = frm.doc.email_id || frm.doc.domain_name;
		if (!asked || frm.doc.email_server || frm.doc.smtp_server) {
			return;
		}
		frappe.call({
			method: "dokos_mail.doctype.email_account.email_account.propose_settings",
			args: { service_or_address: asked },
			callback({ message }) {
				for (const [field, value] of Object.entries((message && message.settings) || {})) {
					if (frm.fields_dict[field]) {
						frm.set_value(field, value);
					}
				}
			},
		});
	},
});
