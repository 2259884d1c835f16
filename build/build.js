/**
 * The whole build, into dist/: the gateway's programs (gateway.js), the playground by esbuild, and the page that shows the
 * legacy API from Swagger UI's own bundle.
 *
 *     node build/build.js [--if-missing]
 *
 * With --if-missing it does nothing where a complete build is already there. It writes to standard error only, so that the
 * output of a command that it runs before is the command's alone.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleGateway } from './gateway.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
// Written last, so that a build that was interrupted is not taken for one.
const marker = join(dist, '.complete');
const require = createRequire(import.meta.url);

// GraphiQL's own style sheet has those of the editor in it already.
const withoutEditorStyles = {
  name: 'without-editor-styles',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]monaco-editor[\\/].*\.css$/ }, () => ({ contents: '', loader: 'empty' }));
  },
};

if (!process.argv.includes('--if-missing') || !existsSync(marker)) await build();

async function build() {
  const started = performance.now();
  if (!isInstalled('typescript/package.json') || !isInstalled('esbuild')) {
    if (existsSync(marker)) return console.error('Kept the build in dist/: what would build it anew is not installed');
    fail('The gateway is not built, and what builds it is not installed. Run: npm ci --include=dev');
  }
  await rm(marker, { force: true });
  await rm(dist, { recursive: true, force: true });
  try {
    await Promise.all([
      checkTypes(),
      bundleGateway(dist),
      bundlePlayground(join(dist, 'playground')),
      copyDocs(join(dist, 'docs')),
    ]);
  } catch (error) {
    fail(`The build failed: ${error.message}`);
  }
  await writeFile(marker, '');
  console.error(`Built the gateway and its pages into dist/ in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

/** The bundler takes the types away unseen. */
async function checkTypes() {
  const compiler = join(require.resolve('typescript/package.json'), '../bin/tsc');
  const child = spawn(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: ['inherit', 2, 2],
  });
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (code !== 0) throw new Error('the TypeScript compiler found errors');
}

/** Bundles the playground: playground.html, and in assets/ the files it loads, each with a hash of its contents in its name. */
async function bundlePlayground(directory) {
  const { build } = await import('esbuild');
  const source = join(root, 'src/playground');
  const assets = join(directory, 'assets');
  const options = {
    absWorkingDir: root,
    bundle: true,
    minify: true,
    metafile: true,
    target: 'es2022',
    outdir: assets,
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'warning',
  };

  const workers = await build({
    ...options,
    format: 'iife',
    entryPoints: {
      'json.worker': 'monaco-editor/esm/vs/language/json/json.worker.js',
      'graphql.worker': 'monaco-graphql/esm/graphql.worker.js',
      'editor.worker': 'monaco-editor/esm/vs/editor/editor.worker.js',
    },
  });
  const page = await build({
    ...options,
    format: 'esm',
    splitting: true,
    entryPoints: [join(source, 'playground.tsx')],
    jsx: 'automatic',
    plugins: [withoutEditorStyles],
    // Their CommonJS forms, which GraphiQL asks for, lose their named exports when they are split off.
    alias: { 'prettier/parser-babel': 'prettier/plugins/babel', 'prettier/parser-graphql': 'prettier/plugins/graphql' },
    define: {
      ...options.define,
      WORKERS: JSON.stringify({
        json: outputOf(workers, 'json.worker', '.js'),
        graphql: outputOf(workers, 'graphql.worker', '.js'),
        editor: outputOf(workers, 'editor.worker', '.js'),
      }),
    },
  });

  const template = await readFile(join(source, 'playground.html'), 'utf8');
  const html = template
    .replace('{{script}}', outputOf(page, 'playground', '.js'))
    .replace('{{style}}', outputOf(page, 'playground', '.css'));
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'playground.html'), html);
}

/** Copies Swagger UI and the page around it: docs.html, the licences, and in assets/ what the page loads, named as above. */
async function copyDocs(directory) {
  const source = join(root, 'src/docs-page');
  const library = join(require.resolve('swagger-ui-dist/package.json'), '..');
  await mkdir(join(directory, 'assets'), { recursive: true });
  const [script, bundle, style, template] = await Promise.all([
    copyHashed(join(source, 'docs.js'), join(directory, 'assets')),
    copyHashed(join(library, 'swagger-ui-bundle.js'), join(directory, 'assets')),
    copyHashed(join(library, 'swagger-ui.css'), join(directory, 'assets')),
    readFile(join(source, 'docs.html'), 'utf8'),
    ...['LICENSE', 'NOTICE', 'swagger-ui-bundle.js.LICENSE.txt'].map((name) =>
      copyFile(join(library, name), join(directory, name)),
    ),
  ]);
  const html = template.replace('{{script}}', script).replace('{{library}}', bundle).replace('{{style}}', style);
  await writeFile(join(directory, 'docs.html'), html);
}

async function copyHashed(file, directory) {
  const text = await readFile(file, 'utf8');
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8).toUpperCase();
  const name = `${basename(file, extname(file))}-${hash}${extname(file)}`;
  // Their source maps are not copied, and browsers that look for them would find nothing.
  await writeFile(join(directory, name), text.replace(/\n\/[/*]# sourceMappingURL=.*$/, '\n'));
  return name;
}

function outputOf({ metafile }, name, extension) {
  const file = Object.keys(metafile.outputs)
    .map((path) => basename(path))
    .find((path) => path.startsWith(`${name}-`) && path.endsWith(extension));
  if (!file) throw new Error(`the bundler made no ${name}${extension}`);
  return file;
}

function isInstalled(module) {
  try {
    require.resolve(module);
    return true;
  } catch {
    return false;
  }
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
