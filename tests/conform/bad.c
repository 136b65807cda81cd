/* SPDX-License-Identifier: Apache-2.0 */
/* The rule that a plugin breaks; none. variants.py writes the id of a check over it, in a copy of
 * the linked reference: so that two hundred variants cost no compiler. */
extern const char bad_rule[64];
const char bad_rule[64] = "\0@the rule that this variant breaks@";
