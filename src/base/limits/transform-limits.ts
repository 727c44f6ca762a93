/** Limits of transform programs: of their definitions, which are untrusted, and of what is fitted. */

/** Operations of one definition. */
export const TRANSFORM_OPS_MAX = 256
/** Columns that one operation names, and that a program has at a time: as many as a wide table has. */
export const TRANSFORM_COLUMNS_MAX = 4096
/** Categories, labels or edges of one column. Beyond it a hash serves better. */
export const TRANSFORM_CATEGORIES_MAX = 65_536
/** Characters of a column's name, a category or a label. */
export const TRANSFORM_TEXT_CHARACTERS_MAX = 1024
/** Values of one column that are kept to find a median or quantiles: 512 MiB of them. */
export const TRANSFORM_FIT_VALUES_MAX = 2 ** 26
