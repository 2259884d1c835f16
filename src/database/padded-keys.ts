/** Keys, made a power of two many with the last one, so that the statements of all sizes are few enough to stay prepared. */
export function padded<Key>(keys: readonly Key[]): readonly Key[] {
  const last = keys.at(-1) as Key;
  const length = 2 ** Math.ceil(Math.log2(keys.length));
  return length === keys.length ? keys : [...keys, ...new Array<Key>(length - keys.length).fill(last)];
}
