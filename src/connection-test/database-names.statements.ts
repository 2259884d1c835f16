/** Database names that are told at most. */
export const maxDatabases = 1000;

// One more than is told says whether there are more.
const limit = maxDatabases + 1;

/** The databases that a user of MySQL or MariaDB sees. */
export const selectMysqlDatabases = `SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA ORDER BY SCHEMA_NAME LIMIT ${limit}`;

/** The databases that a user of PostgreSQL or Redshift may connect to. */
export const selectPostgresqlDatabases = `SELECT datname AS name FROM pg_database WHERE datallowconn AND NOT datistemplate AND has_database_privilege(datname, 'CONNECT') ORDER BY datname LIMIT ${limit}`;

/** What a server of PostgreSQL or Redshift says it is. */
export const selectPostgresqlVersion = 'SELECT version() AS version';
