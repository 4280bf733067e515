/* kiroctl key: keys are shown once, and what they may do is said. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'

import { damage } from '../lib/damage.mjs'
import { USAGE, DATA, IO, state, succeed, fail, json, file, addSocial } from './kiroctl.mjs'

describe('key', () => {
  test('a new key is printed once, alone, and kept nowhere', async () => {
    const { out } = await succeed(['key', 'add', 'laptop'])
    assert.match(out, /^kiro-[A-Za-z0-9_-]{43}\n$/)
    const key = out.trim()
    for (const args of [['key', 'list'], ['key', 'list', '--json']])
      assert.ok(!(await succeed(args)).out.includes(key))
    for (const name of fs.readdirSync(state))
      assert.ok(!fs.readFileSync(path.join(state, name)).includes(key), name)
    const [listed] = await json(['key', 'list'])
    assert.equal(listed.name, 'laptop')
    assert.ok(key.startsWith(listed.prefix) && listed.prefix.length < 16)
  })

  test('a given key is not echoed', async () => {
    const key = 'a-client-key-of-my-own-0001'
    for (const [name, args, options] of [
      ['file', ['--from-file', file('k', `${key}1\n`)], {}],
      ['stdin', ['--from-file', '-'], { input: `${key}2` }],
      ['env', ['--from-env', 'K'], { env: { K: `${key}3` } }],
    ]) {
      const r = await succeed(['key', 'add', name, ...args], options)
      assert.equal(r.out, '')
      assert.ok(!r.err.includes(key))
    }
    assert.deepEqual((await json(['key', 'list'])).map((k) => k.name).sort(), ['env', 'file', 'stdin'])
  })

  test('weak, long, missing and doubled keys are refused', async () => {
    const add = (name, key) => fail(DATA, ['key', 'add', name, '--from-env', 'K'], { env: { K: key } })
    for (const weak of ['123456', 'changeme', 'fifteen-letters'])
      await add('weak', weak)
    await add('long', 'x'.repeat(1000))
    assert.match((await add('unset', '')).err, /K is not set/)
    await succeed(['key', 'add', 'x'])
    await fail(DATA, ['key', 'add', 'x'])
    await fail(USAGE, ['key', 'add', 'both', '--from-env', 'K', '--from-file', '-'])
    assert.deepEqual((await json(['key', 'list'])).map((k) => k.name), ['x'])
  })

  test('a removed key is gone', async () => {
    await succeed(['key', 'add', 'x'])
    await succeed(['key', 'remove', 'x'])
    assert.deepEqual(await json(['key', 'list']), [])
    const made = await json(['key', 'add', 'x'])
    assert.match(made.key, /^kiro-/)
    assert.deepEqual(await json(['key', 'remove', 'x']), { name: 'x', result: 'removed' })
    assert.match((await fail(DATA, ['key', 'remove', 'x'])).err, /no key is called x/)
  })

  test('a damaged record hides no other from the lists', async () => {
    for (const noun of ['key', 'code']) {
      await succeed([noun, 'add', `${noun}-one`])
      await succeed([noun, 'add', `${noun}-whole`])
    }
    damage(state, 'keys', '-whole', '-wholE')
    for (const noun of ['key', 'code'])
      for (const args of [[], ['--json']]) {
        const { out, err } = await fail(IO, [noun, 'list', ...args])
        assert.match(out, new RegExp(`\\b${noun}-one\\b`))
        assert.match(err, /2 damaged records in .*keys\.gdbm: see kiroctl repair/)
      }
  })
})

describe('what a key may do', () => {
  test('accounts are named as everywhere; one that nobody has is refused', async () => {
    const one = await addSocial('one'), two = await addSocial('two')

    await succeed(['key', 'add', 'x', '--accounts', `one, ${two.slice(0, -2)}`])
    assert.equal((await json(['key', 'show', 'x'])).accounts.join(), `${one},${two}`)
    for (const command of [['key', 'set', 'x'], ['key', 'add', 'y'], ['code', 'add', 'z']])
      assert.match((await fail(DATA, [...command, '--accounts', 'one,nobody'])).err, /no account is called nobody/)
    assert.deepEqual((await json(['key', 'list'])).map(({ name }) => name), ['x'])
    assert.equal((await json(['key', 'show', 'x'])).accounts.join(), `${one},${two}`)
    await addSocial('to-be-broken')
    damage(state, 'tokens', 'to-be-broken', 'to-be-brokeN')
    await succeed(['key', 'set', 'x', '--accounts', 'two'])
    await succeed(['key', 'set', 'x', '--accounts', ''])
    assert.deepEqual((await json(['key', 'show', 'x'])).accounts, [])
  })

  test('a new key or code does not begin with its end', async () => {
    for (const [noun, when] of [['key', '2020-01-01'], ['key', '0d'], ['code', '2020-01-01']])
      assert.match((await fail(DATA, [noun, 'add', 'x', '--expires', when])).err, /--expires: .*over already/)
    assert.equal(fs.existsSync(state), false)
  })
})
