/** No number is typed in both languages; and the rule that says so sees those that are. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { numbersTypedTwice } from './boundary.js'
import { readTree } from './source.js'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

const found = (typescript: string, native: string, path = 'src/engine/a.ts'): string[] =>
  numbersTypedTwice(
    new Map([
      [path, typescript],
      ['native/queue/a.hpp', native],
    ]),
  ).map(({ path: where, line }) => `${where}:${line}`)

describe('tidy: numbers of the boundary', () => {
  it('no number is typed in both languages', () => {
    const findings = numbersTypedTwice(readTree(root))
    expect(findings.map(({ path, line, message }) => `${path}:${line}: ${message}`)).toEqual([])
  })

  it.each([
    ['const POSITIONS_MAX = 64', 'constexpr size_t kPositionsMax = 64;'],
    ['/** A table. */\nconst positionsMax = 64', '  static constexpr uint32_t kPositionsMax = 64;'],
    ['export const BUFFER_BYTES = 64 * 1024', 'constexpr size_t kBufferBytes = size_t{64} << 10;'],
    ['const FRAME_BYTES_LIMIT = 2 ** 31 - 1', 'constexpr size_t kFrameBytesLimit = (size_t{1} << 31) - 1;'],
    ['const TRUSTED_ROWS = 65_536', "constexpr uint64_t kTrustedRows = 65'536;"],
    ['const B = 8', 'constexpr size_t kA = 4, kB = 8;'],
    ['const SEND_FAILED = 5', 'enum Event : int { kSend = 4, kSendFailed = 5 };'],
    ['const SEND_FAILED = 5', 'enum class Event { kSend = 4, kSendFailed };'],
    ['const codes = { async: 0, sampled: 1 } as const', 'enum class Durability : uint8_t { kAsync = 0, kSampled };'],
    [
      'const codes: Codes = {\n  time: 0,\n  aTensor: 1,\n}',
      'enum class Kind {\n  kTime = 0,  // now\n  kATensor,\n};',
    ],
  ])('%s and %s: are one number', (typescript, native) => {
    expect(found(typescript, native)).toHaveLength(1)
  })

  it('a limit: has no namesake in C++, of whatever value', () => {
    const native = 'constexpr size_t kInstructionsMax = 4096;'
    expect(found('\nexport const INSTRUCTIONS_MAX = 1024', native, 'src/base/limits/limits.ts')).toEqual([
      'src/base/limits/limits.ts:2',
    ])
  })

  it.each([
    ['of different values', 'const HEAD_BYTES_MAX = 20', 'constexpr size_t kHeadBytesMax = 256 * 1024;'],
    ['of what is generated', 'const HEAD_BYTES = ROOT_BYTES', 'constexpr size_t kHeadBytes = kRootBytes;'],
    ['in a comment', '// const SIZE = 4', 'constexpr size_t kSize = 4;'],
    ['one member in common', 'const line = { none: 0, thick: 1 }', 'enum class Held { kNone = 0, kBatch = 1 };'],
    ['an enum that numbers nothing', 'const DROPPED = 1', 'enum class Answer { kCollected, kDropped };'],
    ['a local', 'function f() {\n  const size = 4\n}', 'constexpr size_t kSize = 4;'],
  ])('%s: are two numbers', (_what, typescript, native) => {
    expect(found(typescript, native)).toEqual([])
  })

  it('what is generated: is typed on neither side again', () => {
    const generated = 'inline constexpr size_t kSizeMax = 4;\nenum class Kind {\n  kOne = 1,\n  kTwo = 2,\n};'
    const files = (typed: string) =>
      new Map([
        ['native/core/boundary_codes.hpp', generated],
        [
          'bindings/generated/boundary.ts',
          'export const SIZE_MAX = 4\nexport const Kind = { one: 1, two: 2 } as const',
        ],
        typed.startsWith('constexpr') || typed.startsWith('enum') ? ['native/a.hpp', typed] : ['src/a.ts', typed],
      ])
    expect(numbersTypedTwice(files(''))).toEqual([])
    for (const typed of ['const sizeMax = 4', 'constexpr int kSizeMax = 4;', 'const k = { one: 1, two: 2 }'])
      expect(numbersTypedTwice(files(typed)), typed).toHaveLength(1)
    expect(numbersTypedTwice(files('enum Other { kOne = 1, kTwo = 2 };'))).toHaveLength(1)
    // A name like this one has many meanings.
    expect(numbersTypedTwice(files('const ONE = 1'))).toEqual([])
  })

  it('tests, and what is generated of other sources: may say both', () => {
    const native = 'constexpr size_t kSize = 4;'
    expect(found('const SIZE = 4', native, 'src/base/generated/dtypes.ts')).toEqual([])
    expect(found('const SIZE = 4', native, 'src/base/size.test.ts')).toEqual([])
  })
})
