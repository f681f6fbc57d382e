// The Teams page: joins people, tab, configuration and desk phone.
// Address: /teams/?user=OID-or-UPN&theme=dark&pbx_url=...&secret=...

import { TabHost } from '/teams/host.mjs';
import { People } from '/teams/people.mjs';
import { Phone } from '/teams/phone.mjs';

const $ = (id) => document.getElementById(id);
const ENTITY = 'pbx-soft-keys';
const phone = new Phone();
let company = null; // the directory's answer of /teams/api/people
let theme = 'default';
// The tab as it is saved in the channel; the configuration page may change it.
let config = {
	entityId: ENTITY, suggestedDisplayName: 'PBX Soft Keys',
	contentUrl: `${location.origin}/tab/?theme={app.theme}`, websiteUrl: `${location.origin}/tab/`,
};
let proposed = null;

const people = new People((user) => {
	phone.person(user);
	tabOpen();
});

/** The flat form of the context; the library makes the nested one of it. */
function context() {
	const { user, tenant } = people;
	return {
		locale: 'en-us', theme, appSessionId: 'app-session', hostName: 'Teams', hostClientType: 'web',
		sessionId: 'host-session', entityId: config.entityId, subEntityId: '', userObjectId: user.oid,
		userPrincipalName: user.upn, loginHint: user.upn, userDisplayName: user.name, tid: tenant.tenant_id,
		channelId: '19:general@thread.example', channelName: 'General', teamId: '19:team@thread.example',
		groupId: 'cccccccc-0000-4000-8000-000000000001', teamName: tenant.name,
	};
}

function filled(address) {
	const c = context();
	const values = {
		'app.theme': theme, theme, 'app.locale': c.locale, locale: c.locale, 'user.tenant.id': c.tid, tid: c.tid,
		'user.id': c.userObjectId, userObjectId: c.userObjectId, 'user.loginHint': c.loginHint,
		loginHint: c.loginHint, 'user.userPrincipalName': c.loginHint, 'page.id': c.entityId,
		entityId: c.entityId, 'page.subPageId': '', 'team.groupId': c.groupId,
	};
	return address.replace(/\{([\w.]+)\}/g, (all, name) => (name in values ? encodeURIComponent(values[name]) : all));
}

async function token() {
	if (location.origin !== company.public_origin)
		return { reason: 'App resource defined in manifest and iframe origin do not match' };
	const response = await fetch('/teams/api/token', {
		method: 'POST', headers: { 'content-type': 'application/json' },
		body: JSON.stringify({ tenant: people.tenant.tenant_id, user: people.user.oid }),
	});
	return response.ok ? response.json() : { reason: 'Get Auth token failed' };
}

/** Why these settings of a tab cannot be taken; null when they can. */
function configCheck(c) {
	if (!c || typeof c.entityId !== 'string' || !c.entityId)
		return 'entityId is missing';
	for (const name of ['contentUrl', 'websiteUrl', 'removeUrl']) {
		if (c[name] === undefined && name !== 'contentUrl')
			continue;
		if (!URL.canParse(c[name] ?? '') || new URL(c[name]).origin !== location.origin)
			return `${name} is not an address of the app's valid domains`;
	}
	return null;
}

const shared = {
	origin: location.origin, context, token, config: () => config,
	configSet: (c) => {
		const wrong = configCheck(c);
		proposed = wrong ? proposed : c;
		return wrong;
	},
};
const tab = new TabHost($('tab-frame'), 'content', {
	...shared, onState: (text) => {
		$('tab-state').textContent = text;
		$('tab-frame').dataset.state = text;
	},
});
const settings = new TabHost($('settings-frame'), 'settings', {
	...shared, onValid: (isValid) => ($('settings-save').disabled = !isValid),
});

function tabOpen() {
	$('tab-name').textContent = config.suggestedDisplayName || 'PBX Soft Keys';
	tab.open(filled(config.contentUrl));
}

function themeSet(name) {
	theme = ['default', 'dark', 'contrast'].includes(name) ? name : 'default';
	$('theme').value = theme;
	document.documentElement.dataset.theme = theme;
	tab.themeChange(theme);
	settings.themeChange(theme);
}

$('theme').addEventListener('change', (event) => themeSet(event.target.value));

$('tab-settings').addEventListener('click', () => {
	proposed = null;
	$('settings-save').disabled = true;
	$('settings-state').textContent = '';
	settings.open(filled(`${location.origin}/tab/config?theme={app.theme}`));
	$('settings').showModal();
});

$('settings-cancel').addEventListener('click', () => $('settings').close());

$('settings-save').addEventListener('click', async () => {
	$('settings-save').disabled = true;
	$('settings-state').textContent = 'Saving';
	const refused = await settings.save();
	$('settings-save').disabled = false;
	if (refused || !proposed) {
		$('settings-state').textContent = refused || 'The configuration page gave no settings.';
		return;
	}
	config = proposed;
	$('settings').close();
	tabOpen();
});

$('tenant').addEventListener('change', async (event) => {
	const tenant = company.tenants.find((t) => t.tenant_id === event.target.value);
	await phone.open(tenant.tenant_id);
	people.open(tenant);
});

async function start() {
	company = await (await fetch('/teams/api/people')).json();
	const asked = new URLSearchParams(`${location.search}&${location.hash.slice(1)}`);
	history.replaceState(null, '', location.pathname); // the secret must not stay in sight
	themeSet(asked.get('theme') ?? 'default');
	if (location.origin !== company.public_origin)
		$('notice').textContent = `The tab works only under ${company.public_origin}/teams/.`;
	$('tenant').replaceChildren(...company.tenants.map((t) => new Option(t.name, t.tenant_id)));
	const isAsked = (u) => [u.oid, u.upn].includes(asked.get('user'));
	const tenant = company.tenants.find((t) => t.users.some(isAsked)) ?? company.tenants[0];
	$('tenant').value = tenant.tenant_id;
	await phone.open(tenant.tenant_id);
	if (asked.get('pbx_url'))
		await phone.connect(asked.get('pbx_url'), asked.get('secret') ?? '');
	people.open(tenant, tenant.users.find(isAsked)?.oid);
}

start();
