// Queued emails: what became of each, what waits for which account and why, several at a time.

(() => {
	const settings = (frappe.listview_settings["Email Queue"] = frappe.listview_settings["Email Queue"] || {});
	const of_host = settings.onload;
	// a drawn name beside a subject tells nobody anything
	settings.hide_name_column = true;
	settings.add_fields = [...(settings.add_fields || []), "delivery_state", "status"];

	settings.get_indicator = (doc) => {
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
		if (doc.delivery_state) {
			return [__(doc.delivery_state), colours[doc.delivery_state], `delivery_state,=,${doc.delivery_state}`];
		}
		return [__(doc.status), { Sent: "green", Error: "red", Sending: "blue" }[doc.status] || "gray", `status,=,${doc.status}`];
	};

	settings.onload = (list) => {
		if (of_host) of_host(list);
		const act = (method) => () =>
			frappe
				.call({ method: `dokos_mail.api.${method}`, args: { queues: list.get_checked_items(true) }, freeze: true })
				.then(() => list.refresh());
		list.page.add_actions_menu_item(__("Try Again"), act("try_emails_again"));
		list.page.add_actions_menu_item(__("Cancel"), act("cancel_emails"));
		list.page.add_inner_button(__("What Waits and Why"), show_what_waits);
	};

	function show_what_waits() {
		frappe.call({ method: "dokos_mail.api.emails_waiting" }).then(({ message }) => {
			const rows = (message || []).map((each) => {
				const account = frappe.utils.escape_html(each.account || __("No account"));
				const since = frappe.datetime.str_to_user(each.since);
				const why = frappe.utils.escape_html(each.why || "").replace(/\n/g, "<br>");
				return `<tr><td>${account}</td><td>${cint(each.count)}</td><td>${since}</td><td>${why}</td></tr>`;
			});
			const head = [__("Email Account"), __("Emails"), __("Since"), __("Why")].map((title) => `<th style="white-space: nowrap">${title}</th>`).join("");
			frappe.msgprint({
				title: __("What Waits and Why"),
				wide: true,
				message: rows.length
					? `<table class="table table-bordered"><tr>${head}</tr>${rows.join("")}</table>`
					: __("No email waits to be sent."),
			});
		});
	}
})();
