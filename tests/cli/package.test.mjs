/*
 * What is delivered agrees with the program: versions, the files of the packages, `make install`.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..')
const build = process.env.BUILD ?? path.join(root, 'build')
const read = (name) => fs.readFileSync(path.join(root, name), 'utf8')

test('program, package and list of changes name the same version', () => {
  const version = execFileSync(path.join(build, 'kiroctl'), ['--version'], { encoding: 'utf8' })
    .trim().split(' ')[1]

  assert.equal(/^kiro-fcgi \((\S+)\)/.exec(read('debian/changelog'))[1], version)
  assert.equal(/^## (\S+)/m.exec(read('CHANGELOG.md'))[1], version)
})

test('the package\'s kiro.json is right, and its state directory the one of its service', () => {
  const state = execFileSync(path.join(build, 'kiroctl'), ['config', 'show', '--config',
    path.join(root, 'debian/kiro.json')], { encoding: 'utf8' })

  assert.match(state, /^state_dir += \/var\/lib\/kiro-fcgi +\(file\)$/m)
  assert.match(read('etc/kiro.service'), /^StateDirectory=kiro-fcgi$/m)
  assert.match(read('debian/kiro-fcgi.postinst'), /\/var\/lib\/kiro-fcgi/)
})

/* A sanitizer build has no rules of its own to install. */
test('make install writes files for its PREFIX, make uninstall removes them all', {
  skip: /san$/.test(build) && 'of the ordinary build only',
}, () => {
  const dest = fs.mkdtempSync(path.join(os.tmpdir(), 'kiro install-'))
  const make = (goal, ...more) => execFileSync('make', ['-C', root, goal, 'PREFIX=/opt/kiro',
    `DESTDIR=${dest}`, ...more], { encoding: 'utf8', stdio: 'pipe' })
  const files = () => fs.readdirSync(dest, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())

  try {
    make('install')
    const names = files().map((entry) => entry.name)

    for (const name of ['kiro.fcgi', 'kiro.cgi', 'kiroctl', 'kiro-refresh', 'kiro.json.5',
      'kiroctl.1', 'kiro.fcgi.8', 'kiro-refresh.8', 'kiro.socket', 'htaccess', 'README.md'])
      assert.ok(names.includes(name), name)
    const service = fs.readFileSync(path.join(dest, 'opt/kiro/share/kiro-fcgi/systemd/kiro.service'),
      'utf8')

    assert.match(service, /^ExecStart=\/opt\/kiro\/lib\/kiro-fcgi\/kiro\.fcgi /m)
    make('install', 'LIBEXECDIR=/usr/local/libexec')
    assert.match(fs.readFileSync(path.join(dest, 'opt/kiro/share/kiro-fcgi/systemd/kiro.service'), 'utf8'),
      /^ExecStart=\/usr\/local\/libexec\/kiro\.fcgi /m)
    fs.writeFileSync(path.join(dest, 'usr/local/libexec/of-others'), '')
    make('uninstall', 'LIBEXECDIR=/usr/local/libexec')
    make('uninstall')
    assert.deepEqual(files().map((entry) => entry.name), ['of-others'])
    for (const ours of ['lib/kiro-fcgi', 'share/kiro-fcgi', 'share/doc/kiro-fcgi'])
      assert.ok(!fs.existsSync(path.join(dest, 'opt/kiro', ours)), ours)
  } finally {
    fs.rmSync(dest, { recursive: true })
  }
})
