// Posts a webhook as a customer's own system would: signed by the reference
// library of Standard Webhooks, not by our code. Prints {status, body}.
//
//   node tests/http/standard.mjs URL SECRET BODY [ID] [SECONDS_AGO]

import { randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';

const [url, secret, body, givenId, ago] = process.argv.slice(2);
const id = givenId || `msg_${randomUUID()}`;
const at = new Date(Date.now() - Number(ago ?? 0) * 1000);
const answer = await fetch(url, {
	method: 'POST', body, redirect: 'manual',
	headers: {
		'content-type': 'application/json', 'webhook-id': id,
		'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
		'webhook-signature': new Webhook(secret).sign(id, at, body),
	},
});
console.log(JSON.stringify({ status: answer.status, body: await answer.json() }));
