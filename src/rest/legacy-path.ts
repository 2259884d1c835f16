const legacyPath = /^\/(data-source|catalog|query)\//;

/** Whether a route is one of the legacy API: of the document, or of the web portal. */
export function isLegacyPath(path: string | undefined): boolean {
  return path !== undefined && legacyPath.test(path);
}
