/**
 * Rows in which fields stand inside nested objects: where each field is (`path`, a JSON Pointer from the row), and which
 * members the objects on the way may have. A row without nested fields has no tree, and costs nothing.
 */
/** A field, as far as its place is concerned. */
interface PlacedField {
  readonly name: string
  /** Members from the row to its value. */
  readonly path: readonly string[]
  readonly isRequired: boolean
}

/** The members of one object of a row. */
export interface MemberTree<F extends PlacedField> {
  /** Members that are fields, and members that are objects with fields of their own. */
  readonly members: ReadonlyMap<string, F | MemberTree<F>>
}

/** Whether it is a member of the row itself, by its name. */
export function isOwnMember({ name, path }: Pick<PlacedField, 'name' | 'path'>): boolean {
  return path.length === 1 && path[0] === name
}

export function isTree<F extends PlacedField>(member: F | MemberTree<F> | undefined): member is MemberTree<F> {
  return member !== undefined && 'members' in member
}

/** @returns null: all fields are members of the row itself, by their names. */
export function memberTree<F extends PlacedField>(fields: readonly F[]): MemberTree<F> | null {
  if (fields.every(isOwnMember)) return null
  const root = { members: new Map<string, F | MemberTree<F>>() }
  for (const field of fields) {
    const parents = field.path.slice(0, -1)
    let at = root
    for (const step of parents) {
      const known = at.members.get(step)
      const next = isTree(known) ? (known as typeof root) : { members: new Map<string, F | MemberTree<F>>() }
      at.members.set(step, next)
      at = next
    }
    at.members.set(field.path.at(-1) as string, field)
  }
  return root
}

/** Whether each row has it, or something inside it. */
export function hasRequired<F extends PlacedField>(member: F | MemberTree<F>): boolean {
  return isTree(member) ? [...member.members.values()].some((one) => hasRequired(one)) : member.isRequired
}

/** A JSON Pointer's steps. @returns null: it is none, or means the row itself. @source RFC 6901, sections 3 and 4 */
export function pointerSteps(text: string): string[] | null {
  if (!/^\/(?:[^~]|~[01])*$/.test(text)) return null
  const steps = text.slice(1).split('/')
  return steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** @source RFC 6901, section 3 */
export function pointer(place: readonly (string | number)[]): string {
  return place.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** The value at a place of a row; undefined where there is none. Only own members count. */
export function valueAt(row: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, step) => {
    const isIn = typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, step)
    return isIn ? (value as Record<string, unknown>)[step] : undefined
  }, row)
}

/** The row with a value at a place; objects on the way are made, and none is changed. */
export function withValueAt<T>(
  row: Readonly<Record<string, T>>,
  path: readonly string[],
  value: T,
): Readonly<Record<string, T>> {
  const [step = '', ...rest] = path
  const inner = Object.hasOwn(row, step) ? row[step] : undefined
  const object = (isPlainObject(inner) ? inner : {}) as Readonly<Record<string, T>>
  const member = rest.length === 0 ? value : (withValueAt(object, rest, value) as T)
  // fromEntries defines, so that a member called __proto__ is one.
  return Object.fromEntries([...Object.entries(row), [step, member]])
}

/** The row without the value at a place. */
export function withoutValueAt<T>(
  row: Readonly<Record<string, T>>,
  path: readonly string[],
): Readonly<Record<string, T>> {
  const [step = '', ...rest] = path
  const inner = Object.hasOwn(row, step) ? row[step] : undefined
  const others = Object.fromEntries(Object.entries(row).filter(([name]) => name !== step))
  if (rest.length === 0 || !isPlainObject(inner)) return others
  return { ...others, [step]: withoutValueAt(inner as Readonly<Record<string, T>>, rest) as T }
}

export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
