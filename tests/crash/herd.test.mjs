/*
 * Many processes and threads want twenty accounts whose tokens have all ended: each is renewed once.
 * HERD=64x16: processes x threads (8x8). The login service takes 100 ms for an answer.
 */
import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'

import { makeInstallation } from '../lib/installation.mjs'
import { run } from '../lib/process.mjs'
import { buildDir, startStandin } from '../lib/standin.mjs'
import { start } from '../lib/process.mjs'

const [processes, threads] = (process.env.HERD ?? '8x8').split('x')
const EXPIRED = 20, HEALTHY = 20

test(`${processes} processes x ${threads} threads renew ${EXPIRED} ended tokens exactly once each`, async () => {
  const standin = await startStandin()
  const spec = (name, expiresIn) => ({ name, expiresIn })
  const ended = Array.from({ length: EXPIRED }, (_, i) => spec(`ended${i}`, 1))
  const healthy = Array.from({ length: HEALTHY }, (_, i) => spec(`healthy${i}`, 3600))
  const at = await makeInstallation({ standin, accounts: [...ended, ...healthy] })

  try {
    await standin.addAccounts(ended.map((a) => ({ ...a, expiresIn: 3600 }))) /* from now on */
    await new Promise((resolve) => setTimeout(resolve, 2100))
    await standin.clearStats()
    await standin.refresh({ delay_ms: 100 })
    const child = start(path.join(buildDir, 'tests/herd'), [at.stateDir, standin.url, processes, threads])
    const { code } = await child.ended

    assert.equal(code, 0, child.text)
    const figures = JSON.parse(child.text)
    const { refresh } = await standin.stats()

    console.log(`# ${JSON.stringify(figures)}`)
    assert.equal(figures.bad_ends, 0)
    assert.equal(figures.failures, 0, figures.why)
    assert.equal(refresh.calls, EXPIRED)
    assert.equal(refresh.ok, EXPIRED)
    assert.equal(refresh.stale, 0)
    assert.equal(refresh.max_overlap, 1)
    assert.equal(figures.renewed, EXPIRED)
    assert.equal(figures.renewed + figures.taken_over + figures.timeouts, EXPIRED * processes * (threads - 1))
    run(path.join(buildDir, 'kiroctl'), ['account', 'list'], { env: at.env })
  } finally {
    at.remove()
    await standin.stop()
  }
})
