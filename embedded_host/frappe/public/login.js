// The login page: post the form, then go where the person wanted to go.

const form = document.querySelector("form");
const error = form.querySelector(".error");

form.addEventListener("submit", async (event) => {
	event.preventDefault();
	error.textContent = "";
	const button = form.querySelector("button");
	button.disabled = true;
	try {
		const response = await fetch(form.action, {
			method: "POST",
			headers: { "Content-Type": "application/json", Accept: "application/json" },
			body: JSON.stringify(Object.fromEntries(new FormData(form))),
		});
		const answer = await response.json();
		if (response.ok) {
			location.assign(target(answer));
			return;
		}
		const said = answer._server_messages && JSON.parse(JSON.parse(answer._server_messages)[0]).message;
		error.textContent = said || answer.message || response.statusText;
		form.elements.pwd.select();
	} catch (failure) {
		error.textContent = failure.message;
	}
	button.disabled = false;
});

// Only a path of this site: `//host` and `https://host` would lead elsewhere.
function target(answer) {
	const wanted = new URLSearchParams(location.search).get("redirect-to") || "";
	const url = new URL(wanted, location.origin);
	return wanted.startsWith("/") && url.origin === location.origin ? url.href : answer.home_page || "/app";
}
