/** The options of a request that this dialect takes from headers, for forms whose body has no place for them. */
import { argumentError, expectOneOf } from '../../../base/expect.js'
import { DEADLINE_MS_MAX } from '../../../base/limits/limits.js'
import type { RequestOptions } from '../../../engine/api/api.js'
import { metaHeaders, withHeaderMeta, type DescribedHeader } from '../../header-options.js'
import type { ReadHeader } from '../../request-headers.js'

/** The headers that `withHeaderOptions` reads. */
export const optionHeaders: readonly DescribedHeader[] = [
  { name: 'penstock-deadline-ms', description: `Budget from the arrival, an integer in 1..${DEADLINE_MS_MAX}` },
  { name: 'penstock-priority', description: 'interactive or background' },
  { name: 'penstock-timing', description: '1: the answer reports where its time went' },
  ...metaHeaders,
]

/** What the body says of deadline, priority and keys of the meta wins. @throws PenstockError ERR_ARGUMENT. */
export function withHeaderOptions<Options extends RequestOptions>(options: Options, header: ReadHeader): Options {
  const deadline = header('penstock-deadline-ms')
  const priority = header('penstock-priority')
  const timing = header('penstock-timing')
  if (deadline === '' && priority === '' && timing === '') return withHeaderMeta(options, header)
  const deadlineMs = deadline === '' ? undefined : expectDeadline(deadline)
  const chosen = priority === '' ? undefined : expectOneOf('penstock-priority', priority, ['interactive', 'background'])
  const hasTiming = timing === '' ? options.timing : expectOneOf('penstock-timing', timing, ['0', '1']) === '1'
  const given = {
    ...options,
    deadlineMs: options.deadlineMs ?? deadlineMs,
    priority: options.priority ?? chosen,
    timing: hasTiming,
  }
  return withHeaderMeta(given, header)
}

function expectDeadline(text: string): number {
  const value = Number(text)
  if (/^\d{1,7}$/.test(text) && value >= 1 && value <= DEADLINE_MS_MAX) return value
  throw argumentError('penstock-deadline-ms', `an integer in 1..${DEADLINE_MS_MAX}`, text)
}
