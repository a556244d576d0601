// Seconds between two looks at a message that is being processed again.
const PROCESS_WAITS = [0.5, 1, 1, 2, 3, 5, 5, 10, 10, 15, 30];

frappe.ui.form.on("Incoming Email", {
	refresh(frm) {
		frm.disable_save();
	},

	process_again_button(frm) {
		const before = frm.doc.modified;
		frappe.call("dokos_mail.api.process_again", { names: frm.docname }).then(() => {
			frappe.show_alert({ message: __("It is being processed again."), indicator: "blue" });
			frm.events.follow(frm, frm.docname, before, 0);
		});
	},

	// The form shows what became of it, by itself.
	follow(frm, name, before, tries) {
		if (tries === PROCESS_WAITS.length) {
			return;
		}
		setTimeout(() => {
			if (cur_frm !== frm || frm.docname !== name) {
				return;
			}
			frappe.db.get_value("Incoming Email", { name }, ["state", "modified"]).then(({ message }) => {
				if (message.modified === before || message.state === "Journalled") {
					frm.events.follow(frm, name, before, tries + 1);
				} else if (cur_frm === frm && frm.docname === name) {
					frm.reload_doc();
				}
			});
		}, PROCESS_WAITS[tries] * 1000);
	},
});
