// The tie to the parent process: its end of our standard input closes when it ends, in whatever way. The watch runs in a thread of its own,
// as WebAssembly may keep the main thread busy for as long as it likes.
import { readSync } from 'node:fs';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';

/** Calls `leave` when the parent is gone, and kills this process if it is still there `graceMilliseconds` later. */
export function leaveWithParent(leave, graceMilliseconds) {
  // Ctrl-C and a closing terminal reach the whole process group: when to go is the parent's decision alone.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {});
  }

  const watch = new Worker(fileURLToPath(import.meta.url), { workerData: { watchParent: true, graceMilliseconds } });
  watch.once('message', leave);
  watch.unref();
}

/** Ends this process. process.exit() would wait for the watch, and so for the parent. */
export function end() {
  process.kill(process.pid, 'SIGKILL');
}

if (!isMainThread && workerData?.watchParent) {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const bytes = Buffer.alloc(256);
  for (;;) {
    try {
      if (readSync(0, bytes) === 0) {
        break;
      }
    } catch (error) {
      if (error.code === 'EOF') {
        break;
      }
      if (error.code !== 'EAGAIN' && error.code !== 'EINTR') {
        break;
      }
      Atomics.wait(pause, 0, 0, 100);
    }
  }

  parentPort.postMessage('gone');
  Atomics.wait(pause, 0, 0, workerData.graceMilliseconds);
  process.kill(process.pid, 'SIGKILL');
}
