/** What the tables of addresses and calls ask for, each by the name of its kind. Of several scopes one is enough. */
import type { Scope } from '../../base/access.js'

/** Whoever has a key: what the server is, and what it can be asked. */
export const ANY_KEY: readonly Scope[] = []
export const INFER: readonly Scope[] = ['infer']
/** What one must know of a pipeline to infer on it, and may know who reads. */
export const SIGNATURE: readonly Scope[] = ['infer', 'read']
export const READ: readonly Scope[] = ['read']
export const WRITE: readonly Scope[] = ['write']
/** What reaches the machine. */
export const ADMIN: readonly Scope[] = ['admin']
