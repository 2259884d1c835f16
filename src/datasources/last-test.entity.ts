import { Column } from 'typeorm/decorator/columns/Column.js';
import { PrimaryColumn } from 'typeorm/decorator/columns/PrimaryColumn.js';
import { Entity } from 'typeorm/decorator/entity/Entity.js';
import { Index } from 'typeorm/decorator/Index.js';
import { JoinColumn } from 'typeorm/decorator/relations/JoinColumn.js';
import { OneToOne } from 'typeorm/decorator/relations/OneToOne.js';
import { instant } from '../database/columns.js';
import { Datasource } from './datasource.entity.js';

/** What came of the last test of a datasource, as the table `connection_tests` keeps it, apart from the datasource. */
@Entity('connection_tests')
@Index('ix_connection_tests_outcome', ['outcome', 'datasourceId'])
export class LastTest {
  /** The id of the datasource. */
  @PrimaryColumn({ name: 'datasource_id', type: 'varchar', length: 27 })
  datasourceId!: string;

  /** What came of it. */
  @Column({ name: 'outcome', type: 'varchar', length: 32 })
  outcome!: string;

  /** When it was made. */
  @Column({ name: 'tested_at', type: 'bigint', transformer: instant })
  testedAt!: Date;

  /** The datasource, with which it goes. */
  @OneToOne(() => Datasource, { onDelete: 'CASCADE', onUpdate: 'NO ACTION' })
  @JoinColumn({ name: 'datasource_id', foreignKeyConstraintName: 'fk_connection_tests_datasource' })
  datasource?: Datasource;
}
