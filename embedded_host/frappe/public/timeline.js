// What was written about a document: mails and comments below its form, and the composer that answers them.

import { __, ago, boot, button, el, framed, guessColour, icon, moment, path, pill, rich } from "./base.js";
import { Dialog } from "./layout.js";
import { show_alert } from "./page.js";
import { request, upload } from "./server.js";

const PAGE = 20;
const addresses = (text) => String(text || "").match(/(?:"[^"]*"|[^,;\n"])+/g)?.map((each) => each.trim()).filter(Boolean) || [];
const bare = (address) => (address.match(/<([^>]*)>/)?.[1] || address).trim().toLowerCase();

export class Timeline {
	constructor(frm) {
		Object.assign(this, { frm, node: el("section", { className: "timeline", hidden: true }) });
	}
	refresh() {
		const { frm } = this;
		this.node.hidden = frm.is_new() || Boolean(frm.meta.issingle);
		if (this.node.hidden) return;
		this.mails = frm.docinfo.communications;
		this.complete = this.mails.length < PAGE;
		this.draw();
	}
	draw() {
		const { frm } = this;
		const dated = [...this.mails.map((mail) => [mail.communication_date || mail.creation, () => this.mail(mail)]), ...frm.docinfo.comments.map((each) => [each.creation, () => this.comment(each)])];
		const address = frm.docinfo.document_email;
		const older = button(__("Older"), () => this.older(), { className: "small", hidden: this.complete });
		this.node.replaceChildren(
			el("div", { className: "row" }, el("h2", { className: "grow" }, __("Activity")), button(__("New Email"), () => this.compose(), {}, icon("add"))),
			el("p", { className: "muted", hidden: !address }, __("Mail to {0} is added here.", [address])), this.writer(), ...dated.sort(([a], [b]) => (a < b ? 1 : -1)).map(([, draw]) => draw()), older);
	}
	async older() {
		const { doctype, docname } = this.frm;
		const { message } = await request("frappe.desk.form.load.get_communications", { doctype, name: docname, start: this.mails.length, limit: PAGE });
		this.mails = [...this.mails, ...message];
		this.complete = message.length < PAGE;
		this.draw();
	}

	writer() {
		const text = el("textarea", { rows: 1, placeholder: __("Type a comment"), "aria-label": __("Comment"), oninput: () => (save.hidden = !text.value.trim()) });
		const save = button(__("Save Comment"), async () => {
			const { doctype, docname } = this.frm;
			const content = el("div", {}, text.value.trim().split("\n").map((line) => el("p", {}, line))).innerHTML;
			await request("frappe.desk.form.utils.add_comment", { reference_doctype: doctype, reference_name: docname, content, comment_email: boot.user.name, comment_by: this.name(boot.user.name) });
			await this.frm.reload_info();
		}, { className: "small", hidden: true });
		return el("div", { className: "writer" }, this.avatar(this.name(boot.user.name)), el("div", { className: "grow" }, text, save));
	}
	name = (user) => boot.user_info[user]?.fullname || user;
	avatar = (name) => el("span", { className: "avatar", "aria-hidden": "true" }, (name || "?").replace(/^["'<]/, "").slice(0, 1).toUpperCase());
	comment(each) {
		return el("article", { className: "entry" }, this.avatar(this.name(each.owner)), el("div", { className: "card grow" },
			el("header", {}, el("span", { className: "grow" }, el("b", {}, this.name(each.owner)), " ", __("commented")), el("time", { className: "muted", title: moment(each.creation) }, ago(each.creation))),
			el("div", { className: "text" }, rich(each.content))));
	}
	mail(mail) {
		const date = mail.communication_date || mail.creation;
		const name = mail.sender_full_name || mail.sender || "?";
		const line = (label, value) => value && el("div", { className: "muted" }, `${__(label)} `, addresses(value).join(", "));
		const state = mail.sent_or_received === "Sent" && mail.delivery_status;
		const several = addresses(`${mail.recipients || ""},${mail.cc || ""}`).length > 1;
		const content = el("div", { className: "content" }, framed(mail.content, mail.subject || __("No Subject")));
		// apps' scripts that read a mail get what it says, not the frame it is shown in
		Object.defineProperty(content, "innerHTML", { get: () => mail.content || "" });
		const files = (mail.attachments || []).map((file) => el("li", {}, el("a", { href: file.file_url, target: "_blank" }, icon("attach"), file.file_name || file.file_url.split("/").pop())));
		const actions = el("div", { className: "actions custom-actions" }, button(icon("reply"), () => this.compose(mail), { className: "bare", title: __("Reply"), "aria-label": __("Reply") }),
			several && button(__("Reply All"), () => this.compose(mail, true), { className: "small" }));
		return el("article", { className: "entry timeline-item", dataset: { doctype: "Communication", name: mail.name, sender: bare(mail.sender || "") } }, this.avatar(name),
			el("div", { className: "card grow timeline-message-box", dataset: { communicationType: mail.communication_type } },
				el("header", {},
					el("div", { className: "grow" },
						el("b", {}, name), " ", name !== mail.sender && el("span", { className: "muted" }, bare(mail.sender || "")),
						line(__("To"), mail.recipients), line(__("Cc"), mail.cc),
						el("a", { className: "strong", href: path("Communication", mail.name) }, mail.subject || __("No Subject"))),
					state && pill(__(state, null, "Communication"), guessColour(state)),
					el("time", { className: "muted", title: moment(date) }, ago(date)), actions),
				content, files.length > 0 && el("ul", { className: "files" }, files)));
	}

	/** A new mail about the document, or an answer to one, to its sender or to all. */
	compose(mail, all = false) {
		const { frm } = this;
		const received = mail?.sent_or_received === "Received";
		const to = mail ? (received ? [mail.sender] : addresses(mail.recipients))
			: [frm.doc[frm.meta.sender_field || frm.meta.email_field] || frm.doc.email_id || frm.doc.email].filter((each) => /@/.test(each || ""));
		const own = new Set([...to, boot.user.email, boot.user.name].filter(Boolean).map(bare));
		const cc = all ? [...(received ? addresses(mail.recipients) : []), ...addresses(mail.cc)].filter((each) => !own.has(bare(each)) && own.add(bare(each))) : [];
		const subject = mail ? String(mail.subject || "").replace(/^((re|aw|fwd?)\s*:\s*)+/i, "") : "";
		// pictures of other machines are neither asked for nor passed on: they may tell who reads the answer
		const original = mail && el("blockquote", {}, rich(mail.content, "local"));
		original?.querySelectorAll("img:not([src])").forEach((image) => image.remove());
		const quote = mail ? el("div", {}, el("p", {}, el("br")), el("p", {}, __("On {0}, {1} wrote:", [moment(mail.communication_date || mail.creation), mail.sender_full_name || mail.sender])), original).innerHTML : "";
		const files = frm.docinfo.attachments.map((file) => ({ file, box: el("input", { type: "checkbox" }) }));
		const list = el("div", { className: "stack" });
		const choose = el("input", { type: "file", hidden: true, onchange: async () => {
			files.push({ file: await upload(choose.files[0], { doctype: frm.doctype, docname: frm.docname }), box: el("input", { type: "checkbox", checked: true }) });
			showFiles();
		} });
		const showFiles = () => list.replaceChildren(...files.map(({ file, box }) => el("label", { className: "check" }, box, file.file_name)), button(__("Attach File"), () => choose.click(), { className: "small" }, icon("attach")), choose);
		const dialog = new Dialog({
			title: mail ? __("Reply") : __("New Email"), size: "large",
			fields: [
				{ fieldname: "recipients", fieldtype: "Data", label: "To", reqd: 1, default: to.join(", ") },
				{ fieldname: "copies", fieldtype: "Section Break", label: "Cc, Bcc", collapsible: 1, collapsible_depends_on: "cc" },
				{ fieldname: "cc", fieldtype: "Data", label: "Cc", default: cc.join(", ") }, { fieldtype: "Column Break" },
				{ fieldname: "bcc", fieldtype: "Data", label: "Bcc" }, { fieldname: "letter", fieldtype: "Section Break" },
				{ fieldname: "subject", fieldtype: "Data", label: "Subject", reqd: 1, default: mail ? `Re: ${subject}` : frm.title },
				{ fieldname: "content", fieldtype: "Text Editor", label: "Message", default: quote },
				{ fieldname: "send_me_a_copy", fieldtype: "Check", label: "Send me a copy" },
			],
			primary_action_label: __("Send"),
			primary_action: async (values) => {
				const attachments = files.filter(({ box }) => box.checked).map(({ file }) => file.name);
				const sent = await new window.frappe.views.CommunicationComposer(frm).send_email(dialog.primary, values, attachments);
				if (!sent) return;
				dialog.hide();
				show_alert({ message: __("The email is being sent."), indicator: "green" });
				await frm.reload_info();
			},
		});
		showFiles();
		dialog.form.append(list);
		dialog.show();
		if (mail) dialog.fields_dict.content.focus();
	}
}
