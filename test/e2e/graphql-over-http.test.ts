import { describe, expect, test } from '@jest/globals';
import { serverAudits } from 'graphql-http';
import { sqliteKind } from '../support/databases.js';
import { useGateway } from '../support/fixture.js';

describe('the GraphQL over HTTP specification', () => {
  const { gateway } = useGateway(sqliteKind);

  // "ok", or what a MAY that is not done is called. A MUST is an error, a SHOULD a warning.
  const audits = serverAudits({ url: () => `${gateway.url}/graphql` });

  test('has rules of every strength', () => {
    expect(new Set(audits.map(({ name }) => name.split(' ', 1)[0]))).toEqual(new Set(['MUST', 'SHOULD', 'MAY']));
  });

  test.each(audits.map(({ id, name, fn }) => [`${name} (${id})`, fn] as const))('%s', async (name, audit) => {
    const result = await audit();
    const reason = result.status === 'ok' ? '' : result.reason;
    expect([name.startsWith('MAY ') && result.status === 'notice' ? 'ok' : result.status, reason]).toEqual([
      'ok',
      reason,
    ]);
  });
});
