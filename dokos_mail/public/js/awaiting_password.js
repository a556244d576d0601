// Asks for the passwords that a user's email accounts wait for, once in each session.

(() => {
	const ASKED = "dokos_mail_password_asked";
	const session = (frappe.boot || {}).csrf_token;

	async function ask_all() {
		const { message } = await frappe.call("dokos_mail.api.get_email_awaiting");
		for (const account of message || []) await ask(account);
		sessionStorage.setItem(ASKED, session);
	}

	// Until the mail server agrees or the window is closed: then the account goes on waiting.
	function ask({ email_account, email_id }) {
		return new Promise((resolve) => {
			const dialog = new frappe.ui.Dialog({
				title: __("Email Account Password"),
				fields: [
					{
						fieldname: "password",
						fieldtype: "Password",
						label: __("Password of {0}", [email_id || email_account]),
						reqd: 1,
					},
				],
				primary_action_label: __("Save"),
				async primary_action({ password }) {
					const field = dialog.fields_dict.password;
					field.set_description("");
					const args = { email_account, password, in_window: 1 };
					const { message, refused } = await frappe.call("dokos_mail.api.set_email_password", args);
					if (message) return dialog.hide();
					const lines = refused.map((line) => frappe.utils.escape_html(line));
					field.set_description(`<span class="text-danger">${lines.join("<br>")}</span>`);
				},
			});
			dialog.onhide = resolve;
			dialog.show();
		});
	}

	// Once a page stands: a change of page, such as that from /app to a workspace, closes whatever window is open.
	function once_on_a_page(then, last) {
		const { route } = document.body.dataset;
		if (route && route === last) then();
		else setTimeout(() => once_on_a_page(then, route), 500);
	}

	// Where the host's desk has a mail module of its own, it says when, and its own window would not stay.
	if ("Application" in frappe) {
		const { Application } = frappe;
		Application.prototype.set_password = () => once_on_a_page(ask_all);
	} else if (frappe.session.user !== "Guest" && sessionStorage.getItem(ASKED) !== session) {
		ask_all();
	}
})();
