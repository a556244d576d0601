// The state of a queued email in words, and what can be done about it.

frappe.ui.form.on("Email Queue", {
	onload(frm) {
		// A host takes what is read-only for HTML: the address that a server puts between angle brackets would be a tag.
		for (const field of [["delivery_reason"], ["recipients", "server_reply"]]) {
			frm.get_docfield(...field).formatter = (value) => dokos_mail_queue.html(value || "");
		}
	},

	refresh(frm) {
		if (frm.is_new()) return;
		// The host's own buttons do the same with other words.
		frm.clear_custom_buttons();
		const state = frm.doc.delivery_state || frm.doc.status;
		const why = (frm.doc.__onload && frm.doc.__onload.why) || frm.doc.delivery_reason;
		frm.page.set_indicator(__(state), dokos_mail_queue.colour(frm.doc));
		const lines = [why, state === "Uncertain" && __("Ask whether it arrived. Try Again sends it once more.")].filter(Boolean);
		if (lines.length) frm.set_intro(dokos_mail_queue.html(lines.join("\n")), dokos_mail_queue.colour(frm.doc));

		if (["Not Sent", "Partially Sent"].includes(frm.doc.status)) {
			frm.add_custom_button(__("Send Now"), () => dokos_mail_queue.act(frm, "send_email_now", { name: frm.doc.name }));
			frm.add_custom_button(__("Cancel"), () =>
				frappe.confirm(__("Not send this email to whom it was not sent yet?"), () =>
					dokos_mail_queue.act(frm, "cancel_emails", { queues: [frm.doc.name] })
				)
			);
		}
		if (["Error", "Expired"].includes(frm.doc.status)) {
			frm.add_custom_button(__("Try Again"), () =>
				dokos_mail_queue.act(frm, "try_emails_again", { queues: [frm.doc.name] })
			);
		}
		if (frm.doc.communication) {
			frm.add_custom_button(__("Open the Email"), () => frappe.set_route("Form", "Communication", frm.doc.communication));
		}
	},
});

const dokos_mail_queue = {
	colour(doc) {
		const colours = {
			Waiting: "gray",
			Deferred: "orange",
			Sending: "blue",
			Sent: "green",
			"Partly Refused": "red",
			Bounced: "red",
			"Partly Bounced": "red",
			Refused: "red",
			Uncertain: "orange",
			Cancelled: "gray",
		};
		return colours[doc.delivery_state] || { Sent: "green", Error: "red", Sending: "blue" }[doc.status] || "gray";
	},

	// Words of ours and of servers, which may have lines.
	html(text) {
		return frappe.utils.escape_html(text).replace(/\n/g, "<br>");
	},

	act(frm, method, args) {
		return frappe.call({ method: `dokos_mail.api.${method}`, args, freeze: true }).then((answer) => {
			if (typeof answer.message === "string") {
				frappe.show_alert(dokos_mail_queue.html(answer.message));
			}
			return frm.reload_doc();
		});
	},
};
