/** Tokenizers over HTTP: tokenizer.json files and their versions. */
import { PenstockError } from '../../../../base/errors.js'
import { TOKENIZER_BYTES_MAX } from '../../../../base/limits/text-limits.js'
import { writeAnswer } from '../../../../protocol/answers/mapping.js'
import { READ, WRITE } from '../../../access/scopes.js'
import { jsonReply, noContent } from '../../../http/replies.js'
import { parameter, versionParameter, type Route } from '../../../http/route.js'

const answers = (description: string, schema: string): Route['document']['responses'] => ({
  200: { description, content: { 'application/json': schema } },
})

export const tokenizerRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/tokenizers',
    access: READ,
    document: { summary: 'All tokenizers', responses: answers('The tokenizers', 'TokenizerRecords') },
    handle: ({ context }) =>
      jsonReply(writeAnswer('TokenizerRecords', { tokenizers: context.engine.tokenizers.list() })),
  },
  {
    method: 'GET',
    path: '/v1/tokenizers/{tokenizer}',
    access: READ,
    document: { summary: 'One tokenizer with its versions', responses: answers('The tokenizer', 'TokenizerRecord') },
    handle: (call) => jsonReply(writeAnswer('TokenizerRecord', call.context.engine.tokenizers.get(parameter(call, 0)))),
  },
  {
    method: 'DELETE',
    path: '/v1/tokenizers/{tokenizer}',
    access: WRITE,
    document: {
      summary: 'Removes a tokenizer that no deployed pipeline names',
      responses: { 204: { description: 'Removed' } },
    },
    handle: async (call) => {
      await call.context.engine.tokenizers.remove(parameter(call, 0))
      return noContent
    },
  },
  {
    method: 'PUT',
    path: '/v1/tokenizers/{tokenizer}/versions',
    access: WRITE,
    bodyBytesMax: TOKENIZER_BYTES_MAX,
    isUpload: true,
    document: {
      summary:
        'Uploads a tokenizer.json as the next version; the bytes of the newest version again return that version',
      request: { 'application/json': null, 'application/octet-stream': null },
      responses: { 201: { description: 'The version', content: { 'application/json': 'NamedTokenizerVersion' } } },
    },
    handle: async (call) => {
      if (call.body.length === 0) {
        const text =
          'Expected the bytes of a tokenizer.json but received an empty body. With curl: --data-binary @tokenizer.json'
        throw new PenstockError('ERR_BODY', text)
      }
      const name = parameter(call, 0)
      const version = await call.context.engine.tokenizers.add(name, call.body)
      return jsonReply(writeAnswer('NamedTokenizerVersion', version, { name }), 201)
    },
  },
  {
    method: 'GET',
    path: '/v1/tokenizers/{tokenizer}/versions/{version}',
    access: READ,
    document: { summary: 'One version of a tokenizer', responses: answers('The version', 'NamedTokenizerVersion') },
    handle: (call) => {
      const [name, version] = [parameter(call, 0), versionParameter(call, 1)]
      return jsonReply(
        writeAnswer('NamedTokenizerVersion', call.context.engine.tokenizers.getVersion(name, version), { name }),
      )
    },
  },
  {
    method: 'DELETE',
    path: '/v1/tokenizers/{tokenizer}/versions/{version}',
    access: WRITE,
    document: {
      summary: 'Removes a version that no deployed pipeline names; the last one takes the tokenizer with it',
      responses: { 204: { description: 'Removed' } },
    },
    handle: async (call) => {
      await call.context.engine.tokenizers.removeVersion(parameter(call, 0), versionParameter(call, 1))
      return noContent
    },
  },
]
