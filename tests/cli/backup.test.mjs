/*
 * kiroctl backup, restore, export, import-state, repair and rekey as their users meet them. Made-up
 * credentials; what is damaged here is damaged by hand.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, beforeEach, test } from 'node:test'

const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../..')
const build = process.env.BUILD ?? path.join(root, 'build')

let work, state, serial = 0

before(() => { work = fs.mkdtempSync(path.join(os.tmpdir(), 'kiro-backup-')) })
after(() => fs.rmSync(work, { recursive: true, force: true }))
beforeEach(() => {
  state = path.join(work, `state-${++serial}`)
  ctl(['init'])
})

function ctl(args, { input = '', env = {}, dir = state, code = 0 } = {}) {
  const r = spawnSync(path.join(build, 'kiroctl'), args, { input, cwd: work, encoding: 'utf8',
    env: { PATH: process.env.PATH, KIRO_STATE_DIR: dir, ...env } })

  assert.equal(r.status, code, `kiroctl ${args.join(' ')}: ${r.status} ${r.signal}\n${r.stdout}${r.stderr}`)
  return r.stdout + r.stderr
}

const file = (name) => path.join(work, `${serial}-${name}`)
const token = (n) => `refresh-token-number-${n}-of-the-test`

function add(n) {
  return ctl(['account', 'add', '--refresh-token-file', '-', '--label', `user${n}`], { input: token(n) }).split('\n')[0]
}

function records(options) {
  const out = file('look.jsonl')

  ctl(['export', out, '--secrets'], options)
  return fs.readFileSync(out, 'utf8').trim().split('\n').slice(1, -1).map((line) => JSON.parse(line))
}

const tokens = (options) => records(options).filter((r) => r.record.refresh_token)
  .map((r) => r.record.refresh_token).sort()

test('a backup brings everything back, in a fresh directory too', () => {
  add(1)
  add(2)
  ctl(['key', 'add', 'laptop'])
  ctl(['models', 'add', 'mine', 'claude-sonnet-4.5'])
  const before = records()
  ctl(['backup', file('b')])
  assert.equal(fs.statSync(file('b')).mode & 0o777, 0o600)
  const other = path.join(work, 'fresh')
  assert.match(ctl(['restore', file('b')], { dir: other }), /nothing was changed/)
  assert.deepEqual(records({ dir: other }), [])
  ctl(['restore', file('b'), '--yes'], { dir: other })
  assert.deepEqual(records({ dir: other }), before)
})

test('a newer token is never replaced silently', () => {
  const id = add(1)
  ctl(['backup', file('b')])
  ctl(['account', 'disable', id]) /* a newer record */
  const said = ctl(['restore', file('b'), '--yes'], { code: 75 })
  assert.match(said, /newer here: kept.*--force/)
  assert.match(ctl(['account', 'show', id]), /disabled/)
  assert.match(ctl(['restore', file('b'), '--yes', '--force']), /replaced by the older one/)
  assert.doesNotMatch(ctl(['account', 'show', id]), /disabled/)
})

test('a file is replaced, a device, a pipe or a link never', () => {
  const link = file('link'), pipe = file('pipe'), target = file('target')

  fs.writeFileSync(target, 'old')
  fs.symlinkSync(target, link)
  spawnSync('mkfifo', [pipe])
  for (const there of [link, pipe]) {
    for (const command of ['backup', 'export'])
      assert.match(ctl([command, there], { code: 65 }), /is no regular file.*- for standard output/)
    assert.ok(!fs.lstatSync(there).isFile())
  }
  assert.equal(fs.readFileSync(target, 'utf8'), 'old')
  ctl(['backup', target])
  assert.match(fs.readFileSync(target, 'utf8'), /"kiro-fcgi":"state"/)
})

test('what a restore would do, has done and could not do are different words', () => {
  for (let n = 1; n <= 20; n++)
    add(n)
  ctl(['backup', file('b')])
  const other = { dir: path.join(work, 'words') }
  const dry = ctl(['restore', file('b'), '--json'], other)

  assert.match(dry, /"is missing here: would be restored"/)
  assert.doesNotMatch(dry, /: restored/)
  /* A disk that takes no new generation of the store. */
  const full = spawnSync('bash', ['-c', 'trap "" XFSZ; ulimit -f 4; exec "$@"', 'bash', path.join(build, 'kiroctl'),
    'restore', file('b'), '--yes'], { cwd: work, encoding: 'utf8', env: { PATH: process.env.PATH, KIRO_STATE_DIR: other.dir } })

  assert.equal(full.status, 74, full.stdout + full.stderr)
  assert.doesNotMatch(full.stdout, /restored/)
  assert.deepEqual(records(other), [])
  assert.match(ctl(['restore', file('b'), '--yes'], other), /^tokens a\/acc_\w+: is missing here: restored$/m)
})

test('a passphrase encrypts, a wrong one and a changed file are told', () => {
  add(1)
  ctl(['backup', file('b'), '--passphrase-file', '-'], { input: 'correct horse\n' })
  const bytes = fs.readFileSync(file('b'))
  assert.equal(bytes.indexOf(token(1)), -1)
  ctl(['account', 'remove', 'user1', '--yes'])
  assert.match(ctl(['restore', file('b'), '--yes'], { code: 65 }), /passphrase/)
  assert.match(ctl(['restore', file('b'), '--yes', '--passphrase-file', '-'], { input: 'wrong\n', code: 65 }), /wrong passphrase/)
  bytes[bytes.length - 20] ^= 1
  fs.writeFileSync(file('bad'), bytes)
  assert.match(ctl(['restore', file('bad'), '--yes', '--passphrase-file', '-'], { input: 'correct horse\n', code: 65 }), /cut or changed/)
  ctl(['restore', file('b'), '--yes', '--passphrase-file', '-'], { input: 'correct horse\n' })
  assert.deepEqual(tokens(), [token(1)])
  ctl(['backup', '--passphrase', 'x'], { code: 64 })
})

test('cut and edited files are refused', () => {
  add(1)
  ctl(['backup', file('b')])
  const text = fs.readFileSync(file('b'), 'utf8')
  for (const bad of [text.slice(0, -10), text.replace(token(1), token(2)), text.split('\n').slice(0, 1).join('\n'), '', '{}\n']) {
    fs.writeFileSync(file('bad'), bad)
    ctl(['restore', file('bad'), '--yes'], { code: 65 })
  }
  assert.deepEqual(tokens(), [token(1)])
})

test('an export masks secrets, and a masked one is not imported', () => {
  add(1)
  const shown = ctl(['export'])
  assert.ok(!shown.includes(token(1)))
  assert.match(shown, /refr\.\.\.\(\d+\)/)
  ctl(['export', file('masked')])
  assert.match(ctl(['import-state', file('masked'), '--yes'], { code: 65 }), /masked/)
  ctl(['export', file('whole'), '--secrets'])
  ctl(['import-state', file('whole'), '--yes'], { dir: path.join(work, 'moved') })
  assert.deepEqual(tokens({ dir: path.join(work, 'moved') }), [token(1)])
})

/* One flipped byte of a record: the others live, this one comes from the backup. */
test('repair saves what is whole, takes the rest from the backup, and keeps the damaged file', () => {
  for (let n = 1; n <= 5; n++)
    add(n)
  ctl(['backup'])
  add(6)
  const store = path.join(state, 'tokens.gdbm')
  const bytes = fs.readFileSync(store)
  bytes[bytes.indexOf(token(3))] ^= 1
  fs.writeFileSync(store, bytes)
  ctl(['account', 'show', 'user3'], { code: 65 })
  assert.match(ctl(['repair'], { code: 65 }), /nothing was changed/)
  assert.deepEqual(fs.readFileSync(store), bytes)
  const said = ctl(['repair', '--yes'])
  assert.match(said, /from the backup/)
  assert.match(said, /5 records whole/)
  assert.deepEqual(tokens(), [1, 2, 3, 4, 5, 6].map(token))
  const [when] = fs.readdirSync(path.join(state, 'quarantine'))
  assert.deepEqual(fs.readFileSync(path.join(state, 'quarantine', when, 'tokens.gdbm')), bytes)
  assert.match(fs.readFileSync(path.join(state, 'quarantine', when, 'report.txt'), 'utf8'), /from the backup/)
  assert.match(ctl(['repair']), /tokens: nothing is wrong/)
})

test('repair waits for a passphrase without any lock: the gateway goes on meanwhile', () => {
  add(1)
  ctl(['backup', file('b'), '--passphrase-file', '-'], { input: 'a passphrase of many words\n' })
  const script = `mkfifo pass-$N && { "$CTL" repair --backup "$N-b" --passphrase-file pass-$N >said-$N 2>&1 & }
    exec 3>pass-$N # it is being read
    flock -n "$KIRO_STATE_DIR/tokens.lock" true; echo "free: $?"
    echo 'a passphrase of many words' >&3; exec 3>&-
    wait $!; echo "done: $?"; cat said-$N`
  const r = spawnSync('sh', ['-c', script], { cwd: work, encoding: 'utf8', timeout: 30000,
    env: { PATH: process.env.PATH, KIRO_STATE_DIR: state, N: String(serial), CTL: path.resolve(build, 'kiroctl') } })

  assert.match(r.stdout, /^free: 0\ndone: 0\n/, r.stdout + r.stderr)
  assert.match(r.stdout, /tokens: nothing is wrong/)
})

test('repair says once that the last backup cannot be read', () => {
  add(1)
  const file = ctl(['backup']).split(':')[0]
  fs.writeFileSync(file, 'junk')
  assert.deepEqual(ctl(['repair']).split('\n').filter((line) => line.includes(file)), [`backup: ${file}: this is no backup or export of kiroctl`])
})

test('repair without a backup names what is lost', () => {
  const id = add(1)
  add(2)
  const store = path.join(state, 'tokens.gdbm')
  const bytes = fs.readFileSync(store)
  bytes[bytes.indexOf(token(1))] ^= 1
  fs.writeFileSync(store, bytes)
  assert.match(ctl(['repair', '--yes'], { code: 65 }), new RegExp(`${id}: NOT RESTORED`))
  assert.deepEqual(tokens(), [token(2)])
})

test('every kind of damage to the file ends in a store with all that the backup has', () => {
  for (let n = 1; n <= 4; n++)
    add(n)
  ctl(['backup'])
  const store = path.join(state, 'tokens.gdbm')
  const whole = fs.readFileSync(store)
  const damages = { empty: Buffer.alloc(0), text: Buffer.from('hello'), cut: whole.subarray(0, whole.length / 2),
    header: Buffer.concat([Buffer.alloc(4096), whole.subarray(4096)]), zeroes: Buffer.alloc(whole.length) }
  for (const [name, bytes] of Object.entries(damages)) {
    fs.writeFileSync(store, bytes)
    ctl(['repair', '--yes'])
    assert.deepEqual(tokens(), [1, 2, 3, 4].map(token), name)
  }
  fs.rmSync(store)
  ctl(['repair', '--yes'])
  assert.deepEqual(tokens(), [1, 2, 3, 4].map(token))
})

test('encryption at rest: on, a new key, and off again', () => {
  const key = (...hex) => {
    fs.writeFileSync(file('key'), hex.map((h) => `${h.repeat(64)}\n`).join(''), { mode: 0o600 })
    return { env: { KIRO_STATE_KEY_FILE: file('key') } }
  }
  add(1)
  ctl(['rekey'], { code: 64 })
  assert.match(ctl(['rekey'], key('a')), /encrypted with key/)
  assert.equal(fs.readFileSync(path.join(state, 'tokens.gdbm')).indexOf(token(1)), -1)
  assert.match(ctl(['account', 'list'], { code: 74 }), /state_key_file/)
  assert.match(ctl(['account', 'list'], { ...key('b'), code: 74 }), /does not hold that key/)
  ctl(['backup'], key('a'))
  const dump = path.join(state, 'backup', fs.readdirSync(path.join(state, 'backup'))[0])
  assert.equal(fs.readFileSync(dump).indexOf(token(1)), -1)
  ctl(['rekey'], key('b', 'a'))
  assert.deepEqual(tokens(key('b')), [token(1)])
  ctl(['rekey', '--plain'], key('b'))
  assert.deepEqual(tokens(), [token(1)])
})
