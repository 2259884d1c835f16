/** Prints what was measured, and writes it into docs/growth.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';

const document = new URL('../../docs/growth.md', import.meta.url);
const goal = 2;

/** Prints the report. */
export function printReport(reports, sizes) {
  console.log(reports.map((report) => textOf(report, sizes)).join('\n\n'));
}

/** Writes what stands between the marks in docs/growth.md. */
export function writeReport(reports, sizes, rounds) {
  const text = [
    `Measured on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} × ${cpus()[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node.js ${process.version}, all on one machine. Times are in milliseconds, medians of ${rounds} rounds in which the sizes take turns, and are those of the statements from the gateway's process: the answer is read, and not yet written as GraphQL.`,
    ...reports.map((report) => textOf(report, sizes)),
  ].join('\n\n');
  const marks = /(<!-- measured -->\n)[\s\S]*?(<!-- \/measured -->)/;
  writeFileSync(
    document,
    readFileSync(document, 'utf8').replace(marks, (_, start, end) => `${start}\n${text}\n\n${end}`),
  );
}

function textOf(report, sizes) {
  const sizeHeads = sizes.map((size) => `at ${size.toLocaleString('en')}`);
  const pages = [...report.datasources, ...report.accounts];
  const worst = Math.max(...pages.map((one) => ratioOf(one)));
  const beyond = pages.filter((one) => ratioOf(one) > goal).length;
  const [{ places }, { writes }] = [report, report];
  return [
    `### ${report.name}`,
    `Of ${pages.length} filters with their orders, ${pages.length - beyond} cost at most ${goal} times as much at ${sizeHeads.at(-1).slice(3)} as at ${sizeHeads[0].slice(3)}; the greatest ratio is ${worst.toFixed(1)}. In a cell stand the first, the middle and the last page of 20; the ratio is the greatest of the three. A time in brackets is of a page that has fewer rows in the smaller register; it is not compared.`,
    'Datasources:',
    pageTable(report.datasources, sizeHeads),
    'Accounts:',
    pageTable(report.accounts, sizeHeads),
    'Look-ups and lists on the way of requests:',
    table(['what', ...sizeHeads, 'ratio'], report.lookUps.map(rowOf)),
    'What is not held to it:',
    table(['what', ...sizeHeads, 'ratio'], report.growing.map(rowOf)),
    `The first page by a region, a provider and a name, in a register of ${places.size.toLocaleString('en')} with more places:`,
    table(
      ['places', 'by region', 'by provider', 'by name'],
      places.results.map(({ count, medians }) => [count, ...medians.map(milliseconds)]),
    ),
    `Additions with the indexes by place and without them, 16 at once:`,
    table(
      [
        'datasources',
        'with, a second',
        'without, a second',
        'ratio',
        'processor time of each with, µs',
        'without, µs',
        'ratio',
      ],
      writes.map((one) => [
        one.size.toLocaleString('en'),
        Math.round(one.with.rate),
        Math.round(one.without.rate),
        (one.with.rate / one.without.rate).toFixed(2),
        Math.round(one.with.processor),
        Math.round(one.without.processor),
        (one.with.processor / one.without.processor).toFixed(2),
      ]),
    ),
    `Adding the indexes by place took ${report.indexSeconds.map((one, place) => `${one.toFixed(1)} s ${sizeHeads[place]}`).join(', ')}.${sizesOfIndexes(report)}`,
  ].join('\n\n');
}

function pageTable(results, sizeHeads) {
  return table(
    ['filter', 'order', 'index', 'statements', ...sizeHeads, 'ratio'],
    results.map(({ filter, property, medians, rows, indexes, statementCount }) => [
      filter.join(', ') || 'none',
      property,
      indexes.map((name) => `\`${name}\``).join(', ') || 'of the key',
      statementCount,
      ...medians.map((of, size) =>
        of.map((time, page) => cellOf(time, rows[size][page], rows.at(-1)[page])).join(' / '),
      ),
      ratioOf({ medians, rows }).toFixed(1),
    ]),
  );
}

function rowOf({ title, medians }) {
  return [title, ...medians.map(milliseconds), (medians.at(-1) / medians[0]).toFixed(1)];
}

/** A page with fewer rows than that of the largest register is marked, and not compared. */
function cellOf(time, rows, most) {
  return rows < most ? `(${milliseconds(time)})` : milliseconds(time);
}

function ratioOf({ medians, rows }) {
  const ratios = medians.at(-1).map((last, page) => {
    const whole = rows.findIndex((of) => of[page] === rows.at(-1)[page]);
    return last / medians[whole][page];
  });
  return Math.max(...ratios);
}

function sizesOfIndexes({ indexBytes }) {
  if (indexBytes === undefined) return '';
  const sum = (rows) => `${Math.round(rows.reduce((total, { bytes }) => total + bytes, 0) / 2 ** 20)} MiB`;
  const byPlace = indexBytes.filter(({ name }) => name.includes('_place_'));
  return ` On the disk they take ${sum(byPlace)} of the largest register, the table and its other indexes ${sum(indexBytes.filter((one) => !byPlace.includes(one)))}.`;
}

function milliseconds(time) {
  return time >= 10 ? String(Math.round(time)) : time.toFixed(time >= 1 ? 1 : 2);
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
