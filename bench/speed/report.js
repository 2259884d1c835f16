/** Prints what was measured, and writes it into docs/. */
import { readFileSync, writeFileSync } from 'node:fs';
import { operations } from './operations.js';

const document = new URL('../../docs/performance.md', import.meta.url);
const drawing = new URL('../../docs/performance.svg', import.meta.url);

/** Prints a line for each operation and, where the whole report is given, the start and the memory. */
export function printTable(results, report) {
  console.table(
    Object.fromEntries(
      results.map(({ name, ...sides }) => {
        const { floor, gateway, rate, cpu } = figuresOf(sides);
        return [
          operations[name].title,
          {
            'floor/s': Math.round(floor.rate),
            'gateway/s': Math.round(gateway.rate),
            ratio: range(rate),
            goal: operations[name].goal.rate,
            'floor µs': Math.round(floor.cpu),
            'gateway µs': Math.round(gateway.cpu),
            'CPU ratio': range(cpu),
            'CPU goal': operations[name].goal.cpu,
            'p50 ms': `${floor.p50.toFixed(1)} / ${gateway.p50.toFixed(1)}`,
            'p99 ms': `${floor.p99.toFixed(1)} / ${gateway.p99.toFixed(1)}`,
          },
        ];
      }),
    ),
  );
  if (report !== undefined) console.log(startAndMemory(report).join('\n'));
}

/** Writes docs/performance.svg, and what stands between the marks in docs/performance.md. */
export function writeReport(report) {
  const { machine, results } = report;
  const rows = results.map(({ name, ...sides }) => {
    const { floor, gateway, rate, cpu } = figuresOf(sides);
    const { title, goal } = operations[name];
    const whole = (figure) => Math.round(figure);
    const milliseconds = (one, other) => `${one.toFixed(1)} / ${other.toFixed(1)}`;
    return [
      title,
      `${whole(floor.rate)} / ${whole(gateway.rate)}`,
      range(rate),
      goal.rate,
      `${whole(floor.cpu)} / ${whole(gateway.cpu)}`,
      range(cpu),
      goal.cpu ?? '',
      milliseconds(floor.p50, gateway.p50),
      milliseconds(floor.p99, gateway.p99),
    ];
  });
  const head = [
    'operation',
    'requests a second',
    'ratio (least to greatest)',
    'goal',
    'CPU of the server a request, µs',
    'ratio (least to greatest)',
    'goal',
    'p50, ms',
    'p99, ms',
  ];
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const text = [
    `Measured on ${machine.date}: ${machine.cpu}, ${machine.memory}, ${machine.system}, Node.js ${machine.node}, ${machine.database}, all on one machine${machine.busy}; NODE_ENV=production, AUTH=keys, WORKERS=${machine.workers}, all else as it is by default; the log is written to a file. ${machine.connections} connections, ${machine.warmUp} requests of each operation to warm each server, then ${machine.rounds} rounds of ${machine.seconds} s, the two in turn. Two figures are the floor's and the gateway's; the figures are medians over the rounds, the ratios those of each round.`,
    '',
    line(head),
    line(head.map(() => '---')),
    ...rows.map(line),
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
  const start = { floor: median(startTimes.floor), gateway: median(startTimes.gateway) };
  const compared = ({ floor, gateway }, unit) =>
    `floor ${Math.round(floor)} ${unit}, gateway ${Math.round(gateway)} ${unit}: ${(gateway / floor).toFixed(2)} times`;
  return [
    `Ready after: ${compared(start, 'ms')}.`,
    `Memory when idle: ${compared(idleMemory, 'MiB')}.`,
    `Memory after the load: ${compared(loadedMemory, 'MiB')}.`,
  ];
}

/** A bar for each operation: the gateway's part of the floor's rate, with its range and its goal. */
function drawingOf(results, machine) {
  const [width, left, top, step, scale] = [860, 330, 56, 44, 440];
  const right = left + scale;
  const bottom = top + results.length * step;
  const bars = results.map(({ name, ...sides }, place) => {
    const { rate, cpu } = figuresOf(sides);
    const { title, goal } = operations[name];
    const y = top + place * step;
    const x = (part) => (left + Math.min(part, 1.1) * scale).toFixed(1);
    const middle = y + 13;
    return [
      `<text x="${left - 12}" y="${y + 18}" text-anchor="end">${title}</text>`,
      `<rect x="${left}" y="${y}" width="${(Math.min(median(rate), 1.1) * scale).toFixed(1)}" height="26" fill="#2f6f9f"/>`,
      `<line x1="${x(Math.min(...rate))}" x2="${x(Math.max(...rate))}" y1="${middle}" y2="${middle}" stroke="#888" stroke-width="2"/>`,
      `<line x1="${x(goal.rate)}" x2="${x(goal.rate)}" y1="${y - 4}" y2="${y + 30}" stroke="#c0392b" stroke-width="3"/>`,
      `<text x="${left + 8}" y="${y + 18}" fill="#fff">${median(rate).toFixed(2)} · CPU × ${median(cpu).toFixed(2)}</text>`,
    ].join('\n  ');
  });
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (part) =>
      `<line x1="${left + part * scale}" x2="${left + part * scale}" y1="${top - 8}" y2="${bottom}" stroke="#ccc"/>\n  <text x="${left + part * scale}" y="${bottom + 18}" text-anchor="middle">${part}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${bottom + 50}" font-family="sans-serif" font-size="14" role="img">
  <title>The gateway's rate as a part of the floor's, for each operation</title>
  <rect width="100%" height="100%" fill="#fff"/>
  <text x="${left}" y="24" font-weight="bold">The gateway's rate, as a part of the floor's</text>
  ${grid.join('\n  ')}
  ${bars.join('\n  ')}
  <text x="${right}" y="${bottom + 40}" text-anchor="end" fill="#555">red: the goal; grey: the rounds; ${machine.date}, ${machine.rounds} rounds of ${machine.seconds} s</text>
</svg>
`;
}

/** The median of each side's rounds, and of the ratio of the two in each round. */
export function figuresOf({ floor, gateway }) {
  const medians = (rounds) =>
    Object.fromEntries(
      ['rate', 'cpu', 'p50', 'p99'].map((figure) => [figure, median(rounds.map((one) => one[figure]))]),
    );
  const ratios = (figure) => gateway.map((one, round) => one[figure] / floor[round][figure]);
  return { floor: medians(floor), gateway: medians(gateway), rate: ratios('rate'), cpu: ratios('cpu') };
}

/** The median of some figures with the least and the greatest. */
export function range(figures) {
  return `${median(figures).toFixed(2)} (${Math.min(...figures).toFixed(2)} to ${Math.max(...figures).toFixed(2)})`;
}

/** The middle one of some figures. */
export function median(figures) {
  return [...figures].sort((one, other) => one - other)[Math.floor(figures.length / 2)];
}
