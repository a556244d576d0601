// A mail in a timeline, read: in a frame where nothing runs, without remote images until its reader agrees, the history
// it quotes folded, and why it is here one click away. Above a mail that was sent stands whom it did not reach, and what
// servers and readers said of it. Works on the markup that the desk's timelines have.

(() => {
	// Pictures of the site's files alone: any other address of the site may do something.
	const FILES = ["/files/", "/private/files/"].map((folder) => location.origin + folder).join(" ");
	const POLICY = `default-src 'none'; style-src 'unsafe-inline'; img-src ${FILES} data:`;
	const SANDBOX = "allow-same-origin allow-popups allow-popups-to-escape-sandbox";
	const STYLE = `
		body { margin: 0; font: 14px/1.5 InterVariable, Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; color: #1f272e; overflow-wrap: anywhere; }
		img { max-width: 100%; height: auto; } table { max-width: 100%; } pre { white-space: pre-wrap; }
		blockquote { margin: 0 0 0 4px; padding-left: 10px; border-left: 2px solid #c0c6cc; color: #505a62; }
		summary { cursor: pointer; width: 2.4em; text-align: center; border-radius: 8px; background: #e2e6e9; color: #505a62; line-height: 1.1; list-style: none; margin: 6px 0; }
		summary::-webkit-details-marker { display: none; }`;
	const READ = "mail-is-read";

	let allowed; // whose remote images this user always wants, asked for once

	function senders_allowed() {
		allowed ??= frappe
			.call({ method: "dokos_mail.reader.senders_allowed", type: "GET" })
			.then((answer) => new Set(answer.message || []));
		return allowed;
	}

	function read(item) {
		const box = item.querySelector(".timeline-message-box");
		const content = box?.querySelector(":scope > .content");
		if (!content || box.dataset.communicationType !== "Communication" || box.classList.contains(READ)) return;
		box.classList.add(READ);
		const html = content.innerHTML;
		const name = item.dataset.name;
		content.replaceChildren(frame_of({ srcdoc: page(html) }));
		if (/\sdata-remote-(src|background)="/.test(html)) ask_for_images(name, content);
		ask_about(name, box, content);
	}

	function page(html) {
		return `<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}"><base target="_blank"><body>${html}`;
	}

	function frame_of(source) {
		const frame = document.createElement("iframe");
		frame.className = "received-mail";
		frame.title = __("Message");
		frame.setAttribute("sandbox", SANDBOX);
		frame.style.cssText = "width: 100%; border: 0; background: #fff; display: block; min-height: 1.5em;";
		frame.addEventListener("load", () => dress(frame));
		Object.assign(frame, source);
		return frame;
	}

	// The frame runs nothing; what is done to its page is done from here.
	function dress(frame) {
		const inside = frame.contentDocument;
		if (!inside?.body) return;
		const style = inside.createElement("style");
		style.textContent = STYLE;
		inside.head.append(style);
		fold_history(inside);
		const fit = () => (frame.style.height = `${inside.documentElement.offsetHeight}px`);
		const shrink = () => {
			frame.style.height = "0";
			fit();
		};
		inside.addEventListener("toggle", shrink, true);
		new ResizeObserver(fit).observe(inside.body);
		fit();
	}

	function fold_history(inside) {
		const first = history_begins(inside);
		if (!first || !text_before(inside.body, first)) return;
		const details = inside.createElement("details");
		const summary = inside.createElement("summary");
		summary.textContent = "•••";
		summary.title = __("Show the quoted history");
		details.append(summary);
		first.before(details);
		while (details.nextSibling) details.append(details.nextSibling);
	}

	// The element with which the history begins: a last quotation that nothing of the sender's follows, or the
	// block "From: … Sent: …" under a line.
	function history_begins(inside) {
		const quotes = [...inside.querySelectorAll("blockquote")].filter((quote) => !quote.parentElement.closest("blockquote"));
		const quote = quotes.at(-1);
		if (quote && !text_after(inside.body, quote)) {
			const line = quote.previousElementSibling;
			return line && /[:：]\s*$/.test(line.textContent) && line.textContent.length < 300 ? line : quote;
		}
		return [...inside.querySelectorAll("div")].find(
			(div) =>
				/border-top:\s*(solid|none)?/.test(div.getAttribute("style") || "") &&
				/^\s*(From|De|Von|Da)\s*:/.test(div.textContent) &&
				/(Sent|Date|Envoyé|Gesendet|Enviado|Inviato)[^\n]{0,20}:/.test(div.textContent)
		);
	}

	function text_between(inside, from, to) {
		const range = inside.ownerDocument.createRange();
		range.selectNodeContents(inside);
		if (from) range.setStartAfter(from);
		if (to) range.setEndBefore(to);
		return range.toString().trim();
	}

	function text_before(body, node) {
		return text_between(body, null, node);
	}

	function text_after(body, node) {
		return text_between(body, node, null);
	}

	async function ask_for_images(name, content) {
		const bar = document.createElement("div");
		bar.className = "remote-images text-muted small";
		bar.style.cssText = "display: flex; gap: 4px 12px; flex-wrap: wrap; align-items: baseline; padding: 0 0 8px;";
		bar.append(said(__("Remote images are not loaded: they tell the sender when and where this mail is read.")));
		bar.append(
			button(__("Show images"), () => show_images(name, content)),
			button(__("Always for this sender"), async () => {
				await frappe.call({ method: "dokos_mail.reader.allow_sender", args: { communication: name } });
				allowed = undefined;
				show_images(name, content);
			})
		);
		content.prepend(bar);
		const senders = await senders_allowed();
		if (!senders.size) return;
		if (senders.has(await sender_of(name))) show_images(name, content);
	}

	async function sender_of(name) {
		// as a filter: the host would read a bare name as JSON, and some that are drawn by lot (6e32) are numbers there
		const answer = await frappe.db.get_value("Communication", { name }, "sender");
		return (answer.message?.sender || "").toLowerCase();
	}

	function show_images(name, content) {
		const src = `/api/method/dokos_mail.reader.with_images?communication=${encodeURIComponent(name)}`;
		content.replaceChildren(frame_of({ src }));
	}

	function offer_details(name, box) {
		const actions = box.querySelector(".custom-actions");
		if (!actions) return;
		const why = button(__("Why is it here?"), async () => {
			const { message } = await frappe.call({
				method: "dokos_mail.reader.about",
				args: { communication: name },
				type: "GET",
			});
			if (!message?.row) {
				frappe.msgprint(__("Nothing is recorded about how this message came here."));
				return;
			}
			const lines = message.why.split("\n").map((line) => frappe.utils.escape_html(line)).join("<br>");
			const links = [`<a href="/app/incoming-email/${encodeURIComponent(message.row)}">${__("Received message")}</a>`];
			if (message.original) links.push(`<a href="${message.original}">${__("Download the original message")}</a>`);
			frappe.msgprint({ title: __("Why is it here?"), message: `<p>${lines}</p><p>${links.join(" · ")}</p>` });
		});
		why.classList.add("why-is-it-here");
		actions.append(why);
	}

	// One question for all mails that a timeline shows at once.
	const asked = new Map();

	function ask_about(name, box, content) {
		if (!asked.size) setTimeout(tell_about_them, 50);
		asked.set(name, [box, content]);
	}

	async function tell_about_them() {
		const boxes = new Map(asked);
		asked.clear();
		const { message } = await frappe.call({
			method: "dokos_mail.reader.in_timeline",
			args: { communications: JSON.stringify([...boxes.keys()]) },
			type: "POST",
		});
		for (const name of message?.received || []) {
			const [box] = boxes.get(name) || [];
			if (box) offer_details(name, box);
		}
		for (const [name, lines] of Object.entries(message?.deliveries || {})) {
			const [, content] = boxes.get(name) || [];
			if (!content) continue;
			const list = deliveries_of(name, lines);
			const { marginLeft, paddingLeft } = getComputedStyle(content);
			Object.assign(list.style, { marginLeft, paddingLeft });
			content.before(list);
		}
	}

	const LINES = 5;
	const COLOURS = { Bounced: "red", Refused: "red", Complaint: "red", Delayed: "orange", Deferred: "orange", Uncertain: "orange" };

	function deliveries_of(name, lines) {
		const list = document.createElement("ul");
		list.className = "mail-deliveries list-unstyled small";
		list.style.cssText = "list-style: none; margin: 4px 0 8px; padding: 0 0 8px;";
		const worst = lines.sort((a, b) => !COLOURS[a.state] - !COLOURS[b.state]);
		for (const each of worst.slice(0, LINES)) {
			const line = document.createElement("li");
			line.style.cssText = "overflow-wrap: anywhere; padding: 1px 0;";
			const state = said(__(each.state));
			state.className = `indicator-pill no-indicator-dot ${COLOURS[each.state] || "gray"} pill`;
			const words = said(each.words);
			words.className = "text-muted muted";
			line.append(said(each.recipient), " ", state, " ", words);
			list.append(line);
		}
		if (lines.length > LINES) {
			const more = document.createElement("li");
			const link = document.createElement("a");
			link.href = `/app/communication/${encodeURIComponent(name)}`;
			link.textContent = __("and {0} more", [lines.length - LINES]);
			more.append(link);
			list.append(more);
		}
		return list;
	}

	function said(text) {
		const span = document.createElement("span");
		span.textContent = text;
		return span;
	}

	function button(label, act) {
		const made = document.createElement("button");
		made.type = "button";
		made.className = "btn btn-link btn-xs p-0";
		made.style.cssText = "font-size: 12px; text-decoration: underline; color: inherit;";
		made.textContent = label;
		made.addEventListener("click", act);
		return made;
	}

	function read_all(root) {
		const items = root.matches?.('.timeline-item[data-doctype="Communication"]') ? [root] : [];
		items.push(...root.querySelectorAll('.timeline-item[data-doctype="Communication"]'));
		items.forEach(read);
	}

	new MutationObserver((changes) => {
		for (const change of changes) {
			for (const node of change.addedNodes) if (node.nodeType === Node.ELEMENT_NODE) read_all(node);
		}
	}).observe(document.documentElement, { childList: true, subtree: true });
	read_all(document.documentElement);
})();
