/**
 * The gateway's programs, bundled by esbuild with the packages that they use, since to find and read a thousand small files
 * takes longer than all else at a start.
 *
 *     node build/gateway.js DIRECTORY
 *
 * makes them there, whatever the compiler would say of their types. Beside the programs lie the files in chunks/, which they
 * share or load only when they need them, each with a hash of its contents in its name.
 */
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const programs = ['server', 'cli', 'print-schema', 'print-docs'];

/**
 * Takes class-validator as ES modules, of which only what is used is bundled: the rest checks phone numbers and the like.
 * type-graphql imports all of it, but only where it is told to validate inputs itself, which it is not.
 */
const validatorByItsParts = {
  name: 'validator-by-its-parts',
  setup({ onResolve, resolve: find }) {
    onResolve({ filter: /^class-validator$/ }, ({ path, kind, resolveDir }) =>
      kind === 'dynamic-import' ? { path, external: true } : find(`${path}/esm2015/index.js`, { kind, resolveDir }),
    );
  },
};

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundleGateway(resolve(process.argv[2]));

/**
 * Bundles the programs into a folder of this tree, so that the packages that are not bundled are found from there.
 *
 * @param modules what is bundled instead: files of src/, by their paths without the ending
 */
export async function bundleGateway(directory, modules = programs) {
  const { build } = await import('esbuild');
  await build({
    absWorkingDir: root,
    entryPoints: modules.map((name) => join('src', `${name}.ts`)),
    outdir: directory,
    outbase: 'src',
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.11',
    // Lines and names stay as they were written, for whoever reads a stack; with --enable-source-maps it names the sources.
    sourcemap: true,
    sourcesContent: false,
    legalComments: 'linked',
    logLevel: 'warning',
    // The first finds its binary beside its own files; the others are not installed, nor asked for.
    external: ['@photostructure/sqlite', 'react-native-sqlite-storage', 'pg-native'],
    // Decorators need it before all else, and a file that several share is run before those that ask for it first.
    inject: ['reflect-metadata'],
    // Packages that are ES modules import it and others require it: of two copies, neither takes the other's schema.
    alias: { graphql: 'graphql/index.mjs' },
    plugins: [validatorByItsParts],
    // What a bundled package that is not an ES module requires of Node.js.
    banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
  });
}
