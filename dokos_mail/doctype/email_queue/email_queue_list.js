// Queued emails: what became of each, what waits for which account and why, several at a time.

(() => {
	const settings = (frappe.listview_settings["Email Queue"] = frappe.listview_settings["Email Queue"] || {});
	const of_host = settings.onload;
	// a drawn name beside a subject tells nobody anything
	settings.hide_name_column = true;
	settings.add_fields = [...(settings.add_fields || []), "delivery_state", "delivery_reason", "status"];

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
				.then(() => read_again(list));
		list.page.add_actions_menu_item(__("Try Again"), act("try_emails_again"));
		list.page.add_actions_menu_item(__("Cancel"), act("cancel_emails"));
		list.page.add_inner_button(__("What Waits and Why"), show_what_waits);
		show_why(list);
	};

	// Instead of the host's, which offers its own retry beside ours. What mail waits for is its account's affair: it is asked here.
	settings.refresh = async (list) => {
		const rows = list.data || list.rows || [];
		const args = { queues: rows.map((row) => row.name) };
		const { message } = await frappe.call({ method: "dokos_mail.api.queue_in_words", args });
		offer_suspension(list, message.suspended);
		if (rows !== (list.data || list.rows)) return;
		const told = rows.filter((row) => (row.delivery_reason || "") !== (message.why[row.name] || ""));
		for (const row of told) row.delivery_reason = message.why[row.name];
		if (told.length) (list.render_list || list.draw).call(list);
	};

	// The host's list cuts columns on narrow screens, this one first, and gives a sentence no more room than a word.
	function show_why(list) {
		if (!list.render_header || (list.list_view_settings && list.list_view_settings.fields)) return;
		const is_why = (column) => column.df && column.df.fieldname === "delivery_reason";
		const others = list.columns.filter((column) => !is_why(column));
		list.columns = [...others, { type: "Field", df: list.meta.fields.find((df) => df.fieldname === "delivery_reason") }];
		list.$result.addClass("queue-of-emails").append("<style>.queue-of-emails .level-left > .list-row-col:last-child { flex: 3 }</style>");
		list.render_header(true);
	}

	// The host's list reads nothing anew that it read within the last three seconds, whatever was done meanwhile.
	function read_again(list) {
		list.last_args = null;
		return list.refresh();
	}

	function offer_suspension(list, suspended) {
		const [suspend, resume] = [__("Suspend Sending"), __("Resume Sending")];
		for (const label of [suspend, resume]) list.page.remove_inner_button(label);
		list.page.add_inner_button(suspended ? resume : suspend, () =>
			frappe
				.call({ method: "dokos_mail.api.suspend_sending", args: { suspended: suspended ? 0 : 1 }, freeze: true })
				.then(() => read_again(list))
		);
	}

	function show_what_waits() {
		frappe.call({ method: "dokos_mail.api.emails_waiting" }).then(({ message }) => {
			const rows = (message || []).map((each) => {
				const name = frappe.utils.escape_html(each.account || __("No account"));
				const account = each.account ? `<a href="/app/email-account/${encodeURIComponent(each.account)}">${name}</a>` : name;
				const [date, ...time] = frappe.datetime.str_to_user(each.since).split(" ");
				const why = frappe.utils.escape_html(each.why || "").replace(/\n/g, "<br>");
				return `<tr><td>${account}</td><td>${cint(each.count)}</td><td style="white-space: nowrap">${date}<br>${time.join(" ")}</td><td>${why}</td></tr>`;
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
