/* kiroctl account: add, set, list, show, enable, disable, remove, refresh, test. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'

import { damage } from '../lib/damage.mjs'
import {
  USAGE, DATA, SOFTWARE, IO, TEMPORARY, PERMISSION, work, state, kiroctl, succeed, fail,
  refreshProgram, json, file, token, addSocial, service, usageAnswer,
} from './kiroctl.mjs'

describe('account add', () => {
  test('prints the id alone and takes the token from standard input or a file', async () => {
    const r = await succeed(['account', 'add', '--refresh-token-file', '-'], { input: `  ${token('stdin')}\r\n` })
    assert.match(r.out, /^acc_[A-Za-z0-9]{12}\n$/)
    await succeed(['account', 'add', '--refresh-token-file', file('token', token('file'))])
    assert.equal((await json(['account', 'list'])).length, 2)
  })

  test('takes all that an IdC login needs', async () => {
    const r = await json(['account', 'add', '--refresh-token-file', file('t', token('idc')), '--client-secret-file', '-',
      '--client-id', 'client', '--auth-region', 'eu-west-1', '--region', 'eu-central-1', '--label', 'work',
      '--start-url', 'https://fake.awsapps.com/start', '--provider', 'Enterprise', '--priority', '5',
      '--upstream', 'rts', '--proxy', 'socks5h://user:FAKE-password@127.0.0.1:1080',
      '--profile-arn', 'arn:aws:codewhisperer:eu-central-1:000000000000:profile/X'], { input: token('secret') })
    assert.deepEqual([r.kind, r.label, r.auth_region, r.region, r.provider, r.priority, r.upstream, r.proxy],
      ['idc', 'work', 'eu-west-1', 'eu-central-1', 'Enterprise', 5, 'rts', 'socks5h://***@127.0.0.1:1080'])
  })

  test('takes an API key from a file or the environment', async () => {
    const a = await json(['account', 'add', '--api-key-file', file('key', 'ksk_FAKE0000000000000000')])
    const b = await json(['account', 'add'], { env: { KIRO_API_KEY: 'ksk_FAKE1111111111111111' } })
    assert.deepEqual([a.kind, b.kind], ['api_key', 'api_key'])
    assert.deepEqual([a.next_refresh_at, (await json(['account', 'show', a.id])).next_refresh_at], [undefined, null])
  })

  test('refuses what cannot work, naming it', async () => {
    const good = file('good', token('good'))
    for (const [args, input, reason] of [
      [['--refresh-token-file', '-'], '', /empty/],
      [['--refresh-token-file', '-'], 'short', /refreshToken: is shorter than 20/],
      [['--refresh-token-file', '-'], 'aaaaaaaaaaaaaaaaaaaaaaa...', /refreshToken: is masked/],
      [['--refresh-token-file', '-'], 'aaaaaaaaaaaaaaaaaaaaaaa\nbbb', /on one line/],
      [['--refresh-token-file', '-'], 'aaaaaaaaaaaaaaaaaaaaaaa\0b', /on one line/],
      [['--refresh-token-file', path.join(work, 'absent')], '', /absent: cannot be read/],
      [['--refresh-token-file', '-', '--client-secret-file', '-'], token('x'), /only once/],
      [['--refresh-token-file', good, '--client-id', 'c'], '', /clientSecret: is missing/],
      [['--refresh-token-file', good, '--kind', 'sso'], '', /--kind/],
      [['--refresh-token-file', good, '--priority', '-1'], '', /--priority/],
      [['--refresh-token-file', good, '--region', 'x.example/'], '', /region:/],
      [['--refresh-token-file', good, '--proxy', 'ftp://x'], '', /proxyUrl:/],
      [['--refresh-token-file', good, '--upstream', 'abc'], '', /upstream:/],
      [[], '', /no credential/],
    ])
      assert.match((await fail(DATA, ['account', 'add', ...args], { input })).err, reason)
    assert.equal(fs.existsSync(state), false)
  })

  test('the same token twice is refused with the account that has it', async () => {
    const id = await addSocial('ann')
    assert.match((await fail(DATA, ['account', 'add', '--refresh-token-file', '-'], { input: token('ann') })).err, new RegExp(id))
  })
})

describe('account set', () => {
  const own = ({ label, priority, max_inflight, region, auth_region, upstream, proxy, profile_arn, machine_id }) =>
    ({ label, priority, max_inflight, region, auth_region, upstream, proxy, profile_arn, machine_id })

  test('changes what is said and nothing else, and takes it back', async () => {
    const id = await addSocial('ann', '--max-inflight', '2', '--priority', '7')
    const before = own(await json(['account', 'show', id]))
    assert.deepEqual([before.max_inflight, before.priority], [2, 7])

    const changes = { label: 'work', priority: 3, max_inflight: 5, region: 'eu-central-1', auth_region: 'eu-west-1', upstream: 'rts',
      proxy: 'direct', profile_arn: 'arn:aws:codewhisperer:eu-central-1:000000000000:profile/X', machine_id: 'ab'.repeat(32) }
    for (const [name, value] of Object.entries(changes)) {
      const last = own(await json(['account', 'show', id]))
      await succeed(['account', 'set', id, `--${name.replaceAll('_', '-')}`, String(value)])
      assert.deepEqual(own(await json(['account', 'show', id])), { ...last, [name]: value })
    }
    await succeed(['account', 'set', id, '--region=', '--auth-region=', '--upstream=', '--proxy=', '--profile-arn=', '--max-inflight=0'])
    assert.deepEqual(own(await json(['account', 'show', id])), { ...changes, region: null, auth_region: null, upstream: null, proxy: null,
      profile_arn: null, max_inflight: 0 })
  })

  test('refuses what cannot work, naming it, and changes nothing', async () => {
    const id = await addSocial('ann')
    const before = await json(['account', 'show', id])
    for (const [args, reason] of [
      [['--priority', 'x'], /--priority/],
      [['--max-inflight', '-1'], /--max-inflight/],
      [['--max-inflight', '5000'], /--max-inflight/],
      [['--machine-id', 'abc'], /--machine-id/],
      [['--machine-id', ''], /--machine-id/],
      [['--region', 'x.example/'], /region:/],
      [['--proxy', 'ftp://x'], /proxyUrl:/],
      [['--upstream', 'abc'], /upstream:/],
      [['--label', 'a\nkiro-refresh: forged'], /label:/],
      [['--profile-arn', 'mine'], /profileArn:/],
    ])
      assert.match((await fail(DATA, ['account', 'set', id, '--label', 'other', ...args])).err, reason)
    await fail(USAGE, ['account', 'set', id])
    assert.deepEqual(await json(['account', 'show', id]), before)
  })
})

describe('account list, show, enable, disable, remove', () => {
  test('an account is found by id, beginning of the id, label or e-mail', async () => {
    const id = await addSocial('ann')
    for (const name of [id, id.slice(0, 9), id.slice(4, 10), 'ann', 'ANN'])
      assert.equal((await json(['account', 'show', name])).id, id)
    assert.match((await fail(DATA, ['account', 'show', 'nobody'])).err, /no account is called nobody/)
  })

  test('a name that several have is refused with their ids', async () => {
    const ids = [await addSocial('one', '--label', 'same'), await addSocial('two', '--label', 'same')]
    const { err } = await fail(DATA, ['account', 'disable', 'same'])
    for (const id of ids)
      assert.ok(err.includes(id))
    await fail(DATA, ['account', 'disable', 'acc_'])
    assert.ok((await json(['account', 'list'])).every((a) => a.state === 'active'))
  })

  test('disable, enable and remove do so', async () => {
    const id = await addSocial('ann')
    await succeed(['account', 'disable', 'ann'])
    assert.deepEqual((({ state, state_reason }) => ({ state, state_reason }))(await json(['account', 'show', id])),
      { state: 'disabled', state_reason: 'by hand' })
    assert.equal((await kiroctl(['doctor', '--offline'])).code, 1)
    await succeed(['account', 'enable', id])
    assert.equal((await json(['account', 'show', id])).state, 'active')
    await succeed(['account', 'remove', id, '--yes'])
    assert.deepEqual(await json(['account', 'list']), [])
    await fail(DATA, ['account', 'remove', id, '--yes'])
  })

  /* Places on a screen: wide characters take two, combining ones none. */
  const places = (text) => [...text].reduce((n, c) => n + (/\p{M}/u.test(c) ? 0 : /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uff00-\uff60\u{1f300}-\u{1faff}]/u.test(c) ? 2 : 1), 0)

  test('columns are aligned, with wide and combining characters too', async () => {
    await addSocial('ann')
    await addSocial('bob', '--label', '\u00fcber\u00e4u\u00dferst')
    await addSocial('wang', '--label', '\u738b\u5c0f\u660e')
    await addSocial('cat', '--label', 'e\u0301\u{1f408}')
    const lines = (await succeed(['account', 'list'])).out.trimEnd().split('\n')
    const column = lines[0].indexOf('STATE')
    assert.match(lines[0], /^ACCOUNT +LABEL +PLAN +USED\/LIMIT +% +RESET +LAST USE +REFRESH +STATE$/)
    assert.equal(lines.length, 5)
    for (const line of lines.slice(1)) {
      assert.match(line, / active$/)
      assert.equal(places(line.replace(/active$/, '')), column, line)
    }
  })

  test('a line fits 120 columns, whatever a label is', async () => {
    await addSocial('long', '--label', 'a label that goes on and on until it is far beyond any table')
    await addSocial('wide', '--label', '\u738b'.repeat(60))
    const lines = (await succeed(['account', 'list'])).out.trimEnd().split('\n')
    for (const line of lines)
      assert.ok(places(line) <= 120, line)
    assert.match(lines[1] + lines[2], /\u738b\u2026 /)
  })

  test('list and show tell plan, usage, reset, refresh and why', async () => {
    const s = await service({
      '/refreshToken': ({ body }) => JSON.parse(body).refreshToken === token('dead') ?
        [400, { error: 'invalid_grant', error_description: 'Invalid refresh token' }] :
        [200, { accessToken: token('access'), refreshToken: token('rotated'), expiresIn: 3600 }],
      '/getUsageLimits': () => [200, usageAnswer],
    })
    try {
      const ann = await addSocial('ann'), dead = await addSocial('dead', '--priority', '9')
      await refreshProgram(s.env)
      const out = (await succeed(['account', 'list'])).out
      /* credits, with the running trial and bonus: 12.5+100+1 of 1000+500+20 */
      assert.match(out, new RegExp(`^${ann}  ann +KIRO PRO +113\\.5/1520 +7% +2030-01-01 +- +in (50|4\\d)m +active$`, 'm'))
      assert.match(out, new RegExp(`^${dead}  dead +- +- +- +- +- +- +invalid$`, 'm'))
      assert.match(out, new RegExp(`^${dead} is invalid: .*`, 'm'))
      const [first, second] = await json(['account', 'list'])
      assert.deepEqual(first.usage, {
        plan: 'KIRO PRO', used: 113.5, limit: 1520, unit: 'Credits', percent: 7.47, remaining: 1406.5,
        reset_at: '2030-01-01T00:00:00Z', read_at: first.usage.read_at, stale: false, failure: null,
        parts: [{ kind: 'plan', name: null, used: 12.5, limit: 1000, ends_at: null },
          { kind: 'trial', name: null, used: 100, limit: 500, ends_at: null },
          { kind: 'bonus', name: null, used: 1, limit: 20, ends_at: null }],
        overage: { enabled: false, used: 0, cap: null, rate: null, charges: 0, currency: null },
      })
      assert.deepEqual([second.usage, second.state, second.next_refresh_at], [null, 'invalid', null])
      assert.deepEqual(await json(['account', 'show', ann]), first)
      const shown = (await succeed(['account', 'show', ann])).out
      assert.match(shown, /^usage\.plan +KIRO PRO$/m)
      assert.match(shown, /^usage\.used +113\.5$/m)
      assert.match(shown, /^usage\.parts\.1\.kind +trial$/m)
      assert.match(shown, /^usage\.stale +no$/m)
    } finally { await s.close() }
  })

  test('a number that is old is marked, with the reason below', async () => {
    let answer = [200, usageAnswer]
    const s = await service({
      '/refreshToken': () => [200, { accessToken: token('access'), refreshToken: token('rotated'), expiresIn: 3600 }],
      '/getUsageLimits': () => answer,
    })
    try {
      const id = await addSocial('ann')
      await succeed(['account', 'refresh', 'ann'], { env: s.env })
      answer = [429, { message: 'Too many requests' }]
      await refreshProgram(s.env)
      const none = (await succeed(['account', 'list'])).out
      assert.match(none, new RegExp(`^${id}  ann +- +- +- `, 'm'))
      assert.match(none, new RegExp(`^${id}: usage known as of never: Too many requests$`, 'm'))
      assert.deepEqual((({ used, percent, stale, failure }) => ({ used, percent, stale, failure }))((await json(['account', 'show', id])).usage),
        { used: null, percent: null, stale: true, failure: 'Too many requests' })
    } finally { await s.close() }
  })

  test('accounts of lower priority number come first', async () => {
    await addSocial('later', '--priority', '9')
    await addSocial('sooner', '--priority', '1')
    assert.deepEqual((await json(['account', 'list'])).map((a) => a.label), ['sooner', 'later'])
  })
})

describe('account refresh and test', () => {
  test('refresh renews by force and keeps the rotated token', async () => {
    let n = 0
    const s = await service({
      '/refreshToken': () => [200, { accessToken: token(`access-${++n}`), refreshToken: token(`rotated-${n}`), expiresIn: 3600, profileArn: 'arn:aws:codewhisperer:us-east-1:000000000000:profile/X' }],
    })
    try {
      const id = await addSocial('ann')
      assert.match((await succeed(['account', 'refresh', 'ann'], { env: s.env })).out, new RegExp(`^${id}: refreshed, valid until 20`))
      await succeed(['account', 'refresh', 'ann'], { env: s.env })
      assert.deepEqual(s.asked.map((a) => JSON.parse(a.body).refreshToken), [token('ann'), token('rotated-1')])
      const account = await json(['account', 'show', id])
      assert.ok(account.access_token && account.refreshed_at && account.expires_at)
    } finally { await s.close() }
  })

  test('refresh --all goes on after a failure, leaves disabled accounts alone, and tells by its exit code', async () => {
    const s = await service({
      '/refreshToken': ({ body }) => JSON.parse(body).refreshToken === token('bad') ?
        [401, { message: 'Bad credentials' }] :
        [200, { accessToken: token('access'), refreshToken: token('rotated'), expiresIn: 3600 }],
    })
    try {
      await addSocial('bad', '--priority', '1')
      await addSocial('good', '--priority', '2')
      await addSocial('off', '--priority', '3')
      await succeed(['account', 'disable', 'off'])
      const r = await fail(PERMISSION, ['account', 'refresh', '--all'], { env: s.env })
      assert.match(r.out, /failed: /)
      assert.match(r.err, /^kiroctl: 1 of 3 accounts failed$/m, 'and not the reason once more')
      assert.match(r.out, /refreshed, valid until/)
      assert.match(r.out, /left alone, it is disabled/)
      assert.equal((await json(['account', 'show', 'bad'])).state, 'invalid')
      assert.equal((await json(['account', 'show', 'good'])).state, 'active')
    } finally { await s.close() }
  })

  test('refresh --all renews those beside a damaged record, and says that there is one', async () => {
    const s = await service({
      '/refreshToken': () => [200, { accessToken: token('access'), refreshToken: token('rotated'), expiresIn: 3600 }],
    })
    try {
      const id = await addSocial('whole')
      await addSocial('broken')
      damage(state, 'tokens', '"label":"broken"', '"label":"brOken"')
      const r = await fail(IO, ['account', 'refresh', '--all'], { env: s.env })
      assert.match(r.out, new RegExp(`^${id}: refreshed, valid until`, 'm'))
      assert.match(r.err, /damaged records in .*tokens\.gdbm: see kiroctl repair/)
    } finally { await s.close() }
  })

  test('refresh without a service is a temporary failure and changes nothing', async () => {
    await addSocial('ann')
    const env = { KIRO_UPSTREAM_SOCIAL_URL: 'http://127.0.0.1:1' }
    await fail(TEMPORARY, ['account', 'refresh', 'ann'], { env })
    assert.equal((await json(['account', 'show', 'ann'])).state, 'active')
  })

  test('test renews an expired token first and shows plan and usage', async () => {
    const s = await service({
      '/refreshToken': () => [200, { accessToken: token('fresh'), refreshToken: token('rotated'), expiresIn: 3600 }],
      '/getUsageLimits': () => [200, usageAnswer],
    })
    try {
      await addSocial('ann', '--profile-arn', 'arn:aws:codewhisperer:us-east-1:000000000000:profile/X')
      const r = await json(['account', 'test', 'ann'], { env: s.env })
      /* credits, with the running trial and bonus: 12.5+100+1 of 1000+500+20 */
      assert.deepEqual([r.plan, r.used, r.limit, r.unit, r.reset_at, r.email],
        ['KIRO PRO', 113.5, 1520, 'Credits', '2030-01-01T00:00:00Z', 'ann@example.com'])
      const [, usage] = s.asked
      assert.equal(usage.method, 'GET')
      assert.equal(usage.headers.authorization, `Bearer ${token('fresh')}`)
      assert.equal(usage.headers.tokentype, undefined)
      assert.match(usage.headers['user-agent'], / KiroIDE-\d+\.\d+\.\d+-[0-9a-f]{64}$/)
      assert.deepEqual(Object.fromEntries(usage.query), {
        origin: 'AI_EDITOR', resourceType: 'AGENTIC_REQUEST', isEmailRequired: 'true',
        profileArn: 'arn:aws:codewhisperer:us-east-1:000000000000:profile/X',
      })
      const text = await succeed(['account', 'test', 'ann'], { env: s.env })
      assert.match(text.out, /plan +KIRO PRO\n +used +113\.5 of 1520 Credits\n/)
    } finally { await s.close() }
  })

  test('test of an API key sends its type and no profile', async () => {
    const s = await service({ '/getUsageLimits': () => [200, usageAnswer] })
    try {
      await succeed(['account', 'add', '--label', 'key'], { env: { KIRO_API_KEY: 'ksk_FAKE0000000000000000' } })
      await succeed(['account', 'test', 'key'], { env: s.env })
      assert.equal(s.asked[0].headers.authorization, 'Bearer ksk_FAKE0000000000000000')
      assert.equal(s.asked[0].headers.tokentype, 'API_KEY')
      assert.equal(s.asked[0].query.has('profileArn'), false)
      assert.match((await succeed(['account', 'refresh', 'key'], { env: s.env })).out, /nothing to refresh/)
    } finally { await s.close() }
  })

  test('older forms of the usage answer are read', async () => {
    let answer
    const s = await service({ '/getUsageLimits': () => [200, answer] })
    try {
      await succeed(['account', 'add', '--label', 'key'], { env: { KIRO_API_KEY: 'ksk_FAKE0000000000000000' } })
      for (answer of [
        { usageBreakdown: { resourceType: 'AGENTIC_REQUEST', currentUsage: 3, usageLimit: 50 } },
        { limits: [{ type: 'TRANSFORM', currentUsage: 9, totalUsageLimit: 9 }, { type: 'AGENTIC_REQUEST', currentUsage: 3, totalUsageLimit: 50 }] },
      ]) {
        const r = await json(['account', 'test', 'key'], { env: s.env })
        assert.deepEqual([r.plan, r.used, r.limit, r.reset_at], [null, 3, 50, null])
      }
    } finally { await s.close() }
  })

  test('test tells what the upstream refuses by its exit code', async () => {
    let answer
    const s = await service({ '/getUsageLimits': () => answer })
    try {
      await succeed(['account', 'add', '--label', 'key'], { env: { KIRO_API_KEY: 'ksk_FAKE0000000000000000' } })
      for (const [status, body, code, words] of [
        [403, { message: 'The bearer token included in the request is invalid.' }, PERMISSION, /account refresh/],
        [429, { message: 'Too many requests' }, TEMPORARY, /acc_/],
        [503, { message: 'Service unavailable' }, TEMPORARY, /acc_/],
        [200, { hello: 'world' }, SOFTWARE, /no usage/],
      ]) {
        answer = [status, body]
        assert.match((await fail(code, ['account', 'test', 'key'], { env: s.env })).err, words)
      }
    } finally { await s.close() }
  })
})
