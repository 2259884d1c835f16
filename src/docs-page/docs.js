// Served as it is, after Swagger UI, which defines SwaggerUIBundle.
globalThis.SwaggerUIBundle({
  url: 'openapi.json',
  domNode: document.getElementById('docs'),
  // The badge would send the document to another host.
  validatorUrl: null,
  // A key that was typed in goes with the page.
  persistAuthorization: false,
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
});
