import { Column } from 'typeorm/decorator/columns/Column.js';
import { PrimaryColumn } from 'typeorm/decorator/columns/PrimaryColumn.js';
import { Entity } from 'typeorm/decorator/entity/Entity.js';
import { Index } from 'typeorm/decorator/Index.js';
import { instant, whole } from '../database/columns.js';

/** One line of the audit, as the table `audit_events` keeps it: who did what to which, and what came of it. */
@Entity('audit_events')
@Index('ix_audit_events_created', ['createdAt', 'id'])
@Index('ix_audit_events_actor', ['actor', 'createdAt', 'id'])
@Index('ix_audit_events_operation', ['operation', 'createdAt', 'id'])
@Index('ix_audit_events_target', ['accountId', 'createdAt', 'id'])
@Index('ix_audit_events_position', ['position', 'id'])
@Index('ix_audit_events_version', ['accountProvider', 'accountId', 'region', 'instanceId', 'targetId', 'version'])
export class AuditEvent {
  /** The global id: `E` and a ULID. */
  @PrimaryColumn({ name: 'id', type: 'varchar', length: 27 })
  id!: string;

  /** When it happened. */
  @Column({ name: 'created_at', type: 'bigint', transformer: instant })
  createdAt!: Date;

  /** Who: the name of a key with its prefix, the subject of a token. */
  @Column({ name: 'actor', type: 'varchar', length: 300 })
  actor!: string;

  /** By which means the actor said who it is. */
  @Column({ name: 'means', type: 'varchar', length: 16 })
  means!: string;

  /** Where it came in. */
  @Column({ name: 'surface', type: 'varchar', length: 16 })
  surface!: string;

  /** The client's network address. */
  @Column({ name: 'address', type: 'varchar', length: 64, nullable: true })
  address!: string | null;

  /** The id of the request, as in the log. */
  @Column({ name: 'request_id', type: 'varchar', length: 128 })
  requestId!: string;

  /** What was done, or refused. */
  @Column({ name: 'operation', type: 'varchar', length: 128 })
  operation!: string;

  /** `done`, or the code with which it was refused. */
  @Column({ name: 'outcome', type: 'varchar', length: 32 })
  outcome!: string;

  /** The provider of the account that it was done to or in. */
  @Column({ name: 'account_provider', type: 'int', nullable: true })
  accountProvider!: number | null;

  /** The id of that account. */
  @Column({ name: 'account_id', type: 'varchar', length: 255, nullable: true })
  accountId!: string | null;

  /** The region of that account. */
  @Column({ name: 'region', type: 'varchar', length: 64, nullable: true })
  region!: string | null;

  /** The datasource that it was done to. */
  @Column({ name: 'instance_id', type: 'varchar', length: 255, nullable: true })
  instanceId!: string | null;

  /** The global id of what it was done to: of the datasource or, where it was done to an account, of that. */
  @Column({ name: 'target_id', type: 'varchar', length: 27, nullable: true })
  targetId!: string | null;

  /** The version of the datasource that the change made; of a deletion the one that would have come next. Null for what changed none. */
  @Column({ name: 'version', type: 'int', nullable: true })
  version!: number | null;

  /** The place of a change among all changes; 0 where it has none yet, null where it is no change. */
  @Column({ name: 'position', type: 'bigint', nullable: true, transformer: whole })
  position!: number | null;

  /** What changed, as JSON: a list of `{ field, from, to }`, and for a credential `{ field, changed: true }`. */
  @Column({ name: 'changes', type: 'json', nullable: true })
  changes!: string | null;
}
