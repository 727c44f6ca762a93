import { describe, expect, it } from 'vitest'
import { DESCRIPTORS_MIN } from './limits.js'
import { parseLimits, processLimits, shortageOf } from './process-limits.js'

const text = `Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max open files            64                   4096                 files     
Max address space         unlimited            unlimited            bytes     
`

describe('process limits', () => {
  it('parseLimits: reads the soft limits, and takes an unknown one for none', () => {
    expect(parseLimits(text)).toEqual({ descriptors: 64, addressSpaceBytes: Infinity })
    expect(parseLimits('')).toEqual({ descriptors: Infinity, addressSpaceBytes: Infinity })
  })

  it.runIf(process.platform === 'linux')('processLimits: knows those of this process', () => {
    expect(processLimits().descriptors).toBeGreaterThan(0)
  })

  it('shortageOf: says limit, need and way out in one line, and nothing when there is enough', () => {
    const enough = { descriptors: DESCRIPTORS_MIN, addressSpaceBytes: Infinity }
    expect(shortageOf(enough)).toBeNull()
    const few = shortageOf({ ...enough, descriptors: 64 })
    expect(few).toMatch(/at least 256 open files but the limit is 64.*ulimit -n 65536.*LimitNOFILE=/)
    const narrow = shortageOf({ ...enough, addressSpaceBytes: 1_000_000_000 })
    expect(narrow).toMatch(/at least 8 GiB of address space but the limit is 0\.9 GiB.*ulimit -v unlimited/)
    expect(`${few}${narrow}`).not.toContain('\n')
  })
})
