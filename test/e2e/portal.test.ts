import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { databaseKinds, mysqlKind, sqliteKind, type TestDatabase } from '../support/databases.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { makeKey, startKeyedGateway } from '../support/keyed-gateway.js';
import { askPortal, portalAddition, portalEdit, portalEnv, readOfPortal } from '../support/portal-samples.js';
import { onDatabase, storedEvents } from '../support/raw-database.js';
import {
  accountKey,
  addAccount,
  addDatasource,
  datasourceInput,
  findDatasource,
  legacyBody,
  snapshot,
} from '../support/samples.js';
import { onMysql } from '../support/suites.js';
import { TokenIssuer } from '../support/token-issuer.js';

const done = { status: 'success', code: 1001, message: 'Operation succeeded' };
const tencent = { accountProvider: 2, accountId: '200000001', region: 'ap-shanghai-1' };
const orders = { ...tencent, accountProviderId: 2, instanceId: 'orders-mysql' };
const listAccounts = (values: number[], others: object[] = []) => ({
  page: 1,
  size: 20,
  conditions: [...others, { column: 'account_provider_id', values, operation: 'in', condition: 'and' }],
});
const listJdbc = (accountId: string, others: object[] = [], page = {}) => ({
  page: 1,
  size: 20,
  sort_column: 'create_time',
  asc: false,
  conditions: [{ column: 'account_id', values: [accountId], condition: 'and' }, ...others],
  ...page,
});
const filter = (column: string, operation: string, value: unknown) => ({
  column,
  values: [value],
  condition: 'and',
  operation,
});

describe.each(databaseKinds)('the web portal on $name', (kind) => {
  let database: TestDatabase;
  let gateway: TestGateway;
  let env: Record<string, string>;

  beforeAll(async () => {
    database = await kind.create();
    env = { ...database.env, ...portalEnv() };
    gateway = await startGateway(env);
  });
  afterAll(async () => {
    await gateway?.close();
    await database?.drop();
  });
  beforeEach(() => onDatabase(database, 'DELETE FROM accounts'));

  const legacy = async (route: string, body: object) => (await gateway.legacy(route, body)).body;

  describe('Add Account', () => {
    test.each([
      ['the agent account of AWS, with the usual region', 1, '111111111111', '', 'eu-west-1'],
      ['an account with JDBC only', 4, 'proxy-account', 'eu-west-1', 'eu-west-1'],
      ['an account of Tencent', 2, '200000001', 'ap-shanghai-1', 'ap-shanghai-1'],
      ['an account of Google', 3, 'gcp-project-1', 'asia-east1', 'asia-east1'],
    ])('takes %s', async (_, account_provider, account_id, region, stored) => {
      expect(await legacy('add_account', { account_provider, account_id, region })).toEqual(done);
      expect((await snapshot(gateway)).accounts.edges).toMatchObject([
        { node: { accountProvider: account_provider, accountId: account_id, region: stored } },
      ]);
    });

    test('says what is missing where no region is chosen, and none is usual', async () => {
      const nowhere = { account_provider: 4, account_id: 'proxy-account' };
      expect(await legacy('add_account', nowhere)).toMatchObject({ code: 400, ref: [{ name: 'region' }] });
      expect(await legacy('add_account', { ...nowhere, region: '' })).toMatchObject({ code: 400 });
    });
  });

  describe('an account id', () => {
    beforeEach(() => addAccount(gateway, tencent));

    test.each([
      ['the same account', tencent, /same provider, id and region already exists/],
      ['another region', { ...tencent, region: 'ap-beijing-1' }, /can be registered only once/],
      ['another provider', { ...tencent, accountProvider: 4 }, /can be registered only once/],
    ])('is registered once: not for %s', async (_, key, message) => {
      expect(await legacy('add_account', legacyBody(key))).toMatchObject({
        code: 1230,
        message: expect.stringMatching(message),
      });
      const { errors } = await gateway.graphql(
        'mutation ($input: AddAccountInput!) { addAccount(input: $input) { code } }',
        { input: key },
      );
      expect(errors).toMatchObject([
        { message: expect.stringMatching(message), extensions: { code: 'ACCOUNT_ALREADY_EXISTS', legacyCode: 1230 } },
      ]);
      expect((await snapshot(gateway)).accounts.totalCount).toBe(1);
    });

    test('can be registered elsewhere when its account is deleted', async () => {
      expect(await legacy('delete_account', legacyBody(tencent))).toEqual(done);
      expect(await legacy('add_account', legacyBody({ ...tencent, region: 'ap-beijing-1' }))).toEqual(done);
    });

    test('that was registered before there was a profile is registered', async () => {
      await onDatabase(database, 'DELETE FROM account_id_claims');
      expect(await legacy('add_account', legacyBody({ ...tencent, region: 'ap-beijing-1' }))).toMatchObject({
        code: 1230,
      });
    });
  });

  describe('Delete Account', () => {
    test.each([
      ['of Tencent', { ...tencent }, 2],
      ['of AWS', accountKey(), 1],
      ['of the JDBC proxy, which is shown under AWS', accountKey({ accountProvider: 4 }), 1],
    ])('deletes an account %s, and its datasources', async (_, key, account_provider) => {
      await addAccount(gateway, key);
      await addDatasource(
        gateway,
        datasourceInput('one', { ...key, accountProvider: undefined, accountProviderId: key.accountProvider }),
      );
      const { accountId: account_id, region } = key;
      expect(await legacy('delete_account', { account_id, account_provider, region })).toEqual(done);
      expect(await snapshot(gateway)).toMatchObject({ accounts: { totalCount: 0 }, datasources: { totalCount: 0 } });
    });

    test('deletes neither of two accounts that the portal does not tell apart', async () => {
      await addAccount(gateway);
      await addTwin(database, accountKey({ accountProvider: 4 }));
      const before = await snapshot(gateway);
      const body = { account_id: '123456789012', account_provider: 1, region: 'eu-west-1' };
      expect(await legacy('delete_account', body)).toMatchObject({
        status: 'fail',
        code: 400,
        message: expect.stringContaining('Nothing was deleted'),
      });
      expect(await snapshot(gateway)).toEqual(before);
      expect(await legacy('delete_account', { ...body, account_provider: 4 })).toEqual(done);
      expect(await legacy('delete_account', body)).toEqual(done);
    });

    test('says where there is no such account', async () => {
      expect(await legacy('delete_account', legacyBody(accountKey()))).toMatchObject({ code: 1222 });
    });
  });

  describe('Add Datasource', () => {
    test.each([1, 2, 3, 4])('takes the form, of an account of provider %p', async (provider) => {
      const key = { ...tencent, accountProvider: provider };
      await addAccount(gateway, key);
      expect(await legacy('add-jdbc-conn', portalAddition({ account_provider_id: provider }))).toEqual(done);
      const added = { ...orders, accountProviderId: provider };
      expect(await findDatasource(gateway, added)).toMatchObject({
        networkAvailabilityZone: 'zone-a',
        createType: 1,
        description: 'made in the portal',
        jdbcConnectionSchema: 'orders\ncrm',
        jdbcEnforceSsl: false,
        hasPassword: true,
        hasSecret: false,
      });
    });

    test('takes the form with a secret', async () => {
      await addAccount(gateway, tencent);
      const form = portalAddition({ master_username: '', password: '', secret: 'orders/reader' });
      expect(await legacy('add-jdbc-conn', form)).toEqual(done);
      expect(await findDatasource(gateway, orders)).toMatchObject({
        masterUsername: null,
        hasPassword: false,
        hasSecret: true,
      });
    });

    test('says that a zone is missing where the subnet is not known', async () => {
      await addAccount(gateway, tencent);
      const { message, ...others } = await legacy('add-jdbc-conn', portalAddition({ network_subnet_id: 'subnet-x' }));
      expect(others).toMatchObject({ code: 400, ref: [{ name: 'network_availability_zone' }] });
      expect(message).toContain('network_availability_zone must be');
    });

    test('takes what the document has as the document has it', async () => {
      await addAccount(gateway, tencent);
      const whole = portalAddition({ create_type: 0, network_availability_zone: 'elsewhere' });
      expect(await legacy('add-jdbc-conn', whole)).toEqual(done);
      expect(await findDatasource(gateway, orders)).toMatchObject({
        createType: 0,
        networkAvailabilityZone: 'elsewhere',
      });
      expect(await legacy('add-jdbc-conn', { ...whole, instance_id: 'other', create_type: null })).toMatchObject({
        code: 400,
      });
    });
  });

  describe('Edit Datasource', () => {
    const stored = {
      ...datasourceInput('orders-mysql'),
      ...orders,
      accountProvider: undefined,
      jdbcConnectionUrl: 'jdbc:mysql://db.example.com:3306',
      jdbcConnectionSchema: 'orders\ncrm',
      masterUsername: 'reader',
      password: 'pw-1',
      secret: null,
      networkAvailabilityZone: 'zone-a',
      networkSubnetId: 'subnet-a',
      kafkaSslEnabled: true,
      glueCrawlerLastUpdated: '2026-02-28T13:05:00.000Z',
      creationTime: 'then',
      lastUpdatedTime: 'later',
      createType: 0,
      jdbcDriverJarUri: 's3://jars/one.jar',
    };

    beforeEach(async () => {
      await addAccount(gateway, tencent);
      await addDatasource(gateway, stored);
    });

    /** What the form sends: what the detail gave it, and then what is typed in. */
    async function form(changes: Record<string, unknown> = {}) {
      const { account_provider_id, account_id, region, instance_id } = portalEdit();
      const key = { account_provider_id, account_id, region, instance_id };
      const detail = await readOfPortal(gateway, 'data-source/query-connection-detail', key);
      const properties = detail.ConnectionProperties;
      const body = {
        ...portalEdit(),
        description: detail.Description,
        jdbc_connection_url: properties.JDBC_CONNECTION_URL,
        jdbc_connection_schema: properties.JDBC_CONNECTION_SCHEMA,
        jdbc_enforce_ssl: properties.JDBC_ENFORCE_SSL,
        master_username: properties.USERNAME,
        password: properties.PASSWORD,
        secret: properties.SECRET_ID,
        skip_custom_jdbc_cert_validation: properties.SKIP_CUSTOM_JDBC_CERT_VALIDATION,
        custom_jdbc_cert: properties.CUSTOM_JDBC_CERT,
        custom_jdbc_cert_string: properties.CUSTOM_JDBC_CERT_STRING,
        network_availability_zone: detail.PhysicalConnectionRequirements.AvailabilityZone,
        network_subnet_id: detail.PhysicalConnectionRequirements.SubnetId,
        network_sg_id: detail.PhysicalConnectionRequirements.SecurityGroupIdList[0],
        jdbc_driver_class_name: properties.JDBC_DRIVER_CLASS_NAME,
        jdbc_driver_jar_uri: properties.JDBC_DRIVER_JAR_URI,
        ...changes,
      };
      return JSON.parse(JSON.stringify(body));
    }

    test('changes nothing where nothing is typed in', async () => {
      const before = await snapshot(gateway);
      const body = await form();
      expect(Object.keys(body)).not.toContain('password');
      expect(await legacy('update-jdbc-conn', body)).toEqual(done);
      expect(await snapshot(gateway)).toEqual(before);
    });

    test('changes what is typed in, and keeps the credential and what the form has not', async () => {
      expect(await legacy('update-jdbc-conn', await form({ description: 'changed in the portal' }))).toEqual(done);
      expect(await findDatasource(gateway, orders)).toMatchObject({
        description: 'changed in the portal',
        jdbcEnforceSsl: null,
        kafkaSslEnabled: true,
        glueCrawlerLastUpdated: '2026-02-28T13:05:00.000Z',
        creationTime: 'then',
        lastUpdatedTime: 'later',
        createType: 0,
        jdbcDriverJarUri: 's3://jars/one.jar',
        hasPassword: true,
        version: 2,
      });
      expect((await storedEvents(database)).at(-1)).toMatchObject({
        operation: 'updateDatasource',
        surface: 'rest',
        changes: [{ field: 'description', from: null, to: 'changed in the portal' }],
      });
    });

    test('takes the form of what the portal itself has added', async () => {
      await legacy('delete-jdbc', { ...legacyBody(tencent), instances: ['orders-mysql'] });
      await legacy('add-jdbc-conn', portalAddition());
      expect(await legacy('update-jdbc-conn', portalEdit())).toEqual(done);
      expect(await findDatasource(gateway, orders)).toMatchObject({
        description: 'changed in the portal',
        jdbcEnforceSsl: false,
        skipCustomJdbcCertValidation: false,
        hasPassword: true,
      });
    });

    test('clears what is emptied', async () => {
      await legacy('update-jdbc-conn', await form({ description: 'one' }));
      expect(await legacy('update-jdbc-conn', await form({ description: '', master_username: 'other' }))).toEqual(done);
      expect(await findDatasource(gateway, orders)).toMatchObject({
        description: null,
        masterUsername: 'other',
        hasPassword: true,
      });
    });

    test.each([
      ['another URL', { jdbc_connection_url: 'jdbc:mysql://elsewhere.example.com:3306' }],
      ['SSL', { jdbc_enforce_ssl: 'true' }],
      ['another driver', { jdbc_driver_class_name: 'com.mysql.Driver' }],
    ])('sends the stored credential nowhere else unseen: %s needs it again', async (_, changes) => {
      const before = await snapshot(gateway);
      expect(await legacy('update-jdbc-conn', await form(changes))).toMatchObject({
        code: 1231,
        message: expect.stringContaining('needs the stored password'),
      });
      expect(await snapshot(gateway)).toEqual(before);
      expect(await legacy('update-jdbc-conn', await form({ ...changes, password: 'pw-2' }))).toEqual(done);
    });

    test('takes a secret instead of the password', async () => {
      const body = await form({ master_username: '', password: '', secret: 'orders/reader' });
      expect(await legacy('update-jdbc-conn', body)).toEqual(done);
      expect(await findDatasource(gateway, orders)).toMatchObject({
        masterUsername: null,
        hasPassword: false,
        hasSecret: true,
      });
    });

    test('takes the zone of the subnet that is chosen', async () => {
      expect(await legacy('update-jdbc-conn', await form({ network_subnet_id: 'subnet-b' }))).toEqual(done);
      expect(await findDatasource(gateway, orders)).toMatchObject({
        networkSubnetId: 'subnet-b',
        networkAvailabilityZone: 'zone-b',
      });
    });

    test('replaces the whole, as the document has it, where the body says how it came', async () => {
      const body = { ...(await form({ create_type: 1, secret: 'orders/reader' })) };
      expect(await legacy('update-jdbc-conn', body)).toEqual(done);
      expect(await findDatasource(gateway, orders)).toMatchObject({
        kafkaSslEnabled: null,
        creationTime: null,
        createType: 1,
        jdbcEnforceSsl: false,
      });
      expect(await legacy('update-jdbc-conn', await form({ create_type: 1 }))).toMatchObject({ code: 1231 });
    });

    test('stays strict on the path of the document', async () => {
      expect(await legacy('delete_account', await form())).toMatchObject({ code: 400, ref: [{ name: 'create_type' }] });
    });

    test('names what is wrong, and what is not there', async () => {
      expect(
        await legacy('update-jdbc-conn', await form({ network_sg_id: '', jdbc_connection_schema: ' ' })),
      ).toMatchObject({
        code: 400,
        ref: [{ name: 'jdbc_connection_schema' }, { name: 'network_sg_id' }],
      });
      expect(await legacy('update-jdbc-conn', portalEdit({ instance_id: 'none' }))).toMatchObject({ code: 1249 });
    });
  });

  test('Delete Datasource tells of each', async () => {
    await addAccount(gateway, tencent);
    for (const instance_id of ['third', 'fourth']) await legacy('add-jdbc-conn', portalAddition({ instance_id }));
    const body = {
      account_id: '200000001',
      region: 'ap-shanghai-1',
      instances: ['third', 'fourth', 'third'],
      account_provider: 2,
    };
    expect(await legacy('delete-jdbc', { ...body, instances: ['third', 'none'] })).toMatchObject({ code: 1249 });
    expect(await legacy('delete-jdbc', body)).toEqual({
      ...done,
      data: [
        ['third', ''],
        ['fourth', ''],
      ],
    });
  });

  describe('a read', () => {
    test('of the providers', async () => {
      expect(await readOfPortal(gateway, 'data-source/list-providers', {})).toEqual([
        { id: 1, provider_name: 'AWS Cloud', description: null, status: 1 },
        { id: 2, provider_name: 'Tencent Cloud', description: 'Accounts of Tencent', status: 1 },
        { id: 3, provider_name: 'Google Cloud', description: null, status: 1 },
        { id: 4, provider_name: 'JDBC Proxy', description: null, status: 1 },
      ]);
    });

    test('of the numbers of a provider counts the JDBC proxy under AWS', async () => {
      await addAccount(gateway);
      await addAccount(gateway, accountKey({ accountProvider: 4, accountId: 'proxy', region: 'us-east-1' }));
      await addAccount(gateway, tencent);
      await addDatasource(gateway, datasourceInput('one'));
      await addDatasource(
        gateway,
        datasourceInput('two', { accountProviderId: 4, accountId: 'proxy', region: 'us-east-1' }),
      );
      const none = {
        s3_connected: 0,
        s3_total: 0,
        rds_connected: 0,
        rds_total: 0,
        glue_connected: 0,
        glue_total: 0,
        jdbc_connected: 0,
      };
      expect(await readOfPortal(gateway, 'data-source/coverage?provider_id=1')).toEqual({ ...none, jdbc_total: 2 });
      expect(await readOfPortal(gateway, 'data-source/coverage?provider_id=2')).toEqual({ ...none, jdbc_total: 0 });
      const summary = 'catalog/dashboard/agg-data-source-summary?provider_id=';
      expect(await readOfPortal(gateway, `${summary}1`)).toEqual({ account_total: 2, region_total: 2 });
      expect(await readOfPortal(gateway, `${summary}2`)).toEqual({ account_total: 1, region_total: 1 });
      expect(await readOfPortal(gateway, `${summary}3`)).toEqual({ account_total: 0, region_total: 0 });
    });

    test('of the regions of a provider', async () => {
      const regions = 'data-source/query-regions-by-provider?provider_id=';
      expect(await readOfPortal(gateway, `${regions}2`)).toEqual([
        { id: 1, region_name: 'ap-shanghai-1', region_alias: 'Shanghai', region_cord: '121.4737,31.2304' },
      ]);
      expect(await readOfPortal(gateway, `${regions}1`)).toMatchObject([
        { region_alias: 'Europe (Ireland)' },
        { region_alias: 'us-east-1' },
      ]);
      expect(await readOfPortal(gateway, `${regions}4`)).toEqual(await readOfPortal(gateway, `${regions}1`));
    });

    test('of an account gives all that its list shows', async () => {
      await addAccount(gateway, tencent);
      await legacy('add-jdbc-conn', portalAddition());
      const page = await readOfPortal(gateway, 'data-source/list-account', listAccounts([2]));
      expect(page).toEqual({
        items: [
          {
            id: expect.stringMatching(/^A/),
            account_id: '200000001',
            account_provider_id: 2,
            region: 'ap-shanghai-1',
            account_alias: null,
            account_email: null,
            delegated_account_id: null,
            organization_unit_id: null,
            status: 1,
            stack_id: null,
            stackset_id: null,
            stackset_name: null,
            stack_status: null,
            stack_instance_status: null,
            detection_role_name: null,
            detection_role_status: null,
            total_s3_bucket: 0,
            connected_s3_bucket: 0,
            total_rds_instance: 0,
            connect_rds_instance: 0,
            total_glue_database: 0,
            connected_glue_database: 0,
            total_jdbc_instance: 1,
            connected_jdbc_instance: 0,
            last_updated: expect.stringMatching(/^\d{4}-.*Z$/),
          },
        ],
        total: 1,
        page: 1,
        size: 20,
        pages: 1,
      });
    });

    test('of a datasource gives all that its list shows, and no credential', async () => {
      await addAccount(gateway, tencent);
      await legacy('add-jdbc-conn', portalAddition({ secret: 'orders/reader' }));
      const page = await readOfPortal(gateway, 'data-source/list-jdbc?provider_id=2', listJdbc('200000001'));
      expect(page).toEqual({
        items: [
          {
            ...portalAddition(),
            custom_jdbc_cert: null,
            custom_jdbc_cert_string: null,
            creation_time: null,
            last_updated_time: null,
            jdbc_driver_class_name: null,
            jdbc_driver_jar_uri: null,
            network_availability_zone: 'zone-a',
            password: null,
            secret: null,
            kafka_ssl_enabled: null,
            glue_crawler_last_updated: null,
            create_type: 1,
            glue_state: null,
            glue_connection: null,
            glue_database: null,
            glue_crawler: null,
            glue_vpc_endpoint: null,
            connection_status: null,
            data_source_id: null,
            detection_history_id: null,
            instance_class: null,
            instance_status: null,
          },
        ],
        total: 1,
        page: 1,
        size: 20,
        pages: 1,
      });
      expect(await readOfPortal(gateway, 'data-source/list-jdbc?provider_id=1', listJdbc('200000001'))).toMatchObject({
        items: [],
        total: 0,
      });
    });

    test('of the detail of a datasource has no credential, absent and not empty', async () => {
      await addAccount(gateway, tencent);
      await legacy('add-jdbc-conn', portalAddition({ secret: 'orders/reader', custom_jdbc_cert: 's3://certs/one' }));
      const key = {
        account_provider_id: 2,
        account_id: '200000001',
        region: 'ap-shanghai-1',
        instance_id: 'orders-mysql',
      };
      expect(await readOfPortal(gateway, 'data-source/query-connection-detail', key)).toEqual({
        Name: 'orders-mysql',
        Description: 'made in the portal',
        ConnectionType: 'JDBC',
        ConnectionProperties: {
          JDBC_CONNECTION_URL: 'jdbc:mysql://db.example.com:3306',
          JDBC_CONNECTION_SCHEMA: 'orders\ncrm',
          JDBC_ENFORCE_SSL: 'false',
          USERNAME: 'reader',
          SKIP_CUSTOM_JDBC_CERT_VALIDATION: 'false',
          CUSTOM_JDBC_CERT: 's3://certs/one',
        },
        PhysicalConnectionRequirements: {
          SubnetId: 'subnet-a',
          SecurityGroupIdList: ['sg-1'],
          AvailabilityZone: 'zone-a',
        },
      });
      const missing = await askPortal(gateway, 'data-source/query-connection-detail', { ...key, instance_id: 'none' });
      expect(missing.body).toMatchObject({ status: 'fail', code: 1249 });
    });

    test('of what the file says of an account', async () => {
      const account = { account_provider_id: 2, account_id: '200000001', region: 'ap-shanghai-1' };
      const network = {
        vpcs: [
          {
            vpcId: 'vpc-1',
            vpcName: 'main',
            subnets: [
              { subnetId: 'subnet-a', arn: 'subnet-a', subnetName: 'subnet-a' },
              { subnetId: 'subnet-b', arn: 'arn:subnet-b', subnetName: 'second' },
            ],
            securityGroups: [
              { securityGroupId: 'sg-1', securityGroupName: 'databases' },
              { securityGroupId: 'sg-2', securityGroupName: 'sg-2' },
            ],
          },
        ],
      };
      expect(await readOfPortal(gateway, 'data-source/query-account-network', account)).toEqual(network);
      expect(
        await readOfPortal(gateway, 'data-source/query-account-network', { ...account, account_provider_id: 4 }),
      ).toEqual(network);
      const secrets = 'data-source/secrets?provider=2&region=ap-shanghai-1&account=';
      expect(await readOfPortal(gateway, `${secrets}200000001`)).toEqual([
        { Name: 'orders/reader', ARN: 'arn:orders/reader' },
      ]);
      expect(await readOfPortal(gateway, `${secrets}another`)).toMatchObject([
        { Name: 'orders/reader' },
        { Name: 'of another account' },
      ]);
      expect(await readOfPortal(gateway, 'data-source/secrets?provider=1&account=1&region=eu-west-1')).toEqual([]);
    });

    test('of the databases of a server takes what the URL names', async () => {
      const body = {
        connection_url: 'jdbc:mysql://db.example.com:3306/orders',
        username: 'reader',
        password: 'pw-1',
        secret_id: '',
        ssl_verify_cert: false,
      };
      expect(await readOfPortal(gateway, 'data-source/jdbc-databases', body)).toEqual(['orders']);
      expect(
        await readOfPortal(gateway, 'data-source/jdbc-databases', {
          ...body,
          connection_url: 'db.example.com:3306/orders',
        }),
      ).toEqual(['orders']);
      const without = await askPortal(gateway, 'data-source/jdbc-databases', {
        ...body,
        connection_url: 'jdbc:mysql://db.example.com:3306',
      });
      expect(without).toEqual({
        httpStatus: 200,
        body: { status: 'fail', code: 400, message: expect.stringContaining('db.example.com:3306/orders'), ref: null },
      });
      const wrong = await askPortal(gateway, 'data-source/jdbc-databases', {
        ...body,
        connection_url: 'jdbc:mysql://db.example.com/x?password=pw-1',
      });
      expect(wrong.body).toMatchObject({ code: 1253 });
      expect(JSON.stringify([without, wrong])).not.toContain('pw-1');
    });

    test('of what is not kept here is empty', async () => {
      const account = { account_provider_id: 1, account_id: '1', region: 'eu-west-1' };
      expect(
        await readOfPortal(gateway, 'data-source/refresh', { provider_id: 2, accounts: ['200000001'], type: 'all' }),
      ).toBe(true);
      expect(await readOfPortal(gateway, 'data-source/list-buckets', account)).toEqual([]);
      expect(await readOfPortal(gateway, 'data-source/query-glue-connections', account)).toEqual([]);
      for (const list of ['list-s3', 'list-rds', 'list-glue-database']) {
        const body = {
          page: 2,
          size: 50,
          sort_column: 'last_modify_at',
          asc: false,
          conditions: [filter('account_id', '=', '1')],
        };
        expect(await readOfPortal(gateway, `data-source/${list}`, body)).toEqual({
          items: [],
          total: 0,
          page: 2,
          size: 50,
          pages: 0,
        });
      }
    });

    test('of suggestions', async () => {
      await addAccount(gateway);
      await addAccount(gateway, accountKey({ accountProvider: 4, accountId: 'proxy', region: 'us-east-1' }));
      await addAccount(gateway, tencent);
      await addDatasource(gateway, datasourceInput('one', { glueCrawlerLastUpdated: '2026-02-28T13:05:00Z' }));
      await addDatasource(gateway, datasourceInput('two', { description: 'Orders' }));
      const condition = encodeURIComponent(
        JSON.stringify({ column: 'account_provider_id', condition: 'and', operation: 'in', values: [1, 4] }),
      );
      const values = (table: string, column: string, given = condition) =>
        readOfPortal(gateway, `query/property_values?table=${table}&column=${column}&condition=${given}`);
      expect(await values('source_account', 'region')).toEqual(['eu-west-1', 'us-east-1']);
      expect(await values('source_account', 'region', '')).toEqual(['ap-shanghai-1', 'eu-west-1', 'us-east-1']);
      expect(await values('source_account', 'region', 'null')).toHaveLength(3);
      expect(await values('source_account', 'account_id')).toEqual(['123456789012', 'proxy']);
      expect(await values('source_account', 'status')).toEqual([1]);
      expect(await values('source_jdbc_instance', 'description')).toEqual(['Empty', 'Orders']);
      expect(await values('source_jdbc_instance', 'glue_state')).toEqual(['Empty']);
      expect(await values('source_jdbc_instance', 'glue_crawler_last_updated')).toEqual([
        'Empty',
        '2026-02-28T13:05:00.000Z',
      ]);
      expect(await values('source_s3_bucket', 'bucket_name')).toEqual([]);
    });
  });

  describe('a list', () => {
    beforeEach(async () => {
      for (const [accountProvider, accountId, region] of [
        [1, '111111111111', 'eu-west-1'],
        [1, '222222222222', 'us-east-1'],
        [4, 'proxy-1', 'eu-west-1'],
        [2, '200000001', 'ap-shanghai-1'],
      ] as const) {
        await addAccount(gateway, { accountProvider, accountId, region });
      }
    });

    const ids = async (values: number[], ...conditions: object[]) => {
      const { items, total } = await readOfPortal(
        gateway,
        'data-source/list-account',
        listAccounts(values, conditions),
      );
      const found = items.map((item: { account_id: string }) => item.account_id);
      expect(total).toBe(found.length);
      return found;
    };

    test.each<[string, object, string[]]>([
      ['is', filter('account_id', '=', '111111111111'), ['111111111111']],
      ['is, without saying so', { column: 'account_id', values: ['proxy-1'], condition: 'and' }, ['proxy-1']],
      ['is not', filter('account_id', '!=', '111111111111'), ['222222222222', 'proxy-1']],
      ['contains, whatever the case', filter('account_id', ':', 'PROXY'), ['proxy-1']],
      ['does not contain', filter('region', '!:', 'west'), ['222222222222']],
      ['is one of', { ...filter('region', 'in', ''), values: ['us-east-1', 'nowhere'] }, ['222222222222']],
      ['is a number', filter('account_id', '=', 222222222222), ['222222222222']],
      ['stands anywhere', { values: ['us-'], condition: 'and', operation: ':' }, ['222222222222']],
      ['stands nowhere', { values: ['us-'], condition: 'and', operation: '!:' }, ['111111111111', 'proxy-1']],
      ['has a status that all have', filter('status', '=', 1), ['111111111111', '222222222222', 'proxy-1']],
      ['has a status that none has', filter('status', '=', 0), []],
      ['has not a status that all have', filter('status', '!=', '1'), []],
      ['has a wildcard of another language in it', filter('account_id', ':', '%'), []],
      ['is of one provider of those', filter('account_provider_id', '!=', 4), ['111111111111', '222222222222']],
    ])('of accounts: one column %s', async (_, condition, expected) => {
      expect(await ids([1, 4], condition)).toEqual(expected);
    });

    test('of accounts meets all conditions at once', async () => {
      expect(
        await ids(
          [1, 4],
          filter('region', '=', 'eu-west-1'),
          filter('account_id', ':', '1'),
          filter('account_id', '!:', 'proxy'),
        ),
      ).toEqual(['111111111111']);
      expect(await ids([3])).toEqual([]);
    });

    test('of accounts comes in pages, in the same order each time', async () => {
      const page = async (number: number) => {
        const body = { ...listAccounts([1, 4]), page: number, size: 2 };
        const { items, ...others } = await readOfPortal(gateway, 'data-source/list-account', body);
        return { ids: items.map((item: { account_id: string }) => item.account_id), ...others };
      };
      expect(await page(1)).toEqual({ ids: ['111111111111', '222222222222'], total: 3, page: 1, size: 2, pages: 2 });
      expect(await page(2)).toEqual({ ids: ['proxy-1'], total: 3, page: 2, size: 2, pages: 2 });
      expect(await page(3)).toEqual({ ids: [], total: 3, page: 3, size: 2, pages: 2 });
    });

    test('of accounts is sorted by what can be seen', async () => {
      const sorted = async (sort_column: string, asc: boolean) => {
        const { items } = await readOfPortal(gateway, 'data-source/list-account', {
          ...listAccounts([1, 4]),
          sort_column,
          asc,
        });
        return items.map((item: { account_id: string }) => item.account_id);
      };
      expect(await sorted('account_id', true)).toEqual(['111111111111', '222222222222', 'proxy-1']);
      expect(await sorted('account_id', false)).toEqual(['proxy-1', '222222222222', '111111111111']);
      expect(await sorted('region', false)).toEqual(['222222222222', 'proxy-1', '111111111111']);
      expect(await sorted('create_time', false)).toEqual(['proxy-1', '222222222222', '111111111111']);
    });

    describe('of datasources', () => {
      beforeEach(async () => {
        const key = { accountProviderId: 2, accountId: '200000001', region: 'ap-shanghai-1' };
        await addDatasource(gateway, datasourceInput('orders', { ...key, description: 'The orders' }));
        await addDatasource(
          gateway,
          datasourceInput('crm', { ...key, jdbcConnectionUrl: 'jdbc:postgresql://CRM.example.com/crm' }),
        );
        await addDatasource(
          gateway,
          datasourceInput('stock', { ...key, description: 'Empty', glueCrawlerLastUpdated: '2026-02-28T13:05:00Z' }),
        );
      });

      const names = async (...conditions: object[]) => {
        const { items, total } = await readOfPortal(
          gateway,
          'data-source/list-jdbc?provider_id=2',
          listJdbc('200000001', conditions, { sort_column: 'instance_id', asc: true }),
        );
        const found = items.map((item: { instance_id: string }) => item.instance_id);
        expect(total).toBe(found.length);
        return found;
      };

      test.each<[string, object, string[]]>([
        ['instance_id is', filter('instance_id', '=', 'crm'), ['crm']],
        ['instance_id is, exactly', filter('instance_id', '=', 'CRM'), []],
        ['description contains', filter('description', ':', 'ORDERS'), ['orders']],
        ['description is not', filter('description', '!=', 'The orders'), ['crm', 'stock']],
        ['description does not contain', filter('description', '!:', 'orders'), ['crm', 'stock']],
        ['description is empty', filter('description', '=', 'Empty'), ['crm', 'stock']],
        ['description is not empty', filter('description', '!=', 'Empty'), ['orders']],
        ['jdbc_connection_url contains', filter('jdbc_connection_url', ':', 'crm.example'), ['crm']],
        ['glue_state is none', filter('glue_state', '=', ''), ['crm', 'orders', 'stock']],
        ['glue_state is some', filter('glue_state', '=', 'ACTIVE'), []],
        ['glue_connection contains', filter('glue_connection', ':', 'x'), []],
        ['glue_connection contains not', filter('glue_connection', '!:', 'x'), ['crm', 'orders', 'stock']],
        [
          'glue_crawler_last_updated is',
          filter('glue_crawler_last_updated', '=', '2026-02-28T13:05:00.000Z'),
          ['stock'],
        ],
        ['glue_crawler_last_updated is in a month', filter('glue_crawler_last_updated', ':', '2026-02'), ['stock']],
        [
          'glue_crawler_last_updated is not on a day',
          filter('glue_crawler_last_updated', '!:', '2026-02-28'),
          ['crm', 'orders'],
        ],
        ['glue_crawler_last_updated is none', filter('glue_crawler_last_updated', '=', 'Empty'), ['crm', 'orders']],
        ['any of the columns contains', { values: ['crm'], operation: ':' }, ['crm']],
      ])('%s', async (_, condition, expected) => {
        expect(await names(condition)).toEqual(expected);
      });

      test('the newest first, in pages', async () => {
        const read = (page: number) =>
          readOfPortal(gateway, 'data-source/list-jdbc?provider_id=2', listJdbc('200000001', [], { page, size: 2 }));
        const [first, second] = [await read(1), await read(2)];
        expect([...first.items, ...second.items].map(({ instance_id }) => instance_id)).toEqual([
          'stock',
          'crm',
          'orders',
        ]);
        expect([first.total, first.pages, second.items.length]).toEqual([3, 2, 1]);
      });

      test('of all accounts of a provider, or of one that is not there', async () => {
        const read = async (body: object) =>
          (await readOfPortal(gateway, 'data-source/list-jdbc?provider_id=2', body)).total;
        expect(await read({ page: 1, size: 20, conditions: [] })).toBe(3);
        expect(await read({})).toBe(3);
        expect(await read(listJdbc('nobody'))).toBe(0);
      });

      test('of an account id in two regions shows those of both', async () => {
        await addTwin(database, { ...tencent, region: 'ap-beijing-1' });
        await addDatasource(
          gateway,
          datasourceInput('far', { accountProviderId: 2, accountId: '200000001', region: 'ap-beijing-1' }),
        );
        expect(await names()).toEqual(['crm', 'far', 'orders', 'stock']);
        expect(
          await legacy('delete-jdbc', {
            account_id: '200000001',
            region: 'ap-beijing-1',
            instances: ['far'],
            account_provider: 2,
          }),
        ).toMatchObject({ data: [['far', '']] });
      });
    });
  });

  describe('refuses, with 400 and unchanged,', () => {
    const sql = "account_id' OR '1'='1";
    test.each<[string, string, object | undefined, string]>([
      [
        'a column that is not in the list',
        'data-source/list-account',
        listAccounts([1], [filter('id', '=', 'x')]),
        'conditions[0].column',
      ],
      [
        'a column of the table',
        'data-source/list-jdbc?provider_id=2',
        listJdbc('1', [filter('password_sealed', ':', 'x')]),
        'conditions[1].column',
      ],
      [
        'SQL for a column',
        'data-source/list-account',
        listAccounts([1], [filter(sql, '=', 'x')]),
        'conditions[0].column',
      ],
      [
        'what every object has for a column',
        'data-source/list-account',
        listAccounts([1], [filter('constructor', '=', 'x')]),
        'conditions[0].column',
      ],
      [
        'a number for a column',
        'data-source/list-account',
        listAccounts([1], [{ column: 5, values: ['x'] }]),
        'conditions[0].column',
      ],
      [
        'an operation that is none',
        'data-source/list-account',
        listAccounts([1], [filter('region', 'LIKE', 'x')]),
        'conditions[0].operation',
      ],
      [
        'conditions that are linked by or',
        'data-source/list-account',
        listAccounts([1], [{ ...filter('region', '=', 'x'), condition: 'or' }]),
        'conditions[0].condition',
      ],
      [
        '10,000 conditions',
        'data-source/list-account',
        listAccounts([1], Array(10_000).fill(filter('region', '=', 'x'))),
        'conditions',
      ],
      [
        '10,000 values',
        'data-source/list-account',
        listAccounts([1], [{ ...filter('region', 'in', 'x'), values: Array(10_000).fill('x') }]),
        'conditions[0].values',
      ],
      [
        'a long value',
        'data-source/list-account',
        listAccounts([1], [filter('region', '=', 'x'.repeat(2049))]),
        'conditions[0].values',
      ],
      [
        'no values',
        'data-source/list-account',
        listAccounts([1], [{ ...filter('region', '=', 'x'), values: [] }]),
        'conditions[0].values',
      ],
      [
        'a value that is a list',
        'data-source/list-account',
        listAccounts([1], [filter('region', '=', ['x'])]),
        'conditions[0].values',
      ],
      [
        'a value that is an object',
        'data-source/list-account',
        listAccounts([1], [filter('region', '=', { $ne: '' })]),
        'conditions[0].values',
      ],
      [
        'a lone surrogate',
        'data-source/list-account',
        listAccounts([1], [filter('region', '=', '\ud800')]),
        'conditions[0].values',
      ],
      [
        'a provider that is none',
        'data-source/list-account',
        listAccounts([1], [filter('account_provider_id', '=', '1 OR 1')]),
        'conditions[0].values',
      ],
      [
        'a date that is none',
        'data-source/list-jdbc?provider_id=2',
        listJdbc('1', [filter('glue_crawler_last_updated', '=', 'yesterday')]),
        'conditions[1].values',
      ],
      ['a condition that is none', 'data-source/list-account', { conditions: ['x'] }, 'conditions[0]'],
      ['conditions that are none', 'data-source/list-account', { conditions: 'x' }, 'conditions'],
      [
        'SQL for an order',
        'data-source/list-jdbc?provider_id=2',
        listJdbc('1', [], { sort_column: 'create_time; DROP TABLE accounts' }),
        'sort_column',
      ],
      ['a word for asc', 'data-source/list-account', { ...listAccounts([1]), asc: 'DESC' }, 'asc'],
      ['page 0', 'data-source/list-account', { ...listAccounts([1]), page: 0 }, 'page'],
      ['half a page', 'data-source/list-account', { ...listAccounts([1]), page: 1.5 }, 'page'],
      ['a page beyond all', 'data-source/list-account', { ...listAccounts([1]), page: 2147483647 }, 'page'],
      ['a page too deep', 'data-source/list-account', { ...listAccounts([1]), page: 5001 }, 'page'],
      ['a huge page', 'data-source/list-account', { ...listAccounts([1]), size: 100_000 }, 'size'],
      ['a huge empty page', 'data-source/list-s3', { size: 1e9 }, 'size'],
      ['no provider', 'data-source/list-jdbc', listJdbc('1'), 'provider_id'],
      ['SQL for a provider', 'data-source/coverage?provider_id=1%20OR%201=1', undefined, 'provider_id'],
      ['two providers', 'data-source/coverage?provider_id=1&provider_id=2', undefined, 'provider_id'],
      ['a table that is none', 'query/property_values?table=api_keys&column=hash&condition=', undefined, 'table'],
      [
        'a column that is none',
        'query/property_values?table=source_jdbc_instance&column=password_sealed&condition=',
        undefined,
        'column',
      ],
      [
        'a condition that is no JSON',
        'query/property_values?table=source_account&column=region&condition=%7B',
        undefined,
        'condition',
      ],
      [
        'an account without a region',
        'data-source/query-account-network',
        { account_provider_id: 1, account_id: '1' },
        'region',
      ],
      ['a password that is an object', 'data-source/jdbc-databases', { connection_url: 'x', password: {} }, 'password'],
    ])('%s', async (_, path, body, name) => {
      await addAccount(gateway);
      const before = await snapshot(gateway);
      const answer = await askPortal(gateway, path, body);
      expect([answer.httpStatus, answer.body.status, answer.body.code]).toEqual([200, 'fail', 400]);
      expect(answer.body.ref.map((one: { name: string }) => one.name)).toContain(name);
      expect(JSON.stringify(answer.body).length).toBeLessThan(2_000);
      expect(await snapshot(gateway)).toEqual(before);
    });
  });

  test('takes other methods for what they are', async () => {
    const url = `${gateway.url}/data-source/coverage?provider_id=1`;
    const refused = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
    expect([refused.status, refused.headers.get('allow'), await refused.json()]).toEqual([
      405,
      'GET',
      expect.objectContaining({ message: 'This route takes GET only.' }),
    ]);
    expect((await fetch(`${gateway.url}/data-source/list-account`)).status).toBe(405);
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200);
  });

  describe('with several gateways', () => {
    let other: TestGateway | undefined;
    let without: TestGateway | undefined;

    beforeAll(async () => {
      // A file of SQLite is served by one gateway.
      if (kind.name === 'SQLite') return;
      other = await startGateway(env);
      without = await startGateway(database.env);
    });
    afterAll(async () => {
      await other?.close();
      await without?.close();
    });

    test('who add an account id at once, one adds it', async () => {
      const gateways = [gateway, other ?? gateway];
      for (let round = 0; round < 20; round += 1) {
        const answers = await Promise.all(
          ['one', 'two', 'three', 'four'].map((region, at) =>
            (gateways[at % 2] as TestGateway).legacy('add_account', {
              account_provider: 2,
              account_id: `raced-${round}`,
              region,
            }),
          ),
        );
        const codes = answers.map(({ body }) => body.code).sort();
        expect(codes).toEqual([1001, 1230, 1230, 1230]);
      }
      expect((await snapshot(gateway)).accounts.totalCount).toBe(20);
    });

    test('one that has no profile does as the document has it', async () => {
      if (without === undefined) return;
      await addAccount(gateway, tencent);
      const { body } = await without.legacy('add_account', legacyBody({ ...tencent, region: 'ap-beijing-1' }));
      expect(body).toEqual(done);
      expect(await legacy('add_account', legacyBody({ ...tencent, region: 'third' }))).toMatchObject({ code: 1230 });
    });
  });
});

/** Adds an account past the gateway, as one without a profile would. */
async function addTwin(
  database: TestDatabase,
  { accountProvider, accountId, region }: ReturnType<typeof accountKey>,
): Promise<void> {
  const id = `A01M86CVDJB5S3CXJSD83W${String(Math.random()).slice(2, 7)}`;
  await onDatabase(
    database,
    'INSERT INTO accounts (id, account_provider, account_id, region, created_at, updated_at) VALUES (?, ?, ?, ?, 1, 1)',
    [id, accountProvider, accountId, region],
  );
}

describe.each(databaseKinds)('a register that has account ids more than once, on $name,', (kind) => {
  test('is named at the start, and the profile is off until it is mended', async () => {
    const database = await kind.create();
    let gateway = await startGateway(database.env);
    for (const region of ['eu-west-1', 'us-east-1']) await addAccount(gateway, accountKey({ region }));
    await addAccount(gateway, accountKey({ accountProvider: 2, accountId: 'twin' }));
    await addAccount(gateway, accountKey({ accountProvider: 4, accountId: 'twin' }));
    await addAccount(gateway, tencent);
    await gateway.close();

    gateway = await startGateway({ ...database.env, ...portalEnv() });
    const errors = gateway.log.map((line) => JSON.parse(line)).filter(({ level }) => level === 'error');
    expect(errors).toMatchObject([
      {
        accountId: '123456789012',
        accounts: [
          { accountProvider: 1, region: 'eu-west-1' },
          { accountProvider: 1, region: 'us-east-1' },
        ],
      },
      { accountId: 'twin', accounts: [{ accountProvider: 2 }, { accountProvider: 4 }] },
      { msg: 'the portal profile is off until no account id is registered more than once' },
    ]);
    const read = () => askPortal(gateway, 'data-source/list-account', listAccounts([1, 4]));
    expect(await read()).toMatchObject({
      httpStatus: 200,
      body: { status: 'fail', message: expect.stringContaining('more than once') },
    });
    // What the document has is as the document has it.
    expect((await gateway.legacy('add_account', legacyBody(accountKey({ region: 'third' })))).body).toEqual(done);
    expect((await gateway.legacy('add-jdbc-conn', portalAddition())).body).toMatchObject({ code: 400 });
    expect((await gateway.legacy('delete-jdbc', { ...legacyBody(tencent), instances: ['x'] })).body).toMatchObject({
      code: 1249,
    });

    for (const region of ['us-east-1', 'third'])
      await gateway.legacy('delete_account', legacyBody(accountKey({ region })));
    await gateway.legacy('delete_account', legacyBody(accountKey({ accountProvider: 4, accountId: 'twin' })));
    await gateway.close();
    gateway = await startGateway({ ...database.env, ...portalEnv() });
    expect(await read()).toMatchObject({ body: { status: 'success', data: { total: 1 } } });
    await gateway.close();
    await database.drop();
  });
});

describe('without a profile', () => {
  test('there is none of its routes, and the operations are those of the document', async () => {
    const gateway = await startGateway();
    await addAccount(gateway, tencent);
    for (const [path, body] of [
      ['data-source/list-providers', {}],
      ['data-source/coverage?provider_id=1'],
      ['query/property_values'],
    ] as const) {
      expect(await askPortal(gateway, path, body)).toEqual({
        httpStatus: 404,
        body: { status: 'fail', code: 404, message: 'There is nothing at this path.', ref: null },
      });
    }
    expect((await gateway.legacy('add-jdbc-conn', portalAddition())).body).toMatchObject({ code: 400 });
    expect(
      (await gateway.legacy('add-jdbc-conn', portalAddition({ create_type: 1, network_availability_zone: 'a' }))).body,
    ).toEqual(done);
    expect((await gateway.legacy('update-jdbc-conn', portalEdit())).body).toMatchObject({ code: 400 });
    expect(
      (await gateway.legacy('add_account', { account_provider: 1, account_id: '1', region: '' })).body,
    ).toMatchObject({ code: 400 });
    expect((await gateway.legacy('delete-jdbc', { ...legacyBody(tencent), instances: ['orders-mysql'] })).body).toEqual(
      done,
    );
    expect((await gateway.legacy('add_account', legacyBody({ ...tencent, region: 'second' }))).body).toEqual(done);
    await gateway.close();
  });
});

describe('a caller of the portal', () => {
  test('who may only read is told so at code 403, and not signed out', async () => {
    const keyed = await startKeyedGateway(databaseKinds[0] as (typeof databaseKinds)[0], portalEnv());
    const reader = { 'x-api-key': await makeKey(keyed.env, ['read']) };
    const writer = { 'x-api-key': await makeKey(keyed.env, ['write']) };
    expect(await askPortal(keyed.gateway, 'data-source/list-account', listAccounts([1]), reader)).toMatchObject({
      body: { code: 1001 },
    });
    for (const route of ['add_account', 'delete_account', 'add-jdbc-conn', 'update-jdbc-conn', 'delete-jdbc']) {
      expect((await keyed.gateway.legacy(route, {}, reader)).body).toEqual({
        status: 'fail',
        code: 403,
        message: expect.stringContaining('needs the permission write'),
        ref: null,
      });
    }
    const { message } = (await askPortal(keyed.gateway, 'data-source/coverage?provider_id=1', undefined, writer)).body;
    expect(message).toContain('needs the permission read');
    expect((await keyed.gateway.legacy('add_account', {})).body).toMatchObject({ code: 1003 });
    const { errors } = await keyed.gateway.graphql(
      'mutation { deleteAccount(input: {accountProvider: 1, accountId: "1", region: "1"}) { code } }',
      undefined,
      reader,
    );
    expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', legacyCode: 1003 } }]);
    await keyed.close();
  });

  test('whose token has expired is led to signing in', async () => {
    const issuer = await TokenIssuer.start();
    const gateway = await startGateway({ ...issuer.env, ...portalEnv() });
    const expired = await issuer.token({ exp: Math.floor(Date.now() / 1000) - 600 });
    const answer = await askPortal(gateway, 'data-source/list-providers', {}, { authorization: `Bearer ${expired}` });
    expect(answer).toEqual({
      httpStatus: 200,
      body: { status: 'fail', code: 1003, message: expect.stringContaining('expired'), ref: null },
    });
    await gateway.close();
    await issuer.stop();
  });
});

onMysql.run(`the databases of a server, on ${onMysql.name}`, () => {
  test('are those that it tells, where it may be asked; else the one that the URL names', async () => {
    const database = await (mysqlKind as typeof sqliteKind).create();
    const [user, password] = [`portal_${randomBytes(4).toString('hex')}`, 'pw-1'];
    const { host, pathname } = new URL(database.url);
    await onDatabase(database, `CREATE USER '${user}'@'%' IDENTIFIED BY '${password}'`);
    await onDatabase(database, `GRANT SELECT ON ${pathname.slice(1)}.* TO '${user}'@'%'`);
    const keyed = await startKeyedGateway(sqliteKind, { ...portalEnv(), CONNECTION_TEST_NETWORKS: '127.0.0.1/32' });
    const asker = { 'x-api-key': await makeKey(keyed.env, ['read', 'connect']) };
    const reader = { 'x-api-key': await makeKey(keyed.env, ['read']) };
    const body = {
      connection_url: `jdbc:mysql://${host}`,
      username: user,
      password,
      secret_id: '',
      ssl_verify_cert: false,
    };
    const ask = async (changes: object, headers: Record<string, string>) =>
      (await askPortal(keyed.gateway, 'data-source/jdbc-databases', { ...body, ...changes }, headers)).body;
    expect((await ask({}, asker)).data).toContain(pathname.slice(1));
    expect(await ask({ password: 'wrong' }, asker)).toMatchObject({
      code: 400,
      message: expect.stringMatching(/\. Write the database behind the host/),
    });
    const named = { connection_url: `jdbc:mysql://${host}/orders` };
    expect((await ask({ ...named, password: 'wrong' }, asker)).data).toEqual(['orders']);
    expect((await ask(named, reader)).data).toEqual(['orders']);
    expect(await ask({}, reader)).toMatchObject({ code: 400, message: expect.stringContaining('does not ask') });
    await keyed.close();
    await onDatabase(database, `DROP USER '${user}'@'%'`);
    await database.drop();
  });
});
