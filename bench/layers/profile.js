/** Reads a CPU profile of the gateway: in which layer the time went. */
import { readdirSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { layerOf, layers, others } from './layers.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const maps = new Map();

/**
 * Microseconds by layer, of each of some stretches of time.
 *
 * @param directory where the profile was written
 * @param stretches from when to when, in microseconds of the monotonic clock
 */
export function timeByLayer(directory, stretches) {
  const [file] = readdirSync(directory).filter((name) => name.endsWith('.cpuprofile'));
  const { nodes, samples, timeDeltas, startTime } = JSON.parse(readFileSync(join(directory, file), 'utf8'));
  const claimed = claims(nodes);
  const found = stretches.map(() => new Map(layers.map((layer) => [layer, 0])));
  let now = startTime;
  for (const [place, node] of samples.entries()) {
    now += timeDeltas[place];
    const stretch = stretches.findIndex(({ from, until }) => now >= from && now < until);
    const layer = claimed.get(node);
    if (stretch === -1 || layer === 'waiting') continue;
    found[stretch].set(layer, found[stretch].get(layer) + timeDeltas[place]);
  }
  return found;
}

/** The layer of each node of the tree of calls. */
function claims(nodes) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const claimed = new Map();
  const walk = [{ id: nodes[0].id, inherited: others }];
  for (const { id, inherited } of walk) {
    const { callFrame, children = [] } = byId.get(id);
    const layer = layerOf(sourceOf(callFrame), callFrame.functionName) ?? inherited;
    claimed.set(id, layer);
    for (const child of children) walk.push({ id: child, inherited: layer });
  }
  return claimed;
}

/** The file that a frame of the bundle was made of, from the root of this tree. */
function sourceOf({ url, lineNumber, columnNumber }) {
  if (!url.startsWith('file:')) return url;
  const file = fileURLToPath(url);
  if (!maps.has(file)) maps.set(file, mapOf(file));
  const source = maps.get(file)?.findEntry(lineNumber, columnNumber).originalSource;
  return relative(root, source === undefined ? file : join(dirname(file), source));
}

function mapOf(file) {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')));
  } catch {
    return undefined;
  }
}
