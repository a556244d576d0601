frappe.ui.form.on("Incoming Email", {
	refresh(frm) {
		frm.disable_save();
	},
});
