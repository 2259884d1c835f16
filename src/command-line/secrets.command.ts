import type { Database } from '../database/database.js';
import { CredentialRotation } from '../datasources/credential-rotation.js';
import { CredentialSeal } from '../datasources/credential-seal.js';
import type { SealingKey } from '../security/sealing-key.js';
import { type Print, UsageError } from './command.js';

/** How the command is called. */
export const secretsUsage = [
  'secrets verify    opens every sealed credential, and names what cannot be opened',
  'secrets rotate    seals every credential anew with the first of SECRETS_KEYS',
].join('\n');

/**
 * Verifies the sealed credentials, or seals them anew.
 *
 * @param printProgress where to say how far it is
 * @returns the exit code: 0, or 1 where something cannot be opened
 * @throws UsageError where it was called in another way than {@link secretsUsage} says
 */
export async function runSecretsCommand(
  database: Database,
  keys: () => readonly [SealingKey, ...SealingKey[]],
  words: readonly string[],
  print: Print,
  printProgress: Print,
): Promise<number> {
  const [action, ...rest] = words;
  if ((action !== 'verify' && action !== 'rotate') || rest.length > 0) throw new UsageError(secretsUsage);
  const rotation = new CredentialRotation(database, new CredentialSeal(keys));
  const report = await rotation[action](everyTenThousand(printProgress));
  print(`${report.opened} sealed values open.`);
  if (action === 'rotate') print(`${report.resealed} of them were sealed anew with the key ${keys()[0].id}.`);
  for (const { owner, field, reason } of report.broken) {
    print(
      `Cannot be opened: the ${field} of ${JSON.stringify([owner.accountProviderId, owner.accountId, owner.region, owner.instanceId])}: ${reason}.`,
    );
  }
  if (action === 'rotate') {
    print(
      report.oldKeysCanGo
        ? 'No credential is sealed with the other keys any more: remove them from SECRETS_KEYS.'
        : 'Keep the other keys: give the datasources named above their credentials again, and run this once more.',
    );
  }
  return report.broken.length === 0 ? 0 : 1;
}

function everyTenThousand(printProgress: Print): (seen: number) => void {
  let told = 0;
  return (seen) => {
    if (seen - told < 10_000) return;
    told = seen;
    printProgress(`${seen} sealed values so far`);
  };
}
