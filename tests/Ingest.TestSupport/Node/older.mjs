// Makes of a data folder one as earlier versions left it: everything belongs to the superuser, and the clients' role does not exist.
// Usage: node older.mjs <packages folder> <PostgreSQL's folder>
import { rmSync } from 'node:fs';
import path from 'node:path';
import { clientRole, start } from './pglite.mjs';

const [packages, dataFolder] = process.argv.slice(2);
const database = await start(packages, dataFolder, 'postgres');
await database.exec(`
  SET search_path = public;
  LOAD 'timescaledb';
  UPDATE _timescaledb_config.bgw_job SET owner = 'postgres'::regrole WHERE owner = '${clientRole}'::regrole;
  REASSIGN OWNED BY ${clientRole} TO postgres;
  DROP OWNED BY ${clientRole};
  DROP ROLE ${clientRole}`);
await database.close();
rmSync(path.join(dataFolder, 'prepared-for-clients'));
process.exit(0);
