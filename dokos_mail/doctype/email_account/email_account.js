// Runs after the host's own script for this form.

// The host's handlers for these fill in settings of their own, which may be out of date, and warn of what cannot happen
// here: duplicates, and automatic answers to old mail.
for (const event of ["service", "domain", "use_imap", "email_sync_option", "warn_autoreply_on_incoming"]) {
	frappe.ui.form.off("Email Account", event);
}

// Seconds between two looks at a check or a pull that is under way. Where the host pushes events these are not waited for.
const STATUS_WAITS = [1, 1, 2, 2, 3, 5, 5, 5, 10, 10, 10, 15, 15, 15, 30];
const FIRST_PULL_WAITS = [0.5, 1, 1, 1, 2];
const PULL_WAIT = 3;

// The look that is due next, so that an event of the server can bring it forward.
let due = null;

function later(seconds, look) {
	const timer = setTimeout(() => {
		due = null;
		look();
	}, seconds * 1000);
	due = { timer, look };
}

function look_now() {
	if (due) {
		const { timer, look } = due;
		clearTimeout(timer);
		due = null;
		look();
		return true;
	}
	return false;
}

const shown = (text) => frappe.utils.escape_html(text || "");
const link = (url, text) =>
	url ? ` <a href="${shown(url)}" target="_blank" rel="noopener"><u>${shown(text)}</u></a>` : "";

frappe.ui.form.on("Email Account", {
	setup() {
		frappe.realtime.on("dokos_mail_account", (data) => {
			const frm = cur_frm;
			if (frm && frm.doctype === "Email Account" && frm.docname === data.account && !look_now()) {
				frm.events.show_status(frm, 0);
			}
		});
	},

	onload(frm) {
		// "Create User Email" of the form of a user asks for these boxes, and some hosts drop them on the way.
		const [, doctype, user] = frappe.get_prev_route();
		if (frm.is_new() && doctype === "User" && user === frm.doc.email_id) {
			frm.set_value({ awaiting_password: 1, enable_incoming: 1 });
		}
		const query = "dokos_mail.append_to.append_to_query";
		frm.set_query("append_to", () => ({ query }));
		frm.set_query("append_to", "imap_folder", () => ({ query }));
	},

	refresh(frm) {
		frm.remove_custom_button(__("Pull Emails"));
		frm.events.show_help(frm);
		if (frm.is_new()) {
			frm.events.propose_for_address(frm);
			return;
		}
		if (!frm.perm[0].write) {
			return;
		}
		frm.events.show_status(frm, 0);
		if (frm.doc.enable_incoming && !frm.doc.awaiting_password) {
			frm.add_custom_button(__("Pull Now"), () => frm.events.pull_now(frm));
			frm.add_custom_button(__("Try a Message"), () => frm.events.try_message(frm));
			if (frm.doc.enable_automatic_linking) {
				const label = __("Test the Addresses of Documents");
				frm.add_custom_button(label, () => frm.events.test_addresses(frm));
			}
		}
	},

	// Where a message would go that came now; nothing is stored.
	try_message(frm) {
		const fields = [{
			fieldname: "message",
			fieldtype: "Long Text",
			label: __("Message"),
			reqd: 1,
			description: __("The text of an .eml file, header and all."),
		}];
		frappe.prompt(fields, ({ message }) => {
			frappe.call("dokos_mail.api.explain_mail", { account: frm.docname, message }).then(({ message: explained }) => {
				const lines = explained.lines.map(shown);
				frappe.msgprint({ title: __("Where it would go now"), message: lines.join("<br>") });
			});
		}, __("Try a Message"), __("Try"));
	},

	test_addresses(frm) {
		const account = frm.docname;
		frappe.call("dokos_mail.api.try_document_addresses", { account }).then(({ message }) => {
			if (message) {
				frappe.show_alert({ message: __("A test email to {0} was queued.", [shown(message)]), indicator: "blue" });
				frm.events.show_status(frm, 0);
			}
		});
	},

	// How the connections are doing. Saving never connects: a check follows it, and is followed here until it has ended.
	show_status(frm, tries) {
		const account = frm.docname;
		frappe.call("dokos_mail.api.account_status", { account }).then(({ message }) => {
			if (!message || cur_frm !== frm || frm.docname !== account) {
				return;
			}
			frm.events.draw_status(frm, message);
			if (message.checking && tries < STATUS_WAITS.length) {
				later(STATUS_WAITS[tries], () => {
					if (cur_frm === frm && frm.docname === account) {
						frm.events.show_status(frm, tries + 1);
					}
				});
			}
		});
	},

	draw_status(frm, { lines, colour, state }) {
		// the mark beside the title is that of the list
		frm.doc.connection_state = state;
		if (frm.toolbar && frm.toolbar.set_indicator) {
			frm.toolbar.set_indicator();
		}
		if (!lines.length) {
			return;
		}
		const drawn = lines.map(({ title, text, remedy, since, colour }) => {
			const first = title ? `<span class="indicator ${colour}"><b>${shown(title)}</b></span> ` : "";
			const long = since && __("Failing since {0}.", [frappe.datetime.str_to_user(since)]);
			const more = [remedy, long].filter(Boolean).map(shown).join(" ");
			return `<div>${first}${shown(text)}${more ? `<div>${more}</div>` : ""}</div>`;
		});
		frm.dashboard.clear_headline();
		frm.dashboard.set_headline_alert(drawn.join(""), colour);
	},

	pull_now(frm) {
		const account = frm.docname;
		frappe.call("dokos_mail.api.pull_now", { account }).then(({ message }) => {
			frm.events.follow_pull(frm, account, message, 0, true);
		});
	},

	// `watched` until somebody closes the window that shows how far it is.
	follow_pull(frm, account, since, tries, watched) {
		frappe.call("dokos_mail.api.pull_progress", { account, since }).then(({ message }) => {
			if (message.state === "done") {
				if (watched) {
					frappe.hide_progress();
				}
				frm.events.tell_pull(message);
				if (cur_frm === frm && frm.docname === account) {
					frm.events.show_status(frm, 0);
				}
				return;
			}
			if (watched) {
				const { received, left } = message;
				const said = received
					? __("Emails received: {0}, processed: {1}", [received, received - left])
					: message.state === "waiting"
					? __("Waiting for a background worker")
					: __("Reading the mailbox");
				const window = frappe.show_progress(
					__("Pulling {0}", [account]),
					received ? received - left : 0,
					received || 1,
					said
				);
				watched = !window || window.is_visible !== false;
			}
			const again = () => frm.events.follow_pull(frm, account, since, tries + 1, watched);
			later(FIRST_PULL_WAITS[tries] || PULL_WAIT, again);
		});
	},

	tell_pull({ error, remedy, received, failed, mails }) {
		const error_text = error ? `<p>${shown(error)}<br>${shown(remedy)}</p>` : "";
		if (!received) {
			if (error) {
				frappe.msgprint({ title: __("Pull Now"), message: error_text, indicator: "red" });
			} else {
				frappe.show_alert({ message: __("No new email."), indicator: "blue" });
			}
			return;
		}
		const count = received === 1 ? __("One new email.") : __("{0} new emails.", [received]);
		const those = failed === 1 ? __("One could not be processed.") : __("{0} could not be processed.", [failed]);
		const not_processed = failed ? ` ${those}` : "";
		const desk = (doctype, name) =>
			`/app/${doctype.toLowerCase().replace(/ /g, "-")}/${encodeURIComponent(name)}`;
		const rows = (mails || []).map((mail) => {
			const target = mail.document
				? `<a href="${desk(mail.reference_doctype, mail.reference_name)}">${shown(mail.document)}</a>`
				: shown(mail.reason || mail.state_label);
			const subject = shown(mail.subject) || __("(no subject)");
			return `<tr><td><a href="${desk("Incoming Email", mail.name)}">${subject}</a></td><td>${shown(
				mail.sender
			)}</td><td>${target}</td></tr>`;
		});
		frappe.msgprint({
			title: __("Pull Now"),
			message: `${error_text}<p>${count}${not_processed}</p><table class="table table-sm">${rows.join("")}</table>`,
			indicator: error || failed ? "orange" : "green",
			wide: true,
		});
	},

	email_id(frm) {
		frm.events.propose_for_address(frm);
	},

	// An address in an Email Domain of the site takes that; one of a known provider gets its settings by one click.
	propose_for_address(frm) {
		const { doc } = frm;
		if (frm.proposed) {
			frm.remove_custom_button(frm.proposed);
			frm.dashboard.clear_headline();
			frm.proposed = null;
		}
		if (!doc.email_id || doc.domain || doc.service || doc.email_server || doc.smtp_server) {
			return;
		}
		const asked = doc.email_id;
		frm.events.propose(frm, asked, (known) => {
			if (frm.doc.email_id !== asked || frm.doc.domain || frm.doc.service) {
				return;
			}
			if (known.domain) {
				frm.set_value("domain", known.domain);
				return;
			}
			const { email_server, smtp_server } = known.settings;
			const label = __("Use the Settings of {0}", [known.service]);
			frm.add_custom_button(label, () => frm.set_value("service", known.service));
			const servers = [email_server, smtp_server].filter(Boolean).map(shown).join(", ");
			const found = __("The settings of {0} are known: {1}.", [known.service, servers]);
			frm.dashboard.set_headline_alert(
				`<div>${found}</div><div>${known.hints.map(shown).join(" ")}</div>`,
				"blue"
			);
			frm.proposed = label;
		});
	},

	service(frm) {
		frm.events.propose_for_address(frm);
		frm.events.show_help(frm);
		frm.events.propose(frm, frm.doc.service, ({ settings }) => {
			for (const [field, value] of Object.entries(settings || {})) {
				if (frm.fields_dict[field]) {
					frm.set_value(field, value);
				}
			}
		});
	},

	// A domain's settings are the account's at once: which fields are asked for depends on them.
	domain(frm) {
		frm.events.propose_for_address(frm);
		const { domain } = frm.doc;
		if (domain) {
			frappe.call({ doc: frm.doc, method: "get_domain_values", args: { domain } }).then(({ message }) => {
				if (message && frm.doc.domain === domain) {
					frm.set_value(message);
				}
			});
		}
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

	// What to do on the provider's side, beside the service that was chosen; the usual hints where none was.
	show_help(frm) {
		if (frm.usual_help === undefined && frm.fields_dict.provider_help) {
			frm.usual_help = frm.fields_dict.provider_help.df.options || "";
		}
		const asked = frm.doc.service;
		const draw = (html) => frm.set_df_property("provider_help", "options", html);
		if (!asked) {
			draw(frm.usual_help);
			return;
		}
		frm.events.propose(frm, asked, ({ service, hints, help_url, password_url }) => {
			if (frm.doc.service !== asked) {
				return;
			}
			const links =
				link(help_url, __("Settings of the provider")) + link(password_url, __("Application passwords"));
			draw(
				`<p class="text-muted small"><b>${shown(service)}</b><br>${hints.map(shown).join("<br>")}</p>
				<p class="small">${links.replace("</a> <a", "</a><br><a")}</p>`
			);
		});
	},
});
