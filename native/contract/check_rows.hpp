// The rules that look at values, over columns, whoever filled them: bounds, accepted values, lengths, uniqueness. What
// makes a value unreadable as its dtype is found by the readers, before.
#pragma once
#include "contract/row_table.hpp"
#include "contract/sip_hash.hpp"

namespace penstock::contract {
// Checks all columns of the table, mends what is to be mended, and leaves dropped rows out unless the request is
// rejected anyway. Per value the first rule that is broken counts; a value that is the field's impute value breaks none
// where values are imputed. Of equal values of a unique field the earliest stays. False: no memory.
// @param key of the hash table in which unique values are found; callers do not know it.
bool check_rows(RowTable& table, const SipKey& key);
}  // namespace penstock::contract
