import { selectAccountsAfter } from '../accounts/account.statements.js';
import type { AuditTrail } from '../audit/audit-trail.js';
import type { Database } from '../database/database.js';
import type { CredentialField, CredentialSeal } from '../datasources/credential-seal.js';
import { type SealedDatasource, selectSealedDatasourcesAfter } from '../datasources/datasource.statements.js';
import { auditTarget } from '../datasources/datasource-changes.js';
import type { Call } from '../security/call.js';
import { SealBrokenError } from '../security/sealing.js';
import type { CredentialEncryption } from './credential-encryption.js';
import { datasourceKey, type RowKind, valuesOf } from './row.js';

/** Some of the rows of a register, as a file shows them: values by their names. */
export interface ExportedPage {
  readonly kind: RowKind;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** Datasources whose stored credentials do not open, so that their rows have none. */
  readonly broken: readonly { readonly key: readonly (string | number)[]; readonly reason: string }[];
}

const pageSize = 500;

/**
 * Reads a register page by page, in the order in which its rows were added, while gateways serve it. What is added, changed
 * or deleted meanwhile may be in it or not.
 */
export class RegisterExport {
  readonly #database: Database;
  readonly #seal: CredentialSeal;
  readonly #audit: AuditTrail;
  readonly #call: Call;

  /**
   * @param database the register
   * @param seal what opens the stored credentials
   * @param audit where it is kept that they were read
   * @param call who reads them
   */
  constructor(database: Database, seal: CredentialSeal, audit: AuditTrail, call: Call) {
    this.#database = database;
    this.#seal = seal;
    this.#audit = audit;
    this.#call = call;
  }

  /** Reads all accounts. */
  async *accounts(): AsyncGenerator<ExportedPage> {
    for (let afterId = '', isLast = false; !isLast; ) {
      const accounts = await this.#database.read((session) => selectAccountsAfter(session, afterId, pageSize));
      yield { kind: 'account', rows: accounts.map((account) => valuesOf('account', account)), broken: [] };
      isLast = accounts.length < pageSize;
      afterId = accounts.at(-1)?.id ?? afterId;
    }
  }

  /**
   * Reads all datasources.
   *
   * @param encryption encrypts their credentials; without it their credentials are not read. For each that is read there is
   *   a line in the audit before it is given.
   */
  async *datasources(encryption?: CredentialEncryption): AsyncGenerator<ExportedPage> {
    for (let afterId = '', isLast = false; !isLast; ) {
      const datasources =
        encryption === undefined ? await this.#read(afterId) : await this.#readWithCredentials(afterId);
      const broken: ExportedPage['broken'][number][] = [];
      const rows = await Promise.all(
        datasources.map(async (datasource) => {
          const values = valuesOf('datasource', datasource);
          if (encryption === undefined || !hasCredentials(datasource)) return values;
          try {
            const clear = {
              password: this.#opened(datasource, 'password'),
              secret: this.#opened(datasource, 'secret'),
            };
            return { ...values, credentials: await encryption.encrypt(datasource, clear) };
          } catch (error) {
            if (!(error instanceof SealBrokenError)) throw error;
            broken.push({ key: datasourceKey(datasource), reason: error.message });
            return values;
          }
        }),
      );
      yield { kind: 'datasource', rows, broken };
      isLast = datasources.length < pageSize;
      afterId = datasources.at(-1)?.id ?? afterId;
    }
  }

  #read(afterId: string): Promise<SealedDatasource[]> {
    return this.#database.read((session) => selectSealedDatasourcesAfter(session, afterId, pageSize));
  }

  #readWithCredentials(afterId: string): Promise<SealedDatasource[]> {
    return this.#database.change(async (session) => {
      const datasources = await selectSealedDatasourcesAfter(session, afterId, pageSize);
      const targets = datasources.filter(hasCredentials).map((datasource) => auditTarget(datasource));
      await this.#audit.recordEach(session, this.#call, 'datasourceCredentials', targets);
      return datasources;
    });
  }

  #opened(datasource: SealedDatasource, field: CredentialField): string | null {
    return this.#seal.opened(datasource, field, datasource[`${field}Sealed`]);
  }
}

function hasCredentials({ hasPassword, hasSecret }: SealedDatasource): boolean {
  return hasPassword || hasSecret;
}
