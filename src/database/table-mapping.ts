import type { ValueTransformer } from 'typeorm/decorator/options/ValueTransformer.js';
import { getMetadataArgsStorage } from 'typeorm/globals.js';
import type { Condition } from './condition.js';
import type { Dialect, SqlValue } from './database.js';

interface MappedColumn {
  readonly property: string;
  readonly column: string;
  readonly transformer: ValueTransformer | undefined;
}

/**
 * The columns of an entity, as its decorators declare them, for statements that are written by hand: the names stand in
 * one place, and a column that is added to the entity is in every statement that is built from it.
 */
export class TableMapping<Entity extends object> {
  readonly #columns: readonly MappedColumn[];
  readonly #transformed: readonly MappedColumn[];
  readonly #names: string;
  readonly #row: string;

  /**
   * @param entity a class with TypeORM's decorators
   * @param leftOut properties that the statements do not touch
   */
  constructor(entity: new () => Entity, leftOut: readonly (keyof Entity & string)[] = []) {
    this.#columns = getMetadataArgsStorage()
      .filterColumns(entity)
      .filter(({ propertyName }) => !leftOut.some((property) => property === propertyName))
      .map(({ propertyName, options }) => ({
        property: propertyName,
        column: options.name ?? propertyName,
        transformer: options.transformer as ValueTransformer | undefined,
      }));
    this.#transformed = this.#columns.filter(({ transformer }) => transformer !== undefined);
    this.#names = this.#columns.map(({ column }) => column).join(', ');
    this.#row = `(${this.#columns.map(() => '?').join(', ')})`;
  }

  /** The select list: every column under its property's name. */
  get selectList(): string {
    return this.#columns.map(({ property, column }) => `${column} AS ${property}`).join(', ');
  }

  /** `(column, …) VALUES (?, …)`, for an INSERT with {@link values}. */
  get insertList(): string {
    return this.insertListOf(1);
  }

  /** As {@link insertList}, of several rows: their values stand one row behind the other. */
  insertListOf(count: number): string {
    return `(${this.#names}) VALUES ${Array(count).fill(this.#row).join(', ')}`;
  }

  /**
   * `(column, …) SELECT …`, for an INSERT of what is selected from another table.
   *
   * @param entity the values that all of its rows have
   * @param selected what is selected instead
   */
  insertSelection(entity: Partial<Entity>, selected: { readonly [property in keyof Entity]?: Condition }): Condition {
    const names = this.#columns.map(({ column }) => column).join(', ');
    const values = this.values(entity);
    const parts = this.#columns.map(
      ({ property }, place) => selected[property as keyof Entity] ?? { sql: '?', values: [values[place] as SqlValue] },
    );
    return {
      sql: `(${names}) SELECT ${parts.map(({ sql }) => sql).join(', ')}`,
      values: parts.flatMap((part) => part.values),
    };
  }

  /** `column = ?, …`, for an UPDATE with {@link values}. */
  get assignments(): string {
    return this.#columns.map(({ column }) => `${column} = ?`).join(', ');
  }

  /**
   * What an INSERT ends with that gives rows other values where they are there already, by their ids.
   *
   * @param further assignments beside those of these columns
   */
  overwriting({ name }: Dialect, further: string): string {
    const assignments = (given: (column: string) => string) =>
      [...this.#columns.map(({ column }) => `${column} = ${given(column)}`), further].join(', ');
    // MySQL has a name for the row that is given, and is to lose VALUES(), which is what MariaDB has: each reads what is
    // written for it.
    return name === 'mysql'
      ? `/*!80019 AS given */ ON DUPLICATE KEY UPDATE ${assignments((column) => `/*!80019 given.${column} */ /*M! VALUES(${column}) */`)}`
      : `ON CONFLICT (id) DO UPDATE SET ${assignments((column) => `excluded.${column}`)}`;
  }

  /** The name of a property's column. */
  columnOf(property: keyof Entity & string): string {
    const found = this.#columns.find((column) => column.property === property);
    if (found === undefined) throw new Error(`${property} has no column here`);
    return found.column;
  }

  /** An entity's values in the order of the columns, as the database takes them. */
  values(entity: Partial<Entity>): SqlValue[] {
    const values: SqlValue[] = [];
    this.#push(entity, values);
    return values;
  }

  /** As {@link values}, of several entities, one behind the other. */
  valuesOf(entities: readonly Partial<Entity>[]): SqlValue[] {
    const values: SqlValue[] = [];
    for (const entity of entities) this.#push(entity, values);
    return values;
  }

  #push(entity: Partial<Entity>, values: SqlValue[]): void {
    for (const { property, transformer } of this.#columns) {
      const value = entity[property as keyof Entity] ?? null;
      values.push((transformer === undefined ? value : transformer.to(value)) as SqlValue);
    }
  }

  /** Turns a row as the database gave it into the entity's values, in place. */
  hydrate<Row extends object>(row: Row): Row {
    const values = row as Record<string, unknown>;
    for (const { property, transformer } of this.#transformed) {
      if (property in values) values[property] = transformer?.from(values[property]);
    }
    return row;
  }
}
