/**
 * Coprocessor 6 registers as offsets of a register window.
 *
 * `MRC/MCR p6, 0, Rt, CRn, CRm, 0` names a register by CRn and a page by CRm, 16 of
 * each; register maps want offsets. Both units on coprocessor 6 use this order.
 * - Registers are one word; a page holds 16 of them.
 */

/** Where register `register` (CRn) of page `page` (CRm) stands in the window. */
export const cp6Offset = (page: number, register: number): number => page * 64 + register * 4;
