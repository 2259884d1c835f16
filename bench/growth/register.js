/** Registers of any size for the measurement of growth, and the gateway's own build to read them with. */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { ulid } from 'ulid';
import { bundleGateway } from '../../build/gateway.js';

const directory = fileURLToPath(new URL('../../node_modules/.cache/bench/growth', import.meta.url));
const modules = {
  config: 'config',
  dataSource: 'database/data-source',
  migrate: 'database/migrate',
  placeIndexes: 'database/migrations/7-index-datasources-by-place',
  mysql: 'database/mysql.database',
  sqlite: 'database/sqlite.database',
  accounts: 'accounts/account.statements',
  regions: 'accounts/provider-region.statements',
  datasources: 'datasources/datasource.statements',
  audit: 'audit/audit.statements',
};
await bundleGateway(directory, Object.values(modules));
const built = {};
for (const [name, path] of Object.entries(modules)) built[name] = await import(`${directory}/${path}.js`);
const { loadConfig } = built.config;
const { createDataSource } = built.dataSource;
const { migrate } = built.migrate;
const { IndexDatasourcesByPlace1764000000007: IndexesByPlace } = built.placeIndexes;
const { MysqlDatabase } = built.mysql;
const { SqliteDatabase } = built.sqlite;

/** The gateway's own statements. */
export const statements = { ...built.accounts, ...built.regions, ...built.datasources, ...built.audit };

const rowsAtOnce = 500;
const rowsPerTransaction = 20_000;
const perAccount = 100;
const firstInstant = Date.UTC(2024, 0, 1);
const period = 2 * 365 * 86_400_000;
const providers = [1, 2];

/** A name that every account has a datasource of. */
export const commonName = 'orders-db';

/** A register in a database of its own. */
export class Register {
  #location;

  /** @param size how many datasources it is to have */
  constructor(url, size, regionsPerProvider = 5) {
    const SECRETS_KEY = randomBytes(32).toString('base64');
    this.#location = loadConfig({ DATABASE_URL: url, SECRETS_KEY }).database;
    const limits = { timeout: 3_600_000, poolSize: 16, queueLimit: 1000 };
    this.isSqlite = this.#location.kind === 'sqlite';
    this.size = size;
    this.database = this.isSqlite
      ? new SqliteDatabase(this.#location.path, limits)
      : new MysqlDatabase(this.#location, limits);
    const accountCount = Math.max(1, size / perAccount);
    this.accounts = Array.from({ length: accountCount }, (_, number) =>
      account(number, accountCount, regionsPerProvider),
    );
  }

  /**
   * Makes the tables and fills them: an account for each hundred datasources, each in one of ten places, two with the same id,
   * and added in turns, so that those of an account lie apart. The indexes by place come last, as they come to a register that
   * is in use.
   *
   * @returns how long the indexes took, in seconds
   */
  async fill() {
    const { database, accounts, size } = this;
    await migrate(database, this.#location);
    await this.dropIndexesByPlace();
    await inTransactions(database, accounts.length, (from, to, session) =>
      statements.insertAccounts(session, accounts.slice(from, to)),
    );
    await inTransactions(database, size, (from, to, session) => {
      const rows = Array.from({ length: to - from }, (_, place) => this.datasource(from + place));
      return statements.insertDatasources(session, rows);
    });
    const started = performance.now();
    await this.addIndexesByPlace();
    return (performance.now() - started) / 1000;
  }

  /** Adds the indexes of datasources by place, as the migration does. */
  addIndexesByPlace() {
    return this.#migrated((runner) => new IndexesByPlace().up(runner));
  }

  /** Takes them away. */
  dropIndexesByPlace() {
    return this.#migrated((runner) => new IndexesByPlace().down(runner));
  }

  /** The datasource with a number, of which the register has those up to its size. */
  datasource(number) {
    return datasource(number, this.size, this.accounts);
  }

  async #migrated(work) {
    const source = createDataSource(this.#location);
    await source.initialize();
    try {
      await work(source.createQueryRunner());
    } finally {
      await source.destroy();
    }
  }
}

function account(number, count, regionsPerProvider) {
  const createdAt = new Date(firstInstant + (number / count) * 86_400_000);
  return {
    id: `A${ulid(createdAt.getTime())}`,
    accountProvider: providers[number % providers.length],
    accountId: String(100_000_000_000 + Math.floor(number / 2) * 7919),
    region: `region-${Math.floor(number / providers.length) % regionsPerProvider}`,
    createdAt,
    updatedAt: createdAt,
  };
}

function datasource(number, count, accounts) {
  const { accountProvider, accountId, region } = accounts[number % accounts.length];
  const turn = Math.floor(number / accounts.length);
  const createdAt = new Date(firstInstant + 86_400_000 + Math.floor((number / count) * period));
  // Two thirds were never changed; the others at any time since.
  const changedAfter = number % 3 === 0 ? Math.floor(spread(number) * (firstInstant + 2 * period - createdAt)) : 0;
  const chance = Math.floor(spread(number + 7) * 1e9);
  const isCommon = turn === ((number % accounts.length) * 37) % perAccount;
  const name = isCommon ? commonName : `${['stock', 'billing', 'shop', 'crm'][chance % 4]}-${chance}`;
  return {
    id: `D${ulid(createdAt.getTime())}`,
    accountProviderId: accountProvider,
    accountId,
    region,
    instanceId: name,
    description: `The ${name} of shop ${number}, read by the nightly crawler`,
    jdbcConnectionUrl: `jdbc:postgresql://${name}.cluster-${number}.${region}.rds.example.com:5432/main?ssl=true`,
    jdbcConnectionSchema: 'public',
    jdbcEnforceSsl: true,
    kafkaSslEnabled: null,
    masterUsername: 'crawler',
    passwordSealed: Buffer.alloc(60, number % 251),
    secretSealed: null,
    networkAvailabilityZone: `${region}a`,
    networkSubnetId: 'subnet-0123456789abcdef0',
    networkSgId: 'sg-0123456789abcdef0',
    createType: 1,
    version: 1,
    createdAt,
    updatedAt: new Date(createdAt.getTime() + changedAfter),
  };
}

/** A number from 0 to 1 that looks like chance, and is the same in each run. */
function spread(number) {
  return (Math.imul(number ^ 0x5bd1e995, 0x9e3779b1) >>> 0) / 2 ** 32;
}

async function inTransactions(database, count, write) {
  for (let start = 0; start < count; start += rowsPerTransaction) {
    await database.change(async (session) => {
      const end = Math.min(count, start + rowsPerTransaction);
      for (let from = start; from < end; from += rowsAtOnce) {
        await write(from, Math.min(end, from + rowsAtOnce), session);
      }
    });
  }
}
