const legacyPath = /^\/(data-source|catalog|query)\//;

/** The path of an operation of the document. */
export type LegacyPath = `/data-source/${string}`;

/** Whether a route is one of the legacy API: of the document, or of the web portal. */
export function isLegacyPath(path: string | undefined): path is `/${string}` {
  return path !== undefined && legacyPath.test(path);
}
