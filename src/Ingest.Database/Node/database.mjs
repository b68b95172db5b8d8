// TimescaleDB in this process (PostgreSQL compiled to WebAssembly), served on 127.0.0.1 to who has the secret of this start. It is a single
// session: clients take turns at it by transaction, as behind a pooler, so session settings beyond those of the connection string and prepared
// statements do not last.
// Usage: node database.mjs <packages folder> <data folder> [<folder to remove at the end>]
// Prints one line of JSON with the port, the user and the password once it takes clients.
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import net from 'node:net';
import { Backend } from './backend.mjs';
import { end, leaveWithParent } from './parent.mjs';
import { clientRole } from './pglite.mjs';
import { ScramLogin, ScramVerifier } from './scram.mjs';
import { errorResponse, FrontendMessages, isIdle, ProtocolError, serverGreeting } from './wire.mjs';

const [packages, dataFolder, removeFolder] = process.argv.slice(2);
const waitForTurnMilliseconds = 20_000;
const loginMilliseconds = 5_000;
const lingerMilliseconds = 5_000;
const mostInLogin = 100;
const mostLoggedIn = 100;
const bufferedWhileBusy = 1024 * 1024;

const backend = await Backend.open(packages, dataFolder);
const greeting = serverGreeting(await backend.reportedSettings());
const password = randomBytes(32).toString('base64url');
const verifier = new ScramVerifier(password);

let turn = null; // the client whose transaction runs
let lastTurn = null; // the client whose settings the session has
const waiting = [];
const inLogin = new Set(); // in the order of their arrival
let loggedIn = 0;

const server = net.createServer((socket) => {
  socket.setNoDelay(true);
  const client = { socket, messages: new FrontendMessages(), login: null, parameters: null, isIn: false, busy: false, ended: false };
  enterLogin(client);
  socket.on('data', (bytes) => {
    if (client.ended) {
      return;
    }
    client.messages.add(bytes);
    if (client.busy && client.messages.length > bufferedWhileBusy) {
      socket.pause();
    }
    pump(client);
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    client.ended = true;
    inLogin.delete(client);
    loggedIn -= client.isIn ? 1 : 0;
    pump(client);
  });
});

/** Whoever does not log in in time makes room, and so does the longest to be at it when there are too many: a crowd keeps nobody out. */
function enterLogin(client) {
  inLogin.add(client);
  setTimeout(() => inLogin.has(client) && client.socket.destroy(), loginMilliseconds).unref();
  if (inLogin.size > mostInLogin) {
    const [longest] = inLogin;
    inLogin.delete(longest);
    longest.socket.destroy();
  }
}

async function pump(client) {
  if (client.busy) {
    return;
  }

  client.busy = true;
  try {
    while (!client.ended && await step(client)) {
      // On to the next message.
    }
  } catch (error) {
    // Whatever went wrong, it is this client's end and nobody else's.
    leave(client, error instanceof ProtocolError ? errorResponse(error.sqlState, error.message) : errorResponse('XX000', 'the embedded database failed at this message'));
    if (!(error instanceof ProtocolError)) {
      console.error(error);
    }
  }

  if (client.ended && turn === client) {
    await orEnd(() => backend.rollBack().catch(() => backend.replace()));
    endTurn();
  }
  client.busy = false;
  client.socket.resume();
}

/** Deals with the next message. Returns whether there was one. */
async function step(client) {
  if (client.isIn) {
    const message = client.messages.next();
    if (message !== null) {
      await execute(client, message);
    }
    return message !== null;
  }

  if (client.login !== null) {
    const answer = client.messages.nextOfLogin();
    if (answer !== null) {
      client.socket.write(client.login.next(answer));
      if (client.login.done) {
        letIn(client);
      }
    }
    return answer !== null;
  }

  const opening = client.messages.nextOpening();
  if (opening?.kind === 'encryption') {
    client.socket.write('N');
  } else if (opening?.kind === 'cancel') {
    leave(client);
  } else if (opening !== null) {
    client.parameters = opening.parameters;
    client.login = new ScramLogin(verifier);
    client.socket.write(client.login.question);
  }
  return opening !== null;
}

function letIn(client) {
  if (loggedIn === mostLoggedIn) {
    throw new ProtocolError(`the embedded database takes ${mostLoggedIn} clients, and has them`, '53300');
  }
  inLogin.delete(client);
  client.isIn = true;
  loggedIn++;
  client.socket.write(greeting);
}

async function execute(client, message) {
  if (message.type === 'X') {
    leave(client);
    return;
  }

  if (message.isOfCopy || (turn !== client && !(await takeTurn(client)))) {
    return;
  }

  // PGlite waits inside WebAssembly for the copied data, which then never reaches it.
  const bytes = message.isCopyFromStdin() ? message.replacedBy(`DO $$ BEGIN RAISE feature_not_supported
    USING MESSAGE = 'the embedded database takes no COPY FROM STDIN', HINT = 'Use INSERT, or another database.'; END $$`) : message.bytes;
  let answer;
  try {
    answer = await backend.execute(bytes);
  } catch (error) {
    await broken(client, error);
    return;
  }
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
      lastTurn = null;
      await backend.reset(client.parameters);
      lastTurn = client;
    } catch (error) {
      if (error.code === undefined) {
        await broken(client, error);
      } else {
        leave(client, errorResponse(error.code, error.message));
      }
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

/** A statement has broken the session (WebAssembly's stack is short): the others get a new one. */
async function broken(client, error) {
  leave(client, errorResponse('57P02', `the embedded database could not bear this statement (${error.message}); what was committed before is safe`));
  lastTurn = null;
  await orEnd(() => backend.replace());
  endTurn();
}

async function orEnd(action) {
  try {
    await action();
  } catch (error) {
    console.error(error);
    end();
  }
}

/** Ends a client with these words, which it can read in peace: it is listened to for a while, and what it says is thrown away. */
function leave(client, lastWords = undefined) {
  client.ended = true;
  client.socket.end(lastWords);
  client.socket.resume();
  setTimeout(() => client.socket.destroy(), lingerMilliseconds).unref();
}

leaveWithParent(async () => {
  server.close();
  await backend.close();
  if (removeFolder !== undefined) {
    rmSync(removeFolder, { recursive: true, force: true });
  }
  end();
}, 5_000);
server.once('error', (error) => {
  console.error(error);
  end();
});
server.listen(0, '127.0.0.1', () => {
  server.removeAllListeners('error');
  // A client that could not be taken, for want of descriptors for instance: its own end.
  server.on('error', (error) => console.error(error.message));
  // On the pipe to the parent, which nobody else reads.
  console.log(JSON.stringify({ port: server.address().port, user: clientRole, password }));
});
