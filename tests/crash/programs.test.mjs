/*
 * Kills the programs with SIGKILL, at random moments and at every call that changes a file, while
 * they renew tokens at a stand-in that rotates them, and looks at what is left: nothing that was
 * acknowledged may be missing, no file unreadable, and no rotated token used a second time.
 *
 * One loss cannot be avoided: a process dies after the service has rotated a token and before the
 * answer has reached the disk. faults.so notes which refresh token was under way and whether the
 * new one was written; only for such a token a second use and a loss are accepted, and counted.
 *
 * KILLS: how many (200).
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'

import { cgiVariables } from '../lib/cgi.mjs'
import { requestFastcgi, startFastcgi } from '../lib/fastcgi.mjs'
import { makeInstallation } from '../lib/installation.mjs'
import { start } from '../lib/process.mjs'
import { buildDir, startStandin } from '../lib/standin.mjs'

const KILLS = Number(process.env.KILLS ?? 200)
const TOGETHER = 6
const ACCOUNTS = 10
const BATCH = 5 /* accounts of one import */

const random = (n) => Math.floor(Math.random() * n)
const pick = (list) => list[random(list.length)]
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const chat = () => ({
  method: 'POST', path: '/v1/messages', headers: { 'content-type': 'application/json', 'x-api-key': world.at.key },
  body: Buffer.from(JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 50, stream: random(2) === 0,
    messages: [{ role: 'user', content: `hello ${random(1e9)}` }] })),
})

let world

/* ---- what is killed ---- */

function program(name, args, env, options = {}) {
  return start(name, args, { env: { ...world.at.env, ...env }, cwd: world.at.programDir, ...options })
}

const kiroctl = (...args) => (env) => program(path.join(buildDir, 'kiroctl'), args, env)
const id = () => pick(world.ids)

let serial = 0

/* Each: env -> child; done(): called when it ended with 0, which acknowledges what it did. */
const victims = {
  'kiro-refresh': () => ({ start: (env) => program(path.join(buildDir, 'kiro-refresh'),
    ['--account', id(), '--account', id()], env) }),
  'kiroctl account refresh': () => ({ start: kiroctl('account', 'refresh', id()) }),
  'kiroctl key add': () => {
    const name = `k${++serial}`
    return { start: kiroctl('key', 'add', name), done: () => world.keys.add(name) }
  },
  'kiroctl models add': () => {
    const name = `m${++serial}`
    return { start: kiroctl('models', 'add', name, 'claude-sonnet-4.5'), done: () => world.aliases.add(name) }
  },
  'kiroctl account disable': () => ({ start: kiroctl('account', pick(['disable', 'enable']), world.spare) }),
  'kiroctl backup': () => ({ start: kiroctl('backup') }),
  'kiroctl account import': () => {
    const batch = { name: `batch${++serial}`, whole: false }
    const file = path.join(world.at.dir, `${batch.name}.json`)
    const one = (i) => ({ refreshToken: `of-${batch.name}-${i}-0123456789`, label: `${batch.name}.${i}`, disabled: true })

    fs.writeFileSync(file, JSON.stringify(Array.from({ length: BATCH }, (_, i) => one(i))), { mode: 0o600 })
    world.imports.push(batch)
    return { start: kiroctl('account', 'import', file, '--yes'), done: () => { batch.whole = true } }
  },
  'kiro.cgi': () => ({ start: (env) => {
    const request = chat()
    const child = program(world.at.cgi, [], { ...cgiVariables({ script: '/cgi-bin/kiro.cgi', ...request }), ...env },
      { stdio: ['pipe', 'pipe', 'pipe'] })
    child.stdin.on('error', () => {})
    child.stdin.end(request.body)
    return child
  } }),
  'kiro.fcgi': () => ({ serves: true }),
}

const weights = ['kiro-refresh', 'kiro-refresh', 'kiro-refresh', 'kiroctl account refresh', 'kiroctl account refresh',
  'kiro.cgi', 'kiro.cgi', 'kiro.fcgi', 'kiroctl key add', 'kiroctl models add', 'kiroctl account disable',
  'kiroctl backup', 'kiroctl account import']

/* A long-lived responder with a few requests at once; it lives until it is killed. */
async function serve(env, limit) {
  const at = { ...world.at, env: { ...world.at.env, ...env } }
  const server = await startFastcgi(at)
  const requests = [1, 2, 3].map(() => requestFastcgi(server.socket, chat()).catch(() => {}))

  await Promise.race([Promise.all(requests), sleep(limit)])
  let alive = true
  try { process.kill(server.pid, 'SIGKILL') } catch { alive = false }
  await Promise.all(requests)
  fs.rmSync(server.socket, { force: true })
  return { pid: server.pid, killed: true, alive }
}

/* Calls that each kind makes, from a run that nothing happens to. */
async function measure(kind) {
  const log = path.join(world.at.dir, 'measure.log')
  const env = preload(log)
  const victim = victims[kind]()
  const began = Date.now()

  fs.rmSync(log, { force: true })
  if (victim.serves)
    await serve(env, 10000)
  else {
    const child = victim.start(env)
    const { code } = await child.ended
    assert.equal(code, 0, `${kind}: ${child.text}`)
    victim.done?.()
  }
  const numbers = readLog(log).map((x) => x.number)
  const calls = Math.max(0, ...numbers)

  /* A short run does not get through all calls: it begins anywhere. */
  return { calls, ms: Date.now() - began, next: random(3 * calls) }
}

const preload = (log, fault) => ({ LD_PRELOAD: path.join(buildDir, 'tests/faults.so'), FAULT_LOG: log,
  FAULT_PATH: world.at.stateDir, ...fault && { FAULT: fault } })

function readLog(file) {
  if (!fs.existsSync(file))
    return []
  return fs.readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => {
    const [pid, thread, number, name, ...rest] = line.split(' ')
    return { pid: Number(pid), thread, number: Number(number), name, path: rest.join(' ') }
  })
}

/* One victim: at its next call in turn, before, in the middle of and behind it, or at a random time. */
async function killOne(kind, log) {
  const plan = world.plans[kind]
  const victim = victims[kind]()
  const atCall = random(10) < 7
  const sides = ['before', 'half', 'after']
  const number = 1 + Math.floor(plan.next / 3) % (plan.calls + 2)
  const fault = atCall ? `kill:${sides[plan.next++ % 3]}:${number}` : undefined

  if (victim.serves)
    return { kind, fault, ...await serve(preload(log, fault), atCall ? 2000 : random(plan.ms + 20)) }
  const child = victim.start(preload(log, fault))
  const timer = atCall ? 0 : setTimeout(() => child.kill('SIGKILL'), random(plan.ms * 1.5 + 5))
  const { code, signal } = await child.ended

  clearTimeout(timer)
  if (code === 0)
    victim.done?.()
  return { kind, fault, pid: child.pid, killed: signal === 'SIGKILL', code, text: child.text }
}

/* ---- what is left ---- */

function exported() {
  const file = path.join(world.at.dir, 'export.jsonl')

  world.at.kiroctl(['export', file, '--secrets'])
  const lines = fs.readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line))
  return lines.slice(1, -1)
}

/* A renewal of a killed process whose new token was not written to the end: the refresh token. */
function tokensUnderWay(log, dead) {
  const threads = new Map()
  const open = new Set()

  for (const x of log)
    threads.set(`${x.pid} ${x.thread}`, [...threads.get(`${x.pid} ${x.thread}`) ?? [], x])
  for (const [name, events] of threads) {
    const victim = dead.get(Number(name.split(' ')[0]))
    const renewals = events.findLastIndex((x) => x.name === 'renew')

    if (!victim || renewals < 0)
      continue
    const stored = events.findIndex((x, i) => i > renewals && x.name === 'pwrite' && x.path.endsWith('tokens.spill'))
    const written = stored >= 0 && (stored < events.length - 1 ||
      victim.fault === `kill:after:${events[stored].number}`)
    if (!written)
      open.add(events[renewals].path)
  }
  return open
}

/* Gives an account whose token is gone a new one on both sides, as a new login would. */
async function logIn(name, record) {
  const refreshToken = `new-login-of-${name}-${++serial}-0123456789`
  const file = path.join(world.at.dir, 'heal.jsonl')
  const healed = { ...record, rev: record.rev + 1, state: 'active', refresh_token: refreshToken, expires_at: 1 }
  const text = [
    { 'kiro-fcgi': 'state', v: 1, made_at: '2026-01-01T00:00:00Z', records: 1, masked: false },
    { store: 'tokens', key: `a/${record.id}`, record: healed },
  ].map((x) => `${JSON.stringify(x)}\n`).join('')
  const sha256 = createHash('sha256').update(text).digest('hex')

  await world.standin.addAccounts([{ name, refreshToken }])
  fs.writeFileSync(file, `${text}${JSON.stringify({ end: 1, sha256 })}\n`)
  world.at.kiroctl(['import-state', file, '--yes'])
}

async function check(results, log, sum) {
  const dead = new Map(results.filter((r) => r.killed).map((r) => [r.pid, r]))
  const underWay = tokensUnderWay(log, dead)
  const story = () => `${JSON.stringify(results.map((r) => [r.kind, r.fault, r.killed]))}\n` +
    log.map((x) => Object.values(x).join(' ')).join('\n')
  const records = exported() /* fails when anything is unreadable */
  const known = await world.standin.accounts()
  const { refresh } = await world.standin.stats()
  const lost = new Set()

  for (const account of known) {
    const record = records.find((r) => r.key === `a/${world.idOf[account.name]}`)?.record

    assert.ok(record, `the record of ${account.name} is gone\n${story()}`)
    if (record.refresh_token === account.refreshToken && record.state !== 'invalid')
      continue
    const excused = underWay.has(record.refresh_token)

    assert.ok(excused, `the token of ${account.name} is lost: stored ${record.refresh_token}, ` +
      `good ${account.refreshToken}, ${record.state} ${record.state_reason}\n${story()}`)
    lost.add(account.name)
    await logIn(account.name, record)
  }
  for (const t of refresh.tokens)
    assert.ok(!t.stale || lost.has(t.account),
      `a rotated token of ${t.account} was used ${t.stale} more times\n${story()}`)
  assert.equal(refresh.max_overlap <= 1 || lost.size > 0, true, 'two renewals of one token at once')
  for (const name of world.keys)
    assert.ok(records.some((r) => r.store === 'keys' && r.record.name === name), `key ${name} is gone\n${story()}`)
  for (const name of world.aliases)
    assert.ok(records.some((r) => r.key === `m/${name}`), `alias ${name} is gone\n${story()}`)
  for (const { name, whole } of world.imports) {
    const found = records.filter((r) => r.store === 'tokens' && r.record.label?.startsWith(`${name}.`)).length

    assert.ok(found === BATCH || found === 0 && !whole, `${found} of ${BATCH} accounts of ${name}\n${story()}`)
  }
  sum.renewed += refresh.ok
  sum.inWindow += underWay.size
  sum.lost += lost.size
  await world.standin.clearStats()
}

/* Keys, aliases and imported accounts would only grow. */
function forget() {
  for (const { name } of world.imports)
    for (let i = 0; i < BATCH; i++)
      try { world.at.kiroctl(['account', 'remove', `${name}.${i}`]) } catch { /* a killed import */ }
  for (const name of world.keys)
    world.at.kiroctl(['key', 'remove', name])
  for (const name of world.aliases)
    world.at.kiroctl(['models', 'remove', name])
  world.keys.clear()
  world.aliases.clear()
  world.imports.length = 0
}

/* ---- the run ---- */

/* A key file for encryption at rest; null: without. */
function keyFile(sealed) {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'kiro-key-')), 'key')

  fs.writeFileSync(file, `${'0123456789abcdef'.repeat(4)}\n`, { mode: 0o600 })
  return sealed ? file : ''
}

async function begin(sealed) {
  const standin = await startStandin({ args: ['--default', 'reply'] })
  const specs = Array.from({ length: ACCOUNTS }, (_, i) => ({ name: `crash${i}`,
    kind: i % 3 ? 'social' : 'idc', expiresIn: 1 }))

  world = { standin }
  const at = await makeInstallation({ standin, accounts: specs, settings: {
    'log.level': 'error', state_key_file: keyFile(sealed) } })

  world = { standin, at, keys: new Set(), aliases: new Set(), imports: [], plans: {}, idOf: {} }
  const records = exported().filter((r) => r.key.startsWith('a/'))
  for (const account of await standin.accounts())
    world.idOf[account.name] = records.find((r) => r.record.refresh_token === account.refreshToken).record.id
  world.ids = Object.values(world.idOf)
  world.spare = world.ids[0]
  for (const kind of Object.keys(victims))
    world.plans[kind] = await measure(kind)
}

const skip = /address|thread|undefined/.test(process.env.SAN ?? '') || buildDir.endsWith('/san')
  ? 'sanitizers must be loaded before faults.so' : false

async function run(kills, sealed) {
  const sum = { kills: 0, atCalls: 0, renewed: 0, inWindow: 0, lost: 0, kinds: {} }

  try {
    await begin(sealed)
    const log = path.join(world.at.dir, 'fault.calls')

    await world.standin.clearStats()
    for (let batch = 0; sum.kills < kills; batch++) {
      fs.rmSync(log, { force: true })
      await world.standin.refresh(random(4) ? {} : { delay_ms: random(8) })
      const results = await Promise.all(Array.from({ length: TOGETHER }, () => killOne(pick(weights), log)))

      for (const r of results.filter((x) => x.killed)) {
        sum.kills++
        sum.atCalls += r.fault ? 1 : 0
        sum.kinds[r.kind] = (sum.kinds[r.kind] ?? 0) + 1
      }
      await check(results, readLog(log), sum)
      if (batch % 50 === 49)
        forget()
      if (batch % 200 === 199)
        console.log(`# ${sealed ? 'encrypted' : 'plain'}: ${sum.kills} kills`)
    }
    const calls = Object.entries(world.plans).map(([kind, p]) => `${kind} ${p.calls}`).join(', ')

    console.log(`# ${sealed ? 'encrypted' : 'plain'}: ${sum.kills} kills (${Object.entries(sum.kinds).map(([k, n]) => `${k} ${n}`).join(', ')}), ` +
      `${sum.atCalls} of them at or beside a chosen call (calls per run: ${calls}); ${sum.renewed} renewals; ` +
      `0 tokens lost that had reached the disk, 0 rotated tokens used again, 0 files unreadable. ` +
      `Killed with a renewal under way: ${sum.inWindow}, of which ${sum.lost} after the service had rotated the ` +
      `token and before its answer was written: those need a new login.`)
    assert.ok(sum.renewed > sum.kills / 100, 'hardly anything was renewed: the kills came too early')
  } finally {
    world.at?.remove()
    await world.standin.stop()
  }
}

for (const sealed of [false, true])
  test(`${KILLS / 2} killed programs lose no token and leave no unreadable file${sealed ? ', encrypted' : ''}`,
    { skip }, () => run(KILLS / 2, sealed))
