/* kiroctl doctor: what it finds, and what it says is to be done. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { describe, test } from 'node:test'

import { root, state, kiroctl, succeed, file, addSocial, service } from './kiroctl.mjs'

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
