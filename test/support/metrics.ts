import { sendRaw } from './raw-request.js';

/** What a scrape of `/metrics` gave. */
export interface Scrape {
  readonly text: string;
  /** The type of every metric, by its name. */
  readonly types: ReadonlyMap<string, string>;
  /** The value of a series with these labels; undefined where there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
  /** The labels of every series of a metric. */
  labelsOf(name: string): Record<string, string>[];
}

/** Scrapes a gateway, as Prometheus does. */
export async function scrape(url: string, headers: Record<string, string> = {}): Promise<Scrape> {
  const { httpStatus, text } = await sendRaw(`${url}/metrics`, { method: 'GET', headers });
  if (httpStatus !== 200) throw new Error(`the metrics were not given: ${httpStatus} ${text}`);
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name ?? '', type ?? '']));
  const series = [...text.matchAll(/^([a-z_]+)(?:\{(.*)\})? (\S+)$/gm)].map(([, name, labels = '', value]) => ({
    name,
    labels: Object.fromEntries(
      [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, given]) => [label, given]),
    ) as Record<string, string>,
    value: Number(value),
  }));
  const written = (labels: object) => JSON.stringify(Object.entries(labels).sort());
  return {
    text,
    types,
    value: (name, labels = {}) =>
      series.find((one) => one.name === name && written(one.labels) === written(labels))?.value,
    labelsOf: (name) => series.filter((one) => one.name === name).map((one) => one.labels),
  };
}
