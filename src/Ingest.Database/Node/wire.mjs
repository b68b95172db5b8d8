// What is needed of PostgreSQL's frontend/backend protocol 3.0 to hand whole messages to a database in this process. Everything here takes
// any bytes: what no client would send is a ProtocolError.

const encryptionRequests = new Set([80877103, 80877104]);
const cancelRequest = 80877102;
const sessionStartOnly = new Set(['user', 'database', 'options', 'replication', 'client_encoding']);

// As long as PostgreSQL's own bound, and longer than any answer of a login.
const longestBeforeLogin = 10_000;
const longestMessage = 64 * 1024 * 1024;
const joinedUpTo = 16_384;

// CopyData, CopyDone, CopyFail: outside of a copy, PostgreSQL ignores them.
const ofCopy = new Set(['d', 'c', 'f']);
// PGlite takes the type on trust: another one would end it.
const statements = new Set(['Q', 'P', 'B', 'D', 'E', 'C', 'S', 'H', 'F']);

/** Something a client sent that cannot be gone on with. */
export class ProtocolError extends Error {
  constructor(text, sqlState = '08P01') {
    super(text);
    this.sqlState = sqlState;
  }
}

/** The messages of one client, cut from the bytes as they arrive. */
export class FrontendMessages {
  #chunks = [];
  #length = 0;

  /** Bytes kept. */
  get length() {
    return this.#length;
  }

  add(bytes) {
    this.#length += bytes.length;
    // Bytes that come one at a time must not cost a buffer each.
    if (this.#chunks.length > 0 && this.#length <= joinedUpTo) {
      this.#chunks = [Buffer.concat([...this.#chunks, bytes])];
    } else {
      this.#chunks.push(bytes);
    }
  }

  /** The start-up packet, or null until more bytes arrive. */
  nextOpening() {
    const bytes = this.#next(0, 8, longestBeforeLogin);
    return bytes === null ? null : openingMessage(bytes);
  }

  /** The body of the next answer to a question of the login, or null until more bytes arrive. */
  nextOfLogin() {
    const bytes = this.#next(1, 4, longestBeforeLogin);
    if (bytes !== null && bytes[0] !== 0x70) {
      throw new ProtocolError('expected an answer to the question for the password');
    }
    return bytes?.subarray(5) ?? null;
  }

  /** The next message of a client that is logged in, or null until more bytes arrive. */
  next() {
    const bytes = this.#next(1, 4, longestMessage);
    return bytes === null ? null : new Message(bytes);
  }

  #next(typeBytes, shortest, longest) {
    const header = typeBytes + 4;
    if (this.#length < header) {
      return null;
    }

    const length = this.#peek(header).readUInt32BE(typeBytes);
    if (length < shortest) {
      throw new ProtocolError(`a message cannot be ${length} bytes long`);
    }
    if (length > longest) {
      throw longest === longestMessage
        ? new ProtocolError(`the embedded database takes messages of up to ${longestMessage / 1024 / 1024} MiB, and this one has ${length} bytes: send less at once`, '54000')
        : new ProtocolError(`a message of ${length} bytes is too long before the login`);
    }

    return this.#length < length + typeBytes ? null : this.#take(length + typeBytes);
  }

  // Joined only when a message is whole: large ones arrive in hundreds of pieces.
  #peek(count) {
    if (this.#chunks[0].length < count) {
      this.#chunks = [Buffer.concat(this.#chunks)];
    }
    return this.#chunks[0];
  }

  #take(count) {
    const first = this.#peek(count);
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
    if (this.type !== 'X' && !this.isOfCopy && !statements.has(this.type)) {
      throw new ProtocolError(`there is no message of the type 0x${bytes[0].toString(16)}`);
    }
  }

  get isOfCopy() {
    return ofCopy.has(this.type);
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
  if (code >> 16 !== 3) {
    throw new ProtocolError('only version 3 of the protocol is spoken here');
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

/** A question or an answer of the login: `kind` is one of PostgreSQL's numbers. */
export function authentication(kind, body = '') {
  const bytes = Buffer.alloc(4 + Buffer.byteLength(body));
  bytes.writeInt32BE(kind, 0);
  bytes.write(body, 4);
  return message('R', bytes);
}

/** Everything a client waits for between its login and its first statement. */
export function serverGreeting(settings) {
  const parameters = settings.map(({ name, setting }) => message('S', Buffer.from(`${name}\0${setting}\0`)));
  const backendKey = message('K', Buffer.alloc(8));
  const readyForQuery = message('Z', Buffer.from('I'));
  return Buffer.concat([authentication(0), ...parameters, backendKey, readyForQuery]);
}

/** Whether this answer tells the client that it may go on, and that no transaction is open. */
export function isIdle(request, answer) {
  return (request.type === 'Q' || request.type === 'S' || request.type === 'F') && endsIdle(answer);
}

export function endsIdle(answer) {
  return answer.length >= 6 && answer[answer.length - 6] === 0x5a && answer[answer.length - 1] === 0x49;
}

export function errorResponse(sqlState, text) {
  return message('E', Buffer.from(`SFATAL\0VFATAL\0C${sqlState}\0M${text}\0\0`));
}

export function message(type, body) {
  const bytes = Buffer.alloc(5 + body.length);
  bytes.write(type, 0, 'latin1');
  bytes.writeInt32BE(4 + body.length, 1);
  body.copy(bytes, 5);
  return bytes;
}
