// The same job as ours, as one would write it in Node: fastify, pg, undici. It
// takes signed events, applies each in a transaction of its own by the same SQL
// functions, calls Graph, records the result in a transaction, and answers.
//
//   node tests/bench/node/main.mjs SETTINGS.json
//
//   {port, workers, database, db_connections, login_url, graph_url, client_id, ca,
//    pbxs: {ID: {tenant_id, secret}}}
//
// What helps it and a user might leave out: prepared statements, a pool sized for
// the database, kept connections to Graph, one HMAC a request, no logging, no
// nginx in front, secrets already in memory. HTTP/1.1 to Graph: under load the HTTP/2
// of undici 6 ended by an assertion of its own (`http2: true` tries it).

import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import { serve } from './serve.mjs';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));

if (settings.workers > 1 && cluster.isPrimary) {
	for (let i = 0; i < settings.workers; i++)
		cluster.fork();
	let ready = 0;
	cluster.on('message', () => {
		if (++ready === settings.workers)
			console.log('ready');
	});
	cluster.on('exit', (worker, code, signal) => {
		if (!worker.exitedAfterDisconnect && signal !== 'SIGTERM')
			process.exit(1);
	});
	process.on('SIGTERM', () => {
		for (const worker of Object.values(cluster.workers))
			worker.kill();
		setTimeout(() => process.exit(0), 200);
	});
} else {
	await serve(settings);
	if (cluster.isWorker)
		process.send('ready');
	else
		console.log('ready');
}
