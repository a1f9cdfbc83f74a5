/**
 * Methods with one version per instruction set, as a program writes them.
 *
 * `isaVersions({ x86: …, armv5te: … })` stands for the one of its functions that is for the ISA which the
 * program is compiled for; phase two puts it in the call's place and leaves the others out of the image
 * (paper, section 2.4). It is no function that could be called, so there is nothing to import but the type:
 * `import type {} from "…/kernel/abi/isa_versions.ts";` makes the name known to TypeScript.
 * - It initialises a constant or a property of an object that does: `const wait = isaVersions({ … })`.
 * - Its one argument is an object literal; each value is a function expression, written there.
 * - A program without a version for an ISA cannot be loaded by kernels on that ISA.
 */

/** What a version may be for: one instruction set, or all that are called x86. */
export type VersionName = "x86" | "x86-core2" | "x86-k8" | "armv5te";

declare global {
  /** The version for the present ISA; `x86-core2` and `x86-k8` go before `x86`. */
  function isaVersions<F extends (...values: never[]) => unknown>(
    versions: Readonly<Partial<Record<VersionName, F>>>,
  ): F;
}
