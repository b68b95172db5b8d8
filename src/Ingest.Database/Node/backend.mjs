// The one session of PostgreSQL that clients take turns at. It is theirs, and not the superuser's, from its first moment.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
import { clientRole, ownedBySuperuser, start } from './pglite.mjs';
import { endsIdle, message } from './wire.mjs';

// PGlite starts with settings for single-user work and debugging. In the place of a login's own defaults, so that every reset goes back to them.
const serverDefaults = [
  ['search_path', '"$user", public'],
  ['client_min_messages', 'notice'],
  ['log_min_messages', 'warning'],
  ['enable_seqscan', 'on'],
  ['allow_system_table_mods', 'off'],
  ['TimeZone', 'UTC'],
];
const superuserMaySet = 5; // PGC_SUSET
const defaultOfTheUser = 7; // PGC_S_USER

const libraries = '/tmp/pglite/lib/postgresql';
const sync = message('S', Buffer.alloc(0));
const rollback = message('Q', Buffer.from('ROLLBACK\0'));

const reported = `
  SELECT name, setting FROM pg_settings WHERE name IN
  ('server_version', 'server_encoding', 'client_encoding', 'DateStyle', 'TimeZone', 'integer_datetimes', 'standard_conforming_strings', 'IntervalStyle')`;

export class Backend {
  #packages;
  #dataFolder;
  #database;

  constructor(packages, dataFolder) {
    this.#packages = packages;
    this.#dataFolder = dataFolder;
  }

  static async open(packages, dataFolder) {
    const backend = new Backend(packages, dataFolder);
    const prepared = path.join(dataFolder, 'prepared-for-clients');
    const isPrepared = existsSync(prepared);
    if (!isPrepared) {
      await backend.#prepare(prepared);
    }

    await backend.#start();
    if (isPrepared && (await backend.#database.query(ownedBySuperuser)).rows.length > 0) {
      // An earlier version has worked here since.
      rmSync(prepared);
      await backend.close();
      await backend.#prepare(prepared);
      await backend.#start();
    }
    return backend;
  }

  /** The settings that a server tells its clients of. */
  async reportedSettings() {
    return (await this.#database.query(reported)).rows;
  }

  /** What PostgreSQL answers to a message of a client. Throws where that has broken the session, which is to be replaced then. */
  execute(bytes) {
    return this.#database.execProtocolRaw(bytes);
  }

  /** Forgets all that a client has set and sets what another wants. An error with a code is that client's own. */
  async reset(parameters) {
    await this.#database.exec('DISCARD ALL');
    for (const [name, value] of parameters) {
      await this.#database.query('SELECT set_config($1, $2, false)', [name, value]);
    }
  }

  /** Ends a client's transaction in its place, whatever it left unfinished. */
  async rollBack() {
    // After an error in an extended query, everything up to a Sync is skipped.
    await this.#database.execProtocolRaw(sync);
    if (!endsIdle(await this.#database.execProtocolRaw(rollback))) {
      await this.replace();
    }
  }

  /** Begins a new session in the place of a broken one; what is committed is safe, as after a crash of any PostgreSQL. */
  async replace() {
    const { FS } = this.#database.Module;
    for (const stream of FS.streams.filter((open) => open !== null && open !== undefined && open.fd > 2)) {
      FS.close(stream);
    }
    await this.#start();
  }

  close() {
    return this.#database.close();
  }

  async #prepare(prepared) {
    const thread = new Worker(fileURLToPath(new URL('prepare.mjs', import.meta.url)), { workerData: { packages: this.#packages, dataFolder: this.#dataFolder } });
    await new Promise((resolve, reject) => {
      thread.once('error', reject);
      thread.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`preparing ${this.#dataFolder} ended with ${code}`))));
    });
    writeFileSync(prepared, '');
  }

  async #start() {
    this.#database = await start(this.#packages, this.#dataFolder, clientRole);
    const { Module } = this.#database;
    for (const [name, value] of serverDefaults) {
      const [nameAt, valueAt] = [Module.stringToNewUTF8(name), Module.stringToNewUTF8(value)];
      Module._SetConfigOption(nameAt, valueAt, superuserMaySet, defaultOfTheUser);
      Module._free(nameAt);
      Module._free(valueAt);
    }

    // Not preloaded here: without this, a hypertable of an earlier start is an ordinary, empty table. Whoever is no superuser may load from
    // this folder alone; it holds this library only for as long as that takes.
    Module.FS.mkdir(`${libraries}/plugins`);
    Module.FS.symlink(`${libraries}/timescaledb`, `${libraries}/plugins/timescaledb`);
    await this.#database.exec("LOAD '$libdir/plugins/timescaledb'");
    Module.FS.unlink(`${libraries}/plugins/timescaledb`);
    Module.FS.rmdir(`${libraries}/plugins`);

    const [session] = (await this.#database.query(`
      SELECT session_user AS "user", current_setting('is_superuser') AS superuser,
             EXISTS (SELECT FROM pg_catalog.pg_auth_members
                     WHERE member IN (session_user::regrole, 'ingest_writer'::regrole) AND roleid <> 'ingest_writer'::regrole) AS member`)).rows;
    if (session.user !== clientRole || session.superuser !== 'off' || session.member) {
      throw new Error(`clients would get more than they may: ${JSON.stringify(session)}. Empty the embedded database (ingest up --fresh).`);
    }
    await this.reset([]);
  }
}
