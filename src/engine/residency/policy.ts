/**
 * Which loaded model is unloaded first where not all fit.
 *
 *     asked for, not loaded ─► on trial ── asked more than the least asked that stays ─► stays ── the least asked ─► on trial
 *                                 └── first to go, the least recently used before the others
 *
 * Every request of a model that is not loaded has to load it, so least recently used alone is the worst choice where one model too many
 * is asked in turn: each request then finds the one that has just been unloaded. So a newcomer is on trial, and takes the place of the
 * model that is asked least only once it is asked clearly more (the admission window of W-TinyLFU, Einziger, Friedman and Manes,
 * ACM Transactions on Storage 2017). How often is counted by requests, halved over the last ten for each loaded model (combined
 * recency and frequency, LRFU, Lee and others, IEEE Transactions on Computers 2001), so that yesterday's favourites go.
 * 11 models in turn on room for 10: a load in 5.5 requests, and one in each with least recently used.
 */

/** What is known of a model's use. */
export interface Use {
  /** Requests or batches, since the model was made known. */
  readonly count: number
  /** When the last one came; 0: none has. On the clock of all of them. */
  readonly lastUs: number
}

interface Standing {
  seen: number
  lastUs: number
  /** Requests of late. */
  frequency: number
  isOnTrial: boolean
}

/** Requests for each loaded model, over which the count of one is halved. */
const SAMPLE_PER_MODEL = 10
/** A newcomer is asked so much more than the model whose place it takes: what chance and order alone make is less. */
const MARGIN_FACTOR = 1.25
const MARGIN_COUNT = 1

export class EvictionPolicy<Key> {
  readonly #standings = new Map<Key, Standing>()

  /** @param isOnTrial false: it was loaded where there was room for it. */
  loaded(key: Key, isOnTrial: boolean): void {
    this.#standingOf(key).isOnTrial = isOnTrial
  }

  forget(key: Key): void {
    this.#standings.delete(key)
  }

  isOnTrial(key: Key): boolean {
    return this.#standings.get(key)?.isOnTrial ?? true
  }

  /** Takes in what was asked since the last call, of models that are loaded and of others. */
  note(uses: Iterable<readonly [Key, Use]>, loadedCount: number): void {
    const found = [...uses].map(([key, use]) => ({ standing: this.#standingOf(key), use }))
    const total = found.reduce((sum, { standing, use }) => sum + Math.max(0, use.count - standing.seen), 0)
    if (total === 0) return
    const sample = SAMPLE_PER_MODEL * Math.max(1, loadedCount)
    const decay = 2 ** (-total / sample)
    // As if the counts had been halved all the while, with the requests in between spread evenly.
    const gain = ((1 - decay) * sample) / (Math.LN2 * total)
    for (const { standing, use } of found) {
      standing.frequency = standing.frequency * decay + Math.max(0, use.count - standing.seen) * gain
      standing.seen = use.count
      standing.lastUs = use.lastUs
    }
  }

  /** The order in which loaded models go. */
  order(loaded: readonly Key[]): Key[] {
    this.#promote(loaded)
    const standing = (key: Key): Standing => this.#standingOf(key)
    const byUse = [...loaded].sort((a, b) => standing(a).lastUs - standing(b).lastUs)
    const onTrial = byUse.filter((key) => standing(key).isOnTrial)
    // Stable: the least recently used of those that are asked alike comes first.
    const staying = byUse.filter((key) => !standing(key).isOnTrial)
    return [...onTrial, ...staying.sort((a, b) => standing(a).frequency - standing(b).frequency)]
  }

  /** Who is on trial and has proved itself changes places with the one that is asked least. */
  #promote(loaded: readonly Key[]): void {
    const standings = loaded.map((key) => this.#standingOf(key))
    const onTrial = standings.filter(({ isOnTrial }) => isOnTrial).sort((a, b) => b.frequency - a.frequency)
    const staying = standings
      .filter(({ isOnTrial }) => !isOnTrial)
      .sort((a, b) => a.frequency - b.frequency || a.lastUs - b.lastUs)
    onTrial.forEach((newcomer, index) => {
      const least = staying[index]
      if (least === undefined || newcomer.frequency <= MARGIN_FACTOR * least.frequency + MARGIN_COUNT) return
      newcomer.isOnTrial = false
      least.isOnTrial = true
    })
  }

  #standingOf(key: Key): Standing {
    const known = this.#standings.get(key)
    if (known !== undefined) return known
    const standing = { seen: 0, lastUs: 0, frequency: 0, isOnTrial: true }
    this.#standings.set(key, standing)
    return standing
  }
}
