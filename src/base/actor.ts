/**
 * The caller who asks for a change, from the transport's call down to the line of the journal that records it, without a
 * parameter in every function between.
 *
 * On Node 20 a store that is in use costs every promise of the process twice its time. So only what may change something
 * enters a context, requests for inference never do, and the store is switched off when the last one has left. Work that
 * goes on after its caller was answered must enter a context of its own.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

/** The owner of the process: the command line on the home, an embedding program, callers of a server without keys. */
export const LOCAL_ACTOR = 'local'
/** The server by itself: measurements, repairs. */
export const SERVER_ACTOR = 'server'

const actors = new AsyncLocalStorage<string>()
let entered = 0

/** Runs `work`, until its promise settles, in the name of `actor`: `key:<name>`, LOCAL_ACTOR or SERVER_ACTOR. */
export async function runAs<T>(actor: string, work: () => Promise<T>): Promise<T> {
  entered++
  try {
    return await actors.run(actor, work)
  } finally {
    entered--
    if (entered === 0) actors.disable()
  }
}

export function currentActor(): string {
  return actors.getStore() ?? LOCAL_ACTOR
}
