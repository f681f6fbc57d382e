// Sends bytes from stdin as they are, ends its half of the connection, and
// prints what comes back: for requests that no HTTP client would send.
//
//   node tests/http/raw.mjs PORT <BYTES

import { connect } from 'node:net';

const socket = connect({ port: Number(process.argv[2]), host: '127.0.0.1', allowHalfOpen: true });
socket.setTimeout(5000, () => socket.destroy());
socket.on('error', () => {}); // a reset is an answer too: an empty one
process.stdin.pipe(socket);
socket.pipe(process.stdout);
