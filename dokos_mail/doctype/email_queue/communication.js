// The delivery of a mail that was sent, on its Communication: when it was queued, and what each server said.

frappe.ui.form.on("Communication", {
	refresh(frm) {
		if (frm.is_new() || frm.doc.sent_or_received !== "Sent" || frm.doc.communication_medium !== "Email") return;
		frappe
			.call({ method: "dokos_mail.api.delivery_timeline", args: { communication: frm.doc.name } })
			.then(({ message }) => {
				if (!message || !message.length || !frm.dashboard) return;
				const rows = message.map((event) => {
					const cells = [
						frappe.datetime.str_to_user(event.on),
						frappe.utils.escape_html(event.recipient || ""),
						__(event.state),
						frappe.utils.escape_html(event.words || ""),
					];
					return `<tr><td>${cells.join("</td><td>")}</td></tr>`;
				});
				frm.dashboard.add_section(
					`<table class="table table-sm dokos-mail-delivery">${rows.join("")}</table>`,
					__("Delivery")
				);
				frm.dashboard.show();
			});
	},
});
