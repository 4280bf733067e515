/*
 * What the documents show between their words: each block of commands is read by the shell and each
 * of its commands is known here, each path is of the installation, each directive is read by the
 * web server that it is for. What is known to nobody fails.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, test } from 'node:test'

import { markdownOf } from '../lib/manual.mjs'

const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../..')
const file = (name) => fs.readFileSync(path.join(root, name), 'utf8')
const read = (name) => name.startsWith('man/') ? markdownOf(file(name)) : file(name)
const list = (dir) => fs.readdirSync(path.join(root, dir)).map((name) => `${dir}/${name}`)
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'kiro-blocks-'))

process.env.PATH += ':/usr/sbin:/sbin'
after(() => fs.rmSync(work, { recursive: true, force: true }))

const documents = [...fs.readdirSync(root).filter((name) => name.endsWith('.md')),
  'etc/shared-host/INSTALL.txt', ...list('man'),
  'tests/bench/README.md', 'tests/fuzz/README.md', 'tests/soak/README.md']

/* ---- blocks ---- */

function blocksOf(name) {
  const blocks = []
  let block = null

  for (const line of read(name).split('\n')) {
    if (/^ {4}/.test(line)) {
      if (!block)
        blocks.push(block = [])
      block.push(line)
    } else if (line.trim() || !block || !/^\$ /.test(block[0].trim())) {
      block = null /* a transcript goes on behind an empty line */
    }
  }
  return blocks.map((lines) => lines.map((line) => line.replace(/^ {4,7}/, '')).join('\n'))
}

/* Blocks of other languages, and what else reads them. */
const codex = read('tests/clients/codex/turns.mjs')
const others = [
  { begins: /^web server →/, check() {} }, /* a picture */
  { begins: /^\$ kiroctl /, check() {} }, /* a transcript: tests/cli/login.test.mjs */
  { begins: /^location \/kiro/, check: () => assert.match(read('tests/package/modes.mjs'),
    /nginxLocation/) },
  { begins: /^model = /, check: (text) => {
    for (const [, member] of text.matchAll(/^(\w+) = /gm))
      assert.match(codex, new RegExp(`\\b${member}\\b`), member)
  } },
  { begins: /^X-Kiro-Credentials: /, check: () => assert.match(
    list('fcgi').filter((file) => file.endsWith('.c')).map(read).join('\n'), /KIRO_CREDENTIALS/i) },
  { begins: /^\{"type":"account\.state"/, check: (text) => {
    for (const [, member] of text.matchAll(/"(\w+)"/g))
      assert.ok(file('common/webhook.c').includes(`"${member}"`), member)
  } },
  { begins: /^\*\/4 \* \* \* \*/, check: (text) => assert.ok(read('etc/kiro.cron').replace(/\s+/g, ' ')
    .includes(text.replace(/ *#.*/, '').replace(/\s+/g, ' '))) },
  { begins: /^(500, and|kiro\.json {10})/, check() {} }, /* tables of INSTALL.txt */
]

const exists = (file) => assert.ok(fs.existsSync(path.join(root, file)), file)
const rules = read('debian/rules')

/* An address of the gateway: http://HOST/kiro and a door. */
const doors = new Set([...read('fcgi/router.c').matchAll(/^\t\{ "[A-Z]+", +"([^"]+)",/gm)].map(([, at]) => at))
const variables = ['ANTHROPIC_BASE_URL', 'ANTHROPIC_API_KEY', 'ANTHROPIC_CUSTOM_HEADERS', 'DEMO_ONESHOT', 'PORT',
  'PREFIX', 'DESTDIR']
const made = new Map()

/* What a command needs to be right. */
const commands = {
  kiroctl() {}, /* docs.test.mjs */
  make(args) {
    const key = args.join(' ')

    if (!made.has(key))
      made.set(key, spawnSync('make', ['-n', '-C', root, ...args], { encoding: 'utf8' }))
    assert.equal(made.get(key).status, 0, made.get(key).stderr)
  },
  apt: ([verb, file = './build/kiro-fcgi_*.deb']) => assert.ok(verb === 'install' &&
    file === './build/kiro-fcgi_*.deb' && read('etc/make-deb').includes('build/kiro-fcgi_*.deb')),
  'lighty-enable-mod': ([name]) => assert.ok(rules.includes(`lighttpd/conf-available/50-${name}.conf`)),
  a2enconf: ([name]) => assert.ok(rules.includes(`apache2/conf-available/${name}.conf`)),
  systemctl(args) {
    const unit = args.at(-1)

    assert.ok(['lighttpd', 'apache2'].includes(unit) || fs.existsSync(path.join(root, 'etc', unit)), unit)
  },
  cp: ([from]) => exists(from),
  install: (args) => args.filter((word, i) => /^[a-z]+\/[\w.-]+$/.test(word) && !/^-[omg]$/.test(args[i - 1]))
    .forEach((file) => file !== 'etc/kiro.json.example' && exists(file)),
  curl: (args) => args.filter((word) => word.startsWith('http')).forEach((word) =>
    assert.ok(doors.has(/^http:\/\/HOST\/kiro(\/[^?]*)/.exec(word)?.[1]), word)),
  cd() {}, export() {}, claude() {}, 'spawn-fcgi'() {}, 'kiro-refresh'() {}, rm() {},
  openssl() {}, dpkg() {}, './kiroctl'() {}, 'PATH-TO/kiro/kiroctl'() {}, 'PATH-TO/kiro/kiro-refresh'() {},
}

function checkShell(text, where) {
  const parsed = spawnSync('sh', ['-n'], { input: text, encoding: 'utf8' })
  let count = 0

  assert.equal(parsed.status, 0, `${where}: ${parsed.stderr}\n${text}`)
  for (const line of text.replace(/'[^']*'/gs, "''").replace(/(^|\s)#.*$/gm, '')
    .replace(/"[^"\n]*"/g, 'x').split(/&&|;|\n/)) {
    const words = line.trim().split(/\s+/).filter(Boolean)

    while (words.length && (words[0] === 'sudo' || /^[A-Z_]+=/.test(words[0]))) {
      const variable = /^([A-Z_]+)=/.exec(words.shift())?.[1]

      assert.ok(!variable || variables.includes(variable) || /^(BENCH|SOAK|FUZZ|SAN|CI|BUILD|MODE|CASES|SILENCE|UPDATE|SHORT|KIRO|CRASH|TARGET|SEED)/
        .test(variable), `${where}: ${variable}`)
    }
    if (!words.length)
      continue
    assert.ok(commands[words[0]], `${where}: nobody knows the command ${words[0]}: ${line}`)
    commands[words[0]](words.slice(1))
    count++
  }
  return count
}

/* ---- paths ---- */

/* Of other programs, or made by ours while they run. */
const elsewhere = [/^\/etc\/(lighttpd|apache2)(\/(conf-available|conf-enabled|mods-available|mods-enabled|lighttpd\.conf|apache2\.conf)(\/|$)|$)/,
  /^\/etc\/(httpd|cron\.d|systemd\/system)(\/|$)/, /^\/etc\/kiro-fcgi(\/kiro\.json)?$/,
  /^\/var\/(lib|log)\/kiro-fcgi(\/(kiro\.log|\*|\.{3}))?$/, /^\/run\/kiro-fcgi(\/kiro\.sock)?$/,
  /^\/var\/backups(\/kiro-fcgi\b|$)/,
  /^\/run\/(lighttpd|systemd)\b/, /^\/var\/cache\/lighttpd/, /^\/usr\/lib\/apache2\/modules/,
  /^\/etc\/ssl\/certs\/ca-certificates\.crt$/, /^\/etc\/os-release/]

function installed(prefix) {
  const dest = path.join(work, prefix.slice(1).replaceAll('/', '-'))

  execFileSync('make', ['-C', root, 'install', `PREFIX=${prefix}`, `DESTDIR=${dest}`], { stdio: 'pipe' })
  return dest
}

/* ---- directives ---- */

const spans = (name) => [...read(name).matchAll(/`([^`\n]+)`/g)].map((match) => match[1])
const sources = ['cli/stream_advice.c', 'cli/doctor_web.c', ...list('lighttpd'), ...list('apache')]
const said = [...documents.flatMap(spans), ...sources.map(read)].join('\n')
  .replace(/"\s*\n\s*"/g, '').replaceAll('\\', '')
const whole = (pattern) => [...new Set([...said.matchAll(pattern)].map(([text]) => text))]

const shellSpan = new RegExp(`^(${Object.keys(commands).filter((word) => /^\w[\w-]+$/.test(word) &&
  !/^(kiro|cp|install|export|claude)/.test(word)).join('|')}) `)

describe('documents', () => {
  test('every block is read by the shell or by what it is for', () => {
    let count = 0

    for (const name of documents) {
      for (const text of blocksOf(name)) {
        const other = others.find(({ begins }) => begins.test(text))

        if (other)
          other.check(text)
        else if (name.startsWith('tests/')) /* a command, and what it is for */
          checkShell(text.replace(/ {2,}.*$/gm, ''), name)
        else
          count += checkShell(text, name)
      }
      for (const span of spans(name).filter((text) => shellSpan.test(text)))
        count += checkShell(span, name)
    }
    assert.ok(count > 40, `only ${count}`)
  })

  test('every path is of the installation', { skip: /san$/.test(process.env.BUILD ?? '') }, () => {
    const local = installed('/usr/local'), debian = installed('/usr')
    const names = [...documents, ...list('lighttpd'), ...list('apache'), ...list('debian')
      .filter((name) => fs.statSync(path.join(root, name)).isFile() && !/rules|copyright/.test(name)),
    ...list('etc').filter((name) => /\.(service|socket|timer|cron)$/.test(name))]
    let count = 0

    for (const name of names) {
      for (const [given] of read(name).replaceAll('\\', '').matchAll(/(?<![\w.~/@})-])\/(?:usr|etc|var|run)\/[\w./-]*\w/g)) {
        const file = given.replace(/^\/lib\/systemd/, '/usr/share/kiro-fcgi/systemd')

        if (elsewhere.some((pattern) => pattern.test(file)) || /^\/usr\/(local\/)?(bin|sbin|lib|share)$/.test(file))
          continue
        count++
        assert.ok([local, debian].some((dest) => fs.existsSync(dest + file)) ||
          /apache2-maintscript-helper|^\/usr\/share\/(kiro-fcgi\/kiro\.json|doc\/)|deb-systemd/.test(file),
        `${name}: ${given}`)
      }
    }
    assert.ok(count > 20, `only ${count}`)
  })

  test('INSTALL.txt names files of the archive', () => {
    const dist = read('etc/make-dist')
    let count = 0

    for (const [given] of read('etc/shared-host/INSTALL.txt').matchAll(/(?<![\w.-]\/)\b(?:lib|kiro)\/[\w.-]*\w|\bkiro\.\w+/g)) {
      if (/accounts\.jsonl$/.test(given))
        continue
      assert.ok(dist.includes(given.replace(/^kiro\//, '')), given)
      count++
    }
    assert.ok(count > 8, `only ${count}`)
  })

  test('lighttpd reads its directives', () => {
    const file = path.join(work, 'lighttpd.conf')
    const settings = whole(/(?<![\w.-])server\.[a-z-]+(?: *= *\d+)?(?![\w-])/g).map((text) => text.replace(/ *= */, ' = '))
    const values = { 'server.upload-dirs': `( "${work}" )`, 'server.modules': '()',
      'server.feature-flags': '( "server.graceful-shutdown-timeout" => "60" )' }
    const lines = new Map(settings.map((text) => text.split(' = '))
      .map(([key, value]) => [key, value ?? values[key]]).filter(([, value]) => value))

    for (const key of settings.map((text) => text.split(' = ')[0]).filter((text) => !/timeout$/.test(text)))
      assert.ok(lines.has(key), `no value is shown for ${key}`)
    fs.writeFileSync(file, [`server.document-root = "${work}"`, 'server.port = 8080',
      ...[...lines].map(([key, value]) => `${key} = ${value}`),
      'server.modules += ( "mod_fastcgi" )', 'fastcgi.server = ( "/kiro" => (( "socket" => "/nowhere", ' +
      '"check-local" => "disable", "tcp-fin-propagate" => "enable", "read-timeout" => 600, ' +
      '"max-procs" => 1 )))', ''].join('\n'))
    const run = spawnSync('lighttpd', ['-tt', '-f', file], { encoding: 'utf8' })

    assert.equal(run.status, 0, run.stderr)
    assert.doesNotMatch(run.stdout + run.stderr, /unknown|unused|WARNING/i)
    assert.ok(lines.size >= 5, [...lines].join(' '))
  })

  test('Apache reads its directives', () => {
    const file = path.join(work, 'apache.conf')
    const lines = whole(/(?<!\w)(?:(?:Fcgid|LimitRequest)\w+ \d+|Timeout \d+|CGIPassAuth On|SetEnv no-gzip 1|SetEnvIf \w+ "[^"]+" [\w-]+=[\w$]+)/g)

    for (const [name] of said.matchAll(/(?<![\w"])(?:Fcgid(?!Wrapper|InitialEnv)|LimitRequest|CGID)[A-Z]\w+/g))
      lines.some((line) => line.startsWith(`${name} `)) || lines.push(`${name} 600`)
    fs.writeFileSync(file, [`ServerRoot "${work}"`, 'ServerName x', 'Listen 8080', 'PidFile pid', 'ErrorLog log',
      ...['mpm_event', 'authz_core', 'env', 'setenvif', 'fcgid', 'cgid', 'proxy', 'proxy_fcgi']
        .map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
      ...lines.filter((line) => !/^CGIPassAuth/.test(line)),
      'ProxyPass "/kiro" "unix:/nowhere|fcgi://kiro" flushpackets=on timeout=600',
      '<Location /kiro>', ...lines.filter((line) => /^CGIPassAuth/.test(line)), '</Location>', ''].join('\n'))
    const run = spawnSync('apache2', ['-t', '-f', file], { encoding: 'utf8' })

    assert.equal(run.status, 0, `${run.stderr}\n${fs.readFileSync(file, 'utf8')}`)
    assert.ok(lines.length >= 6, lines.join('\n'))
  })

  test('every other directive and option of a server that is named is one', () => {
    /* The core's are in the program, each module's in its file, as strings. */
    const apache = ['/usr/sbin/apache2', ...['env', 'setenvif', 'fcgid', 'cgid', 'proxy', 'proxy_fcgi', 'reqtimeout',
      'rewrite', 'mime', 'alias'].map((name) => `/usr/lib/apache2/modules/mod_${name}.so`)]
      .map((name) => fs.readFileSync(name, 'latin1')).join('').toLowerCase()
    const tested = list('lighttpd').map(read).join('\n') + list('cli').filter((name) => name.endsWith('.c')).map(read).join('\n')
    let count = 0

    for (const span of spans('TROUBLESHOOTING.md')) {
      const [, apaches] = /^([A-Z][a-z]*(?:[A-Z]+[a-z]+)+)(?: |$)/.exec(span) ?? []
      const [, lighttpds] = /^((?:fastcgi|cgi|server|alias|url)\.[a-z-]+|[a-z]+-[a-z]+)(?: =|$)/.exec(span) ?? []

      if (apaches && !/^X-/.test(span))
        assert.ok(apache.includes(`\0${apaches.toLowerCase()}\0`), apaches), count++
      if (lighttpds && !/^(x|retry|request|user|proxy|act|kiro|stream)-/.test(lighttpds))
        assert.ok(tested.includes(lighttpds), lighttpds), count++
    }
    assert.ok(count > 8, `only ${count}`)
  })
})
