/** Which backend is chosen, and what is said when it is not the fast one; the messages are what Node and the library print. */
import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { installSockets, loadFailure, openBackend, socketChoiceOf } from './choose.js'
import type { BackendHandlers } from './seam.js'

const debian12 = { node: '22.23.5', platform: 'linux-x64' }
const library = (cause: string): Error =>
  new Error(`This version of uWS.js supports only Node.js versions 16, 18, 20 on Tier 1 platforms.\n\n${cause}`)
const tooOld = library(
  "Error: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by uws_linux_x64_127.node)",
)
const handlers = { posts: [], socket: { path: '/ws', frameBytesMax: 1, bufferBytesMax: 1, idleTimeoutS: 8 } }
const open = (choice: 'auto' | 'uws' | 'node', error: Error) =>
  openBackend(choice, handlers as unknown as BackendHandlers<object>, {}, () => {
    throw error
  })

describe('sockets: why the library does not load', () => {
  it.each([
    [
      'a C library that is too old',
      tooOld,
      debian12,
      /^the binary of uWebSockets\.js for Node 22 wants glibc 2\.38 and this system's is older; .*Node 20$/,
    ],
    [
      'a Node without a binary',
      library("Error: Cannot find module './uws_linux_x64_147.node'\nRequire stack:\n- /x/uws.js"),
      { ...debian12, node: '26.12.1' },
      /^uWebSockets\.js has no binary for Node 26 on linux-x64; it has one for Node 20 to 25, except 23$/,
    ],
    [
      'no library',
      Object.assign(new Error("Cannot find module 'uWebSockets.js'\nRequire stack:\n- /x"), {
        code: 'MODULE_NOT_FOUND',
      }),
      debian12,
      /^uWebSockets\.js is not installed; to add it: npm install uWebSockets\.js@npm:uwebsockets@3\.0\.6$/,
    ],
    [
      'anything else',
      new Error('first\n\nlast words\n'),
      debian12,
      /^uWebSockets\.js does not load on Node 22, linux-x64: last words$/,
    ],
  ])('%s: one sentence with the way out', (_what, error, machine, sentence) => {
    expect(loadFailure(error, machine)).toMatch(sentence)
  })

  it('the command that installs it names the version that the tests run with', () => {
    const { devDependencies, peerDependenciesMeta } = createRequire(import.meta.url)('penstock/package.json') as {
      devDependencies: Record<string, string>
      peerDependenciesMeta: Record<string, { optional: boolean }>
    }
    expect(installSockets).toBe(`npm install uWebSockets.js@${devDependencies['uWebSockets.js']}`)
    expect(peerDependenciesMeta['uWebSockets.js']).toEqual({ optional: true })
  })
})

describe('sockets: the choice', () => {
  it('auto falls back and says why; node gives no reason; uws refuses with the reason', () => {
    const fallBack = open('auto', tooOld)
    expect(fallBack.backend.name).toBe('node')
    expect(fallBack.fallBackReason).toMatch(/glibc 2\.38/)
    expect(open('node', tooOld)).toMatchObject({ backend: { name: 'node' }, fallBackReason: null })
    expect(() => open('uws', tooOld)).toThrow(
      /Expected sockets to be auto or node, because uws does not load here, but received "uws"\. The binary .*glibc 2\.38/,
    )
  })

  it('a word that is none of them is refused', () => {
    expect(() => socketChoiceOf('fast')).toThrow(
      'Expected sockets to be one of auto, native, uws, node but received "fast"',
    )
    expect(socketChoiceOf('uws')).toBe('uws')
  })
})
