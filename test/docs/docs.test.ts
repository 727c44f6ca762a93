/**
 * The documentation keeps its word: every marked example of README.md and docs/ is run against a started server and its
 * printed answer compared, every relative link leads somewhere, and every error code is explained.
 * How examples are marked: testing/doc-examples.ts. The pages of examples/ have a suite of their own.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { difference, parsePage, type Example } from './testing/doc-examples.js'
import { DocServer, projectPath } from './testing/doc-server.js'

const RETRY_LIMIT_MS = 5_000
const read = (path: string): string => readFileSync(join(projectPath, path), 'utf8')

function markdownFiles(folder: string): string[] {
  return readdirSync(join(projectPath, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => relative(projectPath, join(entry.parentPath, entry.name)))
    .sort()
}

const pages = ['README.md', ...markdownFiles('docs')]
/** Every command of the documentation is run here, or says why not. */
const strictPages = pages.filter((path) => !/^docs\/(reference|internals|decisions|performance)/.test(path))

/** What is wrong with the example, or null. */
async function failure(server: DocServer, example: Example): Promise<string | null> {
  const startMs = performance.now()
  for (;;) {
    const { exitCode, output } = await server.run(example)
    const wrong =
      exitCode !== example.exitCode
        ? `ended with ${exitCode}, expected ${example.exitCode}:\n${output}`
        : example.answer === null
          ? null
          : difference(example.answer, output)
    if (wrong === null || !example.isRetried || performance.now() - startMs > RETRY_LIMIT_MS) return wrong
    await sleep(50)
  }
}

/** A page that ends its server, or asks for keys, has one of its own. */
const hasOwnServer = (path: string): boolean => read(path).includes('<!-- server: own -->')

describe('docs: examples', () => {
  let shared: DocServer
  beforeAll(async () => {
    shared = await DocServer.start()
  })
  afterAll(async () => {
    expect(await shared?.stop()).toBe(0)
  })

  for (const path of pages) {
    const { examples } = parsePage(read(path))
    if (examples.length === 0) continue
    describe(path, () => {
      let own: DocServer | null = null
      beforeAll(async () => {
        if (hasOwnServer(path)) own = await DocServer.start()
      })
      afterAll(async () => {
        expect((await own?.stop()) ?? 0).toBe(0)
      })
      test.each(examples)(`docs: ${path}: $name prints what the page shows`, async (example) => {
        expect(await failure(own ?? shared, example)).toBeNull()
      })
    })
  }

  test('docs: the pages have examples to run', () => {
    const counts = strictPages.map((path) => parsePage(read(path)).examples.length)
    expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(25)
  })

  test.each(strictPages)('docs: %s has no command that is neither run nor excused', (path) => {
    expect(parsePage(read(path)).unmarked).toEqual([])
  })

  // The canaries: each of these must be caught.
  test.each([
    ['a wrong number', 'sh', 'curl -s http://127.0.0.1:8080/healthz/live', 'json', '{"live": 1}'],
    ['a missing member', 'sh', 'curl -s http://127.0.0.1:8080/healthz/live', 'json', '{}'],
    ['a wrong line', 'sh', 'echo one; echo two', 'text', 'one\nthree'],
    ['a missing line', 'sh', 'echo one; echo two', 'text', 'one'],
    ['a failed command', 'sh', 'curl -sf http://127.0.0.1:8080/nowhere', 'text', '…'],
    ['a program that throws', 'js', "import 'penstock/client'\nthrow new Error('canary')", 'text', '…'],
  ])('docs: %s in an example is caught', async (_title, language, code, answerLanguage, answer) => {
    const fence = '```'
    const markdown = `<!-- test: canary -->\n${fence}${language}\n${code}\n${fence}\n<!-- answer -->\n${fence}${answerLanguage}\n${answer}\n${fence}\n`
    const [example] = parsePage(markdown).examples
    expect(await failure(shared, example!)).not.toBeNull()
  })
})

describe('docs: links', () => {
  const linked = [
    'README.md',
    'CHANGELOG.md',
    'CONTRIBUTING.md',
    ...markdownFiles('docs'),
    ...markdownFiles('examples'),
  ]
  // Links, images, and the sources of <img> and <picture>.
  const targets = (path: string): string[] =>
    [
      ...read(path)
        .replaceAll(/```[\s\S]*?```/g, '')
        .matchAll(/\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"/g),
    ]
      .map(([, link, source]) => link ?? source ?? '')
      .filter((target) => !/^[a-z]+:/.test(target))
  const brokenLinks = (path: string, all: readonly string[]): string[] =>
    all.filter((target) => {
      const [file = '', anchor] = target.split('#')
      const found = file === '' ? path : normalize(join(dirname(path), file))
      if (!existsSync(join(projectPath, found))) return true
      return anchor !== undefined && found.endsWith('.md') && !anchorsOf(read(found)).has(anchor)
    })

  test.each(linked)('docs: every link of %s leads somewhere', (path) => {
    expect(brokenLinks(path, targets(path))).toEqual([])
  })

  test('docs: a broken link is caught', () => {
    const broken = ['nowhere.md', 'README.md#no-such-heading']
    expect(brokenLinks('README.md', ['LICENSE', ...broken])).toEqual(broken)
  })

  test('docs: every page is reached from README.md', () => {
    const reached = new Set<string>()
    const waiting = ['README.md']
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      if (reached.has(path) || !existsSync(join(projectPath, path))) continue
      reached.add(path)
      for (const target of targets(path)) {
        const file = normalize(join(dirname(path), target.split('#')[0] ?? ''))
        if (file.endsWith('.md')) waiting.push(file)
        // A link to a folder is a link to its pages.
        else if (/^docs\/\w+\/?$/.test(file)) waiting.push(...markdownFiles(file))
      }
    }
    expect(pages.filter((path) => !reached.has(path))).toEqual([])
  })
})

/** As GitHub makes them of headings. */
function anchorsOf(markdown: string): Set<string> {
  const headings = markdown.replaceAll(/```[\s\S]*?```/g, '').matchAll(/^#+ (.+)$/gm)
  return new Set(
    [...headings].map(([, text]) =>
      (text ?? '')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\- _]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

describe('docs: the addon', () => {
  test('docs: docs/internals/addon.md names every function that the addon exports', () => {
    const declared = read('bindings/native-addon.ts').split('export interface NativeAddon {')[1] ?? ''
    const kernels = read('bindings/native-kernels.ts')
    const names = [...`${declared}${kernels}`.matchAll(/^ {2}(\w+)\(/gm)].map(([, name]) => name)
    expect(names.length).toBeGreaterThan(50)
    const page = read('docs/internals/addon.md')
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([])
  })
})

describe('docs: errors', () => {
  interface ErrorRow {
    readonly code: string
    readonly http: number
    readonly close?: number
    readonly retryable: boolean
    readonly sentence: string
  }
  const { errors } = JSON.parse(read('src/protocol/errors.json')) as { errors: ErrorRow[] }

  test('docs: every error code stands in docs/reference/errors.md, and no other', () => {
    const explained = new Set(read('docs/reference/errors.md').match(/\bERR_[A-Z_]+\b/g))
    expect([...explained].sort()).toEqual(errors.map(({ code }) => code).sort())
  })

  test('docs: the table of docs/reference/errors.md says what src/protocol/errors.json says', () => {
    const rows = errors.map(
      ({ code, http, close, retryable, sentence }) =>
        `| \`${code}\` | ${http} | ${close ?? ''} | ${retryable ? 'yes' : ''} | ${sentence} |`,
    )
    const printed = new Set(read('docs/reference/errors.md').split('\n'))
    expect(rows.filter((row) => !printed.has(row))).toEqual([])
  })
})
