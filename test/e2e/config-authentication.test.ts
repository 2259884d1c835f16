import { rmSync } from 'node:fs';
import { afterAll, describe, expect, test } from '@jest/globals';
import { startGateway } from '../support/gateway.js';
import { launchGateway, temporaryDirectory } from '../support/process.js';

const read = '{ accounts { totalCount } }';
const oidc = { OIDC_ISSUER: 'https://issuer.example.com', OIDC_AUDIENCE: 'gateway.example.com' };
const warning = 'everyone who can reach this gateway may use it: set AUTH to let in only known callers';
const directory = temporaryDirectory();
const sqlite = { DATABASE_URL: `sqlite:${directory}/gateway.sqlite` };

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Who is let in by a gateway with these settings on a loopback address, and whether it warns. */
async function started(env: Record<string, string>) {
  const gateway = await startGateway(env);
  try {
    const { httpStatus, errors } = await gateway.graphql(read);
    const warnings = gateway.log.map((line) => JSON.parse(line)).filter(({ msg }) => msg === warning);
    expect(warnings.every(({ level }) => level === 'warn')).toBe(true);
    return { httpStatus, message: errors?.[0].message as string | undefined, warnings: warnings.length };
  } finally {
    await gateway.close();
  }
}

/** What a gateway says that does not start. */
async function refusalOf(env: Record<string, string>): Promise<string> {
  const gateway = await launchGateway({ ...sqlite, ...env }, directory);
  expect(await gateway.ended).toEqual({ code: 1, signal: null });
  expect(gateway.stdout).toBe('');
  return gateway.stderr;
}

describe('a gateway that is not told whom to let in', () => {
  test.each([{}, { AUTH: '' }])('lets in everyone on a loopback address, and warns in the log (%j)', async (env) => {
    expect(await started(env as Record<string, string>)).toEqual({ httpStatus: 200, message: undefined, warnings: 1 });
  });

  test('lets in tokens where an issuer is named, and does not warn', async () => {
    const { httpStatus, message, warnings } = await started(oidc);
    expect([httpStatus, warnings]).toEqual([401, 0]);
    expect(message).toMatch(/bearer token/);
    expect(message).not.toContain('x-api-key');
  });

  test.each(['0.0.0.0', '::'])('does not start on %s, and says what to set', async (HOST) => {
    expect(await refusalOf({ HOST })).toBe(
      'The settings are not usable:\n  - AUTH is required if HOST is not a loopback address: keys, oidc or keys,oidc; or none, to let in everyone who can reach the gateway.\n',
    );
  });

  test('starts on 0.0.0.0 where an issuer is named', async () => {
    const gateway = await launchGateway({ ...sqlite, ...oidc, HOST: '0.0.0.0' }, directory);
    await gateway.listening();
    const response = await fetch(`${gateway.url}/data-source/add_account`, { method: 'POST', body: '{}' });
    expect(await response.json()).toMatchObject({ status: 'fail', code: 1003 });
    await gateway.kill('SIGTERM');
  });
});

describe('a gateway that is told whom to let in', () => {
  test.each([
    ['none', 200, undefined],
    ['keys', 401, /send an API key in the header x-api-key\.$/],
    ['oidc', 401, /send a bearer token in the header Authorization\.$/],
    ['keys,oidc', 401, /send an API key in the header x-api-key or a bearer token in the header Authorization\.$/],
  ])('does so with AUTH=%s, without a warning and whatever else is set', async (AUTH, httpStatus, message) => {
    const answer = await started({ ...oidc, AUTH });
    expect([answer.httpStatus, answer.warnings]).toEqual([httpStatus, 0]);
    if (message === undefined) expect(answer.message).toBeUndefined();
    else expect(answer.message).toMatch(message);
  });

  test('names every setting that is wrong at once, and no value', async () => {
    const message = await refusalOf({
      HOST: '0.0.0.0',
      AUTH: 'keys,everyone-wr0ng',
      OIDC_ISSUER: 'ftp://wr0ng.example.com',
      OIDC_ALGORITHMS: 'HS256,wr0ng',
    });
    const named = [...message.matchAll(/^ {2}- ([A-Z_]+) /gm)].map(([, name]) => name);
    expect(named.sort()).toEqual(['AUTH', 'OIDC_ALGORITHMS', 'OIDC_ISSUER']);
    expect(message).not.toContain('wr0ng');
    expect(message).not.toContain('HS256');
  });

  test('misses the issuer and the audience together where tokens are to be accepted', async () => {
    const message = await refusalOf({ AUTH: 'keys,oidc' });
    expect([...message.matchAll(/^ {2}- ([A-Z_]+) /gm)].map(([, name]) => name)).toEqual([
      'OIDC_ISSUER',
      'OIDC_AUDIENCE',
    ]);
  });
});
