/* SPDX-License-Identifier: Apache-2.0 */
/* An address within the code: the dynamic linker must change the code to set it. */
__asm__(
    ".text\n .quad bad_textrel\n .data\n.globl bad_textrel\n.hidden bad_textrel\n bad_textrel: "
    ".quad 1\n .text\n");
