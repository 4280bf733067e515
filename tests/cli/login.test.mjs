/*
 * kiroctl login as a person meets it: codes to type elsewhere, addresses to paste, secrets from
 * standard input.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { describe, test } from 'node:test'

import { damage } from '../lib/damage.mjs'
import { start, waitForOutput } from '../lib/process.mjs'
import {
  program, OK, USAGE, DATA, TEMPORARY, PERMISSION, INTERRUPTED,
  place, begin, run, login, accounts, isStored, canBeRenewed, browse, linkOf,
} from './login.mjs'

const COOKIE = 'cookie-of-a-portal-session-0001'

describe('device codes', { concurrency: 4 }, () => {
  test('Builder ID: link and code on lines of their own, then the id alone on standard output', async (t) => {
    const at = await place(t, { pending: 1 })
    const r = await login(at, 'builder-id')
    assert.equal(r.code, OK, r.err)
    assert.match(r.err, /^ {4}https:\/\/example\.invalid\/device\?user_code=STAN-DINX$/m)
    assert.match(r.err, /^ {4}STAN-DINX$/m)
    assert.match(r.err, /Logged in as ann@example\.invalid \(BuilderId\), KIRO PRO/)
    const account = await isStored(at, { kind: 'idc', provider: 'BuilderId', auth_region: 'us-east-1', email: 'ann@example.invalid', label: 'ann@example.invalid', state: 'active', start_url: 'https://view.awsapps.com/start' })
    assert.equal(r.out, `${account.id}\n`)
    assert.deepEqual([account.usage.plan, account.usage.used], ['KIRO PRO', 12.25]) // before kiro-refresh has run
    const days = (Date.parse(account.client_expires_at) - Date.now()) / 86400e3
    assert.ok(days > 89 && days < 91, account.client_expires_at) // what the registration's answer said
    await canBeRenewed(at, account.id)
    const asked = await at.standin.requests()
    const [client] = asked.filter((x) => x.operation === 'OidcRegisterClient')
    assert.equal(client.body.clientType, 'public')
    assert.ok(client.body.scopes.includes('codewhisperer:completions'))
    assert.equal(asked.find((x) => x.operation === 'OidcDeviceAuthorization').body.startUrl, 'https://view.awsapps.com/start')
  })

  test('the same person again renews the account, another person is another account', async (t) => {
    const at = await place(t)
    assert.equal((await login(at, 'builder-id', '--label', 'work')).code, OK)
    const first = await isStored(at, { label: 'work' })
    const again = await run(at, ['login', 'builder-id'], { json: true })
    assert.equal(again.code, OK)
    const done = JSON.parse(again.lines.at(-1))
    assert.deepEqual([done.status, done.result, done.account.id], ['done', 'updated', first.id])
    const second = await isStored(at, { id: first.id, label: 'work', machine_id: first.machine_id })
    assert.notEqual(second.client_id, first.client_id)
    await canBeRenewed(at, first.id)
    await at.standin.device({ pending: 0, user: 'bob' })
    const wrong = await login(at, 'builder-id', '--account', first.id)
    assert.equal(wrong.code, DATA)
    assert.match(wrong.err, /another person's \(ann@example\.invalid\) than this login \(bob@example\.invalid\)/)
    assert.equal((await login(at, 'builder-id')).code, OK)
    assert.equal((await accounts(at)).length, 2)
  })

  test('a login for an account that must log in again makes it active', async (t) => {
    const at = await place(t)
    await login(at, 'google', '--no-check')
    const [{ id }] = await accounts(at)
    const all = await at.standin.accounts()
    await at.standin.addAccounts({ name: all[0].name, revoked: true })
    assert.equal((await run(at, ['account', 'refresh', id])).code, PERMISSION)
    assert.equal((await accounts(at))[0].state, 'invalid')
    assert.equal((await login(at, 'google', '--account', id)).code, OK)
    await isStored(at, { id, state: 'active' })
    await at.standin.clearStats()
    await canBeRenewed(at, id)
    assert.match((await login(at, 'builder-id', '--account', id)).err, /is of the kind social, this login is idc/)
    assert.equal((await login(at, 'google', '--account', 'nobody')).code, DATA)
    assert.equal((await accounts(at)).length, 1)
  })

  test('a damaged record keeps nobody else from logging in', async (t) => {
    const at = await place(t)
    assert.equal((await login(at, 'builder-id', '--label', 'whole-record')).code, OK)
    damage(at.env.KIRO_STATE_DIR, 'tokens', 'whole-record', 'wholE-record')
    await at.standin.device({ pending: 0, user: 'bob' })
    const r = await login(at, 'builder-id', '--label', 'bob')
    assert.equal(r.code, OK, r.err)
    await canBeRenewed(at, 'bob')
    assert.equal((await login(at, 'builder-id', '--account', 'bob')).code, OK)
    const missing = await login(at, 'builder-id', '--account', 'wholE-record')
    assert.equal(missing.code, DATA)
    assert.match(missing.err, /warning: .*damaged records in .*tokens\.gdbm: see kiroctl repair/)
  })

  test('told to slow down, it asks 5 seconds later', async (t) => {
    const at = await place(t, { slow_downs: 1 })
    assert.equal((await login(at, 'builder-id')).code, OK)
    const polls = (await at.standin.requests()).filter((x) => x.operation === 'OidcToken')
    assert.equal(polls.length, 2, 'a third poll means that the second came too early')
    assert.ok(polls[1].at_ms - polls[0].at_ms >= 5900)
  })

  for (const [method, provider] of [['google', 'Google'], ['github', 'Github']]) {
    test(`${method}: through the social service`, async (t) => {
      const at = await place(t, { pending: 1 })
      const r = await login(at, method)
      assert.equal(r.code, OK, r.err)
      const account = await isStored(at, { kind: 'social', provider, profile_arn: 'arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK', client_id: null })
      await canBeRenewed(at, account.id)
    })
  }

  test('IAM Identity Center: start URL and region, and the profile is found', async (t) => {
    const at = await place(t)
    const r = await login(at, 'idc', '--start-url', 'https://d-1234567890.awsapps.com/start', '--region', 'eu-west-1')
    assert.equal(r.code, OK, r.err)
    const account = await isStored(at, { kind: 'idc', provider: 'Enterprise', auth_region: 'eu-west-1', start_url: 'https://d-1234567890.awsapps.com/start', profile_arn: 'arn:aws:codewhisperer:us-east-1:123456789012:profile/STANDINIDC01' })
    await canBeRenewed(at, account.id)
  })

  for (const method of ['builder-id', 'google']) {
    test(`${method}: denied and expired are told, and nothing is stored`, async (t) => {
      const at = await place(t, { result: 'access_denied' })
      const denied = await run(at, ['login', method], { json: true })
      assert.equal(denied.code, PERMISSION)
      assert.equal(JSON.parse(denied.lines[0]).code, 'STAN-DINX')
      assert.equal(JSON.parse(denied.lines.at(-1)).status, 'denied')
      await at.standin.device({ pending: 0, result: 'expired_token' })
      const expired = await login(at, method)
      assert.equal(expired.code, TEMPORARY)
      assert.match(expired.err, /nobody logged in in time: nothing was stored/)
      assert.deepEqual(await accounts(at), [])
    })

    test(`${method}: nobody comes`, async (t) => {
      const at = await place(t, { pending: 10000, expires_in: 2 })
      const r = await run(at, ['login', method], { json: true })
      assert.equal(r.code, TEMPORARY)
      assert.equal(JSON.parse(r.lines.at(-1)).status, 'expired')
      assert.deepEqual(await accounts(at), [])
    })

    test(`${method}: lost connections are noted, and the login goes on`, async (t) => {
      const at = await place(t, { drops: 2 })
      const r = await login(at, method)
      assert.equal(r.code, OK, r.err)
      assert.equal(r.err.match(/cannot be asked: .*; going on until the code expires/g).length, 1)
      assert.match(r.err, /answers again/)
      assert.equal((await accounts(at)).length, 1)
    })
  }

  test('a service that stays away: until the code expires', async (t) => {
    const at = await place(t, { pending: 10000, expires_in: 3 })
    const child = begin(at, ['login', 'builder-id'], { input: '' })
    await waitForOutput(child, /Good until/)
    await at.standin.stop()
    const r = await child.finish()
    assert.equal(r.code, TEMPORARY)
    assert.match(r.err, /cannot be asked: .*going on/)
    assert.match(r.err, /nobody logged in in time/)
    assert.deepEqual(await accounts(at), [])
  })

  test('no service at all is a temporary failure', async (t) => {
    const at = await place(t)
    await at.standin.stop()
    const r = await run(at, ['login', 'google'], { json: true })
    assert.equal(r.code, TEMPORARY)
    assert.equal(JSON.parse(r.out).status, 'failed')
  })

  test('answers that are none of the service count as not yet, an error of the login ends it', async (t) => {
    const at = await place(t)
    await at.standin.answer('OidcToken', { times: 1, http: { status: 200, body: '<html>log in to this hotel</html>' } })
    assert.equal((await login(at, 'builder-id')).code, OK)
    await at.standin.answer('OidcToken', { times: 1, http: { status: 400, body: { error: 'invalid_client', error_description: 'no such client' } } })
    const r = await login(at, 'builder-id')
    assert.equal(r.code, PERMISSION)
    assert.match(r.err, /invalid_client: no such client/)
    assert.equal((await accounts(at)).length, 1)
  })
})

describe('Ctrl-C', { concurrency: 4 }, () => {
  for (const [signal, code] of [['SIGINT', INTERRUPTED], ['SIGTERM', 143]]) {
    test(`${signal} between two polls`, async (t) => {
      const at = await place(t, { pending: 10000 })
      const child = begin(at, ['login', 'builder-id'], { json: true })
      await waitForOutput(child, /"status":"open"/)
      child.kill(signal)
      const r = await child.finish()
      assert.equal(r.code, code)
      assert.equal(JSON.parse(r.lines.at(-1)).status, 'interrupted')
      assert.match(r.err, /interrupted: nothing was stored/)
      assert.deepEqual(await accounts(at), [])
    })
  }

  test('while the service does not answer', async (t) => {
    const at = await place(t)
    await at.standin.answer('OidcToken', { first_byte_delay_ms: 25000, http: { status: 200, body: '{}' } })
    const child = begin(at, ['login', 'builder-id'])
    while (!(await at.standin.requests()).some((x) => x.operation === 'OidcToken'))
      ;
    child.kill('SIGINT')
    assert.equal((await child.finish()).code, INTERRUPTED)
    const [poll] = (await at.standin.requests({ wait: 2000 })).filter((x) => x.operation === 'OidcToken')
    assert.ok(!poll.done || poll.client_closed, 'it did not wait for the answer')
    assert.deepEqual(await accounts(at), [])
  })

  test('while an address is waited for', async (t) => {
    const at = await place(t)
    const child = begin(at, ['login', 'portal'])
    await linkOf(child)
    child.kill('SIGINT')
    assert.equal((await child.finish()).code, INTERRUPTED)
    assert.deepEqual(await accounts(at), [])
  })
})

describe('addresses to paste', { concurrency: 4 }, () => {
  const idc = ['login', 'idc', '--browser', '--start-url', 'https://d-1234567890.awsapps.com/start', '--region', 'eu-west-1']

  async function paste(at, args, ...changes) {
    const child = begin(at, args)
    const address = changes.reduce((a, change) => change(a), await browse(await linkOf(child)))
    child.stdin.end(`  ${address}\r\n`)
    return { ...(await child.finish()), address }
  }

  test('IAM Identity Center with PKCE', async (t) => {
    const at = await place(t)
    const r = await paste(at, idc)
    assert.equal(r.code, OK, r.err)
    const account = await isStored(at, { kind: 'idc', provider: 'Enterprise', auth_region: 'eu-west-1' })
    assert.match(account.profile_arn, /STANDINIDC01/)
    await canBeRenewed(at, account.id)
  })

  test('wrong addresses are refused before anything is sent', async (t) => {
    const at = await place(t)
    for (const [change, text] of [
      [(a) => a.replace(/state=\w+/, 'state=OTHER'), /"state" is that of another login/],
      [(a) => a.replace(/[&?]state=\w+/, ''), /"state" is missing/],
      [(a) => a.replace(/code=\w+&/, ''), /holds no code/],
      [() => '', /the line is empty/],
    ]) {
      const r = await paste(at, idc, change)
      assert.equal(r.code, DATA)
      assert.match(r.err, text)
    }
    assert.match((await run(at, idc)).err, /there is nothing to read/)
    assert.equal((await at.standin.requests()).filter((x) => x.operation === 'OidcToken').length, 0)
    assert.deepEqual(await accounts(at), [])
  })

  test('a wrong code and a refusal are told', async (t) => {
    const at = await place(t)
    const wrong = await paste(at, idc, (a) => a.replace(/code=\w+/, 'code=0123456789'))
    assert.equal(wrong.code, PERMISSION)
    assert.match(wrong.err, /turning the code into tokens: the service answered 400 \(invalid_grant/)
    await at.standin.device({ result: 'access_denied' })
    assert.match((await paste(at, idc)).err, /the login was denied/)
    await at.standin.device({ result: 'expired_token' })
    const other = await paste(at, idc)
    assert.equal(other.code, PERMISSION)
    assert.match(other.err, /the sign-in page answered expired_token: The person said no/)
    assert.deepEqual(await accounts(at), [])
  })

  const idp = (at) => ['login', 'external-idp', '--issuer-url', `${at.standin.url}/idp`, '--client-id', 'standin-idp-client', '--scopes', 'openid api://x/a', '--login-hint', 'ann@example.invalid']

  test('external identity provider', async (t) => {
    const at = await place(t)
    const r = await paste(at, idp(at))
    assert.equal(r.code, OK, r.err)
    const account = await isStored(at, { kind: 'external_idp', provider: 'ExternalIdp', client_id: 'standin-idp-client', token_endpoint: `${at.standin.url}/idp/token`, client_secret: null })
    assert.match(account.profile_arn, /STANDINIDP01/)
    await canBeRenewed(at, account.id)
    const [page] = (await at.standin.requests()).filter((x) => x.operation === 'IdpAuthorize')
    assert.match(page.path, /login_hint=ann%40example\.invalid/)
  })

  test('only identity providers that are known or listed are asked', async (t) => {
    const at = await place(t)
    const listed = at.env.KIRO_UPSTREAM_IDP_HOSTS
    delete at.env.KIRO_UPSTREAM_IDP_HOSTS
    const r = await run(at, idp(at))
    assert.equal(r.code, DATA)
    assert.match(r.err, /the issuer URL is not the https address of a known identity provider.*upstream\.idp_hosts/)
    assert.equal((await at.standin.requests()).length, 0)
    at.env.KIRO_UPSTREAM_IDP_HOSTS = listed
    for (const member of ['authorization_endpoint', 'token_endpoint']) {
      const own = { authorization_endpoint: `${at.standin.url}/idp/authorize`, token_endpoint: `${at.standin.url}/idp/token` }
      await at.standin.answer('IdpDiscovery', { http: { status: 200, body: { ...own, [member]: 'https://evil.example/x' } } })
      const led = await run(at, idp(at))
      assert.equal(led.code, PERMISSION)
      assert.match(led.err, new RegExp(`the provider's ${member} is not`))
    }
    assert.match((await login(at, 'external-idp')).err, /--issuer-url is missing/)
  })

  test('Kiro\'s sign-in page: a social login', async (t) => {
    for (const [option, provider] of [['google', 'Google'], ['github', 'Github']]) {
      const at = await place(t, { option })
      const r = await paste(at, ['login', 'portal'])
      assert.equal(r.code, OK, r.err)
      assert.match(r.address, /^http:\/\/localhost:49153\/oauth\/callback\?login_option=/)
      const account = await isStored(at, { kind: 'social', provider })
      await canBeRenewed(at, account.id)
    }
  })

  test('Kiro\'s sign-in page: on to an identity provider, with a second address', async (t) => {
    const at = await place(t, { option: 'external_idp' })
    const child = begin(at, ['login', 'portal'])
    child.stdin.write(`${await browse(await linkOf(child))}\n`)
    const [, second] = await waitForOutput(child, /^ {4}(http:\S+\/idp\/authorize\S+)\n/m)
    child.stdin.end(`${await browse(second)}\n`)
    const r = await child.finish()
    assert.equal(r.code, OK, r.err)
    await canBeRenewed(at, (await isStored(at, { kind: 'external_idp' })).id)
  })

  test('Kiro\'s sign-in page: on to IAM Identity Center, by code', async (t) => {
    const at = await place(t, { option: 'awsidc' })
    const r = await paste(at, ['login', 'portal'])
    assert.equal(r.code, OK, r.err)
    assert.match(r.err, /^ {4}STAN-DINX$/m)
    await canBeRenewed(at, (await isStored(at, { kind: 'idc', auth_region: 'eu-west-1' })).id)
  })

  test('the stand-in refuses a wrong client, redirect URI and verifier', async (t) => {
    const at = await place(t)
    const post = async (where, body) => (await fetch(at.standin.url + where, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })).json()
    const redirect = 'http://127.0.0.1:49153/oauth/callback'
    const client = await post('/client/register', { clientName: 'x', clientType: 'public', redirectUris: [redirect] })
    const verifier = 'v'.repeat(43)
    const challenge = (await import('node:crypto')).createHash('sha256').update(verifier).digest('base64url')
    const page = `${at.standin.url}/authorize?response_type=code&client_id=${client.clientId}&redirect_uri=${encodeURIComponent(redirect)}&scopes=x&state=s&code_challenge=${challenge}&code_challenge_method=S256`
    const redeem = async (changes) => {
      const code = /code=(\w+)/.exec(await browse(page))[1]
      return post('/token', { clientId: client.clientId, clientSecret: client.clientSecret, grantType: 'authorization_code', redirectUri: redirect, code, codeVerifier: verifier, ...changes })
    }
    assert.ok((await redeem({})).refreshToken)
    assert.match((await redeem({ codeVerifier: 'w'.repeat(43) })).error_description, /verifier/)
    assert.match((await redeem({ redirectUri: 'http://127.0.0.1:1/oauth/callback' })).error_description, /redirect/)
    assert.match((await redeem({ clientSecret: 'other' })).error_description, /secret/)
    for (const wrong of [page.replace('49153', '49154'), page.replace('S256', 'plain'), page.replace(client.clientId, 'other')])
      assert.equal((await fetch(wrong, { redirect: 'manual' })).status, 400)
  })
})

describe('secrets from standard input', { concurrency: 4 }, () => {
  test('an API key is checked and stored', async (t) => {
    const at = await place(t)
    const [spec] = await at.standin.addAccounts({ name: 'key', kind: 'api_key', user: 'ann' })
    const r = await run(at, ['login', 'api-key'], { input: `${spec.accessToken}\n` })
    assert.equal(r.code, OK, r.err)
    const account = await isStored(at, { kind: 'api_key', email: 'ann@example.invalid' })
    const again = await run(at, ['login', 'api-key'], { input: spec.accessToken, json: true })
    assert.deepEqual([JSON.parse(again.out).result, JSON.parse(again.out).account.id], ['updated', account.id])
    const wrong = await run(at, ['login', 'api-key'], { input: 'ksk_Unknown0000000000000000\n' })
    assert.equal(wrong.code, PERMISSION)
    assert.match(wrong.err, /the service refuses this API key/)
    assert.equal((await run(at, ['login', 'api-key'], { input: 'short\n' })).code, DATA)
    assert.equal((await run(at, ['login', 'api-key'])).code, DATA)
    assert.equal((await accounts(at)).length, 1)
    assert.equal((await run(at, ['login', 'api-key', '--no-check'], { input: 'ksk_Unchecked00000000000000' })).code, OK)
    assert.equal((await accounts(at)).length, 2)
  })

  test('a portal session approves its own device, with a warning', async (t) => {
    const at = await place(t, { pending: 10000, cookie: COOKIE })
    const r = await run(at, ['login', 'sso-token'], { input: `${COOKIE}\n` })
    assert.equal(r.code, OK, r.err)
    assert.match(r.err, /warning: x-amz-sso_authn is the cookie of your whole AWS access portal/)
    assert.doesNotMatch(r.err, /Open this page/)
    await canBeRenewed(at, (await isStored(at, { kind: 'idc', provider: 'BuilderId' })).id)
    const wrong = await run(at, ['login', 'sso-token'], { input: 'another-session-0000000000\n' })
    assert.equal(wrong.code, PERMISSION)
    assert.match(wrong.err, /asking the portal whose session it is: the service answered 401/)
    assert.equal((await accounts(at)).length, 1)
  })

  test('on the command line they are refused', async (t) => {
    const at = await place(t)
    for (const option of ['--api-key', '--sso-token', '--refresh-token'])
      assert.equal((await login(at, 'api-key', option, 'ksk_Seen000000000000000000')).code, USAGE)
    assert.equal(fs.existsSync(at.env.KIRO_STATE_DIR), false)
  })

  /* script(1) gives the command a terminal; what the terminal shows is in its output. */
  function atTerminal(at, command) {
    const child = start('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...at.env, SHELL: '/bin/sh', TERM: 'dumb' } })

    at.children.push(child)
    return child
  }

  test('a terminal does not show the key', async (t) => {
    const at = await place(t)
    const child = atTerminal(at, `${program} login api-key --no-check; echo "code=$?"; stty -a`)
    await waitForOutput(child, /it is not shown/)
    child.stdin.write('ksk_Typed00000000000000000\r')
    await waitForOutput(child, /code=0/)
    await waitForOutput(child, /[ ;]echo /)
    await child.ended
    assert.doesNotMatch(child.text, /ksk_Typed/)
    assert.equal((await accounts(at)).length, 1)
  })

  for (const command of ['login api-key', 'admin passwd', 'backup "$HOME/b" --passphrase-file -', 'repair --backup "$HOME/b" --passphrase-file -'])
    test(`Ctrl-C at the question of ${command} gives the terminal back as it was`, async (t) => {
      const at = await place(t)
      await run(at, ['init'])
      const child = atTerminal(at, `trap : INT; ${program} ${command}; echo "code=$?"; stty -a`)
      await waitForOutput(child, /it is not shown/)
      child.stdin.write('\x03')
      await waitForOutput(child, /code=130/)
      await waitForOutput(child, /[ ;]echo /)
      await child.ended
      assert.deepEqual(await accounts(at), [])
    })

  test('a passphrase that is typed encrypts', async (t) => {
    const at = await place(t)
    await run(at, ['init'])
    const child = atTerminal(at, `${program} backup "$HOME/b" --passphrase-file -; echo "code=$?"`)
    await waitForOutput(child, /it is not shown/)
    child.stdin.write('correct horse battery\r')
    await waitForOutput(child, /code=0/)
    await child.ended
    assert.doesNotMatch(child.text, /correct horse/)
    assert.equal((await run(at, ['restore', `${at.home}/b`, '--passphrase-file', '-'], { input: 'correct horse battery\n' })).code, OK)
    assert.notEqual((await run(at, ['restore', `${at.home}/b`, '--passphrase-file', '-'], { input: 'correct horse batters\n' })).code, OK)
  })
})

test('mistakes on the command line', async (t) => {
  const at = await place(t)
  for (const [args, text] of [
    [['login'], /missing argument/],
    [['login', 'myspace'], /unknown method myspace.*builder-id/],
    [['login', 'google', 'file'], /unexpected argument/],
  ]) {
    const r = await run(at, args)
    assert.equal(r.code, USAGE)
    assert.match(r.err, text)
  }
  assert.match((await run(at, ['login', 'idc'])).err, /--start-url is missing/)
  assert.match((await login(at, 'idc', '--start-url', 'http://x.example/')).err, /start URL/)
  assert.match((await login(at, 'builder-id', '--region', 'us-east-1.evil.example/')).err, /is not a region/)
  assert.equal((await at.standin.requests()).length, 0)
})
