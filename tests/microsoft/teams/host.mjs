// The host side of TeamsJS for one frame: takes the app's requests from that frame
// and origin alone, answers them, and sends events.

const RUNTIME = JSON.stringify({
	apiVersion: 4, hostVersionsInfo: {}, isLegacyTeams: false, supports: { pages: { config: {} } },
});
const SAVE_MS = 30_000;

export class TabHost {
	/**
	 * frame         the iframe
	 * frameContext  content or settings
	 * options       {origin, context() flat, token() {token} or {reason}, config() the
	 *               tab's settings, configSet(c) a reason to refuse or null,
	 *               onState(text), onValid(bool)}
	 */
	constructor(frame, frameContext, options) {
		this.frame = frame;
		this.frameContext = frameContext;
		this.options = options;
		this.open();
		addEventListener('message', (event) => this.receive(event));
	}

	/** Forget everything about the page in the frame; a new one is coming. */
	open(src) {
		this.initialized = false;
		this.handlers = new Set();
		this.saving = null;
		if (src) {
			this.options.onState?.('loading');
			this.frame.src = src;
		}
	}

	receive(event) {
		if (event.source !== this.frame.contentWindow || event.origin !== this.options.origin)
			return;
		const request = event.data;
		if (typeof request !== 'object' || request === null || typeof request.func !== 'string'
			|| typeof request.id !== 'number')
			return;
		const args = Array.isArray(request.args) ? request.args : [];
		if (request.func !== 'initialize' && !this.initialized)
			return;
		this.serve(request, args).catch((e) => console.error(`${request.func}: ${e.message}`));
	}

	async serve(request, args) {
		const { options } = this;
		const answer = (...values) => this.post({ id: request.id, uuidAsString: request.uuidAsString, args: values });
		switch (request.func) {
		case 'initialize':
			this.initialized = true;
			this.handlers.clear();
			return answer(this.frameContext, 'web', RUNTIME, '2.0.0');
		case 'getContext':
			return answer({ ...options.context(), frameContext: this.frameContext });
		case 'authentication.getAuthToken': {
			const { token, reason } = await options.token();
			return token ? answer(true, token) : answer(false, reason);
		}
		case 'registerHandler':
			return this.handlers.add(args[0]);
		case 'appInitialization.appLoaded':
			return options.onState?.('loaded');
		case 'appInitialization.success':
			return options.onState?.('ready');
		case 'appInitialization.failure':
			return options.onState?.(`failed: ${args[0] ?? ''} ${args[1] ?? ''}`);
		case 'appInitialization.expectedFailure':
			return options.onState?.(`does not work here: ${args[0] ?? ''} ${args[1] ?? ''}`);
		default:
			return this.frameContext === 'settings' ? this.serveSettings(request, args, answer)
				: request.func === 'settings.getSettings' ? answer(options.config())
					: console.info(`the host does not know ${request.func}`);
		}
	}

	serveSettings(request, args, answer) {
		switch (request.func) {
		case 'settings.getSettings':
			return answer(this.options.config());
		case 'settings.setValidityState':
			return this.options.onValid?.(args[0] === true);
		case 'settings.setSettings': {
			const refused = this.options.configSet(args[0]);
			return refused ? answer(false, refused) : answer(true);
		}
		case 'settings.save.success':
			return this.saving?.(null);
		case 'settings.save.failure':
			return this.saving?.(args[0] || 'The tab could not be saved.');
		default:
			return console.info(`the host does not know ${request.func}`);
		}
	}

	post(message) {
		this.frame.contentWindow?.postMessage(message, this.options.origin);
	}

	themeChange(theme) {
		if (this.initialized && this.handlers.has('themeChange'))
			this.post({ func: 'themeChange', args: [theme] });
	}

	/** Ask the configuration page to save: null, or why it did not. */
	save() {
		return new Promise((resolve) => {
			const timer = setTimeout(() => this.saving('The tab did not answer.'), SAVE_MS);
			this.saving = (reason) => {
				clearTimeout(timer);
				this.saving = null;
				resolve(reason);
			};
			this.post({ func: 'settings.save', args: [{}] });
		});
	}
}
