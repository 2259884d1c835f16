/**
 * What the document has holds with the profile of the web portal, too: suites of it that add no account id twice, and are
 * not about what the profile takes otherwise.
 */
process.env.GATEWAY_TEST_PORTAL = 'true';
await import('./update-datasource.test.js');
await import('./delete-account-path.test.js');
await import('./datasource-credentials.test.js');

export {};
