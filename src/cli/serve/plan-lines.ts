/** What the greeting says of threads, memory and measured plans. */
import type { ThreadPlan } from '../../engine/calibration/thread-plan.js'
import type { Engine } from '../../engine/engine.js'
import { describeModelMemory } from './model-memory.js'

/** The engine's plan, as the server's sockets have it. @param ioThreads beside the control thread; 0: it is the one. */
function withIoThreads(plan: ThreadPlan, ioThreads: number): ThreadPlan {
  if (ioThreads === 0) return plan
  const reasons = plan.reasons.map((reason) =>
    reason.startsWith('I/O threads:') ? `I/O threads: ${ioThreads}, native, beside the control thread` : reason,
  )
  return { ...plan, ioThreads, reasons }
}

/**
 * The thread plan, what callers may make it hold, and how many models run by a measured plan.
 * @param format of plans, handed over because the engine's room is loaded late.
 */
export function describePlan(engine: Engine, format: (plan: ThreadPlan) => string, ioThreads: number): string {
  const threadPlan = format(withIoThreads(engine.threadPlan, ioThreads))
  const budget =
    'memory budget'.padEnd(22) + `${Math.round(engine.budget.limitBytes / 2 ** 20)} MiB for requests and answers`
  const memory = describeModelMemory(engine.metrics().residency)
  const states = engine
    .listPipelines()
    .flatMap(({ name }) => engine.pipelineStatus(name).models)
    .map((model) => [`${model.name}@${model.version}`, model.runPlanState] as const)
  const models = [...new Map(states).values()]
  if (models.length === 0) return `${threadPlan}\n${budget}\n${memory}`
  const counts = (['calibrated', 'pending', 'default'] as const)
    .map((state) => ({ state, count: models.filter((other) => other === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${count} ${state}`)
  return `${threadPlan}\n${budget}\n${memory}\n${'models'.padEnd(22)}${counts.join(', ')}; each: penstock pipeline status <pipeline>`
}
