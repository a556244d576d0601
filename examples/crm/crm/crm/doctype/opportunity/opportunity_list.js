frappe.listview_settings["Opportunity"] = {
	get_indicator(doc) {
		const colour = { Open: "orange", Replied: "blue", Quotation: "blue", Converted: "green" }[doc.status] || "gray";
		return [__(doc.status), colour, "status,=," + doc.status];
	},
};
