import { Column } from 'typeorm/decorator/columns/Column.js';
import { PrimaryColumn } from 'typeorm/decorator/columns/PrimaryColumn.js';
import { Entity } from 'typeorm/decorator/entity/Entity.js';
import { instant } from '../database/columns.js';

/** A known value sealed with a key when that key was first used here, as the table `sealing_key_checks` keeps it. */
@Entity('sealing_key_checks')
export class SealingKeyCheck {
  /** The key's id. */
  @PrimaryColumn({ name: 'key_id', type: 'varchar', length: 16 })
  keyId!: string;

  /** The known value, sealed. */
  @Column({ name: 'sealed', type: 'blob' })
  sealed!: Buffer;

  /** When the key was first used. */
  @Column({ name: 'created_at', type: 'bigint', transformer: instant })
  createdAt!: Date;
}
