/**
 * HTML and SVG as text. Whatever comes from a scenario, a server or a file goes through `escape`: element() escapes
 * attributes by itself, and children are markup only when they were made here.
 */
export type Attributes = Readonly<Record<string, string | number>>

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
}

/** @param children markup, already escaped where it holds text. */
export function element(name: string, attributes: Attributes = {}, ...children: readonly string[]): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escape(String(value))}"`)
  return `<${name}${written.join('')}>${children.join('')}</${name}>`
}

/** An element around plain text. */
export function textElement(name: string, text: string, attributes: Attributes = {}): string {
  return element(name, attributes, escape(text))
}

/** Two decimals: coordinates need no more, and the file stays small. */
export function coordinate(value: number): string {
  return String(Math.round(value * 100) / 100)
}

/** A table whose first column is a heading and whose others are numbers. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[], isTextLast = false): string {
  const head = titles
    .map((title, index) =>
      textElement('th', title, {
        scope: 'col',
        ...(isTextLast && index === titles.length - 1 ? { class: 'text' } : {}),
      }),
    )
    .join('')
  const body = rows.map((cells) => {
    const [first = '', ...others] = cells
    const data = others.map((cell, index) =>
      textElement('td', cell, isTextLast && index === others.length - 1 ? { class: 'text' } : {}),
    )
    return element('tr', {}, textElement('th', first, { scope: 'row' }), ...data)
  })
  return element(
    'div',
    { class: 'wide' },
    element('table', {}, element('thead', {}, element('tr', {}, head)), element('tbody', {}, ...body)),
  )
}
