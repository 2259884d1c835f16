import { addAccountDocumentation, deleteAccountDocumentation } from './accounts/account.openapi.js';
import { addAccountOperation, deleteAccountOperation } from './accounts/account.routes.js';
import type { AccountService } from './accounts/account.service.js';
import {
  addDatasourceDocumentation,
  deleteDatasourcesDocumentation,
  editDatasourceDocumentation,
  editDatasourceOnSharedPathDocumentation,
} from './datasources/datasource.openapi.js';
import {
  addDatasourceOperation,
  deleteAccountPathOperation,
  deleteDatasourcesOperation,
  editDatasourceOperation,
} from './datasources/datasource.routes.js';
import type { DatasourceService } from './datasources/datasource.service.js';
import type { Portal } from './portal/portal.js';
import type { LegacyOperations, LegacyQuestions } from './rest/legacy-routes.js';
import type { LegacyDocumentations } from './rest/openapi.js';

/** What the legacy API has: operations, and questions of the web portal, where there is one. */
export interface LegacyApi {
  readonly operations: LegacyOperations;
  readonly questions: LegacyQuestions;
}

/** The legacy API by its paths. What each needs to be allowed is in `routeAccess`. */
export function legacyApi(accounts: AccountService, datasources: DatasourceService, portal?: Portal): LegacyApi {
  const deleteAccount = deleteAccountOperation(accounts);
  const documented = {
    '/data-source/add_account': addAccountOperation(accounts),
    '/data-source/delete_account': deleteAccountPathOperation(
      datasources,
      portal?.deleteAccount(deleteAccount) ?? deleteAccount,
    ),
    '/data-source/add-jdbc-conn': addDatasourceOperation(datasources),
    '/data-source/update-jdbc-conn': editDatasourceOperation(datasources),
    '/data-source/delete-jdbc': deleteDatasourcesOperation(datasources),
  } as const;
  return portal?.routes(documented) ?? { operations: documented, questions: {} };
}

/** What is said of its operations, by the same paths. */
export const legacyDocumentations = {
  '/data-source/add_account': [addAccountDocumentation],
  '/data-source/delete_account': [deleteAccountDocumentation, editDatasourceOnSharedPathDocumentation],
  '/data-source/add-jdbc-conn': [addDatasourceDocumentation],
  '/data-source/update-jdbc-conn': [editDatasourceDocumentation],
  '/data-source/delete-jdbc': [deleteDatasourcesDocumentation],
} satisfies LegacyDocumentations;
