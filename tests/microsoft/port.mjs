// The two listening ports. HTTP/1.1 and HTTP/2 requests become one kind of object,
// an Exchange: read whole, answered once, or given up.

import { createServer } from 'node:http';
import { constants, createSecureServer } from 'node:http2';

const MAX_BODY = 64 * 1024 * 1024; // a state with 100,000 people fits

export class Exchange {
	constructor(method, target, headers, socket, version) {
		this.method = method;
		this.headers = headers;
		this.remote = socket?.remoteAddress;
		this.isSecure = socket?.encrypted === true;
		this.version = version;
		const mark = target.indexOf('?');
		this.path = mark < 0 ? target : target.slice(0, mark);
		this.search = mark < 0 ? '' : target.slice(mark + 1);
		this.body = Buffer.alloc(0);
		this.closed = false; // answered whole, or the client has gone
		this.closeHandlers = null;
	}

	get query() {
		return (this.parsedQuery ??= new URLSearchParams(this.search));
	}

	/** Call back when the client has gone, or at once when it already has. */
	onClose(handler) {
		if (this.closed)
			handler();
		else
			(this.closeHandlers ??= []).push(handler);
	}

	markClosed() {
		if (this.closed)
			return;
		this.closed = true;
		for (const handler of this.closeHandlers ?? [])
			handler();
	}

	// The transport gives: send(status, headers, body), stream(status, headers) ->
	// writable, reset().
}

export const json = (status, value, headers) => ({
	status, headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
	body: JSON.stringify(value),
});

function collect(readable, x, handle) {
	const chunks = [];
	let size = 0;
	readable.on('data', (chunk) => {
		size += chunk.length;
		if (size > MAX_BODY)
			x.reset();
		else
			chunks.push(chunk);
	});
	readable.on('end', () => {
		if (size > MAX_BODY)
			return;
		if (size)
			x.body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
		handle(x);
	});
}

function overHttp1(handle) {
	return (req, res) => {
		const x = new Exchange(req.method, req.url, req.headers, req.socket, '1.1');
		x.authority = req.headers.host ?? '';
		x.send = (status, headers, body = '') => {
			if (x.closed || res.headersSent)
				return;
			res.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers });
			res.end(req.method === 'HEAD' ? undefined : body);
		};
		x.stream = (status, headers) => {
			res.writeHead(status, headers);
			return res;
		};
		x.reset = () => {
			if (req.socket.resetAndDestroy && !req.socket.encrypted)
				req.socket.resetAndDestroy();
			else
				req.socket.destroy();
		};
		res.on('close', () => x.markClosed());
		res.on('error', () => x.markClosed());
		collect(req, x, handle);
	};
}

function overHttp2(handle) {
	return (stream, headers) => {
		const x = new Exchange(headers[':method'], headers[':path'], headers,
			stream.session?.socket, '2');
		x.authority = headers[':authority'] ?? headers.host ?? '';
		x.send = (status, head, body = '') => {
			if (x.closed || stream.destroyed || stream.headersSent)
				return;
			const empty = body.length === 0 || x.method === 'HEAD';
			stream.respond({
				':status': status, 'content-length': Buffer.byteLength(body), ...head,
			}, { endStream: empty });
			if (!empty)
				stream.end(body);
		};
		x.stream = (status, head) => {
			stream.respond({ ':status': status, ...head });
			return stream;
		};
		x.reset = () => stream.close(constants.NGHTTP2_INTERNAL_ERROR);
		stream.on('close', () => x.markClosed());
		stream.on('error', () => x.markClosed());
		collect(stream, x, handle);
	};
}

function secureServer(handle, { key, cert }) {
	const server = createSecureServer({
		key, cert, allowHTTP1: true, settings: { maxConcurrentStreams: 100 },
	});
	server.on('request', overHttp1(handle));
	// 'request' also brings node's compatibility layer for HTTP/2, which costs more
	// than the whole rest of a call; the raw stream does the same.
	server.removeAllListeners('stream');
	server.on('stream', overHttp2(handle));
	server.on('sessionError', () => {});
	server.on('tlsClientError', () => {});
	return server;
}

const listenOn = (server, host, port) => new Promise((resolve, reject) => {
	server.once('error', reject);
	server.listen({ host, port, backlog: 1024 }, () => {
		server.removeListener('error', reject);
		resolve(server.address().port);
	});
});

/**
 * Listen on both loopback addresses at one port, as `localhost` may mean either.
 * Port 0 lets the system choose. Gives {port, servers}.
 */
export async function portOpen(port, handle, tls) {
	const make = () => {
		const server = tls ? secureServer(handle, tls) : createServer(overHttp1(handle));
		server.keepAliveTimeout = 75_000;
		server.on('clientError', (e, socket) => socket.destroy());
		return server;
	};
	for (let tries = 20; ; tries--) {
		const four = make();
		const chosen = await listenOn(four, '127.0.0.1', port);
		const six = make();
		try {
			await listenOn(six, '::1', chosen);
			return { port: chosen, servers: [four, six] };
		} catch (e) {
			if (e.code === 'EADDRNOTAVAIL' || e.code === 'EAFNOSUPPORT')
				return { port: chosen, servers: [four] };
			four.close();
			if (port !== 0 || tries === 0)
				throw e;
		}
	}
}
