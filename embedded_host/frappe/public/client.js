// `frappe`, as the scripts of apps know it: what is offered here and nothing else. Other names raise an error that says which.

import { __, boot, cint, escape_html, flt, moment, path, plain, slug, strict } from "./base.js";
import { Dialog, prompt } from "./layout.js";
import { confirm, hide_progress, msgprint, show_alert, show_progress } from "./page.js";
import { call, request } from "./server.js";

export const handlers = {};
export const handlersOf = (doctype, event) => ((handlers[doctype] ||= {})[event] ||= []);
/** Register handlers of events of a DocType's form, or of the rows of a table. */
export function on(doctype, events, handler) {
	const all = typeof events === "string" ? { [events]: handler } : events;
	for (const [event, each] of Object.entries(all)) handlersOf(doctype, event).push(each);
}
export function off(doctype, event) {
	handlersOf(doctype, event).length = 0;
}
/** An error in a script of an app: said, so that nobody waits for what will not come. */
export function scriptFailed(error, where) {
	if (error?.answer) return;
	console.error(where, error);
	show_alert({ message: `${__("A script of this page failed.")} ${escape_html(`${where}: ${error?.message || error}`)}`, indicator: "red" });
}

const db = { get_value: (doctype, filters, fieldname) => call("frappe.client.get_value", { doctype, fieldname, filters }) };

/** Sends what was written about a document; scripts of apps may come before `send_email`, and keep it from sending. */
class CommunicationComposer {
	constructor(frm) {
		this.frm = frm;
	}
	send_email(_button, values, attachments) {
		const about = { doctype: this.frm.doctype, name: this.frm.docname };
		return request("frappe.core.doctype.communication.email.make", { ...values, ...about, content: values.content || "", attachments, send_email: 1 });
	}
}

/** Make the globals that scripts expect. `desk`: `navigate(url)`, `route()`, `previous()`, and `current()`, the form on the screen. */
export function offer(desk) {
	const set_route = (...parts) => {
		const [first, ...rest] = parts.length === 1 && Array.isArray(parts[0]) ? parts[0] : parts;
		if (/^\//.test(first)) return desk.navigate(first);
		const words = /^(List|Form)$/i.test(first) ? rest : first === "app" ? rest : [first, ...rest];
		const name = /^List$/i.test(first) ? undefined : words[1];
		return desk.navigate(words.length ? path(words[0], name) : "/app");
	};
	const frappe = {
		boot, _: __,
		session: strict("frappe.session", { user: boot.user.name, user_fullname: boot.user_info[boot.user.name]?.fullname, user_email: boot.user.email }),
		ui: strict("frappe.ui", { Dialog, form: strict("frappe.ui.form", { on, off }) }),
		listview_settings: {},
		route_options: null,
		views: { CommunicationComposer },
		validated: true,
		flags: {},
		call, db: strict("frappe.db", db),
		msgprint, show_alert, confirm, prompt, show_progress, hide_progress,
		throw: (message) => {
			msgprint({ title: __("Error"), indicator: "red", ...(typeof message === "string" ? { message } : message) });
			throw Object.assign(new Error(plain(message.message || message)), { answer: {} });
		},
		// nothing is pushed to this desk: handlers are taken, and never called
		realtime: strict("frappe.realtime", { on: () => {}, off: () => {} }),
		set_route,
		get_route: desk.route,
		get_prev_route: () => desk.previous() || [],
		new_doc: (doctype, values) => {
			frappe.route_options = values || frappe.route_options;
			return desk.navigate(path(doctype, "new"));
		},
		model: strict("frappe.model", {
			set_value: (doctype, name, field, value) => desk.current().assign(window.locals[doctype][name], doctype, field, value).then(() => desk.current().refresh_fields()),
		}),
		datetime: strict("frappe.datetime", { str_to_user: moment }),
		utils: strict("frappe.utils", { escape_html, html2text: plain }),
	};
	Object.assign(window, { frappe: strict("frappe", frappe), __, cint, flt, locals: {} });
	Object.defineProperty(window, "cur_frm", { get: desk.current });
}

const ran = new Set();
/** Run the scripts that came with a DocType and those of its tables, once; one that fails does not keep the others from running. */
export function runScripts(metas) {
	for (const meta of metas) {
		if (ran.has(meta.name)) continue;
		ran.add(meta.name);
		for (const [code, kind] of [[meta.__js, "form"], [meta.__list_js, "list"]]) {
			if (!code) continue;
			try {
				new Function(`${code}\n//# sourceURL=/scripts/${slug(meta.name)}.${kind}.js`)();
			} catch (error) {
				scriptFailed(error, `${meta.name} (${kind})`);
			}
		}
	}
}
