import type { AccountService } from '../accounts/account.service.js';
import type { ConnectionTestService } from '../connection-test/connection-test.service.js';
import type { DatasourceService } from '../datasources/datasource.service.js';
import { DomainError, type ErrorName, UnavailableError } from '../errors.js';
import type { LegacyOperation, LegacyOperations, LegacyQuestions } from '../rest/legacy-routes.js';
import type { LegacyAdditions, LegacyDocumentations } from '../rest/openapi.js';
import { describedForPortal, portalAdditions } from './portal.openapi.js';
import { PortalDirectory } from './portal-directory.js';
import type { PortalFile } from './portal-file.js';
import { portalReads } from './portal-reads.routes.js';
import type { PortalSwitch } from './portal-switch.js';
import {
  portalAddAccount,
  portalAddDatasource,
  portalDeleteAccount,
  portalDeleteDatasources,
  portalEditDatasource,
} from './portal-writes.routes.js';

/** What the profile is made of. */
export interface PortalParts {
  /** What PORTAL_FILE says. */
  readonly file: PortalFile;
  readonly accounts: AccountService;
  readonly datasources: DatasourceService;
  /** What asks a server for its databases, where that is on. */
  readonly connectionTests: ConnectionTestService;
  /** Whether the profile is on. */
  readonly portalSwitch: Pick<PortalSwitch, 'state'>;
}

/** The operations of the document's paths. */
export interface DocumentedOperations {
  readonly '/data-source/add_account': LegacyOperation;
  readonly '/data-source/delete_account': LegacyOperation;
  readonly '/data-source/add-jdbc-conn': LegacyOperation;
  readonly '/data-source/update-jdbc-conn': LegacyOperation;
  readonly '/data-source/delete-jdbc': LegacyOperation;
}

/** The portal signs a caller out at 1003, whatever it is for: so that is for those who must sign in, and for nobody else. */
const codes: Partial<Readonly<Record<ErrorName, number>>> = { FORBIDDEN: 403, CREDENTIAL_EXPIRED: 1003 };

/** What is different for the web portal. Where the profile is off, each operation is as the document has it. */
export class Portal {
  readonly #parts: PortalParts;
  readonly #directory: PortalDirectory;

  /** @param parts what it is made of */
  constructor(parts: PortalParts) {
    this.#parts = parts;
    this.#directory = new PortalDirectory(parts.file);
  }

  /** The code of an error where the portal needs another than the document's. */
  codeOf(error: DomainError): number | undefined {
    return this.#parts.portalSwitch.state === 'off' ? undefined : codes[error.errorName];
  }

  /**
   * Delete Account.
   *
   * @param documented what deletes an account as the document has it
   */
  deleteAccount(documented: LegacyOperation): LegacyOperation {
    return this.#whileOn(portalDeleteAccount(this.#parts.accounts), documented);
  }

  /**
   * The routes with the profile: those of the document, and the reads.
   *
   * @param documented the operations as the document has them
   */
  routes(documented: DocumentedOperations): { operations: LegacyOperations; questions: LegacyQuestions } {
    const { '/data-source/delete-jdbc': remove, ...others } = documented;
    const add = documented['/data-source/add-jdbc-conn'];
    const edit = documented['/data-source/update-jdbc-conn'];
    const addAccount = documented['/data-source/add_account'];
    const { datasources } = this.#parts;
    const reads = Object.entries(portalReads({ ...this.#parts, directory: this.#directory }));
    return {
      operations: {
        ...others,
        '/data-source/add_account': this.#whileOn(portalAddAccount(this.#directory, addAccount), addAccount),
        '/data-source/add-jdbc-conn': this.#whileOn(portalAddDatasource(this.#directory, add), add),
        '/data-source/update-jdbc-conn': this.#whileOn(portalEditDatasource(this.#directory, datasources, edit), edit),
      },
      questions: {
        '/data-source/delete-jdbc': {
          method: 'POST',
          // Without data, the answer is that of the document.
          ask: this.#whileOn(
            portalDeleteDatasources(remove),
            async (body, request) => void (await remove(body, request)),
          ),
        },
        ...Object.fromEntries(
          reads.map(([path, { method, ask }]) => [path, { method, ask: this.#whileOn(ask, profileIsOff) }]),
        ),
      },
    };
  }

  /** How the operations are described: as the document has them, and what the portal may leave out. */
  described(documented: LegacyDocumentations): LegacyDocumentations {
    return describedForPortal(documented);
  }

  /** What is described besides the operations. */
  get additions(): LegacyAdditions {
    return portalAdditions;
  }

  #whileOn(portal: LegacyOperation, otherwise: LegacyOperation): LegacyOperation {
    return async (body, request) => {
      const { state } = this.#parts.portalSwitch;
      if (state === 'unknown')
        throw new UnavailableError(new Error('whether account ids are registered once is not known yet'));
      return (state === 'on' ? portal : otherwise)(body, request);
    };
  }
}

async function profileIsOff(): Promise<never> {
  throw new DomainError(
    'ACCOUNT_ALREADY_EXISTS',
    'The pages of the portal are off, because account ids are registered more than once. The log of the gateway names them.',
  );
}
