/** Limits of connections that are encrypted. */

/** Milliseconds between looks at the files of a certificate: two looks at most after a renewal, connections get the new one. */
export const CERTIFICATE_LOOK_MS = 1_000
/** Milliseconds that a handshake may take; a caller that is slower holds a descriptor and nothing else. */
export const TLS_HANDSHAKE_MS = 10_000
/** Days before its end from which the log says each day that a certificate ends. */
export const CERTIFICATE_WARNING_DAYS = 14
