import { Column } from 'typeorm/decorator/columns/Column.js';
import { PrimaryColumn } from 'typeorm/decorator/columns/PrimaryColumn.js';
import { Entity } from 'typeorm/decorator/entity/Entity.js';
import { instant } from '../database/columns.js';

/** A key by which a program calls, as the table `api_keys` keeps it: the key itself is nowhere stored. */
@Entity('api_keys')
export class ApiKey {
  /** The part of the key by which it is recognised; not a secret. */
  @PrimaryColumn({ name: 'prefix', type: 'varchar', length: 16 })
  prefix!: string;

  /** What it is for, in the words of who made it. */
  @Column({ name: 'name', type: 'varchar', length: 255 })
  name!: string;

  /** The SHA-256 of the whole key, in hexadecimal. */
  @Column({ name: 'hash', type: 'varchar', length: 64 })
  hash!: string;

  /** What it permits, separated by commas. */
  @Column({ name: 'permissions', type: 'varchar', length: 255 })
  permissions!: string;

  /** When it was made. */
  @Column({ name: 'created_at', type: 'bigint', transformer: instant })
  createdAt!: Date;

  /** When it stops by itself; null for never. */
  @Column({ name: 'expires_at', type: 'bigint', nullable: true, transformer: instant })
  expiresAt!: Date | null;

  /** When it was revoked; null where it was not. */
  @Column({ name: 'revoked_at', type: 'bigint', nullable: true, transformer: instant })
  revokedAt!: Date | null;

  /** When it was last used, to the minute; null for never. */
  @Column({ name: 'last_used_at', type: 'bigint', nullable: true, transformer: instant })
  lastUsedAt!: Date | null;
}
