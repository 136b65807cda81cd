/* SPDX-License-Identifier: Apache-2.0 */
/* A second exported name. */
#ifndef EXPORT
#define EXPORT si_another_name
#endif
__attribute__((visibility("default"))) extern const int EXPORT;
const int EXPORT = 1;
