/**
 * Holds the rooms of native/ to their rules, and the rules to their canaries.
 */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { nativeIncludeRings, nativeRoomSizes, roomSourcesMax } from './native-includes.js'
import { readTree } from './source.js'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

function treeOf(includes: Readonly<Record<string, readonly string[]>>): Map<string, string> {
  return new Map(
    Object.entries(includes).map(([path, names]) => [path, names.map((name) => `#include "${name}"\n`).join('')]),
  )
}

function roomOf(count: number): Map<string, string> {
  return treeOf(Object.fromEntries(Array.from({ length: count }, (_, i) => [`native/kernel/op${i}.hpp`, []])))
}

describe('native rooms: the tree', () => {
  const files = readTree(root)

  it('no file and no room includes another in a ring', () => {
    expect(nativeIncludeRings(files)).toEqual([])
  })

  it(`no room holds more than ${roomSourcesMax} sources`, () => {
    expect(nativeRoomSizes(files)).toEqual([])
  })

  it('every room says what lives there; tests stand in the room of what they test', () => {
    const rooms = new Set([...files.keys()].filter((path) => /^native\/.*\.[ch]pp$/.test(path)).map(dirname))
    expect(rooms.size).toBeGreaterThan(5)
    for (const room of rooms) {
      const [, tested] = /^native\/test\/(.*)$/.exec(room) ?? []
      if (tested === undefined) expect(files.get(`${room}/README.md`), `${room}/README.md`).toMatch(/^# \S/)
      else expect(rooms.has(`native/${tested}`), room).toBe(true)
    }
  })
})

describe('native rooms: canaries', () => {
  it('rings: refuses headers that include each other', () => {
    const tree = treeOf({
      'native/queue/a.hpp': ['queue/b.hpp'],
      'native/queue/b.hpp': ['c.hpp'],
      'native/queue/c.hpp': ['queue/a.hpp', 'vector.hpp'],
      'native/queue/d.hpp': ['queue/a.hpp'],
    })
    expect(nativeIncludeRings(tree)).toEqual([
      {
        path: 'native/queue/a.hpp',
        line: 0,
        message: 'includes itself: native/queue/a.hpp → native/queue/b.hpp → native/queue/c.hpp → native/queue/a.hpp',
      },
    ])
  })

  it('rings: refuses rooms that include each other by different files', () => {
    const tree = treeOf({
      'native/plan/plan.hpp': [],
      'native/plan/port.cpp': ['plan/plan.hpp', 'log/row_log.hpp'],
      'native/log/row_log.hpp': ['plan/plan.hpp'],
    })
    expect(nativeIncludeRings(tree).map(({ message }) => message.split(';')[0])).toEqual([
      'rooms include each other: native/log → native/plan → native/log',
    ])
  })

  it('rings: takes a tree whose includes point down, files of one room and rooms in rooms included', () => {
    const tree = treeOf({
      'native/core/clock.hpp': [],
      'native/load/plan/plan.hpp': ['core/clock.hpp'],
      'native/load/plan/plan.cpp': ['load/plan/plan.hpp'],
      'native/load/http/client.cpp': ['load/plan/plan.hpp', 'core/clock.hpp'],
      'src/a.ts': ['src/a.ts'],
    })
    expect(nativeIncludeRings(tree)).toEqual([])
  })

  it('sizes: refuses one source too many and counts a header with its implementations once', () => {
    expect(nativeRoomSizes(roomOf(roomSourcesMax))).toEqual([])
    const full = roomOf(roomSourcesMax)
    for (const name of ['op1.cpp', 'op2_scalar.cpp', 'op2_simd.cpp']) full.set(`native/kernel/${name}`, '')
    expect(nativeRoomSizes(full)).toEqual([])
    expect(nativeRoomSizes(roomOf(roomSourcesMax + 1)).map(({ path }) => path)).toEqual(['native/kernel'])
  })
})
