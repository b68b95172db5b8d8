// The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding, as PostgreSQL speaks it. Each side proves to the other that
// it knows the password, and neither sends it: somebody who has taken the port learns nothing from a client that comes there.
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
import { authentication, ProtocolError } from './wire.mjs';

const mechanism = 'SCRAM-SHA-256';
// The least that the RFC allows: more would only slow down guessing, and 256 random bits are not guessed.
const iterations = 4_096;

const hmac = (key, text) => createHmac('sha256', key).update(text).digest();

/** What the server keeps of a password. */
export class ScramVerifier {
  constructor(password) {
    this.salt = randomBytes(16);
    const salted = pbkdf2Sync(password, this.salt, iterations, 32, 'sha256');
    this.storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest();
    this.serverKey = hmac(salted, 'Server Key');
  }
}

/** One client's login. Its answers are to be given to `next` until `done`. */
export class ScramLogin {
  done = false;
  #verifier;
  #binding;
  #nonce;
  #transcript;

  constructor(verifier) {
    this.#verifier = verifier;
  }

  /** What asks the client to log in. */
  get question() {
    return authentication(10, `${mechanism}\0\0`);
  }

  /** What to say to this answer. Throws where the client does not know the password. */
  next(body) {
    return this.#nonce === undefined ? this.#first(body) : this.#final(body);
  }

  #first(body) {
    const nameEnd = body.indexOf(0);
    if (nameEnd < 0 || body.toString('latin1', 0, nameEnd) !== mechanism || body.length < nameEnd + 5) {
      throw new ProtocolError(`the login is by ${mechanism} here`);
    }

    const [, binding, bare, theirs] = /^([ny],,)(n=[^,]*,r=([\x21-\x2b\x2d-\x7e]+))$/.exec(body.toString('utf8', nameEnd + 5)) ?? [];
    if (theirs === undefined) {
      throw new ProtocolError('this is no first message of SCRAM-SHA-256 without channel binding');
    }

    this.#binding = Buffer.from(binding, 'latin1').toString('base64');
    this.#nonce = theirs + randomBytes(18).toString('base64');
    const question = `r=${this.#nonce},s=${this.#verifier.salt.toString('base64')},i=${iterations}`;
    this.#transcript = `${bare},${question}`;
    return authentication(11, question);
  }

  #final(body) {
    const [, withoutProof, binding, nonce, proof] = /^(c=([^,]*),r=([^,]*)),p=([A-Za-z0-9+/=]*)$/.exec(body.toString('utf8')) ?? [];
    if (withoutProof === undefined || binding !== this.#binding || nonce !== this.#nonce) {
      throw new ProtocolError('this is no final message of this login');
    }

    const transcript = `${this.#transcript},${withoutProof}`;
    const signature = hmac(this.#verifier.storedKey, transcript);
    const key = Buffer.from(proof, 'base64');
    if (key.length !== signature.length || !timingSafeEqual(createHash('sha256').update(xor(key, signature)).digest(), this.#verifier.storedKey)) {
      throw new ProtocolError('the embedded database lets in only who has the secret of this start, and this password is another one', '28P01');
    }

    this.done = true;
    return authentication(12, `v=${hmac(this.#verifier.serverKey, transcript).toString('base64')}`);
  }
}

function xor(one, other) {
  return Buffer.from(one.map((byte, i) => byte ^ other[i]));
}
