import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { ConfigError, loadConfig } from '../../src/config.js';
import { routeAccess } from '../../src/security/access.js';
import { documentedSettings } from '../../src/settings.js';

/** The files for Docker and Kubernetes, which do not run here, checked against each other and against the code. */
const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const settingNames = documentedSettings.flatMap(({ name, secret }) => (secret ? [name, `${name}_FILE`] : [name]));
const openRoutes = Object.keys(routeAccess).filter((route) => routeAccess[route] === 'open');

// biome-ignore lint/suspicious/noExplicitAny: a test looks into it
const yaml = (file: string): any => parse(read(file));

describe('the Kubernetes manifests', () => {
  const folder = 'kubernetes';
  const kustomization = yaml(`${folder}/kustomization.yaml`);
  const configMap = yaml(`${folder}/config-map.yaml`);
  const secret = yaml(`${folder}/secret.example.yaml`);
  const deployment = yaml(`${folder}/deployment.yaml`);
  const service = yaml(`${folder}/service.yaml`);
  const budget = yaml(`${folder}/pod-disruption-budget.yaml`);
  const pod = deployment.spec.template.spec;
  const [container] = pod.containers;

  test('are all applied, save the example of the secret', () => {
    const others = ['kustomization.yaml', 'secret.example.yaml'];
    const files = readdirSync(join(root, folder)).filter((file) => !others.includes(file));
    expect([...kustomization.resources].sort()).toEqual(files.sort());
    const made = [configMap, secret, deployment, service, budget];
    expect(made.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`)).toEqual([
      'v1 ConfigMap',
      'v1 Secret',
      'apps/v1 Deployment',
      'v1 Service',
      'policy/v1 PodDisruptionBudget',
    ]);
    expect(new Set(made.map(({ metadata }) => metadata.name))).toEqual(new Set(['datasource-gateway']));
  });

  test('find the pods by their labels', () => {
    const { labels } = deployment.spec.template.metadata;
    const selectors = [
      deployment.spec.selector.matchLabels,
      service.spec.selector,
      budget.spec.selector.matchLabels,
      pod.topologySpreadConstraints[0].labelSelector.matchLabels,
    ];
    for (const selector of selectors) expect(selector).toEqual(labels);
  });

  test('lead from the service to the port that the gateway listens on', () => {
    expect(container.ports).toEqual([{ name: 'http', containerPort: Number(configMap.data.PORT) }]);
    expect(service.spec.ports).toEqual([{ name: 'http', port: 80, targetPort: 'http' }]);
  });

  test('ask routes that need no key whether it lives and can serve', () => {
    const paths = [container.startupProbe, container.livenessProbe, container.readinessProbe].map(
      ({ httpGet }) => httpGet,
    );
    expect(paths).toEqual(['/healthz', '/healthz', '/readyz'].map((path) => ({ path, port: 'http' })));
    for (const { path } of paths) expect(openRoutes).toContain(`GET ${path}`);
  });

  test('set what there is to set, and secrets by files that the secret has', () => {
    const variables: { name: string; value: string }[] = container.env;
    for (const name of [...Object.keys(configMap.data), ...variables.map((variable) => variable.name)]) {
      expect(settingNames).toContain(name);
    }
    for (const value of Object.values(configMap.data)) expect(typeof value).toBe('string');
    expect(container.envFrom).toEqual([{ configMapRef: { name: configMap.metadata.name } }]);
    expect(pod.volumes).toEqual([
      expect.objectContaining({ secret: expect.objectContaining({ secretName: secret.metadata.name }) }),
    ]);
    const [{ mountPath }] = container.volumeMounts;
    expect(variables.map(({ value }) => value)).toEqual(
      Object.keys(secret.stringData).map((key) => `${mountPath}/${key}`),
    );
    expect(variables.every(({ name }) => name.endsWith('_FILE'))).toBe(true);
  });

  test('are settings with which a gateway starts, once the placeholders are replaced', () => {
    const [placeholder] = [...new Set(Object.values(secret.stringData) as string[])];
    const given = (url: string, key: string) => ({ ...configMap.data, DATABASE_URL: url, SECRETS_KEY: key });
    const load = () => loadConfig(given(placeholder as string, placeholder as string));
    expect(load).toThrow(ConfigError);
    expect(load).toThrow(/DATABASE_URL must be [\s\S]*SECRETS_KEY must be /);
    const config = loadConfig(given('mysql://user:password@db.example.com:3306/gateway', `${'A'.repeat(43)}=`));
    expect(config).toMatchObject({ host: '0.0.0.0', authentication: { keys: true } });
  });

  test('give a gateway no rights that it does not need', () => {
    expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    // The user of the image, and a secret that its group alone may read.
    expect(read('Dockerfile')).toContain(`\nUSER ${pod.securityContext.runAsUser}:${pod.securityContext.runAsGroup}\n`);
    expect(pod.volumes[0].secret.defaultMode).toBe(0o440);
    expect(pod.securityContext.fsGroup).toBe(pod.securityContext.runAsGroup);
    expect(container.resources).toMatchObject({ requests: { cpu: '100m' }, limits: { memory: '512Mi' } });
  });

  test('never leave nobody to serve, and let requests that are under way end', () => {
    expect(deployment.spec.replicas).toBeGreaterThanOrEqual(2);
    expect(deployment.spec.strategy.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
    expect(budget.spec.maxUnavailable).toBeLessThan(deployment.spec.replicas);
    const [, pause] = container.lifecycle.preStop.exec.command;
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(Number(pause) + 10);
  });

  test('name the image that the documents build', () => {
    expect(kustomization.images).toEqual([
      { name: container.image, newName: expect.any(String), newTag: JSON.parse(read('package.json')).version },
    ]);
    const [{ newName, newTag }] = kustomization.images;
    expect(read('docs/operating.md')).toContain(`docker push ${newName}:${newTag}\n`);
  });
});

describe('the versions of Node.js', () => {
  const pinned = Object.entries<string>(JSON.parse(read('.ci/node-versions/package.json')).optionalDependencies).map(
    ([name, version]) => ({ major: /^node-(\d+)-/.exec(name)?.[1], version: /@([\d.]+)$/.exec(version)?.[1] ?? '' }),
  );

  test('that the tests run on have the one of the image among them', () => {
    const [, ofImage] = /^ARG NODE_IMAGE=node:([\d.]+)-/m.exec(read('Dockerfile')) ?? [];
    expect(pinned.map(({ version }) => version)).toContain(ofImage);
  });

  test('are those that the continuous integration goes through, and README.md names', () => {
    const majors = [...new Set(pinned.map(({ major }) => major))];
    for (const { major, version } of pinned) expect(version.split('.')[0]).toBe(major);
    expect(read('.ci/run')).toContain(`for version in ${majors.join(' ')};`);
    const [, inReadme = ''] = /^\| \| (22[^|]*) \|/m.exec(read('README.md')) ?? [];
    expect(inReadme.match(/\d+/g)).toEqual(majors);
  });
});

describe('the commands for Docker and Kubernetes in the documents', () => {
  const documents = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)];
  const commands = documents
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) => [...read(file).matchAll(/(?:^|`)((?:docker|kubectl) [^`\n]+)/gm)].map(([, text = '']) => text));
  const { services } = yaml('docker-compose.yml');
  const deploymentName = yaml('kubernetes/deployment.yaml').metadata.name;

  test.each([...new Set(commands)])('%s', (command) => {
    const [program, ...words] = command.split(' ');
    if (program === 'docker' && words[0] === 'compose') {
      expect(['up', 'down', 'exec', 'logs']).toContain(words[1]);
      if (['exec', 'logs'].includes(words[1] ?? '')) expect(Object.keys(services)).toContain(words[2]);
    } else if (program === 'docker') {
      expect(['build', 'push', 'stop']).toContain(words[0]);
    } else {
      expect(['apply', 'rollout', 'exec', 'create']).toContain(words[0]);
      const folder = words[words.indexOf('-k') + 1];
      if (words.includes('-k')) expect(existsSync(join(root, folder ?? '', 'kustomization.yaml'))).toBe(true);
      const named = words.filter((word) => word.startsWith('deployment/'));
      for (const name of named) expect(name).toBe(`deployment/${deploymentName}`);
      if (words[0] === 'create') {
        const files = words.flatMap((word) => /^--from-file=(.+)$/.exec(word)?.[1] ?? []);
        expect(words.slice(1, 4)).toEqual(['secret', 'generic', deploymentName]);
        expect(files).toEqual(Object.keys(yaml('kubernetes/secret.example.yaml').stringData));
      }
    }
    // What runs in the container is in its image, or among the secrets.
    const inside = words.find((word) => /^dist\/\w+\.js$/.test(word));
    if (inside !== undefined)
      expect(existsSync(join(root, inside.replace('dist/', 'src/').replace('.js', '.ts')))).toBe(true);
    const secretFile = words.find((word) => word.startsWith('/secrets/'));
    if (secretFile !== undefined) expect(Object.values(services.gateway.environment)).toContain(secretFile);
  });

  test('are there', () => {
    expect(commands.length).toBeGreaterThan(5);
  });

  test('give the services of Docker Compose only settings that there are', () => {
    for (const name of Object.keys(services.gateway.environment)) expect(settingNames).toContain(name);
  });
});
