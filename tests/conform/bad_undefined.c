/* SPDX-License-Identifier: Apache-2.0 */
/* A name that nobody has. */
extern int si_name_that_nobody_has;
extern int *bad_undefined;
int *bad_undefined = &si_name_that_nobody_has;
