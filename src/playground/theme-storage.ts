const kept = 'graphiql:theme';

/**
 * The storage that GraphiQL is given. It would otherwise keep operations, variables, headers and their history in the
 * browser's local storage, where a password or an API key typed into them would outlive the page. Only the choice of theme
 * is kept; everything else is forgotten with the page.
 */
export class ThemeStorage {
  readonly #forgotten = new Map<string, string>();

  get length(): number {
    return this.#forgotten.size;
  }

  getItem(key: string): string | null {
    return key === kept ? readTheme() : (this.#forgotten.get(key) ?? null);
  }

  setItem(key: string, value: string): void {
    if (key === kept) writeTheme(value);
    else this.#forgotten.set(key, value);
  }

  removeItem(key: string): void {
    if (key === kept) writeTheme(null);
    else this.#forgotten.delete(key);
  }

  clear(): void {
    this.#forgotten.clear();
    writeTheme(null);
  }
}

// A browser that blocks site data throws at every touch of localStorage; the playground works without it.

function readTheme(): string | null {
  try {
    return localStorage.getItem(kept);
  } catch {
    return null;
  }
}

function writeTheme(theme: string | null): void {
  try {
    if (theme === null) localStorage.removeItem(kept);
    else localStorage.setItem(kept, theme);
  } catch {}
}
