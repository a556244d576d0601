frappe.listview_settings["Email Domain"] = Object.assign(frappe.listview_settings["Email Domain"] || {}, {
	// in the words of the page that users read
	refresh(listview) {
		if (listview.can_create) {
			listview.page.set_primary_action(__("Add a New Domain Name"), () => frappe.new_doc("Email Domain"), "add");
		}
	},

	add_fields: ["use_imap", "use_ssl", "use_starttls"],

	get_indicator(doc) {
		const protocol = doc.use_imap ? "IMAP" : "POP3";
		return doc.use_ssl || doc.use_starttls
			? [`${protocol} · SSL`, "green", `use_imap,=,${doc.use_imap}`]
			: [`${protocol} · ${__("not encrypted")}`, "orange", `use_imap,=,${doc.use_imap}`];
	},
});
