/** What one tab of the playground opens with. */
interface ExampleTab {
  query: string;
  variables: string;
}

const account = { accountId: '123456789012', region: 'eu-west-1' };

const datasource = {
  instanceId: 'orders-db',
  accountProviderId: 1,
  ...account,
  description: 'Orders, primary',
  jdbcConnectionUrl: 'jdbc:postgresql://db.example.com:5432/orders',
  jdbcConnectionSchema: 'public',
  jdbcEnforceSsl: true,
  masterUsername: 'orders_reader',
  password: 'example-password',
  networkAvailabilityZone: 'eu-west-1a',
  networkSubnetId: 'subnet-0123456789abcdef0',
  networkSgId: 'sg-0123456789abcdef0',
  createType: 1,
};

const key = { instanceId: datasource.instanceId, accountProviderId: 1, ...account };

function tab(query: string, variables: object): ExampleTab {
  return { query, variables: JSON.stringify(variables, null, 2) };
}

/**
 * The example operations, one a tab. Run from left to right on an empty register, each finds what the ones before it left,
 * and the last leaves the register empty again.
 */
export const exampleTabs: ExampleTab[] = [
  tab(
    `# Register an account: a provider, an id, a region.
mutation AddAccount($input: AddAccountInput!) {
  addAccount(input: $input) {
    status
    code
    message
    account {
      id
      accountProvider
      accountId
      region
      createdAt
    }
  }
}
`,
    { input: { accountProvider: 1, ...account } },
  ),
  tab(
    `# Add a datasource, with a password or a secret.
mutation AddDatasource($input: AddDatasourceInput!) {
  addDatasource(input: $input) {
    status
    code
    message
    datasource {
      id
      instanceId
      jdbcConnectionUrl
      masterUsername
      hasPassword
      hasSecret
      version
    }
  }
}
`,
    { input: datasource },
  ),
  tab(
    `# Test the connection to it, where CONNECTION_TEST_NETWORKS is set.
mutation TestDatasource($input: DatasourceKey!) {
  testDatasource(input: $input) {
    test {
      outcome
      message
      servers {
        host
        port
        outcome
        product
        version
        steps {
          name
          milliseconds
        }
      }
    }
  }
}
`,
    { input: key },
  ),
  tab(
    `# Replace a datasource: what is left out is cleared.
mutation EditDatasource($input: EditDatasourceInput!) {
  editDatasource(input: $input) {
    status
    code
    message
    datasource {
      instanceId
      description
      jdbcConnectionUrl
      jdbcConnectionSchema
      hasPassword
      version
      updatedAt
    }
  }
}
`,
    {
      input: {
        ...datasource,
        description: 'Orders, replica',
        jdbcConnectionUrl: 'jdbc:postgresql://db-replica.example.com:5432/orders',
      },
    },
  ),
  tab(
    `# Try a change first: dryRun checks everything and changes nothing.
mutation RehearseUpdate($input: UpdateDatasourceInput!) {
  updateDatasource(input: $input, dryRun: true) {
    rehearsed
    code
    message
    datasource {
      version
    }
    rehearsal {
      changes {
        operation
        instanceId
        version
        fields {
          field
          from
          to
        }
      }
    }
  }
}
`,
    { input: { ...key, description: 'Orders, archive' } },
  ),
  tab(
    `# What a datasource was before: revertDatasource goes back to a version.
query History($key: DatasourceKey!) {
  datasourceHistory(key: $key) {
    firstVersion
    edges {
      node {
        version
        createdAt
        operation
        changes {
          field
          from
          to
        }
      }
    }
  }
}
`,
    { key },
  ),
  tab(
    `# List the accounts, each with its datasources.
query Accounts($first: Int!, $after: String) {
  accounts(first: $first, after: $after) {
    totalCount
    edges {
      node {
        accountProvider
        accountId
        region
        datasources(first: 5) {
          totalCount
          edges {
            node {
              instanceId
              jdbcConnectionUrl
            }
          }
        }
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`,
    { first: 10, after: null },
  ),
  tab(
    `# Search datasources by id, description or URL.
query Datasources($search: String!) {
  datasources(first: 10, filter: { search: $search }) {
    totalCount
    edges {
      node {
        instanceId
        description
        jdbcConnectionUrl
        version
        account {
          accountId
          region
        }
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`,
    { search: 'replica' },
  ),
  tab(
    `# All changes in one order: go on with the cursor of the page before.
query Changes($after: String) {
  changes(after: $after, first: 10) {
    changes {
      operation
      accountId
      region
      instanceId
      version
      time
      fields {
        field
        from
        to
      }
    }
    cursor
    hasMore
  }
}
`,
    { after: null },
  ),
  tab(
    `# The changes as they come: run it, then change something in another window.
subscription LiveChanges {
  changes {
    cursor
    operation
    accountId
    region
    instanceId
    version
    time
  }
}
`,
    {},
  ),
  tab(
    `# Delete datasources by name: all of them or none.
mutation DeleteDatasources($input: DeleteDatasourcesInput!) {
  deleteDatasources(input: $input) {
    status
    code
    message
    deletedInstanceIds
  }
}
`,
    { input: { accountProvider: 1, ...account, instances: ['orders-db'] } },
  ),
  tab(
    `# Delete an account and the datasources left in it.
mutation DeleteAccount($input: DeleteAccountInput!) {
  deleteAccount(input: $input) {
    status
    code
    message
    deletedAccountId
    deletedDatasourceCount
  }
}
`,
    { input: { accountProvider: 1, ...account } },
  ),
];
