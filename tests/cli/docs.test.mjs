/*
 * What the documents name exists: commands and their options, settings and their variables, files,
 * endpoints, messages, directives of web servers. Run or looked up, not trusted.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, test } from 'node:test'

import { markdownOf } from '../lib/manual.mjs'

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..')
const build = process.env.BUILD ?? path.join(root, 'build')
const file = (name) => fs.readFileSync(path.join(root, name), 'utf8')
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'kiro-docs-'))

after(() => fs.rmSync(work, { recursive: true, force: true }))

const kiroctl = (...args) => spawnSync(path.join(build, 'kiroctl'), args,
  { encoding: 'utf8', env: { KIRO_STATE_DIR: path.join(work, 'state') } })
const helpOf = (program) => spawnSync(path.join(build, program), ['--help'], { encoding: 'utf8' }).stdout

/* A document as Markdown. The options' part of kiro.json(5) comes from the program. */
const read = (name) => !name.startsWith('man/') ? file(name) :
  markdownOf(file(name).replace('@OPTIONS@', () => kiroctl('config', 'manual').stdout))

const manuals = fs.readdirSync(path.join(root, 'man')).map((name) => `man/${name}`)
const documents = [...fs.readdirSync(root).filter((name) => name.endsWith('.md')), ...manuals]
const plain = [...documents, 'etc/shared-host/INSTALL.txt']
const sources = ['common', 'fcgi', 'cli'].flatMap((dir) => fs.readdirSync(path.join(root, dir))
  .filter((name) => /\.[ch]$/.test(name)).map((name) => file(`${dir}/${name}`)))
  .join('\n').replace(/"\s*\n\s*"/g, '')

/* Code in a document: between backticks, and lines of four blanks and more. */
const spans = (name) => [...read(name).matchAll(/`([^`\n]+)`/g)].map((match) => match[1])
const code = (name) => [...spans(name), ...read(name).split('\n')
  .filter((line) => /^( {4}|\t)/.test(line)).map((line) => line.trim())]

const ofHere = (name) => name !== 'MIGRATING.md' ? spans(name) : [...read(name)
  .matchAll(/^\|[^|]*\|([^|]*)\|$/gm)].flatMap((row) => [...row[1].matchAll(/`([^`\n]+)`/g)])
  .map((match) => match[1])

const options = new Set(kiroctl('config', 'show').stdout.split('\n')
  .map((line) => /^([a-z_.]+) +=/.exec(line)?.[1]).filter(Boolean))
const groups = new Set([...options].map((name) => name.split('.')[0]))

/* The words of a command, and what it may be given. */
const completion = kiroctl('completion').stdout
const commands = new Map([...completion.matchAll(/^\t"([a-z-]+(?: [a-z-]+)?)"\)? ?.*?options="([^"]*)"/gm)]
  .map(([, words, own]) => [words, own.split(' ')]))
const everywhere = ['--config', '--state-dir', '--json', '--help', '--version']

function checkCommand(text, where) {
  const words = text.split(/\s+/).slice(1)
  const name = [words.slice(0, 2).join(' '), words[0]].find((candidate) => commands.has(candidate))

  if (!words.length || /^[-A-Z(]|^\.\.|^\//.test(words[0]) && !words[0].startsWith('--'))
    return
  if (words[0].startsWith('--'))
    return assert.ok(everywhere.includes(words[0]), `${where}: ${text}`)
  assert.ok(name, `${where}: no such command: kiroctl ${text}`)
  for (const [option] of text.matchAll(/(?<= )--[a-z-]+/g)) {
    assert.ok([...commands.get(name), ...everywhere].includes(option),
      `${where}: kiroctl ${name} has no ${option}: ${text}`)
  }
}

const headings = (name) => read(name).split('\n').filter((line) => /^#+ /.test(line))
  .map((line) => line.replace(/^#+ /, '').toLowerCase())
const groupsOf = (name) => [...commands.keys()].some((words) => words.split(' ')[0] === name)

describe('documents', () => {
  test('every command of kiroctl and every option of it exists', () => {
    let count = 0

    assert.ok(commands.size > 30)
    for (const name of plain) {
      for (const line of code(name)) {
        for (const [text] of line.matchAll(/\bkiroctl(?: (?!#|&&|\||;|or\b)[^\s`;|&)]+)+/g)) {
          checkCommand(text.replace(/[,.]$/, ''), name)
          count++
        }
      }
    }
    assert.ok(count > 60, `only ${count} were found`)
  })

  test('so do those that are named without the program, and options alone', () => {
    const all = new Set([...[...commands.values()].flat(), ...everywhere,
      ...['kiro-refresh', 'kiro.fcgi'].flatMap((name) => helpOf(name).match(/--[a-z-]+/g)),
      '--plain', '--ignore-scripts'])
    let count = 0

    for (const name of plain) {
      for (const span of ofHere(name)) {
        if (groupsOf(span.split(' ')[0]) && /^[a-z-]+ (--)?[a-z]/.test(span))
          checkCommand(`kiroctl ${span}`, name), count++
        for (const [option] of /^--[a-z]/.test(span) ? span.matchAll(/(?<!\S)--[a-z-]+/g) : [])
          assert.ok(all.has(option), `${name}: ${option}`), count++
      }
      for (const [, program, option] of code(name).join('\n').matchAll(/\b(kiro-refresh|kiro\.fcgi) (--[a-z-]+)/g))
        assert.ok(helpOf(program).includes(option), `${name}: ${program} ${option}`), count++
    }
    assert.ok(count > 40, `only ${count}`)
  })

  test('kiroctl(1) has every command and every option of it; the other pages theirs', () => {
    const page = read('man/kiroctl.1').replaceAll('`', '')
    const word = (text) => new RegExp(`(?<![\\w-])${text}(?![\\w-])`)

    for (const [name, own] of commands) {
      const [group, verb] = name.split(' ')

      /* "account enable, disable, remove ID" */
      assert.ok((verb ? new RegExp(`(?<![\\w-])${group} [^\\n]*(?<![\\w-])${verb}(?![\\w-])`) :
        word(group)).test(page), `kiroctl(1): ${name}`)
      for (const option of own.filter(Boolean))
        assert.ok(word(option).test(page), `kiroctl(1): ${name} ${option}`)
    }
    for (const [name, program] of [['man/kiro-refresh.8', 'kiro-refresh'], ['man/kiro.fcgi.8', 'kiro.fcgi']]) {
      for (const option of helpOf(program).match(/--[a-z-]+/g))
        assert.ok(read(name).includes(option) || /--(help|version|state-dir)/.test(option), `${name}: ${option}`)
    }
  })

  test('every setting, and every variable of one, exists', () => {
    const variables = new Set([...options].map((name) => `KIRO_${name.toUpperCase().replace('.', '_')}`))
    const others = new Set(['KIRO_CONFIG', 'KIRO_KEY', 'KIRO_AUTH_TOKEN', 'KIRO_API_KEY', 'KIRO_NAME'])

    for (const name of plain) {
      for (const span of ofHere(name)) {
        const group = /^([a-z_]+)\.[a-z_]+$/.exec(span)?.[1]

        if (groups.has(group) && group !== 'upstream' && !/\.(gdbm|map|lock|log)$/.test(span) || /^upstream\.[a-z_]+$/.test(span))
          assert.ok(options.has(span), `${name}: ${span}`)
        if (/^KIRO_[A-Z_]+$/.test(span) && !others.has(span))
          assert.ok(variables.has(span) || variables.has(span.replace(/_FILE$/, '')), `${name}: ${span}`)
      }
    }
    for (const span of ofHere('MIGRATING.md').filter((one) => /^[a-z]+_[a-z_]+$/.test(one)))
      assert.ok(options.has(span), `MIGRATING.md: ${span}`)
  })

  test('every name of a setting, a field or a file of the state stands in the sources', () => {
    let count = 0

    for (const name of plain) {
      for (const span of ofHere(name)) {
        if (/^[a-z]+(_[a-z]+)+$/.test(span) || /^[a-z-]+\.(gdbm|map|log|spill|last)$/.test(span)) {
          assert.ok(sources.includes(span), `${name}: ${span}`)
          count++
        }
      }
    }
    assert.ok(count > 100, `only ${count}`)
  })

  test('every file of ours that is named exists', () => {
    let count = 0

    for (const name of plain) {
      for (const span of spans(name)) {
        const file = /^((?:common|fcgi|cli|etc|lighttpd|apache|tests|debian|man)\/[\w.*/-]+)/.exec(span)?.[1]

        if (!file || /\*|_x\.c/.test(file))
          continue
        assert.ok(fs.existsSync(path.join(root, file)) || /^etc\/kiro.json.example$/.test(file),
          `${name}: ${file}`)
        count++
      }
      for (const [, link] of read(name).matchAll(/\]\(([^)#:]+)\)/g))
        assert.ok(fs.existsSync(path.join(root, link)), `${name}: ${link}`)
      for (const [, anchor] of read(name).matchAll(/\]\(#([^)]+)\)/g))
        assert.ok(headings(name).some((text) => text.replace(/[^\w ]/g, '').replaceAll(' ', '-') === anchor), `${name}: #${anchor}`)
    }
    assert.ok(count > 30)
  })

  test('groff has nothing to say of the manual pages', (t) => {
    for (const name of manuals) {
      const run = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-z', '-rLL=100n'], { encoding: 'utf8',
        input: file(name).replace('@OPTIONS@', () => kiroctl('config', 'manual').stdout) })

      if (run.error)
        return t.skip('groff is not here')
      assert.equal(run.stderr, '', name)
      assert.equal(run.status, 0, name)
    }
  })

  test('every manual page, and every section of one, exists', () => {
    let count = 0

    for (const name of plain) {
      for (const [, page, section] of read(name).matchAll(/(kiro[\w.-]*\(\d\))`?(?:,\s+"([^"]+)")?/g)) {
        const at = manuals.find((one) => one.replace(/\.in$/, '') === `man/${page.replace(/\((\d)\)/, '.$1')}`)

        assert.ok(at, `${name}: ${page}`)
        assert.ok(!section || headings(at).includes(section.toLowerCase()), `${name}: ${page}, ${section}`)
        count++
      }
    }
    assert.ok(count > 20, `only ${count}`)
  })

  test('every endpoint that is named is a door of the responder', () => {
    const config = path.join(work, 'kiro.json')
    let count = 0

    fs.writeFileSync(config, `{"state_dir": "${work}/none", "log": {"file": "/dev/null"}}`)
    const answer = (method, at) => spawnSync(path.join(build, 'kiro.fcgi'), [], {
      encoding: 'utf8', input: '',
      env: { GATEWAY_INTERFACE: 'CGI/1.1', REQUEST_METHOD: 'OPTIONS', PATH_INFO: at,
        KIRO_CONFIG: config },
    }).stdout

    for (const name of documents) {
      for (const span of [...ofHere(name), ...migrated(name)]) {
        const [, method, at] = /^(GET|POST|PUT|PATCH|DELETE) (\/[\w/.:-]*)$/.exec(span) ?? []

        if (!at)
          continue
        count++
        /* The panel's guard tells strangers nothing; what is open to them is no door of its own. */
        if (/^\/(admin|api\/(?!event_logging|hello))/.test(at)) {
          assert.match(read('fcgi/router.c'), new RegExp(`\\{ "${method}", +"` +
            `${at.replace(/:\w+|[A-Z]+/, '*').replace(/[.*]/g, '\\$&')}",`), `${name}: ${span}`)
          continue
        }
        assert.match(answer(method, at), new RegExp(`^Status: 204[^]*allow: ${method}`, 'mi'),
          `${name}: ${span}`)
      }
    }
    assert.ok(count > 30)
    const routes = [...file('fcgi/router.c').matchAll(/^\t\{ "[A-Z]+", +"([^"]+)",/gm)].map(([, at]) => at)

    for (const name of documents) {
      for (const span of ofHere(name).filter((text) => /^\/(v1|health|admin|api|cc|metrics|messages)\b(?!.*\.\.\.)/.test(text))) {
        assert.ok(routes.some((at) => at === span.replace(/\/$/, '').replace(/:\w+|[A-Z]{2,}/, '*') ||
          at.startsWith(span.replace(/\/?$/, '/'))), `${name}: ${span}`)
      }
    }
  })

  test('every message of ours that TROUBLESHOOTING.md quotes is in the sources', () => {
    for (const [, quoted] of read('TROUBLESHOOTING.md').matchAll(/^\|[^|]*?"([^"|]+)"[^|]*\|/gm)) {
      for (const part of quoted.split(' ... '))
        assert.ok(sources.includes(part.replace(' on nfs', ' on %s')), part)
    }
  })

  test('every directive of a web server that is named stands in the files that are tested', () => {
    const files = ['lighttpd', 'apache'].flatMap((dir) => fs.readdirSync(path.join(root, dir))
      .map((file) => read(`${dir}/${file}`))).join('\n') + read('cli/stream_advice.c')
    const known = /^(Fcgid\w+|CGIPassAuth|SetEnvIf|flushpackets|server\.[\w-]+|proxy_\w+|client_max_\w+|timeout=\d+)/

    for (const name of documents) {
      for (const span of spans(name)) {
        const directive = known.exec(span)?.[1]

        if (directive)
          assert.ok(files.includes(directive), `${name}: ${directive}`)
      }
    }
  })
})

/* Rows of MIGRATING.md whose right side says "the same": then the left side is ours, too. */
function migrated(name) {
  if (name !== 'MIGRATING.md')
    return []
  return [...read(name).matchAll(/^\|([^|]*)\| the same[^|]*\|$/gm)]
    .flatMap((row) => [...row[1].matchAll(/`([^`\n]+)`/g)]).map((match) => match[1])
}
