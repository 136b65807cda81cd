/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk/conform/state.h - `si.state/1`: documents as files, <check's directory>/state/PROJECT/NAME.
 */
#ifndef SI_CONFORM_STATE_H
#define SI_CONFORM_STATE_H

#include <si/service.h>

extern const si_state_vt state_service;

#endif
