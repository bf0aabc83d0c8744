import { afterEach, describe, expect, it, vi } from 'vitest'
import { calmed } from './live'

describe('calmed', () => {
  afterEach(() => void vi.useRealTimers())
  it('runs at once, then at most once a pause, and never loses the last call', () => {
    vi.useFakeTimers()
    const run = vi.fn()
    const call = calmed(run, 100)
    call()
    expect(run).toHaveBeenCalledTimes(1)
    for (let i = 0; i < 50; i++) call()
    expect(run).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(100)
    expect(run).toHaveBeenCalledTimes(2)
    vi.advanceTimersByTime(1000)
    expect(run).toHaveBeenCalledTimes(2)
  })
})
