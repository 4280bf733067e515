/*
 * For the tests of kiroctl login: an empty installation and a stand-in upstream, which refuses
 * wrong clients, verifiers and redirect URIs. What proves that a login was stored rightly is that
 * the account can be renewed: the stand-in takes a refresh token once, and only with the client it
 * was made for.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before } from 'node:test'

import { start, waitForOutput } from '../lib/process.mjs'
import { buildDir, startStandin } from '../lib/standin.mjs'

export const program = path.join(buildDir, 'kiroctl')
import { OK } from './program.mjs'
export { OK, USAGE, DATA, TEMPORARY, PERMISSION, INTERRUPTED } from './program.mjs'

let work
before(() => { work = fs.mkdtempSync(path.join(os.tmpdir(), 'kiro-login-')) })
after(() => fs.rmSync(work, { recursive: true, force: true }))

/* An empty installation and a stand-in of its own, for this test. */
export async function place(t, device = {}) {
  const standin = await startStandin()
  const home = fs.mkdtempSync(path.join(work, 'home-'))
  const env = { PATH: process.env.PATH, HOME: home, KIRO_STATE_DIR: path.join(home, 'state') }

  const children = []

  /* A test that failed must not leave one waiting for its person. */
  t.after(async () => {
    for (const child of children)
      child.kill('SIGKILL')
    await standin.stop()
  })
  for (const host of ['INFERENCE', 'MANAGEMENT', 'SOCIAL', 'OIDC', 'PORTAL', 'SIGNIN'])
    env[`KIRO_UPSTREAM_${host}_URL`] = standin.url
  for (const name of ['ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS'].filter((n) => process.env[n]))
    env[name] = process.env[name]
  env.KIRO_UPSTREAM_IDP_HOSTS = `127.0.0.1:${standin.port}`
  await standin.device({ pending: 0, user: 'ann', ...device })
  return { standin, home, env, children }
}

/* Starts a command; child.text is all that it says, finish() waits for its end and proves that no
 * secret of the stand-in was said. */
export function begin(at, args, { input, json = false } = {}) {
  const child = start(program, json ? [...args, '--json'] : args, { stdio: ['pipe', 'pipe', 'pipe'], env: at.env, cwd: at.home })

  at.children.push(child)
  child.out = child.err = ''
  child.stdout.on('data', (d) => { child.out += d })
  child.stderr.on('data', (d) => { child.err += d })
  child.stdin.on('error', () => {})
  if (input !== undefined)
    child.stdin.end(input)
  child.finish = async () => {
    const { code, signal } = await child.ended
    await Promise.all([child.stdout, child.stderr].map((s) => s.closed || new Promise((done) => s.once('close', done))))
    assert.doesNotMatch(child.text, /aoaStandin[0-9a-f]|aorStandin[0-9a-f]|standin-secret-|ksk_Standin|cookie-of-a-portal/)
    return { code, signal, out: child.out, err: child.err, lines: child.out.trim().split('\n') }
  }
  return child
}

export const run = (at, args, options) => begin(at, args, { input: '', ...options }).finish()
export const login = (at, ...args) => run(at, ['login', ...args])

export async function accounts(at) {
  if (!fs.existsSync(path.join(at.home, 'state', 'tokens.gdbm')))
    return []
  const r = await run(at, ['account', 'list'], { json: true })
  assert.equal(r.code, OK, r.err)
  return JSON.parse(r.out)
}

export async function isStored(at, expected, count = 1) {
  const all = await accounts(at)
  assert.equal(all.length, count)
  const account = all.at(-1)
  for (const [name, value] of Object.entries(expected))
    assert.equal(account[name], value, name)
  assert.match(account.machine_id, /^[0-9a-f]{64}$/)
  return account
}

/* The stored tokens and client are those that the stand-in handed out. */
export async function canBeRenewed(at, id) {
  const r = await run(at, ['account', 'refresh', id])
  assert.equal(r.code, OK, r.err)
  assert.equal((await at.standin.stats()).refresh.stale, 0)
}

/* The person's browser: where the page sends it to. */
export async function browse(url) {
  const answer = await fetch(url, { redirect: 'manual' })
  assert.equal(answer.status, 302, await answer.text())
  return answer.headers.get('location')
}

export const linkOf = async (child) => (await waitForOutput(child, /^ {4}(https?:\S+)\n/m))[1]
