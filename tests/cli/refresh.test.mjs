/*
 * kiro-refresh as cron meets it: the built program, its summary, its exit codes and what it leaves
 * in the state directory. The login service is a small server of this test on 127.0.0.1 that
 * rotates tokens like the real one. Credentials here are made up, and none may ever be printed.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { after, before, beforeEach, test } from 'node:test'

import { OK, USAGE, CONFIG, runProgram } from './program.mjs'

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..')
const build = process.env.BUILD ?? path.join(root, 'build')

const TRANSIENT = 1, LOGIN = 2
const SECRET = /FAKE-/

let work, state, server, url
let requests, answer, delay, lists, models, looks, usage

before(async () => {
  work = fs.mkdtempSync(path.join(os.tmpdir(), 'kiro-refresh-'))
  server = http.createServer((req, res) => {
    let body = ''
    req.on('data', (d) => { body += d })
    req.on('end', () => setTimeout(() => {
      if (req.headers['x-amz-target']) {
        lists.push(req.headers['x-amz-target'])
        const [status, reply] = models()
        res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(reply))
        return
      }
      if (req.url.startsWith('/getUsageLimits?')) {
        looks.push(req.headers.authorization)
        const [status, reply] = usage(req.headers.authorization)
        res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(reply))
        return
      }
      const refreshToken = JSON.parse(body).refreshToken
      const [status, reply] = answer(refreshToken)
      requests.push(refreshToken)
      res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(reply))
    }, delay))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${server.address().port}`
})

after(() => {
  server.close()
  fs.rmSync(work, { recursive: true, force: true })
})

/* The service's side of each login: the token that is good now. */
const rotation = () => {
  const good = new Map()
  return (token) => {
    const [, name, n] = /^FAKE-token-of-(.*)-(\d+)$/.exec(token)
    if (Number(n) !== (good.get(name) ?? 1000000000))
      return [400, { error: 'invalid_grant', error_description: `${token} was used before` }]
    good.set(name, Number(n) + 1)
    return [200, { accessToken: `FAKE-access-${name}-${n}`, expiresIn: 3600,
      refreshToken: `FAKE-token-of-${name}-${Number(n) + 1}` }]
  }
}

beforeEach(() => {
  state = fs.mkdtempSync(path.join(work, 'state-'))
  fs.rmdirSync(state)
  requests = []
  lists = []
  looks = []
  usage = () => [500, { message: 'no numbers today' }]
  models = () => [500, { message: 'no models today' }]
  delay = 0
  answer = rotation()
})

const run = (program, args, { env = {}, input } = {}) => runProgram(path.join(build, program), args, {
  env: { PATH: process.env.PATH, KIRO_STATE_DIR: state, KIRO_UPSTREAM_SOCIAL_URL: url,
    KIRO_UPSTREAM_OIDC_URL: url, KIRO_UPSTREAM_MANAGEMENT_URL: url, ...env },
  cwd: work, input, secret: SECRET,
})

const refresh = (...args) => run('kiro-refresh', args)

async function add(name, ...more) {
  const r = await run('kiroctl', ['account', 'add', '--refresh-token-file', '-', '--label', name, ...more],
    { input: `FAKE-token-of-${name}-1000000000\n` })
  assert.equal(r.code, OK, r.err)
  return r.out.trim()
}

async function accounts() {
  const r = await run('kiroctl', ['account', 'list', '--json'])
  assert.equal(r.code, OK, r.err)
  const list = JSON.parse(r.out)
  return list.accounts ?? list
}

function expect(r, code, out) {
  assert.deepEqual({ code: r.code, out: r.out }, { code, out: out && `kiro-refresh: ${out}\n` }, r.err)
}

test('renews what is due, and the second run finds it fresh', async () => {
  await add('one')
  await add('two')
  expect(await refresh(), OK, '2 accounts: 2 renewed, 0 fresh, 0 failed')
  expect(await refresh('--all'), OK, '2 accounts: 0 renewed, 2 fresh, 0 failed')
  assert.deepEqual(requests.sort(), ['FAKE-token-of-one-1000000000', 'FAKE-token-of-two-1000000000'])
  for (const a of await accounts())
    assert.equal(a.state, 'active')
})

test('uses the rotated token the next time', async () => {
  await add('one')
  expect(await refresh(), OK, '1 account: 1 renewed, 0 fresh, 0 failed')
  /* An hour's token is due when everything below 24 hours is. */
  const r = await run('kiro-refresh', [], { env: { KIRO_REFRESH_AHEAD: '86400' } })
  expect(r, OK, '1 account: 1 renewed, 0 fresh, 0 failed')
  assert.deepEqual(requests, ['FAKE-token-of-one-1000000000', 'FAKE-token-of-one-1000000001'])
})

test('no accounts, quiet and dry run', async () => {
  assert.equal((await run('kiroctl', ['init'])).code, OK)
  expect(await refresh(), OK, '0 accounts: 0 renewed, 0 fresh, 0 failed')
  const id = await add('one')
  const dry = await refresh('--dry-run')
  assert.equal(dry.code, OK)
  assert.equal(dry.out, `kiro-refresh: would renew one (${id})\n` +
    'kiro-refresh: 1 account: 1 to renew, 0 fresh, 0 failed\n')
  assert.deepEqual(requests, [])
  const quiet = await refresh('--quiet')
  assert.deepEqual(quiet, { code: OK, out: '', err: '' })
  assert.equal(requests.length, 1)
})

test('only the accounts that are named, by id or label', async () => {
  const id = await add('one')
  await add('two')
  await add('three')
  expect(await refresh('--account', id, '--account', 'three'), OK,
    '2 accounts: 2 renewed, 0 fresh, 0 failed')
  assert.deepEqual(requests.sort(), ['FAKE-token-of-one-1000000000', 'FAKE-token-of-three-1000000000'])
  const unknown = await refresh('--account', 'four')
  assert.equal(unknown.code, USAGE)
  assert.match(unknown.err, /four/)
})

test('disabled accounts are left alone', async () => {
  const id = await add('one')
  assert.equal((await run('kiroctl', ['account', 'disable', id])).code, OK)
  expect(await refresh(), OK, '0 accounts: 0 renewed, 0 fresh, 0 failed')
  assert.deepEqual(requests, [])
})

test('a dead refresh token is named once sent, and not sent again', async () => {
  await add('good')
  await add('bad')
  const rotate = answer
  answer = (t) => (t.includes('bad') ? [400, { error: 'invalid_grant', error_description: `${t} is dead` }] : rotate(t))
  const first = await refresh()
  expect(first, LOGIN, '2 accounts: 1 renewed, 0 fresh, 0 failed, 1 needs a new login')
  assert.match(first.err, /^kiro-refresh: account bad \(acc_\w+\) must log in again: .*invalid_grant.*kiroctl/)
  const second = await refresh()
  expect(second, LOGIN, '2 accounts: 0 renewed, 1 fresh, 0 failed, 1 needs a new login')
  assert.match(second.err, /account bad .* must log in again/)
  assert.equal(requests.length, 2)
  assert.equal((await accounts()).find((a) => a.label === 'bad').state, 'invalid')
})

test('a failing service is tried again the next time', async () => {
  await add('one')
  const rotate = answer
  answer = () => [503, { message: 'later' }]
  const first = await refresh()
  expect(first, TRANSIENT, '1 account: 0 renewed, 0 fresh, 1 failed')
  assert.match(first.err, /^kiro-refresh: account one: .*503/)
  answer = rotate
  expect(await refresh(), OK, '1 account: 1 renewed, 0 fresh, 0 failed')
})

test('two at once never renew the same account', async () => {
  for (const name of ['one', 'two', 'three', 'four'])
    await add(name)
  delay = 100
  const runs = await Promise.all([refresh(), refresh(), refresh()])
  let renewed = 0
  for (const r of runs) {
    assert.equal(r.code, OK, r.err)
    renewed += Number(/(\d+) renewed/.exec(r.out)[1])
  }
  assert.equal(renewed, 4)
  assert.equal(requests.length, 4)
  assert.equal(new Set(requests).size, 4)
})

test('wrong usage, no configuration, no state', async () => {
  for (const args of [['--nonsense'], ['extra'], ['--account'], ['--all', '--account', 'x']])
    assert.equal((await refresh(...args)).code, USAGE, args.join(' '))
  const missing = await refresh()
  assert.equal(missing.code, CONFIG)
  assert.match(missing.err, new RegExp(`cannot use the state directory ${state}`))
  assert.equal(fs.existsSync(state), false)
  const config = path.join(work, 'bad.json')
  fs.writeFileSync(config, '{ "nonsense": 1 }', { mode: 0o600 })
  assert.equal((await refresh('--config', config)).code, CONFIG)
  fs.mkdirSync(state, { mode: 0o755 })
  fs.chmodSync(state, 0o755)
  const open = await refresh()
  assert.equal(open.code, CONFIG)
  assert.match(open.err, /lets others in: chmod 0700/)
})

test('--state-dir is stronger than the environment', async () => {
  await add('one')
  const there = state
  state = path.join(work, 'nowhere')
  expect(await refresh('--state-dir', there), OK, '1 account: 1 renewed, 0 fresh, 0 failed')
})

test('--help documents the exit codes, --version is the version', async () => {
  const help = await refresh('--help')
  assert.equal(help.code, OK)
  for (const word of ['--all', '--account', '--dry-run', '--quiet', '--config', '--state-dir', 'Exit codes'])
    assert.ok(help.out.includes(word), word)
  assert.match((await refresh('--version')).out, /^kiro-refresh \d+\.\d+\.\d+\n$/)
})

test('looks up the model lists once an hour, tokens first', async () => {
  await add('one')
  await add('two')
  models = () => [200, { models: [{ modelId: 'claude-opus-9', modelName: 'Opus Nine',
    tokenLimits: { maxInputTokens: 1234567, maxOutputTokens: 64000 } }] }]
  expect(await refresh(), OK, '2 accounts: 2 renewed, 0 fresh, 0 failed, 2 model lists renewed')
  assert.deepEqual(lists, Array(2).fill('KiroControlPlaneBearerService.ListAvailableModels'))
  expect(await refresh(), OK, '2 accounts: 0 renewed, 2 fresh, 0 failed')
  assert.equal(lists.length, 2)
  const r = await run('kiroctl', ['models', 'list', '--json'])
  assert.deepEqual(JSON.parse(r.out), [{ id: 'claude-opus-9', name: 'Opus Nine', window: 1234567,
    max_output: 64000, images: false, efforts: [], accounts: 2 }])
})

test('a model list that cannot be had is no failure of the run', async () => {
  await add('one')
  assert.deepEqual(await refresh(), { code: OK, out: 'kiro-refresh: 1 account: 1 renewed, 0 fresh, 0 failed\n', err: '' })
  assert.deepEqual(await refresh('--quiet'), { code: OK, out: '', err: '' })
  assert.equal(lists.length, 1)
  assert.deepEqual(await refresh('--dry-run'), { code: OK, out: 'kiro-refresh: 1 account: 0 to renew, 1 fresh, 0 failed\n', err: '' })
})

test('reads the usage of each account once an interval, and one that fails stops none', async () => {
  const credits = (used) => ({ nextDateReset: 1893456000, subscriptionInfo: { subscriptionTitle: 'KIRO PRO' },
    usageBreakdownList: [{ resourceType: 'CREDIT', displayNamePlural: 'Credits', currentUsage: used, usageLimit: 1000 }] })

  await add('one')
  await add('two')
  await add('three')
  usage = (bearer) => bearer.includes('-one-') ? [429, { message: 'Too many requests' }] : [200, credits(bearer.includes('-two-') ? 10 : 250)]
  await run('kiroctl', ['account', 'disable', 'three'])
  expect(await refresh(), OK, '2 accounts: 2 renewed, 0 fresh, 0 failed, usage of 1 read')
  assert.deepEqual(looks.sort(), ['Bearer FAKE-access-one-1000000000', 'Bearer FAKE-access-two-1000000000'])
  await Promise.all([refresh(), refresh(), refresh()])
  assert.equal(looks.length, 2)
  assert.deepEqual(await refresh('--dry-run', '--quiet'), { code: OK, out: '', err: '' })
})

test('what is answered about an account that was removed meanwhile is dropped', async () => {
  await add('stays')
  await add('goes')
  usage = (bearer) => {
    if (bearer.includes('-goes-')) {
      const env = { PATH: process.env.PATH, KIRO_STATE_DIR: state }
      const r = spawnSync(path.join(build, 'kiroctl'), ['account', 'remove', 'goes', '--yes'], { env, cwd: work })
      assert.equal(r.status, OK, String(r.stderr))
    }
    return [200, { usageBreakdownList: [{ resourceType: 'CREDIT', currentUsage: 1, usageLimit: 2 }] }]
  }
  expect(await refresh(), OK, '2 accounts: 2 renewed, 0 fresh, 0 failed, usage of 2 read')
  assert.deepEqual((await accounts()).map((a) => a.label), ['stays'])
  const { out } = await run('kiroctl', ['doctor', '--offline'])
  assert.match(out, /account store +.*tokens\.gdbm: 3 records/) // a/, c/ and u/ of the one that stays
})

test('several runs at once ask for the usage of each account once', async () => {
  await add('one')
  await add('two')
  usage = () => [200, { usageBreakdownList: [{ resourceType: 'CREDIT', currentUsage: 1, usageLimit: 2 }] }]
  delay = 50
  await Promise.all([refresh(), refresh(), refresh(), refresh()])
  await refresh() /* who was being renewed by another run may not have been asked yet */
  assert.deepEqual(looks.sort(), ['Bearer FAKE-access-one-1000000000', 'Bearer FAKE-access-two-1000000000'])
})
