/**
 * Rules about the rooms of native/, a room being a folder: no file and no room includes another in a ring, and no room
 * holds more sources than a reader can survey. A ring means that neither side can be read, tested or changed alone; cut
 * it with an interface in the lower room that the upper one implements, or move what both need below both. Each rule
 * takes the files as data, so that its canary is a small tree.
 */
import { posix } from 'node:path'
import { ringsOf } from './rings.js'
import type { Finding } from './rules.js'

type Files = ReadonlyMap<string, string>
type Edges = Map<string, Set<string>>

/** Sources directly in one room; a header and its implementations count as one, and what is generated as none. */
export const roomSourcesMax = 15

/** Rings of files, then rings of rooms: each once, named by the room or file that comes first in the alphabet. */
export function nativeIncludeRings(files: Files): Finding[] {
  const fileEdges = includeEdges(files)
  const roomEdges: Edges = new Map()
  for (const [path, targets] of fileEdges)
    for (const target of targets)
      if (posix.dirname(path) !== posix.dirname(target)) add(roomEdges, posix.dirname(path), posix.dirname(target))
  return [
    ...ringsOf(fileEdges).map((ring) => ({
      path: ring[0] ?? '',
      line: 0,
      message: `includes itself: ${closed(ring)}`,
    })),
    ...ringsOf(roomEdges).map((ring) => ({
      path: ring[0] ?? '',
      line: 0,
      message: `rooms include each other: ${closed(ring)}; declare an interface in the lower one, or move what both need`,
    })),
  ]
}

/** Rooms that hold more than roomSourcesMax sources. */
export function nativeRoomSizes(files: Files): Finding[] {
  const rooms: Edges = new Map()
  for (const path of nativeSources(files))
    if (!/_(codes|opcodes|slots)\.hpp$/.test(path)) add(rooms, posix.dirname(path), sourceName(path))
  return [...rooms]
    .filter(([, names]) => names.size > roomSourcesMax)
    .map(([path, names]) => ({
      path,
      line: 0,
      message: `holds ${names.size} sources, ${roomSourcesMax} are allowed: make rooms of what belongs together`,
    }))
}

/** cast.hpp, cast_scalar.cpp and cast_simd.cpp are one: cast. */
function sourceName(path: string): string {
  return posix.basename(path).replace(/(_scalar|_simd)?\.[ch]pp$/, '')
}

function nativeSources(files: Files): string[] {
  return [...files.keys()].filter((path) => /^native\/.*\.[ch]pp$/.test(path))
}

/** What each native file includes of the others: from native/, or beside itself. */
function includeEdges(files: Files): Edges {
  const edges: Edges = new Map()
  for (const path of nativeSources(files))
    for (const [, name = ''] of (files.get(path) ?? '').matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)) {
      const beside = posix.join(posix.dirname(path), name)
      const target = files.has(beside) ? beside : `native/${name}`
      if (files.has(target)) add(edges, path, target)
    }
  return edges
}

const closed = (ring: readonly string[]): string => [...ring, ring[0] ?? ''].join(' → ')

function add(edges: Edges, from: string, to: string): void {
  const targets = edges.get(from) ?? new Set()
  targets.add(to)
  edges.set(from, targets)
}
