// The list of a DocType's documents: searched, filtered, sorted, page by page; what it shows stands in its address.

import { NO_VALUE, TABLES, __, ago, button, choice, el, escape_html, guessColour, icon, isEmpty, isState, mayAt, moment, path, pill, plain, readable } from "./base.js";
import { scriptFailed } from "./client.js";
import { Control } from "./fields.js";
import { Page, confirm, show_alert } from "./page.js";
import { request } from "./server.js";

const PAGES = [20, 100, 500];
const TEXT = ["Data", "Small Text", "Text", "Long Text", "Text Editor", "Code", "Read Only"];
const OPERATORS = { "=": __("Equals"), "!=": __("Not Equals"), like: __("Contains"), "not like": __("Does not contain"),
	">": ">", "<": "<", ">=": ">=", "<=": "<=", in: __("One of"), "not in": __("None of"), is: __("Is") };
const STANDARD = [["name", __("ID"), "Data"], ["owner", __("Created By"), "Link", "User"], ["creation", __("Created On"), "Datetime"], ["modified", __("Last Updated On"), "Datetime"]]
	.map(([fieldname, label, fieldtype, options]) => ({ fieldname, label, fieldtype, options }));
const RESERVED = ["search", "sort_by", "limit"];
const escaped = (text) => `%${String(text).replace(/[\\%_]/g, "\\$&")}%`;

export class ListView {
	constructor([meta], settings, navigate) {
		Object.assign(this, { meta, doctype: meta.name, settings, navigate, rows: [], checked: new Set(), filters: [] });
		this.page = new Page(__(this.doctype), [[__(this.doctype), path(this.doctype)]]);
		const isShown = (df) => !NO_VALUE.includes(df.fieldtype) && !TABLES.includes(df.fieldtype) && df.fieldtype !== "Password" && mayAt(meta, df.permlevel || 0, "read");
		this.fields = [...meta.fields.filter(isShown), ...STANDARD];
		this.title_field = meta.title_field && this.field(meta.title_field);
		this.state_field = this.fields.find(isState);
		this.can_create = mayAt(meta, 0, "create") && !meta.in_create;
		this.columns = this.fields.filter((df) => df.in_list_view && df !== this.title_field && df !== this.state_field).slice(0, 4);
		if (this.can_create) this.page.set_primary_action(__("Add {0}", [__(this.doctype)]), () => window.frappe.new_doc(this.doctype), "add");
		this.page.standard.append(button(icon("refresh"), () => this.refresh(), { title: __("Refresh"), "aria-label": __("Refresh") }));
		this.bar = el("div", { className: "filters" });
		this.result = el("div", { className: "result" });
		this.foot = el("div", { className: "foot" });
		this.page.node.append(el("div", { className: "card" }, this.bar, this.result, this.foot));
	}
	field = (name) => this.fields.find((df) => df.fieldname === name);
	async start() {
		this.read_address();
		const given = window.frappe.route_options;
		window.frappe.route_options = null;
		if (given) this.filters = Object.entries(given).map(([field, value]) => (Array.isArray(value) ? [field, ...value] : [field, "=", value]));
		else if (!location.search && this.settings.filters) this.filters = this.settings.filters.map((each) => each.slice(-3));
		if (this.meta.permissions.length && this.may_delete()) this.page.add_actions_menu_item(__("Delete"), () => this.remove());
		this.page.actions.node.hidden = true;
		this.run("onload");
		this.page.actions.node.hidden = true;
		this.draw_bar();
		await this.refresh();
	}
	run(event) {
		try {
			this.settings[event]?.(this);
		} catch (error) {
			scriptFailed(error, `${this.doctype}, ${event}`);
		}
	}
	may_delete = () => mayAt(this.meta, 0, "delete");

	// ---- what is asked for, in the page's address

	read_address() {
		const query = new URLSearchParams(location.search);
		this.search = query.get("search") || "";
		this.sort_by = query.get("sort_by") || `${this.meta.sort_field || "modified"} ${(this.meta.sort_order || "desc").toLowerCase()}`;
		this.limit = Number(query.get("limit")) || PAGES[0];
		for (const [field, text] of query) {
			if (RESERVED.includes(field) || !this.field(field)) continue;
			const [operator, value] = text.startsWith("[") ? JSON.parse(text) : ["=", text];
			this.filters.push([field, operator, value]);
		}
	}
	write_address() {
		const query = new URLSearchParams(this.search ? { search: this.search } : {});
		for (const [field, operator, value] of this.filters) query.append(field, operator === "=" ? value : JSON.stringify([operator, value]));
		if (this.sort_by !== "modified desc") query.set("sort_by", this.sort_by);
		history.replaceState(null, "", `${path(this.doctype)}${String(query) && `?${query}`}`);
	}
	get_args() {
		const meant = (operator, value) => {
			if (/like$/.test(operator)) return escaped(value);
			return /in$/.test(operator) ? String(value).split(",").map((each) => each.trim()) : value;
		};
		const args = { doctype: this.doctype, filters: this.filters.map(([field, operator, value]) => [this.doctype, field, operator, meant(operator, value)]) };
		if (this.search) {
			const named = ["name", this.meta.title_field, ...(this.meta.search_fields || "").split(",").map((name) => name.trim()), ...this.columns.map((df) => df.fieldname)];
			const searched = this.fields.filter((df) => named.includes(df.fieldname) && [...TEXT, "Link", "Select", "Dynamic Link"].includes(df.fieldtype));
			args.or_filters = searched.map((df) => [this.doctype, df.fieldname, "like", escaped(this.search)]);
		}
		return args;
	}
	async refresh() {
		this.write_address();
		const wanted = ["name", "modified", ...[this.title_field, this.state_field, ...this.columns].filter(Boolean).map((df) => df.fieldname), ...(this.settings.add_fields || [])];
		const fields = [...new Set(wanted)].filter((name) => this.field(name));
		const turn = (this.turn = (this.turn || 0) + 1);
		const { message } = await request("frappe.desk.reportview.get_list", { ...this.get_args(), fields, order_by: this.sort_by, start: 0, page_length: this.limit });
		if (turn !== this.turn) return;
		this.rows = message || [];
		this.checked.clear();
		this.draw();
		this.run("refresh");
		this.count();
	}
	async count() {
		let total = this.rows.length;
		// a search is over several fields, of which the server counts none
		if (total === this.limit && !this.search) total = (await request("frappe.desk.reportview.get_count", this.get_args())).message;
		this.foot.querySelector(".count").textContent = this.search && total === this.limit ? __("{0} shown", [total]) : __("{0} of {1}", [this.rows.length, total]);
		this.foot.querySelector(".more").hidden = this.search ? total < this.limit : total <= this.rows.length;
	}

	// ---- search and filters

	draw_bar() {
		const search = el("input", { type: "search", value: this.search, placeholder: __("Search"), "aria-label": __("Search") });
		let timer;
		search.addEventListener("input", () => {
			clearTimeout(timer);
			timer = setTimeout(() => Object.assign(this, { search: search.value.trim(), limit: PAGES[0] }) && this.refresh(), 250);
		});
		const standard = this.fields.filter((df) => df.in_standard_filter && df !== this.title_field).slice(0, 4).map((df) => {
			const select = df.fieldtype === "Select";
			const at = () => this.filters.findIndex(([field, operator]) => field === df.fieldname && ["=", "like"].includes(operator));
			const doc = { [df.fieldname]: this.filters[at()]?.[2] ?? null };
			return this.control({ ...df, options: select ? `\n${String(df.options).replace(/^\n/, "")}` : df.options, placeholder: df.label }, doc, (value) => {
				if (at() >= 0) this.filters.splice(at(), 1);
				if (!isEmpty(value) && value !== 0) this.filters.push([df.fieldname, TEXT.includes(df.fieldtype) ? "like" : "=", value]);
				this.filter();
			}, select ? __(df.label) : "");
		});
		this.chips = el("div", { className: "chips" });
		const sorts = [["modified", __("Last Updated On")], ["creation", __("Created On")], ["name", __("ID")], ...[this.title_field, ...this.columns].filter(Boolean).map((df) => [df.fieldname, __(df.label)])];
		const [by, direction] = this.sort_by.split(" ");
		const order = el("select", { "aria-label": __("Sort by"), onchange: () => this.sort(order.value, this.sort_by.split(" ")[1]) }, sorts.map(([value, label]) => el("option", { value, selected: value === by }, label)));
		const turn = button(icon("sort"), () => this.sort(order.value, turn.classList.toggle("up") ? "asc" : "desc"), { className: direction === "asc" ? "up" : "", title: __("Sort order"), "aria-label": __("Sort order") });
		this.bar.replaceChildren(el("div", { className: "row wrap" }, el("span", { className: "searchbox" }, icon("search"), search), standard,
			el("span", { className: "row" }, this.filter_menu(), el("span", { className: "row joined" }, turn, order))), this.chips);
		this.draw_chips();
	}
	control(df, doc, take, label) {
		const owner = { doc, frm: null, holds: () => true, isLocked: () => false, typing: () => {}, query: () => ({}), set: async (control, value) => take((doc[df.fieldname] = value)) };
		const control = new Control({ ...df, read_only: 0, hidden: 0, reqd: 0, depends_on: "", permlevel: 0, fieldtype: df.fieldtype === "Read Only" ? "Data" : df.fieldtype }, owner, { bare: true });
		control.refresh();
		if (label) control.wrapper.querySelector("option").textContent = label;
		return control.wrapper;
	}
	filter_menu() {
		const state = {};
		const field = el("select", { "aria-label": __("Field"), onchange: () => choose() }, this.fields.map((df) => el("option", { value: df.fieldname }, __(df.label, null, df.parent))));
		const operator = el("select", { "aria-label": __("Condition"), onchange: () => ask() });
		const place = el("div", { className: "grow" });
		const choose = () => {
			const df = this.field(field.value);
			const some = df.fieldtype === "Check" ? ["="] : df.fieldtype === "Select" || df.fieldtype === "Link" ? ["=", "!=", "like", "in", "not in", "is"]
				: TEXT.includes(df.fieldtype) ? ["like", "not like", "=", "!=", "is"] : ["=", "!=", ">", "<", ">=", "<=", "is"];
			operator.replaceChildren(...some.map((each) => el("option", { value: each }, OPERATORS[each])));
			ask();
		};
		const ask = () => {
			const df = this.field(field.value);
			const plainly = ["like", "not like", "in", "not in"].includes(operator.value);
			const yes = [{ value: 1, label: __("Yes") }, { value: 0, label: __("No") }];
			const set = [{ value: "set", label: __("Set") }, { value: "not set", label: __("Not Set") }];
			const asked = operator.value === "is" ? { fieldtype: "Select", options: set } : df.fieldtype === "Check" ? { fieldtype: "Select", options: yes } : plainly ? { fieldtype: "Data" } : {};
			state.value = asked.options ? asked.options[0].value : df.fieldtype === "Select" && !plainly ? String(df.options || "").split("\n")[0] : null;
			place.replaceChildren(this.control({ ...df, label: __("Value"), ...asked, fieldname: "value" }, state, () => {}));
		};
		const apply = (event) => {
			event.preventDefault();
			document.activeElement.blur();
			if (isEmpty(state.value)) return;
			node.open = false;
			this.filters.push([field.value, operator.value, state.value]);
			this.filter();
		};
		const node = el("details", { className: "menu" }, el("summary", { className: "btn", role: "button" }, icon("filter"), __("Filter")),
			el("form", { className: "items filter-form", onsubmit: apply }, el("div", { className: "row wrap" }, field, operator, place), el("button", { className: "btn primary small" }, __("Apply"))));
		choose();
		return node;
	}
	draw_chips() {
		this.chips.replaceChildren(...this.filters.map((filter) => {
			const [name, operator, value] = filter;
			const df = this.field(name);
			const said = df.fieldtype === "Check" ? (Number(value) ? __("Yes") : __("No")) : operator === "is" ? (value === "set" ? __("Set") : __("Not Set")) : readable(df, value) || String(value);
			const drop = () => {
				this.filters.splice(this.filters.indexOf(filter), 1);
				this.filter();
			};
			return button(icon("close"), drop, { className: "chip", title: __("Remove this filter") }, `${__(df.label)} ${OPERATORS[operator]?.toLowerCase() || operator} ${said}`);
		}));
		this.chips.hidden = !this.filters.length;
	}
	filter() {
		this.limit = PAGES[0];
		this.draw_bar();
		return this.refresh();
	}
	sort(field, direction) {
		this.sort_by = `${field} ${direction}`;
		return this.refresh();
	}

	// ---- rows

	indicator(row) {
		try {
			const own = this.settings.get_indicator?.(row);
			if (own) return own;
		} catch (error) {
			scriptFailed(error, `${this.doctype}, get_indicator`);
		}
		const df = this.state_field;
		return df && row[df.fieldname] ? [choice(df, row[df.fieldname]), guessColour(row[df.fieldname]), `${df.fieldname},=,${row[df.fieldname]}`] : null;
	}
	draw() {
		const { title_field: title, settings } = this;
		const marked = this.state_field || settings.get_indicator;
		// what a narrow screen has no room for
		const further = (i) => (marked || i > 0 ? "further" : "");
		// a name that was drawn by lot tells nobody anything beside a title
		const named = title && this.rows.some((row) => !/^[0-9a-z]{10,}$/.test(row.name));
		this.foot.replaceChildren(
			el("div", { className: "row joined" }, PAGES.map((size) => button(String(size), () => Object.assign(this, { limit: size }) && this.refresh(), { className: size === this.limit ? "on" : "" }))),
			el("span", { className: "count muted" }), el("span", { className: "grow" }), button(__("Load More"), () => Object.assign(this, { limit: this.limit + PAGES[0] }) && this.refresh(), { className: "more", hidden: true }));
		this.foot.hidden = !this.rows.length;
		if (!this.rows.length) {
			const sought = this.search || this.filters.length;
			const text = sought ? __("No {0} found with these filters. Clear them to see all.", [__(this.doctype)]) : __("There is no {0} yet", [__(this.doctype)]);
			const clear = button(__("Clear Filters"), () => Object.assign(this, { search: "", filters: [] }) && this.filter());
			const first = this.can_create && button(__("Create your first {0}", [__(this.doctype)]), () => window.frappe.new_doc(this.doctype), { className: "primary" });
			return this.result.replaceChildren(el("div", { className: "empty" }, icon("doc"), el("p", {}, text), sought ? clear : first));
		}
		const all = el("input", { type: "checkbox", "aria-label": __("Select all"), onchange: () => this.check(this.rows, all.checked) });
		this.result.replaceChildren(el("table", {},
			el("thead", {}, el("tr", {}, el("th", { className: "tick" }, all), el("th", {}, title ? __(title.label) : __("ID")), marked && el("th", {}, __("Status")),
				this.columns.map((df, i) => el("th", { className: further(i) }, __(df.label, null, df.parent))), named && el("th", { className: "extra" }, __("ID")), el("th", { className: "right" }, el("span", { className: "unseen" }, __("Last Updated On"))))),
			el("tbody", {}, this.rows.map((row) => {
				const [label, colour, filter] = (marked && this.indicator(row)) || [];
				const narrow = () => {
					this.filters = [...this.filters, filter.split("|")[0].split(",")].filter((each) => this.field(each[0]));
					this.filter();
				};
				return el("tr", { onclick: (event) => event.target.closest("a, button, input") || this.navigate(path(this.doctype, row.name)) },
					el("td", { className: "tick" }, el("input", { type: "checkbox", value: row.name, "aria-label": row.name, onchange: (event) => this.check([row], event.target.checked) })),
					el("td", {}, el("a", { className: "strong", href: path(this.doctype, row.name) }, (title && plain(row[title.fieldname])) || row.name)),
					marked && el("td", {}, label && pill(label, colour, filter ? { onclick: narrow, title: __("Filter by this") } : {})),
					this.columns.map((df, i) => el("td", { className: further(i) }, readable(df, row[df.fieldname]))), named && el("td", { className: "muted extra" }, row.name), el("td", { className: "muted right", title: moment(row.modified) }, ago(row.modified)));
			}))));
		this.check([], false);
	}
	check(rows, on) {
		for (const row of rows) this.checked[on ? "add" : "delete"](row.name);
		for (const box of this.result.querySelectorAll("td.tick input")) box.checked = this.checked.has(box.value);
		const some = this.checked.size > 0 && this.page.actions.node.querySelector(".items").children.length > 0;
		this.page.actions.node.hidden = !some;
		if (this.can_create) this.page.primary.hidden = some;
	}
	get_checked_items = (only_names) => this.rows.filter((row) => this.checked.has(row.name)).map((row) => (only_names ? row.name : row));
	async remove() {
		const names = this.get_checked_items(true);
		if (!(await confirm(__("Permanently delete {0}?", [names.map((name) => `<b>${escape_html(name)}</b>`).join(", ")]), null, null, { label: __("Delete"), danger: true }))) return;
		try {
			for (const name of names) await request("frappe.client.delete", { doctype: this.doctype, name });
			show_alert({ message: __("Deleted"), indicator: "green" });
		} finally {
			await this.refresh();
		}
	}
}
