import { readInput } from '../input/legacy-body.js';
import type { LegacyOperation } from '../rest/legacy-routes.js';
import { AddAccountInput, DeleteAccountInput } from './account.input.js';
import type { AccountService } from './account.service.js';

/** Add Account: the body of `/data-source/add_account`. */
export function addAccountOperation(accounts: AccountService): LegacyOperation {
  return (body, { call }) => accounts.add(readInput(AddAccountInput, body), call);
}

/** Delete Account: one of the two meanings of a body of `/data-source/delete_account`, where nothing is ignored. */
export function deleteAccountOperation(accounts: AccountService): LegacyOperation {
  return (body, { call }) => accounts.delete(readInput(DeleteAccountInput, body, 'refuse'), call);
}
