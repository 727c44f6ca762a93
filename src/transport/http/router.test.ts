/** Every address is found by its own route, and near misses are answered with the cure. */
import { describe, expect, it } from 'vitest'
import { openApiDocument } from '../dialects/penstock/schemas/openapi.js'
import { Router } from './router.js'
import { routes } from '../routes.js'
import { closest } from '../../base/suggest.js'

const router = new Router(routes)
const find = (method: string, path: string) => router.find(method, path)

describe('router', () => {
  it('finds each route of the table by an example of its path', () => {
    for (const route of routes) {
      const path = route.path.replaceAll(/\{\w+\}/g, 'x1')
      const found = find(route.method, path)
      expect(found.kind === 'route' && found.route, `${route.method} ${route.path}`).toBe(route)
    }
  })

  it('decodes parameters and answers HEAD like GET', () => {
    const found = find('HEAD', '/v1/models/a%2Fb')
    expect(found.kind === 'route' && found.parameters).toEqual(['a/b'])
    expect(find('GET', '/v1/models/%ff')).toMatchObject({ kind: 'refused', error: { code: 'ERR_ARGUMENT' } })
  })

  it('answers 405 with the methods that the address takes', () => {
    expect(find('POST', '/v1/pipelines/p')).toMatchObject({
      kind: 'refused',
      allow: 'GET, HEAD, PUT, DELETE',
      error: { code: 'ERR_METHOD', httpStatus: 405 },
    })
    expect(find('GET', '/v1/pipelines/p/infer')).toMatchObject({
      allow: 'POST',
      error: { message: 'Expected the method of /v1/pipelines/p/infer to be POST but received GET' },
    })
    expect(find('get', '/')).toMatchObject({ kind: 'refused', allow: 'GET, HEAD' })
  })

  it('answers 404 with the nearest address', () => {
    const sentence = (path: string): string => {
      const found = find('GET', path)
      return found.kind === 'refused' ? found.error.message : ''
    }
    expect(sentence('/v1/pipelnes/fraud/infer')).toContain('Did you mean /v1/pipelines/fraud/infer?')
    expect(sentence('/v1/models/')).toContain('Did you mean /v1/models?')
    expect(sentence('/health/ready')).toContain('Did you mean /healthz/ready?')
    expect(sentence('/completely/other/things')).toContain('GET / lists the addresses')
    expect(sentence('//')).toContain('Expected an address of this server but received //')
    expect(sentence(`/${'a'.repeat(100_000)}`).length).toBeLessThan(400)
  })
})

describe('suggestions', () => {
  it('proposes slips only', () => {
    expect(closest('featrues', ['features', 'labels'])).toBe('features')
    expect(closest('x', ['features'])).toBe(null)
    expect(closest('a', ['b'])).toBe(null)
    expect(closest('a', ['A'])).toBe('A')
    expect(closest('a'.repeat(1e6), ['a'])).toBe(null)
  })
})

describe('openapi', () => {
  it('describes exactly the routes that are served, with unique operation ids and no dangling schema', () => {
    const document = openApiDocument(routes, '1.2.3') as {
      paths: Record<string, Record<string, { operationId: string }>>
      components: { schemas: Record<string, unknown> }
    }
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(described.sort()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort())
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    )
    expect(new Set(ids).size).toBe(ids.length)
    for (const [, name = ''] of JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g))
      expect(Object.keys(document.components.schemas)).toContain(name)
  })

  it('gives each address one of the topics that it lists, and each topic an address', () => {
    const { paths, tags } = openApiDocument(routes, '1.2.3') as {
      paths: Record<string, Record<string, { tags: string[] }>>
      tags: { name: string }[]
    }
    const used = Object.entries(paths).flatMap(([path, methods]) =>
      Object.values(methods).map((operation): [string, string[]] => [path, operation.tags]),
    )
    for (const [path, topics] of used) expect([path, topics.length]).toEqual([path, 1])
    const names = tags.map(({ name }) => name)
    expect(new Set(used.flatMap(([, topics]) => topics))).toEqual(new Set(names))
    const topics = new Map(used)
    for (const [path, topic] of [
      ['/predict', 'predict'],
      ['/v1/pipelines/{pipeline}/infer', 'infer'],
      ['/v1/pipelines/{pipeline}/logs', 'logs'],
      ['/v1/pipelines/{pipeline}', 'pipelines'],
      ['/v2/models/{model}/infer', 'open-inference'],
      ['/pipelines/{pipeline}', 'wallaroo'],
      ['/docs', 'server'],
    ] as const)
      expect([path, topics.get(path)]).toEqual([path, [topic]])
  })
})
