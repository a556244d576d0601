// Runs after the host's own script for this form.

const shown_text = (text) => frappe.utils.escape_html(text || "");

frappe.ui.form.on("Email Domain", {
	refresh(frm) {
		frm.add_custom_button(__("Settings of a Provider"), () => frm.events.choose_provider(frm));
		const refused = (frm.doc.__onload && frm.doc.__onload.certificates) || [];
		if (refused.length) {
			frm.dashboard.clear_headline();
			frm.dashboard.set_headline_alert(refused.map(shown_text).join("<br>"), "red");
		}
	},

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

	// Fills in what is known of the provider of the address, never over what somebody typed.
	propose_settings(frm) {
		const asked = frm.doc.email_id || frm.doc.domain_name;
		if (asked && !frm.doc.email_server && !frm.doc.smtp_server) {
			frm.events.take_settings(frm, asked);
		}
	},

	// A domain of one's own says nothing about who hosts its mail: that is chosen.
	choose_provider(frm) {
		frappe
			.call("dokos_mail.doctype.email_account.email_account.mailbox_services")
			.then(({ message: services }) => {
				const dialog = new frappe.ui.Dialog({
					title: __("Settings of a Provider"),
					fields: [
						{
							fieldname: "service",
							fieldtype: "Select",
							label: __("Service"),
							options: ["", ...services].join("\n"),
							reqd: 1,
						},
					],
					primary_action_label: __("Use These Settings"),
					primary_action({ service }) {
						dialog.hide();
						frm.events.take_settings(frm, service);
					},
				});
				dialog.show();
			});
	},

	take_settings(frm, service_or_address) {
		frappe
			.call("dokos_mail.doctype.email_account.email_account.propose_settings", { service_or_address })
			.then(({ message }) => {
				if (!message || !message.settings) {
					return;
				}
				for (const [field, value] of Object.entries(message.settings)) {
					if (frm.fields_dict[field]) {
						frm.set_value(field, value);
					}
				}
				frm.events.show_help(frm, message);
			});
	},

	show_help(frm, { service, hints, help_url, password_url }) {
		const link = (url, text) =>
			url ? `<br><a href="${shown_text(url)}" target="_blank" rel="noopener"><u>${text}</u></a>` : "";
		frm.set_df_property(
			"provider_help",
			"options",
			`<p class="text-muted small"><b>${shown_text(service)}</b><br>${hints.map(shown_text).join("<br>")}
			${link(help_url, __("Settings of the provider"))}${link(password_url, __("Application passwords"))}</p>`
		);
	},
});
