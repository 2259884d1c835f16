import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate and its key, as files. */
export interface ServerCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** An authority that signs certificates for tests. */
export interface TestAuthority {
  /** The path of its own certificate. */
  readonly file: string;
  readonly pem: string;
  /** Signs a certificate for names (`DNS:localhost`, `IP:127.0.0.1`), good for so many days; below 0 it has expired. */
  issue(names: readonly string[], days?: number): ServerCertificate;
  remove(): void;
}

/** Makes an authority with OpenSSL, whose certificates name `CN=database,O=Test` as their subject. */
export function makeAuthority(): TestAuthority {
  const directory = mkdtempSync(join(tmpdir(), 'gateway-certificates-'));
  chmodSync(directory, 0o755);
  const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: directory, stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Test CA', '-days', '30');
  const file = join(directory, 'ca.pem');
  let issued = 0;
  return {
    file,
    pem: readFileSync(file, 'utf8'),
    issue(names, days = 30) {
      issued += 1;
      const name = `server-${issued}`;
      openssl(
        'req',
        ...newKey,
        ...['-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', '/O=Test/CN=database'],
        ...['-addext', `subjectAltName=${names.join(',')}`],
      );
      openssl(
        ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
        ...['-copy_extensions', 'copy', '-days', String(days), '-out', `${name}.pem`],
      );
      chmodSync(join(directory, `${name}.key`), 0o644);
      return { certificate: join(directory, `${name}.pem`), key: join(directory, `${name}.key`) };
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
