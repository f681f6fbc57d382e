// The desk phone: two lines of one handset, each lifted or hung up. Every change is
// posted through the simulator, which signs it; the answer goes into the log.

const MAX_LOG = 50;
const $ = (id) => document.getElementById(id);

async function call(path, body) {
	const response = await fetch(path, body === undefined ? undefined : {
		method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
	});
	const value = await response.json();
	if (!response.ok)
		throw new Error(value.error ?? `HTTP ${response.status}`);
	return value;
}

export class Phone {
	constructor() {
		// A reload must not hang up: the real handset would still lie on the desk.
		this.lifted = new Set(JSON.parse(sessionStorage.getItem('lifted') ?? '[]'));
		this.queue = Promise.resolve();
		for (const button of document.querySelectorAll('.line'))
			button.addEventListener('click', () => this.toggle(button.dataset.line));
		$('extension').addEventListener('input', () => this.show());
		$('connection-form').addEventListener('submit', (event) => {
			event.preventDefault();
			this.connect($('pbx-url').value, $('pbx-secret').value)
				.then(() => ($('connection').open = true)); // what came of it stands there
		});
	}

	async open(tenant_id) {
		this.tenant = tenant_id;
		const { url, has_secret } = await call(`/teams/api/phone?tenant=${tenant_id}`);
		$('pbx-url').value = url;
		$('pbx-secret').value = '';
		$('pbx-secret').placeholder = has_secret ? 'set; leave empty to keep it' : '';
		this.connectedShow(url, has_secret);
	}

	connectedShow(url, has_secret) {
		this.isConnected = url !== '';
		$('connection').open = !this.isConnected;
		$('connection-state').textContent = !this.isConnected ? 'Not connected yet.'
			: has_secret ? 'Connected. Events are signed.' : 'Connected. Events are not signed.';
		this.show();
	}

	async connect(url, secret) {
		try {
			const done = await call('/teams/api/phone/settings', { tenant: this.tenant, url, secret });
			await this.open(this.tenant);
			return done;
		} catch (e) {
			$('connection').open = true;
			$('connection-state').textContent = e.message;
			return null;
		}
	}

	person(user) {
		$('extension').value = user.extension ?? '';
		this.show();
	}

	isLifted(line) {
		return this.lifted.has(`${$('extension').value} ${line}`);
	}

	show() {
		const lines = ['1', '2'].map((line) => {
			const button = $(`line-${line}`);
			const isLifted = this.isLifted(line);
			button.classList.toggle('lifted', isLifted);
			button.querySelector('.line-does').textContent = isLifted ? 'hang up' : 'lift handset';
			return isLifted;
		});
		const calls = lines.filter(Boolean).length;
		const screen = !this.isConnected ? 'Give the webhook address below'
			: calls === 0 ? 'On hook' : calls === 1 ? 'In a call' : 'Two calls';
		if ($('phone-screen').textContent !== screen)
			$('phone-screen').textContent = screen;
	}

	toggle(line) {
		const extension = $('extension').value.trim();
		if (!this.isConnected || !extension) {
			const missing = this.isConnected ? $('extension') : $('pbx-url');
			$('connection').open ||= !this.isConnected;
			missing.focus();
			return;
		}
		const isLifted = !this.isLifted(line);
		this.lifted[isLifted ? 'add' : 'delete'](`${extension} ${line}`);
		sessionStorage.setItem('lifted', JSON.stringify([...this.lifted]));
		this.show();
		// One after the other, as the person did it.
		this.queue = this.queue.then(() => this.post(extension, line, isLifted));
	}

	async post(extension, line, isLifted) {
		const what = `${extension}, line ${line} ${isLifted ? 'lifted' : 'hung up'}`;
		try {
			const a = await call('/teams/api/phone', {
				tenant: this.tenant, extension, line, type: isLifted ? 'phone.off_hook' : 'phone.on_hook',
			});
			const result = a.results?.[0];
			const goal = result?.availability ? ` (${result.availability})` : '';
			const text = result ? `${result.outcome}${goal}` : a.error ?? 'no answer';
			this.log(`${what}: ${a.status ?? 'no connection'} ${text}, ${a.ms} ms`, a.status === 200);
		} catch (e) {
			this.log(`${what}: ${e.message}`, false);
		}
	}

	log(text, isGood) {
		const item = document.createElement('li');
		item.className = isGood ? 'good' : 'bad';
		const time = document.createElement('time');
		time.textContent = new Date().toLocaleTimeString([], { hour12: false });
		item.append(time, ' ', text);
		$('log').prepend(item);
		while ($('log').children.length > MAX_LOG)
			$('log').lastChild.remove();
	}
}
