/*
 * For the tests of kiroctl as its users meet it: the built program, its exit codes, what it prints
 * where, and what it leaves in the state directory, of which each test has an empty one. The
 * services that it calls are a small server of the test on 127.0.0.1. Credentials here are made up,
 * and none of them may ever be printed.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { after, before, beforeEach } from 'node:test'

import { OK, runProgram } from './program.mjs'

export { OK, USAGE, DATA, SOFTWARE, IO, TEMPORARY, PERMISSION, CONFIG } from './program.mjs'

export const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..')
export const program = path.join(process.env.BUILD ?? path.join(root, 'build'), 'kiroctl')
export const samples = path.join(root, 'tests/unit/data/import')

const SECRET = /FAKE-|ksk_FAKE/

export let work, state

before(() => { work = fs.mkdtempSync(path.join(os.tmpdir(), 'kiroctl-')) })
after(() => fs.rmSync(work, { recursive: true, force: true }))
beforeEach(() => { state = fs.mkdtempSync(path.join(work, 'state-')); fs.rmdirSync(state) })

/* Runs kiroctl with no environment but what is given. */
export const kiroctl = (args, { env = {}, ...options } = {}) => runProgram(program, args,
  { env: { PATH: process.env.PATH, KIRO_STATE_DIR: state, ...env }, cwd: work, secret: SECRET, ...options })

export async function succeed(args, options) {
  const r = await kiroctl(args, options)
  assert.equal(r.code, OK, `kiroctl ${args.join(' ')}: ${r.code}\n${r.out}${r.err}`)
  return r
}

export async function fail(code, args, options) {
  const r = await kiroctl(args, options)
  assert.equal(r.code, code, `kiroctl ${args.join(' ')}: ${r.code}\n${r.out}${r.err}`)
  assert.match(r.err, /^kiroctl: .+/m)
  return r
}

/* kiro-refresh, which must do its work. */
export const refreshProgram = (env) => runProgram(path.join(path.dirname(program), 'kiro-refresh'), ['--quiet'],
  { env: { PATH: process.env.PATH, KIRO_STATE_DIR: state, ...env }, secret: SECRET })

export const json = async (args, options) => JSON.parse((await succeed([...args, '--json'], options)).out)

export function file(name, content, mode = 0o600) {
  const at = path.join(work, name)
  fs.writeFileSync(at, typeof content === 'string' ? content : JSON.stringify(content), { mode })
  return at
}

export const token = (name) => `FAKE-${name}-0000000000000000`

export async function addSocial(name, ...more) {
  const r = await succeed(['account', 'add', '--refresh-token-file', '-', '--label', name, ...more],
    { input: `${token(name)}\n` })
  return r.out.trim()
}

/* The services: records what was asked, answers by path. */
export async function service(answers) {
  const asked = []
  const server = http.createServer((request, response) => {
    let body = ''
    request.on('data', (d) => { body += d })
    request.on('end', () => {
      const url = new URL(request.url, 'http://127.0.0.1')
      asked.push({ method: request.method, path: url.pathname, query: url.searchParams, headers: request.headers, body })
      const [status, answer] = (answers[url.pathname] ?? (() => [404, { message: 'no such path' }]))(asked.at(-1))
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(answer))
    })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const base = `http://127.0.0.1:${server.address().port}`
  return {
    asked,
    base,
    env: { KIRO_UPSTREAM_SOCIAL_URL: base, KIRO_UPSTREAM_OIDC_URL: base, KIRO_UPSTREAM_MANAGEMENT_URL: base },
    close: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections() }),
  }
}

export const usageAnswer = {
  nextDateReset: 1893456000.0,
  subscriptionInfo: { subscriptionTitle: 'KIRO PRO' },
  usageBreakdownList: [
    { resourceType: 'SPEC', currentUsage: 1, usageLimit: 2 },
    {
      resourceType: 'CREDIT', displayNamePlural: 'Credits', currentUsage: 12, currentUsageWithPrecision: 12.5, usageLimit: 1000,
      freeTrialInfo: { freeTrialStatus: 'ACTIVE', currentUsage: 100, usageLimit: 500 },
      bonuses: [{ status: 'EXPIRED', currentUsage: 7, usageLimit: 7 }, { status: 'ACTIVE', currentUsage: 1, usageLimit: 20 }],
    },
  ],
  userInfo: { email: 'ann@example.com' },
}
