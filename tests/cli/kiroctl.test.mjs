/*
 * kiroctl as its users meet it: the built program, its exit codes, what it prints where, and what
 * it leaves in the state directory. The services that it calls are a small server of this test on
 * 127.0.0.1. Credentials here are made up, and none of them may ever be printed.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..')
const program = path.join(process.env.BUILD ?? path.join(root, 'build'), 'kiroctl')
const samples = path.join(root, 'tests/unit/data/import')

/* sysexits.h */
const OK = 0, USAGE = 64, DATA = 65, SOFTWARE = 70, IO = 74, TEMPORARY = 75, PERMISSION = 77, CONFIG = 78

let work, state

before(() => { work = fs.mkdtempSync(path.join(os.tmpdir(), 'kiroctl-')) })
after(() => fs.rmSync(work, { recursive: true, force: true }))
beforeEach(() => { state = fs.mkdtempSync(path.join(work, 'state-')); fs.rmdirSync(state) })

/* Runs kiroctl with no environment but what is given. */
function kiroctl(args, { env = {}, input = '', stdout = 'pipe' } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { PATH: process.env.PATH, KIRO_STATE_DIR: state, ...env },
      cwd: work,
      stdio: ['pipe', stdout, 'pipe'],
    })
    let out = '', err = ''
    child.stdout?.on('data', (d) => { out += d })
    child.stderr.on('data', (d) => { err += d })
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (signal)
        reject(new Error(`killed by ${signal}: ${err}`))
      else if (/FAKE-|ksk_FAKE/.test(out + err))
        reject(new Error(`a secret was printed:\n${out}${err}`))
      else
        resolve({ code, out, err })
    })
  })
}

async function succeed(args, options) {
  const r = await kiroctl(args, options)
  assert.equal(r.code, OK, `kiroctl ${args.join(' ')}: ${r.code}\n${r.out}${r.err}`)
  return r
}

async function fail(code, args, options) {
  const r = await kiroctl(args, options)
  assert.equal(r.code, code, `kiroctl ${args.join(' ')}: ${r.code}\n${r.out}${r.err}`)
  assert.match(r.err, /^kiroctl: .+/m)
  return r
}

/* kiro-refresh, which must do its work. */
const refreshProgram = (env) => new Promise((resolve, reject) => {
  const child = spawn(path.join(path.dirname(program), 'kiro-refresh'), ['--quiet'],
    { env: { PATH: process.env.PATH, KIRO_STATE_DIR: state, ...env }, stdio: 'ignore' })
  child.on('error', reject)
  child.on('close', resolve)
})

const json = async (args, options) => JSON.parse((await succeed([...args, '--json'], options)).out)

function file(name, content, mode = 0o600) {
  const at = path.join(work, name)
  fs.writeFileSync(at, typeof content === 'string' ? content : JSON.stringify(content), { mode })
  return at
}

const token = (name) => `FAKE-${name}-0000000000000000`

async function addSocial(name, ...more) {
  const r = await succeed(['account', 'add', '--refresh-token-file', '-', '--label', name, ...more],
    { input: `${token(name)}\n` })
  return r.out.trim()
}

/* The services: records what was asked, answers by path. */
async function service(answers) {
  const asked = []
  const server = http.createServer((request, response) => {
    let body = ''
    request.on('data', (d) => { body += d })
    request.on('end', () => {
      const url = new URL(request.url, 'http://127.0.0.1')
      asked.push({ method: request.method, path: url.pathname, query: url.searchParams, headers: request.headers, body })
      const [status, answer] = (answers[url.pathname] ?? (() => [404, { message: 'no such path' }]))(asked.at(-1))
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(answer))
    })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const base = `http://127.0.0.1:${server.address().port}`
  return {
    asked,
    base,
    env: { KIRO_UPSTREAM_SOCIAL_URL: base, KIRO_UPSTREAM_OIDC_URL: base, KIRO_UPSTREAM_MANAGEMENT_URL: base },
    close: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections() }),
  }
}

const usageAnswer = {
  nextDateReset: 1893456000.0,
  subscriptionInfo: { subscriptionTitle: 'KIRO PRO' },
  usageBreakdownList: [
    { resourceType: 'SPEC', currentUsage: 1, usageLimit: 2 },
    {
      resourceType: 'CREDIT', displayNamePlural: 'Credits', currentUsage: 12, currentUsageWithPrecision: 12.5, usageLimit: 1000,
      freeTrialInfo: { freeTrialStatus: 'ACTIVE', currentUsage: 100, usageLimit: 500 },
      bonuses: [{ status: 'EXPIRED', currentUsage: 7, usageLimit: 7 }, { status: 'ACTIVE', currentUsage: 1, usageLimit: 20 }],
    },
  ],
  userInfo: { email: 'ann@example.com' },
}

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

  test('a result that cannot be written is an error', async () => {
    const full = fs.openSync('/dev/full', 'w')
    await fail(IO, ['config', 'example'], { stdout: full })
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
    await succeed(['key', 'set', 'x', '--accounts', ''])
    assert.deepEqual((await json(['key', 'show', 'x'])).accounts, [])
  })

  test('a new key or code does not begin with its end', async () => {
    for (const [noun, when] of [['key', '2020-01-01'], ['key', '0d'], ['code', '2020-01-01']])
      assert.match((await fail(DATA, [noun, 'add', 'x', '--expires', when])).err, /--expires: .*over already/)
    assert.equal(fs.existsSync(state), false)
  })
})

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

describe('doctor', () => {
  test('says what to do on an empty machine', async () => {
    const r = await kiroctl(['doctor', '--offline'])
    assert.equal(r.code, 1)
    assert.match(r.out, /^OK +configuration/m)
    assert.match(r.out, /^FAIL +state directory/m)
    assert.match(r.out, /kiroctl init/)
    await succeed(['init'])
    const after = await kiroctl(['doctor', '--offline'])
    assert.equal(after.code, 1)
    assert.match(after.out, /^FAIL +accounts .*kiroctl login METHOD.*kiroctl account import/m)
    assert.match(after.out, /^FAIL +client key .*kiroctl key add/m)
  })

  test('names accounts whose key was removed: they serve nobody', async () => {
    const id = await addSocial('ann')
    await succeed(['key', 'add', 'x'])
    await succeed(['key', 'add', 'y'])
    await succeed(['account', 'set', id, '--owner', 'x'])
    assert.doesNotMatch((await succeed(['doctor', '--offline'])).out, /owners/)
    await succeed(['key', 'remove', 'x'])
    assert.match((await succeed(['doctor', '--offline'])).out, new RegExp(`^WARN +owners .*\\(${id}\\) belongs to a key that was removed.*--owner ''`, 'm'))
    await succeed(['account', 'set', id, '--owner', ''])
    assert.doesNotMatch((await succeed(['doctor', '--offline'])).out, /owners/)
  })

  test('notices a bad configuration, open modes and damage', async () => {
    await addSocial('ann')
    await succeed(['key', 'add', 'x'])
    await succeed(['doctor', '--offline'])
    const wrong = await kiroctl(['doctor', '--offline', '--json', '--config', file('bad.json', '{')])
    assert.equal(wrong.code, 1)
    assert.equal(JSON.parse(wrong.out)[0].ok, false)
    fs.chmodSync(state, 0o777)
    const open = await kiroctl(['doctor', '--offline'])
    assert.equal(open.code, 1)
    assert.match(open.out, /^FAIL +state directory .*chmod/m)
    fs.chmodSync(state, 0o700)
    const store = path.join(state, 'tokens.gdbm')
    const bytes = fs.readFileSync(store)
    const at = bytes.indexOf('refresh_token')
    assert.ok(at > 0)
    bytes[at] ^= 1
    fs.writeFileSync(store, bytes)
    const damaged = await kiroctl(['doctor', '--offline'])
    assert.equal(damaged.code, 1)
    assert.match(damaged.out, /^FAIL +account store/m)
  })

  test('asks every host that the accounts need, and holds the clock against theirs', async () => {
    await addSocial('ann')
    await succeed(['key', 'add', 'x'])
    const s = await service({})
    try {
      const all = { ...s.env, KIRO_UPSTREAM_INFERENCE_URL: Object.values(s.env).find((v) => v.startsWith('http')) }
      const { out } = await succeed(['doctor'], { env: all })
      assert.match(out, /^OK +upstream +http:\/\/127\.0\.0\.1:\d+ answers \(HTTP 404\)/m)
      assert.equal(s.asked[0].headers.authorization, undefined)
    } finally { await s.close() }
    const gone = { ...s.env, KIRO_UPSTREAM_INFERENCE_URL: 'http://127.0.0.1:1' }
    const r = await kiroctl(['doctor'], { env: gone })
    assert.equal(r.code, 1)
    assert.match(r.out, /^FAIL +upstream/m)
    const late = http.createServer((req, res) => {
      res.writeHead(404, { date: new Date(Date.now() + 3600e3).toUTCString() }).end()
    })
    await new Promise((resolve) => late.listen(0, '127.0.0.1', resolve))
    try {
      const url = `http://127.0.0.1:${late.address().port}`
      const env = Object.fromEntries(Object.keys(gone).filter((k) => k.endsWith('_URL')).map((k) => [k, url]))
      const wrong = await kiroctl(['doctor'], { env })
      assert.equal(wrong.code, 1)
      assert.match(wrong.out, /^FAIL +upstream +our clock is 3[56]\d\d s behind/m)
    } finally { late.close() }
  })

  test('reads the settings of the web server', async () => {
    await addSocial('ann')
    await succeed(['key', 'add', 'x'])
    const look = async (text) => (await kiroctl(['doctor', '--offline', '--web-config', file('web.conf', text)])).out
    const good = fs.readFileSync(path.join(root, 'lighttpd/kiro-fastcgi.conf'), 'utf8')
    assert.match(await look(good), /^OK +web server +.*web\.conf \(lighttpd\)$/m)
    assert.match(await look(good.replace(/^\s*server.stream-response-body.*$/m, '')), /^FAIL +web server .*server\.stream-response-body = 2$/m)
    assert.match(await look(good.replace('server.stream-response-body = 2', 'server.stream-response-body = 1')), /^WARN +web server .*fills the disk/m)
    const apache = fs.readFileSync(path.join(root, 'apache/kiro-proxy-fcgi.conf'), 'utf8')
    assert.match(await look(apache), /^OK +web server +.*web\.conf \(apache\)$/m)
    assert.match(await look(apache.replace(/(ProxyPass.*) flushpackets=on/, '$1')), /^FAIL +web server .*flushpackets=on/m)
    const fcgid = fs.readFileSync(path.join(root, 'apache/kiro-fcgid.conf'), 'utf8')
    assert.match(await look(fcgid), /^OK +web server +.*web\.conf \(apache\)$/m)
    assert.match(await look(fcgid.replace(/^.*FcgidOutputBufferSize.*$/m, '')), /^FAIL +web server .*FcgidOutputBufferSize 0/m)
  })

  test('names who holds a lock, and when kiro-refresh was here', async () => {
    await addSocial('ann')
    await succeed(['key', 'add', 'x'])
    const holder = spawn('flock', [path.join(state, 'tokens.lock'), 'sleep', '20'], { stdio: 'ignore' })
    try {
      await new Promise((resolve) => setTimeout(resolve, 300))
      const r = await kiroctl(['doctor', '--offline'])
      assert.equal(r.code, 1)
      assert.match(r.out, new RegExp(`^FAIL +locks .*tokens\\.lock is held .* process ${holder.pid} \\(flock\\)`, 'm'))
      assert.match(r.out, /^WARN +kiro-refresh +has not run yet: the package starts it/m)
    } finally { holder.kill() }
    fs.writeFileSync(path.join(state, 'refresh.last'), `0000000000${Math.floor(Date.now() / 1000) + 7200} 000\n`, { mode: 0o600 })
    assert.match((await kiroctl(['doctor', '--offline'])).out, /^FAIL +kiro-refresh .*clock was set back/m)
  })
})
