/**
 * The generated code is what the schema makes, and the slots that hand-written writers and readers repeat are the
 * schema's. flatc's accessors and our own reading of the schema are two readings; here they are compared.
 */
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { fileURLToPath } from 'node:url'
import { CHECK_FAILURES_SLOT, REQUEST_NUMBERS_SLOT } from './decode.js'
import { Body } from './generated/body.js'
import { wireBodies, wireTables } from './generated/wire-tables.js'
import { INFER_SLOTS } from './infer-encoder.js'
import { META_SLOTS } from './meta.js'

const folder = fileURLToPath(new URL('./generated/', import.meta.url))

describe('generated: the wire format', () => {
  it('generated: is what penstock.fbs makes', async () => {
    const { staleFlatbuffers } = (await import('../../tools/codegen/flatbuffers.mjs')) as {
      staleFlatbuffers(): Promise<string[]>
    }
    expect(await staleFlatbuffers()).toEqual([])
  })

  it('generated: the verifier and the accessors agree on the slot of each field', async () => {
    let compared = 0
    for (const [table, fields] of Object.entries(wireTables)) {
      const file = table.replace(/(?<!^)([A-Z])/g, '-$1').toLowerCase()
      const text = await readFile(`${folder}${file}.ts`, 'utf8')
      for (const { name, slot } of fields) {
        const accessor = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
        const body = new RegExp(
          `^${accessor}(<[^>]*>)?\\([^\\n]*\\{\\n[^\\n]*__offset\\(this.bb_pos, (\\d+)\\)`,
          'm',
        ).exec(text)
        expect(Number(body?.[2]), `${table}.${name}`).toBe(4 + 2 * slot)
        compared++
      }
    }
    expect(compared).toBeGreaterThan(40)
  })

  it('generated: the verifier and the accessors agree on the members of the union', () => {
    const members = Object.fromEntries(Object.entries(wireBodies).map(([id, name]) => [name, Number(id)]))
    const { NONE, ...ids } = Object.fromEntries(Object.entries(Body).filter(([, id]) => typeof id === 'number'))
    expect(NONE).toBe(0)
    expect(members).toEqual(ids)
  })

  it('generated: the slots that are repeated by hand are those of the schema', () => {
    const slotsOf = (table: keyof typeof wireTables) =>
      Object.fromEntries(wireTables[table].map(({ name, slot }) => [name, slot]))
    expect(INFER_SLOTS).toEqual(slotsOf('Infer'))
    expect(META_SLOTS).toEqual(slotsOf('Meta'))
    expect(CHECK_FAILURES_SLOT).toBe(slotsOf('Results')['check_failures'])
    expect(REQUEST_NUMBERS_SLOT).toBe(slotsOf('Results')['request_numbers'])
  })
})
