import { Field, ID, Int, ObjectType } from 'type-graphql';
import { DatasourceType } from '../datasources/datasource.type.js';
import { cursorLength, PageInfo } from '../graphql/schema/connection.type.js';
import { Rules } from '../graphql/schema/field-rules.js';
import { OperationPayload } from '../graphql/schema/operation-payload.type.js';
import { DateTimeScalar } from '../input/date-time.js';

/** A version of a datasource: the change that made it. What changed is resolved apart. */
@Rules({ access: 'read' })
@ObjectType('DatasourceVersion', { description: 'A version of a datasource: the change that made it.' })
export class DatasourceVersionType {
  /** Its number. */
  @Field(() => Int, {
    description: '1 at first, one more with each change; of a deletion the one that would have come next.',
  })
  version!: number;

  /** When the change was made. */
  @Field(() => DateTimeScalar, { description: 'When the change was made.' })
  createdAt!: Date;

  /** What was done. */
  @Rules({ countedLength: 128 })
  @Field(() => String, { description: 'What was done: the name of the mutation.' })
  operation!: string;

  /** Who made the change. */
  @Rules({ access: 'admin', countedLength: 300 })
  @Field(() => String, {
    description:
      'Who made the change, for callers with the permission `admin`: the name of an API key with its prefix, or the subject of a token.',
  })
  actor!: string;
}

/** One version of a page. */
@Rules({ access: 'read' })
@ObjectType('DatasourceVersionEdge', { description: 'One version of a page.' })
export class DatasourceVersionEdge {
  /** Where the version stands in the list. */
  @Rules({ countedLength: cursorLength })
  @Field(() => String, { description: 'Where the version stands in the list, for `after` and `before`.' })
  cursor!: string;

  /** The version. */
  @Field(() => DatasourceVersionType, { description: 'The version.' })
  node!: DatasourceVersionType;
}

/** A page of the versions of a datasource. */
@Rules({ access: 'read' })
@ObjectType('DatasourceHistory', {
  description: 'A page of the versions of a datasource, the newest first, as far back as the audit is kept.',
})
export class DatasourceHistoryType {
  /** The id of the datasource. */
  @Field(() => ID, { description: 'The id of the datasource, also of one that is not there any more.' })
  datasourceId!: string;

  /** The first version that is known. */
  @Field(() => Int, {
    nullable: true,
    description:
      'The first version of which there is a record; 1 where the history is whole, null where there is none. What came before it was removed from the audit, or made by a gateway that did not keep versions yet.',
  })
  firstVersion!: number | null;

  /** The versions of the page. */
  @Rules({ maxEntries: 'page' })
  @Field(() => [DatasourceVersionEdge], { description: 'The versions of the page, the newest first.' })
  edges!: DatasourceVersionEdge[];

  /** Where the page stands in its list. */
  @Field(() => PageInfo, { description: 'Where the page stands in its list.' })
  pageInfo!: PageInfo;
}

/** What going back to a version answers. */
@Rules({ access: 'known' })
@ObjectType({ implements: OperationPayload, description: 'What going back to a version answers.' })
export class RevertDatasourcePayload extends OperationPayload {
  /** The datasource as it is now. */
  @Field(() => DatasourceType, { description: 'The datasource as it is now.' })
  datasource!: DatasourceType;
}
