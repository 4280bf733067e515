/*
 * The bash completion that kiroctl prints: a bash runs it, and its answers are held against what
 * kiroctl --help lists.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { test } from 'node:test'

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..')
const program = path.join(process.env.BUILD ?? path.join(root, 'build'), 'kiroctl')
const run = (...args) => execFileSync(program, args, { encoding: 'utf8' })
const script = run('completion')

/* What bash offers behind these words, the last of which is being typed. */
function offers(...words) {
  const line = ['kiroctl', ...words].map((word) => `'${word}'`).join(' ')
  const text = execFileSync('bash', ['-c', `${script}
COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _kiroctl; printf '%s\\n' "\${COMPREPLY[@]}"`],
  { encoding: 'utf8' })

  return text.split('\n').filter(Boolean)
}

/* [['account', 'add'], ['init'], ...]: words in small letters, then arguments. */
const commands = run('--help').split('\n').filter((line) => /^  [a-z]/.test(line))
  .map((line) => /^  ([a-z-]+(?: [a-z-]+)?)(?= |$)/.exec(line.slice(0, 31).trimEnd().padEnd(32))[1]
    .trim().split(' '))

const optionsOf = (words) => run(...words, '--help').split('\n\nOptions of every')[0].split('\n')
  .filter((line) => /^  --/.test(line)).map((line) => /--[a-z-]+/.exec(line)[0])

test('every command of --help is offered, and nothing else', () => {
  assert.ok(commands.length > 30)
  assert.deepEqual(new Set(offers('')), new Set(commands.map(([first]) => first)))
  for (const first of new Set(commands.filter((words) => words[1]).map((words) => words[0]))) {
    assert.deepEqual(offers(first, ''),
      commands.filter((words) => words[0] === first).map((words) => words[1]))
  }
})

test('each command is offered its own options and those of all', () => {
  for (const words of commands) {
    assert.deepEqual(offers(...words, '--'), [...optionsOf(words), '--config', '--state-dir',
      '--json', '--help', '--version'], words.join(' '))
  }
})

test('what was begun is finished, also behind options', () => {
  assert.deepEqual(offers('acc'), ['account'])
  assert.deepEqual(offers('--config', 'x', 'account', 'imp'), ['import'])
  assert.deepEqual(offers('login', 'idc', '--start'), ['--start-url'])
})

test('the value of an option is left to file names', () => {
  assert.deepEqual(offers('account', 'add', '--api-key-file', ''), [])
  assert.deepEqual(offers('--config', ''), [])
})
