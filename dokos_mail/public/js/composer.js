// Before a mail goes to an address that mail did not reach before, or whose owner complained, its writer is asked.

(() => {
	const ASKED = Symbol("asked");

	function recipients_of(values) {
		return ["recipients", "cc", "bcc"].map((field) => values?.[field]).filter(Boolean).join(",");
	}

	// Nothing is known where nobody answers: that keeps no mail from its way.
	async function known_of(recipients) {
		try {
			const { message } = await frappe.call({ method: "dokos_mail.api.undeliverable", args: { recipients }, type: "POST" });
			return message || [];
		} catch (error) {
			console.error(error);
			return [];
		}
	}

	async function may_go(recipients) {
		if (!recipients) return true;
		const message = await known_of(recipients);
		if (!message.length) return true;
		const lines = message.map((one) => {
			const what = one.kind === "Complained" ? __("complained of an email of ours") : __("the last email did not arrive");
			const reason = one.reason ? `<br><span class="text-muted small">${frappe.utils.escape_html(one.reason)}</span>` : "";
			return `<li><b>${frappe.utils.escape_html(one.address)}</b>: ${what}${reason}</li>`;
		});
		return new Promise((resolve) =>
			frappe.confirm(`<ul>${lines.join("")}</ul><p>${__("Send it all the same?")}</p>`, () => resolve(true), () => resolve(false))
		);
	}

	function watch(composer) {
		if (!composer?.prototype || composer.prototype[ASKED]) return;
		composer.prototype[ASKED] = true;
		const send = composer.prototype.send_email;
		composer.prototype.send_email = async function (button, values, ...rest) {
			if (!(await may_go(recipients_of(values)))) {
				button?.prop?.("disabled", false);
				return undefined;
			}
			return send.call(this, button, values, ...rest);
		};
	}

	// The host loads the composer with the desk, before or after this.
	const begin = () => watch(frappe.views?.CommunicationComposer);
	begin();
	document.addEventListener("DOMContentLoaded", begin);
	window.jQuery?.(document).on("app_ready", begin);
})();
