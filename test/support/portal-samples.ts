import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestGateway } from './gateway.js';
import { temporaryDirectory } from './process.js';

const subnets = [
  { id: 'subnet-a', zone: 'zone-a' },
  { id: 'subnet-b', zone: 'zone-b', name: 'second', arn: 'arn:subnet-b' },
];

/** What the portal is told besides the register, with the names that its samples use. */
export const portalFile = {
  providers: [
    { id: 1, name: 'AWS Cloud', defaultRegion: 'eu-west-1' },
    { id: 2, name: 'Tencent Cloud', description: 'Accounts of Tencent' },
    { id: 3, name: 'Google Cloud' },
    { id: 4, name: 'JDBC Proxy' },
  ],
  regions: [
    { provider: 1, name: 'eu-west-1', alias: 'Europe (Ireland)', longitude: -6.26, latitude: 53.35 },
    { provider: 1, name: 'us-east-1', longitude: -77.49, latitude: 39.04 },
    { provider: 2, name: 'ap-shanghai-1', alias: 'Shanghai', longitude: 121.4737, latitude: 31.2304 },
    { provider: 3, name: 'asia-east1', alias: 'Taiwan', longitude: 120.48, latitude: 24.05 },
  ],
  networks: [1, 2, 3].map((provider) => ({
    provider,
    vpcs: [{ id: 'vpc-1', name: 'main', subnets, securityGroups: [{ id: 'sg-1', name: 'databases' }, { id: 'sg-2' }] }],
  })),
  secrets: [
    { provider: 2, region: 'ap-shanghai-1', name: 'orders/reader', arn: 'arn:orders/reader' },
    { provider: 2, accountId: 'another', name: 'of another account' },
  ],
};

/** The settings of a gateway with a profile. */
export function portalEnv(file: object = portalFile): { PORTAL_FILE: string } {
  const path = join(temporaryDirectory(), 'portal.json');
  writeFileSync(path, JSON.stringify(file));
  return { PORTAL_FILE: path };
}

/** What the portal's form sends to add a connection, in its order. */
export function portalAddition(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    instance_id: 'orders-mysql',
    account_provider_id: 2,
    account_id: '200000001',
    region: 'ap-shanghai-1',
    description: 'made in the portal',
    jdbc_connection_url: 'jdbc:mysql://db.example.com:3306',
    jdbc_enforce_ssl: 'false',
    master_username: 'reader',
    password: 'pw-1',
    secret: '',
    skip_custom_jdbc_cert_validation: 'false',
    custom_jdbc_cert: '',
    custom_jdbc_cert_string: '',
    network_availability_zone: '',
    network_subnet_id: 'subnet-a',
    network_sg_id: 'sg-1',
    creation_time: '',
    last_updated_time: '',
    jdbc_driver_class_name: '',
    jdbc_driver_jar_uri: '',
    jdbc_connection_schema: 'orders\ncrm',
    ...changes,
  };
}

/** What the portal's form sends to edit a connection, in its order: what its detail had, with no credential. */
export function portalEdit(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    instance_id: 'orders-mysql',
    account_provider_id: 2,
    account_id: '200000001',
    region: 'ap-shanghai-1',
    description: 'changed in the portal',
    jdbc_connection_url: 'jdbc:mysql://db.example.com:3306',
    jdbc_connection_schema: 'orders\ncrm',
    jdbc_enforce_ssl: 'false',
    master_username: 'reader',
    network_availability_zone: 'zone-a',
    network_subnet_id: 'subnet-a',
    network_sg_id: 'sg-1',
    ...changes,
  };
}

/** Asks as the portal does: every request says that it is JSON. */
export async function askPortal(
  { url }: Pick<TestGateway, 'url'>,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
) {
  const response = await fetch(`${url}/${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it as a client does
  return { httpStatus: response.status, body: (await response.json()) as any };
}

/** What a read gives, which must not fail. */
export async function readOfPortal(gateway: Pick<TestGateway, 'url'>, path: string, body?: object) {
  const answer = await askPortal(gateway, path, body);
  const { data, ...envelope } = answer.body;
  if (envelope.code !== 1001 || answer.httpStatus !== 200) throw new Error(JSON.stringify(answer));
  return data;
}
