/** Limits of texts and of what makes tokens of them. */

/** Bytes of a tokenizer.json: the largest vocabularies in use, a quarter of a million pieces, take 17 MiB. */
export const TOKENIZER_BYTES_MAX = 64 * 2 ** 20
/** UTF-8 bytes of one text: pages of prose, and less than a second of the slowest algorithm on its worst text. */
export const TOKENISE_TEXT_BYTES_MAX = 65_536
/** UTF-8 bytes of all texts of a request. */
export const TOKENISE_BYTES_MAX = 4 * 2 ** 20
/** `maxLength`: tokens of a row. Encoders in use take 512 to 8192. */
export const TOKENS_MAX = 32_768
/** Tokens of a row where neither the step nor the tokenizer says how many. BERT's and most of its kin's. */
export const TOKENS_DEFAULT = 512
/** Tokens of a request, padding included: 24 MiB of ids, mask and types. */
export const REQUEST_TOKENS_MAX = 2 ** 20
/** Rows are padded to multiples of it, so that requests of about the same length share batches. */
export const TOKENS_MULTIPLE = 16
/** UTF-8 bytes of texts that wait for the thread of one tokenizer; more are refused with ERR_QUEUE_FULL. */
export const TOKENIZER_PENDING_BYTES_MAX = 64 * 2 ** 20
/** Requests go to the thread together until they have so many bytes: below a millisecond of it, mostly. */
export const TOKENIZER_MESSAGE_BYTES = 4096
/** Milliseconds that the thread may take for one message, and to start, before it is ended. */
export const TOKENIZER_MS_MAX = 30_000
/** MiB of the thread's heap: ten times what the largest vocabularies in use take. */
export const TOKENIZER_HEAP_MIB_MAX = 2048
