/** Prints what was measured, the worst first, and writes it into docs/. */
import { readFileSync, writeFileSync } from 'node:fs';
import { cases } from './cases.js';
import { operations } from './operations.js';

const document = new URL('../../docs/performance.md', import.meta.url);
const drawing = new URL('../../docs/performance.svg', import.meta.url);

/** Prints a line for each case. */
export function printTable(results) {
  const rows = worstFirst(results).map((one) => [titleOf(one), cellsOf(one)]);
  console.table(Object.fromEntries(rows));
}

/** Writes docs/performance.svg, and what stands between the marks in docs/performance.md. */
export function writeReport(report) {
  const { machine } = report;
  const results = worstFirst(report.results);
  const rows = results.map((one) => ({ what: titleOf(one), ...cellsOf(one) }));
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const text = [
    `Measured on ${machine.date}: ${machine.cpu}, ${machine.memory}, ${machine.system}, Node.js ${machine.node}, ${machine.database}, all on one machine${machine.busy}; NODE_ENV=production, AUTH=keys, WORKERS=${machine.workers}, all else as it is by default; the log is written to a file. ${machine.rounds} rounds of ${machine.seconds} s, the servers in turn. Two figures are the plain server's and the gateway's; the figures are medians over the rounds, and ratios are the medians of those within each round, with the least and the greatest.`,
    '',
    line(Object.keys(rows[0])),
    line(Object.keys(rows[0]).map(() => '---')),
    ...rows.map((row) => line(Object.values(row))),
    '',
    ...startAndMemory(report).map((sentence) => `- ${sentence}`),
  ].join('\n');
  const marks = /(<!-- measured -->\n)[\s\S]*?(<!-- \/measured -->)/;
  writeFileSync(
    document,
    readFileSync(document, 'utf8').replace(marks, (_, start, end) => `${start}\n${text}\n\n${end}`),
  );
  writeFileSync(drawing, drawingOf(results, machine));
}

/** The start and the memory, a sentence each. */
export function startAndMemory({ startTimes, idleMemory, loadedMemory }) {
  const start = { plain: median(startTimes.plain), gateway: median(startTimes.gateway) };
  const compared = ({ plain, gateway }, unit) =>
    `plain server ${Math.round(plain)} ${unit}, gateway ${Math.round(gateway)} ${unit}: ${(gateway / plain).toFixed(2)} times`;
  return [
    `Ready after: ${compared(start, 'ms')}.`,
    `Memory when idle: ${compared(idleMemory, 'MiB')}.`,
    `Memory after the load: ${compared(loadedMemory, 'MiB')}.`,
  ];
}

/** The median of some figures with the least and the greatest. */
export function range(figures) {
  return `${median(figures).toFixed(2)} (${Math.min(...figures).toFixed(2)} to ${Math.max(...figures).toFixed(2)})`;
}

/** The middle one of some figures. */
export function median(figures) {
  return [...figures].sort((one, other) => one - other)[Math.floor(figures.length / 2)];
}

function textsOf(texts) {
  if (texts === 'new') return ', each text new';
  return texts > 1 ? `, ${texts} texts` : '';
}

function titleOf({ operation, connections, texts }) {
  const { title } = operations[operation];
  return `${title}; ${connections}${textsOf(texts)}`;
}

function cellsOf(result) {
  const { rounds } = result;
  const goal = goalOf(result);
  const median2 = (side, figure) => median(rounds[side].map((one) => one[figure]));
  const both = (figure, digits) =>
    ['plain', 'gateway'].map((side) => median2(side, figure).toFixed(digits)).join(' / ');
  const other = (side, figure) => (rounds[side] ? median(ratios(rounds, side, figure)).toFixed(2) : '');
  return {
    'requests/s': both('rate', 0),
    rate: range(ratios(rounds, 'gateway', 'rate')),
    goal: goal.rate ?? '',
    'with audit': other('audited', 'rate'),
    Mercurius: other('mercurius', 'rate'),
    'CPU, µs': both('cpu', 0),
    CPU: range(ratios(rounds, 'gateway', 'cpu')),
    'its goal': goal.cpu ?? '',
    'Mercurius, CPU': other('mercurius', 'cpu'),
    'CPU as a part of Mercurius': rounds.mercurius ? range(ratios(rounds, 'gateway', 'cpu', 'mercurius')) : '',
    'goal of that': goal.mercurius ?? '',
    "database's CPU, µs": both('databaseCpu', 0),
    'p50, ms': both('p50', 2),
    p50: range(ratios(rounds, 'gateway', 'p50')),
    'goal of p50': goal.p50 ?? '',
    'p99, ms': both('p99', 1),
    refused: rounds.gateway.reduce((sum, one) => sum + one.refused, 0),
  };
}

/** One side's figures, as parts of another's in the same round. */
function ratios(rounds, side, figure, base = 'plain') {
  return rounds[side].map((one, round) => one[figure] / rounds[base][round][figure]);
}

function worstFirst(results) {
  const rate = ({ rounds }) => median(ratios(rounds, 'gateway', 'rate'));
  return results.toSorted((one, other) => rate(one) - rate(other));
}

function goalOf({ operation, connections, texts }) {
  const known = cases.find(
    (one) => one.operation === operation && one.connections === connections && one.texts === texts,
  );
  return known?.goal ?? {};
}

/** A bar for each case: the gateway's part of the plain server's rate, with its range and its goal. */
function drawingOf(results, machine) {
  const [width, left, top, step, scale, most] = [900, 380, 56, 30, 300, 1.6];
  const right = left + most * scale;
  const bottom = top + results.length * step;
  const bars = results.map((result, place) => {
    const rate = ratios(result.rounds, 'gateway', 'rate');
    const goal = goalOf(result);
    const y = top + place * step;
    const x = (part) => (left + Math.min(part, most) * scale).toFixed(1);
    return [
      `<text x="${left - 12}" y="${y + 15}" text-anchor="end">${titleOf(result)}</text>`,
      `<rect x="${left}" y="${y}" width="${(Math.min(median(rate), most) * scale).toFixed(1)}" height="20" fill="#2f6f9f"/>`,
      `<line x1="${x(Math.min(...rate))}" x2="${x(Math.max(...rate))}" y1="${y + 10}" y2="${y + 10}" stroke="#888" stroke-width="2"/>`,
      ...(goal.rate === undefined
        ? []
        : [
            `<line x1="${x(goal.rate)}" x2="${x(goal.rate)}" y1="${y - 3}" y2="${y + 23}" stroke="#c0392b" stroke-width="3"/>`,
          ]),
      `<text x="${left + 8}" y="${y + 15}" fill="#fff">${median(rate).toFixed(2)}</text>`,
    ].join('\n  ');
  });
  const grid = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5].map(
    (part) =>
      `<line x1="${left + part * scale}" x2="${left + part * scale}" y1="${top - 8}" y2="${bottom}" stroke="#ccc"/>\n  <text x="${left + part * scale}" y="${bottom + 18}" text-anchor="middle">${part}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${bottom + 50}" font-family="sans-serif" font-size="13" role="img">
  <title>The gateway's rate as a part of the plain server's, for each case</title>
  <rect width="100%" height="100%" fill="#fff"/>
  <text x="12" y="24" font-weight="bold">The gateway's rate, as a part of the plain server's; with the number of connections</text>
  ${grid.join('\n  ')}
  ${bars.join('\n  ')}
  <text x="${right}" y="${bottom + 40}" text-anchor="end" fill="#555">red: the goal; grey: the rounds; ${machine.date}, ${machine.rounds} rounds of ${machine.seconds} s</text>
</svg>
`;
}
