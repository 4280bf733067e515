/*
 * For the tests of programs as their users meet them: one run of a built program, with no
 * environment but what is given.
 */
import { spawn } from 'node:child_process'

/* sysexits.h, and a shell's word for Ctrl-C */
export const OK = 0, USAGE = 64, DATA = 65, SOFTWARE = 70, IO = 74, TEMPORARY = 75, PERMISSION = 77, CONFIG = 78, INTERRUPTED = 130

/* { code, out, err }; fails where it was killed, or has printed what `secret` describes. */
export function runProgram(program, args, { env, cwd, input = '', stdout = 'pipe', secret }) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, cwd, stdio: ['pipe', stdout, 'pipe'] })
    let out = '', err = ''
    child.stdout?.on('data', (d) => { out += d })
    child.stderr.on('data', (d) => { err += d })
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (signal)
        reject(new Error(`killed by ${signal}: ${err}`))
      else if (secret.test(out + err))
        reject(new Error(`a secret was printed:\n${out}${err}`))
      else
        resolve({ code, out, err })
    })
  })
}
