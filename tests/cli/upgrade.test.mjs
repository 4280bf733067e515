/*
 * State of other versions. data/state-1.tar.gz was written by the first version that had a state
 * directory: three accounts, a client key and an alias, all made up. A newer version is that state
 * with the numbers of its records raised.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'

import { requestCgi } from '../lib/cgi.mjs'
import { unwrapped } from '../lib/log.mjs'

const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../..')
const build = process.env.BUILD ?? path.join(root, 'build')
const key = 'client-key-0123456789-of-the-first-version'

let work, state, serial = 0

before(() => { work = fs.mkdtempSync(path.join(os.tmpdir(), 'kiro-upgrade-')) })
after(() => fs.rmSync(work, { recursive: true, force: true }))
beforeEach(() => {
  state = path.join(work, `state-${++serial}`)
  fs.mkdirSync(state, { mode: 0o700 })
  execFileSync('tar', ['-xzf', path.join(root, 'tests/cli/data/state-1.tar.gz'), '-C', state,
    '--no-same-owner'])
})

function ctl(args, { input = '', code = 0 } = {}) {
  const r = spawnSync(path.join(build, 'kiroctl'), args, { input, encoding: 'utf8',
    env: { PATH: process.env.PATH, KIRO_STATE_DIR: state } })

  assert.equal(r.status, code, `kiroctl ${args.join(' ')}: ${r.status}\n${r.stdout}${r.stderr}`)
  return r.stdout + r.stderr
}

const models = () => requestCgi({ cgi: path.join(build, 'kiro.fcgi'), programDir: state,
  env: { KIRO_STATE_DIR: state, KIRO_CONFIG: '' } },
{ method: 'GET', path: '/v1/models', headers: { 'x-api-key': key } })

const accounts = () => JSON.parse(ctl(['account', 'list', '--json']))
const secretsOf = (name) => fs.readFileSync(path.join(state, name), 'latin1')

function crc32(bytes) {
  let crc = ~0

  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++)
      crc = crc >>> 1 ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return (~crc >>> 0).toString(16).padStart(8, '0')
}

/* The record that begins so gets another version: as a whole, with its checksum. */
function raise(name, beginning, from, to) {
  const file = path.join(state, name)
  const bytes = fs.readFileSync(file)
  const start = bytes.indexOf(beginning)
  const end = bytes.indexOf('\n#crc32=', start)

  assert.ok(start > 0 && end > start)
  const at = bytes.indexOf(from, start)

  assert.ok(at > 0 && at < end)
  bytes.write(to, at)
  bytes.write(crc32(bytes.subarray(start, end)), end + '\n#crc32='.length)
  fs.writeFileSync(file, bytes)
}

describe('state of the first version', () => {
  test('opens: accounts with their tokens, the key, the alias', async () => {
    assert.deepEqual(accounts().map(({ kind, label, state: now }) => [kind, label, now]).sort(), [
      ['api_key', 'api_key-3K2V', 'active'], ['idc', 'idc-1PDp', 'active'],
      ['social', 'ann@example.com', 'active']])
    assert.match(ctl(['models', 'show']), /gpt-4o +claude-sonnet-4\.5/)
    const answer = await models()

    assert.equal(answer.status, 200, answer.body.toString())
    const wrong = ctl(['doctor', '--offline']).split('\n').filter((line) => /^FAIL/.test(line))

    assert.deepEqual(wrong, [])
  })

  test('is written on: what is changed and what is not stay whole', () => {
    const [{ id }] = accounts().filter(({ kind }) => kind === 'social')

    ctl(['account', 'disable', id])
    ctl(['key', 'set', 'laptop', '--requests', '5/minute'])
    ctl(['key', 'add', 'second'])
    assert.equal(accounts().find((one) => one.id === id).state, 'disabled')
    for (const secret of ['aor-fixture-social-refresh', 'aor-fixture-idc-refresh', 'secret-fixture',
      'ksk_fixture_api_key_0123456789'])
      assert.ok(secretsOf('tokens.gdbm').includes(secret), secret)
    assert.match(ctl(['key', 'list']), /laptop.*5\/minute/)
  })
})

describe('state of a newer version', () => {
  const newer = /version 2 and this program knows 1: use the newer program that wrote it/

  test('an account is left out and left as it is, the others serve', () => {
    raise('tokens.gdbm', '{"v":1,"rev":1,"auth":"idc"', '"v":1', '"v":2')
    assert.match(ctl(['account', 'list'], { code: 74 }), newer)
    assert.match(ctl(['account', 'list'], { code: 74 }), /ann@example\.com/)
    assert.match(ctl(['doctor', '--offline'], { code: 1 }), newer)
    const id = 'acc_1PDp3v53QzKL'

    assert.match(ctl(['account', 'disable', id], { code: 65 }), newer)
    ctl(['account', 'disable', 'acc_3K2VxWFIPotS'])
    assert.match(secretsOf('tokens.gdbm'), /"v":2,"rev":1,"auth":"idc".*aor-fixture-idc-refresh/)
  })

  test('a key with rights that we may not know is refused', async () => {
    raise('keys.gdbm', '{"v":1,"rev":1,"name":"laptop"', '"v":1', '"v":2')
    const answer = await models()

    assert.ok(answer.status >= 400, answer.body.toString())
    assert.match(unwrapped(answer.log), newer)
    assert.match(ctl(['key', 'list'], { code: 74 }), newer)
    assert.ok(secretsOf('keys.gdbm').includes('"v":2,"rev":1,"name":"laptop"'))
  })

  test('a store of another format is not touched', () => {
    raise('tokens.gdbm', '{"v":1,"store":"tokens"', '"fmt":1', '"fmt":2')
    const whole = fs.readFileSync(path.join(state, 'tokens.gdbm'))

    assert.match(ctl(['account', 'list'], { code: 74 }), /format 2, this program knows 1: use the newer/)
    assert.match(ctl(['account', 'add', '--refresh-token-file', '-'],
      { input: 'refresh-token-of-another-login', code: 74 }), /use the newer program/)
    assert.deepEqual(fs.readFileSync(path.join(state, 'tokens.gdbm')), whole)
  })
})
