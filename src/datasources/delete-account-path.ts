const accountProvider = 'account_provider';
const deletionNames = new Set([accountProvider, 'account_id', 'region']);

/** What a body sent to `/data-source/delete_account` asks for. */
export type DeleteAccountPathOperation = 'delete' | 'edit' | 'refuse';

/**
 * Tells the two operations apart that are documented on the path `/data-source/delete_account`. A name counts as present
 * whatever its value. Only a body with no name beyond the deletion's three is a deletion, so that an edit never deletes.
 *
 * @param names the names of the body's parameters
 * @returns `refuse` for a body that could be meant as either
 */
export function operationOnDeleteAccountPath(names: readonly string[]): DeleteAccountPathOperation {
  if (names.every((name) => deletionNames.has(name))) return 'delete';
  return names.includes(accountProvider) ? 'refuse' : 'edit';
}
