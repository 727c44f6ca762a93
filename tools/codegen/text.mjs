/**
 * Small pieces that the generators share: spelling of names, the banner of generated files, and the refusal of sources
 * that say something twice.
 */

/** The first lines of every generated file; `comment` is `//` in both languages. */
export function banner(source, lines) {
  return [
    `// Generated from ${source} by tools/codegen: do not edit, run \`npm run codegen\`.`,
    ...lines.map((l) => `// ${l}`),
  ]
}

/** QUEUE_FULL or queue_full → QueueFull; lessEqual → LessEqual. */
export function pascalCase(name) {
  const words = name.includes('_') || name === name.toUpperCase() ? name.toLowerCase().split('_') : [name]
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}

/** deadlineMs or DeadlineMs → deadline_ms. */
export function snakeCase(name) {
  return name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '_').toLowerCase()
}

/** @throws Error naming `source` and the value when `key(row)` appears twice; undefined keys are skipped. */
export function expectUnique(source, rows, what, key) {
  const seen = new Set()
  for (const row of rows) {
    const value = key(row)
    if (value === undefined) continue
    if (seen.has(value))
      throw new Error(`Expected each ${what} in ${source} to appear once but received ${value} twice`)
    seen.add(value)
  }
}

/** A single-quoted TypeScript string. */
export function quote(text) {
  return text.includes("'") ? JSON.stringify(text) : `'${text}'`
}

export function file(lines) {
  return lines.join('\n') + '\n'
}
