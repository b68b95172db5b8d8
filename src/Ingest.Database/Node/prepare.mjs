// Makes a data folder ready for clients, as the superuser, in a thread of its own: it takes with it what PostgreSQL needed of memory, and
// nobody is let in to a session that ever was the superuser's.
import { workerData } from 'node:worker_threads';
import { clientRole, ownedBySuperuser, start } from './pglite.mjs';

const { packages, dataFolder } = workerData;
const database = await start(packages, dataFolder, 'postgres');
await database.exec('SET client_min_messages = warning; SET search_path = pg_catalog, pg_temp');
await database.exec('CREATE EXTENSION IF NOT EXISTS timescaledb SCHEMA public');
await database.exec("LOAD 'timescaledb'");
await database.exec(`
  DO $$
  BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${clientRole}') THEN CREATE ROLE ${clientRole}; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ingest_writer') THEN CREATE ROLE ingest_writer; END IF;
  END $$;
  ALTER ROLE ${clientRole} LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
  ALTER ROLE ingest_writer NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
  -- So that it can be tried out what a worker may do that owns nothing.
  GRANT ingest_writer TO ${clientRole} WITH INHERIT FALSE, SET TRUE;
  GRANT USAGE, CREATE ON SCHEMA public TO ${clientRole} WITH GRANT OPTION;
  -- PGlite keeps template1's row in its cache from before it was last written; this has it read again.
  ALTER DATABASE template1 CONNECTION LIMIT -1;
  GRANT CREATE, TEMPORARY ON DATABASE template1 TO ${clientRole};
  DO $$
  DECLARE
    owned record;
  BEGIN
    FOR owned IN ${ownedBySuperuser} LOOP
      EXECUTE format('ALTER %s %s OWNER TO ${clientRole}', owned.kind, owned.name);
    END LOOP;
  END $$;
  UPDATE _timescaledb_config.bgw_job SET owner = '${clientRole}'::regrole WHERE owner = 10::oid::regrole AND id >= 1000`);
await database.close();
