import { Column } from 'typeorm/decorator/columns/Column.js';
import { PrimaryColumn } from 'typeorm/decorator/columns/PrimaryColumn.js';
import { Entity } from 'typeorm/decorator/entity/Entity.js';
import { Index } from 'typeorm/decorator/Index.js';
import { JoinColumn } from 'typeorm/decorator/relations/JoinColumn.js';
import { ManyToOne } from 'typeorm/decorator/relations/ManyToOne.js';
import { Unique } from 'typeorm/decorator/Unique.js';
import { Account } from '../accounts/account.entity.js';
import { flag, instant } from '../database/columns.js';

/**
 * A JDBC connection registered in an account, as the table `datasources` keeps it. It refers to its account by the
 * account's key, so that adding one, finding one and paging through an account's need no look at `accounts`.
 */
@Entity('datasources')
@Unique('uq_datasources_key', ['accountProviderId', 'accountId', 'region', 'instanceId'])
@Index('ix_datasources_account_created', ['accountProviderId', 'accountId', 'region', 'createdAt', 'id'])
@Index('ix_datasources_account_updated', ['accountProviderId', 'accountId', 'region', 'updatedAt', 'id'])
@Index('ix_datasources_place_created', ['accountProviderId', 'region', 'createdAt', 'id'])
@Index('ix_datasources_place_updated', ['accountProviderId', 'region', 'updatedAt', 'id'])
@Index('ix_datasources_place_name', ['accountProviderId', 'region', 'instanceId', 'id'])
@Index('ix_datasources_place_name_created', ['accountProviderId', 'region', 'instanceId', 'createdAt', 'id'])
@Index('ix_datasources_place_name_updated', ['accountProviderId', 'region', 'instanceId', 'updatedAt', 'id'])
@Index('ix_datasources_created', ['createdAt', 'id'])
@Index('ix_datasources_updated', ['updatedAt', 'id'])
@Index('ix_datasources_name', ['instanceId', 'id'])
export class Datasource {
  /** The global id: `D` and a ULID. */
  @PrimaryColumn({ name: 'id', type: 'varchar', length: 27 })
  id!: string;

  /** The provider of its account. */
  @Column({ name: 'account_provider', type: 'int' })
  accountProviderId!: number;

  /** The id of its account. */
  @Column({ name: 'account_id', type: 'varchar', length: 255 })
  accountId!: string;

  /** The region of its account. */
  @Column({ name: 'region', type: 'varchar', length: 64 })
  region!: string;

  /** The name of the datasource within its account. */
  @Column({ name: 'instance_id', type: 'varchar', length: 255 })
  instanceId!: string;

  /** A description. */
  @Column({ name: 'description', type: 'varchar', length: 2048, nullable: true })
  description!: string | null;

  /** The JDBC URL, which carries no password. */
  @Column({ name: 'jdbc_connection_url', type: 'varchar', length: 1024 })
  jdbcConnectionUrl!: string;

  /** The schemas to scan, one per line. */
  @Column({ name: 'jdbc_connection_schema', type: 'varchar', length: 1024 })
  jdbcConnectionSchema!: string;

  /** Whether the connection must use SSL. */
  @Column({ name: 'jdbc_enforce_ssl', type: 'tinyint', nullable: true, transformer: flag })
  jdbcEnforceSsl!: boolean | null;

  /** Whether Kafka is accessed over SSL. */
  @Column({ name: 'kafka_ssl_enabled', type: 'tinyint', nullable: true, transformer: flag })
  kafkaSslEnabled!: boolean | null;

  /** The name of the database user. */
  @Column({ name: 'master_username', type: 'varchar', length: 255, nullable: true })
  masterUsername!: string | null;

  /** The password of that user, sealed. */
  @Column({ name: 'password_sealed', type: 'blob', nullable: true })
  passwordSealed!: Buffer | null;

  /** The name of, or reference to, a secret, sealed. */
  @Column({ name: 'secret_sealed', type: 'blob', nullable: true })
  secretSealed!: Buffer | null;

  /** Whether the validation of a custom certificate is skipped. */
  @Column({ name: 'skip_custom_jdbc_cert_validation', type: 'tinyint', nullable: true, transformer: flag })
  skipCustomJdbcCertValidation!: boolean | null;

  /** The location of a custom certificate. */
  @Column({ name: 'custom_jdbc_cert', type: 'varchar', length: 1024, nullable: true })
  customJdbcCert!: string | null;

  /** The distinguished name of the custom certificate. */
  @Column({ name: 'custom_jdbc_cert_string', type: 'varchar', length: 1024, nullable: true })
  customJdbcCertString!: string | null;

  /** The availability zone of the connection. */
  @Column({ name: 'network_availability_zone', type: 'varchar', length: 255 })
  networkAvailabilityZone!: string;

  /** The subnet of the connection. */
  @Column({ name: 'network_subnet_id', type: 'varchar', length: 255 })
  networkSubnetId!: string;

  /** The security group of the connection. */
  @Column({ name: 'network_sg_id', type: 'varchar', length: 255 })
  networkSgId!: string;

  /** When a Glue crawler last updated it. */
  @Column({ name: 'glue_crawler_last_updated', type: 'bigint', nullable: true, transformer: instant })
  glueCrawlerLastUpdated!: Date | null;

  /** When it was created, as text in the format of its source. */
  @Column({ name: 'creation_time', type: 'varchar', length: 64, nullable: true })
  creationTime!: string | null;

  /** When it was last updated, as text in the format of its source. */
  @Column({ name: 'last_updated_time', type: 'varchar', length: 64, nullable: true })
  lastUpdatedTime!: string | null;

  /** The class name of the JDBC driver. */
  @Column({ name: 'jdbc_driver_class_name', type: 'varchar', length: 2048, nullable: true })
  jdbcDriverClassName!: string | null;

  /** The location of the JDBC driver's JAR file. */
  @Column({ name: 'jdbc_driver_jar_uri', type: 'varchar', length: 2048, nullable: true })
  jdbcDriverJarUri!: string | null;

  /** How it was created: 0 imported, 1 added. */
  @Column({ name: 'create_type', type: 'int' })
  createType!: number;

  /** The version: 1 at first, and one more with each change. */
  @Column({ name: 'version', type: 'int' })
  version!: number;

  /** When it was added. */
  @Column({ name: 'created_at', type: 'bigint', transformer: instant })
  createdAt!: Date;

  /** When it was last changed. */
  @Column({ name: 'updated_at', type: 'bigint', transformer: instant })
  updatedAt!: Date;

  /** The account that it is in; deleting the account deletes it. */
  @ManyToOne(() => Account, { nullable: false, onDelete: 'CASCADE', onUpdate: 'NO ACTION' })
  @JoinColumn([
    {
      name: 'account_provider',
      referencedColumnName: 'accountProvider',
      foreignKeyConstraintName: 'fk_datasources_account',
    },
    { name: 'account_id', referencedColumnName: 'accountId', foreignKeyConstraintName: 'fk_datasources_account' },
    { name: 'region', referencedColumnName: 'region', foreignKeyConstraintName: 'fk_datasources_account' },
  ])
  account?: Account;
}
