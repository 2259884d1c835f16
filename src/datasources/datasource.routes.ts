import { DomainError } from '../errors.js';
import { readInput } from '../input/legacy-body.js';
import type { LegacyOperation } from '../rest/legacy-routes.js';
import { AddDatasourceInput, DeleteDatasourcesInput, EditDatasourceInput } from './datasource.input.js';
import type { DatasourceService } from './datasource.service.js';
import { operationOnDeleteAccountPath } from './delete-account-path.js';

/** Add Datasource: the body of `/data-source/add-jdbc-conn`. */
export function addDatasourceOperation(datasources: DatasourceService): LegacyOperation {
  return (body, { call }) => datasources.add(readInput(AddDatasourceInput, body), call);
}

/** Edit Datasource: the body of `/data-source/update-jdbc-conn`. */
export function editDatasourceOperation(datasources: DatasourceService): LegacyOperation {
  return (body, { call }) => datasources.edit(readInput(EditDatasourceInput, body), call);
}

/** Delete Datasource: the body of `/data-source/delete-jdbc`. */
export function deleteDatasourcesOperation(datasources: DatasourceService): LegacyOperation {
  return (body, { call }) => datasources.delete(readInput(DeleteDatasourcesInput, body), call);
}

/**
 * The body of `/data-source/delete_account`, which is documented for two operations: Delete Account and Edit Datasource.
 *
 * @param deleteAccount what to do with a deletion
 */
export function deleteAccountPathOperation(
  datasources: DatasourceService,
  deleteAccount: LegacyOperation,
): LegacyOperation {
  return async (body, request) => {
    switch (operationOnDeleteAccountPath(Object.keys(body))) {
      case 'delete':
        return deleteAccount(body, request);
      case 'edit':
        return datasources.edit(readInput(EditDatasourceInput, body, 'refuse'), request.call);
      case 'refuse':
        throw new DomainError(
          'BAD_USER_INPUT',
          'The body is neither a deletion of an account nor an edit of a datasource. A deletion has only the parameters account_provider, account_id and region. An edit has account_provider_id and not account_provider. Nothing was changed.',
        );
    }
  };
}
