/*
 * A full disk, a read-only state directory, locks that fail as on NFS, a clock that jumps back, a
 * thousand accounts: clear errors, nothing lost.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'

import { makeInstallation } from '../lib/installation.mjs'
import { start } from '../lib/process.mjs'
import { buildDir, startStandin } from '../lib/standin.mjs'

const skip = buildDir.endsWith('/san') ? 'sanitizers must be loaded before faults.so' : false

let standin, at

before(async () => { standin = await startStandin() })
after(() => standin.stop())

async function installation(count, expiresIn = 1) {
  await standin.reset()
  return makeInstallation({ standin, settings: { 'log.level': 'error' },
    accounts: Array.from({ length: count }, (_, i) => ({ name: `bad${i}`, expiresIn })) })
}

async function program(name, args, env = {}) {
  const child = start(path.join(buildDir, name), args, { env: { ...at.env, ...env } })
  const { code, signal } = await child.ended

  assert.equal(signal, null, child.text)
  return { code, text: child.text }
}

const faults = (fault, only, log) => ({ LD_PRELOAD: path.join(buildDir, 'tests/faults.so'), FAULT: fault,
  FAULT_PATH: at.stateDir, ...only && { FAULT_ONLY: only }, ...log && { FAULT_LOG: log } })

/* Every stored refresh token is the one that the service takes next. */
async function nothingIsLost(what) {
  const file = path.join(at.dir, 'export.jsonl')

  at.kiroctl(['export', file, '--secrets'])
  const stored = fs.readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line))
    .filter((r) => r.key?.startsWith('a/')).map((r) => r.record.refresh_token).sort()
  const good = (await standin.accounts()).map((a) => a.refreshToken).sort()

  assert.deepEqual(stored, good, what)
  assert.equal((await standin.stats()).refresh.stale, 0, what)
}

for (const [error, only, says] of [
  ['ENOSPC', 'write', /No space left/],
  ['EDQUOT', 'write', /quota/],
  ['EROFS', 'name', /Read-only file system/],
  ['EACCES', 'name', /Permission denied/],
  ['EIO', 'sync', /Input\/output error/],
  ['ENOLCK', 'lock', /No locks available/],
])
  test(`${error} from any ${only} call on is said, and loses no token`, { skip }, async () => {
    at = await installation(2)
    try {
      const log = path.join(at.dir, 'calls.log')
      const idOf = JSON.parse(at.kiroctl(['account', 'list', '--json'])).map((a) => a.id)

      at.kiroctl(['account', 'refresh', idOf[0]]) /* makes the lock files */
      await program('kiroctl', ['account', 'refresh', idOf[0]], faults('fail:EIO:100000', only, log))
      const made = fs.readFileSync(log, 'utf8').trim().split('\n').map((l) => l.split(' '))
      const calls = Math.max(...made.map((x) => Number(x[2])))
      const sent = made.findIndex((x) => x[3] === 'renew')
      const stored = made.findIndex((x, i) => i > sent && x[3] === 'pwrite' && x[4].endsWith('tokens.spill'))

      /* A disk that breaks between the request and the one write that stores its answer. */
      const inBetween = made.slice(sent, stored + (only === 'sync' ? 0 : 1)).map((x) => Number(x[2]))

      assert.ok(calls > 0 && sent > 0 && stored > sent)
      await standin.clearStats()
      for (let n = 1; n <= calls; n++) {
        if (inBetween.includes(n))
          continue
        const r = await program('kiroctl', ['account', 'refresh', idOf[n % 2]], faults(`fail:${error}:${n}`, only))

        if (r.code)
          assert.match(r.text, says, `${error} at call ${n}`)
        await nothingIsLost(`${error} at call ${n} of ${calls}: ${r.text}`)
      }
      const r = await program('kiroctl', ['key', 'add', 'afterwards'])
      assert.equal(r.code, 0, r.text)
    } finally { at.remove() }
  })

/* Another thread had the last descriptor for a moment, and another process has replaced the store
   since the record was read; or the disk was slow to answer. */
for (const [call, error] of [['open', 'EMFILE'], ['read', 'EIO']])
  test(`one ${call} that fails, at any point of a renewal, loses no token`, { skip, timeout: 120000 }, async () => {
    at = await installation(2)
    try {
      const log = path.join(at.dir, 'calls.log')
      const [one, other] = JSON.parse(at.kiroctl(['account', 'list', '--json'])).map((a) => a.id)
      const refresh = async (fault, file) => {
        await standin.clearStats()
        const renewal = program('kiroctl', ['account', 'refresh', one], faults(fault, call, file))
        const sent = async () => (await standin.stats()).refresh.calls > 0
        let ended = false

        renewal.then(() => { ended = true })
        while (!ended && !await sent())
          await new Promise((resolve) => setTimeout(resolve, 5))
        at.kiroctl(['account', 'set', other, '--priority', '1'])
        return renewal
      }

      at.kiroctl(['account', 'refresh', one])
      await standin.refresh({ delay_ms: 100 })
      await refresh(`once:${error}:100000`, log)
      const calls = Math.max(...fs.readFileSync(log, 'utf8').trim().split('\n').map((l) => Number(l.split(' ')[2])))

      assert.ok(calls > 10)
      for (let n = 1; n <= calls; n++) {
        const r = await refresh(`once:${error}:${n}`)

        await nothingIsLost(`${call} ${n} of ${calls}: ${r.text}`)
      }
    } finally { at.remove() }
  })

test('a clock that jumps back a year renews nothing twice and loses nothing', async () => {
  at = await installation(2, 3600)
  try {
    const state = JSON.parse(at.kiroctl(['account', 'list', '--json']))
    const stamp = path.join(at.stateDir, 'tokens.gdbm')
    const ahead = new Date(Date.now() + 365 * 86400e3)

    fs.utimesSync(stamp, ahead, ahead) /* written when the clock was a year ahead */
    for (const a of state)
      assert.equal((await program('kiroctl', ['account', 'refresh', a.id])).code, 0)
    assert.ok(fs.statSync(stamp).mtimeMs >= ahead.getTime() - 1, 'a later generation has a later time')
    await nothingIsLost('after the jump')
    assert.equal((await program('kiro-refresh', [])).code, 0)
    await nothingIsLost('after kiro-refresh')
  } finally { at.remove() }
})

test('a thousand accounts are listed, renewed and stored fast', { timeout: 300000 }, async () => {
  at = await installation(1000, 3600)
  try {
    const timed = async (name, args) => {
      const began = process.hrtime.bigint()
      const r = await program(name, args)

      assert.equal(r.code, 0, r.text)
      return [Number(process.hrtime.bigint() - began) / 1e6, r.text]
    }
    const [list, text] = await timed('kiroctl', ['account', 'list', '--json'])
    const ids = JSON.parse(text).map((a) => a.id)

    assert.equal(ids.length, 1000)
    const [renewed] = await timed('kiroctl', ['account', 'refresh', ids[500]])
    const [stored] = await timed('kiroctl', ['account', 'disable', ids[1]])
    const [backup] = await timed('kiroctl', ['backup'])
    const size = fs.statSync(path.join(at.stateDir, 'tokens.gdbm')).size

    await nothingIsLost('of a thousand')
    console.log(`# 1,000 accounts, ${size >> 10} KB, whole commands: list ${list.toFixed()} ms, refresh and store ` +
      `${renewed.toFixed()} ms, change and store ${stored.toFixed()} ms, backup ${backup.toFixed()} ms`)
  } finally { at.remove() }
})
