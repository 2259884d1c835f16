import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from 'jose';

/** What tokens of {@link TokenIssuer} are meant for unless told. */
export const sampleAudience = 'gateway.example.com';

interface SigningKey {
  readonly kid: string;
  readonly algorithm: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly jwk: JWK;
}

/** A small OpenID Connect issuer on a loopback address. */
export class TokenIssuer {
  /** How often its keys were fetched. */
  keyFetches = 0;
  /** The headers of every request that it got. */
  readonly requestHeaders: IncomingHttpHeaders[] = [];
  /** What its discovery document says instead of its own URL. */
  discoveredIssuer: string | undefined;
  readonly #path: string;
  #server: Server | undefined;
  #port = 0;
  #key: SigningKey;
  #published: readonly JWK[];

  private constructor(path: string, key: SigningKey) {
    this.#path = path;
    this.#key = key;
    this.#published = [key.jwk];
  }

  /**
   * Makes an issuer with one key, and starts it.
   *
   * @param path what its URL has behind the port
   */
  static async start({ algorithm = 'RS256', path = '' } = {}): Promise<TokenIssuer> {
    const issuer = new TokenIssuer(path, await newKey(algorithm));
    await issuer.start();
    return issuer;
  }

  /** Its URL, the same after it was stopped and started again. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}${this.#path}`;
  }

  /** The settings of a gateway that accepts its tokens. */
  get env(): Record<string, string> {
    return { AUTH: 'oidc', OIDC_ISSUER: this.url, OIDC_AUDIENCE: sampleAudience };
  }

  /** Listens, on the same port as before. */
  async start(): Promise<void> {
    const server = createServer((request, response) => {
      this.requestHeaders.push(request.headers);
      const answer = this.#answer(request.url ?? '');
      response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer ?? {}));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Stops listening, and ends every connection. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  /** Signs with a new key from now on, and publishes that one alone. */
  async rotate(): Promise<void> {
    this.#key = await newKey(this.#key.algorithm);
    this.#published = [this.#key.jwk];
  }

  /** A token for a minute and more, with the claims and the header changed as told; a claim that is undefined is left out. */
  token(claims: JWTPayload = {}, header: Partial<JWTHeaderParameters> = {}): Promise<string> {
    return this.#signer(claims, header).sign(this.#key.privateKey);
  }

  /** A token that names its key, and is signed with another one that nobody knows. */
  async tokenOfForeignKey(claims: JWTPayload = {}, header: Partial<JWTHeaderParameters> = {}): Promise<string> {
    const { privateKey } = await newKey(this.#key.algorithm);
    return this.#signer(claims, header).sign(privateKey);
  }

  /** A token that is not signed at all. */
  async unsignedToken(claims: JWTPayload = {}): Promise<string> {
    const [, payload] = (await this.token(claims)).split('.');
    const header = Buffer.from(JSON.stringify({ alg: 'none', kid: this.#key.kid })).toString('base64url');
    return `${header}.${payload}.`;
  }

  /** Tokens signed by HMAC with the public key, in each form in which that can be had, for a secret. */
  async tokensSignedWithPublicKey(claims: JWTPayload = {}): Promise<string[]> {
    const pem = await exportSPKI(this.#key.publicKey);
    const forms = [pem, pem.trim(), JSON.stringify(this.#key.jwk), this.#key.jwk.n ?? this.#key.jwk.x ?? ''];
    return Promise.all(
      forms.map((form) => this.#signer(claims, { alg: 'HS256' }).sign(new TextEncoder().encode(form))),
    );
  }

  #signer(claims: JWTPayload, header: Partial<JWTHeaderParameters>): SignJWT {
    const now = Math.floor(Date.now() / 1000);
    const payload: JWTPayload = {
      iss: this.url,
      aud: sampleAudience,
      sub: 'crawler',
      iat: now,
      exp: now + 600,
      permissions: ['read', 'write'],
      ...claims,
    };
    // What is undefined does not get into JSON.
    return new SignJWT(JSON.parse(JSON.stringify(payload))).setProtectedHeader({
      alg: this.#key.algorithm,
      kid: this.#key.kid,
      ...header,
    });
  }

  #answer(path: string): object | undefined {
    const base = this.#path.replace(/\/$/, '');
    switch (path) {
      case `${base}/.well-known/openid-configuration`:
        return { issuer: this.discoveredIssuer ?? this.url, jwks_uri: `http://127.0.0.1:${this.#port}${base}/keys` };
      case `${base}/keys`:
        this.keyFetches += 1;
        return { keys: this.#published };
      default:
        return undefined;
    }
  }
}

let keysMade = 0;

async function newKey(algorithm: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  keysMade += 1;
  const kid = `key-${keysMade}`;
  return { kid, algorithm, privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid, use: 'sig' } };
}
