// PBX Soft Keys: the person's own page in Teams. It shows what the server
// last told Teams and carries the switch Presence Monitoring; the server
// decides everything.

import { byId, el, fill, problemNodes } from '../common/dom.js';
import { Problem, request } from '../common/request.js';
import { clockTime } from '../common/time.js';
import { join, settled, token } from './teams.js';
import { describe, pollDelay } from './words.js';

let joined = false;
let me = null; // the last answer
let answeredAt = 0;
let changedAt = 0; // when it last differed from the one before
let failures = 0; // in a row
let problem = null; // the last failure, shown until something succeeds
let shown = null; // the failure that stands on the page
let timer;

// What is still to be asked: a person's wish goes before a look.
const wish = { on: null, clear: false, look: false };
let running = null; // the one request under way: { look, on, abort }

function takeWish() {
	if (wish.on !== null) {
		const on = wish.on;
		wish.on = null;
		return { method: 'PUT', path: '/tab/api/monitoring', json: { on } };
	}
	if (wish.clear) {
		wish.clear = false;
		return { method: 'POST', path: '/tab/api/clear' };
	}
	if (wish.look) {
		wish.look = false;
		return { method: 'GET', path: '/tab/api/me', look: true };
	}
	return null;
}

// Works off the wishes one by one, so that an old answer never overtakes a
// newer one. A look under way makes room for a person's wish.
async function work() {
	clearTimeout(timer);
	if (running) {
		if (running.look && (wish.on !== null || wish.clear))
			running.abort.abort();
		return;
	}
	for (let ask = takeWish(); ask; ask = takeWish()) {
		running = { look: ask.look, on: ask.json?.on, abort: new AbortController() };
		try {
			accept(await send(ask, running.abort.signal), ask);
		} catch (error) {
			if (!running.abort.signal.aborted)
				fail(error, ask);
		}
		running = null;
		render();
	}
	schedule();
}

async function send(ask, signal) {
	const bearer = await token();

	if (signal.aborted)
		throw new Error('no longer wanted');
	return request(ask.path, {
		method: ask.method, json: ask.json, signal, credentials: 'omit',
		headers: { Authorization: `Bearer ${bearer}` },
	});
}

function accept(answer, ask) {
	if (!answer)
		throw new Problem('server', 200, 'The service gave no answer. Please try again.');
	const before = me && JSON.stringify(me);

	answeredAt = Date.now();
	failures = 0;
	problem = null;
	me = answer;
	if (!ask.look || JSON.stringify(me) !== before)
		changedAt = answeredAt;
}

function fail(error, ask) {
	failures++;
	problem = error instanceof Problem ? error
		: new Problem('server', 0, 'Something went wrong on this page. Please try again.');
	if (problem.status === 401)
		problem.message = 'The server did not accept your sign-in from Teams. Try again; if it stays, sign out of Teams and in again.';
	if (problem.status === 403)
		problem.message = `${problem.message} The administrator does that at ${location.origin}/admin/.`;
	// Without an answer the server may yet do it: the next look tells.
	if (!ask.look)
		problem.message = `${problem.kind === 'refused' || problem.kind === 'sign_in'
			? 'That did not work' : 'That may not have worked'}: ${problem.message}`;
}

function schedule() {
	clearTimeout(timer);
	if (joined && document.visibilityState === 'visible')
		timer = setTimeout(look, pollDelay(Date.now() - changedAt, failures));
}

function look() {
	if (!joined)
		return;
	wish.look = true;
	work();
}

function render() {
	const stale = problem && me;

	// The same failure again is not told again to those who listen.
	if (problem?.message !== shown?.message)
		fill(byId('problem'), problem && problemNodes(problem));
	shown = problem;
	byId('retry-line').hidden = !problem;
	byId('fresh').textContent = stale
		? `Shown as of ${clockTime(new Date(answeredAt).toISOString())}.` : '';
	if (me)
		renderMe(describe(me, location.origin, Date.now()));
	else if (problem)
		byId('monitoring-note').textContent = 'Your settings could not be loaded.';
}

function renderMe(view) {
	const box = byId('monitoring');
	// While a wish is on its way the switch stands where the person put it.
	const on = wish.on ?? running?.on ?? me.monitoring;

	box.disabled = false;
	box.checked = on;
	byId('monitoring-word').textContent = on ? 'On' : 'Off';
	byId('monitoring-note').textContent = view.monitoring;
	setText('consent', view.consent);
	byId('dot').className = `dot ${view.dot}`;
	setText('told', view.told);
	setText('when', view.when);
	setText('why', view.why);
	setText('presence-problem', view.problem);
	byId('clear').setAttribute('aria-disabled', String(!view.canClear));
	fill(byId('extensions'), view.extensions.map((extension) =>
		el('li', null, el('code', null, extension))));
	byId('extensions').hidden = view.extensions.length === 0;
	setText('no-extension', view.extensions.length === 0 ? view.noExtension : '');
	byId('keys-card').hidden = view.keys.length === 0;
	fill(byId('keys'), view.keys.map((key, index) => el('li', null, key.address
		? el('a', { class: 'button', href: key.address, title: key.dial,
			target: '_blank', rel: 'noreferrer', 'data-key': `key-${index}` }, key.label)
		: el('span', { class: 'button', 'aria-disabled': 'true' }, key.label))));
	byId('content').hidden = false;
}

// Leaves a text alone that is already there: live regions speak on change.
function setText(id, text) {
	const element = byId(id);

	if (element.textContent !== (text ?? ''))
		element.textContent = text ?? '';
	if (element.tagName === 'P')
		element.hidden = !text;
}

function showOutside() {
	const address = `${location.origin}/admin/`;

	byId('switch-card').hidden = true;
	fill(byId('problem'),
		el('strong', null, 'Please open this page in Microsoft Teams.'),
		el('span', null, 'It belongs into the tab “PBX Soft Keys”: there Teams tells us who you are. In Teams choose Apps, look for PBX Soft Keys and open it.'),
		el('span', null, 'You administer this service? Its dashboard is at ',
			el('a', { href: address, target: '_top' }, address), '.'));
	byId('retry-line').hidden = true;
	byId('content').hidden = true;
}

function showInside() {
	joined = true;
	byId('switch-card').hidden = false;
	fill(byId('problem'));
	shown = null;
	byId('monitoring-note').textContent = 'Loading…';
	settled();
	look();
}

byId('monitoring').addEventListener('change', (event) => {
	wish.on = event.target.checked;
	byId('monitoring-word').textContent = wish.on ? 'On' : 'Off';
	work();
});
byId('clear').addEventListener('click', (event) => {
	if (event.currentTarget.getAttribute('aria-disabled') === 'true')
		return;
	wish.clear = true;
	work();
});
byId('retry').addEventListener('click', look);
document.addEventListener('visibilitychange', () => {
	if (document.visibilityState === 'visible')
		look();
	else
		clearTimeout(timer);
});
window.addEventListener('online', look);
window.addEventListener('offline', () => {
	problem = new Problem('offline', 0, 'You are offline. Your phone’s calls still reach Teams; this page follows when you are back.');
	render();
});

join(showInside, showOutside);
