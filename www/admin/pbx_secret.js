// What is shown once after connecting a PBX or making a new secret: the
// webhook address, the secret, and a first event to try them with.

import { el } from '../common/dom.js';
import { button, copyLine } from './parts.js';
import { shellWord } from './words.js';

const example = '{"type":"phone.off_hook","data":{"extension":"1001"}}';

export function secretPanel(pbx, made, title, done) {
	const url = made.webhook_url ?? pbx.webhook_url;

	return el('section', { class: 'card once', 'aria-labelledby': 'once-title' },
		el('h2', { id: 'once-title', tabindex: '-1' }, title),
		el('p', null, el('strong', null, 'Copy these now.'), pbx.auth === 'path'
			? ' The address holds the secret and is shown only this once.'
			: ' The secret is shown only this once.'),
		copyLine('Webhook address', url),
		pbx.auth !== 'path' && copyLine('Secret', made.secret),
		pbx.platform === 'generic' ? tryIt(pbx, url, made.secret)
			: el('p', null, el('a', { href: `/admin/guides/${pbx.platform}`, target: '_blank', rel: 'noopener' },
				'The guide'), ' says where to enter them.'),
		el('div', { class: 'buttons' }, button('I have copied them', done)));
}

function tryIt(pbx, url, secret) {
	return [
		el('h3', null, 'Try it'),
		el('p', { class: 'muted' }, 'Send a first event; take an extension of yours for 1001. The answer says what became of it.'),
		pbx.auth === 'path'
			? copyLine('With curl', curlPlain(url))
			: [
				copyLine('With presencectl', presencectl(url, secret)),
				copyLine('With curl and openssl', curlSigned(url, secret)),
			],
	];
}

export function curlPlain(url) {
	return `curl -H 'Content-Type: application/json' -d '${example}' ${shellWord(url)}`;
}

export function presencectl(url, secret) {
	return `presencectl send --url ${shellWord(url)} --secret ${shellWord(secret)} phone.off_hook --extension 1001`;
}

// Standard Webhooks by hand: HMAC-SHA-256 with the decoded secret over
// `id.seconds.body`.
export function curlSigned(url, secret) {
	return [
		`secret=${shellWord(secret)} url=${shellWord(url)}`,
		`body='${example}'`,
		'id=msg_$(openssl rand -hex 8) at=$(date +%s)',
		'key=$(printf %s "${secret#whsec_}" | base64 -d | od -An -v -tx1 | tr -d " \\n")',
		'sig=$(printf %s "$id.$at.$body" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64)',
		'curl -H "webhook-id: $id" -H "webhook-timestamp: $at" -H "webhook-signature: v1,$sig" \\',
		'  -H "Content-Type: application/json" -d "$body" "$url"',
	].join('\n');
}
