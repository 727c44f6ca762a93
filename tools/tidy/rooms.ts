/**
 * A folder is a room: it holds about fifteen sources at most, so that a newcomer sees what is there, and says in a README
 * what lives in it and what it may import. Tests lie beside what they test and do not count.
 */
import { posix } from 'node:path'
import type { Finding } from './rules.js'

export const roomSourcesMax = 16

const isSource = (path: string): boolean => /^(src|test)\/.*\.(ts|mjs)$/.test(path) && !path.includes('/generated/')
/** Suites of test/ are its sources. */
const isBesideTest = (path: string): boolean => path.startsWith('src/') && /\.(test|fuzz)\.ts$/.test(path)

function rooms(files: ReadonlyMap<string, string>): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const path of files.keys()) {
    if (!isSource(path) || isBesideTest(path)) continue
    const room = posix.dirname(path)
    found.set(room, [...(found.get(room) ?? []), path])
  }
  return found
}

export function crowdedRooms(files: ReadonlyMap<string, string>): Finding[] {
  return [...rooms(files)].flatMap(([path, sources]) =>
    sources.length <= roomSourcesMax
      ? []
      : [
          {
            path,
            line: 0,
            message: `holds ${sources.length} sources, ${roomSourcesMax} are allowed: give a part of it a room`,
          },
        ],
  )
}

/** A room's README, or its parent's, which then names the room. */
export function unexplainedRooms(files: ReadonlyMap<string, string>): Finding[] {
  return [...rooms(files).keys()].flatMap((path) => {
    // What a room's tests share needs no word of its own.
    if (files.has(`${path}/README.md`) || posix.basename(path) === 'testing') return []
    const name = posix.basename(path)
    const outer = files.get(`${posix.dirname(path)}/README.md`) ?? ''
    if (outer.includes(`\`${name}/\``)) return []
    const message = `has no README.md, and its parent's does not name \`${name}/\`: say what lives here and what it may import`
    return [{ path, line: 0, message }]
  })
}
