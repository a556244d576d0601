// Calls of the server: its messages are shown, its errors said in words, and a session that ended is taken up again.

import { __, boot, el, plain, rich } from "./base.js";
import { modal, msgprint, showServerMessages } from "./page.js";

const STATUS = {
	403: [__("Not Permitted"), __("You do not have enough permissions to complete the action")],
	404: [__("Not Found"), __("The resource you are looking for is not available")],
	413: [__("File too large"), __("The server does not take files as large as this one.")],
	500: [__("Server Error"), __("Something went wrong. It was noted in the Error Log.")],
	503: [__("Server unavailable"), __("The server is busy or being updated. Try again in a moment.")],
};

/** Names and values as a form sends them: what is not a text is JSON. */
function encode(args) {
	if (args instanceof FormData) return args;
	const body = new URLSearchParams();
	for (const [key, value] of Object.entries(args)) {
		if (value === undefined || value === null) continue;
		body.set(key, typeof value === "object" ? JSON.stringify(value) : typeof value === "boolean" ? Number(value) : value);
	}
	return body;
}

/** The answer of a whitelisted function. Rejects with an Error (`answer`, `status`, `messages`) once the person was told. */
export async function request(method, args = {}, { quiet = false, again = false, type = "POST" } = {}) {
	let response;
	try {
		const headers = { Accept: "application/json", "X-Frappe-CSRF-Token": boot.csrf_token };
		response = await (type === "GET" ? fetch(`/api/method/${method}?${encode(args)}`, { headers }) : fetch(`/api/method/${method}`, { method: "POST", headers, body: encode(args) }));
	} catch {
		if (!quiet) msgprint({ title: __("No Connection"), indicator: "red", message: __("The server cannot be reached. What you typed is still here.") });
		throw new Error("the server cannot be reached");
	}
	const answer = await response.json().catch(() => ({}));
	if ((response.status === 401 || answer.session_expired || answer.exc_type === "CSRFTokenError") && !again) {
		await logInAgain();
		return request(method, args, { quiet, type, again: true });
	}
	if (quiet && !response.ok) throw Object.assign(new Error(answer.exc_type), { answer, status: response.status, messages: [] });
	const messages = answer.exc_type === "TimestampMismatchError" ? [] : showServerMessages(answer, !response.ok);
	if (response.ok) return answer;
	const [title, message] = STATUS[response.status] || STATUS[500];
	if (!messages.length && answer.exc_type !== "TimestampMismatchError")
		msgprint({ title, indicator: "red", message: answer._error_message || message });
	throw Object.assign(new Error(answer.exc_type || response.statusText), { answer, status: response.status, messages });
}

/** `frappe.call(method, args)` or `frappe.call({method, args, doc, freeze, freeze_message, btn, callback, error, always})`. */
export function call(given, args, callback) {
	const options = typeof given === "string" ? { method: given, args, callback } : given;
	const parameters = { ...options.args };
	const veil = options.freeze && el("div", { className: "freeze" }, el("p", {}, options.freeze_message || __("Please wait")));
	if (veil) document.body.append(veil);
	if (options.btn) options.btn.disabled = true;
	const name = options.doc ? "run_doc_method" : options.method;
	const sent = options.doc ? { docs: options.doc, method: options.method, args: parameters } : parameters;
	const done = request(name, sent, { type: options.type }).finally(() => {
		veil?.remove();
		if (options.btn) options.btn.disabled = false;
	});
	const told = done.then((answer) => (options.callback?.(answer), answer), (error) => {
		options.error?.(error.answer);
		throw error;
	}).finally(() => options.always?.());
	// it was shown: whoever does not wait for the answer has nothing more to do
	told.catch(() => {});
	return told;
}

let asking = null;
/** Ask for the password of the session that ended, over the page as it is. */
function logInAgain() {
	asking ??= new Promise((resolve) => {
		const password = el("input", { type: "password", name: "pwd", autocomplete: "current-password", required: true, autofocus: true });
		const error = el("p", { className: "error", role: "alert" });
		const submit = async (event) => {
			event.preventDefault();
			const response = await fetch("/api/method/login", { method: "POST", headers: { Accept: "application/json" }, body: encode({ usr: boot.user.name, pwd: password.value }) });
			const answer = await response.json().catch(() => ({}));
			if (!response.ok) {
				error.replaceChildren(...rich(answer.message || plain(JSON.parse(JSON.parse(answer._server_messages || '["{}"]')[0]).message || response.statusText)));
				return password.select();
			}
			const page = new DOMParser().parseFromString(await (await fetch("/app")).text(), "text/html");
			boot.csrf_token = JSON.parse(page.getElementById("boot").textContent).csrf_token;
			asking = null;
			shown.close();
			resolve();
		};
		const form = el("form", { className: "stack", onsubmit: submit },
			el("p", {}, __("Your session has expired. Nothing that you typed is lost: type the password of {0} to go on.", [boot.user.name])),
			el("label", {}, el("span", { className: "label" }, __("Password")), password), error,
			el("div", { className: "row" }, el("a", { className: "btn", href: "/login" }, __("Other user")), el("button", { className: "btn primary" }, __("Login"))));
		const shown = modal({ title: __("Session Expired"), indicator: "orange", body: form, fixed: true });
	});
	return asking;
}

/** Upload a file; resolves with the File made of it. */
export async function upload(file, { doctype, docname, fieldname, is_private = 1 } = {}) {
	const data = new FormData();
	data.set("file", file, file.name);
	for (const [key, value] of Object.entries({ doctype, docname, fieldname, is_private })) if (value !== undefined) data.set(key, value);
	return (await request("upload_file", data)).message;
}

const metas = new Map();
/** The DocType and those of its tables, fetched once; scripts that came with it are run by whoever asks first. */
export function metaOf(doctype) {
	if (!metas.has(doctype)) {
		const wanted = request("frappe.desk.form.load.getdoctype", { doctype }).then(({ docs }) => docs);
		wanted.catch(() => metas.delete(doctype));
		metas.set(doctype, wanted);
	}
	return metas.get(doctype);
}
