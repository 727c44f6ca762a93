/** What a request's meta holds, wherever it stands: routing keys and the caller's own ids. Types only. */

/** A routing key's value: one for the whole request, or one per row. */
export type MetaValue = string | number | readonly string[] | readonly number[]
export type Meta = Readonly<Record<string, MetaValue>>
