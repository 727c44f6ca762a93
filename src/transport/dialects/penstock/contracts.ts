/** Contracts over HTTP: documents and their versions. */
import { CONTRACT_BYTES_MAX } from '../../../base/limits/contract-limits.js'
import { parseContract } from '../../../contract/parse.js'
import { readJson } from '../../../formats/json/json-reader.js'
import { writeAnswer } from '../../../protocol/answers/mapping.js'
import { READ, WRITE } from '../../access/scopes.js'
import { expectJsonBody } from '../../http/media-types.js'
import { jsonReply, noContent } from '../../http/replies.js'
import { parameter, versionParameter, type Route } from '../../http/route.js'

const answers = (description: string, schema: string): Route['document']['responses'] => ({
  200: { description, content: { 'application/json': schema } },
})

export const contractRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/contracts',
    access: READ,
    document: { summary: 'All contracts', responses: answers('The contracts', 'ContractRecords') },
    handle: ({ context }) => jsonReply(writeAnswer('ContractRecords', { contracts: context.engine.contracts.list() })),
  },
  {
    method: 'GET',
    path: '/v1/contracts/{contract}',
    access: READ,
    document: { summary: 'One contract with its versions', responses: answers('The contract', 'ContractRecord') },
    handle: (call) => jsonReply(writeAnswer('ContractRecord', call.context.engine.contracts.get(parameter(call, 0)))),
  },
  {
    method: 'PUT',
    path: '/v1/contracts/{contract}',
    access: WRITE,
    // White space and escapes of the document as it is written, beside what is stored of it.
    bodyBytesMax: 4 * CONTRACT_BYTES_MAX,
    document: {
      summary: 'Stores a contract as the next version; one equal to the newest returns that version',
      request: { 'application/json': 'ContractBody' },
      responses: { 201: { description: 'The version', content: { 'application/json': 'NamedContractVersion' } } },
    },
    handle: async (call) => {
      expectJsonBody(call.httpRequest.header('content-type'))
      const name = parameter(call, 0)
      const version = await call.context.engine.contracts.put(parseContract(readJson(call.body), name))
      return jsonReply(writeAnswer('NamedContractVersion', version, { name }), 201)
    },
  },
  {
    method: 'DELETE',
    path: '/v1/contracts/{contract}',
    access: WRITE,
    document: {
      summary: 'Removes a contract that no deployed pipeline names',
      responses: { 204: { description: 'Removed' } },
    },
    handle: async (call) => {
      await call.context.engine.contracts.remove(parameter(call, 0))
      return noContent
    },
  },
  {
    method: 'GET',
    path: '/v1/contracts/{contract}/versions/{version}',
    access: READ,
    document: { summary: 'One version of a contract', responses: answers('The version', 'NamedContractVersion') },
    handle: (call) => {
      const [name, version] = [parameter(call, 0), versionParameter(call, 1)]
      return jsonReply(
        writeAnswer('NamedContractVersion', call.context.engine.contracts.getVersion(name, version), { name }),
      )
    },
  },
  {
    method: 'DELETE',
    path: '/v1/contracts/{contract}/versions/{version}',
    access: WRITE,
    document: {
      summary: 'Removes a version that no deployed pipeline names; the last one takes the contract with it',
      responses: { 204: { description: 'Removed' } },
    },
    handle: async (call) => {
      await call.context.engine.contracts.removeVersion(parameter(call, 0), versionParameter(call, 1))
      return noContent
    },
  },
]
