/**
 * Reads the subset of the FlatBuffers schema language that penstock.fbs uses: tables of scalars, strings, vectors and
 * one union. flatc makes the accessors; this makes what flatc does not offer JavaScript: the slot of each field and
 * what a verifier has to check there. A test compares both, so that the two readings of the schema cannot part.
 *
 * Non-goals: structs, enums other than the union, includes, attributes other than `required`. They throw.
 */

const SCALAR_BYTES = {
  bool: 1,
  byte: 1,
  ubyte: 1,
  short: 2,
  ushort: 2,
  int: 4,
  uint: 4,
  float: 4,
  long: 8,
  ulong: 8,
  double: 8,
}

/**
 * @typedef {{ name: string, slot: number, kind: 'scalar' | 'string' | 'table' | 'union-type' | 'union' | 'scalars' | 'strings' | 'tables',
 *   type: string, bytes: number, isRequired: boolean, defaultText: string | null }} Field
 * @typedef {{ tables: { name: string, fields: Field[] }[], union: { name: string, members: { name: string, id: number }[] }, root: string }} Schema
 */

/** @param {string} text of the .fbs file. @returns {Schema} */
export function parseSchema(text) {
  const source = text.replace(/\/\/.*$/gm, '').replace(/\/\*[\s\S]*?\*\//g, '')
  const union = parseUnion(source)
  const names = new Set([...source.matchAll(/\btable\s+(\w+)/g)].map((match) => match[1]))
  const tables = [...source.matchAll(/\btable\s+(\w+)\s*\{([^}]*)\}/g)].map(([, name, body]) => ({
    name,
    fields: parseFields(name, body, names, union.name),
  }))
  const root = /\broot_type\s+(\w+)\s*;/.exec(source)?.[1]
  const rest = source
    .replace(/\b(table|union)\s+\w+\s*\{[^}]*\}/g, '')
    .replace(/\b(namespace|root_type)\s+[\w.]+\s*;/g, '')
    .trim()
  if (rest !== '' || root === undefined)
    throw new Error(`penstock.fbs: cannot read ${JSON.stringify(rest.slice(0, 60))}`)
  return { tables, union, root }
}

function parseUnion(source) {
  const match = /\bunion\s+(\w+)\s*\{([^}]*)\}/.exec(source)
  if (match === null) throw new Error('penstock.fbs: expected one union')
  const members = match[2].split(',').map((part) => {
    const member = /^\s*(\w+)\s*=\s*(\d+)\s*$/.exec(part)
    if (member === null) throw new Error(`penstock.fbs: union member ${part.trim()} needs an explicit id`)
    return { name: member[1], id: Number(member[2]) }
  })
  return { name: match[1], members }
}

function parseFields(table, body, tableNames, unionName) {
  const fields = []
  let slot = 0
  for (const part of body.split(';').filter((piece) => piece.trim() !== '')) {
    const match = /^\s*(\w+)\s*:\s*(\[?)(\w+)(\]?)\s*(?:=\s*([\w.-]+))?\s*(\(\s*required\s*\))?\s*$/.exec(part)
    if (match === null) throw new Error(`penstock.fbs: cannot read the field "${part.trim()}" of ${table}`)
    const [, name, open, type, , defaultText, required] = match
    const isVector = open === '['
    // A union takes two slots: its type byte, then its offset.
    if (type === unionName) {
      fields.push(field(`${name}_type`, slot++, 'union-type', 'ubyte', 1, false))
      fields.push(field(name, slot++, 'union', type, 4, true))
      continue
    }
    fields.push(field(name, slot++, ...kindOf(type, isVector, tableNames), required !== undefined, defaultText ?? null))
  }
  return fields
}

function kindOf(type, isVector, tableNames) {
  if (type === 'string') return [isVector ? 'strings' : 'string', type, 4]
  if (tableNames.has(type)) return [isVector ? 'tables' : 'table', type, 4]
  if (type in SCALAR_BYTES) return [isVector ? 'scalars' : 'scalar', type, SCALAR_BYTES[type]]
  throw new Error(`penstock.fbs: unknown type ${type}`)
}

function field(name, slot, kind, type, bytes, isRequired, defaultText = null) {
  return { name, slot, kind, type, bytes, isRequired, defaultText }
}
