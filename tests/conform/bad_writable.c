/* SPDX-License-Identifier: Apache-2.0 */
/* A section that can be both written and executed. */
__asm__(
    ".section .both,\"awx\",@progbits\n.globl bad_both\n.hidden bad_both\nbad_both: .quad "
    "1\n.text\n");
