import type { Browser, BrowserContext } from 'playwright-core';

/** A context of a browser, with everything that its pages asked for and that went wrong in them. */
export interface WatchedContext {
  readonly context: BrowserContext;
  /** Errors and warnings of the console, failed requests and answers, and what a page's policy forbade. */
  readonly complaints: string[];
  /** The URLs that were asked for on other origins than this one. */
  foreignRequests(origin: string): string[];
}

/** Opens a context of its own, and watches it. */
export async function watchedContext(browser: Browser): Promise<WatchedContext> {
  const complaints: string[] = [];
  const requested: string[] = [];
  // Tall enough that an editor, which draws only the lines in view, draws a whole answer.
  const context = await browser.newContext({ viewport: { width: 1400, height: 1600 } });
  context.on('request', (request) => requested.push(request.url()));
  context.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText;
    // What was still on its way when the page was left.
    if (reason !== 'net::ERR_ABORTED') complaints.push(`${request.url()}: ${reason}`);
  });
  context.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.url()}: ${response.status()}`);
  });
  context.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  context.on('weberror', (error) => complaints.push(String(error.error())));
  await context.exposeFunction('reportViolation', (violation: string) => complaints.push(violation));
  await context.addInitScript({
    content: `addEventListener('securitypolicyviolation', (event) => {
      reportViolation(event.violatedDirective + ': ' + event.blockedURI);
    });`,
  });
  return {
    context,
    complaints,
    foreignRequests: (origin) =>
      requested.filter((url) => !/^(data|blob):/.test(url) && new URL(url).origin !== origin),
  };
}
