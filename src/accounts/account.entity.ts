import { Column } from 'typeorm/decorator/columns/Column.js';
import { PrimaryColumn } from 'typeorm/decorator/columns/PrimaryColumn.js';
import { Entity } from 'typeorm/decorator/entity/Entity.js';
import { Index } from 'typeorm/decorator/Index.js';
import { Unique } from 'typeorm/decorator/Unique.js';
import { instant } from '../database/columns.js';

/** A cloud account in one region, as the table `accounts` keeps it. */
@Entity('accounts')
@Unique('uq_accounts_key', ['accountProvider', 'accountId', 'region'])
@Index('ix_accounts_place_created', ['accountProvider', 'region', 'createdAt', 'id'])
@Index('ix_accounts_place_updated', ['accountProvider', 'region', 'updatedAt', 'id'])
@Index('ix_accounts_place_name', ['accountProvider', 'region', 'accountId', 'id'])
@Index('ix_accounts_created', ['createdAt', 'id'])
@Index('ix_accounts_updated', ['updatedAt', 'id'])
@Index('ix_accounts_name', ['accountId', 'id'])
export class Account {
  /** The global id: `A` and a ULID. */
  @PrimaryColumn({ name: 'id', type: 'varchar', length: 27 })
  id!: string;

  /** The id of the cloud provider. */
  @Column({ name: 'account_provider', type: 'int' })
  accountProvider!: number;

  /** The account's id at the provider. */
  @Column({ name: 'account_id', type: 'varchar', length: 255 })
  accountId!: string;

  /** The region that the account is registered for. */
  @Column({ name: 'region', type: 'varchar', length: 64 })
  region!: string;

  /** When it was added. */
  @Column({ name: 'created_at', type: 'bigint', transformer: instant })
  createdAt!: Date;

  /** When it was last changed. */
  @Column({ name: 'updated_at', type: 'bigint', transformer: instant })
  updatedAt!: Date;
}
