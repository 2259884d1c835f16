/** A setting as the documents show it. */
export interface DocumentedSetting {
  readonly name: string;
  readonly description: string;
  /** What holds where it is absent, in words. */
  readonly whenAbsent: string;
  /** Whether its value must not be shown. */
  readonly secret: boolean;
}

const widestLine = 120;

/** The settings as a table in Markdown. */
export function settingsTable(settings: readonly DocumentedSetting[]): string {
  const rows = settings.map(
    ({ name, description, whenAbsent, secret }) =>
      `| \`${name}\`${secret ? ' (secret)' : ''} | ${description} | ${whenAbsent} |`,
  );
  return ['| setting | what it is | when absent |', '| --- | --- | --- |', ...rows].join('\n');
}

/** The settings as a file for `node --env-file`, none of them set. */
export function environmentExample(settings: readonly DocumentedSetting[]): string {
  const entries = settings.map(({ name, description, whenAbsent, secret }) =>
    [
      ...comment(description),
      ...comment(`When absent: ${whenAbsent}.`),
      `#${name}=`,
      ...(secret ? [`#${name}_FILE=`] : []),
    ].join('\n'),
  );
  return `${environmentHeading}\n\n${entries.join('\n\n')}\n`;
}

/** The page about the settings. */
export function settingsPage(settings: readonly DocumentedSetting[]): string {
  const sections = settings.map(({ name, description, whenAbsent, secret }) => {
    const file = secret ? `\n\nIt is secret: \`${name}_FILE\` may name a file that holds it instead.` : '';
    return `## ${name}\n\n${description}\n\nWhen absent: ${whenAbsent}.${file}`;
  });
  return `${pageHeading}\n\n${sections.join('\n\n')}\n`;
}

const environmentHeading = `# Every setting there is, none of them set. The gateway does not read this file by itself: copy it to .env, and start with
#
#     node --env-file=.env dist/server.js
#
# An empty value is an absent one. NAME_FILE, for a secret one, is the path of a file that holds the value.
# Made from src/settings.ts by \`npm run docs\`.`;

const pageHeading = `<!-- Made from src/settings.ts by \`npm run docs\`: change the code, not this file. -->

# Settings

Settings come from the environment, and from nowhere else. An empty one is an absent one. They are checked at the start, and wrong ones stop
it with one message that names each and says what it must be, and never its value. [.env.example](../.env.example) lists them for copying.

A secret one has a second form with \`_FILE\` behind its name: the path of a file that holds the value, whose white space at the ends does not
count. Setting both forms of one stops the start.`;

function comment(text: string): string[] {
  const lines = ['#'];
  for (const word of text.replaceAll('`', '').split(' ')) {
    const line = `${lines.at(-1)} ${word}`;
    if (line.length <= widestLine) lines[lines.length - 1] = line;
    else lines.push(`# ${word}`);
  }
  return lines;
}
