/**
 * What is measured: which operation, over how many connections, each of which sends its next request when it has its answer,
 * and in how many texts of the document. The goals are parts of the plain server's rate, and multiples of its CPU and its p50.
 */
export const cases = [
  { operation: 'add', connections: 16, texts: 1, goal: { rate: 1, cpu: 1.2 } },
  { operation: 'add-rest', connections: 16, texts: 1, goal: { rate: 1, cpu: 1.2 } },
  { operation: 'edit', connections: 16, texts: 1, goal: { rate: 0.7, cpu: 2 } },
  { operation: 'edit-rest', connections: 16, texts: 1, goal: { rate: 0.7, cpu: 2 } },
  { operation: 'find', connections: 16, texts: 1, goal: { rate: 1.05, cpu: 0.9 } },
  { operation: 'find-key', connections: 16, texts: 1, goal: { rate: 0.95, cpu: 1.1 } },
  { operation: 'find-account', connections: 16, texts: 1, goal: { rate: 0.95, cpu: 1.1 } },
  { operation: 'list', connections: 16, texts: 1, goal: { rate: 1, cpu: 1.1 } },
  { operation: 'list-key', connections: 16, texts: 1, goal: { rate: 0.95, cpu: 1.2 } },
  { operation: 'list-account', connections: 16, texts: 1, goal: { rate: 0.95, cpu: 1.2 } },
  { operation: 'add', connections: 1, texts: 1, goal: { p50: 1.6 } },
  { operation: 'edit', connections: 1, texts: 1, goal: { p50: 2 } },
  { operation: 'find-account', connections: 1, texts: 1, goal: { p50: 1.2 } },
  { operation: 'list', connections: 1, texts: 1, goal: { p50: 1.2 } },
  { operation: 'add', connections: 64, texts: 1, goal: { rate: 1.3, cpu: 0.8 } },
  { operation: 'edit', connections: 64, texts: 1, goal: {} },
  { operation: 'find-account', connections: 64, texts: 1, goal: {} },
  { operation: 'add', connections: 256, texts: 1, goal: { rate: 1 } },
  { operation: 'find', connections: 256, texts: 1, goal: {} },
  { operation: 'find', connections: 16, texts: 50, goal: {} },
  { operation: 'find', connections: 16, texts: 5000, goal: {} },
  { operation: 'add', connections: 16, texts: 5000, goal: {} },
];
