/** A word that is looked for, in one way in which it may be written. */
export interface WrittenForm {
  readonly how: string;
  readonly bytes: Buffer;
}

/**
 * Every way in which a word of ASCII letters and digits may be written in whatever it is a part of. URL encoding, JSON
 * escapes and quoting leave such a word as it is, so that where a value has the word between its other characters, each of
 * these encodings of the value is found by the word in clear.
 */
export function formsOf(word: string): WrittenForm[] {
  if (!/^[a-z0-9]{12,}$/.test(word))
    throw new Error('a word of at least 12 small letters and digits can be looked for');
  const bytes = Buffer.from(word);
  const everyLetter = (write: (code: number) => string) => [...bytes].map(write).join('');
  const hex = bytes.toString('hex');
  const codes = [...bytes].map((code) => code.toString(16));
  const utf16 = Buffer.from(word, 'utf16le');
  const forms: [string, string | Buffer][] = [
    ['in clear', word],
    ['in capitals', word.toUpperCase()],
    ['backwards', [...word].reverse().join('')],
    ['in hexadecimal', hex],
    ['in hexadecimal capitals', hex.toUpperCase()],
    ['in hexadecimal with spaces', codes.join(' ')],
    ['as a list of numbers', [...bytes].join(',')],
    ['as a list of numbers with spaces', [...bytes].join(', ')],
    ['in UTF-16', utf16],
    ['in UTF-16, the great byte first', Buffer.from(utf16).swap16()],
    ['in URL encoding of every character', everyLetter((code) => `%${code.toString(16)}`)],
    ['in URL encoding of every character, in capitals', everyLetter((code) => `%${code.toString(16).toUpperCase()}`)],
    ['in JSON escapes of every character', everyLetter((code) => `\\u00${code.toString(16)}`)],
    [
      'in JSON escapes of every character, in capitals',
      everyLetter((code) => `\\u00${code.toString(16).toUpperCase()}`),
    ],
    ['in hexadecimal escapes of every character', everyLetter((code) => `\\x${code.toString(16)}`)],
    ['in HTML escapes of every character', everyLetter((code) => `&#${code};`)],
  ];
  // Whatever stands before the word decides where in a group of three bytes it begins.
  for (const before of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // Characters with bits of what is beside the word are not known.
    const known = encoded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
    forms.push([`in base64, ${before} bytes behind the start of a group`, known]);
    const url = known.replaceAll('+', '-').replaceAll('/', '_');
    if (url !== known) forms.push([`in base64url, ${before} bytes behind the start of a group`, url]);
  }
  return forms.map(([how, written]) => ({ how, bytes: Buffer.from(written as string) }));
}

/** Says where a word stands in what was gathered, in any of its forms, with what stands around it. */
export function findings(forms: readonly WrittenForm[], place: string, gathered: Buffer | string): string[] {
  const bytes = typeof gathered === 'string' ? Buffer.from(gathered) : gathered;
  return forms.flatMap(({ how, bytes: form }) => {
    const at = bytes.indexOf(form);
    if (at === -1) return [];
    const around = bytes.subarray(Math.max(0, at - 120), at + form.length + 120).toString('latin1');
    return [`${place}, ${how}: ${JSON.stringify(around)}`];
  });
}
