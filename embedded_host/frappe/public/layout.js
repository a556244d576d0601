// Sections and columns of fields, as the breaks among them say; what depends on values comes and goes with them.

import { NO_VALUE, TABLES, __, boot, cint, el, isEmpty, now, today } from "./base.js";
import { Control } from "./fields.js";
import { modal } from "./page.js";

const compiled = new Map();
function evaluate(code, doc, parent) {
	if (!compiled.has(code)) compiled.set(code, new Function("doc", "parent", `return (${code})`));
	return Boolean(compiled.get(code)(doc, parent));
}

export class Layout {
	constructor(fields, owner, { bare = false } = {}) {
		Object.assign(this, { owner, controls: {}, sections: [] });
		this.holds = this.holds.bind(this);
		owner.holds ??= this.holds;
		this.node = el("div", { className: "layout" });
		if (bare) return void fields.forEach((df) => (this.controls[df.fieldname] = new Control(df, owner, { bare })));
		let [section, column] = [null, null];
		const openColumn = (df = {}) => {
			section.columns.push((column = { df, node: el("div", { className: "column" }, df.label && el("h4", {}, __(df.label))), controls: [] }));
			section.grid.append(column.node);
		};
		const openSection = (df) => {
			const grid = el("div", { className: "columns" });
			const title = df.label && el(df.collapsible ? "button" : "div", { className: "title", type: "button" }, el("h3", {}, __(df.label, null, df.parent)));
			const mine = (section = { df, grid, columns: [], node: el("section", { dataset: { fieldname: df.fieldname || "" } }, title, df.description && el("p", { className: "help" }, __(df.description)), grid) });
			if (df.collapsible && title) title.addEventListener("click", () => this.fold(mine));
			this.sections.push(section);
			this.node.append(section.node);
			openColumn();
		};
		for (const df of fields) {
			if (["Tab Break", "Section Break"].includes(df.fieldtype)) openSection(df);
			else if (["Fold", "Image"].includes(df.fieldtype)) continue;
			else if (!section) openSection({});
			if (df.fieldtype === "Column Break") {
				if (section.columns.length > 1 || column.controls.length || df.label) openColumn(df);
			} else if (!/Break$/.test(df.fieldtype)) {
				const control = new Control(df, owner);
				column.controls.push(control);
				column.node.append(control.wrapper);
				this.controls[df.fieldname] = control;
			}
		}
	}

	/** Whether `depends_on` and its like hold: a field's name, or `eval:` and an expression. */
	holds(expression) {
		const { doc, parent } = this.owner;
		if (typeof expression !== "string") return Boolean(expression);
		if (!expression.startsWith("eval:")) {
			const value = doc[expression];
			return Array.isArray(value) ? value.length > 0 : Boolean(value);
		}
		try {
			return evaluate(expression.slice(5), doc, parent || doc);
		} catch (error) {
			console.error(`${expression}: ${error.message}`);
			return true;
		}
	}

	refresh() {
		for (const control of Object.values(this.controls)) control.refresh();
		const shown = (df) => !df.hidden && (!df.depends_on || this.owner.holds(df.depends_on));
		for (const { df, node, columns } of this.sections) {
			let any = false;
			for (const column of columns) {
				column.node.hidden = !shown(column.df) || column.controls.every((control) => control.wrapper.hidden);
				any ||= !column.node.hidden;
			}
			node.hidden = !any || !shown(df);
			node.classList.toggle("single", columns.filter((column) => !column.node.hidden).length === 1);
		}
		for (const section of this.sections) if (section.df.collapsible && section.folded === undefined)
			this.fold(section, !(section.df.collapsible_depends_on && this.owner.holds(section.df.collapsible_depends_on)));
	}
	fold(section, folded = !section.folded) {
		section.folded = folded;
		section.grid.hidden = folded;
		section.node.classList.toggle("folded", folded);
		section.node.querySelector(".title").setAttribute("aria-expanded", !folded);
	}
	/** Bring a field into sight, also out of a folded section. */
	reveal(control) {
		const section = this.sections.find((each) => each.columns.some((column) => column.controls.includes(control)));
		if (section?.folded) this.fold(section, false);
		control.wrapper.scrollIntoView({ block: "center" });
		control.focus();
	}
	/** Fields that must have a value and have none; rows of tables are gone through by the server. */
	missing = () => Object.values(this.controls).filter((control) => control.status === "write" && control.is_required && isEmpty(control.value));
}

/** A new document's values, as the defaults say. */
export function blank(doctype, fields) {
	const doc = { doctype, docstatus: 0 };
	for (const df of fields) {
		if (TABLES.includes(df.fieldtype)) doc[df.fieldname] = [];
		else if (NO_VALUE.includes(df.fieldtype)) continue;
		else if (isEmpty(df.default)) doc[df.fieldname] = df.fieldtype === "Check" ? 0 : df.fieldtype === "Select" && df.options ? df.options.split("\n")[0] || null : null;
		else if (/^__user$/i.test(df.default)) doc[df.fieldname] = boot.user.name;
		else if (/^(now|today)$/i.test(df.default)) doc[df.fieldname] = df.fieldtype === "Date" ? today() : now();
		else doc[df.fieldname] = ["Check", "Int"].includes(df.fieldtype) ? cint(df.default) : df.default;
	}
	return doc;
}

/** A window with fields, for form scripts and for the desk itself. */
export class Dialog {
	constructor(options) {
		Object.assign(this, { opts: options, title: options.title, doc: blank("Dialog", (this.fields = (options.fields || []).map((df) => ({ ...df, show_empty: 1 })))) });
		const owner = {
			doc: this.doc, frm: null, isLocked: () => false, typing: () => {}, refresh: () => this.layout.refresh(),
			query: (df) => { const query = typeof df.get_query === "function" ? df.get_query(this.doc) : df.get_query || { filters: df.filters }; return typeof query === "string" ? { query } : query; },
			press: (control) => (control.df.click || control.df.onclick)?.call(this, this),
			set: async (control, value) => {
				this.doc[control.df.fieldname] = value;
				await (control.df.onchange || control.df.change)?.call(control, value);
				this.layout.refresh();
			},
		};
		this.layout = new Layout(this.fields, owner);
		this.fields_dict = this.layout.controls;
		this.primary = el("button", { className: "btn primary", type: "submit" });
		this.form = el("form", { noValidate: true, onsubmit: (event) => (event.preventDefault(), this.submit()) }, this.layout.node);
		this.set_primary_action(options.primary_action_label || __("Submit"), options.primary_action);
		this.layout.refresh();
	}
	set_primary_action(label, action) {
		Object.assign(this, { primary_action: action });
		Object.assign(this.primary, { textContent: label, hidden: !action });
	}
	/** Values of all fields; null, and what is missing is said, unless `quietly`. */
	get_values(quietly = false) {
		document.activeElement?.blur?.();
		const missing = quietly ? [] : this.layout.missing();
		missing.forEach((control) => control.say(__("This field is required.")));
		if (missing.length || (!quietly && this.layout.node.querySelector("[data-fault]"))) return missing[0]?.focus(), null;
		return Object.fromEntries(Object.keys(this.fields_dict).filter((name) => !isEmpty(this.doc[name])).map((name) => [name, this.doc[name]]));
	}
	async submit() {
		const [focused, values] = [document.activeElement, this.get_values()];
		if (!values || this.primary.disabled) return;
		this.primary.disabled = true;
		try {
			await this.primary_action?.call(this, values);
		} catch (error) {
			// the server's refusal was shown; what was typed stays
			if (!error.answer) throw error;
		} finally {
			this.primary.disabled = false;
			if (this.shown && document.activeElement === document.body) focused.focus(); // what was refused is typed anew
		}
	}
	show() {
		if (this.shown) return this;
		this.form.id = `dialog-${Date.now()}`;
		this.primary.setAttribute("form", this.form.id);
		const { size, indicator, static: fixed } = this.opts;
		const ended = () => {
			this.shown = null;
			this.onhide?.();
		};
		this.shown = modal({ title: this.title, indicator, fixed, className: /large/.test(size) ? "wide" : "", body: this.form, footer: [this.primary], onclose: ended });
		return this;
	}
	hide = () => this.shown?.close();
}

/** Ask for values; `callback` gets them. */
export function prompt(fields, callback, title, label) {
	const asked = typeof fields === "string" ? [{ fieldname: "value", fieldtype: "Data", label: fields, reqd: 1 }] : [].concat(fields);
	const dialog = new Dialog({
		title: title || __("Enter Value"), fields: asked, primary_action_label: label || __("Submit"),
		primary_action: (values) => {
			dialog.hide();
			return callback?.(values);
		},
	});
	return dialog.show();
}
