// The people at the left and the chosen person's card, kept live by server-sent events.

const WORDS = {
	Available: 'Available', AvailableInactive: 'Available, inactive', InACall: 'In a call',
	InAConferenceCall: 'In a conference call', Busy: 'Busy', Away: 'Away', BeRightBack: 'Be right back',
	DoNotDisturb: 'Do not disturb', Presenting: 'Presenting', Offline: 'Offline', OffWork: 'Appears offline',
};
export const wordOf = ({ activity, availability }) => WORDS[activity] ?? WORDS[availability] ?? activity;

const $ = (id) => document.getElementById(id);
const initials = (name) => name.split(/\s+/).map((w) => w[0]).join('').slice(0, 2).toUpperCase();
const timeOf = (iso) => new Date(iso).toLocaleTimeString([], { hour12: false });

export class People {
	/** onChoose(user) is called whenever the chosen person changes. */
	constructor(onChoose) {
		this.onChoose = onChoose;
		this.seen = new Map();
		$('preferred').addEventListener('change', (e) => this.statusSet({ preferred: e.target.value || null }));
		$('teams-client').addEventListener('change', (e) => this.statusSet({ teams_client: e.target.value }));
	}

	/** Show a company's people and follow their presence. */
	open(tenant, oid) {
		this.source?.close();
		this.tenant = tenant;
		this.seen.clear();
		$('people').replaceChildren(...tenant.users.map((user) => this.row(user)));
		this.source = new EventSource(`/teams/api/presence?tenant=${tenant.tenant_id}`);
		this.source.onmessage = (event) => this.show(JSON.parse(event.data));
		this.choose(tenant.users.find((u) => u.oid === oid) ?? tenant.users[0]);
	}

	row(user) {
		const item = document.createElement('li');
		const button = document.createElement('button');
		button.type = 'button';
		button.id = `person-${user.oid}`;
		button.className = 'person';
		const avatar = document.createElement('span');
		avatar.className = 'avatar';
		const letters = document.createElement('span');
		letters.setAttribute('aria-hidden', 'true');
		letters.textContent = initials(user.name);
		const dot = document.createElement('span');
		dot.className = 'dot';
		avatar.append(letters, dot);
		const text = document.createElement('span');
		text.className = 'person-text';
		const name = document.createElement('b');
		name.textContent = user.name;
		const presence = document.createElement('span');
		presence.className = 'person-presence';
		const more = document.createElement('span');
		more.textContent = user.role || (user.extension ? `Extension ${user.extension}` : user.upn);
		text.append(name, ' ', presence, ' ', more);
		button.append(avatar, text);
		button.addEventListener('click', () => this.choose(user));
		item.append(button);
		return item;
	}

	choose(user) {
		this.user = user;
		for (const button of $('people').querySelectorAll('button'))
			button.setAttribute('aria-pressed', String(button.id === `person-${user.oid}`));
		$('me-name').textContent = user.name;
		$('me-initials').textContent = initials(user.name);
		this.showMe();
		this.onChoose(user);
	}

	show(seen) {
		this.seen.set(seen.oid, seen);
		const button = $(`person-${seen.oid}`);
		if (button) {
			button.querySelector('.dot').dataset.availability = seen.availability;
			button.querySelector('.person-presence').textContent = wordOf(seen);
		}
		if (seen.oid === this.user?.oid)
			this.showMe();
	}

	showMe() {
		const seen = this.seen.get(this.user.oid);
		if (!seen)
			return;
		$('me-dot').dataset.availability = seen.availability;
		const word = wordOf(seen);
		if ($('me-presence').textContent !== word)
			$('me-presence').textContent = word;
		$('me-session').textContent = seen.session
			? `Presence Sync says ${wordOf(seen.session)} until ${timeOf(seen.session.expires_at)}.`
			: 'Presence Sync says nothing at the moment.';
		$('preferred').value = seen.preferred ?? '';
		$('teams-client').value = seen.teams_client;
	}

	async statusSet(change) {
		await fetch('/teams/api/status', {
			method: 'POST', headers: { 'content-type': 'application/json' },
			body: JSON.stringify({ tenant: this.tenant.tenant_id, user: this.user.oid, ...change }),
		});
	}
}
