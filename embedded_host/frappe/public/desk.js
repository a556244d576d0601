// The desk: a bar, and below it the page that the address names: a workspace, a list or a form.

import { __, boot, el, icon, menu, path, pill, slug } from "./base.js";
import { offer, runScripts } from "./client.js";
import { suggest } from "./fields.js";
import { Page } from "./page.js";
import { metaOf, request } from "./server.js";

const main = document.querySelector("main");
let [form, turn, visited] = [null, 0, []];
const words = () => location.pathname.split("/").slice(2).filter(Boolean).map(decodeURIComponent);
const doctypeOf = (word) => boot.doctypes.find((d) => slug(d.name) === word || d.name === word);

/** Go to a page of the desk, unless what was typed on this one keeps the person here. */
async function navigate(url) {
	if (form && !(await form.may_leave())) return;
	history.pushState(null, "", url);
	return show();
}
async function show() {
	const mine = ++turn;
	const [word, name] = words();
	const doctype = word && doctypeOf(word);
	visited = [...visited.slice(-1), route()];
	form = null;
	document.querySelectorAll("dialog[open]").forEach((each) => each.close());
	document.body.classList.remove("ready");
	try {
		const view = doctype ? await open(doctype, name) : name ? null : home(word);
		if (mine !== turn) return;
		main.replaceChildren(view?.page?.node || view?.node || missing(name ? `${doctype ? __(doctype.name) : word} ${name}` : word));
		window.scrollTo(0, 0);
		if (view?.may_leave) form = view;
		await view?.start?.();
	} catch (error) {
		if (!error.answer) throw error;
		if (mine === turn) main.replaceChildren(missing(name || word, __("Not Permitted")));
	} finally {
		if (mine === turn) document.body.classList.add("ready");
	}
}
async function open(doctype, name) {
	const metas = await metaOf(doctype.name);
	runScripts(metas);
	if (name === undefined && !doctype.issingle) {
		const { ListView } = await import("./list.js");
		return new ListView(metas, window.frappe.listview_settings[doctype.name] || {}, navigate);
	}
	const { Form } = await import("./form.js");
	if (doctype.issingle) return Form.open(doctype.name, doctype.name);
	if (!/^new(-|$)/.test(name)) return Form.open(doctype.name, name);
	const values = window.frappe.route_options;
	window.frappe.route_options = null;
	return Form.open(doctype.name, undefined, { ...Object.fromEntries(new URLSearchParams(location.search)), ...values });
}
function missing(what, title = __("Not Found")) {
	const page = new Page(title);
	page.node.append(el("div", { className: "card" }, el("div", { className: "empty" }, icon("search"), el("p", {}, `${title}: ${what}`), el("a", { className: "btn", href: "/app" }, __("Home")))));
	return page.node;
}

// ---- home: the workspaces that apps ship, and the modules of the DocTypes

function home(word) {
	const modules = [...new Set(boot.doctypes.map((d) => d.module))].sort((a, b) => __(a).localeCompare(__(b)));
	const places = [...boot.workspaces.map((each) => ({ ...each, word: slug(each.name) })), ...modules.filter((module) => !boot.workspaces.some((each) => each.name === module))
		.map((module) => ({ word: slug(module), title: module, links: boot.doctypes.filter((d) => d.module === module).map((d) => ({ type: "Link", label: d.name, link_type: "DocType", link_to: d.name })) }))];
	const place = word ? places.find((each) => each.word === word) : places[0];
	if (!place) return null;
	const page = new Page(__(place.title), word ? [[__(place.title), location.pathname]] : []);
	const cards = [];
	for (const each of place.links || []) {
		if (each.hidden) continue;
		if (each.type === "Card Break") cards.push({ label: each.label, links: [] });
		else if (doctypeOf(each.link_to)) (cards.at(-1) || cards[cards.push({ label: place.title, links: [] }) - 1]).links.push(each);
	}
	const shortcuts = (place.shortcuts || []).filter((each) => doctypeOf(each.link_to)).map((each) => {
		const filters = JSON.parse(each.stats_filter || "[]").map((filter) => filter.slice(0, 4));
		const query = new URLSearchParams(filters.map(([, field, operator, value]) => [field, operator === "=" ? value : JSON.stringify([operator, value])]));
		const node = el("a", { className: "card shortcut", href: `${path(each.link_to)}${String(query) && `?${query}`}` }, el("span", { className: "grow strong" }, __(each.label)), icon("right"));
		if (filters.length) request("frappe.desk.reportview.get_count", { doctype: each.link_to, filters }, { quiet: true })
			.then(({ message }) => node.querySelector(".icon").before(pill(each.format ? __(each.format).replace(/\{\}|\{0\}/, message) : message, message ? each.color.toLowerCase() : "gray")), () => {});
		return node;
	});
	page.node.append(el("div", { className: "body-with-side" },
		el("aside", { className: "places" }, places.map((each) => el("a", { href: `/app/${each.word}`, className: each === place ? "on" : "" }, __(each.title)))),
		el("div", { className: "grow" }, shortcuts.length ? el("div", { className: "tiles" }, shortcuts) : null,
			el("div", { className: "tiles" }, cards.filter((card) => card.links.length).map((card) => el("section", { className: "card tile" }, el("h2", {}, __(card.label)),
				el("ul", {}, card.links.map((each) => el("li", {}, el("a", { href: path(each.link_to) }, icon("doc"), __(each.label || each.link_to)))))))))));
	return page;
}

// ---- the bar, keys, and ways to leave

function navbar() {
	const search = el("input", { type: "text", autocomplete: "off", placeholder: __("Search or go to (Ctrl + G)"), "aria-label": __("Search or go to (Ctrl + G)") });
	const source = async (text) => {
		const sought = text.trim().toLowerCase();
		const lists = boot.doctypes.filter((d) => [d.name, __(d.name)].some((each) => each.toLowerCase().includes(sought)));
		return lists.slice(0, 8).map((d) => ({ value: d.name, label: __(d.name), description: d.issingle ? __("Settings") : __("List") }));
	};
	const list = suggest(search, source, ({ value }) => {
		search.value = "";
		search.blur();
		navigate(path(value));
	});
	const user = boot.user_info[boot.user.name]?.fullname || boot.user.name;
	const own = menu(el("span", { className: "avatar", "aria-hidden": "true" }, user.slice(0, 1).toUpperCase()), { title: user });
	own.node.querySelector("summary").setAttribute("aria-label", user);
	if (doctypeOf("user")) own.add(__("My Settings"), () => navigate(path("User", boot.user.name)));
	own.add(__("Logout"), async () => {
		if (form && !(await form.may_leave())) return;
		form = null;
		await fetch("/api/method/logout", { method: "POST", headers: { "X-Frappe-CSRF-Token": boot.csrf_token } });
		location.assign("/login");
	});
	document.querySelector("header.navbar").replaceChildren(
		el("a", { className: "brand", href: "/app", title: __("Home"), "aria-label": __("Home") }, el("span", { className: "logo" }, "D")),
		el("nav", { className: "crumbs", "aria-label": __("Where you are") }), el("span", { className: "grow" }), el("span", { className: "searchbox" }, icon("search"), search, list), own.node);
	return search;
}
const search = navbar();
document.addEventListener("click", (event) => {
	const link = event.target.closest?.("a[href]");
	if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || link.target) return;
	const url = new URL(link.href);
	if (url.origin !== location.origin || !/^\/app(\/|$)/.test(url.pathname)) return;
	event.preventDefault();
	navigate(link.href);
});
document.addEventListener("keydown", (event) => {
	const key = (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase();
	if (key === "s") {
		event.preventDefault();
		const dialog = [...document.querySelectorAll("dialog[open] form")].at(-1);
		if (dialog) dialog.requestSubmit();
		else if (form) form.save_typed();
	} else if (key === "g") {
		event.preventDefault();
		search.focus();
	}
});
window.addEventListener("popstate", async () => {
	const wanted = location.href;
	if (form?.is_at_stake()) {
		history.pushState(null, "", form.address);
		if (!(await form.may_leave())) return;
		history.replaceState(null, "", wanted);
	}
	show();
});
window.addEventListener("beforeunload", (event) => form?.is_at_stake() && event.preventDefault());

function route() {
	const [word, name] = words();
	const doctype = word && doctypeOf(word)?.name;
	return !doctype ? ["Workspaces", word] : name ? ["Form", doctype, name] : ["List", doctype, "List"];
}
offer({ navigate, route, current: () => form, previous: () => visited.at(-2) });
show();
