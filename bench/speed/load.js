/**
 * The load, in a process of its own: so many connections, each of which sends its next request when it has its answer.
 * Told what to do by messages from measure.js, it answers each with what it saw.
 */
import autocannon from 'autocannon';
import { anyNumber, operations } from './operations.js';

process.on('message', async (order) => process.send(await run(order)));

let newTexts = 5000;

/** The number of a text that nobody was sent before. */
function newText() {
  newTexts += 1;
  return newTexts;
}

/** @param seconds how long, or `amount` how many requests */
async function run({ operation, url, headers, connections, texts = 1, seconds, amount, ids }) {
  const { request, isRight } = operations[operation];
  const { pathname } = new URL(url);
  const isGraphQL = pathname === '/graphql';
  const wrong = [];
  const times = [];
  let sent = 0;
  let refused = 0;
  const run = Math.random().toString(36).slice(2);
  const load = autocannon({
    url,
    connections,
    ...(amount === undefined ? { duration: seconds } : { amount }),
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    requests: [
      {
        setupRequest(one, context) {
          sent += 1;
          const { body, search, expected } = request(
            anyNumber(),
            `${run}-${sent}`,
            texts === 'new' ? newText() : Math.floor(Math.random() * texts),
            ids,
          );
          context.expected = expected;
          const isGet = search !== undefined && isGraphQL;
          return isGet ? { ...one, method: 'GET', path: `${pathname}${search}` } : { ...one, body };
        },
        onResponse(status, answer, context) {
          if (status === 200 && isRight(answer, context.expected)) return;
          // Told beside the rate, which they are no part of.
          if (status === 503) refused += 1;
          else if (wrong.length < 3) wrong.push(`${status} ${answer.slice(0, 500)}`);
        },
      },
    ],
  });
  // Its own histogram knows whole milliseconds only.
  load.on('response', (_client, status, _bytes, milliseconds) => {
    if (status === 200) times.push(milliseconds);
  });
  const started = performance.now();
  const { errors, timeouts } = await load;
  const elapsed = (performance.now() - started) / 1000;
  if (wrong.length > 0 || errors > 0 || timeouts > 0 || times.length === 0) {
    return { failure: `${errors} errors, ${timeouts} timeouts, and answers that are wrong: ${wrong.join('\n')}` };
  }
  times.sort((one, other) => one - other);
  const at = (part) => times[Math.floor(part * (times.length - 1))];
  return { requests: times.length, rate: times.length / elapsed, p50: at(0.5), p99: at(0.99), refused };
}
