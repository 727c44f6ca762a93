/** The pages docs/reference/http.md and errors.md say what the code says: routes, metrics, codes. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { errorTable, type ErrorRow } from '../../../../base/errors.js'
import { families } from '../../../../metrics/families.js'
import { routes } from '../../../routes.js'

const read = (page: string): string =>
  readFileSync(new URL(`../../../../../docs/reference/${page}`, import.meta.url), 'utf8')

describe('reference pages', () => {
  it('list exactly the routes that are served', () => {
    const listed = [...read('http.md').matchAll(/^\| ([A-Z]+) \| `([^`]+)` \|/gm)].map(
      ([, method, path]) => `${method} ${path}`,
    )
    expect(listed.sort()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort())
  })

  it('list exactly the metrics that are exported, with their types', () => {
    const listed = [...read('http.md').matchAll(/^\| (`penstock_[^|]+) \| (counter|gauge|histogram) \|/gm)].flatMap(
      ([, names = '', type]) => [...names.matchAll(/penstock_[a-z_]+/g)].map(([name]) => `${name} ${type}`),
    )
    expect(listed.sort()).toEqual(families.map(({ name, type }) => `${name} ${type}`).sort())
  })

  it('list exactly the error codes, with status, close code and whether to retry', () => {
    const listed = [...read('errors.md').matchAll(/^\| `(ERR_[A-Z_]+)` \| (\d+) \| (\d*) \| (yes|) \| (.+) \|$/gm)].map(
      (match) => match.slice(1),
    )
    const rows = Object.entries<ErrorRow>(errorTable).map(([code, row]) => [
      code,
      String(row.http),
      String(row.close ?? ''),
      row.retryable ? 'yes' : '',
      row.sentence,
    ])
    expect(listed).toEqual(rows)
  })
})
