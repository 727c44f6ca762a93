/** The limits of contracts, with unit and reason, as limits.ts has the others. */
/** Fields of one contract. */
export { CONTRACT_FIELDS_MAX } from '../generated/boundary.js'
/** Code points of a field's name and of a unit: a key of JSON, a column of a table. */
export const FIELD_NAME_CHARACTERS_MAX = 256
/** Objects around a field, and the field itself; and the code points of where it is. */
export const FIELD_DEPTH_MAX = 8
export const FIELD_PATH_CHARACTERS_MAX = 1024
/** Code points of a description of a contract or field. */
export const DESCRIPTION_CHARACTERS_MAX = 4096
/** People or teams that answer for a contract. */
export const CONTACTS_MAX = 64
/** Accepted values of one field: countries and currencies fit, keys of a table do not belong here. */
export const ACCEPTED_VALUES_MAX = 4096
/** Code points of one accepted or imputed text. */
export const VALUE_CHARACTERS_MAX = 1024
/** Code points of a pattern, and instructions of its compiled program: RE2 multiplies out what is repeated. */
export const PATTERN_CHARACTERS_MAX = 1024
export const PATTERN_INSTRUCTIONS_MAX = 16_384
/** Elements of one row's value of one field. */
export const FIELD_ELEMENTS_MAX = 2 ** 24
/** Problems of one document, or of one request's rows, that are listed; the rest are counted. */
export const CONTRACT_PROBLEMS_MAX = 1000
/** Bytes of the JSON text of a contract, which its record holds once for each version. */
export const CONTRACT_BYTES_MAX = 512 * 1024
/** Problems that a refusal of rows lists for its caller: who sends a table with a wrong column knows by then. */
export const REFUSAL_PROBLEMS_MAX = 100
/** Milliseconds that the example of a contract may take through its pipeline at a deploy: a first run may be slow. */
export const EXAMPLE_LIMIT_MS = 30_000
/** Bytes that a byte of a JSON body may become while its rows are checked: six of them are the smallest number of a row. */
export const CHECKED_BYTES_PER_BODY_BYTE = 4
/** Fields of a contract that the log has a column of: whom rows are about, and when it happened. */
export const LOGGED_FIELDS_MAX = 8
/** Characters of what the log has of a request's members that are no field: a key's text has no more. */
export const LOG_EXTRA_CHARACTERS_MAX = 1024
/** Values of a table that are checked before others are answered: some milliseconds. */
export const CHECKED_VALUES_PER_TURN = 4096
/** Pairs of a column and a field that are compared to propose what was meant: half a second of it. */
export const SUGGESTIONS_COMPARED_MAX = 100_000
/** Bytes of an element of a table while its rows are checked: a value of JavaScript in a list, and the element of its column. */
export const CHECKED_BYTES_PER_ELEMENT = 24
