// Runs after the host's own list script, whose other settings stay.
(() => {
	const settings = frappe.listview_settings["Email Account"] || {};
	const added = ["connection_state", "awaiting_password", "enable_incoming", "enable_outgoing"];
	const colours = { Working: "green", Failing: "red", Checking: "blue" };

	frappe.listview_settings["Email Account"] = Object.assign(settings, {
		add_fields: [...new Set([...(settings.add_fields || []), ...added])],

		get_indicator(doc) {
			if (doc.awaiting_password) {
				return [__("Awaiting password"), "orange", "awaiting_password,=,1"];
			}
			if (!doc.enable_incoming && !doc.enable_outgoing) {
				return [__("Not in use"), "gray", "enable_incoming,=,0|enable_outgoing,=,0"];
			}
			if (colours[doc.connection_state]) {
				const state = doc.connection_state;
				return [__(state), colours[state], `connection_state,=,${state}`];
			}
			return [__("Never tried"), "gray", "connection_state,=,"];
		},
	});
})();
