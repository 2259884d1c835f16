import { GraphiQL } from 'graphiql';
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

async function send(operation: object, options?: { headers?: Record<string, unknown> }): Promise<object> {
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
      fetcher={send}
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
