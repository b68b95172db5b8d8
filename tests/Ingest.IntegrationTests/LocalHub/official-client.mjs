// Drives Microsoft's JavaScript client for a test: official-client.mjs <packages> <connection string> <command>, with its arguments as JSON on standard input.
// The last line printed is the result as JSON.
import { createRequire } from "node:module";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [packages, connectionString, command] = process.argv.slice(2);
const require = createRequire(join(packages, "package.json"));
const { EventHubProducerClient, EventHubConsumerClient } = require("@azure/event-hubs");
const { types } = require("rhea");
const options = { retryOptions: { maxRetries: 0, timeoutInMs: 15000 } };

const typed = {
  null: null,
  boolean: true,
  ubyte: types.wrap_ubyte(200),
  ushort: types.wrap_ushort(60000),
  uint: types.wrap_uint(4000000000),
  ulong: types.wrap_ulong(5000000000),
  byte: types.wrap_byte(-100),
  short: types.wrap_short(-30000),
  int: types.wrap_int(-2000000000),
  long: types.wrap_long(-5000000000),
  float: types.wrap_float(0.5),
  double: types.wrap_double(0.1),
  char: types.wrap_char(0x41),
  timestamp: types.wrap_timestamp(1767225600123),
  uuid: types.wrap_uuid(Buffer.from("00112233445566778899aabbccddeeff", "hex")),
  binary: types.wrap_binary(Buffer.from([1, 2, 3])),
  string: "text",
  symbol: types.wrap_symbol("symbol"),
};

const describe = (event) => ({
  body: Buffer.isBuffer(event.body) ? { sha256: createHash("sha256").update(event.body).digest("hex") } : event.body,
  properties: event.properties,
  offset: event.offset,
  sequenceNumber: event.sequenceNumber,
  enqueuedOn: event.enqueuedTimeUtc.getTime(),
  partitionKey: event.partitionKey,
  system: event.systemProperties,
});

/** Reads until there are as many events as wanted, or an error. `ready` is called when the client has begun to wait for more. */
function read(consumer, { partition, position, count, ownerLevel }, ready) {
  const events = [];
  return new Promise((resolve, reject) => {
    const subscription = consumer.subscribe(partition, {
      processEvents: async (received) => {
        events.push(...received.map(describe));
        if (received.length === 0) ready?.();
        if (events.length >= count) {
          await subscription.close();
          resolve(events);
        }
      },
      processError: async (error) => {
        await subscription.close();
        reject(error);
      },
    }, { startPosition: position, maxBatchSize: 300, maxWaitTimeInSeconds: 1, ownerLevel });
  });
}

const commands = {
  /** Sends batches of events with the bodies { n } counted through. */
  async send({ batches, partitionId, partitionKey }) {
    const producer = new EventHubProducerClient(connectionString, options);
    let n = 0;
    for (const size of batches) {
      const batch = await producer.createBatch({ partitionId, partitionKey });
      for (let i = 0; i < size; i++) {
        if (!batch.tryAdd({ body: { n: n++ } })) throw new Error(`${i} events fill a batch.`);
      }
      await producer.sendBatch(batch);
    }
    await producer.close();
    return { sent: n };
  },

  /** Sends one event a body, all in one batch, with an application property of each AMQP type where asked for. */
  async sendBodies({ bodies, partitionId, partitionKey, withProperties }) {
    const producer = new EventHubProducerClient(connectionString, options);
    const properties = withProperties ? typed : undefined;
    await producer.sendBatch(bodies.map((body) => ({ body, properties, contentType: "application/json" })), { partitionId, partitionKey });
    await producer.close();
    return { sent: bodies.length };
  },

  async sendLarge({ partitionId, length }) {
    const body = Buffer.alloc(length, "0123456789");
    const producer = new EventHubProducerClient(connectionString, options);
    await producer.sendBatch([{ body }], { partitionId });
    await producer.close();
    return { sha256: createHash("sha256").update(body).digest("hex") };
  },

  async sendTyped({ partitionId }) {
    const producer = new EventHubProducerClient(connectionString, options);
    await producer.sendBatch([{ body: { a: [1, { b: 2 }] }, properties: typed, contentType: "application/json", messageId: "m-1" }], { partitionId });
    await producer.close();
    return {};
  },

  async read({ group = "$Default", ...wanted }) {
    const consumer = new EventHubConsumerClient(group, connectionString, options);
    try {
      return { events: await read(consumer, wanted) };
    } catch (error) {
      return { error: { code: error.code, message: error.message } };
    } finally {
      await consumer.close();
    }
  },

  /** Attaches at the end, sends one event then, and says what it reads. */
  async readLatest({ partition }) {
    const consumer = new EventHubConsumerClient("$Default", connectionString, options);
    const producer = new EventHubProducerClient(connectionString, options);
    let sent;
    const events = await read(consumer, { partition, position: { offset: "@latest" }, count: 1 }, () => {
      sent ??= producer.sendBatch([{ body: "after" }], { partitionId: partition });
    });
    await sent;
    await consumer.close();
    await producer.close();
    return { events };
  },

  /** A first reader, then one with a higher owner level; the first one's error, and what the second one read. */
  async steal({ partition, count }) {
    const first = new EventHubConsumerClient("$Default", connectionString, options);
    const second = new EventHubConsumerClient("$Default", connectionString, options);
    let waits;
    const waiting = new Promise((resolve) => { waits = resolve; });
    const position = { offset: "-1" };
    const stolen = read(first, { partition, position, count: Infinity, ownerLevel: 1 }, waits).catch((error) => error);
    await waiting;
    const events = await read(second, { partition, position, count, ownerLevel: 2 });
    const error = await stolen;
    await first.close();
    await second.close();
    return { events, error: { code: error.code, message: error.message } };
  },

  async properties() {
    const producer = new EventHubProducerClient(connectionString, options);
    const hub = await producer.getEventHubProperties();
    const partitions = [];
    for (const id of hub.partitionIds) {
      partitions.push(await producer.getPartitionProperties(id));
    }
    await producer.close();
    return { hub, partitions };
  },
};

console.log(JSON.stringify(await commands[command](JSON.parse(readFileSync(0, "utf8")))));
