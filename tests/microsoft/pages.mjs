// The pages that a person sees on the way through the identity platform. Own design;
// each says that it belongs to a simulator.

import { readFileSync } from 'node:fs';

const MAX_ACCOUNTS = 30;
const css = readFileSync(new URL('./pages.css', import.meta.url));

const WHAT_IT_MEANS = {
	'Presence.ReadWrite.All': ['Read and write the presence of all users',
		'Show a person as busy while they are on their desk phone, and as available afterwards.'],
	'User.ReadBasic.All': ["Read all users' basic profiles",
		'Find the person behind an e-mail address when phone extensions are linked.'],
	'Presence.Read.All': ['Read the presence of all users', 'See what Teams shows for a person.'],
	'User.Read.All': ["Read all users' full profiles", 'Read names, addresses and phone numbers.'],
};

const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text) => String(text).replace(/[&<>"']/g, (c) => ESCAPES[c]);
class Markup extends String {}
function html(parts, ...values) {
	const show = (v) => (Array.isArray(v) ? v.map(show).join('') : v instanceof Markup ? v : escape(v ?? ''));
	return new Markup(parts.reduce((out, part, i) => out + show(values[i - 1]) + part));
}

// A form's answer is a redirect to the application, so its origin must be allowed too.
function page(status, title, content, formOrigins = '') {
	const body = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Simulated sign-in</title>
<link rel="stylesheet" href="/_login/pages.css">
</head>
<body>
<main>
<p class="notice">Simulator: these pages stand in for Microsoft's sign-in. No real account is used.</p>
<div class="card">
${content}
</div>
</main>
</body>
</html>
`;
	return {
		status, body: String(body),
		headers: {
			'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store',
			'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer',
			'content-security-policy': "default-src 'none'; style-src 'self'; base-uri 'none'; "
				+ `frame-ancestors 'none'; form-action 'self' ${formOrigins}`.trim(),
		},
	};
}

const initials = (name) => name.split(/\s+/).map((w) => w[0]).join('').slice(0, 2).toUpperCase();

function account(flow, user) {
	const role = user.roles.join(', ') || 'Employee';
	return html`<li><button class="account" name="user" value="${user.oid}">
<span class="avatar" aria-hidden="true">${initials(user.name)}</span>
<span class="who"><b>${user.name}</b> <span>${user.upn}</span> <i>${role}</i></span>
</button></li>
`;
}

/** Choose one of the accounts that may come through this authority. */
export function pageChoose(sim, flow) {
	const tenants = flow.tenant ? [flow.tenant] : [...sim.directory.tenants.values()];
	const hinted = (u) => (u.upn.toLowerCase() === flow.hint?.toLowerCase() ? 0 : 1);
	let left = MAX_ACCOUNTS;
	const groups = [];
	for (const tenant of tenants) {
		const hint = flow.hint && tenant.byUpn.get(flow.hint.toLowerCase());
		const users = [...(hint ? [hint] : []), ...tenant.users.values()].slice(0, left);
		const shown = [...new Set(users)].sort((a, b) => hinted(a) - hinted(b));
		left -= shown.length;
		if (shown.length)
			groups.push(html`<h2>${tenant.name}</h2>
<ul class="accounts">
${shown.map((u) => account(flow, u))}</ul>
`);
	}
	return page(200, 'Pick an account', html`<h1>Pick an account</h1>
<p>to continue to <b>${sim.app.name}</b></p>
<form method="post" action="/_login/${flow.id}/choose">
${groups}</form>
<form method="post" action="/_login/${flow.id}/decide" class="row">
<button name="decision" value="cancel">Cancel</button>
</form>`, sim.app.origin);
}

/** The permission screen, or the news that this account may not accept. */
export function pagePermissions(sim, flow, mayAccept) {
	const { user } = flow;
	const head = html`<p class="signed-in">${user.upn}</p>`;
	if (!mayAccept)
		return page(200, 'Approval needed', html`${head}
<h1>An administrator must approve</h1>
<p><b>${sim.app.name}</b> asks for permissions that only a Global Administrator or a Privileged Role
Administrator of ${user.tenant.name} can give. ${user.name} is: ${user.roles.join(', ') || 'employee'}.</p>
<form method="post" action="/_login/${flow.id}/decide" class="row">
<button name="decision" value="cancel">Back without approving</button>
</form>`, sim.app.origin);
	const permissions = sim.app.permissions.map((name) => {
		const [title, meaning] = WHAT_IT_MEANS[name] ?? [name, ''];
		return html`<li><b>${title}</b> <code>${name}</code><br>${meaning}</li>
`;
	});
	return page(200, 'Permissions requested', html`${head}
<h1>Permissions requested</h1>
<p><b>${sim.app.name}</b> would like to do the following for everybody in <b>${user.tenant.name}</b>:</p>
<ul class="permissions">
${permissions}<li><b>Sign people in</b> <code>openid profile</code><br>Know who opens the tab in Teams.</li>
</ul>
<p class="small">If you accept, the application gets these rights in the whole organisation.
Nobody else will be asked again. Rights can be taken back at any time.</p>
<form method="post" action="/_login/${flow.id}/decide" class="row">
<button name="decision" value="cancel">Cancel</button>
<button name="decision" value="accept" class="primary">Accept</button>
</form>`, sim.app.origin);
}

export function pageError(status, code, message) {
	return page(status, 'Sorry', html`<h1>This does not work</h1>
<p>AADSTS${code}: ${message}</p>
<p class="small">Go back with your browser, or start again from the application.</p>`);
}

export function stylesheetHandle(x) {
	x.send(200, { 'content-type': 'text/css; charset=utf-8', 'x-content-type-options': 'nosniff' }, css);
}
