/**
 * The figures that `bench` knows, in the order of the paper: one file each, one line here.
 *
 * A figure is named as on the command line, `fig9`; `bench all` runs them in this order.
 */

import { fig5 } from "./fig5.ts";
import { fig9 } from "./fig9.ts";
import type { Figure } from "./figure.ts";

export const figures: readonly Figure[] = [fig5, fig9];
