// A host draws what is read-only in a form as HTML. In these it is the words of strangers, and of their servers.
for (const doctype of ["Incoming Email", "Email Account Status", "Email Folder", "Email Reaction", "Undeliverable Address"]) {
	frappe.ui.form.on(doctype, {
		onload(frm) {
			for (const { fieldname, fieldtype } of frm.meta.fields) {
				if (fieldtype === "Small Text") {
					const shown = (value) => frappe.utils.escape_html(value || "").replace(/\n/g, "<br>");
					frm.get_docfield(fieldname).formatter = shown;
				}
			}
		},
	});
}
