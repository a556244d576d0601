// A plain desk: home, list and form, drawn from the DocTypes. Pages are real addresses; each one is loaded anew.

const boot = JSON.parse(document.getElementById("boot").textContent);
const main = document.querySelector("main");
const NO_VALUE = ["Section Break", "Column Break", "Tab Break", "HTML", "Button", "Heading", "Image", "Fold"];
const PAGE_LENGTH = 20;
const ZONE = boot.time_zone.system || undefined;

const __ = (text, ...values) =>
	(boot.messages[text] || text || "").replace(/\{(\d+)\}/g, (_, i) => values[i] ?? "");
const slug = (doctype) => doctype.toLowerCase().replace(/ /g, "-");
const path = (doctype, name) =>
	`/app/${slug(doctype)}` + (name === undefined ? "" : `/${encodeURIComponent(name)}`);

function el(tag, attributes = {}, ...children) {
	const node = document.createElement(tag);
	for (const [key, value] of Object.entries(attributes)) {
		if (value === undefined || value === null || value === false) continue;
		if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
		else if (key in node && key !== "list" && key !== "style") node[key] = value;
		else node.setAttribute(key, value === true ? "" : value);
	}
	node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
	return node;
}

// Markup of DocTypes and messages: links and emphasis are kept, everything else is its text.
function rich(html) {
	const copy = (node) => [...node.childNodes].map((child) => {
		if (child.nodeType === Node.TEXT_NODE) return child.textContent;
		if (child.nodeType !== Node.ELEMENT_NODE || ["SCRIPT", "STYLE"].includes(child.tagName)) return "";
		const tag = ["B", "STRONG", "I", "EM", "CODE", "BR", "UL", "LI", "P"].includes(child.tagName) ? child.tagName : "span";
		const link = child.tagName === "A" && /^(https?:|\/(?!\/))/.test(child.getAttribute("href") || "");
		return link ? el("a", { href: child.getAttribute("href"), target: "_blank", rel: "noreferrer" }, copy(child)) : el(tag, {}, copy(child));
	});
	return copy(new DOMParser().parseFromString(String(html), "text/html").body);
}
const plain = (html) => el("p", {}, rich(String(html).replace(/<br\s*\/?>|<\/li>|<\/p>/g, "\n"))).textContent;

function toast(message, indicator = "blue") {
	const node = el("div", { className: `toast ${indicator}` }, rich(message));
	document.querySelector(".toasts").append(node);
	setTimeout(() => node.remove(), indicator === "red" ? 12000 : 4000);
}

async function call(method, args = {}) {
	const form = args instanceof FormData;
	const headers = { Accept: "application/json", "X-Frappe-CSRF-Token": boot.csrf_token };
	if (!form) headers["Content-Type"] = "application/json";
	const response = await fetch(`/api/method/${method}`, {
		method: "POST",
		headers,
		body: form ? args : JSON.stringify(args),
	});
	const answer = await response.json().catch(() => ({}));
	if (response.status === 401 || answer.session_expired) {
		location.assign(`/login?redirect-to=${encodeURIComponent(location.pathname + location.search)}`);
		return new Promise(() => {});
	}
	const messages = JSON.parse(answer._server_messages || "[]").map((each) => JSON.parse(each));
	for (const { message, indicator } of messages) toast(message, response.ok ? indicator : "red");
	if (!response.ok) {
		if (!messages.length) toast(answer._error_message || answer.exception || answer.exc_type || response.statusText, "red");
		throw Object.assign(new Error(answer.exc_type || response.statusText), { answer });
	}
	return answer;
}

// ---- what every page has

function navbar(...crumbs) {
	const user = boot.user_info[boot.user.name]?.fullname || boot.user.name;
	document.querySelector("header").replaceChildren(
		el("a", { className: "brand", href: "/app", title: __("Home") }, el("img", { src: "/assets/frappe/icon.svg", alt: __("Home") })),
		el("nav", {}, crumbs.map(([text, href]) => [el("span", { className: "sep" }, "/"), el("a", { href }, text)])),
		el("span", { className: "grow" }),
		el("span", { className: "avatar", title: user }, user.slice(0, 1).toUpperCase()),
		el("button", { className: "btn", onclick: () => call("logout").then(() => location.assign("/login")) }, __("Logout"))
	);
}

function heading(title, ...actions) {
	document.title = title;
	return el("div", { className: "heading" }, el("h1", {}, title), el("span", { className: "grow" }), ...actions);
}

// What the site stores is wall-clock time of its own zone.
function instant(stored) {
	const asUTC = Date.parse(`${String(stored).replace(" ", "T").slice(0, 19)}Z`);
	const there = new Date(asUTC).toLocaleString("sv-SE", { timeZone: ZONE });
	return new Date(2 * asUTC - Date.parse(`${there.replace(" ", "T")}Z`));
}

const pad = (number) => String(number).padStart(2, "0");
function readable(df, value) {
	if (value === null || value === undefined || value === "") return "";
	if (df.fieldtype === "Check") return Number(value) ? "✓" : "";
	if (df.fieldtype === "Datetime") return instant(value).toLocaleString(boot.lang, { dateStyle: "medium", timeStyle: "short", timeZone: ZONE });
	if (df.fieldtype === "Date") return new Date(`${value}T00:00`).toLocaleDateString(boot.lang, { dateStyle: "medium" });
	if (df.fieldtype === "Select") return choice(df, value);
	if (["Text Editor", "HTML Editor", "Long Text"].includes(df.fieldtype)) return plain(value).slice(0, 140);
	return String(value);
}

const isState = (df) => df.fieldtype === "Select" && /^(status|state)$/.test(df.fieldname);
const COLOURS = {
	green: ["Processed", "Working", "Replied", "Sent", "Complete", "Active", "Converted", "Won", "Enabled"],
	red: ["Failed", "Failing", "Error", "Lost", "Bounced"],
	orange: ["Open", "Journalled", "Checking", "Unfetched", "Not Sent", "Partially Sent", "Duplicate"],
};
// A choice may be translated in the context of its DocType alone.
const choice = (df, value) => boot.messages[`${value}:${df.parent}`] || __(value);
function pill(df, value) {
	const colour = Object.keys(COLOURS).find((key) => COLOURS[key].includes(value)) || "grey";
	return el("span", { className: `pill ${colour}` }, choice(df, value));
}

// ---- home

function home() {
	navbar();
	const modules = new Map();
	for (const d of boot.doctypes) modules.set(d.module, [...(modules.get(d.module) || []), d]);
	const own = [...modules.keys()].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
	main.replaceChildren(
		heading(__("Home")),
		el("div", { className: "modules" }, own.map((module) =>
			el("section", { className: "card module" },
				el("h2", {}, __(module)),
				el("ul", {}, modules.get(module).map((d) => el("li", {}, el("a", { href: path(d.name) }, __(d.name)))))
			)
		))
	);
}
const HOST_MODULES = ["Email", "Contacts", "Core", "Custom", "Desk", "Integrations"];
const rank = (module) => HOST_MODULES.indexOf(module);

// ---- list

async function list(doctype) {
	navbar([__(doctype), path(doctype)]);
	const meta = (await call("frappe.desk.form.load.getdoctype", { doctype })).docs[0];
	const query = new URLSearchParams(location.search);
	const start = Number(query.get("start")) || 0;
	const text = query.get("search") || "";
	const title = meta.title_field && meta.fields.find((df) => df.fieldname === meta.title_field);
	const columns = meta.fields.filter((df) => df.in_list_view && df !== title && !NO_VALUE.includes(df.fieldtype)
		&& !["Table", "Password"].includes(df.fieldtype)).slice(0, title ? 3 : 4);
	const args = {
		doctype,
		fields: ["name", "modified", ...(title ? [title.fieldname] : []), ...columns.map((df) => df.fieldname)],
		order_by: "modified desc",
		start,
		page_length: PAGE_LENGTH,
	};
	if (text) {
		const pattern = `%${text.replace(/[\\%_]/g, "\\$&")}%`;
		const fields = new Set(["name", ...(title ? [title.fieldname] : []), ...(meta.search_fields || "").split(",").map((f) => f.trim()).filter(Boolean)]);
		for (const df of columns) if (["Data", "Small Text", "Link", "Select"].includes(df.fieldtype)) fields.add(df.fieldname);
		args.or_filters = [...fields].map((field) => [doctype, field, "like", pattern]);
	}
	const rows = (await call("frappe.desk.reportview.get_list", args)).message;
	const more = rows.length === PAGE_LENGTH;
	const may = meta.permissions.some((p) => p.create && !p.permlevel && (boot.user.roles.includes(p.role) || boot.user.name === "Administrator"));
	const to = (values) => {
		const next = new URLSearchParams({ ...(text && { search: text }), ...values });
		return `${path(doctype)}?${next}`;
	};
	main.replaceChildren(
		heading(__(doctype), may && !meta.in_create && el("a", { className: "btn primary", href: path(doctype, "new") }, __("New"))),
		el("form", { className: "toolbar", role: "search" },
			el("input", { type: "search", name: "search", value: text, placeholder: __("Search"), "aria-label": __("Search") })),
		el("div", { className: "card scroll" },
			rows.length ? el("table", { className: "list" },
				el("thead", {}, el("tr", {},
					el("th", {}, title ? __(title.label) : __("ID")),
					columns.map((df) => el("th", {}, __(df.label))),
					title && el("th", {}, __("ID")),
					el("th", { className: "right" }, __("Last Updated On")))),
				el("tbody", {}, rows.map((row) => el("tr", { onclick: (event) => event.target.closest("a") || location.assign(path(doctype, row.name)) },
					el("td", {}, el("a", { className: "strong", href: path(doctype, row.name) }, (title && row[title.fieldname]) || row.name)),
					columns.map((df) => el("td", {}, isState(df) && row[df.fieldname] ? pill(df, row[df.fieldname]) : readable(df, row[df.fieldname]))),
					title && el("td", { className: "muted" }, row.name),
					el("td", { className: "muted right" }, ago(row.modified)))))
			) : el("p", { className: "empty" }, text ? __("Nothing matches {0}", text) : __("No {0} yet", __(doctype)))),
		el("div", { className: "paging" },
			start > 0 && el("a", { className: "btn", href: to({ start: Math.max(0, start - PAGE_LENGTH) }) }, __("Previous")),
			rows.length ? el("span", { className: "muted" }, `${start + 1} – ${start + rows.length}`) : null,
			more && el("a", { className: "btn", href: to({ start: start + PAGE_LENGTH }) }, __("Next")))
	);
}

function ago(stamp) {
	const seconds = (instant(stamp) - Date.now()) / 1000;
	const say = new Intl.RelativeTimeFormat(boot.lang, { numeric: "auto", style: "short" });
	for (const [unit, size] of [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]])
		if (Math.abs(seconds) >= size) return say.format(Math.round(seconds / size), unit);
	return say.format(0, "minute");
}

// ---- form

async function form(doctype, name) {
	const metas = (await call("frappe.desk.form.load.getdoctype", { doctype })).docs;
	const meta = metas[0];
	const isNew = name === undefined;
	const loaded = isNew ? null : await call("frappe.desk.form.load.getdoc", { doctype, name });
	if (loaded && !loaded.docs) {
		main.replaceChildren(el("p", { className: "empty" }, __("{0} {1} not found", __(doctype), name)));
		return;
	}
	let doc = isNew ? blank(meta) : loaded.docs[0];
	let info = isNew ? { permissions: { write: 1 }, communications: [], attachments: [] } : loaded.docinfo;
	let dirty = false;
	const frm = { meta, metas, get doc() { return doc; }, get writable() { return Boolean(info.permissions.write) && !meta.in_create; }, changed, reload };

	function changed() {
		dirty = true;
		state.hidden = false;
		state.textContent = __("Not Saved");
		state.className = "pill orange";
		conditions(body, doc);
	}
	const state = el("span", { className: "pill grey" }, isNew ? __("New") : "");
	state.hidden = !isNew;
	const body = el("div", { className: "card form" });
	const title = isNew ? `${__("New")} ${__(doctype)}` : (meta.title_field && doc[meta.title_field]) || doc.name;

	async function save() {
		const answer = await call("frappe.desk.form.save.savedocs", { doc: JSON.stringify(doc), action: "Save" });
		dirty = false;
		if (isNew) return location.replace(path(doctype, answer.docs[0].name));
		doc = answer.docs[0];
		info = answer.docinfo;
		draw();
	}
	async function reload() {
		const again = await call("frappe.desk.form.load.getdoc", { doctype, name });
		[doc, info] = [again.docs[0], again.docinfo];
		draw();
	}
	async function remove() {
		if (!confirm(__("Permanently delete {0}?", doc.name))) return;
		await call("frappe.client.delete", { doctype, name: doc.name });
		dirty = false;
		location.assign(path(doctype));
	}
	function draw() {
		state.hidden = !dirty && !isNew;
		body.replaceChildren(...layout(frm));
		conditions(body, doc);
		side.replaceChildren(...sidebar());
		timeline.replaceChildren(...messages(info));
	}
	function sidebar() {
		const upload = el("input", { type: "file", hidden: true, onchange: async () => {
			const data = new FormData();
			data.set("file", upload.files[0]);
			for (const [key, value] of Object.entries({ doctype, docname: doc.name, is_private: 1 })) data.set(key, value);
			await call("upload_file", data);
			info = (await call("frappe.desk.form.load.get_docinfo", { doctype, name: doc.name })).docinfo;
			draw();
		} });
		if (isNew || meta.issingle) return [];
		return [
			el("h3", {}, __("Attachments")),
			el("ul", {}, info.attachments.map((file) => el("li", {}, el("a", { href: file.file_url, target: "_blank" }, file.file_name)))),
			frm.writable && el("button", { className: "btn small", onclick: () => upload.click() }, __("Attach File")),
			upload,
			el("h3", {}, __("Created")), el("p", {}, ago(doc.creation), " · ", doc.owner),
			el("h3", {}, __("Last Edited")), el("p", {}, ago(doc.modified), " · ", doc.modified_by),
		].filter(Boolean);
	}
	const side = el("aside", {});
	const timeline = el("section", { className: "timeline" });
	navbar([__(doctype), meta.issingle ? "#" : path(doctype)], ...(isNew || meta.issingle ? [] : [[doc.name, path(doctype, doc.name)]]));
	main.replaceChildren(
		el("div", { className: "heading" }, el("h1", {}, title), state, el("span", { className: "grow" }),
			info.permissions.delete && !meta.issingle ? el("button", { className: "btn", onclick: remove }, __("Delete")) : null,
			frm.writable ? el("button", { className: "btn primary", onclick: () => save().catch(() => {}) }, __("Save")) : null),
		el("div", { className: "columns" }, el("div", { className: "grow" }, body, timeline), side)
	);
	document.title = title;
	draw();
	window.addEventListener("beforeunload", (event) => dirty && event.preventDefault());
	document.addEventListener("keydown", (event) => {
		if ((event.ctrlKey || event.metaKey) && event.key === "s" && frm.writable) {
			event.preventDefault();
			document.activeElement.blur();
			save().catch(() => {});
		}
	});
}

function blank(meta) {
	const doc = { doctype: meta.name, name: `new-${slug(meta.name)}-1`, __islocal: 1, docstatus: 0 };
	for (const df of meta.fields) {
		if (df.fieldtype === "Table") doc[df.fieldname] = [];
		else if (df.default === "__user") doc[df.fieldname] = boot.user.name;
		else if (df.default && /^(today|now)$/i.test(df.default)) doc[df.fieldname] = stamp(df.fieldtype === "Date");
		else if (df.default) doc[df.fieldname] = df.fieldtype === "Check" ? Number(df.default) : df.default;
		else if (df.fieldtype === "Select" && df.options && !df.options.startsWith("\n")) doc[df.fieldname] = df.options.split("\n")[0];
	}
	return doc;
}
function stamp(dateOnly) {
	const now = new Date();
	const date = `${now.getFullYear()}-${pad(now.getMonth() + 1)}-${pad(now.getDate())}`;
	return dateOnly ? date : `${date} ${pad(now.getHours())}:${pad(now.getMinutes())}:${pad(now.getSeconds())}`;
}

// Tabs, sections and columns, as the breaks among the fields say.
function layout(frm) {
	const tabs = [];
	let tab, section, column;
	const openTab = (df) => tabs.push((tab = { df, node: el("div", { className: "tab" }) })) && (section = null);
	const openSection = (df) => {
		if (!tab) openTab({ label: "Details" });
		section = el("section", {}, df.label && el("h2", {}, __(df.label)), (column = el("div", { className: "column" })));
		section.dataset.dependsOn = df.depends_on || "";
		tab.node.append(section);
	};
	for (const df of frm.meta.fields) {
		if (df.fieldtype === "Tab Break") openTab(df);
		else if (df.fieldtype === "Section Break") openSection(df);
		else if (df.fieldtype === "Column Break") {
			if (!section) openSection({});
			section.append((column = el("div", { className: "column" })));
		} else if (df.fieldtype === "Button" && df.options && !df.hidden && !frm.doc.__islocal) {
			if (!section) openSection({});
			column.append(button(frm, df));
		} else if (!df.hidden && !(df.fieldtype !== "HTML" && isLocked(frm, df, frm.doc) && hasNothing(frm.doc[df.fieldname])) && !["Button", "Image", "Fold", "Heading"].includes(df.fieldtype)) {
			if (!section) openSection({});
			column.append(field(frm, df, frm.doc));
		}
	}
	const show = (wanted) => tabs.forEach((each) => {
		each.node.hidden = each !== wanted;
		each.button.classList.toggle("active", each === wanted);
	});
	for (const each of tabs) each.button = el("button", { type: "button", onclick: () => show(each) }, __(each.df.label));
	show(tabs[0]);
	return [tabs.length > 1 && el("div", { className: "tabs", role: "tablist" }, tabs.map((t) => t.button)), ...tabs.map((t) => t.node)].filter(Boolean);
}

// Hide what `depends_on` says is not wanted now, then sections that have nothing to show.
function conditions(body, doc) {
	const holds = (expression) => {
		if (!expression) return true;
		if (!expression.startsWith("eval:")) return Boolean(Number(doc[expression]) || (isNaN(doc[expression]) && doc[expression]));
		try {
			return Boolean(new Function("doc", "frappe", "cint", `return (${expression.slice(5)})`)(doc, { boot, session: { user: boot.user.name } }, (v) => parseInt(v) || 0));
		} catch {
			return true;
		}
	};
	for (const node of body.querySelectorAll("[data-depends-on]")) node.hidden = !holds(node.dataset.dependsOn);
	for (const part of [...body.querySelectorAll(".column"), ...body.querySelectorAll("section")]) {
		const empty = ![...part.querySelectorAll(".field")].some((node) => !node.hidden && (part.matches(".column") || !node.closest(".column").hidden));
		part.hidden = empty || (part.matches("section") && part.hidden);
	}
	for (const node of body.querySelectorAll("[data-mandatory-depends-on]"))
		node.classList.toggle("reqd", holds(node.dataset.mandatoryDependsOn));
}

// A Button field whose options name a method of the document.
function button(frm, df) {
	const node = el("div", { className: "field" }, el("button", { type: "button", className: "btn", onclick: async () => {
		await call("run_doc_method", { docs: JSON.stringify(frm.doc), method: df.options });
		frm.reload();
	} }, __(df.label)));
	node.dataset.fieldname = df.fieldname;
	node.dataset.dependsOn = df.depends_on || "";
	return node;
}

function field(frm, df, doc) {
	const wide = ["Table", "Text Editor", "Code", "JSON", "HTML Editor", "Long Text", "HTML"].includes(df.fieldtype);
	const node = el("div", { className: `field${df.reqd ? " reqd" : ""}${wide ? " wide" : ""}` });
	node.dataset.fieldname = df.fieldname;
	node.dataset.dependsOn = df.depends_on || "";
	if (df.mandatory_depends_on) node.dataset.mandatoryDependsOn = df.mandatory_depends_on;
	const input = control(frm, df, doc);
	if (df.fieldtype === "Check") node.append(el("label", { className: "check" }, input, el("span", {}, __(df.label))));
	else if (df.fieldtype === "HTML") node.append(input);
	else node.append(el("label", {}, el("span", { className: "label" }, __(df.label)), df.fieldtype === "Table" ? "" : input), df.fieldtype === "Table" ? input : "");
	if (df.description) node.append(el("p", { className: "help" }, rich(__(df.description))));
	return node;
}

const INPUT = { Int: "number", Float: "number", Currency: "number", Percent: "number", Date: "date", Datetime: "datetime-local", Time: "time", Password: "password", Color: "color" };
let lists = 0;
const isLocked = (frm, df, doc) =>
	!frm.writable || df.read_only || df.fieldtype === "Read Only" || (df.set_only_once && !doc.__islocal && doc[df.fieldname]);
const hasNothing = (value) => value === null || value === undefined || value === "" || value.length === 0;

// The element in which a value is shown or changed; it writes to `doc` on every change.
function control(frm, df, doc) {
	const value = doc[df.fieldname];
	const locked = isLocked(frm, df, doc);
	const set = (changed) => { doc[df.fieldname] = changed; frm.changed(); };
	if (df.fieldtype === "HTML") return el("div", { className: "help" }, rich(__(df.options || "")));
	if (df.fieldtype === "Table" || df.fieldtype === "Table MultiSelect") return grid(frm, df, doc, locked);
	if (df.fieldtype === "Check") return el("input", { type: "checkbox", checked: Boolean(Number(value)), disabled: locked, onchange: (e) => set(e.target.checked ? 1 : 0) });
	const markup = ["Text Editor", "HTML Editor"].includes(df.fieldtype) || (df.fieldtype === "Long Text" && /^\s*<\w/.test(value));
	if (locked && markup) return framed(value);
	if (locked && ["Code", "JSON", "Long Text"].includes(df.fieldtype)) return el("pre", { className: "value" }, value);
	if (locked && /^Attach/.test(df.fieldtype) && value) return el("a", { className: "value", href: value }, /^\/(private\/)?files\//.test(value) ? value.split("/").pop() : __(df.label));
	if (locked && df.fieldtype === "Link" && value) return el("a", { className: "value", href: path(df.options, value) }, value);
	if (locked && df.fieldtype === "Dynamic Link" && value && doc[df.options]) return el("a", { className: "value", href: path(doc[df.options], value) }, value);
	if (locked) return el("div", { className: "value" }, isState(df) && value ? pill(df, value) : readable(df, value) || " ");
	if (df.fieldtype === "Select") return el("select", { onchange: (e) => set(e.target.value) },
		(df.options || "").split("\n").map((option) => el("option", { value: option, selected: option === (value ?? "") }, choice(df, option))));
	if (["Text Editor", "HTML Editor", "Code", "JSON", "Long Text", "Small Text", "Text", "Markdown Editor"].includes(df.fieldtype))
		return el("textarea", { rows: df.fieldtype === "Small Text" ? 3 : 8, value: value ?? "", oninput: (e) => set(e.target.value) });
	const input = el("input", { type: INPUT[df.fieldtype] || "text", value: shown(df, value), required: df.reqd, autocomplete: "off" });
	if (df.fieldtype === "Password") input.autocomplete = "new-password";
	if (["Float", "Currency", "Percent"].includes(df.fieldtype)) input.step = "any";
	if (df.fieldtype === "Datetime") input.step = 1;
	input.addEventListener("input", () => set(typed(df, input.value)));
	if (!["Link", "Dynamic Link"].includes(df.fieldtype)) return input;
	const options = el("datalist", { id: `list-${++lists}` });
	input.setAttribute("list", options.id);
	let asked = 0;
	const propose = async () => {
		const target = df.fieldtype === "Link" ? df.options : doc[df.options];
		if (!target) return;
		const turn = ++asked;
		const found = (await call("frappe.desk.search.search_link", { doctype: target, txt: input.value, reference_doctype: frm.meta.name })).message;
		if (turn === asked) options.replaceChildren(...found.map((row) => el("option", { value: row.value }, row.description)));
	};
	input.addEventListener("focus", propose);
	input.addEventListener("input", propose);
	return el("span", { className: "link" }, input, options);
}

function shown(df, value) {
	if (value === null || value === undefined) return "";
	if (df.fieldtype === "Datetime") return String(value).replace(" ", "T").slice(0, 19);
	if (df.fieldtype === "Time") return String(value).padStart(8, "0").slice(0, 8);
	return value;
}
function typed(df, text) {
	if (text === "") return null;
	if (df.fieldtype === "Int") return parseInt(text, 10);
	if (["Float", "Currency", "Percent"].includes(df.fieldtype)) return parseFloat(text);
	return df.fieldtype === "Datetime" ? text.replace("T", " ") : text;
}

function grid(frm, df, doc, locked) {
	const meta = frm.metas.find((each) => each.name === df.options);
	const usable = meta.fields.filter((f) => !NO_VALUE.includes(f.fieldtype) && !f.hidden && f.fieldtype !== "Table");
	const columns = usable.some((f) => f.in_list_view) ? usable.filter((f) => f.in_list_view) : usable.slice(0, 5);
	const box = el("div", { className: "grid" });
	const draw = () => {
		const rows = (doc[df.fieldname] = doc[df.fieldname] || []);
		const inside = { ...frm, meta: frm.meta, changed: frm.changed, writable: frm.writable && !locked };
		const drop = (row) => { rows.splice(rows.indexOf(row), 1); frm.changed(); draw(); };
		box.replaceChildren(
			el("table", {},
				el("thead", {}, el("tr", {}, columns.map((f) => el("th", {}, __(f.label))), !locked && el("th", {}))),
				el("tbody", {}, rows.length ? rows.map((row) => el("tr", {},
					columns.map((f) => el("td", {}, control(inside, f, row))),
					!locked && el("td", { className: "right" }, el("button", { type: "button", className: "btn small", title: __("Delete"), onclick: () => drop(row) }, "×"))
				)) : el("tr", {}, el("td", { className: "muted", colSpan: columns.length + 1 }, __("No rows"))))),
			locked ? "" : el("button", { type: "button", className: "btn small", onclick: () => {
				rows.push({ ...blank(meta), name: `new-${slug(meta.name)}-${rows.length + 1}`, parentfield: df.fieldname, parenttype: doc.doctype, parent: doc.name, idx: rows.length + 1 });
				frm.changed();
				draw();
			} }, __("Add Row"))
		);
	};
	draw();
	return box;
}

// HTML of others is shown in a frame in which nothing runs and, by the page's policy, nothing remote is loaded.
function framed(html) {
	const frame = el("iframe", { className: "html", title: __("Content") });
	frame.setAttribute("sandbox", "allow-same-origin");
	frame.srcdoc = `<base target="_blank"><link rel="stylesheet" href="/assets/frappe/frame.css">${html || ""}`;
	frame.style.height = 0;
	frame.addEventListener("load", () => { frame.style.height = `${Math.min(800, frame.contentDocument.documentElement.scrollHeight + 2)}px`; });
	return frame;
}

function messages(info) {
	if (!info.communications.length) return [];
	return [el("h2", {}, __("Activity")), ...info.communications.map((message) => el("article", { className: "card message" },
		el("header", {},
			el("span", { className: "avatar" }, (message.sender_full_name || message.sender || "?").slice(0, 1).toUpperCase()),
			el("div", { className: "grow" },
				el("b", {}, message.sender_full_name || message.sender || ""),
				el("span", { className: "muted" }, ` ${message.sent_or_received === "Sent" ? "→" : "·"} ${message.recipients || ""}`),
				el("div", {}, el("a", { href: path("Communication", message.name) }, message.subject || __("No Subject")))),
			el("time", { className: "muted", title: message.communication_date }, ago(message.communication_date || message.creation))),
		framed(message.content),
		el("ul", { className: "files" }, message.attachments.map((file) => el("li", {}, el("a", { href: file.file_url }, file.file_name))))
	))];
}

// ---- which page this is

const [doctypeSlug, name] = location.pathname.split("/").slice(2).map(decodeURIComponent);
const wanted = boot.doctypes.find((d) => slug(d.name) === doctypeSlug);
const page = !doctypeSlug ? home()
	: !wanted ? (navbar(), main.replaceChildren(el("p", { className: "empty" }, __("Not Found"))))
	: wanted.issingle ? form(wanted.name, wanted.name)
	: name === undefined ? list(wanted.name)
	: form(wanted.name, name === "new" ? undefined : name);
Promise.resolve(page).catch((error) => console.error(error)).finally(() => document.body.classList.add("ready"));
