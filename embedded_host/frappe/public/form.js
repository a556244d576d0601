// A form: one document, the scripts that apps have for it, and what those may ask of it (`frm`).

import { NO_VALUE, TABLES, __, ago, boot, button, colour, el, escape_html, icon, mayAt, path, rich, slug } from "./base.js";
import { handlers, handlersOf, scriptFailed } from "./client.js";
import { newRow } from "./fields.js";
import { Layout, blank } from "./layout.js";
import { Page, afterwards, confirm, modal, show_alert } from "./page.js";
import { call, metaOf, request, upload } from "./server.js";
import { Timeline } from "./timeline.js";

let made = 0;

export class Form {
	/** The form of a document; of a new one where `name` is undefined. Undefined if there is no such document. */
	static async open(doctype, name, values) {
		const metas = await metaOf(doctype);
		const meta = metas[0];
		if (name !== undefined) {
			const { docs, docinfo } = await request("frappe.desk.form.load.getdoc", { doctype, name });
			return docs && new Form(metas, docs[0], docinfo);
		}
		const doc = { ...blank(doctype, meta.fields), name: `new-${slug(doctype)}-${++made}`, __islocal: 1, __unsaved: 1, owner: boot.user.name, ...values };
		const right = Number(mayAt(meta, 0, "create") && !meta.in_create);
		return new Form(metas, doc, { permissions: { read: 1, write: right, create: right, delete: 0 }, communications: [], comments: [], attachments: [] });
	}

	constructor(metas, doc, docinfo) {
		const [meta] = metas;
		Object.assign(this, { frm: this, meta, doctype: meta.name, doc, docinfo, events: {}, queries: {}, is_saveable: !meta.in_create, unsaved: Boolean(doc.__islocal), touched: false, work: Promise.resolve() });
		this.definitions = Object.fromEntries(metas.map((each) => [each.name, each.fields.map((df) => ({ ...df }))]));
		for (const [event, list] of Object.entries(handlers[this.doctype] || {})) if (list.length) this.events[event] = list.at(-1);
		const title = meta.issingle ? [] : [[__(this.doctype), path(this.doctype)]];
		this.page = new Page(this.title, [...title, [this.title, location.pathname]]);
		this.page.set_primary_action(__("Save"), () => this.save_typed());
		this.layout = new Layout(this.definitions[this.doctype], this);
		this.fields_dict = this.layout.controls;
		this.dashboard = new Dashboard();
		this.intro = el("div", { className: "intro" });
		this.side = el("aside", {});
		this.timeline = new Timeline(this);
		const card = el("div", { className: "card" }, this.layout.node);
		this.page.node.append(el("div", { className: "body-with-side" }, this.side, el("div", { className: "grow" }, this.dashboard.node, this.intro, card, this.timeline.node)));
		this.register();
	}
	/** The form's life begins once it is on the screen. */
	async start() {
		this.layout.refresh();
		for (const event of ["setup", "before_load", "onload"]) await this.trigger(event);
		await this.refresh();
		await this.trigger("onload_post_render");
		if (this.is_new()) Object.values(this.fields_dict).find((control) => control.status === "write" && !["Check", "Button", "HTML"].includes(control.df.fieldtype))?.focus();
	}

	get docname() {
		return this.doc.name;
	}
	get title() {
		if (this.is_new()) return __("New {0}", [__(this.doctype)]);
		return this.meta.issingle ? __(this.doctype) : String((this.meta.title_field && this.doc[this.meta.title_field]) || this.doc.name);
	}
	get address() {
		return path(this.doctype, this.meta.issingle ? undefined : this.is_new() ? "new" : this.docname);
	}
	get perm() {
		return [this.docinfo.permissions];
	}
	is_new = () => Boolean(this.doc.__islocal);
	is_dirty = () => this.unsaved;
	dirty() {
		this.unsaved = true;
		this.doc.__unsaved = 1;
		this.show_state();
	}

	// ---- what fields ask of their owner

	get holds() {
		return this.layout?.holds;
	}
	set holds(_) {}
	isLocked = (df) => !this.perm[0].write || !this.is_saveable || (df.permlevel > 0 && !mayAt(this.meta, df.permlevel, "write"));
	isHidden = (df) => df.permlevel > 0 && !mayAt(this.meta, df.permlevel, "read");
	typing() {
		this.touched = true;
		if (!this.unsaved) this.dirty();
	}
	fieldsOf = (doctype) => this.definitions[doctype];
	fetched = (df) => this.definitions[this.doctype].filter((each) => each.fetch_from?.startsWith(`${df.fieldname}.`));
	query(df, table, row) {
		const ask = this.queries[table ? `${table}.${df.fieldname}` : df.fieldname] || df.get_query;
		const answer = typeof ask === "function" ? ask(this.doc, row?.doctype || this.doctype, row?.name || this.docname) : ask;
		return typeof answer === "string" ? { query: answer } : answer || { filters: df.filters };
	}
	async press(control) {
		const { fieldname, options } = control.df;
		if (handlersOf(this.doctype, fieldname).length) return this.trigger(fieldname);
		if (options) return this.call(options).then(() => this.reload_doc());
	}
	set(control, value) {
		this.touched ||= String(this.doc[control.df.fieldname] ?? "") !== String(value ?? "");
		return this.assign(this.doc, this.doctype, control.df.fieldname, value);
	}
	/** A new value of the document or of a row: an equal one is nothing new; handlers run, then what depends on it is shown. */
	assign(doc, doctype, fieldname, value) {
		if (String(doc[fieldname] ?? "") === String(value ?? "") && !Array.isArray(value)) return this.refresh_field(fieldname);
		doc[fieldname] = value;
		this.dirty();
		this.layout.refresh();
		const done = this.trigger(fieldname, doctype, doc.name).then(() => this.layout.refresh());
		this.work = Promise.all([this.work, done]);
		return done;
	}

	// ---- what scripts ask of a form

	async trigger(event, doctype = this.doctype, name = this.docname) {
		for (const handler of [...handlersOf(doctype, event)]) {
			try {
				await handler(this, doctype, name);
			} catch (error) {
				scriptFailed(error, `${doctype}, ${event}`);
			}
		}
	}
	async refresh() {
		this.register();
		this.page.set_title(this.title);
		this.page.clear_inner_toolbar();
		this.dashboard.clear();
		this.set_intro();
		this.indicated = null;
		this.show_state();
		this.show_menu();
		this.show_side();
		this.layout.refresh();
		this.timeline.refresh();
		await this.trigger("refresh");
		this.layout.refresh();
	}
	register() {
		const remember = (doc) => ((window.locals[doc.doctype] ||= {})[doc.name] = doc);
		remember(this.doc);
		for (const df of this.definitions[this.doctype]) if (TABLES.includes(df.fieldtype))
			for (const row of this.doc[df.fieldname] || []) remember(Object.assign(row, { doctype: df.options }));
	}
	async set_value(field, value) {
		const values = typeof field === "string" ? { [field]: value } : field;
		for (const [name, each] of Object.entries(values)) {
			if (!this.definitions[this.doctype].some((df) => df.fieldname === name)) throw new Error(`${this.doctype} has no field ${name}`);
			await this.assign(this.doc, this.doctype, name, each);
			this.refresh_field(name);
		}
	}
	refresh_field(name) {
		for (const each of [].concat(name)) this.fields_dict[each]?.refresh();
		return Promise.resolve();
	}
	refresh_fields = () => this.layout.refresh();
	get_docfield(name, column) {
		return column ? this.definitions[this.get_docfield(name).options].find((df) => df.fieldname === column) : this.definitions[this.doctype].find((df) => df.fieldname === name);
	}
	set_df_property(field, property, value, _docname, column) {
		const df = this.get_docfield(field, column);
		if (!df) return;
		df[property] = value;
		this.fields_dict[field]?.refresh(true);
		this.layout.refresh();
	}
	set_query(field, ...rest) {
		const query = rest.pop();
		this.queries[rest.length ? `${rest[0]}.${field}` : field] = query;
	}
	add_child(table, values) {
		const df = this.get_docfield(table);
		const row = newRow(this.definitions[df.options], this.doc, df, values);
		(this.doc[table] ||= []).push(row);
		this.register();
		return row;
	}
	add_custom_button = (label, action) => this.page.add_inner_button(label, action);
	clear_custom_buttons = () => this.page.clear_inner_toolbar();
	toolbar = { set_indicator: () => this.show_state() };
	remove_custom_button = (label) => this.page.remove_inner_button(label);
	set_intro(html, name) {
		if (!html) return this.intro.replaceChildren();
		this.intro.append(el("div", { className: `notice ${colour(name || "blue")}` }, rich(html)));
	}
	disable_save() {
		this.is_saveable = false;
		this.show_state();
		this.layout.refresh();
	}
	async call(method, args, callback) {
		const options = typeof method === "string" ? { method, args, callback } : { ...method };
		if (!options.method.includes(".")) options.doc ??= this.doc;
		const answer = await call(options);
		const own = options.doc && answer.docs?.find((doc) => doc.doctype === this.doctype && doc.name === this.docname);
		if (own) Object.assign(this.doc, own), this.layout.refresh();
		return answer;
	}
	async reload_doc() {
		const { docs, docinfo } = await request("frappe.desk.form.load.getdoc", { doctype: this.doctype, name: this.docname });
		this.take(docs[0], docinfo);
		await this.refresh();
	}
	take(doc, docinfo) {
		Object.assign(this, { doc, docinfo, unsaved: false, touched: false });
		this.layout.node.querySelectorAll(".invalid").forEach((node) => this.fields_dict[node.dataset.fieldname]?.say(""));
	}

	// ---- saving

	/** Save what was typed: the field that is being typed in has its say first. */
	async save_typed() {
		document.activeElement?.blur?.();
		await this.work;
		const focused = this.layout.node.querySelector("[data-fault]");
		if (focused) return focused.scrollIntoView({ block: "center" }), focused.querySelector("input, textarea")?.focus();
		return this.save().catch(() => {});
	}
	async save() {
		if (this.saving || !this.is_saveable || !this.perm[0].write) return;
		window.frappe.validated = true;
		const missing = this.layout.missing();
		missing.forEach((control) => control.say(__("This field is required.")));
		if (missing.length) {
			this.layout.reveal(missing[0]);
			show_alert({ message: __("Missing: {0}", [missing.map((control) => escape_html(__(control.df.label))).join(", ")]), indicator: "red" });
			throw new Error("missing values");
		}
		for (const event of ["validate", "before_save"]) await this.trigger(event);
		if (!window.frappe.validated) throw new Error("not valid");
		const wasNew = this.is_new();
		this.saving = this.page.primary.disabled = true;
		try {
			const { docs, docinfo } = await request("frappe.desk.form.save.savedocs", { doc: JSON.stringify(this.doc), action: "Save" });
			this.take(docs[0], docinfo);
		} catch (error) {
			this.blame(error);
			throw error;
		} finally {
			this.saving = this.page.primary.disabled = false;
		}
		if (wasNew && !this.meta.issingle) {
			history.replaceState(null, "", this.address);
			document.querySelector(".crumbs a:last-child").replaceChildren(this.title);
		}
		await this.trigger("after_save");
		await this.refresh();
	}
	/** Put what the server refused beside the field it is about, as far as the words tell. */
	blame(error) {
		if (error.answer?.exc_type === "TimestampMismatchError") {
			const reload = () => {
				shown.close();
				this.reload_doc();
			};
			const shown = modal({
				title: __("Changed Meanwhile"), indicator: "orange", footer: [button(__("Keep editing"), () => shown.close()), button(__("Reload"), reload, { className: "primary" })],
				body: el("p", {}, __("Somebody else, or a job in the background, saved this document after you opened it. Reloading shows that state; what you typed here since is then lost.")),
			});
			return;
		}
		let first;
		for (const { message } of error.messages || []) {
			const said = el("div", {}, rich(message));
			const [text, marked] = [said.textContent, [...said.querySelectorAll("b, strong")].map((node) => node.textContent.trim())];
			for (const control of Object.values(this.fields_dict)) {
				if (control.status !== "write" || NO_VALUE.includes(control.df.fieldtype)) continue;
				const [label, value] = [__(control.df.label), String(control.value ?? "")];
				const named = marked.includes(label) || text.includes(`: ${label}`) || text.includes(`${label}:`) || text.includes(`'${label}'`) || text.startsWith(`${label} `);
				const quoted = value.length > 2 && !TABLES.includes(control.df.fieldtype) && control.df.fieldtype !== "Check" && (marked.includes(value) || text.startsWith(`${value} `));
				if (!named && !quoted) continue;
				control.say(text);
				first ||= control;
			}
		}
		if (first) afterwards(() => this.layout.reveal(first));
	}

	// ---- what is around the fields

	show_state() {
		if (this.unsaved) this.page.set_indicator(__("Not Saved"), "orange");
		else {
			const own = window.frappe?.listview_settings[this.doctype]?.get_indicator;
			const [label, name] = (!this.meta.issingle && own?.(this.doc)) || [];
			if (label) this.page.set_indicator(label, name);
			else this.page.clear_indicator();
		}
		this.page.primary.hidden = !this.is_saveable || !this.perm[0].write;
	}
	show_menu() {
		this.page.menu.clear();
		if (this.is_new()) return;
		this.page.add_menu_item(__("Reload"), () => this.may_leave().then((leave) => leave && this.reload_doc()));
		if (this.meta.issingle) return;
		if (mayAt(this.meta, 0, "create") && !this.meta.in_create) this.page.add_menu_item(__("New {0}", [__(this.doctype)]), () => window.frappe.new_doc(this.doctype));
		if (this.perm[0].delete) this.page.add_menu_item(__("Delete"), () => this.remove());
	}
	async remove() {
		const message = __("Permanently delete {0}?", [`<b>${escape_html(this.docname)}</b>`]);
		if (!(await confirm(message, null, null, { label: __("Delete"), danger: true }))) return;
		await request("frappe.client.delete", { doctype: this.doctype, name: this.docname });
		this.unsaved = false;
		window.frappe.set_route("List", this.doctype);
	}
	/** Whether something that was typed, or changed by a script, would be lost. */
	is_at_stake = () => this.unsaved && (this.touched || !this.is_new()) && Boolean(this.perm[0].write) && this.is_saveable;
	/** Whether the page may go: at once, or because the person says so. */
	may_leave() {
		if (!this.is_at_stake()) return Promise.resolve(true);
		return confirm(__("What you typed was not saved."), null, null, { title: __("Not Saved"), label: __("Leave without saving"), danger: true });
	}
	show_side() {
		this.side.hidden = this.is_new() || Boolean(this.meta.issingle);
		if (this.side.hidden) return;
		const choose = el("input", { type: "file", hidden: true, onchange: async () => {
			await upload(choose.files[0], { doctype: this.doctype, docname: this.docname });
			await this.reload_info();
		} });
		const files = this.docinfo.attachments.map((file) => el("li", {}, el("a", { href: file.file_url, target: "_blank" }, file.file_name)));
		this.side.replaceChildren(
			el("div", { className: "side-head" }, icon("attach"), el("span", { className: "grow" }, __("Attachments")),
				this.perm[0].write > 0 && button(icon("add"), () => choose.click(), { className: "bare", title: __("Attach File"), "aria-label": __("Attach File") })),
			el("ul", {}, files), choose, el("hr", {}),
			el("p", {}, __("{0} last edited this", [this.who(this.doc.modified_by)]), " · ", ago(this.doc.modified)),
			el("p", {}, __("{0} created this", [this.who(this.doc.owner)]), " · ", ago(this.doc.creation)));
	}
	who = (user) => (user === boot.user.name ? __("You") : user);
	async reload_info() {
		this.docinfo = (await request("frappe.desk.form.load.get_docinfo", { doctype: this.doctype, name: this.docname })).docinfo;
		this.show_side();
		this.timeline.refresh();
	}
}

/** The line above the fields that says how the document is doing. */
class Dashboard {
	constructor() {
		this.headline = el("div", {});
		this.sections = el("div", {});
		this.node = el("div", {}, this.headline, this.sections);
	}
	set_headline = (html, name) => this.headline.replaceChildren(...(html ? [el("div", { className: `notice ${colour(name || "blue")}` }, rich(html))] : []));
	set_headline_alert = (html, name) => this.set_headline(html, name);
	clear_headline = () => this.headline.replaceChildren();
	add_section = (html, title) => this.sections.append(el("div", { className: "card tile" }, title && el("h2", {}, title), rich(html)));
	show = () => {};
	clear = () => [this.headline, this.sections].forEach((node) => node.replaceChildren());
}
