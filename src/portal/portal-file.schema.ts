/** A name, of the lengths that the register takes. */
const text = (maxLength: number, description: string) =>
  ({ type: 'string', minLength: 1, maxLength, pattern: '^\\S(.*\\S)?$', description }) as const;

const provider = {
  type: 'integer',
  minimum: 1,
  maximum: 2147483647,
  description: 'The id of a provider that is listed under `providers`.',
} as const;
const accountId = text(255, 'The account that this is for. Absent: every account of the provider and region.');

/** The JSON Schema of the file that PORTAL_FILE names: what the file is checked by, and what editors are given. */
export const portalFileSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Portal profile of the datasource gateway',
  description: 'What the pages of the web portal ask for and the register does not know.',
  type: 'object',
  required: ['providers', 'regions', 'networks'],
  additionalProperties: false,
  properties: {
    $schema: { type: 'string', description: 'The path of this schema, for editors.' },
    providers: {
      type: 'array',
      minItems: 1,
      maxItems: 100,
      description:
        'The providers, in the order of their tabs. The portal knows four: 1 is AWS, 2 Tencent, 3 Google and 4 the JDBC proxy, which has no tab and is shown under AWS.',
      items: {
        type: 'object',
        required: ['id', 'name'],
        additionalProperties: false,
        properties: {
          id: { ...provider, description: 'The id that accounts are registered under.' },
          name: text(255, 'What the tab is called.'),
          description: text(2048, 'What stands below the name. Absent: nothing.'),
          defaultRegion: text(
            64,
            'The region of an account that is added with an empty one, as the form "Agent account" of AWS does. Absent: the form is refused.',
          ),
        },
      },
    },
    regions: {
      type: 'array',
      minItems: 1,
      maxItems: 10000,
      description:
        'The regions that can be chosen, in their order. Here and below, the provider 4 has those of 1 where it has none of its own.',
      items: {
        type: 'object',
        required: ['provider', 'name', 'longitude', 'latitude'],
        additionalProperties: false,
        properties: {
          provider,
          name: text(64, 'What is registered, such as `eu-west-1`.'),
          alias: text(255, 'What people call it. Absent: its name.'),
          longitude: { type: 'number', minimum: -180, maximum: 180, description: 'Degrees east, for the map.' },
          latitude: { type: 'number', minimum: -90, maximum: 90, description: 'Degrees north, for the map.' },
        },
      },
    },
    networks: {
      type: 'array',
      minItems: 1,
      maxItems: 10000,
      description:
        'The networks from which connections can be made. All that are for an account are offered together. Without one, no connection can be added to the account.',
      items: {
        type: 'object',
        required: ['provider', 'vpcs'],
        additionalProperties: false,
        properties: {
          provider,
          region: text(64, 'The region that they are in. Absent: they are for every region of the provider.'),
          accountId,
          vpcs: {
            type: 'array',
            minItems: 1,
            maxItems: 1000,
            description: 'Of a provider other than AWS, the portal takes the first.',
            items: {
              type: 'object',
              required: ['id', 'subnets', 'securityGroups'],
              additionalProperties: false,
              properties: {
                id: text(255, 'Its id, such as `vpc-0123456789abcdef0`.'),
                name: text(255, 'Its name. Absent: its id.'),
                subnets: {
                  type: 'array',
                  minItems: 1,
                  maxItems: 1000,
                  description: 'Its subnets.',
                  items: {
                    type: 'object',
                    required: ['id', 'zone'],
                    additionalProperties: false,
                    properties: {
                      id: text(255, 'Its id.'),
                      name: text(255, 'Its name. Absent: its id.'),
                      arn: text(2048, 'What stands below the id. Absent: the id.'),
                      zone: text(
                        255,
                        'The availability zone that it is in, which is registered with the connections that are made from it.',
                      ),
                    },
                  },
                },
                securityGroups: {
                  type: 'array',
                  minItems: 1,
                  maxItems: 1000,
                  description: 'Its security groups.',
                  items: {
                    type: 'object',
                    required: ['id'],
                    additionalProperties: false,
                    properties: { id: text(255, 'Its id.'), name: text(255, 'Its name. Absent: its id.') },
                  },
                },
              },
            },
          },
        },
      },
    },
    secrets: {
      type: 'array',
      maxItems: 10000,
      description:
        'The names of secrets that can be chosen, and never what is in them. Everyone with the permission `read` can see them.',
      items: {
        type: 'object',
        required: ['provider', 'name'],
        additionalProperties: false,
        properties: {
          provider,
          region: text(64, 'The region that it is in. Absent: it is for every region of the provider.'),
          accountId,
          name: text(1024, 'Its name, which is registered with the connection.'),
          arn: text(2048, 'What stands beside the name. Absent: the name.'),
        },
      },
    },
  },
} as const;
