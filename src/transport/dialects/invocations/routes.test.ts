/** What docs/reference/invocations.md says of addresses, and OpenAPI of both servers. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Router } from '../../http/router.js'
import { routes, routesOf } from '../../routes.js'
import { openApiDocument } from '../penstock/schemas/openapi.js'
import { mlflowRoutes } from './mlflow/routes.js'
import { sageMakerRoutes } from './sagemaker/routes.js'

const page = readFileSync(new URL('../../../../docs/reference/invocations.md', import.meta.url), 'utf8')
const listed = (text: string): string[] =>
  [...text.matchAll(/`((?:GET|POST|DELETE) \/[^`]*)`(?=[,` |])/g)].map(([, address = '']) => address)
const rows = (title: string): string =>
  (page.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '')
    .split('\n')
    .filter((line) => /^\| `(GET|POST|DELETE)/.test(line))
    .map((line) => line.split('|')[1])
    .join('|')
const addressesOf = (table: readonly { readonly method: string; readonly path: string }[]): string[] =>
  table.map(({ method, path }) => `${method} ${path}`).sort()

describe('invocations: addresses', () => {
  it('the page lists exactly those of both servers', () => {
    expect(listed(`${rows('MLflow')} `).sort()).toEqual(addressesOf(mlflowRoutes))
    expect(listed(`${rows('SageMaker')} `).sort()).toEqual(addressesOf(sageMakerRoutes))
  })

  it.each(['mlflow', 'sagemaker'] as const)(
    '%s: each address is one route, and described without a dangling schema',
    (server) => {
      const table = routesOf(server)
      const addresses = addressesOf(table)
      expect(new Set(addresses).size).toBe(addresses.length)
      expect(addresses).toEqual(expect.arrayContaining(addressesOf(routes)))
      const document = openApiDocument(table, '1.0.0') as { components: { schemas: object } }
      const references = [...JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g)].map(
        ([, name = '']) => name,
      )
      for (const name of references) expect(document.components.schemas).toHaveProperty(name)
      for (const { method, path } of server === 'mlflow' ? mlflowRoutes : sageMakerRoutes) {
        const found = new Router(table).find(method, path.replace('{model}', 'm'))
        expect(found.kind === 'route' && found.route.path).toBe(path)
      }
    },
  )

  it('neither is answered without being asked for', () => {
    expect(routesOf(null)).toBe(routes)
    for (const path of ['/invocations', '/ping', '/health', '/version'])
      expect(new Router(routes).find('GET', path).kind).toBe('refused')
  })
})
