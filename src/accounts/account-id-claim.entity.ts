import { Column } from 'typeorm/decorator/columns/Column.js';
import { PrimaryColumn } from 'typeorm/decorator/columns/PrimaryColumn.js';
import { Entity } from 'typeorm/decorator/entity/Entity.js';
import { JoinColumn } from 'typeorm/decorator/relations/JoinColumn.js';
import { ManyToOne } from 'typeorm/decorator/relations/ManyToOne.js';
import { Unique } from 'typeorm/decorator/Unique.js';
import { Account } from './account.entity.js';

/** An account that was added while its id may be registered once: the only one that may have the id. */
@Entity('account_id_claims')
@Unique('uq_account_id_claims_account', ['accountKey'])
export class AccountIdClaim {
  /** The account's id at its provider. */
  @PrimaryColumn({ name: 'account_id', type: 'varchar', length: 255 })
  accountId!: string;

  /** The global id of the account. */
  @Column({ name: 'account', type: 'varchar', length: 27 })
  accountKey!: string;

  /** The account; the claim goes with it. */
  @ManyToOne(() => Account, { nullable: false, onDelete: 'CASCADE', onUpdate: 'NO ACTION' })
  @JoinColumn({ name: 'account', foreignKeyConstraintName: 'fk_account_id_claims_account' })
  account?: Account;
}
