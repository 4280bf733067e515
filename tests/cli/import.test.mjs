/* kiroctl account import: what it takes from files of other programs and their environment. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'

import {
  samples, DATA, work, state, kiroctl, succeed, fail, json, file, token,
} from './kiroctl.mjs'

describe('account import', () => {
  test('a dry run shows what would be done and stores nothing', async () => {
    const r = await kiroctl(['account', 'import', path.join(samples, 'kam-export.json')])
    assert.equal(r.code, DATA)
    assert.match(r.out, /ann@example\.com +social +Google +FAKE\.\.\.\(31\) +add/)
    assert.match(r.out, /carl@example\.com .*refuse +authMethod: unknown method "telepathy"/)
    assert.match(r.out, /2 to add, 0 to update, 0 unchanged, 2 refused/)
    assert.match(r.out, /Nothing was stored/)
    assert.equal(fs.existsSync(state), false)
  })

  test('--yes stores the good entries of a file that also has bad ones', async () => {
    const r = await kiroctl(['account', 'import', path.join(samples, 'kam-export.json'), '--yes', '--json'])
    assert.equal(r.code, DATA)
    const told = JSON.parse(r.out)
    assert.deepEqual([told.stored, told.added, told.updated, told.unchanged, told.refused], [true, 2, 0, 0, 2])
    const accounts = await json(['account', 'list'])
    assert.deepEqual(accounts.map((a) => a.email).sort(), ['ann@example.com', 'bob@example.com'])
    assert.deepEqual(accounts.map((a) => a.id).sort(), told.entries.filter((x) => x.what === 'added').map((x) => x.id).sort())
    assert.ok(accounts.every((a) => /^acc_[A-Za-z0-9]{12}$/.test(a.id) && /^[0-9a-f]{64}$/.test(a.machine_id)))
  })

  test('the same file again changes nothing', async () => {
    const args = ['account', 'import', path.join(samples, 'kam-list.json'), '--apply']
    await succeed(args)
    const before = await json(['account', 'list'])
    const again = await json(args)
    assert.deepEqual([again.added, again.updated, again.unchanged], [0, 0, 2])
    assert.deepEqual(await json(['account', 'list']), before)
  })

  test('a newer login of the same person replaces the tokens, an older one does not', async () => {
    const login = (name, expiresAt) => file(`${name}.json`, [{ email: 'ann@example.com', provider: 'Google', authMethod: 'social', refreshToken: token(name), expiresAt }])
    await succeed(['account', 'import', login('second', '2030-01-02T00:00:00Z'), '--yes'])
    const [before] = await json(['account', 'list'])
    const older = await json(['account', 'import', login('zeroth', '2030-01-01T00:00:00Z'), '--yes'])
    assert.equal(older.entries[0].what, 'unchanged')
    const newer = await json(['account', 'import', login('third-and-longer', '2030-01-03T00:00:00Z'), '--yes'])
    assert.deepEqual([newer.entries[0].what, newer.entries[0].id], ['updated', before.id])
    const accounts = await json(['account', 'list'])
    assert.equal(accounts.length, 1)
    assert.equal(accounts[0].machine_id, before.machine_id)
    assert.equal(accounts[0].expires_at, '2030-01-03T00:00:00Z')
    assert.notEqual(accounts[0].refresh_token, before.refresh_token)
    const first = await json(['account', 'import', login('second', '2030-01-04T00:00:00Z'), '--yes'])
    assert.equal(first.entries[0].what, 'unchanged', 'the token that it had before')
  })

  test('what a file adds to a known credential is taken over', async () => {
    await succeed(['account', 'import', file('bare.json', { refreshToken: token('same') }), '--yes'])
    const more = await json(['account', 'import', file('more.json', { refreshToken: token('same'), email: 'ann@example.com', profileArn: 'arn:aws:codewhisperer:eu-central-1:000000000000:profile/FAKE' }), '--yes'])
    assert.equal(more.entries[0].what, 'updated')
    const [account] = await json(['account', 'list'])
    assert.equal(account.email, 'ann@example.com')
    assert.match(account.profile_arn, /:eu-central-1:/)
  })

  test('the same credential twice in a file is one account', async () => {
    const twice = file('twice.json', [{ refreshToken: token('twin') }, { refreshToken: token('twin') }])
    const r = await json(['account', 'import', twice, '--yes'])
    assert.deepEqual([r.added, r.unchanged], [1, 1])
  })

  test('accounts of one file stand in its order', async () => {
    const labels = Array.from({ length: 12 }, (_, i) => `nr-${i}`)
    await succeed(['account', 'import', file('many.json', labels.map((label) => ({ refreshToken: token(label), label }))), '--yes'])
    assert.deepEqual((await json(['account', 'list'])).map((a) => a.label), labels) // by chance: once in 12!
  })

  test('a login of the Kiro IDE brings its client registration from beside it', async () => {
    await succeed(['account', 'import', path.join(samples, 'kiro-ide-idc.json'), '--yes'])
    const [account] = await json(['account', 'list'])
    assert.equal(account.kind, 'idc')
    assert.equal(account.auth_region, 'eu-west-1')
    assert.ok(account.client_secret)
    const alone = file('alone.json', fs.readFileSync(path.join(samples, 'kiro-ide-idc.json'), 'utf8'))
    const r = await kiroctl(['account', 'import', alone])
    assert.equal(r.code, DATA)
    assert.match(r.out, /00112233445566778899aabbccddeeff00112233\.json/)
  })

  test('reads standard input', async () => {
    const r = await json(['account', 'import', '-', '--yes'], { input: fs.readFileSync(path.join(samples, 'flat.json')) })
    assert.equal(r.added, 1)
  })

  test('reads the environment of older gateways', async () => {
    const env = {
      KIRO_AUTH_TOKEN: JSON.stringify([{ auth: 'Social', refreshToken: token('env-json') }]),
      AWS_REFRESHTOKEN: `${token('env-a')}, ${token('env-b')},`,
      AUTH_METHOD: 'idc',
      IDC_REFRESH_TOKEN: token('env-idc'),
      IDC_CLIENT_ID: 'client',
      IDC_CLIENT_SECRET: token('env-secret'),
    }
    const r = await json(['account', 'import', '--env', '--yes'], { env })
    assert.equal(r.added, 4)
    const kinds = (await json(['account', 'list'])).map((a) => a.kind).sort()
    assert.deepEqual(kinds, ['idc', 'social', 'social', 'social'])
    const byPath = await json(['account', 'import', '--env'], { env: { KIRO_AUTH_TOKEN: path.join(samples, 'flat.json') } })
    assert.equal(byPath.added, 1)
    const byFile = await json(['account', 'import', '--env'], { env: { KIRO_AUTH_TOKEN_FILE: path.join(samples, 'flat.json') } })
    assert.equal(byFile.added, 1)
    assert.match((await fail(DATA, ['account', 'import', '--env'])).err, /KIRO_AUTH_TOKEN/)
    assert.match((await fail(DATA, ['account', 'import', '--env'], { env: { ...env, AUTH_METHOD: 'sso' } })).err, /AUTH_METHOD/)
  })

  test('files that are none say so', async () => {
    assert.match((await fail(DATA, ['account', 'import', 'absent.json'])).err, /absent\.json: cannot be read: No such file/)
    assert.match((await fail(DATA, ['account', 'import', work])).err, /cannot be read/)
    assert.match((await fail(DATA, ['account', 'import', file('cut.json', '{"refreshToken": "')])).err, /cut\.json: not valid JSON.* byte \d+/)
    assert.match((await fail(DATA, ['account', 'import', file('other.json', { name: 'x' })])).err, /other\.json: .*not a credential file/)
    assert.match((await fail(DATA, ['account', 'import', file('data.sqlite3', 'SQLite format 3\0\x10\0')])).err, /data\.sqlite3: cannot be read: file is not a database/)
    const deep = file('deep.json', '['.repeat(10000) + ']'.repeat(10000))
    assert.match((await fail(DATA, ['account', 'import', deep])).err, /nested too deeply/)
  })

  test('a file that everybody can read is warned of', async () => {
    const open = file('open.json', { refreshToken: token('open') }, 0o644)
    fs.chmodSync(open, 0o644)
    assert.match((await succeed(['account', 'import', open])).err, /warning: .*open\.json can be read by every user/)
  })

  test('control characters of a label do not reach the terminal', async () => {
    await succeed(['account', 'import', file('esc.json', { refreshToken: token('esc'), label: 'a\u001b[31mb\u009b1m', email: 'x\u001b@example.com' }), '--yes'])
    for (const args of [['account', 'list'], ['account', 'show', 'acc_']]) {
      const { out } = await succeed(args)
      assert.doesNotMatch(out, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
    }
  })
})
