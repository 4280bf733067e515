/* kiroctl login with the logins of other programs: the Kiro IDE's files, kiro-cli's database. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'

import { OK, USAGE, DATA, place, run, login, accounts, isStored, canBeRenewed } from './login.mjs'

describe('logins of other programs', { concurrency: 4 }, () => {
  const token = (name) => `FAKE-${name}-0000000000000000`

  test('the Kiro IDE\'s cache: the two named files and nothing else', async (t) => {
    const at = await place(t)
    const cache = path.join(at.home, '.aws/sso/cache')
    assert.match((await login(at, 'kiro-ide')).err, /kiro-auth-token\.json: cannot be read/)
    fs.mkdirSync(cache, { recursive: true })
    const [spec] = await at.standin.addAccounts({ name: 'ide', kind: 'idc' })
    const files = {
      'kiro-auth-token.json': { accessToken: spec.accessToken, refreshToken: spec.refreshToken, expiresAt: '2030-01-02T03:04:05Z', authMethod: 'IdC', provider: 'Enterprise', region: 'eu-west-1', clientIdHash: 'abc123' },
      'abc123.json': { clientId: spec.clientId, clientSecret: spec.clientSecret, expiresAt: '2020-01-02T03:04:05Z' },
      'other.json': { clientId: 'other', clientSecret: 'other', refreshToken: token('other') },
    }
    for (const [name, content] of Object.entries(files))
      fs.writeFileSync(path.join(cache, name), JSON.stringify(content), { mode: 0o600 })
    for (const [option, value] of [['--proxy', 'http://127.0.0.1:9'], ['--label', 'work'], ['--no-check']]) {
      const refused = await run(at, ['login', 'kiro-ide', option, ...(value ? [value] : [])])
      assert.equal(refused.code, USAGE, refused.err)
    }
    const r = await login(at, 'kiro-ide')
    assert.equal(r.code, OK, r.err)
    assert.match(r.out, /1 added, 0 updated, 0 unchanged, 0 refused/)
    assert.match(r.err, /warning: this login is also the one of the program/)
    const account = await isStored(at, { kind: 'idc', client_id: spec.clientId, auth_region: 'eu-west-1' })
    await canBeRenewed(at, account.id)
    assert.equal(account.client_expires_at, '2020-01-02T03:04:05Z')
    assert.match((await run(at, ['doctor', '--offline'])).out, /client registration has ended at 2020-01-02T03:04:05Z.*kiroctl login with --account/)
    assert.match((await login(at, 'kiro-ide', path.join(cache, 'kiro-auth-token.json'))).out, /0 added, 0 updated, 1 unchanged/)
  })

  function database(at, rows, name = 'data.sqlite3') {
    const file = path.join(at.home, name)
    const quote = (value) => `'${(typeof value === 'string' ? value : JSON.stringify(value)).replaceAll("'", "''")}'`
    const sql = ['CREATE TABLE auth_kv (key TEXT PRIMARY KEY, value TEXT);', 'CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB);']
    for (const [table, key, value] of rows)
      sql.push(`INSERT INTO ${table} VALUES (${quote(key)}, ${quote(value)});`)
    const made = spawnSync('sqlite3', [file], { input: sql.join('\n'), encoding: 'utf8' })
    assert.equal(made.status, 0, made.stderr)
    return file
  }

  test('an option that does nothing for the method is refused, before anything is asked', async (t) => {
    const at = await place(t)
    for (const [method, ...options] of [['builder-id', '--client-id', 'x'], ['github', '--browser'],
      ['google', '--start-url', 'https://d-1.awsapps.com/start'], ['idc', '--start-url', 'https://d-1.awsapps.com/start', '--scopes', 'x'],
      ['google', '--region', 'eu-west-1'], ['api-key', '--issuer-url', 'https://idp.example'], ['sso-token', '--login-hint', 'ann'], ['portal', '--audience', 'x']]) {
      const refused = await run(at, ['login', method, ...options])
      assert.equal(refused.code, USAGE, refused.err)
      assert.match(refused.err, new RegExp(`login ${method}: takes no --`))
    }
    assert.equal((await accounts(at)).length, 0)
  })

  test('kiro-cli\'s database, left as it is', async (t) => {
    const at = await place(t)
    const [idc] = await at.standin.addAccounts({ name: 'cli', kind: 'idc' })
    const login = { access_token: idc.accessToken, refresh_token: idc.refreshToken, expires_at: '2030-01-02T03:04:05.123Z', region: 'eu-west-1', start_url: 'https://d-1.awsapps.com/start', oauth_flow: 'DeviceCode', scopes: ['a', 'b'] }
    const file = database(at, [
      ['auth_kv', 'kirocli:odic:token', login],
      ['auth_kv', 'kirocli:odic:device-registration', { client_id: idc.clientId, client_secret: idc.clientSecret, client_secret_expires_at: '2030-03-01T00:00:00.5Z', region: 'eu-west-1' }],
      ['auth_kv', 'kirocli:social:token', { access_token: token('access'), refresh_token: token('social'), expires_at: '2030-01-02T03:04:05Z', provider: 'google', profile_arn: 'arn:aws:codewhisperer:us-east-1:000000000000:profile/SOCIAL' }],
      ['state', 'api.codewhisperer.profile', { arn: 'arn:aws:codewhisperer:eu-central-1:000000000000:profile/CLI', profile_name: 'x' }],
    ])
    const whole = fs.readFileSync(file)
    fs.chmodSync(file, 0o400)
    const dry = await run(at, ['account', 'import', file])
    assert.match(dry.out, /2 to add, 0 to update, 0 unchanged, 0 refused/)
    assert.deepEqual(await accounts(at), [])
    const r = await run(at, ['login', 'kiro-cli', file], { json: true })
    assert.equal(r.code, OK, r.err)
    assert.match(r.err, /warning: this login is also/)
    assert.deepEqual(JSON.parse(r.out).entries.map((x) => [x.format, x.kind, x.what]), [['kiro-cli database', 'social', 'added'], ['kiro-cli database', 'idc', 'added']])
    const all = await accounts(at)
    const account = all.find((a) => a.kind === 'idc')
    assert.equal(account.client_expires_at, '2030-03-01T00:00:00Z')
    assert.deepEqual([account.client_id, account.auth_region, account.profile_arn, account.start_url], [idc.clientId, 'eu-west-1', 'arn:aws:codewhisperer:eu-central-1:000000000000:profile/CLI', 'https://d-1.awsapps.com/start'])
    const social = all.find((a) => a.kind === 'social')
    assert.deepEqual([social.provider, social.profile_arn], ['Google', 'arn:aws:codewhisperer:us-east-1:000000000000:profile/SOCIAL'])
    await canBeRenewed(at, account.id)
    assert.deepEqual(fs.readFileSync(file), whole)
    assert.deepEqual(fs.readdirSync(at.home).filter((n) => n.startsWith('data')), ['data.sqlite3'])
  })

  test('kiro-cli\'s database: Builder ID, external provider, older names, bad rows', async (t) => {
    const at = await place(t)
    const file = database(at, [
      ['auth_kv', 'codewhisperer:odic:token', { access_token: 'x', refresh_token: token('old'), region: 'us-east-1', start_url: null }],
      ['auth_kv', 'codewhisperer:odic:device-registration', { client_id: 'c', client_secret: token('secret') }],
      ['auth_kv', 'kirocli:external-idp:token', { access_token: 'x', refresh_token: token('ext'), issuer_url: 'https://login.microsoftonline.com/t/v2.0', token_endpoint: 'https://login.microsoftonline.com/t/oauth2/v2.0/token', client_id: 'app', scopes: 'openid' }],
      ['auth_kv', 'kirocli:odic:token', { access_token: 'x', refresh_token: token('alone'), region: 'us-east-1' }],
      ['state', 'api.codewhisperer.profile', { arn: 'arn:aws:codewhisperer:eu-central-1:000000000000:profile/CLI' }],
    ])
    const r = await run(at, ['login', 'kiro-cli', file], { json: true })
    assert.equal(r.code, DATA, 'one is refused')
    const told = JSON.parse(r.out)
    assert.deepEqual([told.added, told.refused], [2, 1])
    assert.match(told.entries.find((x) => x.what === 'refused').why, /clientId: is missing/)
    const all = await accounts(at)
    const builder = all.find((a) => a.kind === 'idc'), external = all.find((a) => a.kind === 'external_idp')
    assert.deepEqual([builder.provider, builder.profile_arn], ['BuilderId', null])
    assert.deepEqual([external.client_id, external.profile_arn], ['app', 'arn:aws:codewhisperer:eu-central-1:000000000000:profile/CLI'])
  })

  test('a database that is none, empty, or not finished', async (t) => {
    const at = await place(t)
    const file = database(at, [])
    assert.match((await login(at, 'kiro-cli', file)).err, /holds no login of kiro-cli/)
    fs.writeFileSync(`${file}-wal`, 'unfinished')
    const busy = await login(at, 'kiro-cli', file)
    assert.equal(busy.code, DATA)
    assert.match(busy.err, /has not finished writing it \(data\.sqlite3-wal\): end kiro-cli/)
    const broken = path.join(at.home, 'broken.sqlite3')
    fs.writeFileSync(broken, 'SQLite format 3\0' + '\xff'.repeat(4096))
    assert.equal((await login(at, 'kiro-cli', broken)).code, DATA)
    assert.match((await login(at, 'kiro-cli')).err, /data\.sqlite3: cannot be read/)
    const piped = await run(at, ['account', 'import', '-'], { input: fs.readFileSync(file) })
    assert.match(piped.err, /is a database of kiro-cli: give its path/)
  })
})
