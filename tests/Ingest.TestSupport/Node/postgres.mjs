// Runs a PostgreSQL program, which refuses to run as root, as another user.
//   node postgres.mjs run   <uid> <gid> <program> <arguments…>           until it ends, with its exit code
//   node postgres.mjs serve <uid> <gid> <data folder> <program> <arguments…>   until it ends or the parent does; then the data folder is removed
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { end, leaveWithParent } from './parent.mjs';

const [mode, uid, gid, ...rest] = process.argv.slice(2);
const dataFolder = mode === 'serve' ? rest.shift() : null;
const [program, ...programArguments] = rest;
const user = uid === '-' ? {} : { uid: Number(uid), gid: Number(gid) };

// In a process group of its own: Ctrl-C in the terminal is for the tests to act upon.
const child = spawn(program, programArguments, { stdio: ['ignore', mode === 'serve' ? 'ignore' : 'inherit', 'inherit'], detached: mode === 'serve', ...user });
child.once('error', (error) => {
  console.error(`${program}: ${error.message}`);
  finish(1);
});

let orphaned = false;
child.once('exit', (code, signal) => {
  if (orphaned) {
    rmSync(dataFolder, { recursive: true, force: true, maxRetries: 10 });
  }
  finish(signal === null ? code : 128);
});

function finish(code) {
  if (mode === 'serve') {
    end();
  }
  process.exit(code);
}

if (mode === 'serve') {
  leaveWithParent(() => {
    orphaned = true;
    child.kill('SIGQUIT');
    setTimeout(() => child.kill('SIGKILL'), 5_000).unref();
  }, 10_000);
  child.once('spawn', () => console.log(JSON.stringify({ pid: child.pid })));
}
