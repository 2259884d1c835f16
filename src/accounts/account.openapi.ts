import { DomainError } from '../errors.js';
import type { LegacyDocumentation } from '../rest/openapi.js';
import { AddAccountInput, DeleteAccountInput } from './account.input.js';

/** The account that the examples are about. */
export const exampleAccount = { account_provider: 1, account_id: '123456789012', region: 'eu-west-1' } as const;

/** What an example gets that names an account which is not there. */
export const accountIsMissing = new DomainError(
  'ACCOUNT_NOT_FOUND',
  'There is no account with this provider, id and region.',
);

/** Add Account. */
export const addAccountDocumentation: LegacyDocumentation = {
  name: 'addAccount',
  title: 'Add Account',
  description: 'Registers an account of a cloud provider.',
  input: AddAccountInput,
  examples: {
    accountAdded: { summary: 'An account is added', body: { ...exampleAccount, region: 'us-east-1' } },
    accountAddedOfNumbers: {
      summary: 'Numbers and strings may stand for each other',
      body: { account_provider: '1', account_id: 123456789012, region: 'us-east-1' },
    },
    accountAlreadyExists: {
      summary: 'The account is there already',
      body: exampleAccount,
      failure: new DomainError(
        'ACCOUNT_ALREADY_EXISTS',
        'An account with the same provider, id and region already exists.',
      ),
    },
    accountInvalid: { summary: 'Parameters are missing or wrong', body: { account_provider: 0, account_id: ' 1' } },
  },
};

/** Delete Account. */
export const deleteAccountDocumentation: LegacyDocumentation = {
  name: 'deleteAccount',
  title: 'Delete Account',
  description:
    'Deletes an account and all of its datasources. The body has no other names than `account_provider`, `account_id` and `region`.',
  input: DeleteAccountInput,
  examples: {
    accountDeleted: { summary: 'Delete Account: an account is deleted, and its datasources', body: exampleAccount },
    accountNotFound: {
      summary: 'Delete Account: the account is not there',
      body: { ...exampleAccount, region: 'us-east-1' },
      failure: accountIsMissing,
    },
    accountIncomplete: {
      summary: 'Delete Account: a parameter is missing',
      body: { account_provider: 1, account_id: '123456789012' },
    },
  },
};
