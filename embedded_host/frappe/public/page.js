// The page, and what is said on it: head and body, windows, alerts, progress.

import { __, button, colour, el, icon, menu, rich } from "./base.js";

/** A window over the page. `close()` ends it; `onclose` is called however it ended. */
export function modal({ title, body, footer = [], indicator, className = "", onclose, fixed = false }) {
	const head = el("h2", {}, title || __("Message"));
	const node = el("dialog", { className: `modal ${className}`, "aria-label": title || __("Message") },
		el("header", {}, indicator && el("span", { className: `dot ${colour(indicator)}` }), head,
			!fixed && el("button", { type: "button", className: "bare", title: __("Close"), "aria-label": __("Close"), onclick: () => node.close() }, icon("close"))),
		el("div", { className: "body" }, body),
		el("footer", { hidden: !footer.length }, footer));
	node.addEventListener("cancel", (event) => fixed && event.preventDefault());
	node.addEventListener("close", () => {
		node.remove();
		onclose?.();
	});
	document.body.append(node);
	node.showModal();
	(node.querySelector("[autofocus], .body input:not([type=hidden]):not(:disabled), .body textarea, .body select, .body [contenteditable]") || node.querySelector("footer .primary"))?.focus();
	return { node, close: () => node.close() };
}

let said = null;
/** Show a message; one that comes while another is shown is added to it. */
export function msgprint(message, title) {
	const given = typeof message === "object" && message !== null && !Array.isArray(message) ? message : { message, title };
	const parts = Array.isArray(given.message) ? given.message : [given.message];
	const lines = parts.map((part) => el("div", { className: "said" }, rich(part ?? "")));
	if (said) return said.node.querySelector(".body").append(...lines);
	const action = given.primary_action;
	const act = () => {
		said?.close();
		action.action?.(action.args);
	};
	said = modal({
		title: given.title || __("Message"), indicator: given.indicator || "blue", className: given.wide ? "wide" : "", body: lines, onclose: () => (said = null),
		footer: action ? [button(action.label || __("OK"), act, { className: "primary" })] : [],
	});
}
/** Once what was said is read. */
export const afterwards = (act) => (said ? said.node.addEventListener("close", act) : act());

/** A line in the corner that goes by itself. */
export function show_alert(message, seconds) {
	const { message: text, body, indicator = "blue" } = typeof message === "object" ? message : { message };
	const node = el("div", { className: `toast ${colour(indicator)}` }, el("div", {}, rich(text ?? ""), body && el("div", {}, rich(body))),
		el("button", { type: "button", className: "bare", title: __("Close"), "aria-label": __("Close"), onclick: () => node.remove() }, icon("close")));
	const corner = document.querySelector(".toasts");
	corner.append(node);
	// over whatever window is open
	if (corner.matches(":popover-open")) corner.hidePopover();
	corner.showPopover();
	setTimeout(() => node.remove(), (seconds || (indicator === "red" ? 12 : 5)) * 1000);
	return node;
}

/** Ask; `yes` or `no` is called. Also a promise of the answer. */
export function confirm(message, yes, no, { title = __("Confirm"), label = __("Yes"), danger = false } = {}) {
	return new Promise((resolve) => {
		let answer = false;
		const agree = () => {
			answer = true;
			asked.close();
		};
		const asked = modal({
			title, body: el("div", { className: "said" }, rich(message)),
			footer: [button(__("No"), () => asked.close()), button(label, agree, { className: danger ? "danger" : "primary", autofocus: true })],
			onclose: () => {
				resolve(answer);
				(answer ? yes : no)?.();
			},
		});
	});
}

let progress = null;
/** How far something is. Once the person closed the window it stays closed (`is_visible`), until `hide_progress`. */
export function show_progress(title, count, total = 100, description = "") {
	if (progress?.title !== title) {
		hide_progress();
		const [bar, text] = [el("progress", {}), el("p", { className: "help" })];
		const mine = (progress = { title, bar, text, is_visible: true });
		progress.window = modal({ title, body: [bar, text], onclose: () => (mine.is_visible = false) });
	}
	Object.assign(progress.bar, { max: total, value: count });
	progress.text.textContent = description;
	return progress;
}
export function hide_progress() {
	if (progress?.is_visible) progress.window.close();
	progress = null;
}

/** What the server said with an answer; `failed` are said in red. */
export function showServerMessages(answer, failed) {
	const messages = JSON.parse(answer._server_messages || "[]").map((each) => JSON.parse(each));
	for (const each of messages) {
		if (each.alert && !failed) show_alert(each);
		else msgprint({ title: failed ? __("Error") : undefined, indicator: failed ? "red" : undefined, ...each });
	}
	return messages;
}

/** What every page has: a head with title, indicator, buttons and the main action; what is below it is added to `node`. */
export class Page {
	constructor(title, crumbs = []) {
		this.inner = new Map();
		this.name = el("h1", {});
		this.mark = el("span", { className: "pill", hidden: true });
		this.buttons = el("div", { className: "row inner" });
		this.actions = menu(__("Actions"));
		this.menu = menu(icon("dots"), { title: __("Menu") });
		this.menu.node.querySelector("summary").setAttribute("aria-label", __("Menu"));
		this.standard = el("div", { className: "row" });
		this.primary = button("", () => this.primary_action?.(), { className: "primary", hidden: true });
		this.node = el("div", { className: "page" },
			el("div", { className: "head" }, el("div", { className: "title-area" }, this.name, this.mark), el("div", { className: "row" }, this.buttons, this.actions.node, this.standard, this.menu.node, this.primary)));
		this.set_title(title);
		document.querySelector(".crumbs").replaceChildren(...crumbs.flatMap(([text, href]) => [icon("right"), el("a", { href }, text)]));
	}
	set_title(title) {
		this.name.textContent = this.name.title = title;
		document.title = title;
	}
	set_indicator = (label, name) => Object.assign(this.mark, { textContent: label, className: `pill ${colour(name)}`, hidden: false });
	clear_indicator = () => (this.mark.hidden = true);
	set_primary_action(label, action, sign) {
		this.primary_action = action;
		this.primary.replaceChildren(...[sign && icon(sign), el("span", {}, label)].filter(Boolean));
		this.primary.hidden = false;
		return this.primary;
	}
	/** A button beside the title. */
	add_inner_button(label, action) {
		const node = button(label, action);
		this.remove_inner_button(label);
		this.inner.set(label, node);
		this.buttons.append(node);
		return node;
	}
	remove_inner_button(label) {
		this.inner.get(label)?.remove();
		this.inner.delete(label);
	}
	clear_inner_toolbar() {
		this.buttons.replaceChildren();
		this.inner.clear();
	}
	add_menu_item = (label, action) => this.menu.add(label, action);
	add_actions_menu_item = (label, action) => this.actions.add(label, action);
}
