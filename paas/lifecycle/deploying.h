/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/lifecycle/deploying.h - the work of an operation of kind deploy: another release onto the
 * project's targets, one after the other, and the former one back where that fails. Private to
 * paas/lifecycle. Depends on paas/state/deployment.h.
 */
#ifndef SI_PAAS_LIFECYCLE_DEPLOYING_H
#define SI_PAAS_LIFECYCLE_DEPLOYING_H

#include "paas/lifecycle/run.h"
#include "paas/state/deployment.h"

struct si_deploying {
  const char *release; /* the number of the one that is deployed */
  const char *images;  /* its images, as they were seen to serve; NULL: new */
  const char *config;  /* the provisioner's for the release, JSON; NULL: the project's */
  bool keep_failed;    /* where it fails, nothing is put back */
  bool go_on;          /* to the next target, though one failed */
  bool all_back;       /* where one fails, those that serve the release already go back as well */
};

/* Deploys run->project->stack to each target of the operation; rows of `deployments` tell the truth
 * about each. Ends with the first failure, unless it goes on: targets behind it are left as they
 * are; those before it too, unless all go back. *error is that of the first that failed. */
si_rc si_deploying_work(struct si_run *run, struct si_error *error) SI_MUST_USE;

#endif
