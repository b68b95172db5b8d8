// What is needed of PostgreSQL's frontend/backend protocol 3.0 to hand whole messages to a database in this process.

const encryptionRequests = new Set([80877103, 80877104]);
const cancelRequest = 80877102;
const sessionStartOnly = new Set(['user', 'database', 'options', 'replication', 'client_encoding']);

/** The messages of one client, cut from the bytes as they arrive. */
export class FrontendMessages {
  #chunks = [];
  #length = 0;

  add(bytes) {
    this.#chunks.push(bytes);
    this.#length += bytes.length;
  }

  /** The next whole message, or null until more bytes arrive. */
  next(started) {
    const header = started ? 5 : 4;
    if (this.#length < header) {
      return null;
    }

    const length = this.#peek(header).readInt32BE(header - 4) + header - 4;
    if (this.#length < length) {
      return null;
    }

    const bytes = this.#take(length);
    return started ? new Message(bytes) : openingMessage(bytes);
  }

  // Joined only when a message is whole: large ones arrive in hundreds of pieces.
  #peek(count) {
    if (this.#chunks[0].length < count) {
      this.#chunks = [Buffer.concat(this.#chunks)];
    }
    return this.#chunks[0];
  }

  #take(count) {
    if (this.#chunks[0].length < count) {
      this.#chunks = [Buffer.concat(this.#chunks)];
    }

    const first = this.#chunks[0];
    this.#length -= count;
    if (first.length === count) {
      this.#chunks.shift();
    } else {
      this.#chunks[0] = first.subarray(count);
    }
    return first.subarray(0, count);
  }
}

class Message {
  constructor(bytes) {
    this.bytes = bytes;
    this.type = String.fromCharCode(bytes[0]);
  }

  isCopyFromStdin() {
    if (this.type !== 'Q' && this.type !== 'P') {
      return false;
    }

    const nameEnd = this.type === 'P' ? this.bytes.indexOf(0, 5) + 1 : 5;
    const start = this.bytes.toString('latin1', nameEnd, nameEnd + 4_096);
    return /^\s*copy\b[^;]*\bfrom\s+stdin\b/i.test(start);
  }

  /** The same kind of message with another statement, which takes no parameters. */
  replacedBy(sql) {
    const name = this.type === 'P' ? this.bytes.subarray(5, this.bytes.indexOf(0, 5) + 1) : Buffer.alloc(0);
    const tail = this.type === 'P' ? Buffer.alloc(3) : Buffer.alloc(1);
    return message(this.type, Buffer.concat([name, Buffer.from(sql), tail]));
  }
}

function openingMessage(bytes) {
  const code = bytes.readInt32BE(4);
  if (encryptionRequests.has(code)) {
    return { kind: 'encryption' };
  }
  if (code === cancelRequest) {
    return { kind: 'cancel' };
  }

  const fields = bytes.toString('utf8', 8).split('\0');
  const parameters = [];
  for (let i = 0; i + 1 < fields.length && fields[i] !== ''; i += 2) {
    if (!sessionStartOnly.has(fields[i])) {
      parameters.push([fields[i], fields[i + 1]]);
    }
  }
  return { kind: 'startup', parameters };
}

/** Everything a client waits for before its first statement: no password is asked, as only this machine reaches the port. */
export function serverGreeting(settings) {
  const authenticationOk = message('R', Buffer.alloc(4));
  const parameters = settings.map(({ name, setting }) => message('S', Buffer.from(`${name}\0${setting}\0`)));
  const backendKey = message('K', Buffer.alloc(8));
  const readyForQuery = message('Z', Buffer.from('I'));
  return Buffer.concat([authenticationOk, ...parameters, backendKey, readyForQuery]);
}

/** Whether this answer tells the client that it may go on, and that no transaction is open. */
export function isIdle(request, answer) {
  return (request.type === 'Q' || request.type === 'S' || request.type === 'F')
    && answer.length >= 6 && answer[answer.length - 6] === 0x5a && answer[answer.length - 1] === 0x49;
}

export function errorResponse(sqlState, text) {
  return message('E', Buffer.from(`SFATAL\0VFATAL\0C${sqlState}\0M${text}\0\0`));
}

function message(type, body) {
  const bytes = Buffer.alloc(5 + body.length);
  bytes.write(type, 0, 'latin1');
  bytes.writeInt32BE(4 + body.length, 1);
  body.copy(bytes, 5);
  return bytes;
}
