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

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..')
const build = process.env.BUILD ?? path.join(root, 'build')
const read = (name) => fs.readFileSync(path.join(root, name), 'utf8')
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'kiro-docs-'))

after(() => fs.rmSync(work, { recursive: true, force: true }))

const documents = fs.readdirSync(root).filter((name) => name.endsWith('.md'))
const plain = [...documents, 'etc/shared-host/INSTALL.txt']

const kiroctl = (...args) => spawnSync(path.join(build, 'kiroctl'), args,
  { encoding: 'utf8', env: { KIRO_STATE_DIR: path.join(work, 'state') } })

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

  test('every setting, and every variable of one, exists', () => {
    const variables = new Set([...options].map((name) => `KIRO_${name.toUpperCase().replace('.', '_')}`))
    const others = new Set(['KIRO_CONFIG', 'KIRO_KEY', 'KIRO_AUTH_TOKEN', 'KIRO_API_KEY', 'KIRO_NAME'])

    for (const name of plain) {
      for (const span of ofHere(name)) {
        const group = /^([a-z_]+)\.[a-z_]+$/.exec(span)?.[1]

        if (groups.has(group) && group !== 'upstream' && !/\.(gdbm|map|lock|log)$/.test(span) || /^upstream\.[a-z_]+$/.test(span))
          assert.ok(options.has(span), `${name}: ${span}`)
        if (/^KIRO_[A-Z_]+$/.test(span) && !others.has(span))
          assert.ok(variables.has(span.replace(/_FILE$/, '')), `${name}: ${span}`)
      }
    }
    for (const span of ofHere('MIGRATING.md').filter((one) => /^[a-z]+_[a-z_]+$/.test(one)))
      assert.ok(options.has(span), `MIGRATING.md: ${span}`)
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
    }
    assert.ok(count > 30)
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
        const [, method, at] = /^(GET|POST) (\/[\w/.:-]*)$/.exec(span) ?? []

        if (!at)
          continue
        count++
        /* The panel's guard tells strangers nothing; what is open to them is no door of its own. */
        if (/^\/(admin|api\/(?!event_logging|hello))/.test(at)) {
          assert.match(read('fcgi/router.c'), new RegExp(`\\{ "${method}", +"` +
            `${at.replace(/:\w+/, '*').replace(/[.*]/g, '\\$&')}",`), `${name}: ${span}`)
          continue
        }
        assert.match(answer(method, at), new RegExp(`^Status: 204[^]*allow: ${method}`, 'mi'),
          `${name}: ${span}`)
      }
    }
    assert.ok(count > 30)
  })

  test('every message of ours that TROUBLESHOOTING.md quotes is in the sources', () => {
    const sources = ['common', 'fcgi'].flatMap((dir) => fs.readdirSync(path.join(root, dir))
      .filter((file) => file.endsWith('.c')).map((file) => read(`${dir}/${file}`)))
      .join('\n').replace(/"\s*\n\s*"/g, '')

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
