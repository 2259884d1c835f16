import { buildSchema, type GraphQLSchema, isScalarType } from 'graphql';
import type { Random } from './random.js';

const plainScalars = ['Int', 'Float', 'String', 'Boolean', 'ID'];
/** Names that every object of JavaScript has already, or that something asks it for. */
const treacherousNames = ['constructor', 'toString', 'valueOf', 'hasOwnProperty', 'length', 'name', 'toJSON'];

interface RandomField {
  readonly name: string;
  readonly type: string;
  readonly parameters: readonly string[];
}

/**
 * A schema of a random form, in its own language: objects, interfaces that implement others, unions, enumerations, scalars of
 * its own, inputs, lists and what is not null at every depth, parameters with defaults and without.
 */
export function randomSchemaText(random: Random): string {
  const named = (letter: string, least: number, most: number) =>
    random.many(least, most, (number) => `${letter}${number}`);
  const objects = named('O', 2, 4);
  const interfaces = named('I', 0, 3);
  const unions = named('U', 0, 2);
  const enumerations = named('E', 1, 2);
  const scalars = named('S', 1, 2);
  const inputs = named('N', 1, 2);
  const leaves = [...plainScalars, ...enumerations, ...scalars];
  const composites = [...objects, ...interfaces, ...unions];

  const wrapped = (name: string): string => {
    let type = random.chance(35) ? `${name}!` : name;
    while (random.chance(25)) type = random.chance(35) ? `[${type}]!` : `[${type}]`;
    return type;
  };
  const inputType = () => wrapped(random.pick([...leaves, ...leaves, ...inputs]));
  const parameter = (name: string) => {
    const type = inputType();
    const given = random.chance(35) ? ` = ${literal(type)}` : '';
    return `${name}: ${type}${given}`;
  };
  const literal = (type: string): string => {
    if (!type.endsWith('!') && random.chance(20)) return 'null';
    const inner = type.replace(/!$/, '');
    if (inner.startsWith('[')) return `[${random.many(0, 2, () => literal(inner.slice(1, -1))).join(', ')}]`;
    if (inner.startsWith('E')) return 'A';
    if (inner.startsWith('N')) return '{ must: 1 }';
    return { Int: '7', Float: '1.5', Boolean: 'true', ID: '"id"' }[inner] ?? '"text"';
  };
  const field = (name: string): RandomField => ({
    name,
    type: wrapped(random.pick(random.chance(55) ? leaves : composites)),
    parameters: random.chance(30) ? random.many(1, 3, (number) => parameter(`p${number}`)) : [],
  });
  const written = ({ name, type, parameters }: RandomField) =>
    `  ${name}${parameters.length > 0 ? `(${parameters.join(', ')})` : ''}: ${type}`;
  const block = (head: string, fields: readonly RandomField[]) => `${head} {\n${fields.map(written).join('\n')}\n}`;

  const fieldsOf = new Map<string, { readonly all: readonly RandomField[]; readonly parents: readonly string[] }>();
  for (const [place, name] of interfaces.entries()) {
    const parent = place > 0 && random.chance(40) ? (interfaces[place - 1] as string) : undefined;
    const inherited = parent === undefined ? undefined : fieldsOf.get(parent);
    const own = random.many(1, 2, (number) => field(`${name.toLowerCase()}f${number}`));
    const parents = parent === undefined ? [] : [...(inherited?.parents ?? []), parent];
    fieldsOf.set(name, { all: [...(inherited?.all ?? []), ...own], parents });
  }
  const head = (kind: string, name: string, parents: readonly string[]) =>
    `${kind} ${name}${parents.length > 0 ? ` implements ${parents.join(' & ')}` : ''}`;
  const texts = [
    ...scalars.map((name) => `scalar ${name}`),
    ...enumerations.map((name) => `enum ${name} { A B C }`),
    ...inputs.map((name) => {
      // A default of an input's own type would have no end.
      const others = random.many(0, 2, (number) => `  o${number}: ${inputType().replace(/(N\d)!/g, '$1')}`);
      return `input ${name} {\n  must: Int!\n  given: String = "given"\n  again: ${name}\n${others.join('\n')}\n}`;
    }),
    ...interfaces.map((name) => {
      const { all, parents } = fieldsOf.get(name) as { all: RandomField[]; parents: string[] };
      return block(head('interface', name, parents), all);
    }),
    ...objects.map((name) => {
      const chosen = interfaces.filter(() => random.chance(50));
      const parents = [...new Set(chosen.flatMap((one) => [...(fieldsOf.get(one)?.parents ?? []), one]))];
      // A field of an object may promise more than the interface does: not to be null.
      const promised = parents
        .flatMap((parent) => fieldsOf.get(parent)?.all ?? [])
        .map((one) => ({ ...one, type: !one.type.endsWith('!') && random.chance(15) ? `${one.type}!` : one.type }));
      const own = random.many(1, 5, (number) =>
        field(random.chance(8) ? random.pick(treacherousNames) : `${name.toLowerCase()}f${number}`),
      );
      const all = new Map([...promised, ...own].reverse().map((one) => [one.name, one]));
      return block(head('type', name, parents), [...all.values()]);
    }),
    ...unions.map((name) => `union ${name} = ${random.many(1, 2, (number) => objects[number]).join(' | ')}`),
    block(
      'type Query',
      random.many(2, 4, (number) => field(`q${number}`)),
    ),
    block(
      'type Mutation',
      random.many(2, 4, (number) => field(`m${number}`)),
    ),
  ];
  return texts.join('\n\n');
}

/** The same schema with nothing in its answers that may not be null. */
export function withoutNonNull(text: string): string {
  return text
    .split('\n\n')
    .map((block) =>
      /^(type|interface) /.test(block) ? block.replace(/: [\w[\]!]+$/gm, (type) => type.replaceAll('!', '')) : block,
    )
    .join('\n\n');
}

/** Builds a schema of its text. A scalar of its own takes what it is given, save what it has no words for. */
export function schemaOf(text: string): GraphQLSchema {
  const schema = buildSchema(text);
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isScalarType(type) || !/^S\d$/.test(type.name)) continue;
    type.serialize = (value) => {
      if (value === 'throws') throw new Error(`${type.name} cannot be written`);
      return value === 'nothing' ? undefined : value;
    };
    type.parseValue = (value) => {
      if (value === 'wrong') throw new Error(`${type.name} cannot be read`);
      return { [type.name]: value };
    };
  }
  return schema;
}
