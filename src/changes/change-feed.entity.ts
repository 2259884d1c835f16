import { Column } from 'typeorm/decorator/columns/Column.js';
import { PrimaryColumn } from 'typeorm/decorator/columns/PrimaryColumn.js';
import { Entity } from 'typeorm/decorator/entity/Entity.js';
import { whole } from '../database/columns.js';

/** How far the changes are numbered: the one row of the table `change_feed`, which whoever numbers more holds meanwhile. */
@Entity('change_feed')
export class ChangeFeed {
  /** Always 1. */
  @PrimaryColumn({ name: 'id', type: 'int' })
  id!: number;

  /** The last position that was given. */
  @Column({ name: 'last_position', type: 'bigint', transformer: whole })
  lastPosition!: number;
}
