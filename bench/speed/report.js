/** Prints what was measured, and writes it into docs/. */
import { operations } from './operations.js';

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
