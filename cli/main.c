/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

int main(int argc, char **argv) {
  return si_cli_main(&si_commands, argc, argv);
}
