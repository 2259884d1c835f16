import { isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect, type PeerCertificate, type SecureContext, type TLSSocket } from 'node:tls';
import { TestFailure } from './test-outcome.js';
import type { TestTarget } from './test-target.js';

const problems: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "The server's certificate has expired.",
  CERT_NOT_YET_VALID: "The server's certificate is not valid yet.",
  ERR_TLS_CERT_ALTNAME_INVALID: "The server's certificate is for another name than the host's.",
  DN_MISMATCH: "The server's certificate has another name than customJdbcCertString says.",
};
const unknownAuthority = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_UNTRUSTED',
]);

/**
 * Begins TLS on a connection, and verifies the server's certificate as the target asks for.
 *
 * @param context the authorities that are trusted
 * @throws TestFailure TLS_FAILED
 */
export function beginTls(socket: Socket, target: TestTarget, context: SecureContext): Promise<TLSSocket> {
  const { host, tls } = target;
  return new Promise((resolve, reject) => {
    const secure = connect({
      socket,
      secureContext: context,
      ...(isIP(host) === 0 ? { servername: host.replace(/\.$/, '') } : {}),
      rejectUnauthorized: tls.verify !== 'nothing',
      checkServerIdentity: (_, certificate) => nameProblem(target, certificate),
    });
    secure.once('secureConnect', () => {
      // Node.js does not look at the name where the authority does not matter.
      const problem = tls.verify === 'nothing' ? nameProblem(target, secure.getPeerCertificate()) : undefined;
      if (problem !== undefined) secure.destroy(problem);
      else resolve(secure);
    });
    secure.on('error', (error: NodeJS.ErrnoException) => reject(tlsFailure(error, target)));
    secure.once('close', () => reject(tlsFailure(undefined, target)));
  });
}

/** What cannot be read of a certificate is no name. */
function nameProblem(target: TestTarget, certificate: PeerCertificate): Error | undefined {
  try {
    return differenceOfName(target, certificate);
  } catch (error) {
    return error as Error;
  }
}

/** The name by which the datasource knows the server, or else the host's, as far as the target asks for it. */
function differenceOfName(target: TestTarget, certificate: PeerCertificate): Error | undefined {
  const { certificateName, host, tls } = target;
  if (certificateName?.includes('=')) {
    return isSameName(certificateName, certificate)
      ? undefined
      : Object.assign(new Error('another distinguished name'), { code: 'DN_MISMATCH' });
  }
  if (certificateName !== undefined) return checkServerIdentity(certificateName, certificate);
  return tls.verify === 'identity' ? checkServerIdentity(host, certificate) : undefined;
}

/** In whatever order its parts stand: drivers write them from either end. */
function isSameName(expected: string, { subject }: PeerCertificate): boolean {
  const parts = [...expected.matchAll(/(?:[^,\\]|\\.)+/gsu)].map(([part]) => {
    const equals = part.indexOf('=');
    return `${part.slice(0, equals).trim().toUpperCase()}=${part
      .slice(equals + 1)
      .trim()
      .replace(/\\(.)/gsu, '$1')}`;
  });
  const found = Object.entries(subject ?? {}).flatMap(([type, values]) =>
    [values].flat().map((value) => `${type.toUpperCase()}=${value}`),
  );
  return JSON.stringify(parts.sort()) === JSON.stringify(found.sort());
}

function tlsFailure(error: NodeJS.ErrnoException | undefined, { hasUnreadCertificate }: TestTarget): Error {
  if (error instanceof TestFailure) return error;
  const code = error?.code ?? '';
  if (unknownAuthority.has(code)) {
    const unread = hasUnreadCertificate
      ? ' The certificate at customJdbcCert was not read: nothing is read from where it is kept.'
      : '';
    return new TestFailure(
      'TLS_FAILED',
      `The server's certificate is signed by nobody whom the gateway trusts: name the authority in CONNECTION_TEST_CA_FILE.${unread}`,
    );
  }
  return new TestFailure('TLS_FAILED', problems[code] ?? 'The server did not complete the TLS handshake.');
}
