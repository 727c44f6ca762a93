/**
 * No circles: modules do not import each other in a ring, types included, and neither do rooms (folders). A ring means that
 * nothing of it can be understood, tested or moved alone. A room may know its parent and its parent it: they are one
 * subject, and the rooms beside it are the ones that it must not need.
 *
 * Strongly connected components by Tarjan (Depth-first search and linear graph algorithms, SIAM J. Comput. 1(2), 1972).
 */
import { posix } from 'node:path'
import type { Finding } from './rules.js'
import { importsOf, resolveImport } from './source.js'

export type Graph = ReadonlyMap<string, ReadonlySet<string>>

const isProduct = (path: string): boolean => /^(src|bindings)\/.*\.ts$/.test(path) && !/\/generated\//.test(path)
const isTest = (path: string): boolean => /\.(test|fuzz)\.ts$|\/testing\//.test(path)

/** Which module imports which, tests included. */
export function importGraph(files: ReadonlyMap<string, string>): Map<string, Set<string>> {
  const graph = new Map<string, Set<string>>()
  for (const [path, text] of files) {
    if (!isProduct(path)) continue
    const targets = importsOf(text).flatMap(({ specifier }) => {
      const target = specifier.startsWith('.') ? resolveImport(path, specifier) : ''
      return isProduct(target) && files.has(target) ? [target] : []
    })
    graph.set(path, new Set(targets))
  }
  return graph
}

/** Which room imports which other, without tests, which may look anywhere; parents and their rooms do not count. */
export function roomGraph(modules: Graph): Map<string, Set<string>> {
  const graph = new Map<string, Set<string>>()
  for (const [path, targets] of modules) {
    if (isTest(path)) continue
    const room = posix.dirname(path)
    const others = graph.get(room) ?? new Set<string>()
    for (const target of targets) {
      const other = posix.dirname(target)
      if (!isTest(target) && other !== room && !isWithin(room, other) && !isWithin(other, room)) others.add(other)
    }
    graph.set(room, others)
  }
  return graph
}

const isWithin = (room: string, outer: string): boolean => room.startsWith(`${outer}/`)

export function ringFindings(graph: Graph): Finding[] {
  return ringsOf(graph).map((ring) => {
    const [path = ''] = ring
    const message = `is in a ring: ${ring.join(' → ')} → ${path}; move what they share to a file below them`
    return { path, line: 0, message }
  })
}

/** A shortest way round for each strongly connected component that has one: more than one node, or one that leads to itself. */
export function ringsOf(graph: Graph): string[][] {
  return componentsOf(graph)
    .filter(([node = '', ...others]) => others.length > 0 || graph.get(node)?.has(node) === true)
    .map((component) => wayRound(graph, new Set(component)))
}

function wayRound(graph: Graph, component: ReadonlySet<string>): string[] {
  const [start = ''] = [...component].sort()
  const from = new Map<string, string>()
  const pending = [start]
  for (let node = pending.shift(); node !== undefined; node = pending.shift()) {
    for (const next of graph.get(node) ?? []) {
      if (next === start) return pathTo(node, start, from)
      if (!component.has(next) || from.has(next)) continue
      from.set(next, node)
      pending.push(next)
    }
  }
  return [start]
}

function pathTo(end: string, start: string, from: ReadonlyMap<string, string>): string[] {
  const path = [end]
  for (let node = end; node !== start;) {
    node = from.get(node) ?? start
    path.unshift(node)
  }
  return path
}

function componentsOf(graph: Graph): string[][] {
  const components: string[][] = []
  const indices = new Map<string, number>()
  const lows = new Map<string, number>()
  const stack: string[] = []
  const onStack = new Set<string>()
  const visit = (node: string): void => {
    const index = indices.size
    indices.set(node, index)
    lows.set(node, index)
    stack.push(node)
    onStack.add(node)
    for (const next of graph.get(node) ?? []) {
      if (!indices.has(next)) visit(next)
      if (onStack.has(next)) lows.set(node, Math.min(lows.get(node) ?? 0, lows.get(next) ?? 0))
    }
    if (lows.get(node) !== index) return
    const component = stack.splice(stack.indexOf(node))
    for (const member of component) onStack.delete(member)
    components.push(component)
  }
  for (const node of graph.keys()) if (!indices.has(node)) visit(node)
  return components
}
