frappe.listview_settings["Incoming Email"] = {
	hide_name_column: true,

	get_indicator(doc) {
		const colours = {
			Journalled: "orange",
			Processed: "green",
			Duplicate: "gray",
			Ignored: "gray",
			Failed: "red",
			Unfetched: "orange",
		};
		return [__(doc.state, null, "Incoming Email"), colours[doc.state], `state,=,${doc.state}`];
	},

	onload(listview) {
		listview.page.add_actions_menu_item(__("Process Again"), () => {
			const names = listview.get_checked_items(true);
			frappe.call("dokos_mail.api.process_again", { names }).then(() => {
				frappe.show_alert({ message: __("They are being processed again."), indicator: "blue" });
			});
		});
	},
};
