/* kiroctl's command line, its help, a set-up by commands alone, and the settings. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'

import {
  program, samples, USAGE, DATA, IO, TEMPORARY, CONFIG, work, state, kiroctl, succeed, fail, json, file,
  token, addSocial,
} from './kiroctl.mjs'

describe('command line', () => {
  test('without arguments it lists every command', async () => {
    const { out } = await succeed([])
    for (const words of ['init', 'login', 'account add', 'account import', 'account list', 'account show', 'account set', 'account remove',
      'account enable', 'account disable', 'account refresh', 'account test', 'key add', 'key list', 'key remove',
      'models list', 'models show', 'models add', 'models remove', 'models test', 'config check', 'config show', 'config example', 'config manual', 'doctor'])
      assert.match(out, new RegExp(`^  ${words}\\b`, 'm'))
  })

  test('--version and --help', async () => {
    assert.match((await succeed(['--version'])).out, /^kiroctl \d+\.\d+\.\d+\n$/)
    assert.match((await succeed(['account', 'add', '--help'])).out, /--refresh-token-file/)
  })

  test('help is for everything, for a noun and for a command, however it is asked for', async () => {
    assert.equal((await succeed(['help'])).out, (await succeed(['--help'])).out)
    for (const args of [['account', '--help'], ['help', 'account'], ['-h', 'account']]) {
      const { out, err } = await succeed(args)
      assert.match(out, /^Usage: kiroctl account COMMAND/)
      assert.match(out, /^  account refresh ID \| --all /m)
      assert.doesNotMatch(out, /key add/)
      assert.equal(err, '')
    }
    assert.equal((await succeed(['help', 'key', 'add'])).out, (await succeed(['key', 'add', '--help'])).out)
    assert.match((await fail(USAGE, ['frobnicate', '--help'])).err, /unknown command: frobnicate/)
    assert.match((await fail(USAGE, ['help', 'frobnicate'])).err, /unknown command: frobnicate/)
  })

  test('mistakes are usage errors that say what is wrong', async () => {
    assert.match((await fail(USAGE, ['frobnicate'])).err, /unknown command: frobnicate/)
    assert.match((await fail(USAGE, ['account', 'frob'])).err, /account list/)
    assert.match((await fail(USAGE, ['account', 'list', '--colour'])).err, /unknown option --colour/)
    assert.match((await fail(USAGE, ['account', 'list', '-x'])).err, /unknown option -x/)
    assert.match((await fail(USAGE, ['account', 'show'])).err, /missing argument: ID/)
    assert.match((await fail(USAGE, ['account', 'show', 'a', 'b'])).err, /unexpected argument: b/)
    assert.match((await fail(USAGE, ['account', 'list', '--config'])).err, /value is missing/)
    assert.match((await fail(USAGE, ['account', 'import', '--yes=1', 'x'])).err, /takes no value/)
    assert.match((await fail(USAGE, ['account', 'import'])).err, /give a file/)
    assert.match((await fail(USAGE, ['account', 'refresh'])).err, /--all/)
    assert.match((await fail(USAGE, ['login', 'idc'])).err, /login idc: --start-url is missing/)
    assert.match((await fail(USAGE, ['login', 'external-idp', '--issuer-url', 'https://a.example'])).err, /--client-id is missing/)
    assert.match((await fail(DATA, ['usage', '--from', '2026-11-20', '--to', '2026-11-01'])).err, /--from is later than --to/)
    assert.equal(fs.existsSync(state), false)
  })

  test('stream-test names the gateway that it cannot reach', async () => {
    const { err } = await fail(TEMPORARY, ['stream-test', 'http://127.0.0.1:1/kiro'])
    assert.match(err, /^kiroctl: http:\/\/127\.0\.0\.1:1\/kiro cannot be reached: /)
  })

  test('secrets on the command line are refused with the way that is safe', async () => {
    for (const [words, option, instead] of [
      [['account', 'add'], '--refresh-token', '--refresh-token-file'],
      [['account', 'add'], '--client-secret', '--client-secret-file'],
      [['account', 'add'], '--api-key', 'KIRO_API_KEY'],
      [['key', 'add', 'x'], '--key', '--from-env'],
    ]) {
      for (const form of [[`${option}=${token('argv')}`], [option, token('argv')]]) {
        const { err } = await fail(USAGE, [...words, ...form])
        assert.match(err, new RegExp(instead))
      }
    }
    assert.equal(fs.existsSync(state), false)
  })

  test('options may stand before the command and --state-dir wins over the environment', async () => {
    const other = path.join(state, 'other')
    const r = await json(['--state-dir', other, 'init'])
    assert.deepEqual(r, { state_dir: other, created: true })
    assert.equal(fs.existsSync(path.join(other, 'tokens.gdbm')), true)
    assert.equal((await json([`--state-dir=${other}`, 'init'])).created, false)
  })

  test('a state directory that may not be looked into is not said to be missing', async () => {
    await succeed(['init'])
    if (process.getuid()) /* root may all: it asks as another user */
      fs.chmodSync(state, 0)
    for (const args of [['account', 'list'], ['key', 'list']]) {
      const r = spawnSync(program, args, { encoding: 'utf8', env: { KIRO_STATE_DIR: state }, cwd: '/', ...process.getuid() ? {} : { uid: 65534, gid: 65534 } })
      assert.deepEqual([r.status, /kiroctl init/.test(r.stderr), /Permission denied|belongs to user/.test(r.stderr)], [IO, false, true], r.stderr)
    }
    fs.chmodSync(state, 0o700)
  })

  test('a result that cannot be written is an error', async () => {
    const full = fs.openSync('/dev/full', 'w')
    for (const args of [['config', 'example'], ['--help'], ['help', 'account'], ['--version'], []])
      await fail(IO, args, { stdout: full })
    fs.closeSync(full)
  })
})

describe('scripted set-up', () => {
  test('works by commands alone, with only KIRO_STATE_DIR set', async () => {
    const key = 'client-key-of-the-set-up-000001'
    await succeed(['init'])
    await succeed(['account', 'import', path.join(samples, 'kiro-ide-social.json'), '--yes'])
    const added = await succeed(['key', 'add', 'laptop', '--from-env', 'MY_KEY'], { env: { MY_KEY: key } })
    assert.equal(added.out, '')
    assert.ok(!added.err.includes(key))
    const { out } = await succeed(['doctor', '--offline'])
    assert.doesNotMatch(out, /FAIL/)
    assert.match(out, /^OK +accounts +1 of 1 usable$/m)
    assert.match(out, /^OK +client key +1$/m)
  })

  test('the state directory is private', async () => {
    await succeed(['init'])
    assert.equal(fs.statSync(state).mode & 0o777, 0o700)
    for (const name of fs.readdirSync(state))
      assert.equal(fs.statSync(path.join(state, name)).mode & 0o077, 0, name)
  })

  test('init twice changes nothing, and writing commands need none', async () => {
    await succeed(['key', 'add', 'first'])
    const before = fs.readFileSync(path.join(state, 'keys.gdbm'))
    assert.match((await succeed(['init'])).out, /already there/)
    assert.deepEqual(fs.readFileSync(path.join(state, 'keys.gdbm')), before)
    assert.equal((await json(['key', 'list'])).length, 1)
  })

  test('reading commands make nothing and say what to do', async () => {
    for (const args of [['account', 'list'], ['account', 'show', 'x'], ['key', 'list'], ['model', 'list']])
      assert.match((await fail(IO, args)).err, /kiroctl init/)
    assert.equal(fs.existsSync(state), false)
  })

  test('standard input is never waited for', async () => {
    await addSocial('ann')
    const { err } = await fail(USAGE, ['account', 'remove', 'ann'])
    assert.match(err, /--yes/)
    assert.equal((await json(['account', 'list'])).length, 1)
  })
})

describe('config', () => {
  test('the example is a configuration that is right', async () => {
    const at = file('kiro.json', (await succeed(['config', 'example'])).out)
    assert.equal((await succeed(['--config', at, 'config', 'check'])).out, `${at}: right\n`)
  })

  test('a mistake is told with file and line', async () => {
    const at = file('wrong.json', '{\n  "state_dir": "/tmp",\n  "colour": 1\n}\n')
    for (const args of [['config', 'check'], ['account', 'list'], ['init']])
      assert.match((await fail(CONFIG, ['--config', at, ...args])).err, /wrong\.json:3: .*colour/)
    await fail(CONFIG, ['--config', path.join(work, 'absent.json'), 'config', 'check'])
    await fail(CONFIG, ['config', 'check'], { env: { KIRO_UPSTREAM_SOCIAL_URL: 'http://example.com' } })
  })

  test('show has every option and no secret', async () => {
    const { out } = await succeed(['config', 'show'], { env: { KIRO_CLIENT_TOKEN: token('client') } })
    assert.ok(out.includes(state))
    assert.match(out, /client_token/)
    assert.match((await succeed(['config', 'manual'])).out, /state_dir/)
    await fail(USAGE, ['config', 'show', '--json'])
  })
})
