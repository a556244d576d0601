// The fields of a form: each shows a value of its owner's document, or takes one.
//
// An owner has `doc`, `frm` (or null), `holds(expression)`, `isLocked(df)`, `typing()`, `set(control, value)` and `query(df)`.

import { NO_VALUE, TABLES, __, button, choice, cint, el, framed, guessColour, icon, isEmpty, isState, path, pill, readable, rich, slug } from "./base.js";
import { Layout, blank } from "./layout.js";
import { modal, show_alert } from "./page.js";
import { request, upload } from "./server.js";

let count = 0;

export class Control {
	constructor(df, owner, { bare = false } = {}) {
		Object.assign(this, { df, owner, bare, id: `field-${++count}` });
		this.wrapper = el("div", { className: "field", dataset: { fieldname: df.fieldname || "", fieldtype: df.fieldtype } });
		this.frm = owner.frm;
	}

	get value() {
		return this.owner.doc[this.df.fieldname];
	}
	get is_required() {
		return Boolean(this.df.reqd) || (this.df.mandatory_depends_on && this.owner.holds(this.df.mandatory_depends_on));
	}
	/** "hidden", "read" or "write". */
	get_status() {
		const { df, owner } = this;
		if (df.hidden || (df.depends_on && !owner.holds(df.depends_on)) || owner.isHidden?.(df)) return "hidden";
		if (df.fieldtype === "Button") return "write";
		const locked = df.read_only || df.fieldtype === "Read Only" || owner.isLocked(df) || (df.read_only_depends_on && owner.holds(df.read_only_depends_on))
			|| (df.set_only_once && !owner.doc.__islocal && !isEmpty(this.value));
		if (!locked) return "write";
		return isEmpty(this.value) && !this.bare && !["HTML", "Check"].includes(df.fieldtype) && !df.show_empty ? "hidden" : "read";
	}

	/** Bring what is seen in line with the definition and the document; `anew` where the definition changed. */
	refresh(anew = false) {
		const status = this.get_status();
		this.wrapper.hidden = status === "hidden";
		const focused = this.wrapper.contains(document.activeElement);
		if (status !== "hidden" && (anew || status !== this.status || status === "read")) this.draw(status);
		this.status = status;
		if (status === "hidden") return;
		this.wrapper.classList.toggle("reqd", Boolean(this.is_required) && status === "write");
		this.part.show?.(this.value);
		if (anew && focused) this.focus();
	}
	draw(status) {
		const { df, bare, id } = this;
		const kind = KINDS[df.fieldtype] || KINDS.Data;
		this.part = status === "write" ? kind(this) : df.fieldtype === "HTML" || TABLES.includes(df.fieldtype) ? kind(this, true) : { node: this.display() };
		const node = this.part.node;
		(this.part.input || node).id = id;
		const text = __(df.label, null, df.parent);
		this.help = el("p", { className: "help", id: `${id}-help` });
		this.set_description(df.description);
		if (bare) {
			(this.part.input || node).setAttribute("aria-label", text);
			return this.wrapper.replaceChildren(node);
		}
		const caption = el(TABLES.includes(df.fieldtype) || df.fieldtype === "Text Editor" ? "span" : "label", { className: "label", htmlFor: id }, text);
		if (df.fieldtype === "Check") this.wrapper.replaceChildren(el("label", { className: "check" }, node, el("span", {}, text)), this.help);
		else this.wrapper.replaceChildren(...[df.label && !["HTML", "Button"].includes(df.fieldtype) && caption, node, this.help].filter(Boolean));
		(this.part.input || node).setAttribute("aria-describedby", `${id}-help`);
		if (caption.tagName === "SPAN") (this.part.input || node).setAttribute("aria-label", text);
	}
	/** The value of a field that is not to be changed. */
	display() {
		const { df, value, owner } = this;
		const target = df.fieldtype === "Link" ? df.options : df.fieldtype === "Dynamic Link" && owner.doc[df.options];
		if (df.fieldtype === "Check") return el("input", { type: "checkbox", checked: Boolean(cint(value)), disabled: true });
		if (["Text Editor", "HTML Editor"].includes(df.fieldtype) || (df.fieldtype === "Long Text" && /^\s*<\w/.test(value))) return framed(value, __(df.label));
		if (["Code", "JSON", "Long Text"].includes(df.fieldtype)) return el("pre", { className: "value" }, value);
		if (df.fieldtype === "Attach Image") return el("img", { className: "preview", src: value, alt: __(df.label) });
		if (df.fieldtype === "Attach") return el("a", { className: "value", href: value, target: "_blank" }, fileName(value) || __(df.label));
		if (df.fieldtype === "Password") return el("div", { className: "value" }, "••••••••");
		if (target && value) return el("a", { className: "value", href: path(target, value) }, value);
		return el("div", { className: "value" }, isState(df) && value ? pill(choice(df, value), guessColour(value)) : readable(df, value) || "\u00a0");
	}

	focus = () => (this.part?.input || this.part?.node)?.focus?.();
	typing() {
		this.say("");
		this.owner.typing(this);
	}
	/** A value from the person. */
	take(value) {
		this.say("");
		return this.owner.set(this, value);
	}
	/** What is wrong with the value, beside the field; "" when nothing is. A fault is a value that was not even taken. */
	say(text, fault = false) {
		this.wrapper.querySelector(":scope > .error")?.remove();
		if (fault) this.wrapper.dataset.fault = 1;
		else delete this.wrapper.dataset.fault;
		this.wrapper.classList.toggle("invalid", Boolean(text));
		(this.part?.input || this.part?.node)?.setAttribute?.("aria-invalid", Boolean(text));
		if (text) this.wrapper.append(el("p", { className: "error" }, text));
	}
	set_description(text) {
		this.df.description = text;
		this.help?.replaceChildren(...(text ? rich(__(text)) : []));
	}
}

const fileName = (url) => /^\/(private\/)?files\//.test(url) && decodeURIComponent(url.split("/").pop());

/** The value of a calculation like `60*24*2`; NaN where it is none. What is run is made of digits, points, signs and brackets. */
export function calculate(text) {
	const plainly = String(text).replace(/,/g, ".");
	if (!/^[\d.+*/() -]+$/.test(plainly)) return NaN;
	try {
		const value = Number.isNaN(Number(plainly)) ? new Function(`"use strict"; return (${plainly})`)() : Number(plainly);
		return Number.isFinite(value) ? value : NaN;
	} catch {
		return NaN;
	}
}

/** An input that writes `parse(text)`; an Error thrown by `parse` is shown beside the field. */
function typed(c, attributes, { tag = "input", parse = (text) => (text === "" ? null : text), format = (value) => value ?? "" } = {}) {
	const input = el(tag, { autocomplete: "off", spellcheck: tag === "textarea", placeholder: __(c.df.placeholder), ...attributes });
	input.addEventListener("input", () => c.typing());
	input.addEventListener("change", () => {
		try {
			c.take(parse(input.value));
		} catch (error) {
			c.say(error.message, true);
		}
	});
	const show = (value) => document.activeElement === input && input.value && parseQuietly(parse, input.value) === value ? null : (input.value = format(value));
	return { node: input, input, show };
}
const parseQuietly = (parse, text) => {
	try {
		return parse(text);
	} catch {
		return undefined;
	}
};
const number = (round) => (text) => {
	if (!text.trim()) return 0;
	const value = calculate(text.replace(/\s/g, ""));
	if (Number.isNaN(value)) throw new Error(__("{0} is not a number", [text]));
	return round ? Math.round(value) : value;
};
const area = (rows, className) => (c) => typed(c, { rows, className }, { tag: "textarea" });
const float = (c) => typed(c, { inputMode: "decimal" }, { parse: number(false) });

function select(c) {
	const options = Array.isArray(c.df.options) ? c.df.options : String(c.df.options || "").split("\n");
	const all = options.map((each) => (typeof each === "object" && each ? each : { value: each ?? "", label: choice(c.df, each ?? "") }));
	const input = el("select", { onchange: () => c.take(input.value) });
	return { node: input, input, show: (value) => {
		const wanted = String(value ?? "");
		const shown = all.some((each) => String(each.value) === wanted) ? all : [{ value: wanted, label: choice(c.df, wanted) }, ...all];
		input.replaceChildren(...shown.map(({ value: each, label }) => el("option", { value: each, selected: String(each) === wanted }, __(label))));
	} };
}

/** What is typed is searched by `source(text)`, which gives {value, description, ...}; `pick(row)` takes one. */
export function suggest(input, source, pick) {
	const list = el("ul", { className: "suggestions", role: "listbox", hidden: true, id: `list-${++count}` });
	let [rows, at, turn, timer] = [[], -1, 0, 0];
	const hide = () => {
		clearTimeout(timer);
		turn++;
		list.hidden = true;
		input.setAttribute("aria-expanded", "false");
	};
	const mark = (index) => {
		at = index;
		[...list.children].forEach((item, i) => item.setAttribute("aria-selected", i === at));
		list.children[at]?.scrollIntoView({ block: "nearest" });
		input.setAttribute("aria-activedescendant", list.children[at]?.id || "");
	};
	const choose = (row) => {
		hide();
		pick(row);
	};
	const ask = async () => {
		const mine = ++turn;
		const found = await source(input.value).catch(() => []);
		if (mine !== turn || document.activeElement !== input) return;
		rows = found;
		list.replaceChildren(...rows.map((row, i) => el("li", {
			role: "option", id: `${list.id}-${i}`, onmousedown: (event) => (event.preventDefault(), choose(row)) },
			el("b", {}, row.label || row.value), row.description && row.description !== row.value && el("small", {}, row.description))));
		if (!rows.length) list.append(el("li", { className: "none" }, __("Nothing found")));
		list.hidden = false;
		input.setAttribute("aria-expanded", "true");
		mark(input.value && rows.length ? 0 : -1);
	};
	const later = (delay) => {
		clearTimeout(timer);
		timer = setTimeout(ask, delay);
	};
	for (const [key, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id })) input.setAttribute(key, value);
	input.addEventListener("input", () => later(180));
	input.addEventListener("click", () => list.hidden && later(0));
	input.addEventListener("blur", hide);
	input.addEventListener("keydown", (event) => {
		if (event.key === "ArrowDown" && list.hidden) later(0);
		else if (event.key === "ArrowDown") mark(Math.min(at + 1, rows.length - 1));
		else if (event.key === "ArrowUp") mark(Math.max(at - 1, -1));
		else if (event.key === "Enter" && !list.hidden && rows[at]) choose(rows[at]);
		else if (event.key === "Escape" && !list.hidden) hide();
		else return;
		event.preventDefault();
		event.stopPropagation();
	});
	return list;
}

function link(c) {
	const target = () => (c.df.fieldtype === "Link" ? c.df.options : c.owner.doc[c.df.options]);
	const input = el("input", { type: "text", autocomplete: "off", placeholder: __(c.df.placeholder) });
	const source = async (text) => {
		if (!target()) return [];
		const { query, filters } = c.owner.query(c.df);
		const args = { doctype: target(), txt: text === c.value ? "" : text, query, filters, page_length: 10, reference_doctype: c.owner.frm?.doctype };
		const { message, results } = await request("frappe.desk.search.search_link", args);
		return message || results || [];
	};
	// a name that was typed is looked up: as it is written there, and with what other fields fetch from it
	const check = async (name) => {
		if (!name) return c.take(null);
		const fetched = c.owner.fetched?.(c.df) || [];
		const columns = ["name", ...fetched.map((df) => df.fetch_from.split(".").pop())];
		const found = await request("frappe.client.get_value", { doctype: target(), fieldname: columns, filters: { name } }, { quiet: true }).catch(() => ({ message: { name } }));
		if (input.value !== name) return;
		if (!found.message?.name) return c.say(__("{0} {1} not found", [__(target() || c.df.label), name]), true);
		await c.take(found.message.name);
		for (const df of fetched) {
			const value = found.message[df.fetch_from.split(".").pop()];
			if (value !== undefined && !(df.fetch_if_empty && !isEmpty(c.owner.doc[df.fieldname]))) await c.owner.frm.set_value(df.fieldname, value);
		}
	};
	const open = el("a", { className: "bare", title: __("Open"), "aria-label": __("Open"), tabIndex: -1 }, icon("open"));
	input.addEventListener("input", () => c.typing());
	input.addEventListener("change", () => check(input.value.trim()));
	const list = suggest(input, source, (row) => {
		input.value = row.value;
		check(row.value);
	});
	return { node: el("span", { className: "with" }, input, open, list), input, show: (value) => {
		if (document.activeElement !== input || !input.value) input.value = value ?? "";
		open.hidden = !value || !target() || c.bare;
		if (!open.hidden) open.href = path(target(), value);
	} };
}

function password(c) {
	const stored = () => /^\*+$/.test(c.value || "");
	const input = el("input", { type: "password", autocomplete: "new-password" });
	const see = button(icon("eye"), () => (input.type = input.type === "password" ? "text" : "password"), { className: "bare", title: __("Show"), tabIndex: -1 });
	let before;
	input.addEventListener("input", () => {
		see.hidden = !input.value;
		c.typing();
	});
	input.addEventListener("change", () => c.take(input.value || before || null));
	return { node: el("span", { className: "with" }, input, see), input, show: (value) => {
		if (stored()) [before, input.value] = [value, ""];
		else if (document.activeElement !== input) input.value = value ?? "";
		input.placeholder = before ? __("Stored; type to replace it") : "";
		see.hidden = !input.value;
	} };
}

function editor(c) {
	const box = el("div", { className: "prose", contentEditable: "true", role: "textbox", "aria-multiline": "true", spellcheck: true });
	const source = el("div", {});
	const read = () => {
		source.replaceChildren(...rich(box.innerHTML, true));
		return source.textContent.trim() || source.querySelector("img, hr, table") ? source.innerHTML : "";
	};
	const run = (command, value) => {
		box.focus();
		document.execCommand(command, false, value);
	};
	const address = () => {
		const url = window.prompt(__("Address of the link"), "https://");
		if (url && /^(https?:|mailto:)/i.test(url)) run("createLink", url);
	};
	const tool = (sign, title, act) => button(sign, act, { title, "aria-label": title, tabIndex: -1 });
	const bar = el("div", { className: "tools", onmousedown: (event) => event.preventDefault() },
		tool(el("b", {}, "B"), __("Bold"), () => run("bold")), tool(el("i", {}, "I"), __("Italic"), () => run("italic")), tool(el("u", {}, "U"), __("Underline"), () => run("underline")),
		tool(icon("list"), __("List"), () => run("insertUnorderedList")), tool("1.", __("Numbered list"), () => run("insertOrderedList")),
		tool("❝", __("Quote"), () => run("formatBlock", "blockquote")), tool(icon("link"), __("Link"), address), tool(icon("close"), __("Remove formatting"), () => run("removeFormat")));
	box.addEventListener("input", () => c.typing());
	box.addEventListener("blur", () => read() !== (c.value || "") && c.take(read() || null));
	box.addEventListener("paste", (event) => {
		const html = event.clipboardData.getData("text/html");
		if (!html) return;
		event.preventDefault();
		run("insertHTML", el("div", {}, rich(html)).innerHTML);
	});
	return { node: el("div", { className: "editor" }, bar, box), input: box, show: (value) => {
		if (document.activeElement !== box) box.replaceChildren(...rich(value || "", true));
	} };
}

function attach(c) {
	const input = el("input", { type: "file", hidden: true, accept: c.df.fieldtype === "Attach Image" ? "image/*" : "", onchange: async () => {
		const frm = c.owner.frm;
		const file = await upload(input.files[0], { fieldname: c.df.fieldname, ...(frm && !frm.is_new() && { doctype: frm.doctype, docname: frm.docname }) });
		show_alert({ message: __("{0} was uploaded.", [file.file_name]), indicator: "green" });
		c.take(file.file_url);
	} });
	const shown = el("span", { className: "row" });
	return { node: el("div", { className: "attach" }, shown, input), input, show: (value) => shown.replaceChildren(...(value
		? [c.df.fieldtype === "Attach Image" && el("img", { className: "preview", src: value, alt: "" }), el("a", { href: value, target: "_blank" }, fileName(value) || value),
			button(__("Clear"), () => c.take(null), { className: "small" })].filter(Boolean)
		: [button(__("Attach"), () => input.click(), { className: "small" }, icon("attach"))])) };
}

const moment = (type, format, parse = (text) => text || null) => (c) => typed(c, { type, step: type === "date" ? undefined : 1 }, { parse, format });

const KINDS = {
	Data: (c) => typed(c, { type: "text", inputMode: { Email: "email", Phone: "tel", URL: "url" }[c.df.options] || "text" }, { parse: (text) => text.trim() || null }),
	Int: (c) => typed(c, { inputMode: "text" }, { parse: number(true) }),
	Float: float, Currency: float, Percent: float,
	Check: (c) => {
		const input = el("input", { type: "checkbox", onchange: () => c.take(input.checked ? 1 : 0) });
		return { node: input, input, show: (value) => (input.checked = Boolean(cint(value))) };
	},
	Select: select, Link: link, "Dynamic Link": link, Password: password, "Text Editor": editor, "HTML Editor": area(10, "code"), Attach: attach, "Attach Image": attach,
	"Small Text": area(3), Text: area(5), "Long Text": area(8), Code: area(8, "code"), JSON: area(8, "code"), "Markdown Editor": area(8, "code"),
	Date: moment("date", (value) => String(value ?? "").slice(0, 10)),
	Datetime: moment("datetime-local", (value) => String(value ?? "").replace(" ", "T").slice(0, 19), (text) => text.replace("T", " ").padEnd(19, ":00") || null),
	Time: moment("time", (value) => (value ? String(value).padStart(8, "0").slice(0, 8) : "")),
	Button: (c) => ({ node: button(__(c.df.label), () => c.owner.press(c)) }),
	HTML: (c) => ({ node: el("div", { className: "html" }, rich(__(c.df.options))) }),
	Table: (c, locked) => new Grid(c, locked),
	"Table MultiSelect": (c, locked) => new Grid(c, locked),
};

let made = 0;

/** The rows of a table: added, deleted, changed in place or, all fields of one, in a window. */
export class Grid {
	constructor(control, locked) {
		Object.assign(this, { control, locked, df: control.df, frm: control.owner.frm, shown: null });
		this.fields = this.df.fields || this.frm.fieldsOf(this.df.options);
		const usable = this.fields.filter((df) => !NO_VALUE.includes(df.fieldtype) && !TABLES.includes(df.fieldtype) && !df.hidden);
		this.columns = usable.filter((df) => df.in_list_view).length ? usable.filter((df) => df.in_list_view) : usable.slice(0, 4);
		this.more = usable.length > this.columns.length;
		this.body = el("tbody", {});
		const add = button(__("Add Row"), () => this.add_new_row(), { className: "small" });
		this.node = this.input = el("div", { className: "grid", role: "group" },
			el("table", {}, el("thead", {}, el("tr", {}, el("th", { className: "no" }, "#"), this.columns.map((df) => el("th", { className: df.reqd ? "reqd" : "" }, __(df.label, null, df.parent))),
				el("th", {}, el("span", { className: "unseen" }, __("Actions"))))), this.body),
			!locked && el("div", { className: "under" }, add));
	}
	get rows() {
		return (this.control.owner.doc[this.df.fieldname] ||= []);
	}
	get doctype() {
		return this.df.options;
	}

	show() {
		const same = this.shown && this.shown.length === this.rows.length && this.rows.every((row, i) => this.shown[i].doc === row);
		if (same) return this.shown.forEach((row) => row.refresh());
		this.shown = this.rows.map((doc) => new Row(this, doc));
		this.body.replaceChildren(...(this.shown.length ? this.shown.map((row) => row.node)
			: [el("tr", {}, el("td", { className: "none", colSpan: this.columns.length + 2 }, __("No rows")))]));
	}
	async add_new_row(values) {
		const row = this.frm ? this.frm.add_child(this.df.fieldname, values) : { ...values, name: `row ${++made}`, idx: this.rows.push({}) };
		if (!this.frm) this.rows[this.rows.length - 1] = row;
		this.control.owner.typing();
		this.show();
		this.shown.at(-1).controls.find((c) => c.status === "write")?.focus();
		await this.frm?.trigger(`${this.df.fieldname}_add`, this.doctype, row.name);
		this.control.owner.refresh();
		return row;
	}
	async remove(row) {
		await this.frm?.trigger(`before_${this.df.fieldname}_remove`, this.doctype, row.doc.name);
		this.rows.splice(this.rows.indexOf(row.doc), 1);
		this.rows.forEach((each, i) => (each.idx = i + 1));
		this.control.owner.typing();
		this.show();
		await this.frm?.trigger(`${this.df.fieldname}_remove`, this.doctype, row.doc.name);
		this.control.owner.refresh();
	}
	edit(row) {
		const layout = new Layout(this.fields, { ...row.owner, refresh: () => layout.refresh() });
		layout.refresh();
		const shown = modal({ title: __("Row {0}", [row.doc.idx]), body: layout.node, className: "wide", footer: [button(__("OK"), () => shown.close(), { className: "primary" })], onclose: () => row.refresh() });
	}
}

class Row {
	constructor(grid, doc) {
		const { frm, df } = grid;
		Object.assign(this, { grid, doc });
		this.owner = {
			doc, frm, parent: grid.control.owner.doc,
			isLocked: () => grid.locked,
			typing: () => grid.control.owner.typing(),
			query: (field) => grid.control.owner.query(field, df.fieldname, doc),
			set: async (control, value) => {
				if (frm) await frm.assign(doc, grid.doctype, control.df.fieldname, value);
				else doc[control.df.fieldname] = value;
				this.refresh();
			},
		};
		const inline = new Layout(grid.columns.map((field) => ({ ...field, depends_on: "" })), this.owner, { bare: true });
		this.owner.holds = inline.holds;
		this.controls = Object.values(inline.controls);
		this.number = el("td", { className: "no" });
		const actions = [grid.more && button(icon("edit"), () => grid.edit(this), { className: "bare", title: __("Edit"), "aria-label": __("Edit") }),
			!grid.locked && button(icon("trash"), () => grid.remove(this), { className: "bare", title: __("Delete"), "aria-label": __("Delete") })];
		this.node = el("tr", { dataset: { name: doc.name } }, this.number, this.controls.map((control) => el("td", {}, control.wrapper)), el("td", { className: "acts" }, actions));
		this.refresh();
	}
	refresh() {
		this.number.textContent = this.doc.idx;
		this.controls.forEach((control) => control.refresh());
	}
}

/** A new row of a table of a document. */
export function newRow(fields, parent, df, values) {
	const row = { ...blank(df.options, fields), name: `new-${slug(df.options)}-${++made}`, __islocal: 1, parentfield: df.fieldname, parenttype: parent.doctype, parent: parent.name };
	return Object.assign(row, { idx: (parent[df.fieldname] || []).length + 1 }, values);
}
