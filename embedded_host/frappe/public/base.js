// What every part of the desk stands on: texts, elements, values as people read them. Nothing here asks the server.

export const boot = JSON.parse(document.getElementById("boot").textContent);
const ZONE = boot.time_zone?.system || undefined;

/** The text in the user's language; `{0}` or `{key}` is filled in from `values`. */
export function __(text, values, context) {
	if (typeof text !== "string") return text === undefined || text === null ? "" : String(text);
	const said = (context && boot.messages[`${text}:${context}`]) || boot.messages[text] || text;
	if (values === undefined || values === null) return said;
	const all = typeof values === "object" ? values : [values];
	return said.replace(/\{(\w+)\}/g, (hole, key) => all[key] ?? hole);
}

export const slug = (doctype) => doctype.toLowerCase().replace(/ /g, "-");
export const path = (doctype, name) =>
	`/app/${slug(doctype)}` + (name === undefined ? "" : `/${encodeURIComponent(name)}`);
export const escape_html = (text) =>
	String(text ?? "").replace(/[&<>"'`=/]/g, (c) => `&#${c.charCodeAt(0)};`);
export const cint = (value) => parseInt(value, 10) || 0;
export const flt = (value) => parseFloat(value) || 0;
export const isEmpty = (value) => value === null || value === undefined || value === "" || value.length === 0;

/** An element: `on...` are listeners, what the element has are properties, the rest attributes; empty children are left out. */
export function el(tag, attributes = {}, ...children) {
	const node = document.createElement(tag);
	for (const [key, value] of Object.entries(attributes)) {
		if (value === undefined || value === null || value === false) continue;
		if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
		else if (key === "dataset") Object.assign(node.dataset, value);
		else if (key in node && key !== "list" && key !== "style") node[key] = value;
		else node.setAttribute(key, value === true ? "" : value);
	}
	node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
	return node;
}

const ICONS = {
	right: "M6 3l5 5-5 5", down: "M4 6l4 4 4-4", add: "M8 3v10M3 8h10", close: "M4 4l8 8M12 4l-8 8", dots: "M3 8h.5M8 8h.5M13 8h.5",
	refresh: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3", filter: "M2 4h12M4.5 8h7M6.5 12h3", search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM11 11l3.5 3.5",
	attach: "M13 7.5l-5 5a3 3 0 0 1-4.3-4.3l5.5-5.5a2 2 0 0 1 3 3l-5.5 5.5a1 1 0 0 1-1.5-1.5L9.5 5", trash: "M3 4.5h10M6 4.5V3h4v1.5M4.5 4.5l.5 9h6l.5-9",
	mail: "M2 4h12v8.5H2zM2 4.5l6 4.5 6-4.5", reply: "M6.5 3.5L2.5 7.5l4 4M2.5 7.5H9a4.5 4.5 0 0 1 4.5 4.5v.5", edit: "M3 13l.7-3 7-7 2.3 2.3-7 7z",
	eye: "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4z", open: "M4 12l8-8M6 4h6v6",
	list: "M5 4h9M5 8h9M5 12h9M2 4h.5M2 8h.5M2 12h.5", sort: "M5 3v10M2.5 10.5L5 13l2.5-2.5M9 4h5M9 8h4M9 12h2.5", doc: "M4 2h5.5L12.5 5v9H4zM9 2v3.5h3.5",
	link: "M7 9.5a2.5 2.5 0 0 0 3.5 0l3-3A2.5 2.5 0 0 0 10 3L9 4M9 6.5a2.5 2.5 0 0 0-3.5 0l-3 3A2.5 2.5 0 0 0 6 13l1-1",
};
export function icon(name) {
	const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
	for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true" })) svg.setAttribute(key, value);
	svg.append(document.createElementNS(svg.namespaceURI, "path"));
	svg.firstChild.setAttribute("d", ICONS[name]);
	return svg;
}

/** A button; `label` may be followed by an icon's name. */
export const button = (label, onclick, { className = "", ...attributes } = {}, ...before) =>
	el("button", { type: "button", className: `btn ${className}`, onclick, ...attributes }, before, label);

/** A button that opens a list; `add` puts something in it. */
export function menu(label, attributes = {}) {
	const items = el("div", { className: "items", role: "menu" });
	const node = el("details", { className: "menu", hidden: true, ...attributes }, el("summary", { className: "btn", role: "button" }, label), items);
	const add = (text, action) => {
		node.hidden = false;
		const act = () => {
			node.open = false;
			action();
		};
		const item = el("button", { type: "button", role: "menuitem", onclick: act }, text);
		items.append(item);
		return item;
	};
	return { node, add, clear: () => ((node.hidden = true), items.replaceChildren()) };
}
const closeMenus = (except) => document.querySelectorAll("details.menu[open]").forEach((each) => each !== except && (each.open = false));
document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
document.addEventListener("keydown", (event) => event.key === "Escape" && closeMenus());

const TEXT_TAGS = "A B STRONG I EM U S CODE PRE BR UL OL LI P DIV SPAN H1 H2 H3 H4 H5 H6 SMALL SUB SUP HR BLOCKQUOTE TABLE THEAD TBODY TFOOT TR TD TH".split(" ");
const MAIL_TAGS = [...TEXT_TAGS, "IMG", "FONT", "CENTER", "DL", "DT", "DD", "COL", "COLGROUP", "CAPTION"];
const MAIL_ATTRIBUTES = "style src alt width height align valign bgcolor color face size border cellpadding cellspacing colspan rowspan start".split(" ");
const DROPPED = "SCRIPT STYLE IFRAME OBJECT EMBED TEMPLATE NOSCRIPT TITLE HEAD LINK META FORM SVG MATH".split(" ");
const ADDRESS = /^(https?:|mailto:|tel:|cid:|#|\/(?!\/))/i;

/** The nodes of markup of which only what formats is kept; `mail` keeps images and inline styles as well, "local" of this machine alone. Nothing in it runs. */
export function rich(html, mail = false) {
	const tags = mail ? MAIL_TAGS : TEXT_TAGS;
	const copy = (parent) => [...parent.childNodes].flatMap((child) => {
		if (child.nodeType === Node.TEXT_NODE) return [child.textContent];
		if (child.nodeType !== Node.ELEMENT_NODE || DROPPED.includes(child.tagName.toUpperCase())) return [];
		if (!tags.includes(child.tagName)) return copy(child);
		const node = document.createElement(child.tagName);
		for (const { name, value } of child.attributes) {
			if (name === "href" ? ADDRESS.test(value.trim()) : name === "title" || (mail ? MAIL_ATTRIBUTES.includes(name) : name === "class")) {
				if (name !== "src" || (mail === "local" ? /^(data:image\/(?!svg)|\/(?!\/))/i : /^(https?:|cid:|data:image\/(?!svg)|\/(?!\/))/i).test(value.trim())) node.setAttribute(name, value);
			}
		}
		if (child.tagName === "A" && !/^\/app(\/|$)/.test(node.getAttribute("href"))) Object.assign(node, { target: "_blank", rel: "noopener noreferrer" });
		node.append(...copy(child));
		return [node];
	});
	return copy(new DOMParser().parseFromString(String(html ?? ""), "text/html").body);
}
export const plain = (html) =>
	el("p", {}, rich(String(html ?? "").replace(/<br\s*\/?>|<\/(li|p|div)>/g, " "))).textContent.replace(/\s+/g, " ").trim();

/** What strangers wrote, in a frame in which nothing runs and nothing is asked of another machine. */
export function framed(html, title = __("Content")) {
	const frame = el("iframe", { className: "html", title });
	const files = `${location.origin}/files/ ${location.origin}/private/files/`;
	const policy = `default-src 'none'; style-src 'unsafe-inline'; img-src data: ${files}; form-action 'none'`;
	frame.setAttribute("sandbox", "allow-same-origin allow-popups allow-popups-to-escape-sandbox");
	frame.setAttribute("referrerpolicy", "no-referrer");
	frame.srcdoc = `<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><base target="_blank"><style>${FRAME_STYLE}</style>${html || ""}`;
	const fit = () => frame.contentDocument && (frame.style.height = `${Math.min(900, frame.contentDocument.documentElement.scrollHeight + 2)}px`);
	frame.addEventListener("load", () => {
		fit();
		new ResizeObserver(fit).observe(frame.contentDocument.body);
	});
	return frame;
}
const FRAME_STYLE = `html{font:14px/1.6 Inter,system-ui,-apple-system,"Segoe UI",sans-serif;color:#383838;color-scheme:light}
body{margin:0;overflow-wrap:anywhere}body>:first-child{margin-top:0}body>:last-child{margin-bottom:0}img{max-width:100%;height:auto}
pre{white-space:pre-wrap}table{max-width:100%}blockquote{margin:0 0 0 .4rem;padding-left:.8rem;border-left:2px solid #dcdfe8;color:#6f7483}`;

// ---- moments: what the site stores is wall-clock time of its own zone

export function instant(stored) {
	const asUTC = Date.parse(`${String(stored).replace(" ", "T").slice(0, 19)}Z`);
	const there = new Date(asUTC).toLocaleString("sv-SE", { timeZone: ZONE });
	return new Date(2 * asUTC - Date.parse(`${there.replace(" ", "T")}Z`));
}
export const now = () => new Date().toLocaleString("sv-SE", { timeZone: ZONE });
export const today = () => now().slice(0, 10);
export const moment = (stored) =>
	instant(stored).toLocaleString(boot.lang, { dateStyle: "medium", timeStyle: "short", timeZone: ZONE });
export function ago(stored) {
	if (!stored) return "";
	const seconds = (instant(stored) - Date.now()) / 1000;
	const say = new Intl.RelativeTimeFormat(boot.lang, { numeric: "auto", style: "short" });
	for (const [unit, size] of [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]])
		if (Math.abs(seconds) >= size) return say.format(Math.round(seconds / size), unit);
	return __("just now");
}

// ---- values

/** A choice may be translated in the context of its DocType alone. */
export const choice = (df, value) => __(value, null, df.parent);
/** One of the colours that the style sheet knows. */
export const colour = (name) => ({ grey: "gray", darkgrey: "gray", lightblue: "blue" }[name] || name || "gray");
export const pill = (text, name, attributes = {}) =>
	el(attributes.onclick ? "button" : "span", { ...attributes, className: `pill ${colour(name)}` }, text);
export function guessColour(value) {
	if (/^(open|pending|draft|not sent|partially|delayed|scheduled|sending)/i.test(value)) return "orange";
	if (/(error|fail|bounce|reject|expired|cancel|spam)/i.test(value)) return "red";
	return /^(sent|complete|closed|replied|active|enabled|opened|read|processed|working|finished|converted)/i.test(value) ? "green" : "gray";
}
export const isState = (df) => df.fieldtype === "Select" && /(^|_)(status|state)$/.test(df.fieldname);

export function readable(df, value) {
	if (isEmpty(value)) return "";
	if (df.fieldtype === "Check") return cint(value) ? "✓" : "";
	if (df.fieldtype === "Datetime") return moment(value);
	if (df.fieldtype === "Date") return new Date(`${value}T00:00`).toLocaleDateString(boot.lang, { dateStyle: "medium" });
	if (df.fieldtype === "Select") return choice(df, value);
	if (["Float", "Currency", "Percent"].includes(df.fieldtype)) return flt(value).toLocaleString(boot.lang);
	if (["Text Editor", "HTML Editor", "Long Text"].includes(df.fieldtype)) return plain(value).slice(0, 140);
	return String(value);
}
export const NO_VALUE = ["Section Break", "Column Break", "Tab Break", "HTML", "Button", "Heading", "Image", "Fold"];
export const TABLES = ["Table", "Table MultiSelect"];
export const mayAt = (meta, level, kind) =>
	boot.user.name === "Administrator" || meta.permissions.some((p) => cint(p.permlevel) === level && p[kind] && boot.user.roles.includes(p.role));

/** `object`; but to ask it for what it does not have is an error that says what. */
export function strict(name, object) {
	return new Proxy(object, {
		get(target, key) {
			if (typeof key === "symbol" || key in target || key === "then") return target[key];
			throw new Error(`${name}.${key} is not offered by this desk`);
		},
	});
}
