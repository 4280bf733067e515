/* kiroctl models: aliases, and the lists of the accounts. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { OK, USAGE, DATA, kiroctl, succeed, fail, json, token, addSocial, service } from './kiroctl.mjs'

describe('models', () => {
  test('aliases are set, replaced, listed and removed', async () => {
    await succeed(['models', 'add', 'gpt-4o', 'claude-sonnet-4.5'])
    await succeed(['models', 'add', 'gpt-4o', 'claude-opus-4.5'])
    await succeed(['models', 'add', 'fast', 'claude-haiku-4.5'])
    const aliases = await json(['models', 'show'])
    assert.deepEqual(Object.fromEntries(aliases.map((a) => [a.name, a.target])), { 'gpt-4o': 'claude-opus-4.5', fast: 'claude-haiku-4.5' })
    assert.match((await succeed(['models', 'show'])).out, /^fast +claude-haiku-4\.5\ngpt-4o +claude-opus-4\.5$/m)
    assert.equal((await kiroctl(['models', 'add', 'fast', 'claude-haiku-4.5'])).err, '')
    assert.match((await succeed(['models', 'add', 'slip', 'claude-hiaku-4.5'])).err, /note: there is no model claude-hiaku-4\.5 now/)
    await succeed(['models', 'remove', 'fast'])
    await fail(DATA, ['models', 'remove', 'fast'])
    await fail(USAGE, ['models', 'add', 'only-a-name'])
    await fail(DATA, ['models', 'add', 'with blank', 'x'])
  })

  test('the older spelling does the same', async () => {
    await succeed(['model', 'alias', 'fast', 'claude-haiku-4.5'])
    assert.deepEqual(await json(['model', 'list']), [{ name: 'fast', target: 'claude-haiku-4.5' }])
    await succeed(['model', 'alias', '--remove', 'fast'])
    await fail(DATA, ['model', 'alias', '--remove', 'fast'])
    await fail(USAGE, ['model', 'alias', 'only-a-name'])
  })

  test('without a list of the upstream it shows what it knows, and says so', async () => {
    await addSocial('one')
    const r = await succeed(['models', 'list'])
    assert.match(r.out, /^claude-sonnet-4\.5 +Claude Sonnet 4\.5 +200000 +64000 +text, image +0 of 1$/m)
    assert.match(r.err, /no account's list was fetched yet/)
  })

  test('list --refresh asks for every account, and a failure keeps what there was', async () => {
    const models = (...ids) => [200, { models: ids.map((modelId) => ({ modelId, supportedInputTypes: ['TEXT', 'IMAGE'] })) }]
    let answer = models('claude-opus-9', 'claude-haiku-4.5')
    const s = await service({
      '/': () => answer,
      '/refreshToken': () => [200, { accessToken: 'FAKE-access', refreshToken: token('next'), expiresIn: 3600 }],
    })
    try {
      const id = await addSocial('one')
      const list = await json(['models', 'list', '--refresh'], { env: s.env })
      assert.deepEqual(list.map(({ id: model, accounts }) => [model, accounts]), [['claude-haiku-4.5', 1], ['claude-opus-9', 1]])
      answer = [403, { message: 'no' }]
      const failed = await kiroctl(['models', 'list', '--refresh'], { env: s.env })
      assert.notEqual(failed.code, OK)
      assert.match(failed.err, new RegExp(`${id}: the stored list stays`))
      assert.match(failed.out, /^claude-opus-9 /m)
      await succeed(['account', 'remove', id, '--yes'])
      assert.ok((await json(['models', 'list'])).length > 20)
    } finally {
      await s.close()
    }
  })

  test('test says what a name means', async () => {
    await addSocial('one')
    await succeed(['models', 'add', 'fast', 'claude-haiku-4-5'])
    assert.equal((await succeed(['models', 'test', 'fast'])).out,
      'fast: stands for claude-haiku-4-5: claude-haiku-4.5, 200000 tokens, offered by 0 of 1 accounts\n')
    assert.equal((await json(['models', 'test', 'claude-4.5-opus'])).id, 'claude-opus-4.5')
    assert.match((await fail(DATA, ['models', 'test', 'gpt-4o'])).err, /no model is called gpt-4o/)
    assert.equal((await json(['models', 'test', 'gpt-4o'], { env: { KIRO_GPT_ALIASES: 'true' } })).id, 'claude-sonnet-4.5')
    await succeed(['models', 'add', 'default', 'auto'])
    assert.match((await succeed(['models', 'test', 'gpt-4o'])).out, /stands for auto \(the alias default\): auto,/)
  })
})
