frappe.ui.form.on("Incoming Email", {
	refresh(frm) {
		frm.disable_save();
		if (frm.doc.raw_path) {
			frm.add_custom_button(__("Download Original"), () =>
				window.open(
					`/api/method/dokos_mail.api.download_original?name=${encodeURIComponent(frm.doc.name)}`
				)
			);
		}
		if (["Failed", "Ignored"].includes(frm.doc.state) && frm.doc.raw_path) {
			frm.add_custom_button(__("Process Again"), () =>
				frappe.call("dokos_mail.api.process_again", { names: frm.doc.name }).then(() => {
					frappe.show_alert({ message: __("It is being processed again."), indicator: "blue" });
				})
			).addClass("btn-primary");
		}
	},
});
