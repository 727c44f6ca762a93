/**
 * Every call of GRPCInferenceService but the two that infer: names and objects are those of the HTTP dialect, so that most
 * handlers are one line. They are decoded and encoded by protobufjs; nobody sends them by the thousand.
 */
import { PenstockError, isPenstockError } from '../../../../base/errors.js'
import { notSupported } from '../failures.js'
import { expectNoOverrides } from '../http/routes.js'
import { notAllowed } from '../shared-memory.js'
import type { V2Service } from '../service.js'

/** As protobufjs decodes them: 64-bit integers as numbers. */
interface Named {
  readonly name: string
  readonly version: string
}
interface RepositoryRequest {
  readonly repository_name: string
  readonly model_name: string
  readonly parameters: Readonly<Record<string, unknown>>
}
interface RegisterRequest {
  readonly name: string
  readonly key: string
  readonly offset: number
  readonly byte_size: number
}

/** The response, or a promise of it; exceptions become statuses. */
export type ModelCall = (request: never) => unknown

export function modelCalls(service: V2Service): Readonly<Record<string, ModelCall>> {
  const { models, memory } = service
  return {
    ServerLive: () => ({ live: true }),
    ServerReady: () => ({ ready: service.isReady }),
    ModelReady: ({ name, version }: Named) => ({ ready: service.isReady && isModelReady(service, name, version) }),
    ServerMetadata: () => service.serverMetadata(),
    ModelMetadata: ({ name, version }: Named) => service.modelMetadata(name, version),
    ModelConfig: async ({ name, version }: Named) => ({ config: await service.modelConfig(name, version) }),
    ModelStatistics: ({ name, version }: Named) => ({ model_stats: service.statistics(name, version) }),
    RepositoryIndex: ({ repository_name: repository, ready }: RepositoryRequest & { readonly ready: boolean }) => {
      expectNoRepository(repository)
      return { models: service.index(ready) }
    },
    RepositoryModelLoad: async ({ repository_name: repository, model_name: model, parameters }: RepositoryRequest) => {
      expectNoRepository(repository)
      expectNoOverrides(Object.keys(parameters))
      await models.load(model)
      return {}
    },
    RepositoryModelUnload: async ({ repository_name: repository, model_name: model }: RepositoryRequest) => {
      expectNoRepository(repository)
      await models.unload(model)
      return {}
    },
    SystemSharedMemoryStatus: ({ name }: Named) => ({
      regions: Object.fromEntries(
        memory.status(name).map(({ byteSize, ...region }) => [region.name, { ...region, byte_size: byteSize }]),
      ),
    }),
    SystemSharedMemoryRegister: ({ name, key, offset, byte_size: byteSize }: RegisterRequest) => {
      if (!memory.isAllowed) throw notAllowed()
      memory.register({ name, key, offset, byteSize })
      return {}
    },
    SystemSharedMemoryUnregister: ({ name }: Named) => {
      memory.unregister(name)
      return {}
    },
    CudaSharedMemoryStatus: () => ({ regions: {} }),
    CudaSharedMemoryRegister: () => {
      throw notSupported('CUDA shared memory is not supported on this server')
    },
    CudaSharedMemoryUnregister: () => ({}),
  }
}

function isModelReady({ models }: V2Service, name: string, version: string): boolean {
  try {
    return models.isReady(models.find(name, version))
  } catch (error) {
    if (isPenstockError(error)) return false
    throw error
  }
}

function expectNoRepository(name: string): void {
  if (name !== '') throw new PenstockError('ERR_UNSUPPORTED', "'repository_name' specification is not supported")
}
