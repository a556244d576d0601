// The delivery of a mail that was sent, on its Communication: when it was queued, what each server said, and what its writer
// can do about it, who cannot see the queue.

frappe.ui.form.on("Communication", {
	refresh(frm) {
		if (frm.is_new() || frm.doc.sent_or_received !== "Sent" || frm.doc.communication_medium !== "Email") return;
		frappe
			.call({ method: "dokos_mail.api.delivery_timeline", args: { communication: frm.doc.name } })
			.then(({ message }) => {
				if (!message || !message.events.length || !frm.dashboard) return;
				dokos_mail_delivery.show(frm, message);
				dokos_mail_delivery.offer(frm, message);
			});
	},
});

const dokos_mail_delivery = {
	show(frm, { events, why }) {
		const rows = events.map((event) => {
			const cells = [
				frappe.datetime.str_to_user(event.on),
				frappe.utils.escape_html(event.recipient || ""),
				__(event.state),
				frappe.utils.escape_html(event.words || ""),
			];
			return `<tr><td>${cells.join("</td><td>")}</td></tr>`;
		});
		const head = [__("When"), __("Recipient"), __("Delivery"), __("What the Server Said")].map((title) => `<th>${title}</th>`);
		const waits = why ? `<p>${frappe.utils.escape_html(why).replace(/\n/g, "<br>")}</p>` : "";
		frm.dashboard.add_section(
			`${waits}<table class="table table-sm dokos-mail-delivery"><tr>${head.join("")}</tr>${rows.join("")}</table>`,
			__("Delivery")
		);
		frm.dashboard.show();
	},

	offer(frm, { wait, failed }) {
		const act = async (method, ...calls) => {
			for (const args of calls) {
				const { message } = await frappe.call({ method: `dokos_mail.api.${method}`, args, freeze: true });
				if (typeof message === "string") frappe.show_alert(frappe.utils.escape_html(message).replace(/\n/g, "<br>"));
			}
			return frm.reload_doc();
		};
		if (wait.length) {
			frm.add_custom_button(__("Send Now"), () => act("send_email_now", ...wait.map((name) => ({ name }))));
			frm.add_custom_button(__("Cancel"), () =>
				frappe.confirm(__("Not send this email to whom it was not sent yet?"), () => act("cancel_emails", { queues: wait }))
			);
		}
		if (failed.length) frm.add_custom_button(__("Try Again"), () => act("try_emails_again", { queues: failed }));
	},
};
