/**
 * Sends requests at a rate, whatever comes of them, over at most so many connections, and prints what came of them as JSON.
 * Where every connection still waits for its answer, a request is held back. A process of its own, so that the gateway's
 * load is not its test's: node open-load.js '{"url", "rate", "connections", "seconds", "requests": [{ "path", "body" }]}'. In a
 * body, UNIQUE stands for another word each time.
 */
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';

const { url, rate, connections, seconds, requests } = JSON.parse(process.argv[2]);
const { hostname, port } = new URL(url);
const idle = [];
const good = [];
const problems = {};
let next = 0;
let sent = 0;
let held = 0;
let refused = 0;
let added = 0;

for (let opened = 0; opened < connections; opened += 50) {
  await Promise.all(Array.from({ length: Math.min(50, connections - opened) }, open));
}
const started = performance.now();
let due = 0;
const ticking = setInterval(() => {
  const elapsed = (performance.now() - started) / 1000;
  for (const wanted = Math.min(elapsed, seconds) * rate; due < wanted; due += 1) {
    const send = idle.shift();
    if (send === undefined) held += 1;
    else send();
  }
  if (elapsed < seconds) return;
  clearInterval(ticking);
  setTimeout(report, 2000);
}, 5);

function open() {
  return new Promise((opened) => {
    const socket = connect(Number(port), hostname);
    let received = '';
    let at = 0;
    let request;
    const send = () => {
      request = requests[next % requests.length];
      next += 1;
      sent += 1;
      const body = request.body.replace('UNIQUE', randomUUID());
      at = performance.now();
      socket.write(
        `POST ${request.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
    };
    socket.on('data', (data) => {
      received += data;
      const end = received.indexOf('\r\n\r\n');
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(received)?.[1]);
      if (end < 0 || received.length < end + 4 + length) return;
      judge(request, received.slice(0, end), received.slice(end + 4), performance.now() - at);
      received = '';
      idle.push(send);
    });
    socket.on('error', (error) => count(error.code));
    socket.on('close', () => count('closed'));
    socket.once('connect', () => {
      idle.push(send);
      opened();
    });
  });
}

function judge({ path, body }, head, text, milliseconds) {
  const status = head.slice(9, 12);
  const answer = JSON.parse(text);
  const isGraphql = path === '/graphql';
  if (status === '200' && (isGraphql ? answer.errors === undefined : answer.code === 1001)) {
    good.push(milliseconds);
    if (body.includes('UNIQUE')) added += 1;
  } else if (
    status === '503' &&
    /\r\nretry-after: 1(\r\n|$)/i.test(head) &&
    (isGraphql ? answer.errors[0].extensions.code === 'SERVICE_UNAVAILABLE' : answer.code === 1000)
  ) {
    refused += 1;
  } else count(`${status} ${text.slice(0, 200)}`);
}

function count(problem) {
  problems[problem] = (problems[problem] ?? 0) + 1;
}

function report() {
  good.sort((one, other) => one - other);
  const p99 = good[Math.floor(good.length * 0.99)];
  console.log(JSON.stringify({ sent, held, good: good.length, refused, added, p99, problems }));
  process.exit(0);
}
