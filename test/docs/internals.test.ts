/** docs/internals against the tree: the map has a line for every folder, and what extending says to touch is all there is. */
import { readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readTree } from '../../tools/tidy/source.js'
import { projectPath } from './testing/doc-server.js'

const files = readTree(projectPath)
const page = (name: string): string => readFileSync(new URL(`../../docs/internals/${name}`, import.meta.url), 'utf8')

/** Folders with sources of ours; what a README of the folder above lists is not listed again. */
const mapped = /^(src|native|bindings|bench|tools|test)(\/|$)/
const unmapped =
  /\/(generated|testing|proto)(\/|$)|^bench\/(peers|results)\/.|^native\/test\/.|^test\/(models|tables)\/./

describe('the map', () => {
  const listed = [...page('map.md').matchAll(/^\| `([^`]+)\/` \|/gm)].map(([, folder]) => folder ?? '')

  it('lists every folder of sources once', () => {
    const folders = new Set([...files.keys()].map((path) => posix.dirname(path)))
    const expected = [...folders].filter((folder) => mapped.test(folder) && !unmapped.test(`${folder}/`))
    expect(listed.filter((folder) => mapped.test(folder)).sort()).toEqual(expected.sort())
  })

  it('lists no folder that is gone', () => {
    const isThere = (folder: string): boolean => [...files.keys()].some((path) => path.startsWith(`${folder}/`))
    expect(listed.filter((folder) => !isThere(folder))).toEqual([])
  })
})

describe('how to extend', () => {
  const sections = new Map(
    page('extending.md')
      .split(/^## /m)
      .slice(1)
      .map((section): [string, string[]] => {
        const title = section.split('\n')[0] ?? ''
        const lines = section.split('\n').filter((line) => line.startsWith('- '))
        return [
          title,
          lines.flatMap((line) =>
            [...(line.split(':')[0]?.matchAll(/`([^`]+)`/g) ?? [])].map(([, path]) => path ?? ''),
          ),
        ]
      }),
  )
  /** `<kind>` stands for one name. */
  const patternOf = (path: string): RegExp =>
    new RegExp(`^${path.replace(/[.+]/g, '\\$&').replace(/<\w+>/g, '[\\w-]+')}${path.endsWith('/') ? '' : '$'}`)
  const isSource = (path: string): boolean =>
    /^(src|native|bindings)\//.test(path) &&
    !/\.(test|fuzz)\.ts$|\/testing\/|^native\/test\/|\.md$|\/generated\//.test(path)
  const mentions = (pattern: RegExp, within = /./): string[] =>
    [...files]
      .flatMap(([path, text]) => (isSource(path) && within.test(path) && pattern.test(text) ? [path] : []))
      .sort()

  it.each([...sections])('%s: names files that exist', (_title, paths) => {
    expect(paths.length).toBeGreaterThan(0)
    expect(paths.filter((path) => ![...files.keys()].some((file) => patternOf(path).test(file)))).toEqual([])
  })

  it.each([
    // `shadow` is written as three steps, of which one is an audit.
    ['A step', mentions(/'audit'|kinds\/audit/, /^(?!src\/steps\/kinds\/shadow)/)],
    // What it is lies in src/engine/models, whatever answers print of it.
    ['A field of an answer', mentions(/page_locked|isPageLocked/, /^src\/(?!engine\/models\/)/)],
    ['A request option', mentions(/traceparent|TRACE_PARENT/)],
    ['A kernel', mentions(/quantize/i, /^(native|bindings|src\/transforms)\//)],
    [
      'An operation of transforms',
      mentions(/\bl2Normalise|kL2Normalise|l2-normalise/i, /^(?!native\/core\/|src\/base\/)/),
    ],
    ['A command', mentions(/\btagsCommand\b/)],
  ])('%s: what there is touches no other source', (title, touched) => {
    const patterns = (sections.get(title) ?? []).map(patternOf)
    expect(touched.length).toBeGreaterThan(1)
    expect(touched.filter((path) => !patterns.some((pattern) => pattern.test(path)))).toEqual([])
  })

  it('a step: four source files', () => {
    expect(sections.get('A step')).toHaveLength(4)
    expect(mentions(/'audit'|kinds\/audit/, /^(?!src\/steps\/kinds\/shadow)/)).toHaveLength(4)
  })
})
