import { GraphiQL, type GraphiQLProps } from 'graphiql';
import { type DocumentNode, getOperationAST, Kind } from 'graphql';
import { createClient } from 'graphql-sse';
import { createRoot } from 'react-dom/client';
import { exampleTabs } from './tabs.js';
import { ThemeStorage } from './theme-storage.js';
import 'graphiql/style.css';
import './playground.css';

/** The file names of the editor's workers, which carry a hash; the build puts them in. */
declare const WORKERS: { json: string; graphql: string; editor: string };

window.MonacoEnvironment = {
  getWorker(_id, label) {
    const file = label === 'json' || label === 'graphql' ? WORKERS[label] : WORKERS.editor;
    return new Worker(new URL(file, import.meta.url));
  },
};

// The page's own address is the endpoint, so that it also works where a proxy puts the gateway behind a path prefix.
const endpoint = window.location.pathname;

interface Operation {
  query: string;
  operationName?: string | null;
  variables?: Record<string, unknown>;
}

interface SendOptions {
  headers?: Record<string, unknown>;
  documentAST?: DocumentNode;
}

/** Sends an operation; a subscription is answered with what comes, one after the other. */
function send(operation: Operation, options?: SendOptions): Promise<object> | AsyncIterable<object> {
  return isSubscription(operation, options?.documentAST) ? subscribe(operation, options) : ask(operation, options);
}

function isSubscription({ operationName }: Operation, document: DocumentNode | undefined): boolean {
  return (
    getOperationAST(document ?? { kind: Kind.DOCUMENT, definitions: [] }, operationName)?.operation === 'subscription'
  );
}

function subscribe({ query, operationName, variables }: Operation, options?: SendOptions): AsyncIterable<object> {
  const client = createClient({ url: endpoint, headers: toHeaders(options?.headers) });
  return client.iterate({ query, operationName: operationName ?? undefined, variables }) as AsyncIterable<object>;
}

async function ask(operation: Operation, options?: SendOptions): Promise<object> {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...toHeaders(options?.headers) },
    body: JSON.stringify(operation),
  });
  try {
    return await response.json();
  } catch {
    throw new Error(`The answer is not JSON: HTTP ${response.status} ${response.statusText}`);
  }
}

function toHeaders(typed: Record<string, unknown> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(typed).map(([name, value]) => [name, String(value)]));
}

const storage = new ThemeStorage();
const firstTab = exampleTabs[0];

const container = document.getElementById('playground');
if (container) {
  createRoot(container).render(
    <GraphiQL
      fetcher={send as GraphiQLProps['fetcher']}
      storage={storage}
      shouldPersistHeaders={false}
      showPersistHeadersSettings={false}
      defaultTabs={exampleTabs}
      // GraphiQL fills the editors of the tab it opens with from these, not from the tab's own definition.
      initialQuery={firstTab?.query}
      initialVariables={firstTab?.variables}
      defaultEditorToolsVisibility="variables"
    >
      <GraphiQL.Logo>Datasource gateway</GraphiQL.Logo>
    </GraphiQL>,
  );
}
